"""The calendar of the ground: leaf-out and leaf-fall by class, and what farmers do with each field in each year.

Day-of-year values are those of western Tokyo in round figures: leaf-out in mid April, leaf-fall in mid November,
rice planted in late May and cut in late September.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.cover import Cover

#: Share of the parcels that hold each crop, in the order of `Crop`.
_CROP_SHARES = (0.25, 0.30, 0.25, 0.20)
#: Share of the parcels that change their crop from one year to the next.
_ROTATED = 0.15
#: How far sowing and harvest of one parcel move from year to year, days.
_FARMER_SD = 10.0


@dataclass(frozen=True, slots=True)
class Season:
    """Share of green leaf over the year: `low` in winter, `high` in summer, days of year of half-way rise and fall."""

    low: float
    high: float
    rise: float
    fall: float


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


class Crop(IntEnum):
    """What a field is used for."""

    PADDY = 0
    SUMMER = 1
    TWICE = 2
    MEADOW = 3


@dataclass(frozen=True, slots=True)
class Fields:
    """Per parcel, float32, 0..1: `green` leaf, `flooded` ground, freshly `ploughed` ground."""

    green: FloatArray
    flooded: FloatArray
    ploughed: FloatArray


def leaf(classes: NDArray[np.int8], shift_days: FloatArray, day_of_year: float) -> FloatArray:
    """Share of green leaf by class, (y, x) float32, 0..1, where `shift_days` (y, x) says how late each pixel runs."""
    low, high, rise, fall = (
        np.array([getattr(SEASONS[cover], name) for cover in Cover], np.float32)[classes]
        for name in ("low", "high", "rise", "fall")
    )
    up = _step(np.float32(day_of_year) - rise - shift_days, 9.0)
    down = _step(np.float32(day_of_year) - fall - shift_days, 10.0)
    return low + (high - low) * (up - down)


def leaf_of(cover: Cover, day_of_year: float) -> float:
    """Share of green leaf of one class in a mean year, 0..1."""
    return float(leaf(np.array([cover], np.int8), np.zeros(1, np.float32), day_of_year)[0])


def fields_on(
    day_of_year: float, parcels: int, lasting: np.random.Generator, yearly: np.random.Generator, late: float
) -> Fields:
    """The fields on a day of a year whose spring is `late` days late.

    `lasting` draws what a parcel is used for, `yearly` who rotates his crop and who sows early or late this year.
    """
    crop = lasting.choice(len(Crop), parcels, p=_CROP_SHARES)
    rotated = yearly.random(parcels) < _ROTATED
    crop = np.where(rotated, yearly.choice(len(Crop), parcels, p=_CROP_SHARES), crop)
    t = np.float32(day_of_year - late) - yearly.normal(0.0, _FARMER_SD, parcels).astype(np.float32)
    calendars = (_paddy(t), _summer(t), _twice(t), _meadow(t))
    chosen = (np.choose(crop, [getattr(c, name) for c in calendars]) for name in ("green", "flooded", "ploughed"))
    return Fields(*(np.clip(part, 0.0, 1.0).astype(np.float32) for part in chosen))


def _paddy(t: FloatArray) -> Fields:
    rice, stubble = _between(t, 172, 265, 8.0, 2.0), _between(t, 285, 325, 7.0, 9.0)
    return Fields(0.08 + 0.87 * rice + 0.22 * stubble, _between(t, 143, 174, 2.0, 8.0), _between(t, 120, 142, 2.0, 3.0))


def _summer(t: FloatArray) -> Fields:
    weeds = 0.15 + 0.2 * _between(t, 85, 112, 8.0, 1.5)
    return Fields(weeds + 0.75 * _between(t, 152, 252, 9.0, 2.0), np.zeros_like(t), _between(t, 113, 140, 1.5, 6.0))


def _twice(t: FloatArray) -> Fields:
    winter = 1.0 - _between(t, 126, 318, 2.0, 10.0)
    summer = _between(t, 182, 278, 9.0, 2.0)
    bare = _between(t, 128, 155, 2.0, 7.0) + _between(t, 280, 300, 2.0, 7.0)
    return Fields(0.08 + 0.5 * winter + 0.85 * summer, np.zeros_like(t), bare)


def _meadow(t: FloatArray) -> Fields:
    mown = _between(t, 160, 178, 1.0, 6.0) + _between(t, 228, 244, 1.0, 6.0)
    return Fields(0.25 + 0.7 * _between(t, 100, 315, 9.0, 10.0) - 0.45 * mown, np.zeros_like(t), np.zeros_like(t))


def _between(t: FloatArray, begin: float, end: float, in_days: float, out_days: float) -> FloatArray:
    """1 between two days of year, with smooth ends `in_days` and `out_days` wide."""
    return _step(t - np.float32(begin), in_days) - _step(t - np.float32(end), out_days)


def _step(days: FloatArray, width: float) -> FloatArray:
    """Logistic step of a difference in days: 0 before, 1 after."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-days / np.float32(width), -30.0, 30.0))), np.float32)
