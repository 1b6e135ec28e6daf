"""Where water of the simulated ground runs: catchment of each pixel, by priority-flood over eight neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray
from sat_monitor.imagery.drainage import flood, gathered


def catchment_px(height_m: FloatArray) -> FloatArray:
    """Pixels that drain through each pixel, itself included, (y, x) float32.

    Pits are filled on the way and everything leaves over the edge.
    """
    water = flood(height_m)
    return gathered(water.parent, water.order).reshape(height_m.shape)


def drains_to(height_m: FloatArray) -> NDArray[np.int64]:
    """Flat index of the pixel that each pixel drains to, (y, x); -1 where water leaves over the edge."""
    return flood(height_m).parent.reshape(height_m.shape)
