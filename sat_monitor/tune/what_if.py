"""One profile against another on the stored scores of an area: the report that an analyst reads, as lines and as rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sat_monitor.core.clock import japan_day
from sat_monitor.core.errors import UsageError
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.files import write_whole
from sat_monitor.sites.lifecycle import SiteTable
from sat_monitor.tune.compare import (
    Alarm,
    Fate,
    Level,
    Place,
    Span,
    confirmed_within,
    count_fates,
    earliest,
    places_of,
    tickets_opened,
)
from sat_monitor.tune.ground_truth import Knowledge, accuracy_of
from sat_monitor.tune.replay import StoredNights, differing, moves_reference, replay
from sat_monitor.tune.weighted import change_between

Progress = Callable[[str], None]
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What `new` would have changed against `against` within `span`.

    `agrees` says whether the replay under the nights' own profile gave what the store holds; None where it was not
    replayed to its end.
    """

    nights: StoredNights
    against: Profile
    new: Profile
    span: Span
    tables: tuple[SiteTable, SiteTable]
    places: tuple[Place, ...]
    known: tuple[Knowledge, ...]
    agrees: bool | None

    @property
    def lines(self) -> list[str]:
        """The report as people read it."""
        nights, changed = self.nights, ", ".join(differing(self.against, self.new)) or "nothing"
        return [
            f"{nights.aoi.id}, {self.span.first} to {self.span.last} (Asia/Tokyo), {len(nights.until(self.span.last))} looks replayed",
            f"new: {_title(self.new)}; against: {_title(self.against)}; they differ in: {changed}",
            *self._warnings(),
            *(self._fates(level) for level in Level),
            self._weekly(),
            *(line for known in self.known for level in Level for line in self._accuracy(known, level)),
            "A what-if: the store was only read, no ticket was opened.",
        ]

    def _warnings(self) -> list[str]:
        lines = ["SIMULATED DATA: no real place was observed"] if self.nights.simulated else []
        if self.agrees is False:
            lines.append("WARNING: the replay under the nights' own profile is not what the store holds")
        moved = {name for one in (self.against, self.new) for name in moves_reference(self.nights, one)}
        if moved:
            lines.append(
                f"NOTE: {', '.join(sorted(moved))} would also have moved the days on which reference windows were frozen; "
                "the stored scores are what the nights saw"
            )
        return lines

    def _fates(self, level: Level) -> str:
        counts = count_fates(self.places, level)
        return f"{level}: {counts[Fate.KEPT]} kept, {counts[Fate.GAINED]} gained, {counts[Fate.LOST]} lost"

    def _weekly(self) -> str:
        before, after = (tickets_opened(table, self.span) for table in self.tables)
        weeks = self.span.weeks
        return (
            f"tickets per week: {before / weeks:.2f} -> {after / weeks:.2f} ({before} -> {after} in {weeks:.1f} weeks)"
        )

    def _accuracy(self, known: Knowledge, level: Level) -> list[str]:
        before, after = (accuracy_of(table, known, level, self.span) for table in self.tables)
        pairs = (("user's", before.users, after.users), ("producer's", before.producers, after.producers))
        return [
            f"{name} accuracy of {level} by {known.source}: {old or 'unknown'} -> {new or 'unknown'}; "
            f"change {change_between(old, new) or 'unknown'}"
            for name, old, new in pairs
        ]

    @property
    def rows(self) -> list[Row]:
        """One row per place: its names, what becomes of it, when it came how far under each profile (Japan days)."""
        return [_row(place, self.nights) for place in self.places]


def brief(row: Row) -> Row:
    """A row of `WhatIf.rows` as a terminal has room for it."""
    dates = {level.value: f"{row[f'{level}_against'] or '-'} > {row[f'{level}_new'] or '-'}" for level in Level}
    fates = {f"{level.value} is": row[level.value] for level in Level}
    return {"place": row["place"], "kind": row["kind"], "m2": row["area_m2"], **fates, **dates}


def brief_figures(row: Row) -> Row:
    """A row of `figures` with each share and its bounds in one cell."""
    names = [key.removesuffix("_low") for key in row if key.endswith("_low")]
    shares = {
        name: "unknown"
        if row[name] is None
        else f"{row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})"
        for name in names
    }
    return {key: value for key, value in row.items() if not any(key.startswith(name) for name in names)} | shares


def compare_profiles(
    nights: StoredNights, profiles: tuple[Profile, Profile], span: Span, known: Sequence[Knowledge], progress: Progress
) -> WhatIf:
    """Replay (against, new) and compare them; raises as `replay`."""
    against, new = profiles
    tables = replay(nights, profiles, span.last, progress)
    whole = len(nights.until(span.last)) == len(nights.looks)
    agrees = nights.explains(tables[0]) if whole and against == nights.profile else None
    places = tuple(places_of(tables[0], tables[1], span))
    return WhatIf(nights, against, new, span, (tables[0], tables[1]), places, tuple(known), agrees)


def span_of(nights: StoredNights, first: date | None, last: date | None) -> Span:
    """The days from `first` to `last`; where None, from the first look's or to the last look's day in Japan.

    Raises UsageError E2001 where no day is left.
    """
    days = [japan_day(look.scene.acquired_at) for look in nights.looks]
    span = Span(first or days[0], last or days[-1])
    if span.first > span.last:
        raise UsageError("E2001", f"the span from {span.first} to {span.last} is empty; looks: {days[0]} to {days[-1]}")
    return span


def write_rows(rows: Sequence[Row], path: Path) -> Path:
    """Write rows as CSV or JSON, by the suffix of `path`; raises UsageError E2001 for another suffix, E1302."""
    if path.suffix == ".json":
        return write_whole(path, json.dumps(rows, ensure_ascii=False, indent=1).encode())
    if path.suffix != ".csv":
        raise UsageError("E2001", f"--out {path.name}: .csv or .json")
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]) if rows else [], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return write_whole(path, buffer.getvalue().encode())


def figures(table: SiteTable, span: Span, known: Sequence[Knowledge]) -> Row:
    """The figures of one table within `span`, flat: counts, tickets per week, accuracy with its 95 % bounds."""
    tickets = tickets_opened(table, span)
    row: Row = {
        "confirmed_sites": confirmed_within(table, span),
        "tickets": tickets,
        "tickets_per_week": round(tickets / span.weeks, 3),
    }
    for source in known:
        for level in Level:
            accuracy = accuracy_of(table, source, level, span)
            for name, share in (("users", accuracy.users), ("producers", accuracy.producers)):
                key = f"{source.column}_{level}_{name}"
                row[key] = None if share is None else round(share.value, 4)
                row[f"{key}_low"] = None if share is None else round(share.low, 4)
                row[f"{key}_high"] = None if share is None else round(share.high, 4)
    return row


def _title(profile: Profile) -> str:
    return f"{profile.name} ({profile.sha256[:12]})"


def _row(place: Place, nights: StoredNights) -> Row:
    site = place.shown.site
    centre = site.outline.representative_point()
    lon, lat = nights.aoi.grid.to_lonlat(centre.x, centre.y)
    return {
        "place": place.name,
        "confirmed": place.fate(Level.CONFIRMED).value,
        "ticket": place.fate(Level.TICKET).value,
        "kind": site.kind.value,
        "area_m2": round(site.area_m2, 1),
        "confirmed_against": _day(place.against, Level.CONFIRMED),
        "confirmed_new": _day(place.new, Level.CONFIRMED),
        "ticket_against": _day(place.against, Level.TICKET),
        "ticket_new": _day(place.new, Level.TICKET),
        "sites_against": " ".join(alarm.site.id for alarm in place.against),
        "sites_new": " ".join(alarm.site.id for alarm in place.new),
        "lon": round(lon, 6),
        "lat": round(lat, 6),
    }


def _day(alarms: Sequence[Alarm], level: Level) -> str | None:
    at = earliest(alarms, level)
    return None if at is None else japan_day(at).isoformat()
