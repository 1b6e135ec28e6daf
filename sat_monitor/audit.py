"""audit: whether the history holds, link by link, and whether the tables still say what it says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from shapely.errors import ShapelyError

from sat_monitor.core.casework import Case, case_to_plain
from sat_monitor.core.domain import ChainHead, Event
from sat_monitor.core.errors import ERRORS, CaseError, UsageError
from sat_monitor.core.home import Home
from sat_monitor.store.history import LookRow, SceneRow, open_history
from sat_monitor.store.ledger import BrokenLink, canonical_json, first_broken
from sat_monitor.tickets.case import OPENED, STEPPED
from sat_monitor.tickets.case import told as case_after

_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")
#: A look or scene by AOI and scene id.
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was verified: how many events, looks, scenes and cases, the newest link, the first broken one, what differs."""

    events: int
    looks: int
    scenes: int
    head: ChainHead | None
    broken: BrokenLink | None
    differing: tuple[str, ...]
    cases: int = 0

    @property
    def ok(self) -> bool:
        """Whether all holds."""
        return self.broken is None and not self.differing

    def lines(self) -> list[str]:
        """The report as people read it."""
        counts = {"events": self.events, "looks": self.looks, "scenes": self.scenes, "cases": self.cases}
        lines = [*(f"{name}: {count}" for name, count in counts.items()), f"head: {self.head}"]
        title = ERRORS["E1703"].title
        if self.broken is not None:
            lines.append(f"E1703 {title}: {self.broken}")
        lines += [f"E1703 {title}: {text}" for text in self.differing]
        return [*lines, "verified" if self.ok else f"NOT verified. Do: {ERRORS['E1703'].remedy}"]


def parse_head(text: str) -> ChainHead:
    """A chain head as printed on a page, SEQ:SHA; raises UsageError E2001."""
    match = _HEAD.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError("E2001", f"{text!r} is not SEQ:SHA with 64 hexadecimal digits")
    return ChainHead(int(match[1]), match[2])


def verify(home: Home, head: ChainHead | None = None) -> AuditReport:
    """Walk the whole history read-only; compare looks and scenes with their newest events, cases with all of theirs.

    Raises UsageError E2002 where there is no database, StoreError E1704 where it cannot be read.
    """
    with open_history(home.database) as history:
        told = _Told()
        events = told.listen(history.events())
        broken = first_broken(events, head)
        for _ in events:  # what comes after a broken link is still counted and compared
            pass
        looks, scenes = _look_digests(history.looks()), _scene_hashes(history.scenes())
        cases = {(row.aoi, row.id): _digest(row.version, row.plain) for row in history.cases()}
        differing = [*_unlike("look", looks, told.looks), *_unlike("scene", scenes, told.scenes)]
        differing += [*_unlike("case", cases, told.case_digests()), *told.refused]
        differing += [f"trigger {name} is not as it was made" for name in history.missing_triggers()]
    return AuditReport(told.count, len(looks), len(scenes), told.head, broken, tuple(differing), len(cases))


@dataclass(slots=True)
class _Told:
    """What the events say while they pass: only digests are kept, for all looks together may be large."""

    count: int = 0
    head: ChainHead | None = None
    looks: dict[_Key, str] = field(default_factory=dict)
    scenes: dict[_Key, str] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def listen(self, events: Iterable[Event]) -> Iterator[Event]:
        """Hand out the events and remember what they say."""
        for event in events:
            self.count += 1
            self.head = ChainHead(event.seq, event.sha256)
            if event.kind in _HEARD:
                # A body that was tampered with is the chain's business: its hash does not hold.
                with suppress(ValueError, KeyError, TypeError):
                    _HEARD[event.kind](self, json.loads(event.body))
            if event.kind in (OPENED, STEPPED):
                self._case_told(event)
            yield event

    def _case_told(self, event: Event) -> None:
        """The case that an event makes or changes: the same fold that wrote the row."""
        try:
            case = case_after(self.cases, event)
        except (CaseError, ValueError, LookupError, TypeError, AttributeError, ShapelyError) as error:
            self.refused.append(f"event {event.seq} is no step of a case: {error!r}")
        else:
            self.cases |= {} if case is None else {case.id: case}

    def case_digests(self) -> dict[_Key, str]:
        """Digest of the row that each case should have."""
        rows = {(case.aoi, case.id): case for case in self.cases.values()}
        return {key: _digest(str(case.version), canonical_json(case_to_plain(case))) for key, case in rows.items()}

    def look_recorded(self, body: dict[str, Any]) -> None:
        """The newest content of a look."""
        look = body["look"]
        self.looks[(look["aoi"], look["scene_id"])] = _digest(body["inputs_sha256"], canonical_json(look))

    def scene_archived(self, body: dict[str, Any]) -> None:
        """The hashes of a scene."""
        self.scenes[(body["aoi"], body["scene"])] = _hashes(body)

    def scene_restored(self, body: dict[str, Any]) -> None:
        """A scene whose file was written anew: the same pixels, maybe other bytes."""
        key = (body["aoi"], body["scene"])
        self.scenes[key] = _hashes(body) if "file_sha256" in body else self.scenes[key].split()[0]

    def scene_lost(self, body: dict[str, Any]) -> None:
        """A scene whose file cannot be had any more has no look."""
        self.looks.pop((body["aoi"], body["scene"]), None)


_HEARD = {
    "look.recorded": _Told.look_recorded,
    "scene.archived": _Told.scene_archived,
    "scene.superseded": _Told.scene_archived,
    "scene.restored": _Told.scene_restored,
    "scene.lost": _Told.scene_lost,
}


def _look_digests(rows: Iterable[LookRow]) -> dict[_Key, str]:
    return {(row.aoi, row.scene_id): _digest(row.inputs_sha256, row.plain) for row in rows}


def _scene_hashes(rows: Iterable[SceneRow]) -> dict[_Key, str]:
    return {(row.aoi, row.scene_id): _hashes_of(row.plain) for row in rows}


def _digest(first: str, plain: str) -> str:
    return hashlib.sha256(f"{first}|{plain}".encode()).hexdigest()


def _hashes(plain: dict[str, Any]) -> str:
    return f"{plain['pixels_sha256']} {plain['file_sha256']}"


def _hashes_of(text: str) -> str:
    try:
        return _hashes(json.loads(text))
    except (ValueError, KeyError, TypeError):
        return "unreadable"


def _unlike(noun: str, rows: dict[_Key, str], told: dict[_Key, str]) -> Iterator[str]:
    """Sentences on rows that no event tells of, that differ from the newest one, or that are gone."""
    for key in sorted(rows.keys() | told.keys()):
        name = f"{noun} {key[1]} of {key[0]}"
        if key not in rows:
            yield f"{name} is in the history but not in its table"
        elif key not in told:
            yield f"{name} is in its table but not in the history"
        # Of a restored scene the history may tell the pixels alone.
        elif not rows[key].startswith(told[key]):
            yield f"{name} is not what its newest event says"
