"""The inner loops of the encoding, compiled: values and masks of a stack of planes in one pass.

Training wants planes, to be cut and mirrored; inference wants cells of four pixels at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit

from sat_monitor.core.domain import FloatArray


class Scale(NamedTuple):
    """How planes become numbers: (value - `middle`) / `scale` of each (plane,), held within `held` (plane, 2) as they come in.

    With `root` it is the square root of a value that counts.
    """

    middle: FloatArray
    scale: FloatArray
    held: FloatArray
    root: bool = False


def encode(values: FloatArray, scale: Scale, out: FloatArray) -> None:
    """Numbers of planes (plane, y, x), then a mask of each; zero where not a number. `out` is (2 plane, y, x), contiguous."""
    planes = len(values)
    flat = np.ascontiguousarray(values, np.float32).reshape(planes, -1)
    _encode(flat, scale, out.reshape(2 * planes, -1))


def encode_cells(values: FloatArray, scale: Scale, out: FloatArray, threads: int) -> None:
    """The same as `encode`, as the cells that `siamese.cells` makes: `out` is (y / 2, x / 2, 8 plane), zeros where it is larger.

    Rows are shared out among `threads`; every number is the same whatever their count.
    """
    flat = np.ascontiguousarray(values, np.float32)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(_encode_cells, flat, scale, out, *rows) for rows in _parts(len(out), threads)]
        for job in jobs:
            job.result()


def _parts(rows: int, threads: int) -> Iterator[tuple[int, int]]:
    """Rows in even parts."""
    edges = np.linspace(0, rows, max(1, min(threads, rows)) + 1).astype(int)
    yield from ((int(first), int(last)) for first, last in pairwise(edges))


@njit(cache=True, nogil=True, inline="always")
def _terms(scale: Scale, plane: int) -> tuple[float, float, float, float]:
    """Lowest and highest value, middle and gain of a plane, read once and not for each pixel."""
    return scale.held[plane, 0], scale.held[plane, 1], scale.middle[plane], np.float32(1.0) / scale.scale[plane]


@njit(cache=True, nogil=True, inline="always")
def _number(value: float, terms: tuple[float, float, float, float], root: bool) -> float:
    low, high, middle, gain = terms
    held = min(max(value, low), high)
    return ((math.sqrt(held) if root else held) - middle) * gain


@njit(cache=True, nogil=True)
def _encode(values: FloatArray, scale: Scale, out: FloatArray) -> None:
    planes, pixels = values.shape
    zero, one = np.float32(0.0), np.float32(1.0)
    for p in range(planes):
        terms = _terms(scale, p)
        for i in range(pixels):
            value = values[p, i]
            if math.isfinite(value):
                out[p, i] = _number(value, terms, scale.root)
                out[planes + p, i] = one
            else:
                out[p, i] = zero
                out[planes + p, i] = zero


@njit(cache=True, nogil=True)
def _encode_cells(values: FloatArray, scale: Scale, out: FloatArray, first: int, last: int) -> None:
    """Rows of cells `first` to `last`; the channels of one pixel stay together, row by row of the cell."""
    planes, height, width = values.shape
    for cy in range(first, last):
        out[cy] = np.float32(0.0)
        for row in range(min(2, height - 2 * cy)):
            for p in range(planes):
                terms = _terms(scale, p)
                for x in range(width):
                    value = values[p, 2 * cy + row, x]
                    if math.isfinite(value):
                        channel = (2 * row + x % 2) * 2 * planes + p
                        out[cy, x // 2, channel] = _number(value, terms, scale.root)
                        out[cy, x // 2, channel + planes] = np.float32(1.0)
