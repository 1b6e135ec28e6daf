"""Two tables of sites of the same looks, place by place: what is kept, gained and lost, and the tickets per week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import STRtree

from sat_monitor.core.clock import japan_day
from sat_monitor.core.domain import Site
from sat_monitor.sites.lifecycle import SiteTable, active, survivor_of
from sat_monitor.sites.matching import SLIVER_M2


class Level(StrEnum):
    """How far a site came: confirmed, or with a valid ticket."""

    CONFIRMED = "confirmed"
    TICKET = "ticket"


class Fate(StrEnum):
    """What becomes of a place under the new profile; NONE: neither profile brought it so far."""

    KEPT = "kept"
    GAINED = "gained"
    LOST = "lost"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Days in Japan, both included."""

    first: date
    last: date

    @property
    def weeks(self) -> float:
        """Length in weeks."""
        return ((self.last - self.first).days + 1) / 7.0

    def holds(self, at: datetime | None) -> bool:
        """Whether a time (UTC) lies on one of the days."""
        return at is not None and self.first <= japan_day(at) <= self.last


@dataclass(frozen=True, slots=True)
class Alarm:
    """A site that was confirmed, with the times (UTC) of its confirmation and of its first valid ticket."""

    site: Site
    confirmed_at: datetime
    ticket_at: datetime | None

    def reached(self, level: Level) -> datetime | None:
        """When it came so far, None where it did not."""
        return self.confirmed_at if level is Level.CONFIRMED else self.ticket_at


@dataclass(frozen=True, slots=True)
class Place:
    """Ground that one or several sites of either profile share; one side is empty where only the other found it."""

    against: tuple[Alarm, ...]
    new: tuple[Alarm, ...]

    def fate(self, level: Level) -> Fate:
        """What becomes of the place at a level."""
        before, after = earliest(self.against, level), earliest(self.new, level)
        if before is None:
            return Fate.NONE if after is None else Fate.GAINED
        return Fate.LOST if after is None else Fate.KEPT

    @property
    def shown(self) -> Alarm:
        """The alarm that speaks for the place: the largest of the new profile, of the other where there is none."""
        return max(self.new or self.against, key=lambda alarm: (alarm.site.area_m2, alarm.site.id))

    @property
    def name(self) -> str:
        """The name by which the place is known: of its largest site under the profile compared against, if any."""
        return max(self.against or self.new, key=lambda alarm: (alarm.site.area_m2, alarm.site.id)).site.id


def earliest(alarms: Iterable[Alarm], level: Level) -> datetime | None:
    """When the first of `alarms` came so far, None where none did."""
    return min((at for alarm in alarms if (at := alarm.reached(level)) is not None), default=None)


def alarms_of(table: SiteTable) -> list[Alarm]:
    """The sites of a table that were ever confirmed, by id; tickets of merged sites count for the one they live on in."""
    opened: dict[str, datetime] = {}
    for ticket in table.tickets.values():
        if ticket.withdrawn_reason is None:
            owner = survivor_of(table, ticket.site_id).id
            opened[owner] = min(opened.get(owner, ticket.opened_at), ticket.opened_at)
    return [
        Alarm(site, site.first_confirmed_at, opened.get(site.id))
        for site in active(table)
        if site.first_confirmed_at is not None
    ]


def places_of(against: SiteTable, new: SiteTable, span: Span) -> list[Place]:
    """The places with an alarm of either profile, matched by shared ground, that came to a level within `span`.

    A place is a set of sites that share ground with each other, also through others: sites split and join where
    outlines move. Ordered by name.
    """
    before, after = alarms_of(against), alarms_of(new)
    groups: dict[int, tuple[list[Alarm], list[Alarm]]] = {}
    for number, label in enumerate(_labels(before, after)):
        sides = groups.setdefault(label, ([], []))
        if number < len(before):
            sides[0].append(before[number])
        else:
            sides[1].append(after[number - len(before)])
    places = [Place(tuple(one), tuple(other)) for one, other in groups.values()]
    return sorted((place for place in places if _within(place, span)), key=lambda place: place.name)


def _within(place: Place, span: Span) -> bool:
    sides = (place.against, place.new)
    return any(span.holds(earliest(side, level)) for side in sides for level in Level)


def _labels(before: Sequence[Alarm], after: Sequence[Alarm]) -> list[int]:
    """Label of the place of each alarm, those of `before` first."""
    count = len(before) + len(after)
    left, right = ([alarm.site.outline for alarm in side] for side in (before, after))
    if not left or not right:
        return list(range(count))
    a, b = STRtree(right).query(left, predicate="intersects")
    shared = shapely.area(shapely.intersection(np.array(left)[a], np.array(right)[b])) > SLIVER_M2
    a, b = a[shared], b[shared] + len(before)
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    return [int(label) for label in connected_components(graph, directed=False)[1]]


def tickets_opened(table: SiteTable, span: Span) -> int:
    """Valid tickets opened within `span`; the cap of a night delays their delivery, it does not change their number."""
    return sum(t.withdrawn_reason is None and span.holds(t.opened_at) for t in table.tickets.values())


def confirmed_within(table: SiteTable, span: Span) -> int:
    """Sites first confirmed within `span`."""
    return sum(span.holds(alarm.confirmed_at) for alarm in alarms_of(table))


def count_fates(places: Iterable[Place], level: Level) -> Mapping[Fate, int]:
    """Number of places of each fate at a level."""
    fates = [place.fate(level) for place in places]
    return {fate: fates.count(fate) for fate in Fate}
