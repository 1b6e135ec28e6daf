"""Where the sun reaches the ground: its position, the angle of incidence on a slope, and shadow cast by relief."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.terrain import Terrain

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
#: Local solar time at which Sentinel-2 crosses (ESA, Sentinel-2 user handbook: 10:30 at the descending node).
_OVERPASS_HOURS = 10.5


@dataclass(frozen=True, slots=True)
class Sun:
    """Position of the sun, degrees: elevation above the horizon, azimuth clockwise from true north."""

    elevation_deg: float
    azimuth_deg: float


def sun_position(at: datetime, lat_deg: float, lon_deg: float) -> Sun:
    """The sun at an aware time and a place (degrees, north and east positive), to about 0.02 degree, without refraction.

    Low-precision formulas of the Astronomical Almanac as given by Michalsky (1988, Solar Energy 40, 227).
    """
    days = (at - _J2000).total_seconds() / 86_400.0
    mean_longitude = (280.460 + 0.9856474 * days) % 360.0
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360.0)
    longitude = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2.0 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    right_ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    utc_hours = (at - at.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() / 3600.0
    greenwich_hours = (6.697375 + 0.0657098242 * days + utc_hours) % 24.0
    hour_angle = math.radians(greenwich_hours * 15.0 + lon_deg) - right_ascension
    lat = math.radians(lat_deg)
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.sin(declination) * math.cos(lat) - math.cos(declination) * math.sin(lat) * math.cos(hour_angle)
    up = math.sin(declination) * math.sin(lat) + math.cos(declination) * math.cos(lat) * math.cos(hour_angle)
    return Sun(math.degrees(math.asin(max(-1.0, min(1.0, up)))), math.degrees(math.atan2(east, north)) % 360.0)


def overpass(at: datetime, lon_deg: float) -> datetime:
    """`at`, or the day's overpass where `at` is midnight: sources that know the day only say 00:00:00."""
    if (at.hour, at.minute, at.second) != (0, 0, 0):
        return at
    return at + timedelta(hours=(_OVERPASS_HOURS - lon_deg / 15.0) % 24.0)


def sun_over(grid: Grid, at: datetime) -> Sun:
    """The sun at the middle of a grid, with its azimuth against grid north."""
    x, y = grid.to_metres(grid.height / 2.0, grid.width / 2.0)
    lon, lat = grid.to_lonlat(x, y)
    north_lon, north_lat = grid.to_lonlat(x, y + 1000.0)
    convergence = math.degrees(math.atan2((north_lon - lon) * math.cos(math.radians(lat)), north_lat - lat))
    sun = sun_position(overpass(at, lon), lat, lon)
    return Sun(sun.elevation_deg, (sun.azimuth_deg - convergence) % 360.0)


def sunless(terrain: Terrain, sun: Sun, min_cosine: float) -> BoolArray:
    """Where the ground of a terrain (y, x) lies in cast shadow or the sun grazes it; unknown ground never does."""
    grazed = incidence_cosine(terrain.slope, terrain.aspect, sun) < min_cosine
    return grazed | cast_shadow(terrain.height, terrain.grid.pixel_m, sun)


def incidence_cosine(slope_deg: FloatArray, aspect_deg: FloatArray, sun: Sun) -> FloatArray:
    """Cosine of the angle between the sun and the ground's normal, (y, x); level ground has no aspect (NaN)."""
    slope, elevation = np.radians(slope_deg), math.radians(sun.elevation_deg)
    facing = np.cos(np.radians(sun.azimuth_deg - np.nan_to_num(aspect_deg)))
    cosine = math.sin(elevation) * np.cos(slope) + math.cos(elevation) * np.sin(slope) * facing
    return np.asarray(cosine, np.float32)


def cast_shadow(height: FloatArray, pixel_m: float, sun: Sun) -> BoolArray:
    """Where relief hides the sun, (y, x) bool, from heights (y, x) in m, north up; NaN neither casts nor takes shadow.

    One sweep away from the sun carries the height of the shadow's upper edge from line to line (Dozier, Bruno and
    Downey, 1981, sweep the same horizon line by line). Nothing is known of relief beyond the edge.
    """
    if sun.elevation_deg <= 0.0:
        return np.isfinite(height)
    azimuth = math.radians(sun.azimuth_deg)
    towards = -math.cos(azimuth), math.sin(azimuth)
    turned = abs(towards[1]) > abs(towards[0])
    ground = np.where(np.isfinite(height), height, -np.inf)
    ground = ground.T if turned else ground
    along, across = (towards[1], towards[0]) if turned else towards
    # Rows are walked from the sun's side on: the sun stands before row 0.
    lines = ground if along < 0.0 else ground[::-1]
    drop = pixel_m / abs(along) * math.tan(math.radians(sun.elevation_deg))
    edge = np.full_like(lines, -np.inf)
    for row in range(1, lines.shape[0]):
        upper = np.maximum(edge[row - 1], lines[row - 1])
        edge[row] = _shifted(upper, across / abs(along)) - drop
    dark = (lines < edge) & np.isfinite(lines)
    dark = dark if along < 0.0 else dark[::-1]
    return np.asarray(dark.T if turned else dark)


def _shifted(line: FloatArray, step: float) -> FloatArray:
    """The line read `step` (-1..1) pixels further on, between pixels in proportion; unknown beyond its ends."""
    side = np.full_like(line, -np.inf)
    if step >= 0.0:
        side[:-1] = line[1:]
    else:
        side[1:] = line[:-1]
    share = abs(step)
    if share < 1e-9:
        return line
    known = np.isfinite(line) & np.isfinite(side)
    mixed = np.where(known, line, 0.0) * (1.0 - share) + np.where(known, side, 0.0) * share
    return np.asarray(np.where(known, mixed, -np.inf), line.dtype)
