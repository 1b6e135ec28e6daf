"""Where water runs over heights: priority-flood over eight neighbours, and the steepest way down it (D8).

One kernel serves the simulated ground and the flow paths of sites.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Flood:
    """How rising water reaches heights from the edge: flat, row by row.

    `order` are the pixels in the order in which it does, `parent` the pixel from which it came (-1 = out), `level` the
    heights with their pits filled, m.
    """

    order: IntArray
    parent: IntArray
    level: NDArray[np.float64]
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Drainage:
    """Where each pixel drains to, and what drains through it.

    `receiver` (y, x) int64, flat index of the pixel below, -1 = off the known ground; `catchment_px` (y, x) float32,
    pixels, itself included.
    """

    receiver: IntArray
    catchment_px: FloatArray


def flood(height_m: FloatArray) -> Flood:
    """Priority-flood of heights (y, x; m); everything leaves over the edge, or into ground of unknown height (NaN).

    Barnes, Lehman and Mulla, 2014, Computers & Geosciences 62.
    """
    known = np.isfinite(height_m)
    order, parent, level = _flooded(np.where(known, height_m, -np.inf).astype(np.float64), known)
    return Flood(order, parent, level, (height_m.shape[0], height_m.shape[1]))


def steepest(height_m: FloatArray) -> Drainage:
    """D8 drainage of heights (y, x; m): each pixel to its steepest lower neighbour, over flats and filled pits to where
    the flood came from (O'Callaghan and Mark, 1984, Computer Vision, Graphics and Image Processing 28).

    Ground of unknown height (NaN) drains nowhere.
    """
    water = flood(height_m)
    receiver = _steepest(water.level.reshape(water.shape), water.parent)
    return Drainage(receiver.reshape(water.shape), gathered(receiver, water.order).reshape(water.shape))


def gathered(receiver: IntArray, order: IntArray) -> FloatArray:
    """Pixels that drain through each pixel, flat float32, where every receiver comes earlier in `order`."""
    return _gathered(receiver, order).astype(np.float32)


@njit(cache=True)
def _flooded(height: NDArray[np.float64], known: NDArray[np.bool_]) -> tuple[IntArray, IntArray, NDArray[np.float64]]:
    """`order`, `parent` and `level` of `Flood`; of equal levels the first pixel comes first."""
    rows, cols = height.shape
    level = height.copy().ravel()
    parent = np.full(rows * cols, -1, np.int64)
    seen = np.zeros(rows * cols, np.bool_)
    order = np.empty(rows * cols, np.int64)
    heap = [(0.0, np.int64(0)) for _ in range(0)]
    for edge in range(rows * cols):
        row, col = edge // cols, edge % cols
        if row == 0 or col == 0 or row == rows - 1 or col == cols - 1 or not known[row, col]:
            seen[edge] = True
            heap.append((level[edge], np.int64(edge)))
    heapq.heapify(heap)
    count = 0
    while heap:
        here, cell = heapq.heappop(heap)
        order[count] = cell
        count += 1
        row, col = cell // cols, cell % cols
        for y in range(max(row - 1, 0), min(row + 2, rows)):
            for x in range(max(col - 1, 0), min(col + 2, cols)):
                other = y * cols + x
                if not seen[other]:
                    seen[other] = True
                    parent[other] = cell
                    level[other] = max(here, level[other])
                    heapq.heappush(heap, (level[other], np.int64(other)))
    return order, parent, level


@njit(cache=True)
def _steepest(level: NDArray[np.float64], parent: IntArray) -> IntArray:
    """Flat receivers: strictly downhill on the filled heights, else the flood's own way: no circle is possible."""
    rows, cols = level.shape
    receiver = parent.copy()
    for cell in range(rows * cols):
        row, col = cell // cols, cell % cols
        steepness = 0.0
        if parent[cell] < 0:
            continue
        for y in range(max(row - 1, 0), min(row + 2, rows)):
            for x in range(max(col - 1, 0), min(col + 2, cols)):
                away = np.sqrt(float((y - row) ** 2 + (x - col) ** 2))
                if away > 0.0 and (level[row, col] - level[y, x]) / away > steepness:
                    steepness = (level[row, col] - level[y, x]) / away
                    receiver[cell] = y * cols + x
    return receiver


@njit(cache=True)
def _gathered(receiver: IntArray, order: IntArray) -> IntArray:
    total = np.ones(receiver.size, np.int64)
    for cell in order[::-1]:
        if receiver[cell] >= 0:
            total[receiver[cell]] += total[cell]
    return total
