"""What Sentinel-1 sees: gamma0 by cover, moisture and slope, with speckle of the right looks and correlation.

An IW GRD product at high resolution has cells of 20 m (range) by 22 m (azimuth) on a grid of 10 m and 4.4 equivalent
looks (ESA, Sentinel-1 Product Definition, S1-RS-MDA-52-7440); intensity speckle is Gamma distributed (Oliver and
Quegan, 2004, ch. 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat_monitor.core.domain import BoolArray, Direction, FloatArray
from sat_monitor.core.units import DB_PER_NEPER
from sat_monitor.simulate.config import Platform
from sat_monitor.simulate.ground import Ground
from sat_monitor.simulate.kinds import Cover
from sat_monitor.simulate.optics import shifted
from sat_monitor.simulate.phenology import leaf_of
from sat_monitor.simulate.surfaces import POLARISATIONS, SURFACES
from sat_monitor.simulate.terrain import Terrain
from sat_monitor.simulate.world import Purpose, World

#: Equivalent number of looks of a pixel.
ENL = 4.4
#: Weights with which neighbours share a cell, along azimuth (rows, 22 m) and range (columns, 20 m).
_AZIMUTH, _RANGE = np.array([1.0, 1.0, 0.1]), np.array([1.0, 1.0])
#: Direction from the ground to the sensor, degrees, of a right-looking orbit of 98.2 degrees; incidence of mid swath.
_LOOK_AZIMUTH = {Direction.ASCENDING: 258.0, Direction.DESCENDING: 102.0}
_INCIDENCE_DEG = 39.0
#: VH reacts to leaf and water by so much more than VV.
_LEAF_VH, _WET_VH = 1.8, 1.5
#: What fresh furrows, standing water and full snow cover do in VV and VH, dB.
_PLOUGHED_DB, _FLOODED_DB, _SNOW_DB = (1.8, 1.0), (-6.0, -5.0), (-2.0, -2.5)
#: What terrain correction leaves of the slope, dB from edge-on to facing.
_SLOPE_DB = 0.6
#: Noise-equivalent level, dB (specified: -22; measured on Sentinel-1A: better than -25).
_NOISE_DB = -27.0
#: Pixels that flicker together.
_STRETCH_PX = 5

_ECHOES = [SURFACES[cover].echo for cover in Cover]
_LEVEL = np.array([(echo.vv, echo.vh) for echo in _ECHOES], np.float32)
_WET = np.array([(echo.wet, echo.wet * _WET_VH) for echo in _ECHOES], np.float32)
_LEAF = np.array([(echo.leaf, echo.leaf * _LEAF_VH) for echo in _ECHOES], np.float32)


@dataclass(frozen=True, slots=True)
class View:
    """One direction over the terrain: a lasting factor of the power (y, x) float32, and what is `hidden` from it."""

    factor: FloatArray
    hidden: BoolArray


def view_from(terrain: Terrain, direction: Direction) -> View:
    """How a track sees the terrain: layover and shadow are hidden."""
    azimuth, elevation = _LOOK_AZIMUTH[direction], 90.0 - _INCIDENCE_DEG
    facing = terrain.cos_incidence(azimuth, elevation)
    hidden = terrain.laid_over(azimuth, elevation) | terrain.shaded(azimuth, elevation)
    return View(_power(np.float32(_SLOPE_DB) * (facing - facing.mean())), np.asarray(hidden))


def texture(world: World) -> FloatArray:
    """Factor of each pixel's power that stays from scene to scene, (polarisation, y, x) float32."""
    rng = world.rng(Purpose.ECHO)
    lasting = np.array([echo.lasting for echo in _ECHOES], np.float32)[world.cover.classes]
    common = rng.standard_normal(world.grid.shape, dtype=np.float32) * lasting
    own = rng.standard_normal((2, *world.grid.shape), dtype=np.float32) * np.float32(0.3)
    return _power(common + own)


def backscatter(
    world: World, ground: Ground, wet: float, view: View, still: FloatArray, snow: FloatArray,
    platform: Platform, rng: np.random.Generator,
) -> dict[str, FloatArray]:  # fmt: skip
    """VV and VH (y, x) float32, linear gamma0; NaN where the track is blind."""
    sd = world.spec.config.radar.calibration_sd_db
    offsets_db = platform.offset_db + rng.normal(0.0, sd, len(POLARISATIONS))
    wind_db = rng.normal(0.0, 1.5)
    units_db = _units_db(world, ground, wet)
    units_db[world.cover.unit_cover == Cover.WATER] += wind_db
    units = _power(units_db)
    bands = {}
    for p, name in enumerate(POLARISATIONS):
        power = units[:, p][world.cover.unit] * still[p]
        for patch in ground.patches:
            block = power[patch.event.plot.window.slices]
            block *= patch.natural
            for cover, part in patch.brought:
                block += part * _power(_LEVEL[cover][p] + _swing(cover, p, ground.day_of_year, wet))
        power *= view.factor
        if snow.any():
            power *= _power(np.float32(_SNOW_DB[p]) * snow)
        power = shifted(power, *platform.shift_px) * _flicker(world, p, rng)
        power = power * np.float32(10.0 ** (offsets_db[p] / 10.0)) + np.float32(10.0 ** (_NOISE_DB / 10.0))
        seen = power * speckle(world.grid.shape, rng)
        bands[name] = np.where(view.hidden, np.float32(np.nan), seen).astype(np.float32)
    return bands


def speckle(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Gamma-like speckle (y, x) float32 of mean 1 and `ENL` looks per pixel, shared by neighbours as a cell is."""
    weights = np.outer(_AZIMUTH, _RANGE)
    looks = ENL * float((weights**2).sum() / weights.sum() ** 2)
    wide = (shape[0] + len(_AZIMUTH) - 1, shape[1] + len(_RANGE) - 1)
    fine = rng.standard_gamma(looks, wide, dtype=np.float32) / np.float32(looks)
    cell = np.zeros(shape, np.float32)
    for (row, col), weight in np.ndenumerate((weights / weights.sum()).astype(np.float32)):
        cell += weight * fine[row : row + shape[0], col : col + shape[1]]
    return cell


def _units_db(world: World, ground: Ground, wet: float) -> FloatArray:
    """Level of every unit, (unit, polarisation) float32, dB: moisture, leaf and the crop calendar."""
    season, covers = ground.season, world.cover.unit_cover
    level = _LEVEL[covers] + _WET[covers] * np.float32(wet - 0.5) + _LEAF[covers] * (season.green[:, None] - 0.5)
    level += season.ploughed[:, None] * np.array(_PLOUGHED_DB, np.float32)
    level += season.flooded[:, None] * np.array(_FLOODED_DB, np.float32)
    return np.asarray(level, np.float32)


def _swing(cover: Cover, polarisation: int, day_of_year: float, wet: float) -> np.float32:
    """What moisture and leaf add to a surface that an event brought, dB."""
    leaf = leaf_of(cover, day_of_year) - 0.5 if SURFACES[cover].leaf.high > 0.0 else 0.0
    return np.float32(_WET[cover][polarisation] * (wet - 0.5) + _LEAF[cover][polarisation] * leaf)


def _flicker(world: World, polarisation: int, rng: np.random.Generator) -> FloatArray:
    """Factor (y, x) float32 by which stretches of ground differ from look to look beyond speckle."""
    sd = np.array([echo.flicker[polarisation] for echo in _ECHOES], np.float32)[world.cover.classes]
    shape, side = world.grid.shape, _STRETCH_PX
    few = rng.standard_normal((-(-shape[0] // side) + 1, -(-shape[1] // side) + 1), dtype=np.float32)
    row, col = rng.integers(side, size=2)
    many = few.repeat(side, axis=0).repeat(side, axis=1)[row : row + shape[0], col : col + shape[1]]
    return _power(sd * many)


def _power(db: FloatArray | np.float32) -> FloatArray:
    """Decibels to a factor, float32; exp of single precision, for this is most of the work."""
    return np.asarray(np.exp(np.asarray(db, np.float32) * np.float32(1.0 / DB_PER_NEPER)), np.float32)
