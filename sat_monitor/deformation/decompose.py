"""From lines of sight to the ground: vertical and east-west of two directions of view, and motion down a slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat_monitor.core.deformation import Geometry
from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import DeformationError

#: Share of a slope's motion that must show along the line of sight before it is projected: below, noise grows fivefold.
MIN_SENSITIVITY = 0.2


@dataclass(frozen=True, slots=True)
class GroundMotion:
    """Rates (y, x) with standard deviations, m/yr: up and east positive. Motion to the north is taken as none."""

    up: FloatArray
    up_std: FloatArray
    east: FloatArray
    east_std: FloatArray


def look_vector(geometry: Geometry) -> tuple[FloatArray | float, FloatArray | float, FloatArray | float]:
    """(east, north, up) of the unit vector from the ground to a right-looking satellite.

    DeformationError E2203 where incidence or heading are not known.
    """
    if geometry.incidence_deg is None or geometry.heading_deg is None:
        raise DeformationError("E2203", "incidence and heading are needed for directions on the ground")
    incidence, heading = np.radians(geometry.incidence_deg), np.radians(geometry.heading_deg)
    return -np.sin(incidence) * np.cos(heading), np.sin(incidence) * np.sin(heading), np.cos(incidence)


def up_and_east(
    ascending: tuple[FloatArray, FloatArray, Geometry], descending: tuple[FloatArray, FloatArray, Geometry]
) -> GroundMotion:
    """Two (velocity, standard deviation, geometry) on one grid become up and east; NaN where one is missing.

    Solved exactly per pixel; the uncertainties are propagated. A motion of 1 to the north leaks by its share of the lines
    of sight, at Sentinel-1's headings about 0.1 into up.
    """
    (first, first_std, one), (second, second_std, other) = ascending, descending
    if first.shape != second.shape:
        raise DeformationError("E2205", f"ascending has {first.shape} pixels, descending {second.shape}")
    (e1, _, u1), (e2, _, u2) = look_vector(one), look_vector(other)
    determinant = e1 * u2 - e2 * u1
    up, east = (e1 * second - e2 * first) / determinant, (u2 * first - u1 * second) / determinant
    up_std = np.hypot(e1 * second_std, e2 * first_std) / np.abs(determinant)
    east_std = np.hypot(u2 * first_std, u1 * second_std) / np.abs(determinant)
    return GroundMotion(*(np.asarray(field, np.float32) for field in (up, up_std, east, east_std)))


def down_slope(velocity: FloatArray, geometry: Geometry, slope_deg: FloatArray, aspect_deg: FloatArray) -> FloatArray:
    """Velocity (y, x) along the steepest descent, positive downhill, if that is the way the ground goes.

    `aspect_deg` is the direction that the slope faces, clockwise from north. NaN where less than `MIN_SENSITIVITY` of such
    motion shows along the line of sight: flat ground, and slopes that face along the flight (Notti et al. 2014,
    doi:10.5194/nhess-14-1835-2014).
    """
    slope, aspect = np.radians(slope_deg), np.radians(aspect_deg)
    east, north, up = look_vector(geometry)
    share = np.cos(slope) * (np.sin(aspect) * east + np.cos(aspect) * north) - np.sin(slope) * up
    seen = (np.abs(share) >= MIN_SENSITIVITY) & (slope_deg > 0.0)
    return np.where(seen, velocity / np.where(seen, share, 1.0), np.nan).astype(np.float32)
