"""audit: whether the history holds, link by link, and whether the tables still say what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sat_monitor.core.domain import ChainHead, Event
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home
from sat_monitor.store.history import History, open_history
from sat_monitor.store.ledger import BrokenLink, first_broken

_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was verified: the number of events, the newest link, the first broken one, rows that differ from it."""

    events: int
    head: ChainHead | None
    broken: BrokenLink | None
    differing: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all holds."""
        return self.broken is None and not self.differing

    def lines(self) -> list[str]:
        """The report as people read it."""
        lines = [f"events: {self.events}", f"head: {self.head}"]
        if self.broken is not None:
            lines.append(f"E1703 history chain broken at {self.broken}")
        lines += [f"E1703 {text}" for text in self.differing]
        return [*lines, "verified" if self.ok else "NOT verified: keep the file, restore a backup; see docs/auditor.md"]


def parse_head(text: str) -> ChainHead:
    """A chain head as printed on a page, SEQ:SHA; raises UsageError E2001."""
    match = _HEAD.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError("E2001", f"{text!r} is not SEQ:SHA with 64 hexadecimal digits")
    return ChainHead(int(match[1]), match[2])


def verify(home: Home, head: ChainHead | None = None) -> AuditReport:
    """Walk the whole history read-only and compare looks and scenes with their newest events.

    Raises StoreError E1704 where the file cannot be read.
    """
    with open_history(home.database) as history:
        walk = _Walk(history)
        broken = first_broken(walk.rest, head)
        for _ in walk.rest:
            pass
        differing = () if broken is not None else tuple(_differing(history, walk))
    return AuditReport(walk.count, walk.head, broken, differing)


class _Walk:
    """Hands out the events once and remembers what the newest ones say of looks and scenes."""

    def __init__(self, history: History) -> None:
        self.rest = self._follow(history.events())
        self.count = 0
        self.head: ChainHead | None = None
        self.looks: dict[tuple[str, str], dict[str, object]] = {}
        self.scenes: dict[tuple[str, str], str] = {}

    def _follow(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            self.count += 1
            self.head = ChainHead(event.seq, event.sha256)
            if event.kind in ("look.recorded", "scene.archived"):
                self._remember(event)
            yield event

    def _remember(self, event: Event) -> None:
        try:
            body = json.loads(event.body)
            if event.kind == "scene.archived":
                self.scenes[(body["aoi"], body["scene"])] = body["pixels_sha256"]
            else:
                self.looks[(body["look"]["aoi"], body["look"]["scene_id"])] = body
        except (ValueError, KeyError, TypeError):
            # A body that was tampered with is the chain's business: its hash does not hold.
            return


def _differing(history: History, walk: _Walk) -> Iterator[str]:
    for look in history.looks():
        told = walk.looks.get((look.aoi, look.scene_id))
        if told is None or told["inputs_sha256"] != look.inputs_sha256 or told["look"] != look.plain:
            yield f"look {look.scene_id} of {look.aoi} is not what its newest event says"
    for scene in history.scenes():
        if walk.scenes.get((scene.aoi, scene.scene_id)) != scene.pixels_sha256:
            yield f"scene {scene.scene_id} of {scene.aoi} is not what its newest event says"
