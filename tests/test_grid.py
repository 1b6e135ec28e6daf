"""The grid: known places, both sides of a mismatch named, equal by value. Its laws are in properties/."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from shapely.geometry import Point, box

from sat_monitor.core.grid import Grid, Window, reproject, transformer

GRID = Grid(32654, 380_000.0, 3_950_000.0, 10.0, 40, 60)


def test_the_central_meridian_of_zone_54_lies_at_141_degrees_east() -> None:
    assert GRID.to_lonlat(500_000.0, 3_950_000.0)[0] == pytest.approx(141.0, abs=1e-9)
    assert GRID.from_lonlat(141.0, 0.0) == pytest.approx((500_000.0, 0.0), abs=1e-6)


def test_tokyo_station_lies_where_the_survey_says() -> None:
    x, y = GRID.from_lonlat(139.7671, 35.6812)
    assert (x, y) == pytest.approx((388_435.0, 3_949_285.0), abs=60.0)


def test_longitude_comes_first_on_every_way() -> None:
    lon, lat = GRID.to_lonlat(380_000.0, 3_950_000.0)
    assert 130 < lon < 150 and 30 < lat < 40
    moved = reproject(Point(lon, lat), 4326, 32654)
    assert moved.bounds[:2] == pytest.approx((380_000.0, 3_950_000.0), abs=1e-3)


def test_a_geometry_that_is_in_the_right_projection_is_left_alone() -> None:
    outline = box(0.0, 0.0, 10.0, 10.0)
    assert reproject(outline, 32654, 32654) is outline
    assert transformer(4326, 32654) is transformer(4326, 32654)


def test_bounds_that_lie_on_pixels_gain_no_pixel_from_rounding() -> None:
    assert Grid.covering((380_000.0, 3_949_600.0, 380_600.0, 3_950_000.0), 32654, 10.0) == GRID
    wider = Grid.covering((379_999.9, 3_949_599.9, 380_600.1, 3_950_000.1), 32654, 10.0)
    assert wider.shape == (42, 62) and (wider.x0, wider.y0) == (379_990.0, 3_950_010.0)


def test_a_point_becomes_one_pixel() -> None:
    assert Grid.covering((380_003.0, 3_949_997.0, 380_003.0, 3_949_997.0), 32654, 10.0).shape == (1, 1)


@pytest.mark.parametrize("change", [{"epsg": 32653}, {"pixel_m": 20.0}, {"x0": 380_004.0}, {"y0": 3_949_996.0}])
def test_a_mismatch_names_both_grids(change: dict[str, float]) -> None:
    other = replace(GRID, **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whole pixels") as caught:
        GRID.offset(other)
    assert repr(GRID) in str(caught.value) and repr(other) in str(caught.value)


def test_a_shift_below_a_thousandth_of_a_pixel_is_rounding_not_another_grid() -> None:
    assert GRID.offset(replace(GRID, x0=GRID.x0 + 10.005)) == (0, 1)


def test_grids_that_touch_share_no_ground() -> None:
    east = replace(GRID, x0=GRID.bounds[2])
    assert not GRID.overlaps(east) and not east.overlaps(GRID)
    assert GRID.overlaps(replace(east, x0=east.x0 - 10.0))


def test_windows_cut_arrays_as_grids() -> None:
    columns = np.arange(60)[None, :].repeat(40, axis=0)
    window = Window(3, 5, 7, 9)
    part = GRID.window(window)
    assert columns[window.slices].shape == part.shape
    assert part.to_metres(0.5, 0.5)[0] == GRID.to_metres(3.5, columns[window.slices][0, 0] + 0.5)[0]


def test_a_grid_is_a_value() -> None:
    assert replace(GRID) == GRID and hash(replace(GRID)) == hash(GRID) and replace(GRID, height=41) != GRID
    with pytest.raises(FrozenInstanceError):
        GRID.x0 = 1.0  # type: ignore[misc]
