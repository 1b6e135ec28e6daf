"""SAR differencing: pixels per second of processor time, ours beside what a peer would run, from one run.

One 2,048 x 2,048 scene with VV and VH against 20 reference scenes of the same track, despeckling of all 21 included.
Peers: a scipy boxcar log-ratio against the mean of the references (despeckling included), and the Mahalanobis distance
in numpy without any despeckling. The limit is one read and one write of the stack by memcpy.

    python benchmarks/sar.py [--side 2048] [--looks 20] [--repeat 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy.ndimage import uniform_filter

from sat_monitor.change_detect.sar import SarDetector
from sat_monitor.change_detect.windows import NEVER
from sat_monitor.core.profile import Profile

FLOOR_MPX_S = 5.0


def make_stack(side: int, looks: int) -> xr.Dataset:
    """Speckled forest (ENL 4.4) with fields, `looks` references 12 days apart and one tested look 96 days later."""
    rng = np.random.default_rng(7)
    level = np.where(rng.random((side // 64, side // 64)) < 0.3, 0.06, 0.12).repeat(64, 0).repeat(64, 1)
    bands = {}
    for band, scale in (("VV", 1.0), ("VH", 0.25)):
        speckle = rng.standard_gamma(4.4, (looks + 1, side, side), dtype=np.float32) / np.float32(4.4)
        bands[band] = (("time", "y", "x"), speckle * (level * scale).astype(np.float32))
    days = np.r_[np.arange(looks) * 12, looks * 12 + 96].astype("timedelta64[D]")
    stack = xr.Dataset(bands, {"time": np.datetime64("2025-01-01", "ns") + days}, {"pixel_m": 10.0})
    stack["valid"] = (("time", "y", "x"), np.ones((looks + 1, side, side), bool))
    return stack


def best(run: Callable[[], object], repeat: int) -> float:
    """Processor seconds of the fastest of `repeat` runs."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def ours(stack: xr.Dataset) -> None:
    """Calibration and scores of the whole scene."""
    detector, profile = SarDetector(), Profile()
    frozen = np.full(stack["valid"].shape[1:], NEVER, np.int32)
    rows = 512
    strips = [slice(r, r + rows) for r in range(0, stack.sizes["y"], rows)]
    parts = [stack.isel(y=s) for s in strips]
    calibration = detector.calibrate(parts, [frozen[s] for s in strips], profile)
    for part, s in zip(parts, strips, strict=True):
        detector.score(part, frozen[s], calibration, profile)


def boxcar_log_ratio(stack: xr.Dataset) -> None:
    """Scipy boxcar of every look, log-ratio of the tested one to the mean of the references."""
    for band in ("VV", "VH"):
        looks = stack[band].values
        smooth = np.stack([uniform_filter(look, 5) for look in looks])
        np.abs(10.0 * np.log10(smooth[-1] / smooth[:-1].mean(axis=0)))


def mahalanobis(stack: xr.Dataset) -> None:
    """Two-dimensional Mahalanobis distance in numpy, dB, no despeckling."""
    db = 10.0 * np.log10(np.stack([stack["VV"].values, stack["VH"].values]))
    reference = db[:, :-1]
    deviation = reference - reference.mean(axis=1, keepdims=True)
    n = reference.shape[1] - 1
    a, b = (deviation[0] ** 2).sum(0) / n, (deviation[1] ** 2).sum(0) / n
    c = (deviation[0] * deviation[1]).sum(0) / n
    x, y = db[0, -1] - reference[0].mean(0), db[1, -1] - reference[1].mean(0)
    (b * x * x - 2 * c * x * y + a * y * y) / (a * b - c * c)


def copy(stack: xr.Dataset) -> None:
    """Memory limit: the stack read and written once."""
    for band in ("VV", "VH"):
        stack[band].values.copy()


def main() -> int:
    """Print one line per method and whether ours reaches the floor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--looks", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    stack = make_stack(args.side, args.looks)
    ours(stack.isel(y=slice(0, 512)))
    pixels = args.side**2 / 1e6
    methods = (("ours", ours), ("boxcar log-ratio", boxcar_log_ratio), ("Mahalanobis", mahalanobis), ("memcpy", copy))
    rates = {name: pixels / best(lambda run=run: run(stack), args.repeat) for name, run in methods}  # type: ignore[misc]
    for name, rate in rates.items():
        print(f"{name:18s} {rate:8.2f} Mpx/s of processor time   ours / this = {rates['ours'] / rate:.2f}")
    print(f"floor {FLOOR_MPX_S} Mpx/s: {'reached' if rates['ours'] >= FLOOR_MPX_S else 'NOT reached'}")
    return 0 if rates["ours"] >= FLOOR_MPX_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
