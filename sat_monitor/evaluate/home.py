"""The sites of an installation against what people say happened: a truth file, or an office's own list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path

from sat_monitor.core.clock import system_clock
from sat_monitor.core.domain import AOI, Look
from sat_monitor.core.errors import SceneReject, UsageError
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.evaluate.matching import match, stands_on
from sat_monitor.evaluate.records import Found, Matched, Scope, Truth
from sat_monitor.evaluate.statistics import Quartiles, Share, quartiles, share_of
from sat_monitor.evaluate.truth import Verdict, read_truth
from sat_monitor.evaluate.world import found_sites
from sat_monitor.imagery.aois import AoiRegistry, detection_mask
from sat_monitor.imagery.archive import Archive
from sat_monitor.masks import draw_mask
from sat_monitor.scoring import JUDGES
from sat_monitor.store.store import Store

#: So long before an office first saw it a fill may have begun: a site confirmed in that time found it, days.
LEAD_DAYS = 365
#: Share of an entry that a look must see, and days with such looks from which a miss is a miss.
_SEEN_SHARE, _SEEN_DAYS = 0.5, 3


class Outcome(StrEnum):
    """What became of an entry of a list; only the first two say anything of accuracy."""

    FOUND = "found"
    MISSED = "missed"
    NOT_SEEN = "not seen"
    OUTSIDE = "outside what was watched"
    LEFT_OUT = "not reached by anyone"


@dataclass(frozen=True, slots=True)
class History:
    """What an installation knows of one AOI: its looks in order and its sites."""

    aoi: AOI
    scope: Scope
    looks: tuple[Look, ...]
    sites: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class EntryResult:
    """One entry: its outcome, the site that found it, lag in days from the office's first day (negative = earlier)."""

    truth: Truth
    verdict: Verdict
    outcome: Outcome
    site: Found | None
    lag_days: int | None
    seen_days: int | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """An office's list, replayed; shares are weighted by inverse inclusion probability."""

    scope: Scope
    entries: tuple[EntryResult, ...]
    producers: Share
    users: Share
    lag: Quartiles


def read_history(home: Home, aoi_id: str, profile: Profile) -> History:
    """Looks and sites of an AOI from the store; raises UsageError E2002 where no night has looked at it."""
    if not home.database.is_file():
        raise UsageError("E2002", f"{home.database}: no night has run here yet")
    aoi = AoiRegistry(home.aoi).get(aoi_id)
    with Store(home.database, system_clock) as store:
        looks = tuple(sorted(store.looks(aoi_id), key=lambda look: look.order))
        sites = [site for site in store.sites(aoi_id) if site.merged_into is None]
        tickets = store.tickets(aoi_id)
    if not looks:
        raise UsageError("E2002", f"{home.database}: no look at {aoi_id} yet")
    watched = float(detection_mask(aoi, profile.imagery.margin_m).sum()) * aoi.grid.pixel_m**2
    scope = Scope(aoi_id, watched, looks[0].acquired_at.date(), looks[-1].acquired_at.date())
    sensors = {look.scene_id: look.sensor for look in looks}
    return History(aoi, scope, looks, tuple(found_sites(sites, tickets, sensors, profile)))


def evaluate_raster(history: History, truth: Path) -> Matched:
    """The sites of a history against a complete truth: what is not in the file did not happen."""
    entries = read_truth(truth, history.aoi.id, history.aoi.grid.epsg)
    return match(
        history.scope, [event for event, verdict in entries if verdict is not Verdict.UNREACHED], history.sites
    )


def evaluate_inventory(history: History, listed: Path, archive: Archive) -> Inventory:
    """An office's list against a history: what is not in the list is unknown, and what nobody could see is no miss."""
    return evaluate_rows(history, read_truth(listed, history.aoi.id, history.aoi.grid.epsg), archive)


def evaluate_rows(history: History, rows: Sequence[tuple[Truth, Verdict]], archive: Archive) -> Inventory:
    """As `evaluate_inventory`, for rows that were read or labelled before."""
    entries = [_entry(history, *row) for row in rows]
    entries = _with_sight(history, archive, entries)
    judged = [e for e in entries if e.outcome in (Outcome.FOUND, Outcome.MISSED)]
    works = [e for e in judged if e.verdict is Verdict.EARTHWORK]
    alarmed = [e for e in judged if e.outcome is Outcome.FOUND]
    return Inventory(
        history.scope,
        tuple(entries),
        share_of([e.outcome is Outcome.FOUND for e in works], [e.truth.weight for e in works]),
        share_of([e.verdict is Verdict.EARTHWORK for e in alarmed], [e.truth.weight for e in alarmed]),
        quartiles([float(e.lag_days) for e in works if e.lag_days is not None]),
    )


def _entry(history: History, truth: Truth, verdict: Verdict) -> EntryResult:
    """An entry by the sites alone: whether what was missed could be seen is asked afterwards."""
    first, last = truth.began_on - timedelta(days=LEAD_DAYS), truth.ended_on or history.scope.last
    if verdict is Verdict.UNREACHED:
        return EntryResult(truth, verdict, Outcome.LEFT_OUT, None, None, None)
    if last < history.scope.first or truth.began_on > history.scope.last or not _inside(history.aoi, truth):
        return EntryResult(truth, verdict, Outcome.OUTSIDE, None, None, None)
    days = [(site.confirmed_on, site) for site in history.sites if stands_on(site.outline, truth.outline)]
    in_time = [(day, site) for day, site in days if day is not None and day >= first]
    if in_time:
        day, site = min(in_time, key=lambda pair: (pair[0], pair[1].id))
        return EntryResult(truth, verdict, Outcome.FOUND, site, (day - truth.began_on).days, None)
    return EntryResult(truth, verdict, Outcome.MISSED, None, None, None)


def _with_sight(history: History, archive: Archive, entries: Sequence[EntryResult]) -> list[EntryResult]:
    """`entries` in which those are told apart that were missed and that nobody could have seen."""
    seen = seen_days(history, archive, [e.truth for e in entries if e.outcome is Outcome.MISSED])
    told = []
    for entry in entries:
        days = seen.get(entry.truth.id)
        if days is None:
            told.append(entry)
        else:
            outcome = Outcome.MISSED if days >= _SEEN_DAYS else Outcome.NOT_SEEN
            told.append(replace(entry, outcome=outcome, seen_days=days))
    return told


def _inside(aoi: AOI, truth: Truth) -> bool:
    west, south, east, north = aoi.grid.bounds
    middle = truth.outline.centroid
    return west <= middle.x <= east and south <= middle.y <= north


def seen_days(history: History, archive: Archive, truths: Sequence[Truth]) -> dict[str, int]:
    """By id: UTC days from an entry's first day to its end on which a change map is valid on half of its outline.

    Each change map is read once for all entries; one that is not there or damaged saw nothing.
    """
    days: dict[str, set[date]] = {truth.id: set() for truth in truths}
    for look in history.looks:
        day = look.acquired_at.date()
        due = [t for t in truths if t.began_on <= day <= (t.ended_on or history.scope.last) and day not in days[t.id]]
        for truth in _seen(history.aoi, archive, look, due) if due else ():
            days[truth.id].add(day)
    return {id_: len(found) for id_, found in days.items()}


def _seen(aoi: AOI, archive: Archive, look: Look, truths: Sequence[Truth]) -> list[Truth]:
    """The truths of which a look saw enough."""
    try:
        change = archive.change_map(aoi.id, look.scene_id, JUDGES[look.sensor])
    except (KeyError, SceneReject):
        return []
    seen = []
    for truth in truths:
        drawn, whole = draw_mask(truth.outline, change.grid), draw_mask(truth.outline, aoi.grid).mask.sum()
        if whole and float(change.valid[drawn.slices][drawn.mask].sum()) >= _SEEN_SHARE * float(whole):
            seen.append(truth)
    return seen
