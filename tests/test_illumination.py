"""Sun position, incidence and cast shadow."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from sat_monitor.core.grid import Grid
from sat_monitor.imagery.illumination import Sun, cast_shadow, incidence_cosine, overpass, sun_over, sun_position


@pytest.mark.parametrize(
    ("at", "lat", "lon", "elevation"),
    [
        # At noon of an equinox or solstice the elevation is 90 - |latitude - declination|.
        (datetime(2024, 3, 20, 12, 7, tzinfo=UTC), 0.0, 0.0, 90.0),
        (datetime(2024, 6, 20, 12, 2, tzinfo=UTC), 35.7, 0.0, 77.74),
        (datetime(2024, 12, 21, 2, 41, tzinfo=UTC), 35.7, 139.4, 30.86),
        (datetime(2024, 6, 20, 12, 2, tzinfo=UTC), -35.7, 0.0, 30.86),
    ],
)
def test_the_sun_stands_as_high_at_noon_as_its_declination_says(
    at: datetime, lat: float, lon: float, elevation: float
) -> None:
    assert sun_position(at, lat, lon).elevation_deg == pytest.approx(elevation, abs=0.3)


def test_the_sun_rises_in_the_east_and_culminates_in_the_south() -> None:
    azimuths = [sun_position(datetime(2024, 3, 20, hour, 7, tzinfo=UTC), 45.0, 0.0).azimuth_deg for hour in (6, 12, 18)]
    assert azimuths == pytest.approx([90.0, 180.0, 270.0], abs=1.5)
    assert sun_position(datetime(2024, 6, 20, 0, 0, tzinfo=UTC), 45.0, 0.0).elevation_deg < -15.0


def test_a_source_that_knows_only_the_day_gets_the_hour_of_the_overpass() -> None:
    assert overpass(datetime(2024, 1, 5, tzinfo=UTC), 139.5).hour == 1
    exact = datetime(2024, 1, 5, 1, 27, 31, tzinfo=UTC)
    assert overpass(exact, 139.5) == exact
    grid = Grid(32654, 350_000.0, 3_950_000.0, 10.0, 20, 20)
    assert sun_over(grid, datetime(2024, 1, 5, tzinfo=UTC)).elevation_deg == pytest.approx(27.0, abs=2.0)


def test_a_slope_that_faces_the_sun_is_lit_and_one_that_turns_away_is_not() -> None:
    slope, aspect = np.float32([[40.0, 40.0, 0.0]]), np.float32([[180.0, 0.0, np.nan]])
    cosine = incidence_cosine(slope, aspect, Sun(30.0, 180.0))
    assert cosine[0] == pytest.approx([np.cos(np.radians(20.0)), np.cos(np.radians(100.0)), 0.5], abs=1e-6)


@pytest.mark.parametrize("azimuth", [0.0, 90.0, 180.0, 270.0])
def test_a_wall_casts_a_shadow_as_long_as_its_height_over_the_tangent_of_the_elevation(azimuth: float) -> None:
    height = np.zeros((41, 41), np.float32)
    if azimuth in (0.0, 180.0):
        height[20, :] = 50.0
    else:
        height[:, 20] = 50.0
    dark = cast_shadow(height, 10.0, Sun(45.0, azimuth))
    line = dark[:, 20] if azimuth in (0.0, 180.0) else dark[20, :]
    # Row 0 is north, column 0 west: the shadow lies away from the sun, four whole pixels and none at the wall's height.
    away = slice(21, 25) if azimuth in (0.0, 270.0) else slice(16, 20)
    assert line[away].all() and line.sum() == 4


def test_a_slanting_sun_casts_the_shadow_of_a_peak_along_its_azimuth() -> None:
    height = np.zeros((61, 61), np.float32)
    height[30, 30] = 100.0
    dark = cast_shadow(height, 10.0, Sun(30.0, 135.0))
    rows, cols = np.nonzero(dark)
    assert rows.size > 3 and (rows < 30).all() and np.array_equal(rows, cols)


def test_ground_of_unknown_height_neither_casts_nor_takes_shadow_and_night_is_dark() -> None:
    height = np.zeros((9, 9), np.float32)
    height[4] = np.nan
    assert not cast_shadow(height, 10.0, Sun(30.0, 160.0)).any()
    assert np.array_equal(cast_shadow(height, 10.0, Sun(-3.0, 160.0)), np.isfinite(height))
