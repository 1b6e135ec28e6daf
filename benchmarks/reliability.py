"""Whether log-odds are log-odds: posterior against the share of truly converted pixels, and how looks repeat each other.

Three homes go through a night as a user's would: simulated worlds with known fills, three Sentinel-1 bursts of almost
no change (pack opera_rtc_s1), and the stable forest of a Sentinel-2 cube (pack s2_romania). From the archived change
maps it prints: the likelihood ratio that scores really have, beside the formula's; the posterior against the observed
share; false alarms on ground that did not change; and the lag-1 correlation r of the residuals of one pixel, from which
the temper of a look follows as (1 - r) / (1 + r), the worth of one look in a run of looks that correlate so.

    python benchmarks/reliability.py [--seeds 21 22] [--home FOLDER] [--figure docs/images/reliability.png]
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from rasterio.features import rasterize
from scipy import ndimage
from shapely.geometry import box, shape

from sat_monitor.change_detect.detector import detector_id
from sat_monitor.change_detect.evidence import empty_state, log_likelihood_ratio, update
from sat_monitor.change_detect.windows import day_number
from sat_monitor.core.clock import system_clock
from sat_monitor.core.domain import ChangeMap, Scene, Sensor
from sat_monitor.core.grid import reproject, transformer
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.demo import write_scenes
from sat_monitor.imagery.aois import AoiRegistry, aoi_from_outline
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.importer import import_scenes
from sat_monitor.imagery.opera_rtc import opera_rtc_scenes
from sat_monitor.imagery.s2_cube import s2_cube_scenes
from sat_monitor.night import NightRequest, run_night
from sat_monitor.scoring import DETECTORS, part_of
from sat_monitor.simulate.world import World, WorldSpec, build_world, truth_geojson
from sat_monitor.store.store import Store

DATA = Path(__file__).resolve().parents[2] / "shared/data"
CUBE = "s2_romania/sentinel2_cube_subset_romania_10m.nc"
SIDE_PX = 160
BINS = np.arange(-12.0, 10.0, 1.5)
SCORE_BINS = {Sensor.S1: np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 20.0]),
              Sensor.S2: np.array([-0.6, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.6])}  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What all looks of a home add up to: counts by bin of pixels converted (row 1) and not (row 0)."""

    posterior: np.ndarray = field(default_factory=lambda: np.zeros((2, BINS.size - 1)))
    scores: dict[Sensor, np.ndarray] = field(
        default_factory=lambda: {s: np.zeros((2, b.size - 1)) for s, b in SCORE_BINS.items()}
    )
    formula: dict[Sensor, np.ndarray] = field(
        default_factory=lambda: {s: np.zeros((2, b.size - 1)) for s, b in SCORE_BINS.items()}
    )
    residuals: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    alarms: int = 0
    ground: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """One look of a home with its change map and where the scene lies on the AOI grid."""

    scene: Scene
    change: ChangeMap
    where: tuple[slice, slice]


def looks(home: Home, aoi: str) -> Iterator[Seen]:
    """All looks in the order of the fold."""
    archive, grid = Archive(home.archive), AoiRegistry(home.aoi).get(aoi).grid
    with Store(home.database, system_clock) as store:
        scenes = {scene.id: scene for scene in store.scenes(aoi)}
        wanted = sorted((scenes[look.scene_id] for look in store.looks(aoi)), key=lambda s: s.order)
    for scene in wanted:
        # A look that proved unusable left no map.
        with suppress(KeyError):
            change = archive.change_map(aoi, scene.id, detector_id(DETECTORS[scene.sensor]))
            yield Seen(scene, change, part_of(grid, scene.grid))


def tally(home: Home, aoi: str, truth: Truth, profile: Profile) -> Tally:
    """Fold the archived maps again and count."""
    grid, done = AoiRegistry(home.aoi).get(aoi).grid, Tally()
    state = empty_state(grid.shape, profile.evidence, grid.pixel_m)
    last: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
    touched = np.zeros(grid.shape, bool)
    for seen in looks(home, aoi):
        change, where = seen.change, seen.where
        if not change.valid.any():
            continue
        day = day_number(seen.scene.acquired_at)
        part, _ = update(state.window(where), change, seen.scene.sensor, day, profile)
        state = state.put(where, part)
        converted, quiet = (mask[where] for mask in truth.masks(day))
        count_scores(done, seen, (converted, quiet), profile)
        for row, mask in ((0, quiet), (1, converted)):
            done.posterior[row] += np.histogram(part.log_odds[mask & change.valid], BINS)[0]
        touched[where] |= change.valid
        track = f"{seen.scene.sensor.value} {seen.scene.track.id if seen.scene.track else ''} {change.grid.x0:.0f}"
        add_residuals(done, last, track, seen, quiet)
    quiet = truth.masks(10**6)[1] & touched
    done.alarms, done.ground = int((state.log_odds[quiet] >= profile.evidence.alarm_score).sum()), int(quiet.sum())
    return done


@dataclass(frozen=True, slots=True)
class Truth:
    """Share of each pixel that a fill covers in the end, first day of each, and ground to leave out, all (y, x)."""

    share: np.ndarray
    first_day: np.ndarray
    last_day: np.ndarray
    aside: np.ndarray

    def masks(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        """Pixels converted on a day, and pixels that nothing happens to until then."""
        converted = (self.share > 0.5) & (self.last_day <= day)
        return converted & ~self.aside, (self.share == 0.0) & ~self.aside


def count_scores(done: Tally, seen: Seen, masks: tuple[np.ndarray, np.ndarray], profile: Profile) -> None:
    """Count scores by bin (optical: as a share of what full conversion gives) with the formula's mean untempered."""
    sensor, change = seen.scene.sensor, seen.change
    plain = profile.evidence.model_copy(
        update={"sar_temper": 1.0, "optical_temper": 1.0, "max_gain": 99.0, "max_loss": 99.0}
    )
    ratio = log_likelihood_ratio(change, sensor, plain)
    score, usable = change.score, change.valid.copy()
    if sensor is Sensor.S2:
        contrast = change.layers["contrast"].values
        usable &= contrast > 3.0
        score = np.where(usable, score / np.where(usable, contrast, 1.0), 0.0)
    for row, mask in ((1, masks[0]), (0, masks[1])):
        here = mask & usable
        done.scores[sensor][row] += np.histogram(score[here], SCORE_BINS[sensor])[0]
        done.formula[sensor][row] += np.histogram(score[here], SCORE_BINS[sensor], weights=ratio[here])[0]


def add_residuals(
    done: Tally,
    last: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]],
    track: str,
    seen: Seen,
    quiet: np.ndarray,
) -> None:
    """Correlation over quiet pixels between this look's residuals and those of the look before it on its track."""
    change = seen.change
    planes = {n: change.layers[n].values for n in ("vv_change", "vh_change") if n in change.layers}
    if seen.scene.sensor is Sensor.S2:
        planes = {"ndvi": change.layers["ndvi"].values - change.layers["ndvi_expected"].values, "score": change.score}
    before = last.get(track)
    if before is not None and before[0].shape == change.valid.shape:
        both = before[0] & change.valid & quiet
        if both.sum() > 200:
            for name, values in planes.items():
                pair = (ranked(values[both]), ranked(before[1][name][both]))
                done.residuals[f"{seen.scene.sensor.value} {name}"].append(float(np.corrcoef(*pair)[0, 1]))
    last[track] = (change.valid, planes)


def ranked(values: np.ndarray) -> np.ndarray:
    """Values cut at three robust standard deviations, so that a crane or a cloud does not decide."""
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle)) + 1e-9
    return np.asarray(np.clip((values - middle) / spread, -3.0, 3.0))


def simulated(home: Home, seed: int) -> tuple[str, Truth]:
    """A small world and its truth."""
    name, half = f"world-{seed}", SIDE_PX * 5.0
    x, y = (float(round(v, -1)) for v in transformer(4326, 32654).transform(139.245, 35.705))
    outline = reproject(box(x - half, y - half, x + half, y + half), 32654, 4326)
    aoi = AoiRegistry(home.aoi).add(aoi_from_outline(name, outline, name, name, epsg=32654, margin_m=0.0))
    world = build_world(WorldSpec(aoi, seed, date(2024, 6, 1), date(2026, 9, 30), fills=5))
    if not home.database.exists():
        write_scenes(world, Archive(home.inbox), lambda _: None)
    return name, truth_of(world)


def truth_of(world: World) -> Truth:
    """Where and when the fills of a world lie."""
    grid, epoch = world.grid, date(1970, 1, 1).toordinal()
    share, first, last = (np.zeros(grid.shape) for _ in range(3))
    for fill in truth_geojson(world)["features"]:
        outline, when = reproject(shape(fill["geometry"]), 4326, grid.epsg), fill["properties"]
        fine = rasterize([(outline, 1)], [5 * n for n in grid.shape], transform=grid.affine * grid.affine.scale(0.2))
        part = fine.reshape(grid.shape[0], 5, grid.shape[1], 5).mean(axis=(1, 3))
        share = np.maximum(share, part)
        first[part > 0] = date.fromisoformat(when["cleared_on"]).toordinal() - epoch
        last[part > 0] = date.fromisoformat(when["ready_on"]).toordinal() - epoch
    return Truth(share, first, last, np.zeros(grid.shape, bool))


def stable(home: Home, name: str) -> Truth:
    """Nothing happens anywhere, as far as is known."""
    shape_ = AoiRegistry(home.aoi).get(name).grid.shape
    nothing = np.zeros(shape_)
    return Truth(nothing, nothing, nothing, np.zeros(shape_, bool))


def forest(home: Home, name: str) -> Truth:
    """Pixels of the cube whose summer NDVI never falls by more than 0.1 from one year to another."""
    import xarray as xr

    cube = xr.open_dataset(DATA / CUBE).load()
    clear = cube.SCL.isin([4, 5])
    ndvi = ((cube.B8 - cube.B4) / (cube.B8 + cube.B4)).where(clear)
    years = (
        ndvi.sel(time=ndvi.time.dt.month.isin([6, 7, 8, 9])).groupby("time.year").median().transpose("year", "y", "x")
    )
    loss = (years.max("year") - years.min("year")).values
    if float(cube.y[0]) < float(cube.y[-1]):
        loss = loss[::-1]
    truth = stable(home, name)
    unsure = ndimage.binary_dilation(~(loss < 0.15), np.ones((3, 3)))
    if unsure.shape != truth.aside.shape:
        raise SystemExit(f"the cube's grid {unsure.shape} is not the AOI's {truth.aside.shape}")
    return Truth(truth.share, truth.first_day, truth.last_day, unsure)


def run(home: Home, name: str, first: date, last: date) -> None:
    """The night of a home, once."""
    run_night(NightRequest(home, (name,), first, last, Profile()), system_clock, lambda _: None)


def report(title: str, done: Tally) -> None:
    """Print one home's tables."""
    print(f"\n{title}")
    for name, values in sorted(done.residuals.items()):
        r = float(np.median(values))
        print(f"  lag-1 correlation {name:12s} {r:5.2f} over {len(values):3d} pairs: temper {(1 - r) / (1 + r):.2f}")
    if done.ground:
        print(f"  quiet pixels above alarm_score at the end: {done.alarms} of {done.ground}")
    if not done.posterior[1].any():
        return
    for sensor, counts in done.scores.items():
        share = (counts + 0.5) / (counts.sum(axis=1, keepdims=True) + 1.0)
        formula = done.formula[sensor].sum(axis=0) / np.maximum(counts.sum(axis=0), 1.0)
        for k, edge in enumerate(SCORE_BINS[sensor][:-1]):
            print(
                f"  {sensor.value} score from {edge:5.1f}: ln ratio seen {np.log(share[1, k] / share[0, k]):6.2f}"
                f"  formula {formula[k]:6.2f}  ({counts[1, k]:.0f} converted, {counts[0, k]:.0f} not)"
            )
    for k in range(BINS.size - 1):
        quiet, converted = done.posterior[:, k]
        if quiet + converted:
            middle = (BINS[k] + BINS[k + 1]) / 2.0
            print(
                f"  log-odds {middle:6.2f}: stated {1 / (1 + np.exp(-middle)):.5f}"
                f"  observed {converted / (quiet + converted):.5f}  ({converted:.0f} of {quiet + converted:.0f})"
            )


def figure(path: Path, worlds: list[Tally]) -> None:
    """The reliability curve of the worlds together."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    counts = np.sum([w.posterior for w in worlds], axis=0)
    middle = (BINS[1:] + BINS[:-1]) / 2.0
    seen = counts.sum(axis=0) > 0
    observed = np.log((counts[1] + 0.5) / (counts[0] + 0.5))
    picture, axes = plt.subplots(1, 3, figsize=(12.0, 4.0), layout="constrained")
    axes[0].plot(BINS, BINS, color="0.6", label="perfect")
    axes[0].plot(middle[seen], observed[seen], "o-", label="simulated worlds")
    axes[0].set(xlabel="stated log-odds", ylabel="observed log-odds", title="Posterior of a pixel")
    axes[0].legend()
    for axis, sensor in zip(axes[1:], SCORE_BINS, strict=True):
        scores = np.sum([w.scores[sensor] for w in worlds], axis=0)
        formula = np.sum([w.formula[sensor] for w in worlds], axis=0).sum(axis=0) / np.maximum(scores.sum(axis=0), 1)
        share = (scores + 0.5) / (scores.sum(axis=1, keepdims=True) + 1.0)
        edges = SCORE_BINS[sensor][:-1]
        axis.plot(edges, np.log(share[1] / share[0]), "o-", label="seen")
        axis.plot(edges, formula, "s--", label="formula")
        unit = "score, sigma" if sensor is Sensor.S1 else "share of full conversion"
        axis.set(
            xlabel=f"{unit} (lower edge of bin)",
            ylabel="ln likelihood ratio",
            title=f"One look of {sensor.value.upper()}",
        )
        axis.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, dpi=110)
    print(f"\nfigure: {path}")


def main() -> int:
    """Measure; 0 where quiet real ground raises alarms on less than one pixel in a thousand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[21, 22])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    profile, worlds, good = Profile(), [], True
    with tempfile.TemporaryDirectory() as temporary:
        root = args.home or Path(temporary)
        for seed in args.seeds:
            home = Home(root / f"world-{seed}")
            name, truth = simulated(home, seed)
            run(home, name, date(2025, 9, 1), date(2026, 9, 30))
            worlds.append(tally(home, name, truth, profile))
            report(f"simulated world, seed {seed}", worlds[-1])
        for name, pack, reader in (("bursts", "opera_rtc_s1", opera_rtc_scenes), ("forest", CUBE, s2_cube_scenes)):
            if not (DATA / pack).exists():
                print(f"reference data {pack} is not there: not measured")
                continue
            home = Home(root / name)
            if not home.database.exists():
                import_scenes(reader, DATA / pack, name, AoiRegistry(home.aoi), Archive(home.inbox), lambda _: None)
            run(home, name, date(2016, 1, 1), date(2030, 1, 1))
            real = tally(home, name, (forest if name == "forest" else stable)(home, name), profile)
            report(f"real, no known change: {pack}", real)
            good &= real.alarms <= 0.001 * max(real.ground, 1)
    if args.figure and worlds:
        figure(args.figure, worlds)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
