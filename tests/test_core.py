"""Grid, units, clock and errors: round trips, known values, both sides named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.clock import fixed_clock, iso, japan_day, parse_iso, utc
from sat_monitor.core.errors import ERRORS, SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.core.units import db_to_power, dn_to_reflectance, edge_area_error_m2, power_to_db, speckle_sd_db

GRID = Grid(32654, 340_000.0, 3_950_000.0, 10.0, 80, 96)
PIXELS = st.floats(-500.0, 500.0)
TIMES = st.datetimes(datetime(2014, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(PIXELS, PIXELS)
def test_pixel_to_metre_to_lonlat_and_back(row: float, col: float) -> None:
    x, y = GRID.to_metres(row, col)
    assert GRID.to_pixel(x, y) == pytest.approx((row, col), abs=1e-6)
    assert GRID.from_lonlat(*GRID.to_lonlat(x, y)) == pytest.approx((x, y), abs=1e-3)


@given(
    st.tuples(*[st.floats(-1e5, 1e5)] * 2),
    st.floats(1.0, 5e4),
    st.floats(1.0, 5e4),
    st.sampled_from([10.0, 20.0, 30.0]),
)
def test_a_covering_grid_holds_its_bounds_on_whole_pixels(
    corner: tuple[float, float], width: float, height: float, pixel: float
) -> None:
    bounds = (corner[0], corner[1], corner[0] + width, corner[1] + height)
    grid = Grid.covering(bounds, 32654, pixel)
    west, south, east, north = grid.bounds
    assert west <= bounds[0] + 1e-6 and south <= bounds[1] + 1e-6 and east >= bounds[2] - 1e-6 and north >= bounds[3]
    assert grid.x0 % pixel == 0 and grid.y0 % pixel == 0
    assert east - bounds[2] < pixel + 1e-6 and bounds[1] - south < pixel + 1e-6


def test_strips_tile_a_grid_and_windows_keep_their_place() -> None:
    strips = GRID.strips(30)
    assert sum(s.height for s in strips) == GRID.height and [s.row for s in strips] == [0, 30, 60]
    part = GRID.window(Window(7, 9, 10, 20))
    assert GRID.offset(part) == (7, 9) and part.offset(GRID) == (-7, -9) and GRID.overlaps(part)


@pytest.mark.parametrize("change", [{"epsg": 32653}, {"pixel_m": 20.0}, {"x0": 340_003.0}])
def test_grids_that_do_not_share_pixels_have_no_offset_and_both_are_named(change: dict[str, float]) -> None:
    other = replace(GRID, **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="does not lie on whole pixels") as caught:
        GRID.offset(other)
    assert str(GRID) in str(caught.value) and str(other) in str(caught.value)


def test_grids_side_by_side_share_no_ground() -> None:
    assert not GRID.overlaps(replace(GRID, x0=GRID.x0 + 960.0))
    assert not GRID.overlaps(replace(GRID, epsg=32653))


def test_decibels_areas_and_reflectance_have_their_textbook_values() -> None:
    assert power_to_db(0.1) == pytest.approx(-10.0) and db_to_power(3.0) == pytest.approx(1.9953, abs=1e-4)
    assert np.isnan(power_to_db(np.array([0.0, -1.0], np.float32))).all()
    assert speckle_sd_db(4.4) == pytest.approx(2.2, abs=0.1)
    assert edge_area_error_m2(90.0, 3.0) == 270.0
    assert dn_to_reflectance(np.array([2000.0], np.float32), -1000.0)[0] == pytest.approx(0.1)


@given(st.floats(1e-6, 1e3))
def test_power_survives_decibels(power: float) -> None:
    assert db_to_power(power_to_db(power)) == pytest.approx(power, rel=1e-9)


@given(TIMES)
def test_times_survive_text(at: datetime) -> None:
    assert parse_iso(iso(at)) == at and iso(at).endswith("Z")


def test_a_day_in_japan_begins_at_three_in_the_afternoon_utc() -> None:
    at = datetime(2026, 2, 28, 14, 59, 59, tzinfo=UTC)
    assert japan_day(at).isoformat() == "2026-02-28"
    assert japan_day(at + timedelta(seconds=1)).isoformat() == "2026-03-01"
    assert utc(datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=9)))) == datetime(2026, 2, 28, 15, tzinfo=UTC)


def test_a_naive_time_is_refused_everywhere() -> None:
    naive = datetime(2026, 3, 1)
    for function in (utc, iso, japan_day, fixed_clock):
        with pytest.raises(ValueError, match="naive"):
            function(naive)
    with pytest.raises(ValueError):
        parse_iso("2026-03-01T00:00:00")


@pytest.mark.parametrize("number", ERRORS)
def test_every_error_says_what_happened_what_was_kept_and_what_to_do(number: str) -> None:
    error = SceneReject(number, "this", "that", "s")
    row = ERRORS[number]
    assert error.message == f"{number} {row.title}: this. Kept: that. Do: {row.remedy}"
    assert error.temporary is row.temporary and error.scene_id == "s"
