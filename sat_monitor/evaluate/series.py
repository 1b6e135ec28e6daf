"""Alarms on point time series against what humans saw: hits, false alarms, ranking, lag, and errors of kind.

Two sets of places are known, by the layout of their folder: `labels.csv` (did the ground change for good, of whatever
kind?) and `points.csv` with `reference.csv.gz` (was the stand cleared or built over for good?).
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from sat_monitor.core.errors import UsageError
from sat_monitor.evaluate.statistics import (
    Estimate,
    Quartiles,
    Ranked,
    Share,
    poisson_rate,
    quartiles,
    ranked_precision,
    share_of,
)

#: Confirmed alarms of one place closer than this to the one before are one alarm.
MERGE = timedelta(days=90)
#: Score of a window without an alarm: it ranks last, together with all the others.
_NO_ALARM = -1e9
_DAY = timedelta(days=1)
_S1_WATCH = datetime(2021, 10, 1, tzinfo=UTC), datetime(2022, 11, 20, tzinfo=UTC)
_S1_QUIET = 75 * _DAY
_POINTS_WATCH = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC)
_CONVERSIONS = frozenset({"built-up growth", "clear cut", "plantation clearing", "mining"})
_LEFT_OUT = re.compile("fire|shifting|logging|new plantation|lost water|new water|cut down|other|^$")
_CHANGED, _UNCHANGED = frozenset({"VLmin", "VLmaj", "OCmin", "OCmaj"}), frozenset({"noChange", "VLsub", "VGsub"})
_LAND_KINDS = frozenset({"earthwork", "construction", "vegetation_loss"})
#: Words for what grows and is harvested: an earthwork there is an error of kind.
_GREEN = re.compile("crop|greening", re.IGNORECASE)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One row of an alarm file: the evidence at the end of a UTC day (given by its midnight)."""

    id: str
    day: datetime
    score: float
    confirmed: bool
    kind: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A place with what humans saw: `hit` is the span in which its first alarm is right, None where nothing changed.

    `quiet` are the spans whose best scores stand for no change; `group` is drawn again as a whole in the bootstrap.
    """

    id: str
    group: str
    changetype: str
    changed_at: datetime | None
    hit: Span | None
    quiet: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class SeriesSet:
    """A set of places: which kinds of alarm count (all where empty), when, and how many false alarms a place can have."""

    name: str
    places: tuple[Watched, ...]
    watch: Span
    kinds: frozenset[str]
    one_false_each: bool
    years: float


@dataclass(frozen=True, slots=True)
class WrongKind:
    """A confirmed alarm of kind earthwork where crops or natural greening were seen."""

    id: str
    day: str
    changetype: str


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """Figures of one alarm file; the false rate is per place and year, lags in days."""

    name: str
    places: int
    hits: int
    positives: int
    false_alarms: int
    producers: Share
    users: Share
    f1: float
    false_rate: Estimate
    average_precision: Estimate
    chance: float
    lag: Quartiles
    wrong_kinds: tuple[WrongKind, ...]


def read_alarms(path: Path) -> list[Alarm]:
    """The rows of a CSV with id, alarm_date, score and optionally confirmed (1) and kind (change); E2002, E2004."""
    rows = _rows(path)
    if rows and not {"id", "alarm_date", "score"} <= rows[0].keys():
        raise UsageError("E2004", f"{path}: columns {', '.join(rows[0])}; needed are id, alarm_date, score")
    alarms = []
    for number, row in enumerate(rows, start=2):
        if row["alarm_date"]:
            try:
                confirmed, score = float(row.get("confirmed") or 1) == 1.0, float(row["score"])
                alarms.append(
                    Alarm(row["id"], _utc_day(row["alarm_date"]), score, confirmed, row.get("kind") or "change")
                )
            except ValueError as error:
                raise UsageError("E2004", f"{path}, line {number}: {error}") from error
    return alarms


def read_places(folder: Path) -> SeriesSet:
    """The places of a folder of labels; raises UsageError E2002 where it is no such folder."""
    if (folder / "labels.csv").is_file():
        return _s1_places(_rows(folder / "labels.csv"))
    if (folder / "points.csv").is_file():
        return _point_places(_rows(folder / "points.csv"), _rows(folder / "reference.csv.gz"))
    raise UsageError("E2002", f"{folder}: neither labels.csv nor points.csv")


def score_alarms(alarms: Iterable[Alarm], places: SeriesSet) -> SeriesReport:
    """Hits and false alarms from confirmed alarms, ranking from all of them."""
    first, last = places.watch
    counted: defaultdict[str, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        if first <= alarm.day <= last and (not places.kinds or alarm.kind in places.kinds):
            counted[alarm.id].append(alarm)
    hits: list[bool] = []
    lags: list[float] = []
    false = 0
    for place in places.places:
        begun = merged_days(counted[place.id])
        hit = place.hit is not None and bool(begun) and place.hit[0] <= begun[0] <= place.hit[1]
        wrong = len(begun) - hit
        false += min(wrong, int(not hit)) if places.one_false_each else wrong
        if place.hit is not None:
            hits.append(hit)
        if hit and place.changed_at is not None:
            lags.append(float((begun[0] - place.changed_at).days))
    found, ranks = sum(hits), _ranked(counted, places.places)
    return SeriesReport(
        name=places.name,
        places=len(places.places),
        hits=found,
        positives=len(hits),
        false_alarms=false,
        producers=share_of(hits),
        users=share_of([True] * found + [False] * false),
        f1=2.0 * found / max(1, found + false + len(hits)),
        false_rate=poisson_rate(false, places.years),
        average_precision=ranked_precision(ranks),
        chance=float(ranks.truth.mean()) if ranks.truth.size else 0.0,
        lag=quartiles(lags),
        wrong_kinds=_wrong_kinds(counted, places.places),
    )


def merged_days(alarms: Iterable[Alarm]) -> list[datetime]:
    """First days of the confirmed alarms of one place, those within `MERGE` of the one before taken together."""
    first: list[datetime] = []
    before: datetime | None = None
    for day in sorted(alarm.day for alarm in alarms if alarm.confirmed):
        if before is None or day - before > MERGE:
            first.append(day)
        before = day
    return first


def _ranked(alarms: Mapping[str, Sequence[Alarm]], places: Sequence[Watched]) -> Ranked:
    rows: list[tuple[float, bool, str]] = []
    for place in places:
        spans = place.quiet if place.hit is None else (place.hit,)
        for low, high in spans:
            best = max((a.score for a in alarms.get(place.id, ()) if low <= a.day <= high), default=_NO_ALARM)
            rows.append((best, place.hit is not None, place.group))
    groups = {name: n for n, name in enumerate(sorted({group for _, _, group in rows}))}
    return Ranked(
        np.array([score for score, _, _ in rows], float),
        np.array([truth for _, truth, _ in rows], bool),
        np.array([groups[group] for _, _, group in rows], np.int64),
    )


def _wrong_kinds(alarms: Mapping[str, Sequence[Alarm]], places: Sequence[Watched]) -> tuple[WrongKind, ...]:
    return tuple(
        WrongKind(place.id, alarm.day.date().isoformat(), place.changetype)
        for place in places
        if _GREEN.search(place.changetype)
        for alarm in sorted(alarms.get(place.id, ()), key=lambda a: a.day)
        if alarm.confirmed and alarm.kind == "earthwork"
    )


def _s1_places(rows: Sequence[Mapping[str, str]]) -> SeriesSet:
    first, last = _S1_WATCH
    starts = [first + n * _S1_QUIET for n in range((last - first) // _S1_QUIET)]
    quiet = tuple((start, start + _S1_QUIET) for start in starts)
    places = []
    for row in rows:
        changed, hit = None, None
        if row["change_label"] != "noChange":
            changed = _moment(row["change_time"])
            low = _moment(row["last_observation_time"]) if row["last_observation_time"] else changed
            hit = low - 12 * _DAY, changed + 60 * _DAY
        places.append(Watched(row["site_id"], row["site_id"], row["changetype"], changed, hit, quiet))
    years = len(places) * (last - first).days / 365.25
    return SeriesSet("s1_series", tuple(places), _S1_WATCH, frozenset(), False, years)


def _point_places(points: Sequence[Mapping[str, str]], reference: Sequence[Mapping[str, str]]) -> SeriesSet:
    seen: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for row in reference:
        seen[row["ID"]].append((_moment(row["date"]), row["label"]))
    places = []
    for row in points:
        name, group = row["changetype"], row["ID"].split("_")[0]
        if name.lower() in _CONVERSIONS:
            changed = min((day for day, label in seen[row["ID"]] if label in _CHANGED), default=None)
            before = [d for d, label in seen[row["ID"]] if label in _UNCHANGED and changed is not None and d < changed]
            if changed is not None and before:
                hit = max(before) - 16 * _DAY, changed + 180 * _DAY
                places.append(Watched(row["ID"], group, name, changed, hit, ()))
        elif not _LEFT_OUT.search(name.lower()):
            places.append(Watched(row["ID"], group, name, None, None, (_POINTS_WATCH,)))
    return SeriesSet("conversion_points", tuple(places), _POINTS_WATCH, _LAND_KINDS, True, float(len(places)))


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise UsageError("E2002", str(path))
    opener: Callable[..., object] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:  # type: ignore[attr-defined]
        return [dict(row) for row in csv.DictReader(file)]


def _moment(text: str) -> datetime:
    """A time of a label file; without a zone it is UTC."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _utc_day(text: str) -> datetime:
    return _moment(text).replace(hour=0, minute=0, second=0, microsecond=0)
