"""Slope and aspect: planes, cones, and what is not known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.domain import FloatArray
from sat_monitor.imagery.relief import slope_and_aspect


def tilted(to_east: float, to_north: float, pixel_m: float = 10.0) -> FloatArray:
    y, x = np.mgrid[0:9, 0:11]
    return np.asarray(500.0 + to_east * pixel_m * x - to_north * pixel_m * y, np.float32)


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.sampled_from([5.0, 10.0, 30.0]))
def test_a_plane_has_its_own_slope_and_runs_down_its_own_way(east: float, north: float, pixel_m: float) -> None:
    slope, aspect = slope_and_aspect(tilted(east, north, pixel_m), pixel_m)
    assert slope.shape == aspect.shape == (7, 9)
    steep = np.hypot(east, north)
    np.testing.assert_allclose(slope, np.degrees(np.arctan(steep)), atol=0.01)
    if steep > 0.01:
        down = np.degrees(np.arctan2(-east, -north)) % 360.0
        off = (aspect - down + 180.0) % 360.0 - 180.0
        np.testing.assert_allclose(off, 0.0, atol=0.5)
        assert (aspect >= 0).all() and (aspect < 360).all()


@pytest.mark.parametrize(("rise", "aspect"), [((0, 1), 180), ((0, -1), 0), ((1, 0), 270), ((-1, 0), 90)])
def test_ground_that_rises_to_the_north_faces_south(rise: tuple[float, float], aspect: float) -> None:
    slope, faced = slope_and_aspect(tilted(*rise), 10.0)
    np.testing.assert_allclose(slope, 45.0, atol=1e-3)
    np.testing.assert_allclose(faced, aspect, atol=1e-3)


def test_level_ground_faces_nowhere() -> None:
    slope, aspect = slope_and_aspect(tilted(0.0, 0.0), 10.0)
    assert (slope == 0).all() and np.isnan(aspect).all()


def test_what_is_not_known_makes_its_neighbours_unknown_and_no_others() -> None:
    height = tilted(0.2, 0.1)
    height[4, 5] = np.nan
    slope, aspect = slope_and_aspect(height, 10.0)
    missing = np.isnan(slope)
    assert missing[2:5, 3:6].all() and missing.sum() == 9
    np.testing.assert_array_equal(missing, np.isnan(aspect))
