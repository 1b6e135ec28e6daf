"""Real optical imagery: import, night and export as a user types them, then user's and producer's accuracy.

The cube s2_romania (140 dates, 1 km2 of forest with clearings) as it is, mirrored north-south, moved in time, and with
worked bare ground of known outline and date blended in. Truth of the clearings is the lasting loss of summer NDVI, by
the scorer that lies beside the data; of the blended fills, their outlines. Prints one line per variant.

    python benchmarks/romania.py [--data ../shared/data/s2_romania] [--scorer ../shared/tools/score_romania.py]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import xarray as xr
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely.geometry import Polygon

SHARED = Path(__file__).resolve().parents[2] / "shared"
CUBE = "sentinel2_cube_subset_romania_10m.nc"
#: Digital numbers of loam and rubble.
SOIL = {"B2": 1000.0, "B3": 1300.0, "B4": 1700.0, "B8": 2400.0}
FILLS = 8


@dataclass(frozen=True, slots=True)
class Variant:
    """One cube to run: its file, the span of days of the night, the blended fills (none where empty)."""

    name: str
    cube: Path
    first: date
    last: date
    fills: tuple[Polygon, ...] = ()


def variants(original: Path, folder: Path) -> list[Variant]:
    """The cube as it is, mirrored, moved by ten days, and with fills."""
    first, last = date(2016, 1, 1), date(2021, 1, 1)
    cube = xr.open_dataset(original).load()
    mirrored = cube.assign({n: (v.dims, v.values[:, ::-1]) for n, v in cube.items() if v.ndim == 3})
    moved = cube.assign_coords(time=cube.time.values + np.timedelta64(10, "D"))
    blended, fills = blend(cube.copy(deep=True), np.random.default_rng(11))
    made = [Variant("as it is", original, first, last)]
    for name, other in (("mirrored", mirrored), ("moved", moved), ("blended", blended)):
        path = folder / f"{name}.nc"
        other.to_netcdf(path)
        off = timedelta(days=10 if name == "moved" else 0)
        made.append(Variant(name, path, first + off, last + off, tuple(fills) if name == "blended" else ()))
    return made


def blend(cube: xr.Dataset, rng: np.random.Generator) -> tuple[xr.Dataset, list[Polygon]]:
    """`cube` with fills of 600 to 6,000 m2 in closed forest, spread over 40 days each, and their outlines (metres)."""
    pixel = float(cube.x[1] - cube.x[0])
    west, north = float(cube.x.min()) - pixel / 2, float(cube.y.max()) + pixel / 2
    shape = cube.sizes["y"], cube.sizes["x"]
    clear = cube.SCL.isin([4, 5]).values
    ndvi = ((cube.B8 - cube.B4) / (cube.B8 + cube.B4)).where(clear)
    summer = ndvi.sel(time=ndvi.time.dt.month.isin([6, 7, 8])).quantile(0.1, "time").values
    taken = np.zeros(shape, bool)
    fills: list[Polygon] = []
    while len(fills) < FILLS:
        angle = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
        radius = np.sqrt(10 ** rng.uniform(2.8, 3.8) / np.pi) * (1.0 + 0.25 * np.sin(2 * angle + rng.uniform(0, 6)))
        x, y = west + rng.uniform(80, 920), north - rng.uniform(80, 920)
        fill = Polygon(np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)]))
        around = rasterize([(fill.buffer(40.0), 1)], shape, transform=from_origin(west, north, pixel, pixel)) > 0
        if (around & taken).any() or np.nanmean(summer[around]) < 0.65:
            continue
        taken |= around
        fills.append(fill)
        fine = rasterize(
            [(fill, 1)], (shape[0] * 8, shape[1] * 8), transform=from_origin(west, north, pixel / 8, pixel / 8)
        )
        share = fine.reshape(shape[0], 8, shape[1], 8).mean(axis=(1, 3))
        start = np.datetime64("2017-05-01") + np.timedelta64(int(rng.uniform(0, 900)), "D")
        for k, moment in enumerate(cube.time.values):
            part = share * np.clip((moment - start) / np.timedelta64(40, "D"), 0.0, 1.0)
            for band, level in SOIL.items():
                soil = level * rng.normal(1.0, 0.08) * (1.0 + rng.normal(0.0, 0.05, shape))
                mixed = (1.0 - part) * cube[band].values[k] + part * soil
                cube[band].values[k] = np.where((part > 0) & clear[k], mixed, cube[band].values[k])
    return cube, fills


def run(variant: Variant, home: Path) -> tuple[Path, float]:
    """Import, night and export by the command; the exported file and the seconds that all three took."""
    out = home / "sites.geojson"
    days = ["--from", variant.first.isoformat(), "--to", variant.last.isoformat()]
    commands = (
        ["import", "s2-cube", str(variant.cube), "--aoi", "romania"],
        ["night", "--aoi", "romania", *days],
        ["sites", "export", "--aoi", "romania", "--format", "geojson", "--out", str(out)],
    )
    start = time.perf_counter()
    for command in commands:
        done = subprocess.run([*COMMAND, *command, "--home", str(home)], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return out, time.perf_counter() - start


COMMAND = [sys.executable, "-m", "sat_monitor"]


def found_fills(sites: Path, fills: tuple[Polygon, ...]) -> str:
    """How many blended fills a confirmed site meets, and their mean intersection over union."""
    table = gpd.read_file(sites).to_crs(3035)
    table = table[table.first_confirmed_at.notna() & (table.status != "finished")]
    overlaps = []
    for fill in fills:
        met = table[table.intersects(fill)].geometry
        union = met.union_all() if len(met) else None
        overlaps.append(0.0 if union is None else union.intersection(fill).area / union.union(fill).area)
    return (
        f"; fills met {sum(o > 0 for o in overlaps)}/{len(fills)}, mean intersection over union {np.mean(overlaps):.2f}"
    )


def main() -> int:
    """Run every variant; 0 where the scorer passes them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "s2_romania")
    parser.add_argument("--scorer", type=Path, default=SHARED / "tools" / "score_romania.py")
    args = parser.parse_args()
    if not (args.data / CUBE).is_file():
        print(f"reference data {args.data.name} is not there: nothing measured")
        return 3
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for variant in variants(args.data / CUBE, Path(folder)):
            sites, seconds = run(variant, Path(folder) / f"home-{variant.name}")
            score = [sys.executable, str(args.scorer), str(variant.cube), str(sites), f"{seconds:.0f}"]
            done = subprocess.run(score, capture_output=True, text=True, check=False)
            failed += done.returncode != 0
            extra = found_fills(sites, variant.fills) if variant.fills else ""
            print(f"{variant.name:9s} {done.stdout.strip() or done.stderr.strip()[-200:]}{extra}")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest memory of any process: {peak_mb:.0f} MiB (at most 2048)")
    return int(failed > 0 or peak_mb > 2048)


if __name__ == "__main__":
    raise SystemExit(main())
