"""Land cover of the simulated ground: classes, parcels and the calendar of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.terrain import Terrain, fractal, ranks


class Cover(IntEnum):
    """Land-cover classes."""

    CONIFER = 0
    BROADLEAF = 1
    GRASS = 2
    FIELD = 3
    TOWN = 4
    ROAD = 5
    WATER = 6
    ROCK = 7


FOREST = (Cover.CONIFER, Cover.BROADLEAF)


@dataclass(frozen=True, slots=True)
class Season:
    """Greenness of a class over the year: `low` in winter, `high` in summer, days of year of the half-way rise and fall."""

    low: float
    high: float
    rise: float
    fall: float


#: Leaf-out in mid April, leaf-fall in mid November at 100 to 400 m in western Tokyo; grass is earlier and browns later.
SEASONS: Mapping[Cover, Season] = {
    Cover.CONIFER: Season(0.88, 1.0, 110, 320),
    Cover.BROADLEAF: Season(0.12, 1.0, 108, 318),
    Cover.GRASS: Season(0.25, 0.95, 100, 315),
    Cover.FIELD: Season(0.10, 0.95, 130, 265),
    Cover.TOWN: Season(0.15, 0.25, 110, 318),
    Cover.ROAD: Season(0.0, 0.0, 110, 318),
    Cover.WATER: Season(0.0, 0.0, 110, 318),
    Cover.ROCK: Season(0.05, 0.15, 110, 318),
}


@dataclass(frozen=True, slots=True)
class LandCover:
    """Classes (y, x) int8; `parcel` (y, x) int32 numbers fields and stands; `shift_days` (y, x) float32 moves their season."""

    classes: NDArray[np.int8]
    parcel: NDArray[np.int32]
    shift_days: FloatArray

    def where(self, *kinds: Cover) -> NDArray[np.bool_]:
        """Where the cover is one of `kinds`, (y, x)."""
        return np.isin(self.classes, kinds)

    def greenness(self, day_of_year: float, year_shift: float) -> FloatArray:
        """Share of green leaf, (y, x) float32, 0..1, on a day of a year whose spring is `year_shift` days late."""
        low, high, rise, fall = (
            np.array([getattr(SEASONS[cover], name) for cover in Cover], np.float32)[self.classes]
            for name in ("low", "high", "rise", "fall")
        )
        up = 1.0 / (1.0 + np.exp(-(day_of_year - rise - year_shift - self.shift_days) / 9.0))
        down = 1.0 / (1.0 + np.exp(-(day_of_year - fall - self.shift_days) / 10.0))
        return np.asarray(low + (high - low) * (up - down), np.float32)


def cover_hills(terrain: Terrain, pixel_m: float, rng: np.random.Generator) -> LandCover:
    """Forest on slopes, fields, a town, a road and a river on the valley floor."""
    shape = terrain.height_m.shape
    low = ranks(terrain.height_m)
    flat = (low < 0.42) & (terrain.slope_deg < 9.0)
    classes = _forest(shape, rng)
    parcel, shift = _parcels(shape, pixel_m, rng)
    classes[flat] = Cover.FIELD
    classes[flat & (ranks(fractal(shape, 1.5, rng)) > 0.62)] = Cover.TOWN
    classes[(ranks(fractal(shape, 1.2, rng)) > 0.93) & (classes != Cover.TOWN)] = Cover.GRASS
    classes[_ribbon(shape, low, 2, rng)] = Cover.WATER
    for _ in range(3):
        classes[_ribbon(shape, low + 0.3 * ranks(fractal(shape, 1.4, rng)), 1, rng)] = Cover.ROAD
    return LandCover(classes, parcel, _shift(classes, shift))


def cover_island(terrain: Terrain, pixel_m: float, rng: np.random.Generator) -> LandCover:
    """Sea, a rocky shore, broadleaf forest, bare rock on top, a village and a ring road."""
    shape = terrain.height_m.shape
    height = terrain.height_m
    classes = _forest(shape, rng, conifers=0.12)
    parcel, shift = _parcels(shape, pixel_m, rng)
    sea = height <= 0.0
    top = float(np.quantile(height[~sea], 0.93))
    shore = (height < 25.0) & (terrain.slope_deg < 14.0)
    classes[shore & (ranks(fractal(shape, 1.4, rng)) > 0.6)] = Cover.FIELD
    classes[shore & (ranks(fractal(shape, 1.5, rng)) > 0.82)] = Cover.TOWN
    classes[ranks(fractal(shape, 1.2, rng)) > 0.95] = Cover.GRASS
    classes[np.abs(height - 30.0) < 2.0] = Cover.ROAD
    classes[(height < 3.0) | (height > top)] = Cover.ROCK
    classes[sea] = Cover.WATER
    return LandCover(classes, parcel, _shift(classes, shift))


def _forest(shape: tuple[int, int], rng: np.random.Generator, conifers: float = 0.55) -> NDArray[np.int8]:
    stands = ranks(fractal(shape, 1.7, rng))
    return np.where(stands < conifers, Cover.CONIFER, Cover.BROADLEAF).astype(np.int8)


def _parcels(shape: tuple[int, int], pixel_m: float, rng: np.random.Generator) -> tuple[NDArray[np.int32], FloatArray]:
    """Parcels of about 0.4 ha (nearest of random points) and the days by which each runs early or late."""
    count = max(8, int(shape[0] * shape[1] * pixel_m**2 / 4000.0))
    seeds = rng.uniform(0.0, 1.0, (count, 2)) * np.array(shape)
    grid = np.indices(shape).reshape(2, -1).T
    nearest = cKDTree(seeds).query(grid)[1].astype(np.int32).reshape(shape)
    days = rng.normal(0.0, 14.0, count).astype(np.float32)
    return nearest, days[nearest]


def _shift(classes: NDArray[np.int8], parcel_shift: FloatArray) -> FloatArray:
    """Parcels run early or late; woods do so by a fifth of that."""
    return np.where(classes == Cover.FIELD, parcel_shift, parcel_shift * np.float32(0.2)).astype(np.float32)


def _ribbon(shape: tuple[int, int], cost: FloatArray, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A winding line from west to east that keeps to low `cost`, `width` pixels wide."""
    height, length = shape
    row = int(np.argmin(cost[:, 0] + rng.uniform(0.0, 0.4, height)))
    line = np.zeros(shape, bool)
    for col in range(length):
        steps = np.clip(np.arange(row - 1, row + 2), 0, height - 1)
        row = int(steps[np.argmin(cost[steps, col] + rng.uniform(0.0, 0.05, 3))])
        line[max(0, row - width // 2) : row + (width + 1) // 2, col] = True
    return line
