"""Seconds of a Tama scene on two cores, pixels per second of the seasonal fit beside nrt's, and memory: one run.

(a) a Sentinel-1 scene against 20 reference looks and (b) a Sentinel-2 scene against 60 looks of three years, each
scored by a process of its own as a night does it: files checked, COGs read and decoded, calibrated, scored. Measured on
a strip of 2,048 x 1,024 pixels of a made archive on disk and SCALED to the 11.6 million land pixels of Tama. What the
strip costs more than its upper half grows with the area, and so does checking the files; the rest (samples for the
calibration) is there once; loading the compiled code is not counted.
Seconds are processor seconds divided by two cores, for others may use the machine; the wall clock stands beside.
(c) the robust seasonal fit, reweighting included, beside the fit of nrt's CCDC on the same stack, one thread each,
processor time, medians. (d) the largest memory of (a) and (b) with the change map of a whole Tama instead of a strip's.

    python benchmarks/speed.py [--rows 2048] [--cols 1024] [--repeat 3] [--archive FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from peer_env import PeerFailed, run_peer, versions
from speed_archive import AOI, make_archive

from sat_monitor.change_detect.optical_kernel import Ladder, Series, seasonal_residual
from sat_monitor.change_detect.windows import NEVER
from sat_monitor.core import domain
from sat_monitor.core.domain import INSTRUMENTS, Sensor
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.stack import StackReader
from sat_monitor.night import CACHE_BYTES
from sat_monitor.scoring import Bench, score_scene

LAND_PX, TAMA_PX = 11.6e6, 5_900 * 4_400
GOAL_SECONDS = {Sensor.S1: 20.0, Sensor.S2: 45.0}
GOAL_FIT_RATIO, GOAL_GIB = 8.0, 3.0
FIT_SIDE, FIT_LOOKS = 512, 60


@dataclass(frozen=True, slots=True)
class Scored:
    """Processor seconds of a scene, of its upper half, of checking its files; wall seconds; GiB; pixels; map bytes."""

    processor: float
    half: float
    checking: float
    wall: float
    gib: float
    pixels: int
    map_bytes: int


def score_strip(root: Path, sensor: Sensor) -> Scored:
    """Score the newest scene of the archive; compiled code is loaded before the clock runs."""
    archive, profile = Archive(root), Profile()
    scenes = archive.scenes(AOI, sensor)
    grid = scenes[-1].grid
    aoi = domain.AOI(AOI, "", AOI, grid.footprint_lonlat, grid)

    def run(watched: np.ndarray, archive: Archive) -> tuple[float, float, int]:
        bench = Bench(aoi, archive, StackReader(archive, profile, CACHE_BYTES), profile, watched)
        frozen = np.full(grid.shape, NEVER, np.int32)
        wall, processor = time.perf_counter(), time.process_time()
        change = score_scene(bench, scenes[-1], scenes[:-1], frozen, {})
        cost = time.process_time() - processor, time.perf_counter() - wall
        layers = sum(layer.values.nbytes for layer in change.layers.values())
        return *cost, change.score.nbytes + change.valid.nbytes + change.depth_looks.nbytes + layers

    whole, half = np.ones(grid.shape, bool), np.zeros(grid.shape, bool)
    half[: grid.height // 2] = True
    run(half, archive)
    start = time.process_time()
    for scene in scenes:
        Archive(root).check(scene)
    checking = time.process_time() - start
    processor, wall, map_bytes = run(whole, archive)
    of_half, _, _ = run(half, archive)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Scored(processor, of_half, checking, wall, peak, grid.height * grid.width, map_bytes)


def scaled_seconds(scored: Scored) -> float:
    """Processor seconds for all land of Tama: what the strip takes more than its half by area, the rest once."""
    by_area = 2.0 * (scored.processor - scored.half)
    once = scored.processor - by_area
    return once + (by_area + scored.checking) * LAND_PX / scored.pixels


def in_child(root: Path, sensor: Sensor) -> Scored:
    """`score_strip` in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--child", sensor.name, "--archive", str(root)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Scored(**json.loads(done.stdout.splitlines()[-1]))


def scene_lines(root: Path, repeat: int) -> bool:
    """Print (a), (b) and (d); whether all goals are reached."""
    good, peaks = True, []
    for sensor, goal in GOAL_SECONDS.items():
        runs = [in_child(root, sensor) for _ in range(repeat)]
        seconds = median(scaled_seconds(run) for run in runs) / 2
        wall = median(run.wall * LAND_PX / run.pixels for run in runs)
        whole_map = runs[0].map_bytes / runs[0].pixels * TAMA_PX
        peaks.append(max(run.gib for run in runs) + (whole_map - runs[0].map_bytes) / 2**30)
        good &= seconds <= goal
        print(
            f"{sensor.name} scene, 11.6 M px   ours {seconds:6.1f} s on two cores ({wall:.0f} s by the wall clock, "
            f"load {os.getloadavg()[0]:.1f})   limit {goal:.0f} s   ratio {seconds / goal:.3f}"
        )
    print(
        f"memory, whole Tama       ours {max(peaks):6.2f} GiB   limit {GOAL_GIB:.0f} GiB   ratio {max(peaks) / GOAL_GIB:.2f}"
    )
    return good and max(peaks) <= GOAL_GIB


def fit_stack() -> Series:
    """60 looks in three years of seasonal ground with clouds, seen and unseen, and one tested look."""
    rng = np.random.default_rng(1)
    days = np.r_[np.sort(rng.choice(np.arange(18_800, 19_909), FIT_LOOKS, replace=False)), 20_000].astype(np.int32)
    shape = days.size, FIT_SIDE, FIT_SIDE
    season = 0.6 + 0.15 * np.cos(2 * np.pi * days / 365.25 - 1.0)
    values = season[:, None, None] + rng.normal(0.0, 0.05, shape)
    values -= (rng.random(shape) < 0.07) * rng.uniform(0.1, 0.6, shape)
    values[rng.random(shape) < 0.1] = np.nan
    return Series(values.astype(np.float32), days, 90)


def our_fit(series: Series) -> float:
    """Processor seconds of our fit and its prediction."""
    ladder = Ladder(np.array([0.1, 0.05]), 1.5, 3.0, 0.03, 0.03, 0.02, 8)
    shape = series.values.shape[1:]
    out, depth = np.empty((3, *shape), np.float32), np.empty(shape, np.int16)
    frozen = np.full(shape, NEVER, np.int32)
    start = time.process_time()
    seasonal_residual(series, frozen, ladder, out, depth)
    return time.process_time() - start


def fit_lines(repeat: int) -> bool:
    """Print (c); whether the goal is reached."""
    series = fit_stack()
    our_fit(Series(series.values[:, :8], series.days, 90))
    ours = FIT_SIDE**2 / median(our_fit(series) for _ in range(2 * repeat + 1)) / 1e6
    given = {"values": series.values[:-1], "days": series.days[:-1]}
    good = True
    for screening, what in (("", "no screening"), ("CCDC_RIRLS", "robust screening, its default")):
        try:
            found = run_peer("ccdc-fit", given, {"repeat": repeat, "screen": screening})
        except PeerFailed as error:
            print(f"nrt CCDC fit, {what}: could not be run: {error}")
            return False
        peer = FIT_SIDE**2 / float(found["seconds"]) / 1e6
        good &= ours / peer >= GOAL_FIT_RATIO
        print(
            f"seasonal fit, one thread ours {ours:6.2f} Mpx/s   nrt CCDC fit ({what}) {peer:.3f} Mpx/s   "
            f"limit {GOAL_FIT_RATIO:.0f}   ratio {ours / peer:.1f}"
        )
    return good


def main() -> int:
    """Print every line; 0 where all goals are reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2048)
    parser.add_argument("--cols", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--archive", type=Path, help="a made archive to use again, or where to leave it")
    parser.add_argument("--child", choices=[sensor.name for sensor in INSTRUMENTS], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        cost = score_strip(args.archive, Sensor[args.child])
        print(json.dumps({name: getattr(cost, name) for name in Scored.__slots__}))
        return 0
    print(f"2 cores; strip of {args.rows} x {args.cols} px, scaled to 11.6 M px; {versions()}")
    good = fit_lines(args.repeat)
    with tempfile.TemporaryDirectory() as folder:
        root = args.archive or Path(folder)
        if not (root / AOI).is_dir():
            make_archive(root, args.rows, args.cols)
        good &= scene_lines(root, args.repeat)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
