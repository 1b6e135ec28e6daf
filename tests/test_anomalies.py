"""Moving areas in simulated stacks: found, measured, dated; an island that rises as a whole is none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion
from shapely.geometry import shape

from sat_monitor.core.deformation import Frame, Geometry, Motion
from sat_monitor.core.domain import Direction
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.alarms import direction_words, row_of, write_geojson
from sat_monitor.deformation.anomalies import describe, moving_areas
from sat_monitor.deformation.decompose import down_slope, look_vector, up_and_east
from sat_monitor.deformation.gradients import gradient_zones, velocity_gradient
from sat_monitor.deformation.invert import invert
from sat_monitor.deformation.place import footprint, pixel_area_m2
from sat_monitor.simulate.interferograms import StackConfig, StackTruth, draw_stack

SMALL = StackConfig(height=100, width=100, fills=2, dates=50, cycle_patches=3, outer_scale_m=1000.0, seed=4)


@lru_cache
def inverted(config: StackConfig) -> tuple[Motion, StackTruth]:
    stack, truth = draw_stack(config)
    return invert(stack), truth


def test_a_drawn_stack_is_the_same_again_and_its_truth_closes() -> None:
    (one, truth), (other, _) = draw_stack(SMALL), draw_stack(SMALL)

    np.testing.assert_array_equal(one.displacement_m, other.displacement_m)
    assert set(np.unique(truth.label)) == {-1, 0, 1, 2}
    assert (truth.displacement_m[-1][truth.label > 0] < -0.02).all()
    assert not truth.displacement_m[:, truth.label == 0].any()


def test_settling_fills_and_the_faster_slope_are_found_measured_and_dated() -> None:
    motion, truth = inverted(SMALL)

    areas = moving_areas(motion)

    met = {int(np.bincount(truth.label[area.mask] + 1).argmax()) - 1: area for area in areas}
    assert set(met) == {-1, 1, 2}
    for name in (1, 2):
        assert met[name].velocity_m_per_yr == pytest.approx(-0.02, abs=4 * met[name].velocity_std_m_per_yr)
        assert 3000.0 <= met[name].area_m2 <= 9000.0
    slope = met[-1].curve
    assert slope.accelerates
    assert slope.onset is not None
    assert abs((slope.onset - motion.days[SMALL.slope_from]).days) <= 72


def test_quiet_ground_has_no_moving_area_and_forest_no_measurement() -> None:
    motion, truth = inverted(replace(SMALL, fills=0, slope_rate=0.0, seed=5))

    assert moving_areas(motion) == []
    assert np.isnan(motion.velocity_m_per_yr).mean() > 0.1
    assert np.isfinite(motion.velocity_m_per_yr[truth.coherent]).mean() > 0.95


def test_a_volcano_that_rises_as_a_whole_is_no_local_motion() -> None:
    motion, _ = inverted(replace(SMALL, fills=0, slope_rate=0.0, volcano_m3_per_yr=2e6))

    assert np.ptp(motion.velocity_m_per_yr[np.isfinite(motion.velocity_m_per_yr)]) > 0.005
    assert moving_areas(motion) == []


def test_velocity_tears_at_the_edge_of_what_moves_and_nowhere_else() -> None:
    motion, truth = inverted(SMALL)

    gradient = velocity_gradient(motion)
    zones = gradient_zones(motion.frame, gradient)

    moving = truth.label != 0
    rim = binary_dilation(moving, iterations=3) & ~binary_erosion(moving, iterations=3)
    assert zones and all((zone.mask & rim).sum() >= 0.8 * zone.mask.sum() for zone in zones)
    assert {int(n) for zone in zones for n in np.unique(truth.label[binary_dilation(zone.mask, iterations=2)])} >= {
        1,
        2,
    }
    still, _ = inverted(replace(SMALL, fills=0, slope_rate=0.0, seed=5))
    assert gradient_zones(still.frame, velocity_gradient(still)) == []
    risen, _ = inverted(replace(SMALL, fills=0, slope_rate=0.0, volcano_m3_per_yr=2e6))
    assert gradient_zones(risen.frame, velocity_gradient(risen)) == []
    assert np.nanmax(gradient.size) == pytest.approx(zones[0].steepest_per_yr, rel=1e-4)


def test_outlines_are_written_in_lon_lat_with_words(tmp_path: Path) -> None:
    motion, _ = inverted(SMALL)
    areas = moving_areas(motion)

    written = json.loads(write_geojson(tmp_path / "moving.geojson", motion, areas).read_text(encoding="utf-8"))

    assert len(written["features"]) == len(areas) == 3
    assert 0.5 < written["measured_share"] < 1.0
    assert all(footprint(motion.frame).contains(shape(one["geometry"])) for one in written["features"])
    assert (
        row_of(motion, areas[0])["meaning"] == "against its surroundings away from the satellite: sinks, or moves east"
    )
    assert direction_words(replace(motion.geometry, direction=Direction.DESCENDING), 0.01).endswith("moves east")
    assert "its side" in direction_words(Geometry(0.055), 0.01)


@pytest.mark.parametrize(("kind", "since"), [("linear", None), ("step", 20), ("bend", 25), ("quadratic", None)])
def test_a_curve_is_described_by_the_model_that_made_it(kind: str, since: int | None) -> None:
    motion, _ = inverted(SMALL)
    years = motion.years
    curve = -0.02 * years + np.random.default_rng(3).normal(0.0, 0.0005, len(years))
    if kind == "step":
        curve[20:] -= 0.01
    elif kind == "bend":
        curve -= 0.05 * np.maximum(0.0, years - years[25])
    elif kind == "quadratic":
        curve -= 0.03 * years**2

    found = describe(curve, motion)

    assert found.model == kind
    assert found.accelerates is (kind in {"bend", "quadratic"})
    if since is None:
        assert found.onset is None
    else:
        assert found.onset is not None
        assert abs((found.onset - motion.days[since]).days) <= 24


def test_up_and_east_come_back_from_two_directions_of_view() -> None:
    ascending = Geometry(0.055, 39.0, -12.0, Direction.ASCENDING)
    descending = Geometry(0.055, 37.0, -168.0, Direction.DESCENDING)
    up, east = np.full((2, 3), -0.03, np.float32), np.full((2, 3), 0.01, np.float32)
    seen = []
    for geometry in (ascending, descending):
        e, _, u = look_vector(geometry)
        seen.append((np.asarray(east * e + up * u, np.float32), np.full((2, 3), 0.001, np.float32), geometry))
    assert look_vector(ascending)[0] < 0 < look_vector(descending)[0]

    ground = up_and_east(seen[0], seen[1])

    np.testing.assert_allclose(ground.up, up, atol=1e-7)
    np.testing.assert_allclose(ground.east, east, atol=1e-7)
    assert 0.0005 < ground.up_std[0, 0] < 0.001 < ground.east_std[0, 0] < 0.002
    with pytest.raises(DeformationError, match="E2205"):
        up_and_east(seen[0], (up[:1], up[:1], descending))
    with pytest.raises(DeformationError, match="E2203"):
        look_vector(Geometry(0.055))


def test_motion_down_a_slope_is_projected_only_where_it_shows() -> None:
    ascending = Geometry(0.055, 39.0, -12.0, Direction.ASCENDING)
    slope = np.array([[30.0, 30.0, 0.0]], np.float32)
    aspect = np.array([[90.0, 350.0, 90.0]], np.float32)

    found = down_slope(np.full((1, 3), -0.02, np.float32), ascending, slope, aspect)

    assert found[0, 0] > 0.02
    assert np.isnan(found[0, 2])


def test_the_pixel_of_a_geographic_frame_has_an_area() -> None:
    frame = Frame("EPSG:4326", (139.0, 0.0002, 0.0, 35.7, 0.0, -0.0002), 100, 100)

    assert pixel_area_m2(frame) == pytest.approx(18.1 * 22.2, rel=0.01)


def test_an_island_between_days_of_a_short_stack_is_told_as_straight() -> None:
    motion, _ = inverted(SMALL)
    short = replace(motion, days=tuple(date(2024, 1, 1) + timedelta(days=12 * i) for i in range(6)))

    assert describe(np.linspace(0.0, -0.01, 6), short).model == "linear"
