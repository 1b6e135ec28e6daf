"""METHOD 1: shifting one scene by 0.3, 1 or 2 pixels makes no new site."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sat_monitor.core.domain import INSTRUMENTS, Sensor
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.folder import FolderSource
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.register import Shift, shift_bands
from tests.night_world import AOI_ID, FROM, LAST, Place, build, copied, relist, small_aoi

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return build(tmp_path_factory.mktemp("shift") / "home")


@pytest.fixture(scope="module")
def unshifted(filled: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = copied(filled, tmp_path_factory.mktemp("unshifted") / "home")
    place.night()
    return place


def shift_one_scene(place: Place, sensor: Sensor, pixels: float) -> str:
    """Move the clearest scene of the season down and right by `pixels`; returns its id."""
    source = FolderSource(place.home.inbox)
    start = datetime(FROM.year, FROM.month, FROM.day, tzinfo=UTC)
    offers = source.listing(small_aoi(), start, start + timedelta(days=(LAST - FROM).days)).offers
    archived = {s.id: s for s in Archive(place.home.inbox).scenes(AOI_ID)}
    chosen = min((o for o in offers if o.sensor is sensor), key=lambda o: (archived[o.id].cloud_fraction or 0.0, o.id))
    raster = source.fetch(chosen, small_aoi())
    side = pixels / 2**0.5
    moved = shift_bands(raster.bands, Shift(-side, -side, 0.0, True))
    shutil.rmtree(place.home.inbox / AOI_ID / "scenes" / chosen.id)
    Archive(place.home.inbox).put_scene(chosen, Raster(raster.grid, moved))
    relist(place)
    return chosen.id


@pytest.mark.parametrize("pixels", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("sensor", INSTRUMENTS)
def test_one_shifted_scene_makes_no_new_site(
    filled: Place, unshifted: Place, tmp_path: Path, sensor: Sensor, pixels: float
) -> None:
    place = copied(filled, tmp_path / "home")
    shifted = shift_one_scene(place, sensor, pixels)
    [report] = place.night().aois
    known = [site for site in unshifted.sites() if site.first_confirmed_at is not None]
    for site in place.sites():
        if site.first_confirmed_at is not None and site.merged_into is None:
            assert any(site.outline.intersects(other.outline) for other in known), f"{site.id} is new"
    refused = any("E1210" in problem and shifted in problem for problem in report.problems)
    assert refused == (pixels > 0.5)
