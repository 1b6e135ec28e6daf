"""Small stacks for detector tests: quiet ground seen often, with whatever a test does to the last look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import ndimage

from sat_monitor.change_detect.detector import BlockScores, Calibration, Detector
from sat_monitor.change_detect.windows import NEVER
from sat_monitor.core.domain import Sensor
from sat_monitor.core.profile import Profile

SIDE = 72
SQUARE = (slice(30, 42), slice(28, 40))


def times(lags: Sequence[int], last: str = "2026-07-01") -> np.ndarray:
    """Times `lags` days before the tested look, oldest first, and the tested look itself."""
    tested = np.datetime64(last, "ns")
    earlier = [tested - np.timedelta64(lag, "D") for lag in sorted(lags, reverse=True)]
    return np.array([*earlier, tested], "datetime64[ns]")


def speckle(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Speckle (time, y, x) of mean 1 and 4.4 looks a pixel, shared by neighbours as a 20 m cell on 10 m pixels is."""
    fine = rng.standard_gamma(1.1, (shape[0], shape[1] + 1, shape[2] + 1)) / 1.1
    rows = fine[:, 1:] + fine[:, :-1]
    return np.asarray((rows[:, :, 1:] + rows[:, :, :-1]) / 4.0)


def sar_stack(
    lags: Sequence[int] = tuple(range(96, 456, 12)), seed: int = 1, side: int = SIDE, restless: float = 1.2
) -> xr.Dataset:
    """Speckled ground of two levels, linear gamma0; `restless` is how much it varies by itself, dB over some 50 m."""
    rng = np.random.default_rng(seed)
    level = np.where(np.arange(side)[:, None] < side // 2, 0.06, 0.15) * np.ones((side, side))
    moments = times(lags)
    shape = (moments.size, side, side)
    rain_db = rng.normal(0.0, 0.8, (moments.size, 1, 1))
    bands = {}
    for band, scale in (("VV", 1.0), ("VH", 0.22)):
        smooth = ndimage.gaussian_filter(rng.standard_normal(shape), (0, 2, 2))
        varying = 10 ** ((rain_db + restless * smooth / smooth.std()) / 10)
        bands[band] = (("time", "y", "x"), (speckle(shape, rng) * level * scale * varying).astype(np.float32))
    stack = xr.Dataset(bands, {"time": moments}, {"pixel_m": 10.0, "sensor": "s1", "track": "46D"})
    stack["valid"] = (("time", "y", "x"), np.ones((moments.size, side, side), bool))
    return stack


def optical_stack(
    lags: Sequence[int] = tuple(range(91, 1100, 9)), seed: int = 1, side: int = SIDE, restless: float = 0.1
) -> xr.Dataset:
    """Seasonal vegetation, reflectance with noise, always clear; `restless` is the share by which its leaf varies."""
    rng = np.random.default_rng(seed)
    moments = times(lags)
    day = moments.astype("datetime64[D]").astype(int)
    green = 0.6 + 0.35 * np.cos(2 * np.pi * (day - 200) / 365.25)[:, None, None] + rng.normal(0, 0.04, (side, side))
    shape = (moments.size, side, side)

    vigour = 1.0 + rng.normal(0.0, restless, shape)

    def noise() -> np.ndarray:
        return rng.normal(0.0, 0.004, shape)

    values = {
        "B02": 0.04 - 0.015 * green + noise(),
        "B04": (0.09 - 0.06 * green) * (3.0 - 2.0 * vigour) + noise(),
        "B08": (0.18 + 0.2 * green) * vigour + noise(),
        "B11": 0.24 - 0.07 * green + noise(),
        "SCL": np.full(shape, 4.0),
    }
    bands = {name: (("time", "y", "x"), v.astype(np.float32)) for name, v in values.items()}
    stack = xr.Dataset(bands, {"time": moments}, {"pixel_m": 10.0, "sensor": "s2", "track": ""})
    for name in ("valid", "clear"):
        stack[name] = (("time", "y", "x"), np.ones(shape, bool))
    return stack


STACKS = {Sensor.S1: sar_stack, Sensor.S2: optical_stack}


def change_square(stack: xr.Dataset) -> xr.Dataset:
    """A square of the tested look becomes bare, worked ground."""
    changed = stack.copy(deep=True)
    rows, cols = SQUARE
    if "VV" in changed:
        changed["VV"].values[-1, rows, cols] *= 10 ** (-0.45)
        changed["VH"].values[-1, rows, cols] *= 10 ** (-0.6)
    else:
        for band, level in (("B02", 0.09), ("B04", 0.18), ("B08", 0.26), ("B11", 0.34)):
            changed[band].values[-1, rows, cols] = level
    return changed


@dataclass(frozen=True)
class Scored:
    """Scores of one stack with what was learned from it."""

    block: BlockScores
    calibration: Calibration


def score(detector: Detector, stack: xr.Dataset, frozen: np.ndarray | None = None) -> Scored:
    """Calibrate on the stack and score it."""
    freeze = np.full(stack["valid"].shape[1:], NEVER, np.int32) if frozen is None else frozen
    calibration = detector.calibrate([stack], [freeze], Profile())
    return Scored(detector.score(stack, freeze, calibration, Profile()), calibration)
