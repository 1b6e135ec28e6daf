"""Work on a ticket as one table: which step is allowed in which state, where it leads and what it needs.

A case is always the fold of its events: the step that a person takes and the replay of an audit are the same function.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from shapely.geometry.base import BaseGeometry

from sat_monitor.core.casework import (
    Case,
    CaseState,
    CaseStep,
    ImageRequest,
    Origin,
    Plain,
    Verdict,
    case_from_plain,
    case_to_plain,
)
from sat_monitor.core.clock import iso
from sat_monitor.core.domain import Event
from sat_monitor.core.errors import CaseError

#: Stands for the time of a case whose event is yet to be told.
_UNTOLD = datetime.min.replace(tzinfo=UTC)
OPENED, STEPPED = "case.opened", "case.step"

_S = CaseState
#: Verdicts after which somebody is asked to put ground right.
TO_CORRECT = frozenset({Verdict.IMPROPER_FILL_SUSPECTED, Verdict.BEYOND_PERMIT})
ANY_VERDICT = frozenset(Verdict)
_AT_WORK = (_S.DESK_CHECK, _S.FIELD_TICKET, _S.ASSIGNED, _S.INSPECTED, _S.RECOMMENDED, _S.ORDERED)


@dataclass(frozen=True, slots=True)
class Transition:
    """A row of the table: `step` is allowed in the states `begins` and leads to `ends` (None = stays).

    It needs the named `details`, and that the case bears one of `verdicts` where there are any.
    """

    step: CaseStep
    begins: tuple[CaseState, ...]
    ends: CaseState | None = None
    details: tuple[str, ...] = ()
    verdicts: frozenset[Verdict] = frozenset()


#: The one table. The desk may close a case by itself, but not one that somebody would have to put right.
TRANSITIONS: tuple[Transition, ...] = (
    Transition(CaseStep.DESK_CHECK, (_S.CANDIDATE,), _S.DESK_CHECK),
    Transition(CaseStep.REQUEST_IMAGE, (_S.DESK_CHECK, _S.FIELD_TICKET, _S.ASSIGNED, _S.INSPECTED), None, ("image",)),
    Transition(CaseStep.ISSUE, (_S.DESK_CHECK,), _S.FIELD_TICKET),
    # A visit that could not reach or see the place is followed by another: the case is assigned again.
    Transition(CaseStep.ASSIGN, (_S.FIELD_TICKET, _S.ASSIGNED, _S.INSPECTED), _S.ASSIGNED, ("assignee",)),
    Transition(CaseStep.INSPECT, (_S.ASSIGNED,), _S.INSPECTED, ("inspected_on",)),
    Transition(CaseStep.VERDICT, (_S.DESK_CHECK, _S.INSPECTED), None, ("verdict",)),
    Transition(CaseStep.PHOTO, (*_AT_WORK, _S.CORRECTED), None, ("photo",)),
    Transition(CaseStep.RECOMMEND, (_S.INSPECTED,), _S.RECOMMENDED, (), TO_CORRECT),
    Transition(CaseStep.ORDER, (_S.RECOMMENDED,), _S.ORDERED, (), TO_CORRECT),
    Transition(CaseStep.CORRECT, (_S.RECOMMENDED, _S.ORDERED), _S.CORRECTED, (), TO_CORRECT),
    Transition(CaseStep.CLOSE, (_S.DESK_CHECK,), _S.CLOSED, (), ANY_VERDICT - TO_CORRECT),
    Transition(CaseStep.CLOSE, (_S.INSPECTED, _S.CORRECTED), _S.CLOSED, (), ANY_VERDICT),
    Transition(CaseStep.HAND_OVER, _AT_WORK, _S.HANDED_OVER, ("authority",)),
    # The old case stays as it ended and names the new one.
    Transition(CaseStep.REOPEN, (_S.CLOSED, _S.HANDED_OVER), None, ("reopened_as",)),
)
_ROWS = {(row.step, state): row for row in TRANSITIONS for state in row.begins}
#: Steps by the state that they lead to, for those who think in states.
STEP_TO: Mapping[CaseState, CaseStep] = {row.ends: row.step for row in TRANSITIONS if row.ends is not None}

#: State in which a case of an origin begins; what was drawn is drawn for the desk.
BEGINS: Mapping[Origin, CaseState] = {
    Origin.RANKED: _S.CANDIDATE,
    Origin.LOW_RANK: _S.DESK_CHECK,
    Origin.QUIET: _S.DESK_CHECK,
    Origin.PATROL: _S.CANDIDATE,
    Origin.CITIZEN: _S.CANDIDATE,
    Origin.REOPENED: _S.DESK_CHECK,
}


@dataclass(frozen=True, slots=True)
class Move:
    """A step with its details as plain data: `image` two days, `inspected_on` a day, all others text."""

    step: CaseStep
    details: Mapping[str, Any]


def _image(case: Case, days: Any) -> Plain:
    first, last = (date.fromisoformat(day) for day in days)
    if first > last:
        raise ValueError(f"{first} is after {last}")
    return {"images": (*case.images, ImageRequest(first, last))}


def _reopened(case: Case, new_id: str) -> Plain:
    if case.reopened_as is not None:
        raise ValueError(f"already taken up again as {case.reopened_as}")
    return {"reopened_as": new_id}


#: What each detail changes of a case; ValueError or TypeError where it is not usable.
_DETAILS: Mapping[str, Callable[[Case, Any], Plain]] = {
    "image": _image,
    "assignee": lambda _, commitment: {"assignee": str(commitment)},
    "inspected_on": lambda _, day: {"inspected_on": date.fromisoformat(day)},
    "verdict": lambda _, code: {"verdict": Verdict(code)},
    "photo": lambda case, commitment: {"photos": (*case.photos, str(commitment))},
    "authority": lambda _, commitment: {"authority": str(commitment)},
    "reopened_as": _reopened,
}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a case is: outline in metres of `epsg`, the UTC day by which it was seen, the site that stands there."""

    aoi: str
    epsg: int
    outline: BaseGeometry
    seen_on: date
    site_id: str | None = None


def new_case(identity: str, origin: Origin, ground: Ground, chance: float = 1.0) -> Case:
    """A case of `origin` that begins where the table says; its times come from the event that opens it.

    `chance` is the inclusion probability with which the ground was chosen.
    """
    return Case(
        id=identity,
        aoi=ground.aoi,
        origin=origin,
        chance=chance,
        epsg=ground.epsg,
        outline=ground.outline,
        seen_on=ground.seen_on,
        state=BEGINS[origin],
        opened_at=_UNTOLD,
        changed_at=_UNTOLD,
        site_id=ground.site_id,
    )


def found_case(identity: str, origin: Origin, ground: Ground, verdict: Verdict) -> Case:
    """The case of a find whose verdict came with it: somebody was there on the day on which it was seen."""
    case = new_case(identity, origin, ground)
    return replace(case, state=_S.INSPECTED, verdict=verdict, inspected_on=ground.seen_on)


def taken_up(case: Case, identity: str) -> Case:
    """The new case of an ended one: the same ground, chosen with the same chance."""
    ground = Ground(case.aoi, case.epsg, case.outline, case.seen_on, case.site_id)
    return replace(new_case(identity, Origin.REOPENED, ground, case.chance), reopens=case.id)


def allowed(state: CaseState) -> tuple[CaseStep, ...]:
    """The steps of a state, in the order of the table."""
    return tuple(row.step for row in TRANSITIONS if state in row.begins)


def take(case: Case, move: Move, at: datetime) -> Case:
    """The case after `move` at `at` (UTC).

    Raises CaseError E1810 where the table does not allow the step, E1812 where it lacks what the step needs.
    """
    row = _ROWS.get((move.step, case.state))
    if row is None:
        known = ", ".join(allowed(case.state)) or "nothing"
        raise CaseError("E1810", f"{move.step} of {case.id} in state {case.state}; allowed: {known}", "the case")
    if row.verdicts and case.verdict not in row.verdicts:
        wanted = "any" if row.verdicts == ANY_VERDICT else ", ".join(sorted(row.verdicts))
        has = case.verdict or "none"
        raise CaseError("E1812", f"{move.step} of {case.id} needs a verdict ({wanted}); it has {has}", "the case")
    if set(move.details) != set(row.details):
        given = ", ".join(sorted(move.details)) or "nothing"
        needs = ", ".join(row.details) or "nothing"
        raise CaseError("E1812", f"{move.step} of {case.id} needs {needs}; given: {given}", "the case")
    changes: Plain = {}
    for name in row.details:
        try:
            changes |= _DETAILS[name](case, move.details[name])
        except (ValueError, TypeError) as error:
            raise CaseError("E1812", f"{move.step} of {case.id}, {name}: {error}", "the case") from error
    return replace(case, **changes, state=row.ends or case.state, version=case.version + 1, changed_at=at)


def opened_body(case: Case) -> Plain:
    """The body of the event that opens `case`, times left to the event."""
    return {"case": {k: v for k, v in case_to_plain(case).items() if k not in ("opened_at", "changed_at")}}


def stepped_body(case: Case, move: Move) -> Plain:
    """The body of the event that is a step of `case`."""
    body = {"case": case.id, "step": move.step.value, "version": case.version + 1}
    return {**body, "details": dict(move.details)}


def told(cases: Mapping[str, Case], event: Event) -> Case | None:
    """The case that an event makes or changes, None where it tells of none; `cases` as the events before left them.

    Raises CaseError where the event is a step that was not allowed, ValueError, KeyError or TypeError where it is not
    well made.
    """
    if event.kind not in (OPENED, STEPPED):
        return None
    body = json.loads(event.body)
    if event.kind == OPENED:
        moment = iso(event.at)
        return case_from_plain({**body["case"], "opened_at": moment, "changed_at": moment})
    case = cases[body["case"]]
    if body["version"] != case.version + 1:
        raise ValueError(f"step {body['version']} of {case.id} after {case.version}")
    return take(case, Move(CaseStep(body["step"]), body["details"]), event.at)


def replay(events: Iterable[Event]) -> dict[str, Case]:
    """All cases as the history tells them, by id; raises as `told`."""
    cases: dict[str, Case] = {}
    for event in events:
        case = told(cases, event)
        if case is not None:
            cases[case.id] = case
    return cases
