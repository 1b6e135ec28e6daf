"""The hash chain: every event covers the one before it, so that a changed, lost or inserted one is found by its seq."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sat_monitor.core.clock import iso
from sat_monitor.core.domain import ChainHead, Event, EventDraft

#: What the first event covers.
GENESIS = "0" * 64
_CANONICAL = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first place where a chain does not hold: what was expected there and what was found."""

    seq: int
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"seq {self.seq}: {self.what}: expected {self.expected}, found {self.found}"


def canonical_json(value: object) -> str:
    """JSON with one spelling: sorted keys, no spaces, characters as they are.

    Raises ValueError for NaN and infinity, TypeError for what is not JSON data, keys other than text included: their
    order before and after writing would differ.
    """
    _require_text_keys(value)
    return _CANONICAL.encode(value)


def event_sha256(seq: int, at: str, actor: str, kind: str, body: str, prev_sha256: str) -> str:
    """Hash of an event: sha256 of the canonical JSON array of its fields, `at` and `body` as stored text."""
    return hashlib.sha256(canonical_json([seq, at, actor, kind, body, prev_sha256]).encode()).hexdigest()


def link(draft: EventDraft, seq: int, at: datetime, prev_sha256: str) -> Event:
    """The event that `draft` becomes as number `seq` after `prev_sha256`; raises as `canonical_json`."""
    body = canonical_json(draft.body)
    sha256 = event_sha256(seq, iso(at), draft.actor, draft.kind, body, prev_sha256)
    return Event(seq, at, draft.actor, draft.kind, body, prev_sha256, sha256)


def first_broken(events: Iterable[Event], head: ChainHead | None = None) -> BrokenLink | None:
    """The first broken link of a chain given in its stored order; with `head`, the chain must also contain it."""
    seq, prev, seen = 0, GENESIS, head is None
    for event in events:
        broken = _broken(event, seq + 1, prev)
        if broken is not None:
            return broken
        seq, prev = event.seq, event.sha256
        if head is not None and seq == head.seq:
            seen = True
            if prev != head.sha256:
                return BrokenLink(seq, "it is not the printed head", head.sha256, prev)
    if head is not None and not seen:
        return BrokenLink(seq + 1, "the chain ends before the printed head", str(head), f"{seq}:{prev}")
    return None


def _broken(event: Event, seq: int, prev: str) -> BrokenLink | None:
    if event.seq != seq:
        return BrokenLink(seq, "event missing or out of order", str(seq), str(event.seq))
    if event.prev_sha256 != prev:
        return BrokenLink(seq, "it does not cover the event before it", prev, event.prev_sha256)
    found = event_sha256(event.seq, iso(event.at), event.actor, event.kind, event.body, event.prev_sha256)
    if found != event.sha256:
        return BrokenLink(seq, "its content is not what was hashed", event.sha256, found)
    return None


def _require_text_keys(value: object) -> None:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} is not text")
        _require_text_keys(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, dict | list | tuple):
                _require_text_keys(item)
