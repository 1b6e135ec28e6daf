"""Scores of one point over time become alarms: one line to cross, one to fall below, and a year in between.

`score` is the distance above the alarm line: nats where optical looks speak, sigma where radar is alone. What only
radar saw is a `change` and nothing more (METHOD 12).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from sat_monitor.core.domain import Kind
from sat_monitor.core.profile import Profile, SeriesSettings
from sat_monitor.series.conversion import conversion, status_support
from sat_monitor.series.departure import departure
from sat_monitor.series.tables import PointSeries, Times, Values

_DAY = np.timedelta64(1, "D")
#: Order of DIST-ALERT-S1 codes by how sure they are: none, first, provisional, confirmed; high above low; finished last.
_STATUS_RANK = np.array([0.0, 0.5, 1.0, 2.0, 1.0, 2.0, 3.0, 1.0, 1.5])
#: A confirmed low or a provisional high alert stands above it.
_STATUS_LINE = 1.5


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is known of a point on a UTC day: `score` above its alarm line, whether an alarm stands, and of which kind."""

    point: str
    day: date
    score: float
    confirmed: bool
    kind: Kind


@dataclass(frozen=True, slots=True)
class Trace:
    """Score of a point over time: `at`, `score` and kind per event, and the `line` that the score must cross."""

    at: Times
    score: Values
    kinds: Sequence[Kind]
    line: float


def alarms_of(point: str, trace: Trace, profile: Profile) -> list[Alarm]:
    """One row per event of the trace, in time order."""
    days = trace.at.astype("datetime64[D]")
    stands = standing(days.astype(np.int64), trace.score, trace.line, profile)
    rows = zip(days.tolist(), trace.score.tolist(), stands, trace.kinds, strict=True)
    return [Alarm(point, day, score - trace.line, on, kind) for day, score, on, kind in rows]


def standing(day: Values, score: Values, line: float, profile: Profile) -> list[bool]:
    """Whether an alarm stands after each event: from crossing `line` until the score falls well below it.

    For a year after an alarm began the place is known: what happens there is the same site, not a new alarm.
    """
    release, known_for = line * profile.series.release_share, profile.lifecycle.finish_days
    stands, on, began = [], False, -np.inf
    for today, value in zip(day, score, strict=True):
        if not on and value > line and today - began > known_for:
            on, began = True, float(today)
        elif on and value < release:
            on = False
        stands.append(on)
    return stands


def trace_of(series: PointSeries, profile: Profile, seen: Trace | None = None) -> Trace | None:
    """The fused trace of a point: `seen` by Sentinel-2 or told by its tables; None where none of them says anything.

    Optical looks lead and radar supports; radar alone speaks for itself.
    """
    optical = seen or _optical_trace(series, profile)
    radar = _departures(series, profile.series)
    if optical is not None:
        settings = profile.series
        supports = [_Steps(part.at, status_support(part, settings)) for part in series.status]
        supports += [] if radar is None else [_departure_support(radar, settings)]
        return _supported(optical, supports)
    return radar if radar is not None else _status_trace(series)


def joined(tables: Sequence[Mapping[str, PointSeries]]) -> dict[str, PointSeries]:
    """Points of several tables as one, in order of first mention."""
    points: dict[str, PointSeries] = {}
    for table in tables:
        for point, series in table.items():
            known = points.setdefault(point, PointSeries())
            known.backscatter += series.backscatter
            known.cover += series.cover
            known.status += series.status
    return points


@dataclass(frozen=True, slots=True)
class _Steps:
    """Values that hold from their time on until the next, (event)."""

    at: Times
    value: Values

    def on(self, at: Times) -> Values:
        """The values that hold at the times `at`, 0 before the first."""
        last = np.searchsorted(self.at, at, side="right") - 1
        return np.where(last >= 0, self.value[np.maximum(last, 0)], 0.0) if self.at.size else np.zeros(at.size)


def _optical_trace(series: PointSeries, profile: Profile) -> Trace | None:
    if not series.cover:
        return None
    told = conversion(series.cover, profile.series)
    # Bare ground that stays for longer than between two crops is worked ground (METHOD 10, 12).
    worked = told.bare_days >= profile.patches.fallow_days
    kinds = [Kind.EARTHWORK if is_worked else Kind.VEGETATION_LOSS for is_worked in worked]
    return Trace(told.at, told.score, kinds, profile.series.conversion_line) if told.at.size else None


def _departures(series: PointSeries, settings: SeriesSettings) -> Trace | None:
    found = departure(series.backscatter, settings) if series.backscatter else None
    if found is None or found.day.size == 0:
        return None
    at = np.datetime64("1970-01-01", "D") + found.day.astype(np.int64) * _DAY
    return Trace(at.astype("datetime64[ns]"), found.sigma, [Kind.CHANGE] * at.size, settings.departure_line)


def _departure_support(radar: Trace, settings: SeriesSettings) -> _Steps:
    """What a departure of backscatter adds, nats, graded as a DIST-ALERT-S1 status is; it lapses with its stretch."""
    grade = 0.5 * (radar.score > radar.line) + (radar.score > 2.0 * radar.line)
    lapse = radar.at[-1:] + settings.stretch_days * _DAY
    return _Steps(np.append(radar.at, lapse), np.append(settings.radar_support * grade, 0.0))


def _status_trace(series: PointSeries) -> Trace | None:
    if not series.status:
        return None
    at = np.concatenate([part.at for part in series.status])
    rank = _STATUS_RANK[np.concatenate([part.status for part in series.status])]
    order = np.argsort(at, kind="stable")
    return Trace(at[order], rank[order], [Kind.CHANGE] * at.size, _STATUS_LINE)


def _supported(optical: Trace, supports: Sequence[_Steps]) -> Trace:
    """The optical trace with what radar adds, at the events of both; before the first clear look there is no score."""
    at = np.unique(np.concatenate([optical.at, *(steps.at for steps in supports)]).astype("datetime64[ns]"))
    at = at[at >= optical.at[0]]
    score = _Steps(optical.at, optical.score).on(at) + sum((steps.on(at) for steps in supports), np.zeros(at.size))
    last = np.searchsorted(optical.at, at, side="right") - 1
    return Trace(at, score, [optical.kinds[k] for k in last], optical.line)
