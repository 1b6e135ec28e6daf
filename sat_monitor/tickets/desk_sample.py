"""The random part of the desk checks: a draw that states its inclusion probability and that anybody can repeat.

Every unit has a permanent random number, a hash of seed, area and its name; the units with the smallest ones are drawn
(sequential simple random sampling, Ohlsson 1995). Of N units n are drawn, each with probability n/N, and a later,
larger draw holds the earlier one: so the probability of a unit is that of the largest draw.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rasterio.features import rasterize
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import BoolArray
from sat_monitor.core.grid import Grid


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn of a population of `units`: names, smallest random number first."""

    drawn: tuple[str, ...]
    units: int

    @property
    def chance(self) -> float:
        """Inclusion probability of every unit; 0 where nothing was drawn."""
        return len(self.drawn) / self.units if self.drawn else 0.0


def random_number(seed: int, aoi: str, name: str) -> int:
    """The permanent random number of a unit, 0 up to 2**64."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{aoi}|{name}".encode()).digest()[:8])


def draw(names: Iterable[str], number: int, seed: int, aoi: str) -> Draw:
    """The `number` units with the smallest random numbers, all where there are fewer."""
    ranked = [(random_number(seed, aoi, name), name) for name in names]
    return Draw(tuple(name for _, name in heapq.nsmallest(number, ranked)), len(ranked))


def random_number_due(ranked: int, share: float) -> int:
    """How many places must have been drawn so that they are `share` (0..1) of all desk checks, `ranked` others among them."""
    return math.ceil(round(ranked * share / (1.0 - share), 9))


def quiet_cells(grid: Grid, watched: BoolArray, outlines: Sequence[BaseGeometry], cell_m: float) -> list[str]:
    """Names of the square cells of an AOI grid that are wholly watched and touched by no outline (metres of the grid).

    `watched` (y, x) marks the pixels that are looked at. A cell has whole pixels, at least one.
    """
    free = watched.copy()
    if outlines:
        shapes = [(outline, 1) for outline in outlines]
        drawn = rasterize(shapes, out_shape=grid.shape, transform=grid.affine, all_touched=True, dtype=np.uint8)
        free &= drawn == 0
    side = cell_pixels(grid, cell_m)
    rows, cols = grid.height // side, grid.width // side
    cells = free[: rows * side, : cols * side].reshape(rows, side, cols, side).all(axis=(1, 3))
    return [f"quiet-{side}-{row}-{col}" for row, col in np.argwhere(cells)]


def cell_outline(grid: Grid, name: str) -> BaseGeometry:
    """The square of a cell, metres of the grid's EPSG."""
    side, row, col = (int(part) for part in name.split("-")[1:])
    (left, top), (right, bottom) = (
        grid.to_metres(row * side, col * side),
        grid.to_metres((row + 1) * side, (col + 1) * side),
    )
    return box(left, bottom, right, top)


def cell_pixels(grid: Grid, cell_m: float) -> int:
    """Side of a cell in pixels."""
    return max(1, round(cell_m / grid.pixel_m))


def largest_chance(draws: Iterable[Draw]) -> float:
    """The inclusion probability of a unit that was there for all of `draws`: each holds the one before."""
    return max((one.chance for one in draws), default=0.0)


def names_of(draws: Iterable[Draw]) -> Iterator[str]:
    """All drawn names."""
    for one in draws:
        yield from one.drawn
