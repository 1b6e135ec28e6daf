"""Real optical imagery: import, night and export as a user types them, then user's and producer's accuracy.

The cube s2_romania (140 dates, 1 km2 of forest with clearings) as it is, mirrored north-south and moved in time: truth is
the lasting loss of summer NDVI, by the scorer that lies beside the data. Then the same with fills of known outline, soil
and date blended in (`fills.py`), once per seed and cube: producer's accuracy by size, false sites beyond those of the
cube without fills, and the lag to confirmation.

Lag counts clear-sky days: the days from the first load to confirmation, of which the time between two clear looks at the
place counts as at most ten days, the repeat of the first years; longer is cloud or snow. A site that was confirmed before
the first load does not count as a find.

    python benchmarks/romania.py [--data ../shared/data/s2_romania] [--scorer ../shared/tools/score_romania.py]
                                 [--seeds 1,2,3] [--only-fills]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from fills import DURATIONS_DAYS, SIZES, Fill, blended, clear_days, draw
from rasterio.features import rasterize
from rasterio.transform import from_origin
from scipy.ndimage import binary_dilation

SHARED = Path(__file__).resolve().parents[2] / "shared"
CUBES = {size: f"sentinel2_cube_subset_romania_{size}.nc" for size in ("10m", "20m")}
FIRST, LAST = date(2016, 1, 1), date(2021, 1, 1)
#: First days of fills: a year of looks before, more than a year after.
PERIOD = date(2017, 3, 1), date(2019, 9, 1)
MOST_FILLS = 24
#: Longest time between two clear looks that counts as clear sky, days.
CLEAR_GAP_DAYS = 10


@dataclass(frozen=True, slots=True)
class Find:
    """One fill: whether a confirmed site met it, its kind, clear-sky days to confirmation, area over true area."""

    fill: Fill
    found: bool
    kind: str = ""
    lag_days: int = 0
    area_ratio: float = 0.0


def variants(original: Path, folder: Path) -> list[tuple[str, Path, int]]:
    """The cube as it is, mirrored, and moved: name, file and by how many days."""
    cube = xr.open_dataset(original).load()
    mirrored = cube.assign({n: (v.dims, v.values[:, ::-1]) for n, v in cube.items() if v.ndim == 3})
    moved = cube.assign_coords(time=cube.time.values + np.timedelta64(10, "D"))
    mirrored.to_netcdf(folder / "mirrored.nc")
    moved.to_netcdf(folder / "moved.nc")
    return [("as it is", original, 0), ("mirrored", folder / "mirrored.nc", 0), ("moved", folder / "moved.nc", 10)]


def run(cube: Path, home: Path, moved_days: int = 0) -> tuple[Path, float]:
    """Import, night and export by the command; the exported file and the seconds that all three took."""
    out = home / "sites.geojson"
    off = timedelta(days=moved_days)
    days = ["--from", (FIRST + off).isoformat(), "--to", (LAST + off).isoformat()]
    commands = (
        ["import", "s2-cube", str(cube), "--aoi", "romania"],
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


def confirmed(sites: Path) -> gpd.GeoDataFrame:
    """Confirmed sites that are not finished, EPSG:3035, with `confirmed_on` (UTC day)."""
    table = gpd.read_file(sites).to_crs(3035)
    table = table[table.first_confirmed_at.notna() & (table.status != "finished")]
    return table.assign(confirmed_on=pd.to_datetime(table.first_confirmed_at, utc=True).dt.date)


def true_loss(cube: xr.Dataset) -> np.ndarray:
    """Pixels (y, x) that lost more than 0.25 of summer NDVI in any year since 2016, and their neighbours."""
    ndvi = ((cube.B8 - cube.B4) / (cube.B8 + cube.B4)).where(cube.SCL.isin([4, 5]))
    summer = ndvi.sel(time=ndvi.time.dt.month.isin([6, 7, 8, 9])).groupby("time.year").median()
    loss = summer.sel(year=[2015, 2016]).max("year") - summer.sel(year=slice(2017, 2020))
    return np.asarray(binary_dilation((loss > 0.25).any("year").transpose("y", "x").values, np.ones((3, 3))))


def false_sites(sites: gpd.GeoDataFrame, cube: xr.Dataset, fills: Sequence[Fill]) -> int:
    """Confirmed sites that touch neither a fill (15 m of tolerance) nor true loss of the 10 m cube."""
    loss = true_loss(cube)
    place = from_origin(float(cube.x.min()) - 5.0, float(cube.y.max()) + 5.0, 10.0, 10.0)
    false = 0
    for outline in sites.geometry:
        near_fill = any(outline.distance(fill.outline) < 15.0 for fill in fills)
        false += not near_fill and not (rasterize([(outline, 1)], loss.shape, transform=place) > 0)[loss].any()
    return false


def find(fill: Fill, sites: gpd.GeoDataFrame, cube: xr.Dataset) -> Find:
    """What became of a fill."""
    met = sites[sites.intersects(fill.outline) & (sites.confirmed_on >= fill.start)]
    if met.empty:
        return Find(fill, False)
    first = met.sort_values("confirmed_on").iloc[0]
    lag = clear_sky_days(clear_days(cube, fill), fill.start, first.confirmed_on)
    return Find(fill, True, str(first.kind), lag, float(met.area_m2.sum() / fill.outline.area))


def clear_sky_days(clear: Sequence[date], start: date, end: date) -> int:
    """Days from `start` to `end` with gaps between clear looks cut to `CLEAR_GAP_DAYS`."""
    marks = [start, *(day for day in clear if start < day < end), end]
    return sum(min((b - a).days, CLEAR_GAP_DAYS) for a, b in pairwise(marks))


def report(finds: Sequence[Find]) -> list[str]:
    """Producer's accuracy by size with lag and kinds, one line each."""
    lines = []
    for size in SIZES:
        group = [f for f in finds if f.fill.size == size]
        good = [f for f in group if f.found]
        if not good:
            lines.append(f"  {size:10s} found 0/{len(group)}")
            continue
        lags = [
            np.median([float(f.lag_days) for f in good if f.fill.days == days] or [np.nan]) for days in DURATIONS_DAYS
        ]
        kinds = {kind: sum(f.kind == kind for f in good) for kind in sorted({f.kind for f in good})}
        lines.append(
            f"  {size:10s} found {len(good)}/{len(group)} = {len(good) / len(group):.2f}; median lag in clear-sky days "
            f"{lags[0]:.0f} (in one go), {lags[1]:.0f} (over 40 days); area over truth "
            f"{np.median([f.area_ratio for f in good]):.2f}; {kinds}"
        )
    return lines


def examine(data: Path, folder: Path, seeds: Sequence[int], plain: dict[str, Path]) -> None:
    """Blend, run and print both cubes; `plain` holds the sites of the cubes without fills, filled in where missing."""
    cubes = {size: xr.open_dataset(data / name).load() for size, name in CUBES.items()}
    for size, cube in cubes.items():
        if size not in plain:
            plain[size], _ = run(data / CUBES[size], folder / f"home-plain-{size}")
        usual = false_sites(confirmed(plain[size]), cubes["10m"], ())
        finds: list[Find] = []
        for seed in seeds:
            fills = draw(cubes["10m"], np.random.default_rng(seed), MOST_FILLS, PERIOD)
            path = folder / f"fills-{size}-{seed}.nc"
            blended(cube, fills).to_netcdf(path)
            sites = confirmed(run(path, folder / f"home-{size}-{seed}")[0])
            finds += [find(fill, sites, cube) for fill in fills]
            extra = false_sites(sites, cubes["10m"], fills) - usual
            print(f"{size} seed {seed}: {len(fills)} fills, false sites {extra:+d} against the cube without them")
        print("\n".join([f"fills in the {size} cube", *report(finds)]))


def main() -> int:
    """Run every variant; 0 where the scorer passes them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "s2_romania")
    parser.add_argument("--scorer", type=Path, default=SHARED / "tools" / "score_romania.py")
    parser.add_argument("--seeds", default="1,2,3", help="seeds of the fills, comma-separated; empty for none")
    parser.add_argument("--only-fills", action="store_true", help="leave out the variants without fills")
    args = parser.parse_args()
    if not (args.data / CUBES["10m"]).is_file():
        print(f"reference data {args.data.name} is not there: nothing measured")
        return 3
    failed = 0
    plain: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variant, cube, moved in [] if args.only_fills else variants(args.data / CUBES["10m"], folder):
            sites, seconds = run(cube, folder / f"home-{variant}", moved)
            score = [sys.executable, str(args.scorer), str(cube), str(sites), f"{seconds:.0f}"]
            done = subprocess.run(score, capture_output=True, text=True, check=False)
            failed += done.returncode != 0
            plain |= {"10m": sites} if variant == "as it is" else {}
            print(f"{variant:9s} {done.stdout.strip() or done.stderr.strip()[-200:]}")
        if seeds := [int(seed) for seed in args.seeds.split(",") if seed]:
            examine(args.data, folder, seeds, plain)
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest memory of any process: {peak_mb:.0f} MiB (at most 2048)")
    return int(failed > 0 or peak_mb > 2048)


if __name__ == "__main__":
    raise SystemExit(main())
