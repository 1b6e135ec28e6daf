"""Point time series with labels: average precision, user's and producer's accuracy, against OPERA's own statuses.

Runs `sat-monitor series` as a user does, scores its file with the scorer that lies beside the data, and then asks what
the figures are worth: settings chosen on some sites (radar) or blocks (conversions) and judged on the others, and a
paired bootstrap over blocks against the best of OPERA's statuses on the same points.

    python benchmarks/series.py [--data ../shared/data] [--scorer ../shared/tools/score_series.py]
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from sat_monitor.core.profile import Profile, SeriesSettings
from sat_monitor.series.alarms import alarms_of, joined, trace_of
from sat_monitor.series.tables import PointSeries, read_backscatter, read_cover, read_status

SHARED = Path(__file__).resolve().parents[2] / "shared"
DAY = pd.Timedelta(days=1)
FOLDS = 6
#: Settings among which each fold chooses; the shipped ones are among them.
RADAR_GRID = {"departure_line": (1.5, 1.75, 2.0, 2.25, 2.5), "stretch_days": (48, 60, 72)}
CONVERSION_GRID = {
    "conversion_line": (2.0, 2.35, 2.7, 3.0),
    "cover_power": (3.0, 4.0, 6.0),
    "conversion_looks": (4, 5, 6),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """Per sample: truth 0 or 1, highest score in its window, group of the bootstrap; per set: hits and false alarms."""

    samples: pd.DataFrame
    hits: int
    false: int
    positives: int
    site_years: float

    @property
    def f1(self) -> float:
        """Harmonic mean of user's and producer's accuracy."""
        return 2 * self.hits / max(1, self.hits + self.false + self.positives)


def main() -> int:
    """Print the figures of both sets; 3 where the data is absent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--scorer", type=Path, default=SHARED / "tools" / "score_series.py")
    args = parser.parse_args()
    radar, points = args.data / "opera_s1_series", args.data / "opera_alert_points"
    if not (radar.is_dir() and points.is_dir() and args.scorer.is_file()):
        print("reference data opera_s1_series, opera_alert_points or their scorer are not there: nothing measured")
        return 3
    scorer = load(args.scorer)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "alarms.csv"
        print(by_command(args.scorer, "s1", radar, out, ["--s1", radar / "backscatter.csv.gz"]))
        earthwork_errors(out, radar)
        radar_cross_validated(scorer, radar)
        hls, s1 = points / "optical_dist_hls.csv.gz", points / "sar_dist_s1_status.csv.gz"
        print(by_command(args.scorer, "points", points, out, ["--dist-hls", hls, "--dist-s1", s1]))
        against_opera(scorer, points, pd.read_csv(out, dtype={"id": str}))
        conversions_cross_validated(scorer, points)
    return 0


def load(path: Path) -> ModuleType:
    """The scorer as a module."""
    spec = importlib.util.spec_from_file_location("score_series", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_command(scorer: Path, kind: str, data: Path, out: Path, options: Sequence[Any]) -> str:
    """What the scorer prints of the file that the command wrote."""
    command = [sys.executable, "-m", "sat_monitor", "series", *map(str, options), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    told = subprocess.run(
        [sys.executable, str(scorer), kind, str(out), str(data)], capture_output=True, text=True, check=True
    )
    return told.stdout.strip()


def earthwork_errors(alarms: Path, data: Path) -> None:
    """List the alarms of kind earthwork on sites where a human saw crops or greening."""
    rows, labels = pd.read_csv(alarms, dtype={"id": str}), pd.read_csv(data / "labels.csv", dtype={"site_id": str})
    crops = labels[labels.changetype.str.contains("crop|greening", case=False)].site_id
    wrong = rows[(rows.confirmed == 1) & (rows.kind == "earthwork") & rows.id.isin(crops)]
    print(f"earthwork alarms on {len(crops)} sites of crops or greening: {wrong.id.nunique()} {sorted(set(wrong.id))}")


def alarms_frame(points: dict[str, PointSeries], settings: dict[str, Any]) -> pd.DataFrame:
    """The alarms of `points` under the shipped profile with other `settings` of its section series."""
    profile = Profile(series=SeriesSettings(**settings))
    rows = []
    for point, series in points.items():
        trace = trace_of(series, profile)
        found = alarms_of(point, trace, profile) if trace is not None else []
        rows += [(a.point, pd.Timestamp(a.day), a.score, int(a.confirmed), a.kind.value) for a in found]
    return pd.DataFrame(rows, columns=["id", "alarm_date", "score", "confirmed", "kind"])


def _rows(frame: pd.DataFrame) -> Iterable[Any]:
    """Rows of a table whose columns are known to this script alone."""
    return frame.itertuples()


def score_radar(scorer: ModuleType, alarms: pd.DataFrame, labels: pd.DataFrame) -> Scored:
    """The rules of the scorer for sites, on some of them."""
    start, end = pd.Timestamp("2021-10-01"), pd.Timestamp("2022-11-20")
    alarms = alarms[(alarms.alarm_date >= start) & (alarms.alarm_date <= end)]
    events, rows, hits, false = scorer.first_events(alarms), [], 0, 0
    for site in _rows(labels):
        known = events.get(site.site_id, [])
        if site.change_label == "noChange":
            false += len(known)
            windows = pd.date_range(start, end - 75 * DAY, freq="75D")
            rows += [(site.site_id, 0, scorer.top(alarms, site.site_id, w, w + 75 * DAY)) for w in windows]
            continue
        last = site.last_observation_time if pd.notna(site.last_observation_time) else site.change_time
        low, high = last - 12 * DAY, site.change_time + 60 * DAY
        rows.append((site.site_id, 1, scorer.top(alarms, site.site_id, low, high)))
        hit = bool(known) and low <= known[0] <= high
        hits, false = hits + hit, false + len(known) - hit
    changed = int((labels.change_label != "noChange").sum())
    years = len(labels) * (end - start).days / 365.25
    return Scored(pd.DataFrame(rows, columns=["group", "truth", "score"]), hits, false, changed, years)


def score_conversions(scorer: ModuleType, alarms: pd.DataFrame, truth: pd.DataFrame) -> Scored:
    """The rules of the scorer for conversion points, on some of them."""
    alarms = alarms[alarms.kind.isin(["earthwork", "construction", "vegetation_loss"])]
    start, end = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-31")
    alarms = alarms[(alarms.alarm_date >= start) & (alarms.alarm_date <= end)]
    best = alarms.groupby("id")
    by_id = {point: best.get_group(point) for point in best.groups}
    nothing = alarms.iloc[:0]
    rows, hits, false = [], 0, 0
    for point in _rows(truth):
        own = by_id.get(point.ID, nothing)
        low, high = (point.last_quiet - 16 * DAY, point.first + 180 * DAY) if point.truth else (start, end)
        inside = own[(own.alarm_date >= low) & (own.alarm_date <= high)]
        rows.append((point.block, point.truth, inside.score.max() if len(inside) else -1e9))
        first = own[own.confirmed == 1].alarm_date.min()
        hit = bool(point.truth and low <= first <= high)
        hits, false = hits + hit, false + bool(pd.notna(first) and not hit)
    samples = pd.DataFrame(rows, columns=["group", "truth", "score"])
    return Scored(samples, hits, false, int(truth.truth.sum()), float(len(truth)))


def radar_cross_validated(scorer: ModuleType, data: Path) -> None:
    """Settings chosen on five sixths of the sites, judged on the last sixth."""
    dates = ["change_time", "last_observation_time"]
    labels = pd.read_csv(data / "labels.csv", parse_dates=dates, dtype={"site_id": str})
    points = joined([read_backscatter(data / "backscatter.csv.gz").points])

    def worth(scored: Scored) -> float:
        allowed = scored.false / scored.site_years <= 0.35
        return scored.hits / max(1, scored.positives) + (1.0 if allowed else 0.0)

    def judge(alarms: pd.DataFrame, sites: pd.DataFrame) -> Scored:
        return score_radar(scorer, alarms, sites)

    _cross_validated("s1_series by site", scorer, points, RADAR_GRID, (labels, "site_id"), judge, worth)


def conversions_cross_validated(scorer: ModuleType, data: Path) -> None:
    """Settings chosen on five sixths of the blocks, judged on the last sixth."""
    truth = scorer.point_truth(str(data))
    tables = [read_cover(data / "optical_dist_hls.csv.gz"), read_status(data / "sar_dist_s1_status.csv.gz")]
    points = {k: v for k, v in joined([table.points for table in tables]).items() if k in set(truth.ID)}

    def judge(alarms: pd.DataFrame, some: pd.DataFrame) -> Scored:
        return score_conversions(scorer, alarms, some)

    _cross_validated(
        "conversion points by block", scorer, points, CONVERSION_GRID, (truth, "block"), judge, lambda s: s.f1
    )


def _cross_validated(
    name: str, scorer: ModuleType, points: dict[str, PointSeries], grid: dict[str, tuple[float, ...]],
    sites: tuple[pd.DataFrame, str], judge: Callable[[pd.DataFrame, pd.DataFrame], Scored],
    worth: Callable[[Scored], float],
) -> None:  # fmt: skip
    table, by = sites
    made = [(dict(zip(grid, values, strict=True))) for values in product(*grid.values())]
    alarms = [alarms_frame(points, settings) for settings in made]
    groups = np.random.default_rng(0).permutation(table[by].unique())
    parts, chosen = [], []
    for fold in range(FOLDS):
        held_out = table[by].isin(groups[fold::FOLDS])
        best = int(np.argmax([worth(judge(each, table[~held_out])) for each in alarms]))
        chosen.append(made[best])
        parts.append(judge(alarms[best], table[held_out]))
    samples = pd.concat([part.samples for part in parts])
    hits, false, positives = (sum(getattr(p, n) for p in parts) for n in ("hits", "false", "positives"))
    years = sum(part.site_years for part in parts)
    print(
        f"{name}, cross-validated in {FOLDS} folds: average precision "
        f"{scorer.average_precision(samples.truth, samples.score):.3f}, producer's {hits / positives:.3f}, "
        f"user's {hits / max(1, hits + false):.3f}, F1 {2 * hits / (hits + false + positives):.3f}, "
        f"false per site and year {false / years:.3f}; chosen: {chosen}"
    )


def against_opera(scorer: ModuleType, data: Path, ours: pd.DataFrame) -> None:
    """Average precision and F1 of OPERA's statuses on the same points, and the paired block bootstrap of the difference."""
    truth = scorer.point_truth(str(data))
    ours = ours.assign(alarm_date=pd.to_datetime(ours.alarm_date))
    mine = score_conversions(scorer, ours, truth)
    hls = pd.read_csv(data / "optical_dist_hls.csv.gz", dtype={"ID": str})
    hls["at"] = pd.to_datetime(hls.SensingTime, format="%Y%m%dT%H%M%SZ").dt.normalize()
    radar = pd.read_csv(data / "sar_dist_s1_status.csv.gz", dtype={"ID": str}, parse_dates=["date"])
    peers = {
        "OPERA generic": (hls.ID, hls["at"], hls["GEN-DIST-STATUS"]),
        "OPERA vegetation": (hls.ID, hls["at"], hls["VEG-DIST-STATUS"]),
        "OPERA S1": (radar.ID, radar.date, radar.labels),
    }
    best = None
    for name, (point, at, status) in peers.items():
        code = status.where(status <= 6, 0)
        frame = pd.DataFrame({"id": point, "alarm_date": at, "score": code, "confirmed": code.isin([3, 6]).astype(int)})
        scored = score_conversions(scorer, frame.assign(kind="vegetation_loss"), truth)
        precision = scorer.average_precision(scored.samples.truth, scored.samples.score)
        print(f"{name}, confirmed: average precision {precision:.3f}, F1 {scored.f1:.3f}")
        if best is None or precision > best[0]:
            best = (precision, name, scored)
    if best is not None:
        low, high = paired_bootstrap(scorer, mine.samples, best[2].samples)
        print(f"difference in average precision to {best[1]}: 95 % interval {low:.3f} to {high:.3f} (blocks, paired)")


def paired_bootstrap(
    scorer: ModuleType, ours: pd.DataFrame, theirs: pd.DataFrame, draws: int = 2000
) -> tuple[float, float]:
    """95 % interval of the difference in average precision over the same drawn groups."""
    both = ours.assign(other=theirs.score.to_numpy())
    groups, rng = [g for _, g in both.groupby("group")], np.random.default_rng(0)
    differences = []
    for _ in range(draws):
        drawn = pd.concat([groups[i] for i in rng.integers(0, len(groups), len(groups))])
        if 0 < drawn.truth.sum() < len(drawn):
            first, second = (scorer.average_precision(drawn.truth, drawn[name]) for name in ("score", "other"))
            differences.append(first - second)
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    raise SystemExit(main())
