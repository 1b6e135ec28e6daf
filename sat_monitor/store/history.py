"""The history and the tables, read without the right to write: what an auditor needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from sat_monitor.core.clock import parse_iso
from sat_monitor.core.domain import Event
from sat_monitor.store import schema
from sat_monitor.store.database import numbered, open_read_only


@dataclass(frozen=True, slots=True)
class LookRow:
    """A look as its row holds it, plain."""

    aoi: str
    scene_id: str
    inputs_sha256: str
    plain: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SceneRow:
    """The hashes of a scene's row."""

    aoi: str
    scene_id: str
    file_sha256: str
    pixels_sha256: str


class History:
    """Events, looks and scenes of a database that is open for reading only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def events(self) -> Iterator[Event]:
        """All events in the order in which the table holds them."""
        yield from read_events(self._connection)

    def looks(self) -> Iterator[LookRow]:
        """All look rows."""
        table = schema.looks
        query = select(table.c.aoi, table.c.scene_id, table.c.inputs_sha256, table.c.plain)
        for aoi, scene_id, inputs, plain in self._connection.execute(query):
            yield LookRow(aoi, scene_id, inputs, json.loads(plain))

    def scenes(self) -> Iterator[SceneRow]:
        """All scene rows."""
        table = schema.scenes
        for aoi, scene_id, plain in self._connection.execute(select(table.c.aoi, table.c.id, table.c.plain)):
            scene = json.loads(plain)
            yield SceneRow(aoi, scene_id, scene["file_sha256"], scene["pixels_sha256"])


@contextmanager
def open_history(path: Path) -> Iterator[History]:
    """The history of the database at `path`; raises StoreError E1704 damaged or newer, E1705 busy."""
    engine = open_read_only(path)
    try:
        with numbered(path), engine.connect() as connection:
            yield History(connection)
    finally:
        engine.dispose()


def read_events(connection: Connection, after_seq: int = 0) -> Iterator[Event]:
    """Events after `after_seq` in the order in which the table holds them; ValueError where a time is not one."""
    table = schema.events
    columns = (table.c.seq, table.c.at, table.c.actor, table.c.kind, table.c.body, table.c.prev_sha256, table.c.sha256)
    rows = connection.execution_options(stream_results=True).execute(
        select(*columns).where(table.c.seq > after_seq).order_by(table.c.seq)
    )
    for seq, at, actor, kind, body, prev, sha256 in rows:
        yield Event(seq, parse_iso(at), actor, kind, body, prev, sha256)
