"""The calendar of the ground: leaf-out and leaf-fall by cover, and what farmers do with each field in each year.

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
from sat_monitor.simulate.kinds import FIELDS, Cover
from sat_monitor.simulate.surfaces import SURFACES

#: Share of the parcels that change their crop from one year to the next.
_ROTATED = 0.15
#: How far sowing and harvest of one parcel move from year to year, days.
_FARMER_SD = 10.0


class Crop(IntEnum):
    """What a field is used for in a year."""

    RICE = 0
    SUMMER = 1
    TWICE = 2
    MEADOW = 3


#: Chance of each crop, in the order of `Crop`, by the kind of field; some paddies are turned over to dry crops.
_CROP_SHARES: Mapping[Cover, tuple[float, ...]] = {
    Cover.PADDY: (0.80, 0.12, 0.03, 0.05),
    Cover.UPLAND: (0.0, 0.40, 0.33, 0.27),
}


@dataclass(frozen=True, slots=True)
class Season:
    """Per unit, float32, 0..1: `green` leaf, `flooded` ground, freshly `ploughed` ground."""

    green: FloatArray
    flooded: FloatArray
    ploughed: FloatArray


def leaf_of(cover: Cover, day_of_year: float) -> float:
    """Share of green leaf of one cover in a mean year, 0..1."""
    return float(_leaf(np.array([cover], np.int8), np.zeros(1, np.float32), day_of_year)[0])


def season_on(
    day_of_year: float,
    unit_cover: NDArray[np.int8],
    unit_late: FloatArray,
    lasting: np.random.Generator,
    yearly: np.random.Generator,
) -> Season:
    """Every unit on a day of a year.

    `unit_late` (unit) says how many days late each runs this year; `lasting` draws what a field is used for, `yearly`
    who rotates his crop and who sows early or late this year.
    """
    count = len(unit_cover)
    draws, changes, others = lasting.random(count), yearly.random(count), yearly.random(count)
    crop = _crops(unit_cover, np.where(changes < _ROTATED, others, draws))
    t = np.float32(day_of_year) - unit_late - yearly.normal(0.0, _FARMER_SD, count).astype(np.float32)
    calendars = (_rice(t), _summer(t), _twice(t), _meadow(t))
    farmed = [np.choose(crop, [getattr(c, name) for c in calendars]) for name in ("green", "flooded", "ploughed")]
    field = np.isin(unit_cover, FIELDS)
    green = np.where(field, farmed[0], _leaf(unit_cover, unit_late, day_of_year))
    return Season(
        *(np.clip(part, 0.0, 1.0).astype(np.float32) for part in (green, farmed[1] * field, farmed[2] * field))
    )


def _crops(unit_cover: NDArray[np.int8], draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """The crop of each unit from a uniform draw; meaningless where it is no field."""
    paddy, upland = (np.searchsorted(np.cumsum(_CROP_SHARES[kind])[:-1], draws, "right") for kind in FIELDS)
    return np.where(unit_cover == Cover.PADDY, paddy, upland)


def _leaf(covers: NDArray[np.int8], late: FloatArray, day_of_year: float) -> FloatArray:
    """Share of green leaf by cover, float32, 0..1, where `late` says how many days late each runs."""
    low, high, rise, fall = (
        np.array([getattr(SURFACES[cover].leaf, name) for cover in Cover], np.float32)[covers]
        for name in ("low", "high", "rise", "fall")
    )
    up = _step(np.float32(day_of_year) - rise - late, 9.0)
    down = _step(np.float32(day_of_year) - fall - late, 10.0)
    return low + (high - low) * (up - down)


def _rice(t: FloatArray) -> Season:
    rice, stubble = _between(t, 172, 265, 8.0, 2.0), _between(t, 285, 325, 7.0, 9.0)
    flooded, ploughed = _between(t, 143, 174, 2.0, 8.0), _between(t, 120, 142, 2.0, 3.0)
    return Season(0.08 + 0.87 * rice + 0.22 * stubble, flooded, ploughed)


def _summer(t: FloatArray) -> Season:
    weeds = 0.15 + 0.2 * _between(t, 85, 112, 8.0, 1.5)
    return Season(weeds + 0.75 * _between(t, 152, 252, 9.0, 2.0), np.zeros_like(t), _between(t, 113, 140, 1.5, 6.0))


def _twice(t: FloatArray) -> Season:
    winter = 1.0 - _between(t, 126, 318, 2.0, 10.0)
    summer = _between(t, 182, 278, 9.0, 2.0)
    bare = _between(t, 128, 155, 2.0, 7.0) + _between(t, 280, 300, 2.0, 7.0)
    return Season(0.08 + 0.5 * winter + 0.85 * summer, np.zeros_like(t), bare)


def _meadow(t: FloatArray) -> Season:
    mown = _between(t, 160, 178, 1.0, 6.0) + _between(t, 228, 244, 1.0, 6.0)
    return Season(0.25 + 0.7 * _between(t, 100, 315, 9.0, 10.0) - 0.45 * mown, np.zeros_like(t), np.zeros_like(t))


def _between(t: FloatArray, begin: float, end: float, in_days: float, out_days: float) -> FloatArray:
    """1 between two days of year, with smooth ends `in_days` and `out_days` wide."""
    return _step(t - np.float32(begin), in_days) - _step(t - np.float32(end), out_days)


def _step(days: FloatArray, width: float) -> FloatArray:
    """Logistic step of a difference in days: 0 before, 1 after."""
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-days / np.float32(width), -30.0, 30.0))), np.float32)
