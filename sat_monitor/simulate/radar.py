"""What Sentinel-1 sees: gamma0 by cover, moisture and slope, with speckle of the right looks and correlation.

Levels are typical C-band gamma0 of the cover (Ulaby and Dobson, 1989, handbook ranges), rounded; they are of no place.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sat_monitor.core.domain import Direction, FloatArray
from sat_monitor.core.units import db_to_power
from sat_monitor.simulate.cover import Cover
from sat_monitor.simulate.ground import Ground
from sat_monitor.simulate.world import World

POLARISATIONS = ("VV", "VH")
#: Equivalent number of looks of an IW GRD product (METHOD 13), and the pixels of 10 m over which its speckle is shared.
ENL = 4.4
_SHARED_PX = 2

LEVEL_DB: Mapping[Cover, tuple[float, float]] = {
    Cover.CONIFER: (-7.8, -13.2),
    Cover.BROADLEAF: (-7.4, -12.8),
    Cover.GRASS: (-11.0, -17.5),
    Cover.FIELD: (-11.5, -18.0),
    Cover.TOWN: (-4.0, -11.5),
    Cover.ROAD: (-13.0, -20.0),
    Cover.WATER: (-19.0, -26.0),
    Cover.ROCK: (-9.5, -17.0),
}
SOIL_DB = (-10.5, -18.5)
CLEARED_DB = (-9.8, -16.2)
#: Gain of soaked over dry ground, dB, by how open it is: bare soil, low plants, forest.
_WET_OPEN_DB, _WET_FOREST_DB = 2.2, 0.5
#: Leaves raise the VV backscatter of woods, crops and grass by this much from winter to summer, dB; VH by a multiple.
_LEAF_DB, _LEAF_VH = 0.7, 1.8
#: What fresh furrows and standing water do to a field in VV and VH, dB.
_PLOUGHED_DB, _FLOODED_DB = (1.8, 1.0), (-6.0, -5.0)
#: Radiometric stability of a scene, dB.
_CALIBRATION_SD_DB = 0.15
_LOOK_AZIMUTH = {Direction.ASCENDING: 80.0, Direction.DESCENDING: 280.0}
_LOOK_ELEVATION = 51.0
_SHORTENED = 0.97


def texture_db(world: World) -> FloatArray:
    """Offset of each pixel that stays from scene to scene, (polarisation, y, x) float32, dB."""
    rng = world.rng(2)
    sd = np.where(world.cover.where(Cover.TOWN), 3.0, 0.8)
    common = rng.standard_normal(world.grid.shape) * sd
    own = rng.standard_normal((2, *world.grid.shape)) * 0.3
    return (common + own).astype(np.float32)


def backscatter(
    world: World, ground: Ground, wet: float, direction: Direction, still: FloatArray, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """VV and VH (y, x) float32, linear gamma0; NaN where the slope that faces the sensor is laid over."""
    facing = world.terrain.cos_incidence(_LOOK_AZIMUTH[direction], _LOOK_ELEVATION)
    forest = world.cover.where(Cover.CONIFER, Cover.BROADLEAF)
    open_water = world.cover.where(Cover.WATER)
    moist = np.where(forest, _WET_FOREST_DB, _WET_OPEN_DB) * (wet - 0.5) * ~open_water
    growth = _LEAF_DB * (ground.green - 0.5) * world.cover.where(Cover.BROADLEAF, Cover.FIELD, Cover.GRASS)
    wind = rng.normal(0.0, 1.5)
    calibration_db = rng.normal(0.0, _CALIBRATION_SD_DB, len(POLARISATIONS))
    bands = {}
    for p, name in enumerate(POLARISATIONS):
        level = np.array([LEVEL_DB[cover][p] for cover in Cover], np.float32)[world.cover.classes]
        level = level + still[p] + moist + growth * (1.0 if p == 0 else _LEAF_VH)
        level = level + np.where(open_water, wind, 0.6 * (facing - facing.mean())) + calibration_db[p]
        level = level + np.float32(_PLOUGHED_DB[p]) * ground.ploughed + np.float32(_FLOODED_DB[p]) * ground.flooded
        power = db_to_power(level.astype(np.float32)) * ground.natural
        for part, db in _parts(ground, p, wet):
            power = power + part * np.float32(db_to_power(db))
        seen = power * _speckle(world.grid.shape, rng)
        bands[name] = np.where(facing > _SHORTENED, np.float32(np.nan), seen).astype(np.float32)
    return bands


def _parts(ground: Ground, polarisation: int, wet: float) -> list[tuple[FloatArray, float]]:
    """Parts of each pixel that events changed, with their level in dB."""
    gain = _WET_OPEN_DB * (wet - 0.5)
    changed = [(ground.soil, SOIL_DB[polarisation] + gain), (ground.cleared, CLEARED_DB[polarisation] + gain)]
    return changed + [(new.share, LEVEL_DB[new.cover][polarisation] + gain) for new in ground.brought]


def _speckle(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Gamma-like speckle of mean 1 and `ENL` looks per pixel, shared by neighbours as a 20 m cell is."""
    side = _SHARED_PX
    looks = ENL / side**2
    wide = (shape[0] + side - 1, shape[1] + side - 1)
    fine = rng.standard_gamma(looks, wide, dtype=np.float32) / np.float32(looks)
    rows = fine[:-1] + fine[1:]
    return np.asarray((rows[:, :-1] + rows[:, 1:]) / np.float32(side**2), np.float32)
