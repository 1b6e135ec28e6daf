"""People at work on tickets: every step is an event with actor and reason, and its row is the fold of the events.

Names, reasons and photos are kept apart and can be erased; events hold salted commitments.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sat_monitor.core.casework import Case, CaseStep, Origin
from sat_monitor.core.domain import EventDraft, Site
from sat_monitor.core.errors import CaseError, TicketError, UsageError
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.store.blobs import put_blob
from sat_monitor.store.cases import CaseTransaction
from sat_monitor.store.ledger import canonical_json
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import (
    OPENED,
    STEPPED,
    Ground,
    Move,
    new_case,
    opened_body,
    stepped_body,
    taken_up,
    told,
)
from sat_monitor.tickets.photos import Photo, photo_from_plain, photo_to_plain, read_photo
from sat_monitor.tickets.text import clean

ACTOR = "desk"
#: Longest name and longest reason or other text, characters; what is longer is cut and ends with an ellipsis.
MAX_NAME, MAX_TEXT = 100, 4000
#: Details that hold what people typed: the event gets a commitment instead.
_TYPED = ("assignee", "authority")


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts and why: typed by people, hence of any content."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a case: when, what, by whom and why; None where that was erased."""

    at: datetime
    step: str
    by: str | None
    reason: str | None
    details: Mapping[str, Any]


class CaseDesk:
    """The desk over an open store: `registry` knows the coordinate systems of areas."""

    def __init__(self, store: Store, registry: AoiRegistry) -> None:
        self._store = store
        self._registry = registry

    def step(self, ident: str, move: Move, hand: Hand, seen: int | None = None) -> Case:
        """Take a step of the case of a ticket, site or case id; a ticket or site without one is a candidate.

        `seen` is the version that the person looked at (0 = there was no case). Raises CaseError E1810 to E1812,
        TicketError E1801.
        """
        with self._store.casework() as writing:
            case = self._current(writing, ident, hand, seen)
            return _stepped(writing, case, _committed(writing, move), hand)

    def reopen(self, ident: str, hand: Hand, seen: int | None = None) -> Case:
        """Take an ended case up again: the new case, at the desk; raises as `step`."""
        with self._store.casework() as writing:
            case = self._current(writing, ident, hand, seen)
            new_id = hashlib.sha256(f"reopened|{case.id}".encode()).hexdigest()[:12]
            _stepped(writing, case, Move(CaseStep.REOPEN, {"reopened_as": new_id}), hand)
            return _opened(writing, taken_up(case, new_id), hand)

    def add_photo(self, ident: str, path: Path, blobs: Path, hand: Hand) -> tuple[Case, Photo]:
        """Keep a photo, byte for byte, with what its camera says; UsageError E2002, CaseError E1813, else as `step`."""
        if not path.is_file():
            raise UsageError("E2002", str(path))
        content = path.read_bytes()
        photo = read_photo(content, path.name)
        put_blob(blobs, content)
        with self._store.casework() as writing:
            case = self._current(writing, ident, hand, None)
            commitment = writing.remember_person(canonical_json(photo_to_plain(photo)))
            return _stepped(writing, case, Move(CaseStep.PHOTO, {"photo": commitment}), hand), photo

    def open(self, case: Case, hand: Hand) -> Case | None:
        """Open a case that came by draw or find; None, and nothing is written, where its id is known."""
        with self._store.casework() as writing:
            return None if writing.case(case.id) is not None else _opened(writing, case, hand)

    def cases(self, aoi: str | None = None) -> list[Case]:
        """The cases of an AOI (of all where None), by id."""
        return self._store.cases(aoi)

    def find(self, ident: str) -> Case | None:
        """The case of a case, ticket or site id, None where there is none yet; TicketError E1801 for an unknown id."""
        cases = self._store.cases()
        named = next((case for case in cases if case.id == ident), None)
        if named is not None:
            return named
        site_id = self._site(ident).id
        return next((case for case in cases if case.site_id == site_id and not case.ended), None)

    def history(self, case: Case) -> Iterator[Told]:
        """What happened to a case, oldest first."""
        for event in self._store.events(family="case."):
            body = json.loads(event.body)
            if case.id not in (body.get("case"), body["case"]["id"] if event.kind == OPENED else None):
                continue
            by, reason = (self._store.person(body[key]) for key in ("by", "reason"))
            details = {k: self._store.person(v) if k in _TYPED else v for k, v in body.get("details", {}).items()}
            yield Told(event.at, body.get("step", "opened"), by, reason, details)

    def photos(self, case: Case) -> list[Photo]:
        """The photos of a case that were not erased, oldest first."""
        texts = (self._store.person(commitment) for commitment in case.photos)
        return [photo_from_plain(json.loads(text)) for text in texts if text is not None]

    def words(self, commitment: str | None) -> str | None:
        """What a commitment of a case stands for, None where there is none or it was erased."""
        return None if commitment is None else self._store.person(commitment)

    def _current(self, writing: CaseTransaction, ident: str, hand: Hand, seen: int | None) -> Case:
        """The case as it stands inside the transaction, opened where there was none."""
        case = writing.case(ident)
        if case is None:
            site = self._site(ident)
            case = writing.open_case_of(site.id)
        version = 0 if case is None else case.version
        if seen is not None and seen != version:
            raise CaseError("E1811", f"{ident} is at version {version}, you looked at {seen}", "the other change")
        return case or _opened(writing, self._candidate(ident, site), hand)

    def _candidate(self, ident: str, site: Site) -> Case:
        ground = Ground(site.aoi, self._registry.get(site.aoi).grid.epsg, site.outline, site.start.latest, site.id)
        known = ident != site.id
        return new_case(ident if known else case_id("site", site.id, str(site.openings)), Origin.RANKED, ground)

    def _site(self, ident: str) -> Site:
        """The site of a ticket or site id; raises TicketError E1801."""
        try:
            return self._store.site(self._store.ticket(ident).site_id)
        except TicketError:
            return self._store.site(ident)


def _committed(writing: CaseTransaction, move: Move) -> Move:
    """`move` with commitments in the place of what people typed."""
    typed = {name: _typed(name, str(move.details[name]), MAX_NAME) for name in _TYPED if name in move.details}
    kept = {name: writing.remember_person(text) for name, text in typed.items()}
    return replace(move, details={**move.details, **kept})


def _stepped(writing: CaseTransaction, case: Case, move: Move, hand: Hand) -> Case:
    return _written(writing, case, EventDraft(STEPPED, ACTOR, {**stepped_body(case, move), **_signed(writing, hand)}))


def _opened(writing: CaseTransaction, case: Case, hand: Hand) -> Case:
    return _written(writing, case, EventDraft(OPENED, ACTOR, {**opened_body(case), **_signed(writing, hand)}))


def _written(writing: CaseTransaction, case: Case, draft: EventDraft) -> Case:
    """The case as the event tells it, event and row together: an illegal step raises, and nothing of it is kept."""
    after = told({case.id: case}, writing.append(draft))
    if after is None:
        raise ValueError(f"{draft.kind} tells of no case")
    writing.put_case(after)
    return after


def _signed(writing: CaseTransaction, hand: Hand) -> dict[str, str]:
    actor, reason = _typed("actor", hand.actor, MAX_NAME), _typed("reason", hand.reason, MAX_TEXT)
    return {"by": writing.remember_person(actor), "reason": writing.remember_person(reason)}


def _typed(label: str, text: str, most: int) -> str:
    """Text of people on one line without control characters, cut to `most`; raises CaseError E1812 where none is left."""
    line = clean(text, most)
    if not line:
        raise CaseError("E1812", f"{label} is blank", "the case")
    return line


def case_id(*parts: str) -> str:
    """Id of a case that no ticket names, 12 hexadecimal digits."""
    return hashlib.sha256("|".join(("case", *parts)).encode()).hexdigest()[:12]
