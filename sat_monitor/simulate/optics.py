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
    Cover.ROAD: (0.075, 0.083, 0.090, 0.12, 0.150, 0.140),
    Cover.WATER: (0.040, 0.038, 0.022, 0.012, 0.006, 0.004),
    Cover.ROCK: (0.070, 0.080, 0.085, 0.12, 0.150, 0.130),
}
BROWN: Mapping[Cover, _Spectrum] = {
    Cover.CONIFER: (0.028, 0.042, 0.036, 0.22, 0.120, 0.060),
    Cover.BROADLEAF: (0.045, 0.060, 0.068, 0.19, 0.210, 0.125),
    Cover.GRASS: (0.060, 0.085, 0.105, 0.23, 0.290, 0.190),
    Cover.FIELD: (0.078, 0.105, 0.140, 0.21, 0.280, 0.240),
    Cover.TOWN: (0.115, 0.122, 0.130, 0.18, 0.205, 0.185),
    Cover.ROAD: (0.075, 0.083, 0.090, 0.12, 0.150, 0.140),
    Cover.WATER: (0.040, 0.038, 0.022, 0.012, 0.006, 0.004),
    Cover.ROCK: (0.075, 0.085, 0.095, 0.12, 0.150, 0.135),
}
#: Fresh fill of loam and rubble; ground after felling, with slash.
SOIL: _Spectrum = (0.095, 0.135, 0.185, 0.260, 0.345, 0.300)
CLEARED: _Spectrum = (0.055, 0.075, 0.090, 0.190, 0.250, 0.180)

#: Codes of the Level-2A scene classification.
_SHADOW, _VEGETATION, _BARE, _WATER, _UNCLASSIFIED = 3, 4, 5, 6, 7
_CLOUD_MEDIUM, _CLOUD_HIGH, _CIRRUS, _SNOW_OR_ICE = 8, 9, 10, 11
_SCL = {
    Cover.CONIFER: _VEGETATION, Cover.BROADLEAF: _VEGETATION, Cover.GRASS: _VEGETATION, Cover.FIELD: _VEGETATION,
    Cover.TOWN: _BARE, Cover.ROAD: _BARE, Cover.WATER: _WATER, Cover.ROCK: _BARE,
}  # fmt: skip
#: A flooded field, old snow, thick cloud; the part of the haze that each band sees.
_PADDY: _Spectrum = (0.055, 0.070, 0.075, 0.080, 0.040, 0.025)
_SNOW: _Spectrum = (0.72, 0.72, 0.72, 0.68, 0.11, 0.08)
_CLOUD: _Spectrum = (0.52, 0.52, 0.52, 0.55, 0.36, 0.30)
_HAZE: _Spectrum = (1.0, 0.75, 0.55, 0.30, 0.12, 0.08)
#: Colours of roofs, as factors of the mean town: grey, tile, blue metal, white, slate, trees between houses.
_ROOFS = np.array(
    [
        (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
        (0.90, 0.92, 1.15, 1.00, 1.05, 1.05),
        (1.20, 1.05, 0.95, 0.95, 0.90, 0.90),
        (1.35, 1.33, 1.30, 1.20, 1.10, 1.05),
        (0.80, 0.80, 0.80, 0.85, 0.90, 0.90),
        (0.70, 0.80, 0.70, 1.20, 0.90, 0.80),
    ]
)
_NOISE = 0.004
#: Share of bright ground that the classification calls cloud, and of days on which it misses thin cloud (METHOD 3).
_BRIGHT_AS_CLOUD, _MISSED_THIN = 0.04, 0.12


def texture(world: World) -> FloatArray:
    """Colour of each pixel that stays from scene to scene, (band, y, x) float32 about 1: crowns, roofs, soils."""
    rng = world.rng(1)
    cover, shape = world.cover, world.grid.shape
    town, field = cover.where(Cover.TOWN), cover.where(Cover.FIELD)
    kinds = [town, cover.where(Cover.WATER, Cover.ROAD), cover.where(Cover.CONIFER), field]
    bright = 1.0 + rng.standard_normal(shape) * np.select(kinds, [0.06, 0.03, 0.13, 0.04], 0.10)
    parcels = rng.normal(0.0, 1.0, int(cover.parcel.max()) + 1)[cover.parcel]
    bright = bright + parcels * np.where(field, 0.10, 0.04) * ~cover.where(Cover.WATER)
    own = 1.0 + rng.standard_normal((len(BANDS), *shape)) * 0.03
    roofs = _ROOFS[rng.integers(len(_ROOFS), size=shape)]
    hue = np.where(town, np.moveaxis(roofs, -1, 0), 1.0)
    return np.asarray(np.clip(bright * own * hue, 0.3, 2.2), np.float32)


def reflectance(
    world: World, ground: Ground, sky: Sky, still: FloatArray, day: date, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Bands (y, x) float32 surface reflectance as Level-2A delivers them, clouds included."""
    light = _light(world, day) * (1.0 - np.float32(0.6) * sky.shadow)
    gain = rng.normal(1.0, 0.015, len(BANDS)).astype(np.float32)
    clear = 1.0 - sky.cloud
    bands = {}
    for i, band in enumerate(BANDS):
        surface = _surface(world, ground, i) * still[i]
        surface += (np.float32(_SNOW[i]) - surface) * sky.snow
        seen = surface * light * gain[i] + np.float32(_HAZE[i]) * sky.haze
        seen = seen * clear + np.float32(_CLOUD[i]) * sky.cloud * sky.relief
        seen += rng.standard_normal(seen.shape, dtype=np.float32) * np.float32(_NOISE)
        values = _blurred(seen) if band in _COARSE else seen
        bands[band] = np.clip(values, 0.001, 1.2).astype(np.float32)
    return bands


def classification(world: World, ground: Ground, sky: Sky, rng: np.random.Generator) -> FloatArray:
    """Scene classification (y, x) float32 of Level-2A at 20 m, with its usual mistakes (METHOD 3).

    Sparse green is left unclassified, some bright soil and roofs are called cloud, and on some days all thin cloud is
    missed.
    """
    classes = np.array([_SCL[cover] for cover in Cover], np.float32)[world.cover.classes]
    chance = rng.random(classes.shape, dtype=np.float32)
    plants = classes == _VEGETATION
    classes[plants & (ground.green < 0.35)] = _BARE
    classes[plants & (ground.green < 0.45) & (chance < 0.3)] = _UNCLASSIFIED
    classes[ground.flooded > 0.5] = _WATER
    opened = ground.soil + ground.cleared
    classes[opened > 0.5] = _BARE
    bright = (ground.soil > 0.5) | (world.cover.where(Cover.TOWN) & (chance < 0.25))
    classes[bright & (rng.random(classes.shape, dtype=np.float32) < _BRIGHT_AS_CLOUD)] = _CLOUD_MEDIUM
    classes[sky.snow > 0.4] = _SNOW_OR_ICE
    classes[sky.shadow > 0.35] = _SHADOW
    if rng.random() > _MISSED_THIN:
        classes[sky.cloud > 0.08] = _CIRRUS
    classes[sky.cloud > 0.35] = _CLOUD_MEDIUM
    classes[sky.cloud > 0.8] = _CLOUD_HIGH
    return _nearest20(classes)


def _surface(world: World, ground: Ground, band: int) -> FloatArray:
    """Reflectance of the ground in one band, (y, x), before texture, light and air."""
    green = np.array([GREEN[cover][band] for cover in Cover], np.float32)[world.cover.classes]
    brown = np.array([BROWN[cover][band] for cover in Cover], np.float32)[world.cover.classes]
    # Turned soil is moist and dark for some weeks.
    brown *= 1.0 - np.float32(0.25) * ground.ploughed
    value = brown + (green - brown) * ground.green
    value += (np.float32(_PADDY[band]) - value) * np.float32(0.8) * ground.flooded
    value *= ground.natural
    value += np.float32(SOIL[band]) * ground.soil + np.float32(CLEARED[band]) * ground.cleared
    for new in ground.brought:
        mixed = BROWN[new.cover][band] + (GREEN[new.cover][band] - BROWN[new.cover][band]) * new.green
        value += np.float32(mixed) * new.share
    return value


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
