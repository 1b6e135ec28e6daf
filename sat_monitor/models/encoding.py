"""The inner loop of the encoding, compiled: values and masks of a stack of planes in one pass."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sat_monitor.core.domain import FloatArray


def encode(
    values: FloatArray, middle: FloatArray, scale: FloatArray, held: FloatArray, root: bool, out: FloatArray
) -> None:
    """(value - middle) / scale of planes (plane, y, x), held within limits, then a mask of each; zero where not a number.

    `held` (plane, 2) limits the values as they come in; with `root` it is their square root that counts. `out` is
    (2 plane, y, x), contiguous.
    """
    planes = len(values)
    flat = np.ascontiguousarray(values, np.float32).reshape(planes, -1)
    _encode(flat, middle, (1.0 / scale).astype(np.float32), held, root, out.reshape(2 * planes, -1))


@njit(cache=True, nogil=True)
def _encode(
    values: FloatArray, middle: FloatArray, gain: FloatArray, held: FloatArray, root: bool, out: FloatArray
) -> None:
    planes, pixels = values.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    for p in range(planes):
        low, high = held[p, 0], held[p, 1]
        for i in range(pixels):
            value = values[p, i]
            if math.isfinite(value):
                value = min(max(value, low), high)
                if root:
                    value = math.sqrt(value)
                out[p, i] = (value - middle[p]) * gain[p]
                out[planes + p, i] = one
            else:
                out[p, i] = zero
                out[planes + p, i] = zero
