"""The inner loop of the encoding, compiled: values and masks of a stack of planes in one pass."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sat_monitor.core.domain import FloatArray


def encode(
    values: FloatArray, middle: FloatArray, scale: FloatArray, held: tuple[float, float], root: bool
) -> FloatArray:
    """(value - middle) / scale of planes (plane, y, x), held within limits, then a mask of each; zero where not a number.

    With `root` it is the square root of the value that counts, nought below nought.
    """
    planes, height, width = values.shape
    found = np.empty((2 * planes, height, width), np.float32)
    low, high = np.float32(held[0]), np.float32(held[1])
    _encode(
        np.ascontiguousarray(values, np.float32).reshape(planes, -1),
        middle.astype(np.float32), (1.0 / scale).astype(np.float32), low, high, root, found.reshape(2 * planes, -1),
    )  # fmt: skip
    return found


@njit(cache=True, nogil=True)
def _encode(
    values: FloatArray, middle: FloatArray, gain: FloatArray, low: np.float32, high: np.float32, root: bool,
    found: FloatArray,
) -> None:  # fmt: skip
    planes, pixels = values.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    for p in range(planes):
        for i in range(pixels):
            value = values[p, i]
            if math.isfinite(value):
                if root:
                    value = math.sqrt(max(value, zero))
                found[p, i] = min(max((value - middle[p]) * gain[p], low), high)
                found[planes + p, i] = one
            else:
                found[p, i] = zero
                found[planes + p, i] = zero
