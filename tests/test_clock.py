"""Time: UTC inside, Japan days for people, and nothing naive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.clock import fixed_clock, iso, japan_day, parse_iso, system_clock, utc

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2014, 1, 1), datetime(2040, 1, 1), timezones=ZONES)


@pytest.mark.parametrize("function", [utc, iso, japan_day, fixed_clock])
def test_a_naive_time_is_refused(function: Callable[[datetime], object]) -> None:
    with pytest.raises(ValueError, match=r"naive time 2026-03-01T00:00:00: give it a time zone"):
        function(datetime(2026, 3, 1))


@pytest.mark.parametrize("text", ["2026-03-01T00:00:00", "2026-03-01"])
def test_text_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="naive"):
        parse_iso(text)


@given(MOMENTS)
def test_a_moment_is_the_same_in_utc_and_survives_text(at: datetime) -> None:
    assert utc(at) == at and utc(at).utcoffset() == timedelta(0)
    assert parse_iso(iso(at)) == at and iso(at).endswith("Z") and iso(parse_iso(iso(at))) == iso(at)


@given(MOMENTS, MOMENTS)
def test_text_of_whole_seconds_sorts_like_time(one: datetime, two: datetime) -> None:
    one, two = one.replace(microsecond=0), two.replace(microsecond=0)
    assert (iso(one) < iso(two)) == (one < two)


@given(MOMENTS)
def test_the_day_in_japan_rolls_over_at_three_in_the_afternoon_utc(at: datetime) -> None:
    moment = utc(at)
    assert japan_day(at) == moment.date() + timedelta(days=moment.hour >= 15)


def test_the_last_second_of_a_day_in_japan() -> None:
    before = datetime(2024, 2, 28, 14, 59, 59, tzinfo=UTC)
    assert japan_day(before) == date(2024, 2, 28)
    assert japan_day(before + timedelta(seconds=1)) == date(2024, 2, 29)


def test_canonical_text_writes_microseconds_only_where_there_are_any() -> None:
    at = datetime(2025, 7, 1, 1, 2, 3, tzinfo=UTC)
    assert iso(at) == "2025-07-01T01:02:03Z" and iso(at.replace(microsecond=5)) == "2025-07-01T01:02:03.000005Z"


def test_a_fixed_clock_stands_and_the_system_clock_is_aware() -> None:
    clock = fixed_clock(datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))))
    assert clock() == clock() == datetime(2026, 1, 1, tzinfo=UTC)
    assert system_clock().tzinfo is UTC
