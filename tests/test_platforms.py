"""Two satellites on one track that differ by decibels and by pixels (METHOD 1, 2): no site comes of it, none is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.domain import Sensor
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.register import Shift, shift_bands
from sat_monitor.imagery.source import Offer
from tests.night_world import AOI_ID, Place, build, copied, relist

pytestmark = pytest.mark.slow

#: What the other platform has on top (dB; VV, VH) and where it lies (pixels; down, right).
OFFSET_DB = {"VV": 0.6, "VH": -0.5}
MOVES = [(0.3, -0.3), (1.2, 0.9)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return build(tmp_path_factory.mktemp("alone") / "home")


@pytest.fixture(scope="module")
def known(alone: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = copied(alone, tmp_path_factory.mktemp("known") / "home")
    place.night()
    return place


def give_to_another_platform(place: Place, move: tuple[float, float]) -> int:
    """Every second SAR scene becomes one of Sentinel-1D, brighter and displaced; returns how many."""
    inbox = Archive(place.home.inbox)
    scenes = inbox.scenes(AOI_ID, Sensor.S1)
    tracks = sorted({s.track.id for s in scenes if s.track})
    chosen = [s for t in tracks for s in [s for s in scenes if s.track and s.track.id == t][1::2]]
    for scene in chosen:
        bands = inbox.read(scene, ("VV", "VH"), scene.grid)
        moved = shift_bands(bands, Shift(-move[0], -move[1], 0.0, True))
        brighter = {b: v * np.float32(10.0 ** (OFFSET_DB[b] / 10.0)) for b, v in moved.items()}
        shutil.rmtree(place.home.inbox / AOI_ID / "scenes" / scene.id)
        offer = Offer(
            scene.id, AOI_ID, scene.sensor, "sentinel-1d", scene.acquired_at, scene.track, scene.source_id, "",
            simulated=True,
        )  # fmt: skip
        inbox.put_scene(offer, Raster(scene.grid, brighter))
    relist(place)
    return len(chosen)


@pytest.mark.parametrize("move", MOVES)
def test_a_second_platform_makes_no_site_and_hides_none(
    alone: Place, known: Place, tmp_path: Path, move: tuple[float, float]
) -> None:
    place = copied(alone, tmp_path / "home")
    assert give_to_another_platform(place, move) > 20
    [report] = place.night().aois
    before = [s for s in known.sites() if s.first_confirmed_at is not None]
    after = [s for s in place.sites() if s.merged_into is None]
    for site in after:
        assert any(site.outline.intersects(other.outline) for other in before), f"{site.id} is new"
    # The season ends with the look that confirms the fill: it may take one more.
    [fill] = place.world.fills
    assert any(site.outline.intersects(fill.outline) for site in after)
    refused = [problem for problem in report.problems if "E1210" in problem]
    assert len(refused) <= 4, "two a track, until the platform is known"
