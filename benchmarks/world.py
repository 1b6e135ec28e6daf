"""The simulated world held against real imagery, and how long it takes to draw.

Temporal spread and looks of forest, field and town, beside the same on three bursts of OPERA RTC-S1 (30 m; only one of
the three shows land); cloud, what the classification misses and the spread of forest NDVI beside a Sentinel-2 cube of
Romania; events and confusers per km2 and year. The world's radar looks are averaged to 30 m and taken from the months
of the real ones. OPERA's products start from single-look data, the world from IW GRD: their looks may differ.

    python benchmarks/world.py [--config WORLD.toml] [--data ../shared/data] [--seeds 2]
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

from sat_monitor.evaluate.contract import reference_figures
from sat_monitor.simulate.config import WorldConfig, parse_world
from sat_monitor.simulate.contract import contract, sample_world, table
from sat_monitor.simulate.scenes import render_scenes
from sat_monitor.simulate.world import World, build_world, spec_of

LIMIT_S = 60.0


def seconds_to_draw(world: World) -> tuple[float, int]:
    """Wall seconds to draw every scene of a world, and how many there are."""
    start, count = time.perf_counter(), 0
    for _ in render_scenes(world):
        count += 1
    return time.perf_counter() - start, count


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
        start = time.perf_counter()
        world = build_world(spec_of(config, seed))
        built = time.perf_counter() - start
        rows = contract(world, sample_world(world), real)
        print(f"\nseed {seed}, {world.grid.height} x {world.grid.width} pixels, {config.first} to {config.last}")
        print("\n".join(table(rows)))
        off += sum(not row.within(0.25) for row in rows)
    drawn, count = seconds_to_draw(world)
    print(
        f"\nbuilt in {built:.1f} s, {count} scenes drawn in {drawn:.1f} s: {built + drawn:.1f} s (limit {LIMIT_S:g} s)"
    )
    print(f"figures off by more than a quarter: {off}")
    return 0 if off == 0 and built + drawn <= LIMIT_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
