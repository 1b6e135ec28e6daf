"""Scenes and editions in any order of arrival end in the same sites and the same valid tickets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from sat_monitor.core.clock import fixed_clock
from tests.night_world import CLOCK, LAST, Place
from tests.service_nights import Season, arrivals, fetching, fresh, reissued, same, season_editions, settled


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Season:
    return Season.make(tmp_path_factory.mktemp("season") / "provider")


@pytest.fixture(scope="module")
def undisturbed(season: Season, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One night at which everything was there, editions included."""
    place = season.home(tmp_path_factory.mktemp("undisturbed") / "home")
    with fetching(season, place) as run:
        report = run([*season.products(), *(reissued(p) for p in season_editions(season))])
    assert not report.aois[0].problems and report.aois[0].superseded == 2
    return place


@pytest.fixture(scope="module")
def before(season: Season, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home that holds what came in good time before the first night."""
    place = season.home(tmp_path_factory.mktemp("before") / "home")
    with fetching(season, place) as run:
        run(settled(season))
    return place


@pytest.mark.parametrize("seed", range(10))
def test_any_order_of_arrival_ends_in_the_same_sites_and_tickets(
    season: Season, before: Place, undisturbed: Place, tmp_path: Path, seed: int
) -> None:
    order_ends_the_same(season, (before, undisturbed), tmp_path, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 300))
def test_two_hundred_orders_of_arrival(
    season: Season, before: Place, undisturbed: Place, tmp_path: Path, seed: int
) -> None:
    order_ends_the_same(season, (before, undisturbed), tmp_path, seed)


def order_ends_the_same(season: Season, ends: tuple[Place, Place], tmp_path: Path, seed: int) -> None:
    before, undisturbed = ends
    place = fresh(before, tmp_path / "home")
    with fetching(season, place) as run:
        for number, listed in enumerate(arrivals(season, seed, nights=3 if seed % 5 == 0 else 2)):
            # A month apart, for once a month a night asks for all that there is.
            [aoi] = run(listed, LAST, fixed_clock(CLOCK() + timedelta(days=31 * (number + 1)))).aois
            assert aoi.closes and aoi.expected == len(listed), aoi.problems
    assert same(place, undisturbed)
    assert verify(place.home).ok
