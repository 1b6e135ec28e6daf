"""Where water runs: catchment of each pixel, by priority-flood over eight neighbours."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray


def catchment_px(height_m: FloatArray) -> FloatArray:
    """Pixels that drain through each pixel, itself included, (y, x) float32.

    Pits are filled on the way and everything leaves over the edge (priority-flood; Barnes, Lehman and Mulla, 2014,
    Computers & Geosciences 62).
    """
    order, parent = _flooded(height_m)
    total = [1] * height_m.size
    for cell in reversed(order):
        if parent[cell] >= 0:
            total[parent[cell]] += total[cell]
    return np.asarray(total, np.float32).reshape(height_m.shape)


def drains_to(height_m: FloatArray) -> NDArray[np.int64]:
    """Flat index of the pixel that each pixel drains to, (y, x); -1 where water leaves over the edge."""
    return np.asarray(_flooded(height_m)[1], np.int64).reshape(height_m.shape)


def _flooded(height_m: NDArray[np.float32]) -> tuple[list[int], list[int]]:
    """Cells in the order in which rising water reaches them from the edge, and the cell that each drains to (-1 = out)."""
    rows, cols = height_m.shape
    level, size = height_m.ravel().tolist(), rows * cols
    parent, seen = [-1] * size, bytearray(size)
    edge = (
        set(range(cols)) | set(range(size - cols, size)) | set(range(0, size, cols)) | set(range(cols - 1, size, cols))
    )
    heap = [(level[cell], cell) for cell in sorted(edge)]
    for _, cell in heap:
        seen[cell] = 1
    heapq.heapify(heap)
    order = []
    while heap:
        here, cell = heapq.heappop(heap)
        order.append(cell)
        if cell in edge:
            inward = [n for n in _around(cell, rows, cols) if not seen[n]]
        else:
            inward = [cell + step for step in (-cols - 1, -cols, -cols + 1, -1, 1, cols - 1, cols, cols + 1)]
        for other in inward:
            if not seen[other]:
                seen[other], parent[other] = 1, cell
                heapq.heappush(heap, (max(here, level[other]), other))
    return order, parent


def _around(cell: int, rows: int, cols: int) -> list[int]:
    row, col = divmod(cell, cols)
    near = [(row + dy, col + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    return [y * cols + x for y, x in near if 0 <= y < rows and 0 <= x < cols]
