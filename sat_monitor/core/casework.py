"""What people do with a lead: states, steps and verdicts of a case, and its plain form.

Names and free text never stand here: a case holds salted commitments, what they stand for can be erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.clock import iso, parse_iso

Plain = dict[str, Any]


class CaseState(StrEnum):
    """How far people came; what satellites say of the site is `SiteStatus`."""

    CANDIDATE = "candidate"
    DESK_CHECK = "desk_check"
    FIELD_TICKET = "field_ticket"
    ASSIGNED = "assigned"
    INSPECTED = "inspected"
    RECOMMENDED = "recommended"
    ORDERED = "ordered"
    CORRECTED = "corrected"
    CLOSED = "closed"
    HANDED_OVER = "handed_over"


class CaseStep(StrEnum):
    """What a person may do; which of it when is the table of tickets/case.py."""

    DESK_CHECK = "desk-check"
    REQUEST_IMAGE = "request-image"
    ISSUE = "issue"
    ASSIGN = "assign"
    INSPECT = "inspect"
    VERDICT = "verdict"
    PHOTO = "photo"
    RECOMMEND = "recommend"
    ORDER = "order"
    CORRECT = "correct"
    CLOSE = "close"
    HAND_OVER = "hand-over"
    REOPEN = "reopen"


class Verdict(StrEnum):
    """What people found."""

    IMPROPER_FILL_SUSPECTED = "improper_fill_suspected"
    WITHIN_PERMIT = "permitted_within_scope"
    BEYOND_PERMIT = "permitted_beyond_scope"
    BELOW_SIZE = "below_size"
    PUBLIC_WORKS = "public_works"
    AGRICULTURE = "agriculture"
    FORESTRY = "forestry"
    NATURAL = "natural"
    OTHER_LAW = "other_law"
    SENSOR_ERROR = "sensor_error"
    NOTHING_FOUND = "nothing_found"
    COULD_NOT_REACH = "could_not_reach"
    COULD_NOT_SEE = "could_not_see"


#: Whether a verdict says that earth was moved there: a lawful fill was rightly found. None = it says neither (METHOD 23).
IS_EARTHWORK: Mapping[Verdict, bool | None] = {
    Verdict.IMPROPER_FILL_SUSPECTED: True,
    Verdict.WITHIN_PERMIT: True,
    Verdict.BEYOND_PERMIT: True,
    Verdict.BELOW_SIZE: True,
    Verdict.PUBLIC_WORKS: True,
    Verdict.AGRICULTURE: False,
    Verdict.FORESTRY: False,
    Verdict.NATURAL: False,
    Verdict.OTHER_LAW: True,
    Verdict.SENSOR_ERROR: False,
    Verdict.NOTHING_FOUND: False,
    Verdict.COULD_NOT_REACH: None,
    Verdict.COULD_NOT_SEE: None,
}


class Origin(StrEnum):
    """How a place came to the desk: by its rank, drawn from the rest, told by people, or taken up again."""

    RANKED = "ranked"
    LOW_RANK = "low_rank"
    QUIET = "quiet"
    PATROL = "patrol"
    CITIZEN = "citizen"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A wish for a high-resolution picture of a case's outline, taken on one of these days (Japan), both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Case:
    """Work on one place: the state it is in after `version` events.

    `outline` in metres of `epsg`, as it was when the case was opened; `seen_on` is the UTC day by which the change was
    there. `chance` is the inclusion probability with which the place was chosen. `assignee`, `authority` and
    `photos` are commitments. `reopens` and `reopened_as` tie a case to the one before and after it.
    """

    id: str
    aoi: str
    origin: Origin
    chance: float
    epsg: int
    outline: BaseGeometry
    seen_on: date
    state: CaseState
    opened_at: datetime
    changed_at: datetime
    version: int = 1
    site_id: str | None = None
    verdict: Verdict | None = None
    inspected_on: date | None = None
    assignee: str | None = None
    authority: str | None = None
    images: tuple[ImageRequest, ...] = ()
    photos: tuple[str, ...] = ()
    reopens: str | None = None
    reopened_as: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing but taking it up again is left."""
        return self.state in (CaseState.CLOSED, CaseState.HANDED_OVER)


def case_to_plain(case: Case) -> Plain:
    """A case as plain JSON data; the outline is WKB in hexadecimal, so that it comes back bit for bit."""
    return {
        "id": case.id,
        "aoi": case.aoi,
        "origin": case.origin.value,
        "chance": case.chance,
        "epsg": case.epsg,
        "outline": bytes(shapely.to_wkb(case.outline, byte_order=1)).hex(),
        "seen_on": case.seen_on.isoformat(),
        "state": case.state.value,
        "opened_at": iso(case.opened_at),
        "changed_at": iso(case.changed_at),
        "version": case.version,
        "site_id": case.site_id,
        "verdict": None if case.verdict is None else case.verdict.value,
        "inspected_on": None if case.inspected_on is None else case.inspected_on.isoformat(),
        "assignee": case.assignee,
        "authority": case.authority,
        "images": [[image.first.isoformat(), image.last.isoformat()] for image in case.images],
        "photos": list(case.photos),
        "reopens": case.reopens,
        "reopened_as": case.reopened_as,
    }


def case_from_plain(plain: Mapping[str, Any]) -> Case:
    """The inverse of `case_to_plain`; ValueError, KeyError or TypeError where it is none."""
    verdict, inspected = plain["verdict"], plain["inspected_on"]
    changed = {
        "origin": Origin(plain["origin"]),
        "outline": shapely.from_wkb(bytes.fromhex(plain["outline"])),
        "seen_on": date.fromisoformat(plain["seen_on"]),
        "state": CaseState(plain["state"]),
        "opened_at": parse_iso(plain["opened_at"]),
        "changed_at": parse_iso(plain["changed_at"]),
        "verdict": None if verdict is None else Verdict(verdict),
        "inspected_on": None if inspected is None else date.fromisoformat(inspected),
        "images": tuple(ImageRequest(*map(date.fromisoformat, days)) for days in plain["images"]),
        "photos": tuple(plain["photos"]),
    }
    return Case(**{**plain, **changed})
