"""Open STAC catalogues: whatever their habits, the scene on the grid is the provider's, and the offset is taken once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.domain import Sensor
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.open_stac import EARTH_SEARCH_LIKE, FILES, PLANETARY_LIKE, SEARCH, Habits
from tests.imagery_world import GRID, aoi_on
from tests.stac_world import WIDE, OpenWorld, open_world, provider


@pytest.fixture(scope="module")
def holdings(tmp_path_factory: pytest.TempPathFactory) -> Holdings:
    return provider(tmp_path_factory.mktemp("provider"))


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Holdings:
    return provider(tmp_path_factory.mktemp("wide"), WIDE, range(0, 5, 5))


def running(holdings: Holdings, tmp_path: Path, habits: Habits) -> Iterator[OpenWorld]:
    with open_world(holdings, tmp_path / "fetch", habits) as world:
        yield world
    assert not list((tmp_path / "fetch").rglob("*")), "copies stay behind"


HABITS = {
    "earth search": EARTH_SEARCH_LIKE,
    "planetary computer": PLANETARY_LIKE,
    "no ranges": replace(EARTH_SEARCH_LIKE, ranges=False),
    "checksums": replace(PLANETARY_LIKE, checksums=True),
    "without checksums in its blocks": replace(PLANETARY_LIKE, compress="LZW"),
    "pages of one": replace(EARTH_SEARCH_LIKE, page=1),
}


@pytest.mark.parametrize("name", HABITS)
def test_a_scene_is_what_the_provider_has(holdings: Holdings, tmp_path: Path, name: str) -> None:
    for world in running(holdings, tmp_path, HABITS[name]):
        offers = world.offers()
        assert len(offers) == 2 * len(HABITS[name].collections)
        for offer in offers:
            raster = world.source().fetch(offer, aoi_on())
            truth = world.truth(offer)
            assert set(raster.bands) == set(truth)
            for band, values in truth.items():
                np.testing.assert_allclose(raster.bands[band], values, atol=1e-6)


def test_only_the_ground_that_is_watched_is_copied(wide: Holdings, tmp_path: Path) -> None:
    ground = replace(WIDE, x0=WIDE.x0 + 2000.0, y0=WIDE.y0 - 1000.0, height=60, width=50)
    for world in running(wide, tmp_path, PLANETARY_LIKE):
        [offer] = [o for o in world.offers(ground) if o.sensor is Sensor.S1]
        raster = world.source().fetch(offer, aoi_on(ground))
        truth = world.truth(offer)
        for band, values in raster.bands.items():
            np.testing.assert_array_equal(values, truth[band][100:160, 200:250])
        asked = world.stand_in.asked(FILES)
        assert len(asked) == 4 and all("range" in a.headers for a in asked)


def test_a_scene_that_is_larger_than_the_first_range_comes_whole(wide: Holdings, tmp_path: Path) -> None:
    for world in running(wide, tmp_path, EARTH_SEARCH_LIKE):
        [offer] = world.offers(WIDE)
        raster = world.source().fetch(offer, aoi_on(WIDE))
        for band, values in world.truth(offer).items():
            np.testing.assert_allclose(raster.bands[band], values, atol=1e-6)


def test_pages_are_followed_to_the_end(holdings: Holdings, tmp_path: Path) -> None:
    for world in running(holdings, tmp_path, HABITS["pages of one"]):
        assert len(world.offers()) == 2 and len(world.stand_in.asked(SEARCH)) == 2


@pytest.mark.parametrize("baseline", ["02.14", "03.01", "04.00", "05.11"])
@pytest.mark.parametrize("applied", [True, False])
def test_the_offset_is_taken_exactly_once(tmp_path: Path, baseline: str, applied: bool) -> None:
    held = provider(tmp_path / "provider", days=range(0, 5, 5), baseline=baseline)
    for world in running(held, tmp_path, replace(PLANETARY_LIKE, offset_applied=applied)):
        [offer] = [o for o in world.offers() if o.sensor is Sensor.S2]
        np.testing.assert_allclose(
            world.source().fetch(offer, aoi_on()).bands["B04"], world.truth(offer)["B04"], atol=1e-6
        )


def test_signatures_are_asked_for_once_per_collection(holdings: Holdings, tmp_path: Path) -> None:
    for world in running(holdings, tmp_path, PLANETARY_LIKE):
        source = world.source()
        for offer in world.offers():
            source.fetch(offer, aoi_on())
        assert len(world.stand_in.asked("/sas/")) == 2
        assert GRID.shape == (96, 80)
