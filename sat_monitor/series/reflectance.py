"""Sentinel-2 of points through the very detector and evidence of the rasters: points are the pixels of one row.

A cube keeps its rows and columns, so that clouds are grown as over an AOI; a table's point is a raster of one pixel.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from sat_monitor.change_detect.detector import detector_id
from sat_monitor.change_detect.evidence import EvidenceState, empty_state, update
from sat_monitor.change_detect.optical import OpticalDetector
from sat_monitor.change_detect.patches import PatchMeans, kind_of
from sat_monitor.change_detect.windows import day_numbers
from sat_monitor.core.domain import BoolArray, ChangeMap, FloatArray, Kind, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.cloud import ground_mask
from sat_monitor.series.alarms import Trace
from sat_monitor.series.tables import Reflectance

#: A place of its own: points have no map, and the grid only carries the pixel's size.
_EPSG = 32654


def reflectance_traces(series: Reflectance, profile: Profile) -> Iterator[tuple[str, Trace]]:
    """Log-odds of lasting conversion of each point after each clear look, with its kind; causal."""
    stack = _stack(series, profile)
    days = day_numbers(stack["time"].values)
    grid = Grid(_EPSG, 0.0, 0.0, series.pixel_m, *series.shape)
    state = empty_state(grid.shape, profile.evidence, grid.pixel_m)
    seen = np.zeros((days.size, len(series.points)), bool)
    odds = np.zeros(seen.shape, np.float32)
    kinds: list[list[Kind]] = []
    for k in range(profile.optical.min_looks, days.size):
        looks = _history(days, k, profile)
        if looks.size < profile.optical.min_looks:
            kinds.append([])
            continue
        change = _change(stack.isel(time=np.append(looks, k)), state, grid, profile)
        state, _ = update(state, change, Sensor.S2, int(days[k]), profile)
        seen[k], odds[k] = change.valid.ravel(), state.log_odds.ravel()
        kinds.append(_kinds(state, int(days[k]), profile))
    for column, point in enumerate(series.points):
        at = np.flatnonzero(seen[:, column])
        told = [kinds[k - profile.optical.min_looks][column] for k in at]
        yield point, Trace(series.at[at], odds[at, column].astype(float), told, profile.evidence.alarm_score)


def _history(days: np.ndarray, k: int, profile: Profile) -> np.ndarray:
    lag = days[k] - days[:k]
    return np.flatnonzero((lag >= profile.reference.near_days) & (lag <= profile.imagery.look_back_days))


def _stack(series: Reflectance, profile: Profile) -> xr.Dataset:
    shape = (series.at.size, *series.shape)
    bands = {name: values.reshape(shape) for name, values in series.bands.items()}
    clear = [
        ground_mask({name: values[k] for name, values in bands.items()}, profile.optical.cloud_buffer_px)
        for k in range(series.at.size)
    ]
    data = {name: (("time", "y", "x"), values) for name, values in bands.items()}
    stack = xr.Dataset(data, {"time": series.at}, {"pixel_m": series.pixel_m, "sensor": "s2", "track": ""})
    needed = [values for name, values in bands.items() if name != "SCL"]
    stack["valid"] = (("time", "y", "x"), np.logical_and.reduce([np.isfinite(values) for values in needed]))
    stack["clear"] = (("time", "y", "x"), np.array(clear))
    return stack


def _change(stack: xr.Dataset, state: EvidenceState, grid: Grid, profile: Profile) -> ChangeMap:
    detector = OpticalDetector()
    calibration = detector.calibrate([stack], [state.frozen_day], profile)
    scores = detector.score(stack, state.frozen_day, calibration, profile)
    return ChangeMap(
        detector=detector_id(detector), scene_id="", reference_ids=(), grid=grid, score=scores.score,
        score_unit=detector.score_unit, valid=scores.valid, depth_looks=scores.depth_looks, layers=scores.layers,
    )  # fmt: skip


def _kinds(state: EvidenceState, day: int, profile: Profile) -> list[Kind]:
    """Kind of each point as if it were a patch by itself."""
    age = np.maximum(day - np.minimum(state.frozen_day, day), 0)
    layers: list[FloatArray | BoolArray] = [state.bare, state.fraction, state.bare_before, state.optical_gain, age]
    rows = np.stack([np.asarray(layer, float).ravel() for layer in layers], axis=1)
    return [kind_of(PatchMeans(*row), profile.patches) for row in rows.tolist()]
