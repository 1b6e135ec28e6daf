"""Clear ground from the scene classification of Sentinel-2 Level-2A."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from sat_monitor.core.domain import BoolArray, FloatArray

#: Classes that show ground: dark, vegetation, bare, water, unclassified.
_GROUND = (2, 4, 5, 6, 7)
#: Cloud shadow, cloud of medium and high probability, thin cirrus: their edges lie, so they are grown.
_CLOUDY = (3, 8, 9, 10)


def clear_mask(scl: FloatArray, buffer_px: int) -> BoolArray:
    """Where the ground is seen, (..., y, x) bool, from classes (..., y, x); cloud and shadow grown by `buffer_px`.

    No data (0, NaN), saturated (1), cloud, shadow and snow are not clear. The growth is square, in pixels.
    """
    ground = np.isin(scl, _GROUND)
    cloudy = np.isin(scl, _CLOUDY)
    if buffer_px == 0 or not cloudy.any():
        return np.asarray(ground)
    size = (1,) * (scl.ndim - 2) + (2 * buffer_px + 1,) * 2
    near_cloud = ndimage.maximum_filter(cloudy.view(np.uint8), size) > 0
    return np.asarray(ground & ~near_cloud)


def cloud_fraction(scl: FloatArray) -> float:
    """Share of the observed pixels (y, x) that cloud or its shadow hides; 1 where nothing is observed."""
    observed = np.isfinite(scl) & (scl > 0)
    count = int(observed.sum())
    return float(np.isin(scl[observed], _CLOUDY).sum()) / count if count else 1.0
