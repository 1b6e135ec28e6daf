"""The contract that every source keeps: what it lists is in the window and in order, what it fetches is on the grid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.domain import INSTRUMENTS, Sensor
from sat_monitor.imagery.archive import Archive, check_id
from sat_monitor.imagery.folder import FolderSource
from sat_monitor.imagery.sensors import check_bands
from sat_monitor.imagery.source import Source
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.open_stac import PLANETARY_LIKE
from tests import service_world, stac_world
from tests.imagery_world import ALWAYS, GRID, aoi_on

KINDS = ("folder", "sentinel-hub", "stac")


@dataclass(frozen=True)
class Case:
    """A source and the archive of what stands behind it."""

    source: Source
    archive: Archive


@pytest.fixture(scope="module")
def holdings(tmp_path_factory: pytest.TempPathFactory) -> Holdings:
    return service_world.provider(tmp_path_factory.mktemp("provider"))


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, holdings: Holdings, tmp_path: Path) -> Iterator[Case]:
    with ExitStack() as stack:
        if request.param == "folder":
            source: Source = FolderSource(holdings.archive.root)
        elif request.param == "sentinel-hub":
            source = stack.enter_context(service_world.world(holdings, tmp_path / "fetch")).source()
        else:
            source = stack.enter_context(stac_world.open_world(holdings, tmp_path / "fetch", PLANETARY_LIKE)).source()
        yield Case(source, holdings.archive)


def test_all_is_listed_once_and_in_order(case: Case) -> None:
    listing = case.source.listing(aoi_on(), *ALWAYS)
    assert not listing.unreadable
    assert len(listing.offers) == len(case.archive.scenes("plot"))
    assert list(listing.offers) == sorted(listing.offers, key=lambda o: o.order)
    assert len({o.id for o in listing.offers}) == len(listing.offers)
    assert {o.aoi for o in listing.offers} == {"plot"}


def test_the_same_question_has_the_same_answer(case: Case) -> None:
    assert case.source.listing(aoi_on(), *ALWAYS) == case.source.listing(aoi_on(), *ALWAYS)


def test_a_window_holds_its_start_and_not_its_end(case: Case) -> None:
    offers = case.source.listing(aoi_on(), *ALWAYS).offers
    start, end = offers[1].acquired_at, offers[4].acquired_at
    inside = case.source.listing(aoi_on(), start, end).offers
    assert [o.id for o in inside] == [o.id for o in offers[1:4]]
    assert not case.source.listing(aoi_on(), ALWAYS[0], datetime(2001, 1, 1, tzinfo=ALWAYS[0].tzinfo)).offers


def test_ids_can_be_file_names_and_sar_has_a_track(case: Case) -> None:
    for offer in case.source.listing(aoi_on(), *ALWAYS).offers:
        check_id(offer.id)
        assert (offer.track is not None) is (offer.sensor is Sensor.S1)
        assert offer.acquired_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("sensor", INSTRUMENTS)
def test_what_is_fetched_is_on_the_grid_whole_and_the_same_again(case: Case, sensor: Sensor) -> None:
    [offer, *_] = [o for o in case.source.listing(aoi_on(), *ALWAYS).offers if o.sensor is sensor]
    raster = case.source.fetch(offer, aoi_on())
    assert raster.grid == GRID
    check_bands(sensor, raster.bands, offer.id)
    for values in raster.bands.values():
        assert values.shape == GRID.shape and values.dtype == np.float32 and np.isfinite(values).mean() > 0.9
    assert case.source.fetch(offer, aoi_on()).pixels_sha256 == raster.pixels_sha256


def test_an_aoi_elsewhere_has_nothing(case: Case) -> None:
    elsewhere = aoi_on(replace(GRID, x0=GRID.x0 + 50_000.0))
    assert not [o for o in case.source.listing(elsewhere, *ALWAYS).offers if o.aoi != "plot"]
    assert not case.source.listing(replace(elsewhere, id="elsewhere"), *ALWAYS).offers
