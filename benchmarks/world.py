"""The simulated world held against real imagery, and how long it takes to draw.

Temporal spread and looks of forest, field and town, beside the same on three bursts of OPERA RTC-S1 (30 m; only one of
the three shows land); cloud, what the classification misses and the spread of forest NDVI beside a Sentinel-2 cube of
Romania; events and confusers per km2 and year. The world's radar looks are averaged to 30 m and taken from the months
of the real ones. OPERA's products start from single-look data, the world from IW GRD: their looks may differ.

    python benchmarks/world.py [--config WORLD.toml] [--data ../shared/data] [--seeds 2]
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sat_monitor.evaluate.contract import reference_figures
from sat_monitor.simulate.config import WorldConfig, parse_world
from sat_monitor.simulate.contract import contract, sample_world, table
from sat_monitor.simulate.scenes import passes, render_scenes
from sat_monitor.simulate.world import build_world, spec_of

LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long a piece of work took: on the wall, and of the processor (less where others use the machine too)."""

    wall: float
    processor: float


def timed(work: Callable[[], object]) -> Seconds:
    """The seconds that `work` takes."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - processor)


def main() -> int:
    """Print the contract of each seed and the time; 0 where all figures that can be compared lie within a quarter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data")
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    config = WorldConfig() if args.config is None else parse_world(args.config.read_text(encoding="utf-8"))
    warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
    real = reference_figures(args.data)
    if not real:
        print(f"reference data not found in {args.data}: the world alone is printed")
    off = 0
    for seed in config.seeds[: args.seeds]:
        world = build_world(spec_of(config, seed))
        rows = contract(world, sample_world(world), real)
        print(f"\nseed {seed}, {world.grid.height} x {world.grid.width} pixels, {config.first} to {config.last}")
        print("\n".join(table(rows)))
        off += sum(not row.within(0.25) for row in rows)
    count = len(passes(world))
    built = timed(lambda: build_world(world.spec))
    drawn = timed(lambda: deque(render_scenes(world), maxlen=0))
    wall, processor = built.wall + drawn.wall, built.processor + drawn.processor
    print(
        f"\nbuilt in {built.wall:.1f} s, {count} scenes drawn in {drawn.wall:.1f} s: {wall:.1f} s (limit {LIMIT_S:g} s)"
    )
    print(f"processor time: {processor:.1f} s; load of this machine meanwhile: {os.getloadavg()[0]:.1f}")
    print(f"figures off by more than a quarter: {off}")
    return 0 if off == 0 and wall <= LIMIT_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
