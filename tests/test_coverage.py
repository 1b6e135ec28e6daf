"""Where interferometry measured and why not elsewhere; rates on the ground from two directions of view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sat_monitor.core.deformation import Geometry, Motion
from sat_monitor.core.domain import Direction
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.coverage import Cover, coverage, forest_on, write_coverage
from sat_monitor.deformation.decompose import look_vector
from sat_monitor.deformation.ground import write_down_slope, write_ground_motion
from sat_monitor.deformation.invert import InvertOptions, invert
from sat_monitor.deformation.shelf import write_layer
from tests.insar_world import WAVELENGTH_M, sinking, stack_of

ASCENDING = Geometry(WAVELENGTH_M, 39.0, -10.0, Direction.ASCENDING)
DESCENDING = Geometry(WAVELENGTH_M, 39.0, -170.0, Direction.DESCENDING)


def motion(geometry: Geometry = ASCENDING, rate: float = 0.0) -> Motion:
    made = invert(stack_of(sinking((24, 24))), InvertOptions())
    return replace(made, geometry=geometry, velocity_m_per_yr=np.full((24, 24), rate, np.float32))


def ramp(to_east: float) -> np.ndarray:
    """Heights (24, 24), m, of a plane on 20 m pixels that rises by so much per metre to the east."""
    return np.broadcast_to(np.arange(24) * 20.0 * to_east, (24, 24)).astype(np.float32)


def unmeasured(geometry: Geometry = ASCENDING) -> Motion:
    return motion(geometry, float("nan"))


def test_measured_ground_is_measured_whatever_lies_there() -> None:
    found = coverage(motion(), ramp(2.0), np.ones((24, 24), bool))
    assert (found.classes == Cover.MEASURED).all() and found.shares["measured"] == 1.0


def test_a_steep_slope_that_faces_the_satellite_is_layover_and_one_that_turns_away_is_steep() -> None:
    # The ascending satellite stands in the west: a plane that rises to the east faces it.
    facing, away = (coverage(unmeasured(), ramp(rise), None).classes[12, 12] for rise in (0.9, -0.75))
    assert facing == Cover.LAYOVER_OR_SHADOW and away == Cover.STEEP
    assert coverage(unmeasured(DESCENDING), ramp(-0.9), None).classes[12, 12] == Cover.LAYOVER_OR_SHADOW


def test_forest_is_the_reason_on_gentle_ground_and_nothing_is_called_stable() -> None:
    forest = np.zeros((24, 24), bool)
    forest[:12] = True
    found = coverage(unmeasured(), ramp(0.05), forest)
    assert found.shares["forest"] == 0.5 and found.shares["decorrelated"] == 0.5
    assert not any("stable" in cover.name.lower() for cover in Cover)


def test_what_could_not_be_asked_is_said() -> None:
    assert coverage(unmeasured(Geometry(WAVELENGTH_M)), None, None).not_asked == (
        "steep",
        "layover_or_shadow",
        "forest",
    )
    assert coverage(unmeasured(Geometry(WAVELENGTH_M)), ramp(0.1), None).not_asked == ("forest", "layover_or_shadow")


def test_the_map_is_written_with_names_and_forest_is_read_onto_its_frame(tmp_path: Path) -> None:
    made = motion()
    layer = np.zeros((24, 24), np.float32)
    layer[:6] = 1.0
    write_layer(tmp_path / "forest.tif", made.frame, layer, ["forest"])
    assert forest_on(made.frame, tmp_path / "forest.tif").sum() == 6 * 24
    path = write_coverage(
        tmp_path / "coverage.tif", coverage(unmeasured(), None, forest_on(made.frame, tmp_path / "forest.tif"))
    )
    with rasterio.open(path) as source:
        assert source.tags()["CLASS_3"] == "forest" and source.tags()["NOT_ASKED"] == "steep, layover_or_shadow"
        assert (source.read(1)[:6] == Cover.FOREST).all()
    (tmp_path / "bad.tif").write_bytes(b"nothing")
    with pytest.raises(DeformationError, match="E2206"):
        forest_on(made.frame, tmp_path / "bad.tif")


def test_two_directions_of_view_give_back_up_and_east(tmp_path: Path) -> None:
    up, east = -0.03, 0.012
    seen = []
    for geometry in (ASCENDING, DESCENDING):
        e, _, u = look_vector(geometry)
        seen.append(motion(geometry, float(up * u + east * e)))
    paths = {path.stem: path for path in write_ground_motion(*seen, tmp_path)}
    for name, wanted in (("up_m_per_yr", up), ("east_m_per_yr", east)):
        with rasterio.open(paths[name]) as source:
            np.testing.assert_allclose(source.read(1), wanted, atol=1e-5)
    away = replace(seen[1].frame, transform=(900_000.0, 20.0, 0.0, 3_950_000.0, 0.0, -20.0))
    with pytest.raises(DeformationError, match="E2205"):
        write_ground_motion(seen[0], replace(seen[1], frame=away), tmp_path)


def test_motion_down_a_slope_needs_heights_and_is_positive_downhill(tmp_path: Path) -> None:
    e, _, u = look_vector(ASCENDING)
    slope = np.arctan(0.5)
    # Ground that slides to the west (downhill) by 20 mm a year.
    rate = 0.02 * (-np.cos(slope) * e - np.sin(slope) * u)
    path = write_down_slope(motion(ASCENDING, float(rate)), ramp(0.5), tmp_path / "down.tif")
    with rasterio.open(path) as source:
        assert source.read(1)[12, 12] == pytest.approx(0.02, abs=1e-4)
    with pytest.raises(DeformationError, match="E2203"):
        write_down_slope(motion(), None, tmp_path / "none.tif")
