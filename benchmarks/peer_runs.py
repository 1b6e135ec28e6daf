"""What the peers do with the data they are given; runs in their environment, not in ours, and imports nothing of ours.

python peer_runs.py NAME IN.npz OUT.npz OPTIONS_JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def times_of(days: np.ndarray) -> np.ndarray:
    """Days since 1970 as datetime64[ns]."""
    return days.astype("datetime64[D]").astype("datetime64[ns]")


def as_cube(values: np.ndarray, days: np.ndarray) -> Any:
    """An xarray cube (time, y, x) as nrt wants it."""
    import xarray as xr

    _, height, width = values.shape
    coords = {"time": times_of(days), "y": np.arange(height), "x": np.arange(width)}
    return xr.DataArray(values, coords, ("time", "y", "x"))


def ccdc_fit(given: Arrays, options: dict[str, Any]) -> Arrays:
    """Processor seconds of nrt's CCDC fit with one harmonic and a trend; the median of several."""
    from nrt.monitor.ccdc import CCDC

    cube, seconds = as_cube(given["values"], given["days"]), []
    how: dict[str, Any] = {"screen_outliers": None}
    if options["screen"]:
        bright = cube * 0 + np.float32(0.06)
        how = {"screen_outliers": options["screen"], "green": bright, "swir": bright * 2}
    for number in range(int(options["repeat"]) + 1):
        start = time.process_time()
        CCDC(trend=True, harmonic_order=1).fit(cube, **how)
        if number:
            seconds.append(time.process_time() - start)
    return {"seconds": np.array(median(seconds))}


def nrt_monitor(given: Arrays, options: dict[str, Any]) -> Arrays:
    """First alarm (days since 1970, 0 none) of one of nrt's monitors, set up as its documentation recommends."""
    from datetime import datetime, timedelta

    from nrt.monitor.ccdc import CCDC
    from nrt.monitor.cusum import CuSum
    from nrt.monitor.ewma import EWMA
    from nrt.monitor.mosum import MoSum

    days, values = given["days"], given["ndvi"]
    history = days < options["from_day"]
    cube = as_cube(values[history], days[history])
    makers: dict[str, Callable[[], Any]] = {"EWMA": EWMA, "CuSum": CuSum, "MoSum": MoSum, "CCDC": CCDC}
    monitor = makers[options["monitor"]]()
    start = time.process_time()
    if options["monitor"] == "CCDC":
        green, swir = (as_cube(given[name][history], days[history]) for name in ("green", "swir"))
        monitor.fit(cube, green=green, swir=swir)
    else:
        monitor.fit(cube)
    for day, look in zip(days[~history], values[~history], strict=True):
        monitor.monitor(array=look, date=datetime(1970, 1, 1) + timedelta(days=int(day)))  # noqa: DTZ001
    seconds = time.process_time() - start
    broken = np.where(monitor.mask == 3, monitor.detection_date, 0)
    return {"alarm": broken.astype(np.int32), "seconds": np.array(seconds)}


def pyxccd(given: Arrays, options: dict[str, Any]) -> Arrays:
    """Day of every pixel's first break after `from_day` towards less NDVI (0 none) by COLD or S-CCD, all bands."""
    from pyxccd import cold_detect_flex, sccd_detect_flex  # type: ignore[import-not-found]

    stack, clear = given["stack"], given["clear"]
    ordinal = given["days"].astype(np.int64) + 719_163
    red, near = int(options["red"]), int(options["near"])
    _, _, height, width = stack.shape
    alarm = np.zeros((height, width), np.int32)
    start = time.process_time()
    for y, x in np.ndindex(height, width):
        series, quality = stack[:, :, y, x].astype(np.int64), np.where(clear[:, y, x], 0, 4).astype(np.int64)
        how = {"lam": 20, "tmask_b1_index": int(options["tmask"][0]), "tmask_b2_index": int(options["tmask"][1])}
        if options["method"] == "COLD":
            records = cold_detect_flex(ordinal, series, quality, **how)
        else:
            records = sccd_detect_flex(ordinal, series, quality, **how).rec_cg
        for record in records:
            day = int(record["t_break"]) - 719_163
            less = record["magnitude"][near] - record["magnitude"][red] < 0
            if day >= options["from_day"] and less:
                alarm[y, x] = day
                break
    return {"alarm": alarm, "seconds": np.array(time.process_time() - start)}


def distmetrics(given: Arrays, options: dict[str, Any]) -> Arrays:
    """One metric of distmetrics for each stack of `vv` and `vh` (stack, look, y, x), the last look tested."""
    import distmetrics as peer  # type: ignore[import-not-found]

    def metric(vv: np.ndarray, vh: np.ndarray) -> np.ndarray:
        before_vv, before_vh = list(vv[:-1]), list(vh[:-1])
        if options["metric"] == "Mahalanobis":
            return np.asarray(
                peer.compute_mahalonobis_dist_2d(before_vv, before_vh, vv[-1], vh[-1], logit_transformed=True).dist
            )
        if options["metric"] == "log-ratio":
            return np.asarray(peer.compute_log_ratio_decrease_metric(before_vh, vh[-1]).dist)
        if options["metric"] == "CuSum":
            return np.asarray(peer.compute_prob_cusum_1d(before_vh, vh[-1]).dist)
        return np.asarray(
            peer.compute_transformer_zscore(
                model, before_vv[-10:], before_vh[-10:], vv[-1], vh[-1], tqdm_enabled=False
            ).dist
        )

    model = peer.load_transformer_model() if options["metric"] == "transformer" else None
    vv, vh = (np.clip(given[name], 1e-5, 1 - 1e-5).astype(np.float32) for name in ("vv", "vh"))
    start = time.process_time()
    if options["despeckle"]:
        vv, vh = (
            np.stack([[peer.despeckle_one_rtc_arr_with_tv(look) for look in stack] for stack in band])
            for band in (vv, vh)
        )
    found = np.stack([metric(a, b) for a, b in zip(vv, vh, strict=True)])
    return {"score": found.astype(np.float32), "seconds": np.array(time.process_time() - start)}


PEERS: dict[str, Callable[[Arrays, dict[str, Any]], Arrays]] = {
    "ccdc-fit": ccdc_fit,
    "nrt": nrt_monitor,
    "pyxccd": pyxccd,
    "distmetrics": distmetrics,
}


if __name__ == "__main__":
    name, inside, outside, options = sys.argv[1:5]
    with np.load(inside) as file:
        data = dict(file)
    np.savez(outside, **PEERS[name](data, json.loads(options)))  # type: ignore[arg-type]
