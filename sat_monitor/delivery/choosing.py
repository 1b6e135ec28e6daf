"""Which leads go to the field this week: the highest ranks under the caps, urgent ones beyond them; the rest waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.delivery.lead import Lead


class Why(StrEnum):
    """Why a lead goes, or why it waits."""

    URGENT = "urgent"
    RANK = "rank"
    WEEK = "week"
    AREA_CAP = "area_cap"
    MUNICIPALITY_CAP = "municipality_cap"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Place:
    """A lead with the reason why it goes or waits, and its place (1 = first) among those of its area that wait."""

    lead: Lead
    why: Why
    position: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes and what waits, each highest rank first."""

    going: tuple[Place, ...]
    waiting: tuple[Place, ...]


def week_of(day: date, begins_on: int) -> date:
    """First day of the delivery week that holds `day` (both Japan); `begins_on` 1 = Monday."""
    return day - timedelta(days=(day.isoweekday() - begins_on) % 7)


def choose(
    leads: Iterable[Lead], issued: Iterable[Lead], settings: DeliverySettings, in_turn: bool, taken: frozenset[str]
) -> Choice:
    """Choose among `leads`; `issued` are those of this week, `in_turn` says that the week's turn has not been yet.

    `taken` are the ticket ids that some receiver takes. Urgent leads go whatever the caps say, and count. A municipality
    that is not known has no cap of its own.
    """
    areas: Counter[str] = Counter()
    towns: Counter[str | None] = Counter()
    for lead in issued:
        areas[lead.area] += 1
        towns[lead.standing.municipality] += 1
    going: list[Place] = []
    waiting: list[tuple[Lead, Why]] = []
    # Urgent ones first: their places in the caps are gone for the others.
    for lead in sorted(leads, key=lambda each: (not each.standing.urgent, each.order)):
        why = _why(lead, settings, in_turn, taken, (areas[lead.area], towns[lead.standing.municipality]))
        if why in (Why.URGENT, Why.RANK):
            going.append(Place(lead, why))
            areas[lead.area] += 1
            towns[lead.standing.municipality] += 1
        else:
            waiting.append((lead, why))
    return Choice(tuple(going), _numbered(waiting))


def _why(lead: Lead, settings: DeliverySettings, in_turn: bool, taken: frozenset[str], used: tuple[int, int]) -> Why:
    in_area, in_town = used
    if lead.ticket_id not in taken:
        return Why.NOBODY
    if lead.standing.urgent:
        return Why.URGENT
    if not in_turn:
        return Why.WEEK
    if in_area >= (settings.islands_per_week if lead.islands else settings.area_per_week):
        return Why.AREA_CAP
    if lead.standing.municipality is not None and in_town >= settings.municipality_per_week:
        return Why.MUNICIPALITY_CAP
    return Why.RANK


def _numbered(waiting: Sequence[tuple[Lead, Why]]) -> tuple[Place, ...]:
    before: Counter[str] = Counter()
    places = []
    for lead, why in sorted(waiting, key=lambda each: each[0].order):
        before[lead.area] += 1
        places.append(Place(lead, why, before[lead.area]))
    return tuple(places)
