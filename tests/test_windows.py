"""Reference windows of METHOD 5: old enough, same season, and frozen with the pixel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.change_detect.windows import (
    NEVER,
    day_number,
    day_numbers,
    optical_history,
    same_season,
    sar_history,
)
from sat_monitor.core.domain import Scene, Sensor
from sat_monitor.core.profile import ReferenceSettings
from tests.ticket_world import scene

TESTED = scene("2026-07-01", Sensor.S1)
LAGS = st.lists(st.integers(1, 1600), max_size=60, unique=True)
DAY = day_number(TESTED.acquired_at)


def before(lag: int) -> Scene:
    return scene((TESTED.acquired_at - timedelta(days=lag)).date().isoformat(), Sensor.S1)


def lags_of(looks: list[Scene]) -> set[int]:
    return {(TESTED.acquired_at - s.acquired_at).days for s in looks}


def chosen(lags: list[int], frozen: int = int(NEVER), settings: ReferenceSettings | None = None) -> set[int]:
    looks = [before(lag) for lag in sorted(lags, reverse=True)]
    return lags_of(sar_history(TESTED, looks, frozen, settings or ReferenceSettings()))


@given(LAGS)
def test_references_are_90_to_455_days_old_or_of_the_same_season_of_three_years(lags: list[int]) -> None:
    def belongs(lag: int) -> bool:
        return 90 <= lag <= 455 or any(abs(lag - year * 365.25) <= 30 for year in (1, 2, 3))

    young = {lag for lag in lags if 60 <= lag < 90}
    assert chosen(lags) - young == {lag for lag in lags if belongs(lag)}


@given(LAGS, st.integers(0, 1500))
def test_nothing_closer_than_60_days_ever_serves_whatever_is_frozen(lags: list[int], frozen_for: int) -> None:
    assert min(chosen(lags, DAY - frozen_for), default=60) >= 60


@given(LAGS, st.integers(0, 900))
def test_an_older_freeze_only_adds_older_looks(lags: list[int], frozen_for: int) -> None:
    free, held = chosen(lags), chosen(lags, DAY - frozen_for)
    assert free <= held
    assert all(lag <= frozen_for + 455 or lag in free for lag in held)
    assert {lag for lag in lags if frozen_for + 90 <= lag <= frozen_for + 455} <= held


@given(LAGS)
def test_an_optical_baseline_is_all_of_the_look_back_that_is_old_enough(lags: list[int]) -> None:
    looks = [before(lag) for lag in lags]
    assert lags_of(optical_history(TESTED, looks, 1200, 90)) == {lag for lag in lags if 90 <= lag <= 1200}


@given(LAGS)
def test_the_choice_keeps_the_order_of_the_looks(lags: list[int]) -> None:
    looks = [before(lag) for lag in lags]
    for kept in (sar_history(TESTED, looks, int(NEVER), ReferenceSettings()), optical_history(TESTED, looks, 1200, 90)):
        assert kept == [s for s in looks if s in kept]


@pytest.mark.parametrize(("years", "lag", "expected"), [
    (3, 365, True), (3, 395, True), (3, 396, False), (3, 701, True), (3, 700, False), (3, 1095, True),
    (1, 730, False), (0, 365, False), (5, 1826, True),
])  # fmt: skip
def test_the_same_season_is_30_days_about_the_anniversary(years: int, lag: int, expected: bool) -> None:
    settings = ReferenceSettings(season_years=years)
    assert same_season(np.array([DAY - lag], np.int32), DAY, settings).tolist() == [expected]


def test_days_are_counted_in_utc_from_1970_for_times_and_arrays_alike() -> None:
    late = datetime(2026, 7, 1, 23, 59, tzinfo=UTC)
    assert day_number(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert day_number(late) == day_numbers(np.array(["2026-07-01T23:59:00"], "datetime64[ns]"))[0]
    assert day_numbers(np.array(["2026-07-01"], "datetime64[ns]")).dtype == np.int32


def test_the_day_that_never_comes_is_centuries_away() -> None:
    assert DAY + 365 * 4000 < NEVER < np.iinfo(np.int32).max
