"""The ledger of requests and units: counted before they leave, by account and month, and closed near the quota."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sat_monitor.core.clock import fixed_clock
from sat_monitor.store.usage import Quota, UsageMeter
from tests.imagery_world import raises_code

NOVEMBER = fixed_clock(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
DECEMBER = fixed_clock(datetime(2026, 12, 1, tzinfo=UTC))


def meter(folder: Path, clock: object = NOVEMBER, **quota: float) -> UsageMeter:
    return UsageMeter(folder / "sat_monitor.db", clock, {"hub": Quota(**quota)})  # type: ignore[arg-type]


def test_what_is_charged_is_there_for_the_next_process(tmp_path: Path) -> None:
    meter(tmp_path).charge("hub", 1.5)
    meter(tmp_path).charge("hub", 2.0)
    meter(tmp_path).refund("hub", 2.0)
    [use] = meter(tmp_path).usage()
    assert (use.account, use.month, use.requests, use.units) == ("hub", "2026-11", 2, 1.5)


@pytest.mark.parametrize("quota", [{"requests": 100}, {"units": 100.0}])
def test_near_the_quota_nothing_more_leaves_or_counts(tmp_path: Path, quota: dict[str, float]) -> None:
    one = meter(tmp_path, **quota)
    for _ in range(98):
        one.charge("hub", 1.0)
    with raises_code("E1902"):
        one.charge("hub", 1.0)
    assert one.usage()[0].requests == 98


def test_a_large_request_that_would_pass_the_quota_is_not_sent(tmp_path: Path) -> None:
    one = meter(tmp_path, units=10.0)
    one.charge("hub", 5.0)
    with raises_code("E1902"):
        one.charge("hub", 5.0)
    one.charge("hub", 4.0)


def test_accounts_and_months_are_apart(tmp_path: Path) -> None:
    one = meter(tmp_path, requests=2)
    one.charge("hub", 0.0)
    one.charge("another", 0.0)
    with raises_code("E1902"):
        one.charge("hub", 0.0)
    meter(tmp_path, DECEMBER, requests=2).charge("hub", 0.0)
    assert [(use.month, use.account) for use in one.usage()] == [
        ("2026-12", "hub"), ("2026-11", "another"), ("2026-11", "hub"),
    ]  # fmt: skip


def test_threads_do_not_lose_counts(tmp_path: Path) -> None:
    one = meter(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: one.charge("hub", 0.25), range(40)))
    [use] = one.usage()
    assert (use.requests, use.units) == (40, 10.0)
