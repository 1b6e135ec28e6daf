"""Verdicts as labels of the ground, each with the inclusion probability with which its place was chosen (METHOD 23)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shapely.geometry.base import BaseGeometry

from sat_monitor.core.casework import IS_EARTHWORK, Case, CaseState, Origin, Verdict
from sat_monitor.core.domain import Event, Ticket

#: The events that tell of a draw, and of a ticket that was delivered.
DRAWN, DELIVERED = "desk.drawn", "ticket.delivered"
#: States in which a verdict is the desk's first guess, or of a visit that is to be made again.
_UNDECIDED = (CaseState.CANDIDATE, CaseState.DESK_CHECK, CaseState.FIELD_TICKET, CaseState.ASSIGNED)
_DRAWN_FROM = (Origin.LOW_RANK, Origin.QUIET)


@dataclass(frozen=True, slots=True)
class Label:
    """What people found on a piece of ground: outline in metres of `epsg`, the UTC day by which the change was there.

    `chance` is the inclusion probability of the ground, above 0 and up to 1.
    """

    case_id: str
    aoi: str
    site_id: str | None
    origin: Origin
    epsg: int
    outline: BaseGeometry
    seen_on: date
    verdict: Verdict
    chance: float

    @property
    def is_earthwork(self) -> bool | None:
        """Whether earth was moved there; None where nobody could tell."""
        return IS_EARTHWORK[self.verdict]


def ranked_sites(cases: Iterable[Case], tickets: Iterable[Ticket], events: Iterable[Event]) -> frozenset[str]:
    """Sites that came to the desk by their rank: a case says so, or a ticket of theirs was delivered."""
    chosen = {case.site_id for case in cases if case.origin is Origin.RANKED and case.site_id is not None}
    delivered = {json.loads(event.body)["ticket"] for event in events if event.kind == DELIVERED}
    return frozenset(chosen | {ticket.site_id for ticket in tickets if ticket.id in delivered})


def labels_of(cases: Sequence[Case], events: Iterable[Event], ranked: frozenset[str]) -> list[Label]:
    """The labels of `cases` by case id, one for each site: of several the newest that can tell.

    `events` is the history (draws are looked for), `ranked` the sites that come to the desk by their rank: those have
    chance 1, also where they were drawn before. A later draw holds the earlier ones, so drawn ground has the chance of
    the largest draw since.
    """
    largest = _largest_chances(events)
    by_ground: dict[str, list[Label]] = {}
    for case in _oldest_first(cases):
        if case.verdict is not None and case.state not in _UNDECIDED:
            label = _label(case, case.verdict, largest, ranked)
            by_ground.setdefault(case.site_id or case.id, []).append(label)
    return sorted((_newest(labels) for labels in by_ground.values()), key=lambda label: label.case_id)


def _oldest_first(cases: Sequence[Case]) -> list[Case]:
    """Cases by the time at which they were opened, one that takes up another after that."""
    before = {case.id: case.reopens for case in cases}

    def taken_up(identity: str | None) -> int:
        return 0 if identity is None else 1 + taken_up(before.get(identity))

    return sorted(cases, key=lambda case: (case.opened_at, taken_up(case.reopens), case.id))


def _newest(labels: list[Label]) -> Label:
    telling = [label for label in labels if label.is_earthwork is not None]
    return (telling or labels)[-1]


def _label(case: Case, verdict: Verdict, largest: Mapping[tuple[str, Origin], float], ranked: frozenset[str]) -> Label:
    chance = max(case.chance, largest.get((case.aoi, case.origin), 0.0))
    if case.site_id in ranked:
        chance = 1.0
    return Label(
        case.id, case.aoi, case.site_id, case.origin, case.epsg, case.outline, case.seen_on, verdict, min(chance, 1.0)
    )


def _largest_chances(events: Iterable[Event]) -> dict[tuple[str, Origin], float]:
    """Largest chance of any draw by area and origin."""
    largest: dict[tuple[str, Origin], float] = {}
    for event in events:
        if event.kind == DRAWN:
            body = json.loads(event.body)
            for origin in _DRAWN_FROM:
                key = (body["aoi"], origin)
                largest[key] = max(largest.get(key, 0.0), float(body[origin.value]["chance"]))
    return largest
