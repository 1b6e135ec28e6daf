"""Slope and aspect of a terrain (Horn, 1981: Hill shading and the reflectance map)."""

from __future__ import annotations

import numpy as np

from sat_monitor.core.domain import FloatArray


def gradient(height: FloatArray, pixel_m: float) -> tuple[FloatArray, FloatArray]:
    """Rise per metre toward grid east and toward grid north of heights (y, x) in m, north up, without its outer ring.

    A pixel whose 3 x 3 neighbourhood is not known whole is NaN.
    """
    z = np.asarray(height, np.float64)
    west, middle, east = z[:, :-2], z[:, 1:-1], z[:, 2:]
    columns = west + 2.0 * middle + east
    rows = z[:-2] + 2.0 * z[1:-1] + z[2:]
    to_east = (rows[:, 2:] - rows[:, :-2]) / (8.0 * pixel_m)
    to_north = (columns[:-2] - columns[2:]) / (8.0 * pixel_m)
    # The middle pixel has no weight, yet a slope of ground that is not known is none.
    unknown = ~np.isfinite(z[1:-1, 1:-1]) | ~np.isfinite(to_east) | ~np.isfinite(to_north)
    to_east[unknown] = to_north[unknown] = np.nan
    return to_east.astype(np.float32), to_north.astype(np.float32)


def slope_and_aspect(height: FloatArray, pixel_m: float) -> tuple[FloatArray, FloatArray]:
    """Slope 0..90 degrees, and the direction down it, 0..360 degrees clockwise from grid north; see `gradient`.

    Level ground has no aspect: NaN.
    """
    to_east, to_north = gradient(height, pixel_m)
    slope = np.degrees(np.arctan(np.hypot(to_east, to_north)))
    aspect = np.degrees(np.arctan2(-to_east, -to_north)) % 360.0
    # A remainder of a tiny negative angle rounds to the whole circle.
    aspect = np.where(aspect >= 360.0, 0.0, aspect)
    return slope.astype(np.float32), np.where(slope > 0.0, aspect, np.nan).astype(np.float32)
