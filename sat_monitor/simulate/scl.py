"""The scene classification of Level-2A at 20 m, with its usual mistakes (METHOD 3), at configured rates.

Thin cloud and cloud shadow are missed over stretches of ground, bright soil and roofs are called cloud, deep shade is
called water, sparse green stays unclassified.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.simulate.ground import Ground
from sat_monitor.simulate.kinds import Cover
from sat_monitor.simulate.optics import Light
from sat_monitor.simulate.weather import Sky
from sat_monitor.simulate.world import Purpose, World

SHADOW, VEGETATION, BARE, WATER, UNCLASSIFIED = 3, 4, 5, 6, 7
CLOUD_MEDIUM, CLOUD_HIGH, CIRRUS, SNOW_OR_ICE = 8, 9, 10, 11
#: Opacity from which cloud counts as cloud, from which it is never missed, and from which it is called high.
THIN, THICK, HIGH = 0.05, 0.35, 0.8
#: Shadow that counts; snow that counts.
DARK, WHITE = 0.35, 0.4
#: Cosine of the sun's incidence below which a slope is called shadow or water.
_SHADE = 0.1
#: Side of the stretches that are mistaken together, pixels; share of town pixels with bright roofs.
_STRETCH_PX, _BRIGHT_ROOFS = 3, 0.25

_PLANTS = (
    Cover.CONIFER, Cover.BROADLEAF, Cover.BAMBOO, Cover.ORCHARD, Cover.PADDY, Cover.UPLAND, Cover.GRASS, Cover.HERBS,
    Cover.UNDERGROWTH,
)  # fmt: skip
_BRIGHT = (
    Cover.SOIL, Cover.WORKED, Cover.ROOF, Cover.PLASTIC, Cover.CUT_ROCK, Cover.QUARRY, Cover.DEBRIS, Cover.BARE,
)  # fmt: skip
_OTHER: Mapping[Cover, int] = {Cover.WATER: WATER, Cover.FLOODWATER: WATER, Cover.SNOW: SNOW_OR_ICE}
_CODES = np.array([VEGETATION if c in _PLANTS else _OTHER.get(c, BARE) for c in Cover], np.int8)


def bright_ground(world: World, ground: Ground) -> BoolArray:
    """Soil, rock and roofs so bright that the classification may call them cloud, (y, x)."""
    roofs = world.rng(Purpose.CLASSES).random(world.grid.shape, dtype=np.float32) < _BRIGHT_ROOFS
    bright = world.cover.where(*_BRIGHT) | (world.cover.where(Cover.TOWN) & roofs)
    for patch in ground.patches:
        window = bright[patch.event.plot.window.slices]
        window &= patch.natural > 0.5
        for cover, part in patch.brought:
            window |= (part > 0.5) & (cover in _BRIGHT)
    return np.asarray(bright)


def classification(world: World, ground: Ground, light: Light, sky: Sky, rng: np.random.Generator) -> FloatArray:
    """Scene classification (y, x) float32 of Level-2A."""
    optical, shape = world.spec.config.optical, world.grid.shape
    classes = _clear_classes(world, ground, rng)
    shade = light.cosine < _SHADE
    classes[shade] = np.where(_stretches(shape, rng) < optical.shade_as_water, WATER, SHADOW)[shade]
    called = bright_ground(world, ground) & (_stretches(shape, rng) < optical.bright_as_cloud)
    classes[called] = CLOUD_MEDIUM
    classes[sky.snow > WHITE] = SNOW_OR_ICE
    classes[(sky.shadow > DARK) & (sky.shadow_luck >= optical.shadow_missed)] = SHADOW
    classes[(sky.cloud > THIN) & (sky.thin_luck >= optical.thin_cloud_missed)] = CIRRUS
    classes[sky.cloud > THICK] = CLOUD_MEDIUM
    classes[sky.cloud > HIGH] = CLOUD_HIGH
    return _nearest20(classes)


def _clear_classes(world: World, ground: Ground, rng: np.random.Generator) -> NDArray[np.int8]:
    """What the ground is called under a clear sky, (y, x)."""
    season, chance = ground.season, rng.random(world.grid.shape, dtype=np.float32)
    codes = _CODES[world.cover.unit_cover].copy()
    plants = codes == VEGETATION
    sparse = plants & (season.green < 0.45)
    codes[plants & (season.green < 0.35)] = BARE
    codes[season.flooded > 0.5] = WATER
    classes = codes[world.cover.unit]
    classes[sparse[world.cover.unit] & (chance < 0.3)] = UNCLASSIFIED
    for patch in ground.patches:
        window = classes[patch.event.plot.window.slices]
        for cover, part in patch.brought:
            window[part > 0.5] = _CODES[cover]
    return np.asarray(classes, np.int8)


def _stretches(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Uniform draws (y, x) float32 that neighbours share."""
    side = _STRETCH_PX
    few = rng.random((-(-shape[0] // side), -(-shape[1] // side)), dtype=np.float32)
    return few.repeat(side, axis=0).repeat(side, axis=1)[: shape[0], : shape[1]]


def _nearest20(classes: NDArray[np.int8]) -> FloatArray:
    """Classes of every second pixel on the 10 m grid."""
    height, width = classes.shape
    return classes[::2, ::2].repeat(2, axis=0).repeat(2, axis=1)[:height, :width].astype(np.float32)
