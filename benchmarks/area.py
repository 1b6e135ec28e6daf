"""Areas of fills of known size, by size class: bias, and how often the 90 % interval holds the truth (METHOD 13).

Square and round fills of 300 m2 to 1 ha, at random places between the pixels, are blended into simulated stacks of red,
near infrared and short-wave reflectance: seasonal forest, a blur of 0.6 pixels as an imager has, shifts between looks,
spotted soil of a level of its own per fill. The stacks go through detector, evidence field, patches and sites as in a
night. What can be seen of a fill reaches past its outline, or stays short of it, by one distance per fill drawn with the
profile's `edge_error_m`; `--edge 0` measures without it. Simulated: no accuracy statement about real ground.

    python benchmarks/area.py [--worlds 12] [--edge METRES]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import xarray as xr
from scipy import ndimage
from shapely import affinity, contains_xy
from shapely.geometry import Point, Polygon, box

from sat_monitor.change_detect.evidence import empty_state, update
from sat_monitor.change_detect.optical import OpticalDetector
from sat_monitor.change_detect.patches import FieldLook, cut_patches
from sat_monitor.change_detect.windows import day_number
from sat_monitor.core.domain import ChangeMap, Look, Sensor, Site
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import Profile
from sat_monitor.core.size import area_interval_m2
from sat_monitor.sites.lifecycle import SiteTable, active, step

SIDE, CELL, FINE = 144, 24, 5
GRID = Grid(32654, 340_000.0, 3_950_000.0, 10.0, SIDE, SIDE)
CLASSES = ((300, 500), (500, 1000), (1000, 2000), (2000, 5000), (5000, 10_000))
#: Reflectance of red, near and short-wave infrared in winter and summer forest and on soil.
FOREST = {"B04": (0.035, 0.025), "B08": (0.20, 0.34), "B11": (0.13, 0.15)}
SOIL = {"B04": 0.185, "B08": 0.26, "B11": 0.345}
REFERENCES, LOOKS, EVERY = 60, 12, 8


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill: its outline (m from the top-left corner, y down), and how far what is seen of it reaches past it, m."""

    outline: Polygon
    edge_m: float


def draw_fills(rng: np.random.Generator, edge_m: float) -> list[Fill]:
    """One fill in each cell of the window, sizes even in the logarithm."""
    fills = []
    for row in range(0, SIDE, CELL):
        for col in range(0, SIDE, CELL):
            area = 10 ** rng.uniform(np.log10(300.0), 4.0)
            unit = box(-0.5, -0.5, 0.5, 0.5) if rng.random() < 0.5 else Point(0.0, 0.0).buffer(np.sqrt(1.0 / np.pi), 32)
            shape = affinity.scale(unit, np.sqrt(area), np.sqrt(area))
            shape = affinity.rotate(shape, rng.uniform(0.0, 90.0), origin=(0.0, 0.0))
            centre = (np.array([col, row]) + CELL / 2.0 + rng.uniform(-3.0, 3.0, 2)) * GRID.pixel_m
            edge = float(np.clip(rng.normal(0.0, edge_m), -0.3 * np.sqrt(area), None)) if edge_m else 0.0
            fills.append(Fill(affinity.translate(shape, *centre), edge))
    return fills


def shares(fill: Fill) -> np.ndarray:
    """Share of each pixel that is seen as filled, (y, x) float32."""
    seen = fill.outline.buffer(fill.edge_m, join_style="mitre")
    at = (np.arange(SIDE * FINE) + 0.5) * GRID.pixel_m / FINE
    x, y = np.meshgrid(at, at)
    west, north, east, south = seen.bounds
    near = (x > west) & (x < east) & (y > north) & (y < south)
    inside = np.zeros(x.shape, np.float32)
    inside[near] = contains_xy(seen, x[near], y[near])
    return np.asarray(inside.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3)), np.float32)


def simulated_stack(fills: list[Fill], rng: np.random.Generator) -> xr.Dataset:
    """Reflectance of all looks (time, y, x): the references, then the looks after the fills."""
    first = np.datetime64("2023-01-03T01:30:00", "ns")
    count = REFERENCES + LOOKS
    # The looks after the fills begin where the season of the reference is beyond `near_days`.
    days = np.r_[np.arange(REFERENCES) * 14, REFERENCES * 14 + 95 + np.arange(LOOKS) * EVERY]
    parts = [shares(fill) for fill in fills]
    soil = {b: sum(p * v * rng.normal(1.0, 0.08) for p in parts) for b, v in SOIL.items()}
    covered = np.clip(sum(parts), 0.0, 1.0)
    crowns = {b: 1.0 + rng.normal(0.0, 0.08, (SIDE, SIDE)) for b in FOREST}
    spots = 1.0 + ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 1.0) * 0.2
    bands = {name: np.empty((count, SIDE, SIDE), np.float32) for name in (*FOREST, "B02", "SCL")}
    for k, day in enumerate(days):
        green = 0.5 + 0.5 * np.cos(2.0 * np.pi * (day - 200) / 365.25)
        shift = rng.normal(0.0, 0.15, 2)
        weather = rng.normal(1.0, 0.02)
        for name, (winter, summer) in FOREST.items():
            ground = (winter + (summer - winter) * green) * crowns[name]
            if k >= REFERENCES:
                ground = ground * (1.0 - covered) + soil[name] * spots
            blurred = ndimage.gaussian_filter(ndimage.shift(ground, shift, order=1, mode="nearest"), 0.6)
            bands[name][k] = blurred * weather + rng.normal(0.0, 0.004, ground.shape)
        bands["B02"][k] = 0.6 * bands["B04"][k]
        bands["SCL"][k] = 4.0
    moments = first + days.astype("timedelta64[D]")
    stack = xr.Dataset({n: (("time", "y", "x"), v) for n, v in bands.items()}, {"time": moments}, {"pixel_m": 10.0})
    everywhere = np.ones((count, SIDE, SIDE), bool)
    return stack.assign(valid=(("time", "y", "x"), everywhere), clear=(("time", "y", "x"), everywhere))


def sites_of(stack: xr.Dataset, profile: Profile) -> list[Site]:
    """The sites after the last look."""
    detector, table = OpticalDetector(), SiteTable({}, {})
    state = empty_state(GRID.shape, profile.evidence, GRID.pixel_m)
    for k in range(REFERENCES, REFERENCES + LOOKS):
        part = stack.isel(time=[*range(REFERENCES), k])
        calibration = detector.calibrate([part], [state.frozen_day], profile)
        found = detector.score(part, state.frozen_day, calibration, profile)
        change = ChangeMap(
            "optical", str(k), (), GRID, found.score, "sigma", found.valid, found.depth_looks, found.layers
        )
        at = datetime(2023, 1, 3, 1, 30, tzinfo=UTC) + timedelta(
            days=int((stack.time.values[k] - stack.time.values[0]) / np.timedelta64(1, "D"))
        )
        day = day_number(at)
        state, ratio = update(state, change, Sensor.S2, day, profile)
        look = FieldLook(state, GRID, change, ratio, (0, 0), day)
        candidates = cut_patches(look, np.ones(GRID.shape, bool), profile)
        seen = {site.id: 1.0 for site in active(table)}
        table = step(table, Look(f"look-{k:03d}", "area", Sensor.S2, at, candidates, seen), profile).table
    return [site for site in active(table) if site.first_confirmed_at is not None]


@dataclass(frozen=True, slots=True)
class Found:
    """One fill with the area that its sites give (none: not found), m2."""

    truth_m2: float
    area_m2: float | None
    error_m2: float
    outline_m2: float


def measure(seed: int, profile: Profile, edge_m: float) -> list[Found]:
    """All fills of one world, each with its sites."""
    rng = np.random.default_rng(seed)
    fills = draw_fills(rng, edge_m)
    sites = sites_of(simulated_stack(fills, rng), profile)
    found = []
    for fill in fills:
        place = affinity.translate(affinity.scale(fill.outline, 1.0, -1.0, origin=(0, 0)), GRID.x0, GRID.y0)
        met = [site for site in sites if site.outline.intersects(place)]
        area = sum(site.area_m2 for site in met) if met else None
        error = sum(site.area_error_m2 for site in met)
        found.append(Found(fill.outline.area, area, error, sum(site.outline.area for site in met)))
    return found


def main() -> int:
    """Print a line per size class; 0 where every interval covers 87 to 93 % within two standard errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--edge", type=float, default=None)
    args = parser.parse_args()
    profile = Profile()
    edge = profile.patches.edge_error_m if args.edge is None else args.edge
    rows = [row for seed in range(args.worlds) for row in measure(1000 + seed, profile, edge)]
    by_class: dict[tuple[int, int], list[Found]] = defaultdict(list)
    for row in rows:
        by_class[next(c for c in CLASSES if row.truth_m2 < c[1])].append(row)
    good = True
    print(f"simulated, {args.worlds} worlds, seen edge {edge:g} m (one sigma)")
    for low, high in CLASSES:
        group = by_class[low, high]
        seen = [row for row in group if row.area_m2 is not None]
        held, ratio, outline = [], [], []
        for row in seen:
            assert row.area_m2 is not None
            interval = area_interval_m2(row.area_m2, row.error_m2)
            held.append(interval.low_m2 <= row.truth_m2 <= interval.high_m2)
            ratio.append(row.area_m2 / row.truth_m2)
            outline.append(row.outline_m2 / row.truth_m2)
        share = float(np.mean(held))
        slack = 2.0 * np.sqrt(0.09 / max(len(seen), 1))
        good &= 0.87 - slack <= share <= 0.93 + slack
        error = np.median([row.error_m2 for row in seen])
        print(
            f"{low:5d} to {high:5d} m2: {len(seen):3d} of {len(group):3d} found, area over truth {np.mean(ratio):.2f}"
            f" (sd {np.std(ratio):.2f}), outline over truth {np.mean(outline):.2f}, error {error:5.0f} m2,"
            f" 90 % interval covers {share:.3f} (goal 0.87 to 0.93)"
        )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
