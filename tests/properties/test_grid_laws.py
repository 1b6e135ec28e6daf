"""Laws of the grid: pixels, metres and degrees are three names of one place; windows never move the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import xy as corner

from sat_monitor.core.grid import Grid, Window, reproject

EPSG = st.sampled_from([32654, 32653, 6677, 3857])
PIXEL = st.sampled_from([10.0, 20.0, 30.0])
SIZES = st.integers(1, 120)
STEPS = st.integers(-200, 200)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """A small grid in western Tokyo, in one of several projections."""
    epsg, pixel = draw(EPSG), draw(PIXEL)
    x, y = Grid(epsg, 0.0, 0.0, 1.0, 1, 1).from_lonlat(draw(st.floats(139.0, 139.8)), draw(st.floats(32.5, 35.9)))
    return Grid.covering((x, y, x + draw(SIZES) * pixel, y + draw(SIZES) * pixel), epsg, pixel)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """A window that may reach beyond any grid."""
    return Window(draw(STEPS), draw(STEPS), draw(SIZES), draw(SIZES))


@given(grids(), st.floats(-300, 300), st.floats(-300, 300))
def test_a_place_survives_the_way_from_pixel_to_metre_to_lonlat_and_back(grid: Grid, row: float, col: float) -> None:
    x, y = grid.to_metres(row, col)
    assert grid.to_pixel(x, y) == pytest.approx((row, col), abs=1e-6)
    assert grid.from_lonlat(*grid.to_lonlat(x, y)) == pytest.approx((x, y), abs=1e-3)
    assert corner(grid.affine, row, col, offset="ul") == pytest.approx((x, y), abs=1e-6)


@given(grids(), st.integers(0, 119), st.integers(0, 119))
def test_rows_run_south_and_columns_east(grid: Grid, row: int, col: int) -> None:
    (x, y), (further_x, further_y) = grid.to_metres(row, col), grid.to_metres(row + 1, col + 1)
    assert further_x - x == pytest.approx(grid.pixel_m) and y - further_y == pytest.approx(grid.pixel_m)


@given(grids())
def test_a_covering_grid_of_its_own_bounds_is_the_grid_itself(grid: Grid) -> None:
    assert Grid.covering(grid.bounds, grid.epsg, grid.pixel_m) == grid
    assert grid.x0 % grid.pixel_m == 0 and grid.y0 % grid.pixel_m == 0


@given(grids(), windows())
def test_a_window_has_the_offset_from_which_it_was_cut(grid: Grid, window: Window) -> None:
    part = grid.window(window)
    assert grid.offset(part) == (window.row, window.col) and part.shape == (window.height, window.width)
    assert part.offset(grid) == (-window.row, -window.col)


@given(grids(), windows(), windows())
def test_a_window_of_a_window_is_a_window(grid: Grid, outer: Window, inner: Window) -> None:
    both = Window(outer.row + inner.row, outer.col + inner.col, inner.height, inner.width)
    assert grid.window(outer).window(inner) == grid.window(both)


@given(grids(), windows())
def test_two_grids_overlap_exactly_where_they_share_a_pixel(grid: Grid, window: Window) -> None:
    part = grid.window(window)
    rows = range(max(0, window.row), min(grid.height, window.row + window.height))
    cols = range(max(0, window.col), min(grid.width, window.col + window.width))
    assert grid.overlaps(part) == part.overlaps(grid) == bool(rows and cols)
    assert not grid.overlaps(replace(part, epsg=4326))


@given(grids(), st.floats(0.05, 0.95))
def test_a_grid_between_the_pixels_of_another_has_no_offset(grid: Grid, part: float) -> None:
    between = replace(grid, x0=grid.x0 + part * grid.pixel_m)
    with pytest.raises(ValueError, match="does not lie on whole pixels"):
        grid.offset(between)


@given(grids(), st.integers(1, 150))
def test_strips_tile_a_grid_once(grid: Grid, rows: int) -> None:
    seen = np.zeros(grid.shape, int)
    for strip in grid.strips(rows):
        assert strip.height <= rows
        seen[strip.slices] += 1
    assert (seen == 1).all()


@given(grids())
def test_the_footprint_in_degrees_keeps_the_area_of_the_grid(grid: Grid) -> None:
    back = reproject(grid.footprint_lonlat, 4326, grid.epsg)
    assert back.area == pytest.approx(grid.height * grid.width * grid.pixel_m**2, rel=1e-5)
