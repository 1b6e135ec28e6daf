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


@dataclass(frozen=True, slots=True)
class Sky:
    """Opacity of cloud (y, x) float32, 0..1, its shadow likewise, and the haze of the day, reflectance in the blue."""

    cloud: FloatArray
    shadow: FloatArray
    haze: float

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
        return float(np.clip(rng.beta(4.0, 0.9), 0.0, 1.0))
    if _TYPHOON[0] <= season <= _TYPHOON[1]:
        return float(np.clip(rng.beta(2.0, 0.8), 0.0, 1.0))
    return float(rng.beta(0.45, 0.65))


def sky_on(day: date, texture: FloatArray, rng: np.random.Generator) -> Sky:
    """The sky of a day: the texture moved by wind and cut at the day's cloud share; shadows lie to the north-west."""
    share = cloud_share(day, rng)
    moved = np.roll(texture, (int(rng.integers(texture.shape[0])), int(rng.integers(texture.shape[1]))), (0, 1))
    if rng.random() < 0.5:
        moved = moved[:, ::-1]
    # A sky is whole or free at the ends: a share of 0.03 is fair-weather haze, not forty small clouds.
    if share < 0.06:
        moved = np.zeros_like(moved)
    cloud = np.clip((moved - (1.0 - share)) / 0.10, 0.0, 1.0).astype(np.float32)
    away = (-int(rng.integers(5, 14)), -int(rng.integers(3, 9)))
    shadow = np.roll(cloud, away, (0, 1)) * (1.0 - cloud)
    return Sky(cloud, shadow.astype(np.float32), float(rng.gamma(2.0, 0.006)))


def wetness(day: date, rng: np.random.Generator) -> float:
    """Soil moisture of a day, 0 (dry) to 1 (soaked)."""
    season = day.timetuple().tm_yday
    mean = 0.65 if _TSUYU[0] <= season <= _TYPHOON[1] else 0.4
    return float(np.clip(rng.normal(mean, 0.22), 0.0, 1.0))
