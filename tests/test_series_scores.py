"""Alarms against labels: the same figures as the scorer that lies beside the data, and cases worked out by hand."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.errors import UsageError
from sat_monitor.evaluate.series import merged_days, read_alarms, read_places, score_alarms
from sat_monitor.evaluate.text import series_lines

SETS = {"s1": ("opera_s1_series", "labels.csv", "site_id"), "points": ("opera_alert_points", "points.csv", "ID")}
LABELS = """site_id,change_label,change_time,last_observation_time,lon,lat,changetype
1,VLmaj,2022-03-01,2022-02-20,0,0,Clear cut
2,noChange,,,0,0,No Change
3,OCmin,2022-05-01,,0,0,Crop cycle change
"""
ALARMS = """id,alarm_date,score,confirmed,kind
1,2022-03-10,0.9,1,vegetation_loss
1,2022-04-10T23:00:00Z,0.9,1,vegetation_loss
2,2022-06-01,0.5,1,change
2,2022-06-05,0.8,0,change
3,2022-02-01,0.4,1,earthwork
3,2021-09-01,0.9,1,earthwork
"""


def write(folder: Path, alarms: str = ALARMS, labels: str = LABELS) -> Path:
    (folder / "labels.csv").write_text(labels, encoding="utf-8")
    path = folder / "alarms.csv"
    path.write_text(alarms, encoding="utf-8")
    return path


def random_alarms(path: Path, ids: list[str], first: date, days: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = ("change", "earthwork", "vegetation_loss", "construction", "water")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "alarm_date", "score", "confirmed", "kind"])
        for place in ids:
            for _ in range(int(rng.integers(0, 6))):
                day = first + timedelta(days=int(rng.integers(0, days)))
                row = [place, day, round(float(rng.random()), 1), int(rng.random() < 0.6), kinds[int(rng.integers(5))]]
                writer.writerow(row)


@pytest.mark.parametrize("kind", SETS)
@pytest.mark.parametrize("seed", [1, 2])
def test_our_figures_are_those_of_the_scorer_beside_the_data(
    kind: str, seed: int, tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    name, table, column = SETS[kind]
    folder = shared_data(name)
    scorer = folder.parents[1] / "tools" / "score_series.py"
    if not scorer.is_file():
        pytest.skip("score_series.py is not beside the data")
    with (folder / table).open(encoding="utf-8") as file:
        ids = [row[column] for row in csv.DictReader(file)]
    first = date(2021, 8, 1) if kind == "s1" else date(2023, 11, 1)
    random_alarms(tmp_path / "alarms.csv", ids, first, 500, seed)
    command = [sys.executable, str(scorer), kind, str(tmp_path / "alarms.csv"), str(folder)]
    theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ours = score_alarms(read_alarms(tmp_path / "alarms.csv"), read_places(folder))
    assert (ours.name, ours.positives, ours.hits) == (theirs["set"], theirs["positives"], theirs["hits"])
    assert ours.false_alarms == theirs["false_alarms"]
    assert ours.average_precision.value == pytest.approx(theirs["average_precision"], abs=6e-4)
    assert ours.chance == pytest.approx(theirs["ap_of_chance"], abs=6e-4)
    assert ours.f1 == pytest.approx(theirs["f1"], abs=6e-4)
    assert ours.false_rate.value == pytest.approx(theirs["false_per_site_year"], abs=6e-4)
    assert ours.lag.median == theirs["median_lag_days"]
    wilson, bootstrap = ours.producers.interval, ours.average_precision.interval
    assert bootstrap is not None
    assert [wilson.low, wilson.high] == pytest.approx(theirs["producers_ci95"], abs=1e-3)
    # Other draws of the same bootstrap: equal within its own noise.
    assert [bootstrap.low, bootstrap.high] == pytest.approx(theirs["ap_ci95"], abs=0.04)


def test_hits_false_alarms_and_errors_of_kind_by_hand(tmp_path: Path) -> None:
    report = score_alarms(read_alarms(write(tmp_path)), read_places(tmp_path))
    # Place 1 is hit (two alarms in 90 days are one), place 2 has a false alarm, place 3 one long before its change.
    assert (report.hits, report.positives, report.false_alarms) == (1, 2, 2)
    assert report.lag.median == 9.0
    assert [(w.id, w.day) for w in report.wrong_kinds] == [("3", "2022-02-01")]
    assert "errors of kind): 1" in "\n".join(series_lines(report))


def test_alarms_of_one_place_merge_with_the_one_before_them(tmp_path: Path) -> None:
    rows = "".join(f"1,{date(2022, 1, 1) + timedelta(days=d)},1\n" for d in (0, 80, 160, 251))
    alarms = read_alarms(write(tmp_path, "id,alarm_date,score\n" + rows))
    # Each is within 90 days of the one before, the last is 91 days later.
    assert [d.date() for d in merged_days(alarms)] == [date(2022, 1, 1), date(2022, 9, 9)]


def test_files_that_hold_something_else_are_refused_by_number(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"E2004.*needed are id"):
        read_alarms(write(tmp_path, "site,day\n1,2022-01-01\n"))
    with pytest.raises(UsageError, match=r"E2004.*line 2"):
        read_alarms(write(tmp_path, "id,alarm_date,score\n1,2022-01-01,high\n"))
    with pytest.raises(UsageError, match="E2002"):
        read_places(tmp_path / "nowhere")
