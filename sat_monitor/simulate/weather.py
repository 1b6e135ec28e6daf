"""Clouds, haze, rain and snow, by the season of western Tokyo: tsuyu from early June, typhoons from late August.

Outside of these two spells, cloud shares are those of the Pacific side of Japan in round figures: clear in winter,
mixed from spring to autumn. Soil moisture follows an antecedent precipitation index (Kohler and Linsley, 1951).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.config import OpticalWorld
from sat_monitor.simulate.kinds import Cover
from sat_monitor.simulate.sun import Sun
from sat_monitor.simulate.terrain import fractal, ranks
from sat_monitor.simulate.world import Purpose, World

#: Day of year, and its standard deviation, on which the rainy season and the typhoon spell begin.
_TSUYU, _TYPHOON, _START_SD = 158.0, 236.0, 5.0
#: Days of rain that the ground remembers, what it keeps of them from day to day, and the rain that soaks it, mm.
_MEMORY_DAYS, _KEPT, _SOAKED_MM = 14, 0.85, 20.0
#: Days of clear sky that follow a spell.
_BRIGHT_DAYS = 10.0
#: Days that snow lies.
_SNOW_DAYS = 7
#: Height of cloud bases, m.
_CLOUD_BASE_M = (600.0, 2200.0)


@dataclass(frozen=True, slots=True)
class Sky:
    """What lies between the ground and the satellite, and on the ground, (y, x) float32.

    Opacity of `cloud`, 0..1, thick and thin, and its `shadow`; brightness of the cloud tops, `relief`, about 1;
    `haze`, reflectance that it adds in the blue; `snow` on the ground, 0..1. `thin_luck` and `shadow_luck`, uniform
    in 0..1 and alike over stretches of ground, decide what the classification misses.
    """

    cloud: FloatArray
    shadow: FloatArray
    relief: FloatArray
    haze: FloatArray
    snow: FloatArray
    thin_luck: FloatArray
    shadow_luck: FloatArray


@dataclass(frozen=True, slots=True)
class Spell:
    """Overcast days: first day of year and length, days."""

    begin: float
    days: float

    def holds(self, day_of_year: float) -> bool:
        """Whether a day lies in it."""
        return self.begin <= day_of_year < self.begin + self.days

    def has_just_ended(self, day_of_year: float) -> bool:
        """Whether a day is one of the first under the high pressure that ends it."""
        return self.begin + self.days <= day_of_year < self.begin + self.days + _BRIGHT_DAYS


def spells(world: World, year: int) -> tuple[Spell, Spell]:
    """Tsuyu and typhoon spell of a year."""
    rng, optical = world.rng(Purpose.SPELLS, year), world.spec.config.optical
    lengths = (optical.tsuyu_days, optical.typhoon_days)
    begins = (_TSUYU, _TYPHOON)
    made = [
        Spell(float(rng.normal(begin, _START_SD)), float(rng.uniform(min(span), max(span))))
        for begin, span in zip(begins, lengths, strict=True)
    ]
    return made[0], made[1]


def cloud_texture(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """A field of uniform ranks from which each day's clouds are cut, (y, x) float32, 0..1; it joins at its edges."""
    return ranks(fractal(shape, 1.45, rng))


def cloud_share(world: World, day: date, rng: np.random.Generator) -> float:
    """Share of the sky under thick cloud on a day, 0..1."""
    season = day.timetuple().tm_yday
    both = spells(world, day.year)
    if any(spell.holds(season) for spell in both):
        return float(rng.beta(30.0, 0.6))
    if any(spell.has_just_ended(season) for spell in both):
        return float(rng.beta(0.4, 2.0))
    # Winter is the clear season on the Pacific side.
    free = rng.beta(0.4, 1.0) if season < 60 or season > 334 else rng.beta(0.4, 0.7)
    return float(np.clip(free * world.spec.config.optical.cloudiness, 0.0, 1.0))


def sky_on(world: World, day: date, texture: FloatArray, sun: Sun) -> Sky:
    """The sky of a day: the texture moved by wind and cut at the day's cloud share; shadows lie away from the sun."""
    optical, rng = world.spec.config.optical, world.rng(Purpose.SKY, day.toordinal())
    thick = _thick(cloud_share(world, day, rng), _blown(texture, rng))
    one = np.float32(1.0)
    cloud = one - (one - thick) * (one - _veil(optical, _blown(texture, rng), rng))
    away_m = rng.uniform(*_CLOUD_BASE_M) / np.tan(np.radians(max(sun.elevation_deg, 5.0)))
    away, azimuth = away_m / world.grid.pixel_m, np.radians(sun.azimuth_deg + 180.0)
    shadow = np.roll(cloud, (round(-away * np.cos(azimuth)), round(away * np.sin(azimuth))), (0, 1)) * (one - cloud)
    air = _blown(texture, rng)
    haze = np.float32(rng.gamma(1.2, optical.haze / 1.2)) * (np.float32(0.7) + np.float32(0.6) * air)
    relief = np.float32(0.75) + np.float32(0.4) * air
    return Sky(cloud, shadow, relief, haze, snow_on(world, day), _blown(texture, rng), _blown(texture, rng))


def _thick(share: float, texture: FloatArray) -> FloatArray:
    # A sky is whole or free at the ends: a share of 0.03 is fair weather, not forty small clouds.
    if share < 0.06:
        return np.zeros_like(texture)
    return np.asarray(np.clip((texture - np.float32(1.0 - share)) / np.float32(0.10), 0.0, 1.0), np.float32)


def _veil(optical: OpticalWorld, texture: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Opacity of cirrus and thin cloud, which fade out over kilometres."""
    lies, share, densest = rng.random() < optical.veil_chance, rng.uniform(0.2, 1.0), rng.uniform(0.06, 0.34)
    if not lies:
        return np.zeros_like(texture)
    return np.asarray(np.clip((texture - np.float32(1.0 - share)) / 0.35, 0.0, 1.0) * densest, np.float32)


def snow_on(world: World, day: date) -> FloatArray:
    """Snow on the ground (y, x) float32, 0..1: after the snowfalls of deep winter, for some days, more on the heights."""
    lying = np.zeros(world.grid.shape, np.float32)
    for ago in range(_SNOW_DAYS):
        fell = day - timedelta(days=ago)
        if 75 < fell.timetuple().tm_yday < 345:
            continue
        rng = world.rng(Purpose.SNOW, fell.toordinal())
        if rng.random() >= world.spec.config.optical.snow_chance:
            continue
        line, most = rng.uniform(-50.0, 250.0), rng.uniform(0.4, 0.95) * (1.0 - ago / _SNOW_DAYS)
        lying = np.maximum(lying, np.clip((world.terrain.height_m - line) / 80.0, 0.0, 1.0) * np.float32(most))
    return np.asarray(lying * ~world.cover.where(Cover.WATER), np.float32)


def _blown(texture: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The texture shifted round its edges, and mirrored half of the time."""
    moved = np.roll(texture, (int(rng.integers(texture.shape[0])), int(rng.integers(texture.shape[1]))), (0, 1))
    return moved[:, ::-1] if rng.random() < 0.5 else moved


def rain_mm(world: World, day: date) -> float:
    """Rain of a day, mm."""
    season, rng = day.timetuple().tm_yday, world.rng(Purpose.RAIN, day.toordinal())
    spell = any(s.holds(season) for s in spells(world, day.year))
    chance = 0.5 if spell else 0.3 if 90 < season < 320 else 0.17
    falls, amount = rng.random() < chance, float(rng.gamma(0.7, 16.0))
    return amount if falls else 0.0


def wetness(world: World, day: date) -> float:
    """Soil moisture of a day, 0 (dry) to 1 (soaked)."""
    index = sum(rain_mm(world, day - timedelta(days=ago)) * _KEPT**ago for ago in range(_MEMORY_DAYS))
    return float(1.0 - np.exp(-index / _SOAKED_MM))
