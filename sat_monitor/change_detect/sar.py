"""SAR detector: despeckled VV and VH in dB against same-track reference looks, as a calibrated 2-D distance.

METHOD 2, 5 and 6. A scene's rain or wind offset is levelled as a line of each pixel's mean level; the covariance is
shrunk to the track's typical one; the scene's own bulk sets the scale, so that a sigma is a sigma on quiet ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sat_monitor.change_detect import sar_kernel
from sat_monitor.change_detect.calibration import resistant_line
from sat_monitor.change_detect.detector import BlockScores, Calibration, IntArray
from sat_monitor.change_detect.sar_kernel import Levels, Looks
from sat_monitor.change_detect.windows import day_numbers, same_season, sar_history
from sat_monitor.core.domain import FloatArray, Layer, Scene, Sensor
from sat_monitor.core.profile import Profile, SarSettings
from sat_monitor.core.units import speckle_sd_db

_T = TypeVar("_T", bound=np.generic)

#: Ground area of one independent cell of an IW GRD product, m2 (METHOD 13: about 20 x 22 m).
CELL_M2 = 440.0
#: Pixels taken from all samples together to estimate offsets and scale.
SAMPLE_PIXELS = 8_000
#: Spread of mean levels (dB) below which a slope of the offset cannot be told from noise.
_MIN_SPREAD_DB = 2.0
#: Rows despeckled and tested at a time: the looks of a strip stay in cache, and their memory is used again.
_STRIP = 64
#: Rows of a sample block that are despeckled for the calibration.
_SAMPLE_ROWS = 96


@dataclass(frozen=True, slots=True)
class _Series:
    """A block's looks before despeckling: VV and VH power and validity (look, y, x), half window, days and windows."""

    power: tuple[FloatArray, FloatArray]
    valid: NDArray[np.bool_]
    half: int
    days: IntArray
    season: NDArray[np.bool_]
    windows: IntArray


class SarDetector:
    """Compares VV and VH of one track; see `Detector` for the contract."""

    name = "sar"
    version = "1"
    sensor = Sensor.S1
    score_unit = "sigma"

    def bands(self, scene: Scene, available: Sequence[str]) -> tuple[str, ...]:
        """VV and VH."""
        return "VV", "VH"

    def history(self, scene: Scene, looks: Sequence[Scene], earliest_frozen: int, profile: Profile) -> list[Scene]:
        """The gap-aware windows of METHOD 5."""
        return sar_history(scene, looks, earliest_frozen, profile.reference)

    def calibrate(self, samples: Sequence[xr.Dataset], frozen: Sequence[IntArray], profile: Profile) -> Calibration:
        """Offsets of every look, typical covariance and bulk scale from sample blocks of the scene."""
        series = [_series(stack, profile) for stack in samples]
        rows = [_middle(block.valid.shape[1]) for block in series]
        looks = [_buffer(block, part) for block, part in zip(series, rows, strict=True)]
        for block, part, buffer in zip(series, rows, looks, strict=True):
            _despeckle(block, part, buffer)
        db = np.concatenate([_sample(buffer, len(samples)) for buffer in looks], axis=3)
        parts = [freeze[part] for freeze, part in zip(frozen, rows, strict=True)]
        freeze = np.concatenate([_sample(part, len(samples)) for part in parts], axis=1)
        floor = speckle_floor_db(profile.sar, float(samples[0].attrs["pixel_m"])) ** 2
        return Calibration(_as_arrays(_calibrated(_looks(db, series[0]), freeze, profile.sar, floor)))

    def score(self, stack: xr.Dataset, frozen: IntArray, calibration: Calibration, profile: Profile) -> BlockScores:
        """Sigma of the 2-D distance with the signed changes in dB as layers."""
        levels = _from_arrays(calibration)
        series = _series(stack, profile)
        shape = frozen.shape
        change, depth = np.empty((3, *shape), np.float32), np.empty(shape, np.int16)
        score = np.empty(shape, np.float32)
        frozen = np.ascontiguousarray(frozen)
        buffer = _buffer(series, slice(0, min(_STRIP, shape[0])))
        for first in range(0, shape[0], _STRIP):
            rows = slice(first, min(shape[0], first + _STRIP))
            if rows.stop - rows.start < buffer.shape[2]:
                buffer = _buffer(series, rows)
            complete = _despeckle(series, rows, buffer)
            out = np.empty((3, rows.stop - rows.start, shape[1]), np.float32)
            sar_kernel.distance(_looks(buffer, series), frozen[rows], complete, levels, out, depth[rows])
            change[:, rows] = out
        sar_kernel.tail_score(change[0], depth, float(levels.covariance[3]), sar_kernel.QUANTILES, score)
        tested = series.valid[-1] & (series.power[0][-1] > 0) & (series.power[1][-1] > 0)
        valid = (depth >= profile.sar.min_looks) & tested
        blank = np.float32(np.nan)
        layers = {
            "vv_change": Layer(np.where(valid, change[1], blank), "dB"),
            "vh_change": Layer(np.where(valid, change[2], blank), "dB"),
        }
        return BlockScores(np.where(valid, score, blank), valid, depth, layers)


def window_px(settings: SarSettings, pixel_m: float) -> int:
    """Odd side of the despeckling window in pixels, never below 3."""
    return max(3, 2 * round((settings.despeckle_m / pixel_m - 1.0) / 2.0) + 1)


def speckle_floor_db(settings: SarSettings, pixel_m: float) -> float:
    """Standard deviation (dB) that speckle alone leaves in a despeckled look: METHOD 6, with the looks in the window."""
    cells = max(1.0, (window_px(settings, pixel_m) * pixel_m) ** 2 / CELL_M2)
    return speckle_sd_db(settings.enl * cells)


def _series(stack: xr.Dataset, profile: Profile) -> _Series:
    days = day_numbers(stack["time"].values)
    half = window_px(profile.sar, float(stack.attrs["pixel_m"])) // 2
    reference = profile.reference
    windows = (int(days[-1]), reference.near_days, reference.far_days, reference.exclusion_days)
    season = same_season(days[:-1], int(days[-1]), reference)
    power = (stack["VV"].values, stack["VH"].values)
    return _Series(power, stack["valid"].values, half, days[:-1].copy(), season, np.array(windows, np.int32))


def _looks(db: FloatArray, series: _Series) -> Looks:
    return Looks(db, series.days, series.season, series.windows)


def _buffer(series: _Series, rows: slice) -> FloatArray:
    looks, _, width = series.valid.shape
    return np.empty((looks, 2, rows.stop - rows.start, width), np.float32)


def _middle(height: int) -> slice:
    """The middle rows of a sample block: enough for a calibration."""
    rows = min(height, _SAMPLE_ROWS)
    first = (height - rows) // 2
    return slice(first, first + rows)


def _despeckle(series: _Series, rows: slice, buffer: FloatArray) -> bool:
    """Looks in dB for `rows` into `buffer` (look, polarisation, y, x); neighbours beyond the rows count.

    Returns whether no pixel is missing.
    """
    top, bottom = max(0, rows.start - series.half), min(series.valid.shape[1], rows.stop + series.half)
    complete = True
    for k in range(series.valid.shape[0]):
        valid = series.valid[k, top:bottom]
        gaps = not valid.all()
        for p, band in enumerate(series.power):
            look = band[k, top:bottom]
            power = np.where(valid, look, np.float32(np.nan)) if gaps else np.ascontiguousarray(look)
            complete &= sar_kernel.despeckle_db(power, series.half, rows.start - top, buffer[k, p])
    return complete


def _sample(values: NDArray[_T], blocks: int) -> NDArray[_T]:
    """Every n-th row of the last two axes laid out as one row, (..., 1, pixels) or (1, pixels)."""
    height, width = values.shape[-2:]
    step = max(1, height * width * blocks // SAMPLE_PIXELS)
    flat = values.reshape(*values.shape[:-2], 1, height * width)[..., ::step]
    return np.ascontiguousarray(flat)


def _distance(looks: Looks, frozen: IntArray, levels: Levels) -> tuple[FloatArray, NDArray[np.int16]]:
    shape = looks.db.shape[2:]
    out, depth = np.empty((3, *shape), np.float32), np.empty(shape, np.int16)
    sar_kernel.distance(looks, frozen, False, levels, out, depth)
    return out, depth


def _calibrated(sample: Looks, frozen: IntArray, settings: SarSettings, floor_db2: float) -> Levels:
    """Levels, then the typical covariance, then the scale that puts the median of T2 where it belongs."""
    looks = sample.db.shape[0]
    level = _reference_level(sample)
    offset, slope = np.zeros((looks, 2), np.float32), np.zeros((looks, 2), np.float32)
    centre = np.nan_to_num(np.nanmedian(level, axis=1)).astype(np.float32)
    for k in range(looks):
        for p in range(2):
            offset[k, p], slope[k, p] = resistant_line(
                sample.db[k, p, 0] - level[p], level[p] - centre[p], _MIN_SPREAD_DB
            )
    common = _typical_covariance(sample, level, offset, slope, centre)
    record = np.array([*common, settings.prior_looks, 1.0, 1e-6], np.float32)
    out, depth = _distance(sample, frozen, Levels(offset, slope, centre, record))
    record[4] = _bulk_scale(out[0], depth, settings)
    record[5] = floor_db2
    return Levels(offset, slope, centre, record)


def _reference_level(sample: Looks) -> FloatArray:
    """Mean dB per polarisation and sample pixel over the reference looks, (2, pixels)."""
    reference = sample.db[:-1, :, 0, :]
    count = np.isfinite(reference).sum(axis=0)
    return np.asarray(np.nansum(reference, axis=0) / np.where(count > 0, count, np.nan), np.float32)


def _typical_covariance(
    sample: Looks, level: FloatArray, offset: FloatArray, slope: FloatArray, centre: FloatArray
) -> tuple[float, float, float]:
    """Mean temporal (var VV, var VH, cov) of the levelled reference looks, the most variable 1 % left out; dB2."""
    line = offset[:-1, :, None] + slope[:-1, :, None] * (level - centre[:, None])[None]
    deviation = sample.db[:-1, :, 0, :] - level[None] - line
    good = np.isfinite(deviation).all(axis=1)
    deviation = np.where(good[:, None], deviation, 0.0)
    looks = good.sum(axis=0)
    enough = looks >= 3
    if not enough.any():
        return 1.0, 1.0, 0.0
    looks, deviation = looks[enough], deviation[:, :, enough]
    mean = deviation.sum(axis=0) / looks
    second = np.einsum("kpx,kqx->pqx", deviation, deviation) - looks * mean[:, None] * mean[None]
    second /= looks - 1
    spread = second[0, 0] + second[1, 1]
    kept = second[:, :, spread <= np.quantile(spread, 0.99)].mean(axis=2)
    return float(max(kept[0, 0], 1e-3)), float(max(kept[1, 1], 1e-3)), float(kept[0, 1])


def _bulk_scale(t2: FloatArray, depth: NDArray[np.int16], settings: SarSettings) -> float:
    """Ratio of the observed to the expected median of T2 over assessed sample pixels, 1 where there are too few."""
    good = (depth >= settings.min_looks) & np.isfinite(t2)
    if good.sum() < 100:
        return 1.0
    nu = depth[good].astype(np.float64) - 1.0 + settings.prior_looks
    expected = nu * (2.0 ** (2.0 / (nu - 1.0)) - 1.0)
    return float(np.clip(np.median(t2[good] / expected), 0.05, 50.0))


def _as_arrays(levels: Levels) -> dict[str, NDArray[np.float64]]:
    return {
        "offset_db": levels.offset.astype(np.float64),
        "slope": levels.slope.astype(np.float64),
        "centre_db": levels.centre.astype(np.float64),
        "covariance": levels.covariance.astype(np.float64),
    }


def _from_arrays(calibration: Calibration) -> Levels:
    names = ("offset_db", "slope", "centre_db", "covariance")
    return Levels(*(np.ascontiguousarray(calibration.arrays[n], np.float32) for n in names))
