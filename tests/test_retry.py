"""When to ask again: never before the told time, within the budget, and by the meaning of each status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.imagery.retry import Budget, Verdict, clock_error_s, told_wait_s, verdict_of, wait_s

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.GOOD), (206, Verdict.GOOD), (301, Verdict.REDIRECT), (308, Verdict.REDIRECT),
        (401, Verdict.LOGIN), (402, Verdict.QUOTA), (403, Verdict.QUOTA), (429, Verdict.WAIT),
        (408, Verdict.LATER), (500, Verdict.LATER), (503, Verdict.LATER), (599, Verdict.LATER),
        (204, Verdict.NEVER), (304, Verdict.NEVER), (400, Verdict.NEVER), (404, Verdict.NEVER), (410, Verdict.NEVER),
    ],
)  # fmt: skip
def test_a_status_has_one_meaning(status: int, verdict: Verdict) -> None:
    assert verdict_of(status) is verdict


@pytest.mark.parametrize(
    ("told", "in_ms", "seconds"),
    [
        ("120", False, 120.0), ("120", True, 0.12), ("45000", True, 45.0), ("45000", False, 45_000.0),
        # So few milliseconds are seconds of a service that does not keep its own convention.
        ("30", True, 30.0), ("0", False, 0.0), ("0.5", False, 0.5),
        ("", False, None), ("-5", False, None), ("nan", False, None), ("inf", True, None), ("soon", False, None),
    ],
)  # fmt: skip
def test_a_number_is_seconds_or_milliseconds(told: str, in_ms: bool, seconds: float | None) -> None:
    assert told_wait_s({"retry-after": told}, in_ms, NOW) == seconds


@given(st.integers(-3600, 86_400), st.integers(-86_400, 86_400))
def test_a_date_counts_from_the_clock_of_the_service(wait: int, wrong: int) -> None:
    theirs = NOW + timedelta(seconds=wrong)
    headers = {
        "date": format_datetime(theirs, usegmt=True),
        "retry-after": format_datetime(theirs + timedelta(seconds=wait), usegmt=True),
    }
    assert told_wait_s(headers, True, NOW) == max(0, wait)
    assert clock_error_s(headers, NOW) == abs(wrong)


def test_a_date_without_a_date_beside_it_counts_from_here() -> None:
    told = {"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}
    assert told_wait_s(told, False, NOW) == 90.0
    assert clock_error_s(told, NOW) == 0.0


@given(st.floats(0.0, 1e5), st.floats(0.0, 1.0), st.integers(0, 30))
def test_nobody_is_asked_before_the_told_time(told: float, draw: float, attempt: int) -> None:
    wait = wait_s(Budget(), attempt, told, draw)
    assert told <= wait <= told + 5.0


@given(st.integers(0, 60), st.floats(0.0, 1.0))
def test_waits_double_up_to_the_longest(attempt: int, draw: float) -> None:
    budget = Budget(first_wait_s=1.0, longest_wait_s=300.0)
    wait = wait_s(budget, attempt, None, draw)
    assert 0.5 * min(2.0**attempt, 300.0) <= wait <= 1.5 * min(2.0**attempt, 300.0)
