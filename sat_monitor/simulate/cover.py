"""Land cover of the simulated ground: classes, field parcels and forest stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.simulate.kinds import FIELDS, Cover
from sat_monitor.simulate.terrain import STREAM_M2, Terrain, fractal, ranks

#: Sides of a field and of a block between streets, m; area of a forest stand, m2.
_FIELD_M, _BLOCK_M, _STAND_M2 = (45.0, 85.0), (70.0, 120.0), 12_000.0
#: One quarry to so many m2 of land, each of so many m2.
_QUARRY_PER_M2, _QUARRY_M2 = 5e6, (12_000.0, 45_000.0)


@dataclass(frozen=True, slots=True)
class LandCover:
    """Classes (y, x) int8 and units: a unit is one field, or the part of a stand under one cover.

    `unit` (y, x) int32 numbers them; `unit_cover` (unit) int8 and `unit_late` (unit) float32, the days by which its
    season runs late.
    """

    classes: NDArray[np.int8]
    unit: NDArray[np.int32]
    unit_cover: NDArray[np.int8]
    unit_late: FloatArray

    def where(self, *kinds: Cover) -> BoolArray:
        """Where the cover is one of `kinds`, (y, x)."""
        return np.isin(self.classes, kinds)


def cover_hills(terrain: Terrain, pixel_m: float, rng: np.random.Generator) -> LandCover:
    """Forest on slopes, fields and a town with streets on the valley floor, a river, and roads into the hills."""
    shape = terrain.height_m.shape
    low = ranks(terrain.height_m)
    flat = np.asarray(ndimage.binary_opening((low < 0.45) & (terrain.slope_deg < 10.0), iterations=2))
    classes = _forest(shape, rng)
    _patch(classes, Cover.BAMBOO, (low < 0.65) & ~flat, 0.08, rng)
    _patch(classes, Cover.GRASS, ~flat, 0.07, rng)
    _patch(classes, Cover.ORCHARD, (low < 0.7) & (terrain.slope_deg < 16.0) & ~flat, 0.12, rng)
    wet = low + np.float32(0.05) * fractal(shape, 1.6, rng) < np.quantile(low[flat], 0.45) if flat.any() else flat
    classes[flat] = np.where(wet, Cover.PADDY, Cover.UPLAND)[flat]
    _patch(classes, Cover.ORCHARD, flat, 0.05, rng)
    _patch(classes, Cover.BARE, flat, 0.02, rng)
    town = (ranks(fractal(shape, 1.9, rng)) > 0.68) & flat
    classes[town] = Cover.TOWN
    classes[town & _streets(shape, pixel_m, rng)] = Cover.ROAD
    _quarries(classes, (low > 0.4) & (terrain.slope_deg > 8.0), pixel_m, rng)
    climb = (terrain.slope_deg / np.float32(25.0)) ** 2
    classes[terrain.catchment_m2 > STREAM_M2] = Cover.WATER
    classes[_path(5.0 * low + 1.5 * ranks(fractal(shape, 1.3, rng)), 2, rng)] = Cover.WATER
    # Mountain roads keep their distance: one to some 400 m.
    for number in range(max(4, int(shape[0] * pixel_m / 420.0))):
        wish = climb + 3.0 * ranks(fractal(shape, 1.3, rng)) + (0.5 * low if number < 2 else 0.0)
        turned = number % 2 == 1
        road = _path(np.ascontiguousarray(wish.T) if turned else wish, 1, rng)
        classes[road.T if turned else road] = Cover.ROAD
    return _divided(classes, pixel_m, rng)


def cover_island(terrain: Terrain, pixel_m: float, rng: np.random.Generator) -> LandCover:
    """Sea, a rocky shore, broadleaf forest, bare lava on top, a village, a ring road and one across."""
    shape = terrain.height_m.shape
    height = terrain.height_m
    classes = _forest(shape, rng, conifers=0.12)
    sea = height <= 0.0
    top = float(np.quantile(height[~sea], 0.93))
    shore = (height < 28.0) & (terrain.slope_deg < 16.0)
    _patch(classes, Cover.BAMBOO, ~shore, 0.05, rng)
    classes[shore & (ranks(fractal(shape, 1.9, rng)) > 0.6)] = Cover.UPLAND
    town = shore & (ranks(fractal(shape, 1.9, rng)) > 0.8)
    classes[town] = Cover.TOWN
    _patch(classes, Cover.GRASS, ~town, 0.07, rng)
    classes[town & _streets(shape, pixel_m, rng)] = Cover.ROAD
    classes[(height < 3.0) | (height + 6.0 * fractal(shape, 1.4, rng) > top)] = Cover.VOLCANIC
    inland = height > 26.0
    off_centre = np.abs(np.linspace(-6.0, 6.0, shape[0]))[:, None]
    across = _path((terrain.slope_deg / 20.0) ** 2 + 2.0 * ranks(fractal(shape, 1.3, rng)) + off_centre, 1, rng)
    classes[inland & ~ndimage.binary_erosion(inland) | across & (height > 3.0)] = Cover.ROAD
    classes[sea] = Cover.WATER
    return _divided(classes, pixel_m, rng)


def _forest(shape: tuple[int, int], rng: np.random.Generator, conifers: float = 0.55) -> NDArray[np.int8]:
    stands = ranks(fractal(shape, 1.6, rng))
    return np.where(stands < conifers, Cover.CONIFER, Cover.BROADLEAF).astype(np.int8)


def _patch(classes: NDArray[np.int8], kind: Cover, within: BoolArray, share: float, rng: np.random.Generator) -> None:
    """Give `share` of the ground `within` to a cover, in rounded patches."""
    chosen = fractal((classes.shape[0], classes.shape[1]), 1.4, rng)
    if within.any():
        classes[within & (chosen > np.quantile(chosen[within], 1.0 - share))] = kind


def _quarries(classes: NDArray[np.int8], within: BoolArray, pixel_m: float, rng: np.random.Generator) -> None:
    """Open pits in the hills, as many as the land is large."""
    rows, cols = np.indices(classes.shape)
    middles = np.argwhere(within)
    count = round(classes.size * pixel_m**2 / _QUARRY_PER_M2)
    for _ in range(count if len(middles) else 0):
        row, col = middles[rng.integers(len(middles))]
        radius = np.sqrt(rng.uniform(*_QUARRY_M2) / np.pi) / pixel_m
        ragged = radius * np.exp(0.4 * fractal((classes.shape[0], classes.shape[1]), 1.7, rng, 60.0))
        classes[np.hypot(rows - row, cols - col) < ragged] = Cover.QUARRY


def _divided(classes: NDArray[np.int8], pixel_m: float, rng: np.random.Generator) -> LandCover:
    """The classes with their units: fields in a lattice, stands in rounded cells that run early or late."""
    shape = (classes.shape[0], classes.shape[1])
    count = max(8, int(classes.size * pixel_m**2 / _STAND_M2))
    seeds = rng.uniform(0.0, 1.0, (count, 2)) * np.array(shape)
    stands = cKDTree(seeds).query(np.indices(shape).reshape(2, -1).T)[1].reshape(shape)
    across, along = _warped(shape, rng)
    lattice = _cells(across * pixel_m / _FIELD_M[0], along * pixel_m / _FIELD_M[1], rng) + count
    parcel = np.where(np.isin(classes, FIELDS), lattice, stands).astype(np.int64)
    keys, unit = np.unique(parcel * len(Cover) + classes, return_inverse=True)
    late = rng.normal(0.0, 3.0, len(keys)).astype(np.float32)
    return LandCover(classes, unit.reshape(shape).astype(np.int32), (keys % len(Cover)).astype(np.int8), late)


def _warped(shape: tuple[int, int], rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Two turned and gently bent coordinates (y, x), pixels: field walls and streets are straight only nearby."""
    turn = rng.uniform(0.2, 1.3)
    y, x = np.indices(shape).astype(np.float32)
    bend = [np.float32(5.0) * fractal(shape, 2.4, rng) for _ in range(2)]
    across, along = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    return (across + bend[0]).astype(np.float32), (along + bend[1]).astype(np.float32)


def _cells(across: FloatArray, along: FloatArray, rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers from 0 of the cells of a lattice of sides 1 whose columns are shifted against each other, (y, x)."""
    column = np.floor(across).astype(np.int64)
    column -= column.min()
    row = np.floor(along + rng.uniform(0.0, 1.0, int(column.max()) + 1)[column]).astype(np.int64)
    row -= row.min()
    numbers = np.unique(column * (int(row.max()) + 1) + row, return_inverse=True)[1]
    return np.asarray(numbers.reshape(across.shape), np.int64)


def _streets(shape: tuple[int, int], pixel_m: float, rng: np.random.Generator) -> BoolArray:
    across, along = _warped(shape, rng)
    sides = (_BLOCK_M[0] / pixel_m, _BLOCK_M[1] / pixel_m)
    return np.asarray((np.mod(across, sides[0]) < 0.9) | (np.mod(along, sides[1]) < 0.9))


def _path(cost: NDArray[np.floating], width: int, rng: np.random.Generator) -> BoolArray:
    """The cheapest way from the west to the east edge, `width` pixels wide, (y, x); it starts anywhere."""
    height, length = cost.shape
    total = cost.astype(np.float64) + 0.3
    total[:, 0] += rng.uniform(0.0, 20.0, height)
    came = np.zeros(cost.shape, np.int64)
    for col in range(1, length):
        before = np.pad(total[:, col - 1], 1, constant_values=np.inf)
        # A diagonal step is longer, or the way would zigzag for nothing.
        choices = np.stack([before[:-2] + 0.25, before[1:-1], before[2:] + 0.25])
        best = choices.argmin(axis=0)
        came[:, col] = best - 1
        total[:, col] += choices[best, np.arange(height)]
    line = np.zeros(cost.shape, bool)
    row = int(total[:, -1].argmin())
    for col in range(length - 1, -1, -1):
        line[max(0, row - width // 2) : row + (width + 1) // 2, col] = True
        row = int(np.clip(row + came[row, col], 0, height - 1))
    return line
