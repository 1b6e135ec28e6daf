"""Clouds, haze and rain, by the season of western Tokyo: tsuyu from June to mid July, typhoons in September."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.terrain import fractal, ranks

#: Days of year of the rainy season and of the typhoon spell.
_TSUYU = (157, 198)
_TYPHOON = (248, 268)
#: Chance that snow lies on an imaged day of deep winter.
_SNOW_CHANCE = 0.12


@dataclass(frozen=True, slots=True)
class Sky:
    """What lies between the ground and the satellite, and on the ground, (y, x) float32.

    Opacity of `cloud` and its `shadow`, 0..1; brightness of the cloud tops, `relief`, about 1; `haze`, reflectance
    that it adds in the blue; `snow` on the ground, 0..1.
    """

    cloud: FloatArray
    shadow: FloatArray
    relief: FloatArray
    haze: FloatArray
    snow: FloatArray

    @property
    def cover(self) -> float:
        """Share of the pixels under cloud."""
        return float((self.cloud > 0.3).mean())


def cloud_texture(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """A field of uniform ranks from which each day's clouds are cut, (y, x) float32, 0..1."""
    return ranks(fractal(shape, 1.45, rng))


def cloud_share(day: date, rng: np.random.Generator) -> float:
    """Share of the sky under cloud on a day, 0..1."""
    season = day.timetuple().tm_yday
    if _TSUYU[0] <= season <= _TSUYU[1]:
        return float(rng.beta(4.0, 0.9))
    if _TYPHOON[0] <= season <= _TYPHOON[1]:
        return float(rng.beta(2.0, 0.8))
    # Winter is the clear season on the Pacific side.
    return float(rng.beta(0.4, 1.0) if season < 60 or season > 334 else rng.beta(0.5, 0.6))


def sky_on(day: date, texture: FloatArray, snow: FloatArray, rng: np.random.Generator) -> Sky:
    """The sky of a day: the texture moved by wind and cut at the day's cloud share; shadows lie to the north-west."""
    share = cloud_share(day, rng)
    moved = _blown(texture, rng)
    # A sky is whole or free at the ends: a share of 0.03 is fair-weather haze, not forty small clouds.
    if share < 0.06:
        moved = np.zeros_like(moved)
    cloud = np.clip((moved - np.float32(1.0 - share)) / np.float32(0.10), 0.0, 1.0)
    away = (-int(rng.integers(5, 14)), -int(rng.integers(3, 9)))
    shadow = np.roll(cloud, away, (0, 1)) * (1.0 - cloud)
    air = _blown(texture, rng)
    haze = np.float32(rng.gamma(2.0, 0.006)) * (np.float32(0.7) + np.float32(0.6) * air)
    return Sky(cloud, shadow, np.float32(0.75) + np.float32(0.4) * air, haze, snow)


def snow_on(day: date, height_m: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Snow on the ground (y, x) float32, 0..1: on few days of January and February, more on the heights."""
    lies = rng.random() < _SNOW_CHANCE and 8 <= day.timetuple().tm_yday <= 62
    if not lies:
        return np.zeros_like(height_m)
    line = np.float32(rng.uniform(50.0, 220.0))
    return np.asarray(np.clip((height_m - line) / np.float32(80.0), 0.0, 0.85), np.float32)


def _blown(texture: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The texture shifted round its edges, and mirrored half of the time."""
    moved = np.roll(texture, (int(rng.integers(texture.shape[0])), int(rng.integers(texture.shape[1]))), (0, 1))
    return moved[:, ::-1] if rng.random() < 0.5 else moved


def wetness(day: date, rng: np.random.Generator) -> float:
    """Soil moisture of a day, 0 (dry) to 1 (soaked)."""
    season = day.timetuple().tm_yday
    mean = 0.65 if _TSUYU[0] <= season <= _TYPHOON[1] else 0.4
    return float(np.clip(rng.normal(mean, 0.22), 0.0, 1.0))
