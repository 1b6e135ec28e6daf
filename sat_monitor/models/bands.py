"""What the network sees and answers, and in which numbers: the one place of its channels and their normalisation.

A channel is unseen where it is NaN; `encoded` turns that into a zero beside a mask, so that a band, a sensor or a date
may be missing anywhere. Pictures of unknown radiometry (8-bit, stretched, digital numbers) are first brought to the
level and spread of reflectance: after to before by the ground that did not change, then both together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray
from sat_monitor.models.encoding import Scale, encode, encode_cells

OPTICAL = ("B02", "B03", "B04", "B08", "B11", "B12")
RADAR = ("VV", "VH")
#: Tracks of Sentinel-1 that are seen side by side; which comes first carries no meaning.
TRACKS = 2
#: Median and robust spread of the reflectance of a mixed landscape, by band: what unknown pictures are brought to.
_MEDIAN = np.array([0.050, 0.072, 0.068, 0.230, 0.180, 0.115], np.float32)
_SPREAD = np.array([0.022, 0.027, 0.037, 0.080, 0.065, 0.055], np.float32)
#: The spreads alone, by band, (6,).
SPREADS = _SPREAD
#: Median and robust spread of gamma0, dB: VV, VH.
_MEDIAN_DB = np.array([-9.5, -15.5], np.float32)
_SPREAD_DB = np.array([2.6, 2.8], np.float32)
#: Range of gamma0 that says something, dB.
_FLOOR_DB, _CEILING_DB = -32.0, 12.0
_STEEP_DEG = np.float32(30.0)
#: The same as `encode` wants them: middle, scale and limits of each plane; values lie within -3 and 4 for most ground.
_ROOT = np.sqrt(_MEDIAN)
_ROOT_SCALE = np.asarray(_SPREAD / _ROOT, np.float32)
_HELD = (
    np.stack([np.maximum(_ROOT - 3.0 * _ROOT_SCALE, 0.0), _ROOT + 4.0 * _ROOT_SCALE], axis=1).astype(np.float32) ** 2
)
_OPTICAL_SCALE = Scale(_ROOT, _ROOT_SCALE, _HELD, root=True)
_RADAR_SCALE = Scale(
    np.tile(_MEDIAN_DB, TRACKS),
    np.tile(2.0 * _SPREAD_DB, TRACKS),
    np.full((TRACKS * len(RADAR), 2), (_FLOOR_DB, _CEILING_DB), np.float32),
)
_SLOPE_SCALE = Scale(np.zeros(1, np.float32), np.full(1, _STEEP_DEG, np.float32), np.array([(0.0, 90.0)], np.float32))
#: The numbers of the normalisation, as a card states them.
NORMALISATION = {
    "reflectance_median": tuple(round(float(v), 4) for v in _MEDIAN),
    "reflectance_spread": tuple(round(float(v), 4) for v in _SPREAD),
    "gamma0_median_db": tuple(round(float(v), 4) for v in _MEDIAN_DB),
    "gamma0_spread_db": tuple(round(float(v), 4) for v in _SPREAD_DB),
}
#: Rounds of the fit of after to before, the residual (spreads) beyond which a pixel counts little, and most pixels read.
_ROUNDS, _BEND, _MOST = 8, 1.0, 50_000
_NORMAL = 1.4826


class Answer(IntEnum):
    """What the network is asked of each pixel, and the plane of the answer."""

    #: Ground that was not so before is bare or built for good.
    CONVERSION = 0
    #: Lasting plants are gone.
    LOSS = 1
    #: Any change of cover between both dates, passing ones, greening and new water too; crops in their course are none.
    CHANGE = 2


@dataclass(frozen=True, slots=True)
class Side:
    """One date: `optical` (6, y, x) float32 reflectance in the order of OPTICAL, `radar` (4, y, x) float32 dB.

    Radar is VV, VH of one track, then of the other. NaN is unseen.
    """

    optical: FloatArray
    radar: FloatArray

    def mapped(self, change: Callable[[FloatArray], FloatArray]) -> Side:
        """The side whose every plane is changed alike."""
        return Side(change(self.optical), change(self.radar))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two dates of one ground, and its `slope_deg` (y, x) float32, NaN where unknown."""

    before: Side
    after: Side
    slope_deg: FloatArray

    def mapped(self, change: Callable[[FloatArray], FloatArray]) -> Pair:
        """The pair whose every plane is changed alike."""
        return Pair(self.before.mapped(change), self.after.mapped(change), change(self.slope_deg))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.slope_deg.shape[0], self.slope_deg.shape[1]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Where one channel at least is seen on both dates, (y, x)."""
        both = [
            np.isfinite(getattr(self.before, name)) & np.isfinite(getattr(self.after, name))
            for name in ("optical", "radar")
        ]
        return np.asarray(np.concatenate(both).any(axis=0))


@dataclass(frozen=True, slots=True)
class Encoded:
    """The numbers of a pair: `optical` (2, 12, y, x), `radar` (2, 8, y, x), `slope` (2, y, x), float32.

    The first axis is before and after; each holds the values, zero where unseen, then the masks.
    """

    optical: FloatArray
    radar: FloatArray
    slope: FloatArray


def encoded(pair: Pair) -> Encoded:
    """A pair as the network reads it.

    Of reflectance the square root counts, so that shade and light count alike; of echoes the decibels.
    """
    found = _encoded(pair, lambda count, planes: np.empty((count, 2 * planes, *pair.shape), np.float32), encode)
    return replace(found, slope=found.slope[0])


def encoded_cells(pair: Pair, stride: int, threads: int = 1) -> Encoded:
    """The same numbers as cells of four pixels, channels last: `optical` (2, y, x, 48), `radar` (2, y, x, 32), `slope` (1, y, x, 8).

    Zeros (unseen) are added below and to the right until both sides of the area are multiples of `stride` pixels.
    """
    rows, cols = (-(-size // stride) * stride // 2 for size in pair.shape)
    return _encoded(
        pair,
        lambda count, planes: np.empty((count, rows, cols, 8 * planes), np.float32),
        partial(encode_cells, threads=threads),
    )


def _encoded(
    pair: Pair, empty: Callable[[int, int], FloatArray], write: Callable[[FloatArray, Scale, FloatArray], None]
) -> Encoded:
    """The numbers of a pair, each stack of planes written into what `empty` makes for its count and its planes."""
    optical, radar, slope = empty(2, len(OPTICAL)), empty(2, TRACKS * len(RADAR)), empty(1, 1)
    for number, side in enumerate((pair.before, pair.after)):
        write(side.optical, _OPTICAL_SCALE, optical[number])
        write(side.radar, _RADAR_SCALE, radar[number])
    write(pair.slope_deg[None], _SLOPE_SCALE, slope[0])
    return Encoded(optical, radar, slope)


def empty_optical(shape: tuple[int, int]) -> FloatArray:
    """No band seen, (6, y, x)."""
    return np.full((len(OPTICAL), *shape), np.nan, np.float32)


def empty_radar(shape: tuple[int, int]) -> FloatArray:
    """No echo seen, (4, y, x)."""
    return np.full((TRACKS * len(RADAR), *shape), np.nan, np.float32)


def levelled(before: FloatArray, after: FloatArray, bands: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Two pictures (band, y, x) of unknown radiometry as reflectance-like values of the same `bands`.

    After is matched to before by a robust line per band, then both get the level and spread of a mixed landscape. The
    line is found by iteratively reweighted least squares with Cauchy weights (Holland and Welsch, 1977), which what
    changed hardly moves. A band without spread becomes unseen. Raises ValueError for a band that is not of OPTICAL.
    """
    rows = _rows(bands, OPTICAL)
    return _levelled(before, after, _MEDIAN[rows], _SPREAD[rows])


def levelled_db(before: FloatArray, after: FloatArray, bands: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """The same for echoes on a logarithmic scale of unknown offset and unit; values in dB."""
    rows = _rows(bands, RADAR)
    return _levelled(before, after, _MEDIAN_DB[rows], _SPREAD_DB[rows])


def _rows(bands: Sequence[str], known: tuple[str, ...]) -> list[int]:
    strange = [band for band in bands if band not in known]
    if strange:
        raise ValueError(f"{', '.join(strange)}: known are {', '.join(known)}")
    return [known.index(band) for band in bands]


def _levelled(
    before: FloatArray, after: FloatArray, median: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray]:
    pairs = [
        _onto(b.astype(np.float32), a.astype(np.float32), float(m), float(s))
        for b, a, m, s in zip(before, after, median, spread, strict=True)
    ]
    return np.stack([b for b, _ in pairs]), np.stack([a for _, a in pairs])


def _onto(before: FloatArray, after: FloatArray, median: float, spread: float) -> tuple[FloatArray, FloatArray]:
    """One band of both dates at a level and spread."""
    both = np.isfinite(before) & np.isfinite(after)
    step = max(1, int(both.sum()) // _MOST)
    x, y = after[both][::step].astype(np.float64), before[both][::step].astype(np.float64)
    if x.size < 2 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        nothing = np.full_like(before, np.nan)
        return nothing, nothing.copy()
    gain, offset = _line(x, y)
    matched = gain * x + offset
    joint = np.concatenate([y, matched])
    middle = float(np.median(joint))
    wide = float(_NORMAL * np.median(np.abs(joint - middle))) or float(joint.std())
    factor = spread / wide
    return (
        np.asarray((before - middle) * factor + median, np.float32),
        np.asarray((after * gain + offset - middle) * factor + median, np.float32),
    )


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Gain and offset that bring x to y on the ground that stayed."""
    gain = float(np.clip(y.std() / x.std(), 0.2, 5.0))
    offset = float(np.median(y) - gain * np.median(x))
    for _ in range(_ROUNDS):
        residual = y - gain * x - offset
        scale = _NORMAL * float(np.median(np.abs(residual))) or 1e-9
        weight = 1.0 / (1.0 + (residual / (_BEND * scale)) ** 2)
        total = weight.sum()
        mx, my = float((weight * x).sum() / total), float((weight * y).sum() / total)
        sxx, sxy = float((weight * (x - mx) ** 2).sum()), float((weight * (x - mx) * (y - my)).sum())
        syy = float((weight * (y - my) ** 2).sum())
        # The ratio of spreads treats both dates alike: noise in one does not pull the gain down.
        steep = np.sqrt(syy / sxx) if sxy > 0.0 and sxx > 0.0 else gain
        gain = float(np.clip(steep, 0.2, 5.0))
        offset = my - gain * mx
    return gain, offset
