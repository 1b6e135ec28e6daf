"""Accuracy and speed beside the peers that install, on the same data, in one run.

Optical: the cube s2_romania, watched from 2017 on; truth is lasting loss of summer NDVI as the scorer beside the data
defines it, with one pixel of tolerance. Ours is import, night and export as a user types them; the peers get arrays.
SAR: the share of pixels of opera_rtc_s1 (almost no change) above the nominal 1 % threshold, where a method has one,
and the share of an inserted fall (VV 2 dB, VH 3 dB) that simulated speckle lets it find at 1 % false alarms.
distmetrics is run as it comes and with its own despeckling. Speed is in pixels x dates per second of processor time.

    python benchmarks/peers.py [--only optical|sar]
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import xarray as xr
from peer_env import PeerFailed, run_peer, versions
from rasterio.features import rasterize
from rasterio.transform import from_origin
from romania import CUBES, SHARED, run
from scipy.ndimage import binary_dilation

from sat_monitor.change_detect.sar import SarDetector
from sat_monitor.change_detect.windows import NEVER
from sat_monitor.core.profile import Profile

FROM_DAY = (date(2017, 1, 1) - date(1970, 1, 1)).days
#: Classes that nrt's documentation keeps.
CLEAR = (4, 5, 7)
#: Nominal 1 % thresholds: our sigma one-sided; chi with 2 degrees of freedom; 1 - P; the larger of two normal |z|.
OURS_AT = 2.326
NOMINAL = {"Mahalanobis": 3.035, "log-ratio": None, "CuSum": 0.99, "transformer": 2.806}
TESTED_LOOKS = 2
FALL_DB = {"vv": -2.0, "vh": -3.0}

Arrays = dict[str, np.ndarray]


def lasting_loss(cube: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Truth and what is neither true nor false, (y, x) bool, as score_romania.py defines them."""
    ndvi = ((cube.B8 - cube.B4) / (cube.B8 + cube.B4)).where(cube.SCL.isin([4, 5]))
    summer = ndvi.sel(time=ndvi.time.dt.month.isin([6, 7, 8, 9])).groupby("time.year").median()
    loss = (summer.sel(year=[2015, 2016]).max("year") - summer.sel(year=slice(2017, 2020))).transpose("year", "y", "x")
    values = loss.values
    truth = ((values[:-1] > 0.25) & (values[1:] > 0.15)).any(axis=0)
    return truth, (values > 0.25).any(axis=0) & ~truth


def optical_line(name: str, found: np.ndarray, reference: tuple[np.ndarray, np.ndarray], rate: float) -> None:
    """Print producer's and user's accuracy, F1 and px x dates per second."""
    truth, ignore = reference
    near = np.ones((3, 3), bool)
    producers = (truth & binary_dilation(found, near)).sum() / truth.sum()
    judged = found & ~ignore
    users = (judged & binary_dilation(truth, near)).sum() / max(1, judged.sum())
    f1 = 2 * producers * users / max(producers + users, 1e-9)
    print(
        f"romania  {name:26s} producer's {producers:.2f}  user's {users:.2f}  F1 {f1:.2f}  {rate / 1e6:9.4f} Mpx x dates/s"
    )


def our_sites(path: Path, cube: xr.Dataset) -> tuple[np.ndarray, float]:
    """Confirmed, unfinished sites of a night as pixels, and the processor seconds of all its commands."""
    pixel = float(cube.x[1] - cube.x[0])
    corner = float(cube.x.min()) - pixel / 2, float(cube.y.max()) + pixel / 2
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        sites, _ = run(path, Path(folder))
        table = gpd.read_file(sites).to_crs(3035)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    table = table[table.first_confirmed_at.notna() & (table.status != "finished")]
    shape = cube.sizes["y"], cube.sizes["x"]
    drawn = rasterize([(g, 1) for g in table.geometry], shape, transform=from_origin(*corner, pixel, pixel))
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return drawn > 0, seconds


def optical(data: Path) -> None:
    """Print one line per method on s2_romania."""
    cube = xr.open_dataset(data / CUBES["10m"]).load()
    coarse = xr.open_dataset(data / CUBES["20m"]).load()
    reference = lasting_loss(cube)
    clear = cube.SCL.isin(CLEAR).values
    days = cube.time.values.astype("datetime64[D]").astype(int)
    swir = coarse.B11.values.repeat(2, axis=1).repeat(2, axis=2)
    ndvi = ((cube.B8 - cube.B4) / (cube.B8 + cube.B4)).where(clear).values.astype(np.float32)
    size = float(ndvi.size)
    found, seconds = our_sites(data / CUBES["10m"], cube)
    optical_line("ours, night and evidence", found, reference, size / seconds)
    reflectance = {n: np.where(clear, v, np.nan) / 1e4 for n, v in (("green", cube.B3.values), ("swir", swir))}
    given = {"ndvi": ndvi, "days": days, **reflectance}
    for monitor in ("EWMA", "CuSum", "MoSum", "CCDC"):
        peer_line(f"nrt {monitor}", "nrt", given, {"monitor": monitor, "from_day": FROM_DAY}, reference, size)
    bands = np.stack([cube.B2.values, cube.B3.values, cube.B4.values, cube.B8.values, swir], axis=1)
    given = {"stack": np.nan_to_num(bands).astype(np.int16), "clear": clear, "days": days}
    for method in ("COLD", "S-CCD"):
        options = {"method": method, "from_day": FROM_DAY, "red": 2, "near": 3, "tmask": [2, 5]}
        peer_line(f"pyxccd {method}", "pyxccd", given, options, reference, size)


def peer_line(
    title: str,
    name: str,
    given: Arrays,
    options: Mapping[str, object],
    reference: tuple[np.ndarray, np.ndarray],
    size: float,
) -> None:
    """Run an optical peer and print its line, or why it did not run."""
    try:
        answer = run_peer(name, given, options)
    except PeerFailed as error:
        print(f"romania  {title:26s} did not run: {error}")
        return
    optical_line(title, answer["alarm"] > 0, reference, size / float(answer["seconds"]))


def quiet_stacks(data: Path) -> list[tuple[Arrays, float]]:
    """The last looks of each burst, each with all earlier ones: `vv`, `vh` (look, y, x), `days`; pixel size."""
    stacks: list[tuple[Arrays, float]] = []
    for burst in sorted(path for path in data.iterdir() if path.is_dir()):
        looks: dict[str, dict[int, np.ndarray]] = {"vv": {}, "vh": {}}
        pixel_m = 0.0
        for path in sorted(burst.rglob("*.tif")):
            stamp = re.search(r"_(\d{8})T\d{6}Z_", path.name)
            assert stamp is not None
            day = int(np.datetime64(f"{stamp[1][:4]}-{stamp[1][4:6]}-{stamp[1][6:]}", "D").astype(int))
            with rasterio.open(path) as file:
                looks[path.stem[-2:].lower()][day] = file.read(1)
                pixel_m = float(file.transform.a)
        days = np.array(sorted(set(looks["vv"]) & set(looks["vh"])))
        whole = {name: np.stack([held[int(day)] for day in days]) for name, held in looks.items()}
        stacks.extend(
            ({**{n: v[: last + 1] for n, v in whole.items()}, "days": days[: last + 1]}, pixel_m)
            for last in range(days.size - TESTED_LOOKS, days.size)
        )
    return stacks


def simulated_stacks(count: int = 4, side: int = 128, looks: int = 20) -> list[tuple[Arrays, float]]:
    """Speckle of 4.4 looks, every second stack with a square that falls by `FALL_DB` at the last look."""
    rng = np.random.default_rng(3)
    days = 18_000 + np.r_[np.arange(looks) * 12, looks * 12 + 96]
    stacks = []
    for number in range(count):
        stack: Arrays = {"days": days}
        for name, level in (("vv", 0.1), ("vh", 0.03)):
            stack[name] = (rng.standard_gamma(4.4, (looks + 1, side, side)) * level / 4.4).astype(np.float32)
            if number % 2:
                stack[name][-1, 40:88, 40:88] *= np.float32(10 ** (FALL_DB[name] / 10))
        stacks.append((stack, 10.0))
    return stacks


def our_scores(stacks: list[tuple[Arrays, float]]) -> tuple[list[np.ndarray], float]:
    """Sigma of the last look of each stack, NaN where not assessed, and processor seconds."""
    detector, profile = SarDetector(), Profile()
    scores: list[np.ndarray] = []
    start = 0.0
    for number, (stack, pixel_m) in enumerate([stacks[0], *stacks]):
        if number == 1:
            # The first one loads the compiled code.
            scores, start = [], time.process_time()
        times = stack["days"].astype("datetime64[D]").astype("datetime64[ns]")
        bands = {name.upper(): (("time", "y", "x"), stack[name]) for name in ("vv", "vh")}
        cube = xr.Dataset(bands, {"time": times}, {"pixel_m": pixel_m})
        cube["valid"] = (("time", "y", "x"), (stack["vv"] > 0) & (stack["vh"] > 0))
        frozen = np.full(stack["vv"].shape[1:], NEVER, np.int32)
        calibration = detector.calibrate([cube], [frozen], profile)
        scores.append(detector.score(cube, frozen, calibration, profile).score)
    return scores, time.process_time() - start


def sar_line(name: str, quiet: list[np.ndarray], made: list[np.ndarray], nominal: float | None, rate: float) -> None:
    """Print actual against nominal false alarms on real quiet ground, and detection at 1 % on simulated speckle."""
    real = np.concatenate([score[np.isfinite(score)] for score in quiet])
    alarms = (
        "no nominal threshold" if nominal is None else f"false alarms {(real > nominal).mean():.4f} of nominal 0.01"
    )
    unchanged = np.concatenate([score.ravel() for score in made[::2]])
    threshold = np.quantile(unchanged[np.isfinite(unchanged)], 0.99)
    detected = np.mean([(score[42:86, 42:86] > threshold).mean() for score in made[1::2]])
    print(f"sar  {name:38s} {alarms:36s} detection at 1 % {detected:.3f}  {rate / 1e6:8.3f} Mpx x dates/s")


def sar(data: Path) -> None:
    """Print one line per SAR method."""
    quiet, made = quiet_stacks(data), simulated_stacks()
    size = float(sum(stack["vv"].size for stack, _ in made))
    (real, _), (scores, seconds) = our_scores(quiet), our_scores(made)
    sar_line("ours", real, scores, OURS_AT, size / seconds)
    for metric, nominal in NOMINAL.items():
        for despeckled in (False, True):
            title = f"distmetrics {metric}{', despeckled' if despeckled else ''}"
            options = {"metric": metric, "despeckle": despeckled}
            try:
                of_quiet = [run_peer("distmetrics", as_batch([stack]), options) for stack, _ in quiet]
                of_made = run_peer("distmetrics", as_batch([stack for stack, _ in made]), options)
            except PeerFailed as error:
                print(f"sar  {title:38s} did not run: {error}")
                continue
            real = [answer["score"][0] for answer in of_quiet]
            sar_line(title, real, list(of_made["score"]), nominal, size / float(of_made["seconds"]))


def as_batch(stacks: list[Arrays]) -> Arrays:
    """Stacks of one shape as `vv` and `vh` (stack, look, y, x)."""
    return {name: np.stack([stack[name] for stack in stacks]) for name in ("vv", "vh")}


def main() -> int:
    """Print every line; 3 where the reference data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--only", choices=("optical", "sar"))
    args = parser.parse_args()
    print(versions())
    missing = [name for name in ("s2_romania", "opera_rtc_s1") if not (args.data / name).is_dir()]
    if missing:
        print(f"reference data {' '.join(missing)} is not there: nothing measured")
        return 3
    if args.only != "optical":
        sar(args.data / "opera_rtc_s1")
    if args.only != "sar":
        optical(args.data / "s2_romania")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
