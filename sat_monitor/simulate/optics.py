"""What Sentinel-2 sees: spectra of leaf, soil and roofs mixed by their parts, lit by the sun, dimmed by the sky.

Reflectances are typical Level-2A values of the cover in the literature of spectral libraries (ECOSTRESS, Meerdink et
al., 2019, for leaf, soil and asphalt), rounded; they are those of no place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.cover import Cover
from sat_monitor.simulate.ground import Ground
from sat_monitor.simulate.weather import Sky
from sat_monitor.simulate.world import World

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
#: Bands of 20 m.
_COARSE = ("B11", "B12")

_Spectrum = tuple[float, float, float, float, float, float]

GREEN: Mapping[Cover, _Spectrum] = {
    Cover.CONIFER: (0.020, 0.036, 0.021, 0.26, 0.105, 0.045),
    Cover.BROADLEAF: (0.024, 0.052, 0.026, 0.40, 0.180, 0.075),
    Cover.GRASS: (0.033, 0.072, 0.042, 0.37, 0.200, 0.100),
    Cover.FIELD: (0.032, 0.068, 0.040, 0.41, 0.195, 0.095),
    Cover.TOWN: (0.060, 0.085, 0.075, 0.28, 0.200, 0.140),
    Cover.ROAD: (0.090, 0.100, 0.105, 0.14, 0.160, 0.150),
    Cover.WATER: (0.040, 0.038, 0.022, 0.012, 0.006, 0.004),
    Cover.ROCK: (0.070, 0.080, 0.085, 0.12, 0.150, 0.130),
}
BROWN: Mapping[Cover, _Spectrum] = {
    Cover.CONIFER: (0.028, 0.042, 0.036, 0.22, 0.120, 0.060),
    Cover.BROADLEAF: (0.045, 0.060, 0.068, 0.19, 0.210, 0.125),
    Cover.GRASS: (0.060, 0.085, 0.105, 0.23, 0.290, 0.190),
    Cover.FIELD: (0.078, 0.105, 0.140, 0.21, 0.280, 0.240),
    Cover.TOWN: (0.125, 0.135, 0.145, 0.20, 0.215, 0.190),
    Cover.ROAD: (0.090, 0.100, 0.105, 0.14, 0.160, 0.150),
    Cover.WATER: (0.040, 0.038, 0.022, 0.012, 0.006, 0.004),
    Cover.ROCK: (0.075, 0.085, 0.095, 0.12, 0.150, 0.135),
}
#: Fresh fill of loam and rubble; ground after felling, with slash.
SOIL: _Spectrum = (0.095, 0.135, 0.185, 0.260, 0.345, 0.300)
CLEARED: _Spectrum = (0.055, 0.075, 0.090, 0.190, 0.250, 0.180)

_SCL = {
    Cover.CONIFER: 4, Cover.BROADLEAF: 4, Cover.GRASS: 4, Cover.FIELD: 4,
    Cover.TOWN: 5, Cover.ROAD: 5, Cover.WATER: 6, Cover.ROCK: 5,
}  # fmt: skip
_NOISE = 0.004
#: Share of bright bare pixels that the classification calls cloud, and of thin cloud that it misses (METHOD 3).
_SOIL_AS_CLOUD, _MISSED_THIN = 0.04, 0.12


def texture(world: World) -> FloatArray:
    """Brightness of each pixel that stays from scene to scene, (y, x) float32 about 1: crowns, roofs, furrows."""
    rng = world.rng(1)
    sd = np.select(
        [world.cover.where(Cover.TOWN), world.cover.where(Cover.WATER), world.cover.where(Cover.CONIFER)],
        [0.20, 0.03, 0.13],
        0.09,
    )
    parcels = rng.normal(0.0, 0.10, int(world.cover.parcel.max()) + 1)[world.cover.parcel]
    own = rng.standard_normal(world.grid.shape) * sd + np.where(world.cover.where(Cover.FIELD), parcels, 0.3 * parcels)
    return np.asarray(np.clip(1.0 + own, 0.4, 1.9), np.float32)


def reflectance(
    world: World, ground: Ground, sky: Sky, still: FloatArray, day: date, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Bands (y, x) float32 surface reflectance as Level-2A delivers them, clouds included."""
    light = _light(world, day)
    haze = np.array([1.0, 0.75, 0.55, 0.30, 0.12, 0.08], np.float32) * np.float32(sky.haze)
    white = np.array([0.52, 0.52, 0.52, 0.55, 0.36, 0.30], np.float32)
    gain = rng.normal(1.0, 0.015, len(BANDS)).astype(np.float32)
    bands = {}
    for i, band in enumerate(BANDS):
        surface = _surface(world, ground, i) * still * light
        seen = surface * gain[i] * (1.0 - 0.6 * sky.shadow) + haze[i]
        seen = seen * (1.0 - sky.cloud) + white[i] * sky.cloud * (0.85 + 0.3 * still / 2.0)
        seen = seen + rng.standard_normal(seen.shape, dtype=np.float32) * np.float32(_NOISE)
        values = _blurred(seen) if band in _COARSE else seen
        bands[band] = np.clip(values, 0.001, 1.2).astype(np.float32)
    return bands


def classification(world: World, ground: Ground, sky: Sky, rng: np.random.Generator) -> FloatArray:
    """Scene classification (y, x) float32 of Level-2A at 20 m, with its usual mistakes."""
    table = np.array([_SCL[cover] for cover in Cover], np.float32)
    classes = table[world.cover.classes]
    brown = (ground.green < 0.35) & (classes == 4)
    classes[brown | (ground.soil + ground.cleared > 0.5)] = 5
    bright = (ground.soil > 0.5) & (rng.random(classes.shape, dtype=np.float32) < _SOIL_AS_CLOUD)
    classes[bright] = 8
    classes[sky.shadow > 0.35] = 3
    thin = (sky.cloud > 0.08) & (rng.random() > _MISSED_THIN)
    classes[thin] = 10
    classes[sky.cloud > 0.35] = 8
    classes[sky.cloud > 0.8] = 9
    return _nearest20(classes)


def _surface(world: World, ground: Ground, band: int) -> FloatArray:
    green = np.array([GREEN[cover][band] for cover in Cover], np.float32)[world.cover.classes]
    brown = np.array([BROWN[cover][band] for cover in Cover], np.float32)[world.cover.classes]
    value = (brown + (green - brown) * ground.green) * ground.natural
    value = value + np.float32(SOIL[band]) * ground.soil + np.float32(CLEARED[band]) * ground.cleared
    for cover, share in ground.replaced:
        value = value + np.float32(0.6 * GREEN[cover][band] + 0.4 * BROWN[cover][band]) * share
    return np.asarray(value, np.float32)


def _light(world: World, day: date) -> FloatArray:
    """Illumination by terrain (y, x) float32 about 1: Level-2A corrects the atmosphere, not the slope."""
    season = 2.0 * np.pi * (day.timetuple().tm_yday - 172) / 365.25
    elevation = 55.0 + 21.0 * np.cos(season)
    azimuth = 140.0 + 14.0 * np.cos(season + np.pi)
    cosine = world.terrain.cos_incidence(azimuth, elevation)
    relative = np.clip(cosine, 0.05, 1.0) / np.float32(np.sin(np.radians(elevation)))
    return np.asarray(0.45 + 0.55 * relative, np.float32)


def _blurred(values: FloatArray) -> FloatArray:
    """Values of 20 m pixels on the 10 m grid."""
    height, width = values.shape
    even = values[: height - height % 2, : width - width % 2]
    blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean(axis=(1, 3))
    wide = blocks.repeat(2, axis=0).repeat(2, axis=1)
    return np.pad(wide, ((0, height % 2), (0, width % 2)), mode="edge")


def _nearest20(classes: NDArray[np.float32]) -> FloatArray:
    """Classes of every second pixel on the 10 m grid."""
    height, width = classes.shape
    return classes[::2, ::2].repeat(2, axis=0).repeat(2, axis=1)[:height, :width].astype(np.float32)
