"""The inner loops of the encoding, compiled: values and masks of a stack of planes in one pass.

Training wants planes, to be cut and mirrored; inference wants cells of four pixels at once, and in a quarter of the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from sat_monitor.core.domain import FloatArray


@dataclass(frozen=True, slots=True)
class Scale:
    """How planes become numbers: (value - `middle`) / `scale` of each (plane,), held within `held` (plane, 2) as they come in.

    With `root` it is the square root of a value that counts.
    """

    middle: FloatArray
    scale: FloatArray
    held: FloatArray
    root: bool = False

    @property
    def gain(self) -> FloatArray:
        """One over the scale."""
        return np.asarray(1.0 / self.scale, np.float32)


def encode(values: FloatArray, scale: Scale, out: FloatArray) -> None:
    """Numbers of planes (plane, y, x), then a mask of each; zero where not a number. `out` is (2 plane, y, x), contiguous."""
    planes = len(values)
    flat = np.ascontiguousarray(values, np.float32).reshape(planes, -1)
    _encode(flat, scale.middle, scale.gain, scale.held, scale.root, out.reshape(2 * planes, -1))


def encode_cells(values: FloatArray, scale: Scale, out: FloatArray, threads: int) -> None:
    """The same as `encode`, as the cells that `siamese.cells` makes: `out` is (y / 2, x / 2, 8 plane), zeros where it is larger.

    Rows are shared out among `threads`; every number is the same whatever their count.
    """
    flat = np.ascontiguousarray(values, np.float32)
    parts = list(_parts(len(out), threads))
    if len(parts) == 1:
        _encode_cells(flat, scale.middle, scale.gain, scale.held, scale.root, out, 0, len(out))
        return
    with ThreadPoolExecutor(len(parts)) as pool:
        jobs = [
            pool.submit(_encode_cells, flat, scale.middle, scale.gain, scale.held, scale.root, out, first, last)
            for first, last in parts
        ]
        for job in jobs:
            job.result()


def _parts(rows: int, threads: int) -> Iterator[tuple[int, int]]:
    """Rows in even parts."""
    edges = np.linspace(0, rows, max(1, min(threads, rows)) + 1).astype(int)
    yield from ((int(first), int(last)) for first, last in pairwise(edges))


@njit(cache=True, nogil=True, inline="always")
def _number(value: float, low: float, high: float, root: bool, middle: float, gain: float) -> float:
    held = min(max(value, low), high)
    return ((math.sqrt(held) if root else held) - middle) * gain


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
                out[p, i] = _number(value, low, high, root, middle[p], gain[p])
                out[planes + p, i] = one
            else:
                out[p, i] = zero
                out[planes + p, i] = zero


@njit(cache=True, nogil=True)
def _encode_cells(
    values: FloatArray,
    middle: FloatArray,
    gain: FloatArray,
    held: FloatArray,
    root: bool,
    out: FloatArray,
    first: int,
    last: int,
) -> None:
    """Rows of cells `first` to `last`; the channels of one pixel stay together, row by row of the cell."""
    planes, height, width = values.shape
    for cy in range(first, last):
        out[cy] = np.float32(0.0)
        for row in range(2):
            y = 2 * cy + row
            if y >= height:
                continue
            for p in range(planes):
                low, high = held[p, 0], held[p, 1]
                for x in range(width):
                    value = values[p, y, x]
                    if math.isfinite(value):
                        channel = (2 * row + x % 2) * 2 * planes + p
                        out[cy, x // 2, channel] = _number(value, low, high, root, middle[p], gain[p])
                        out[cy, x // 2, channel + planes] = np.float32(1.0)
