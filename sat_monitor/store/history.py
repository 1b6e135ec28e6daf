"""The history and the tables, read without the right to write: what an auditor needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Row, inspect, select, text

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.domain import Event
from sat_monitor.core.errors import StoreError
from sat_monitor.store import schema
from sat_monitor.store.database import numbered, open_read_only

#: Stands for a time that cannot be read: no event has it, so its hash does not hold.
_NO_TIME = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LookRow:
    """A look as its row holds it; `plain` is canonical JSON unless somebody changed it."""

    aoi: str
    scene_id: str
    inputs_sha256: str
    plain: str


@dataclass(frozen=True, slots=True)
class SceneRow:
    """A scene as its row holds it; `plain` is canonical JSON unless somebody changed it."""

    aoi: str
    scene_id: str
    plain: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as its row holds it; `plain` is canonical JSON unless somebody changed it."""

    id: str
    aoi: str
    version: str
    plain: str


class History:
    """Events, looks and scenes of a database that is open for reading only; nothing in it is trusted to be well made."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def events(self) -> Iterator[Event]:
        """All events by seq; one that was tampered with comes as it is, so that its hash shows it."""
        for row in _event_rows(self._connection, 0):
            yield Event(row.seq, _time(row.at), *(_text(value) for value in row[2:]))

    def looks(self) -> Iterator[LookRow]:
        """All look rows."""
        table = schema.looks
        columns = (table.c.aoi, table.c.scene_id, table.c.inputs_sha256, table.c.plain)
        for row in self._connection.execute(select(*columns).order_by(table.c.aoi, table.c.scene_id)):
            yield LookRow(*(_text(value) for value in row))

    def scenes(self) -> Iterator[SceneRow]:
        """All scene rows."""
        table = schema.scenes
        for row in self._connection.execute(select(table).order_by(table.c.aoi, table.c.id)):
            yield SceneRow(_text(row.aoi), _text(row.id), _text(row.plain))

    def cases(self) -> Iterator[CaseRow]:
        """All case rows; none where an older version left the file without that table."""
        table = schema.cases
        if inspect(self._connection).has_table(table.name):
            for row in self._connection.execute(select(table).order_by(table.c.id)):
                yield CaseRow(_text(row.id), _text(row.aoi), str(row.version), _text(row.plain))

    def missing_triggers(self) -> list[str]:
        """Names of the triggers that keep events append-only and are absent or were altered."""
        rows = self._connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        present = {row.name: row.sql for row in rows}
        return [name for name, definition in schema.TRIGGERS.items() if present.get(name) != definition]


@contextmanager
def open_history(path: Path) -> Iterator[History]:
    """The history of the database at `path`.

    Raises UsageError E2002 where there is no file, StoreError E1704 damaged or newer, E1705 busy.
    """
    engine = open_read_only(path)
    try:
        with numbered(path), engine.connect() as connection:
            # One read transaction, so that a night which commits meanwhile does not show up half.
            connection.exec_driver_sql("BEGIN")
            yield History(connection)
    finally:
        engine.dispose()


def read_events(connection: Connection, after_seq: int = 0, family: str = "") -> Iterator[Event]:
    """Events after `after_seq` by seq, of the kinds that begin with `family`; raises StoreError E1703 where the time of one is not a time."""
    for row in _event_rows(connection, after_seq, family):
        if _time(row.at) is _NO_TIME:
            raise StoreError("E1703", f"seq {row.seq}: {row.at!r} is not a time")
        yield Event(row.seq, parse_iso(row.at), *row[2:])


def _event_rows(
    connection: Connection, after_seq: int, family: str = ""
) -> Iterator[Row[tuple[int, str, str, str, str, str, str]]]:
    table = schema.events
    columns = (table.c.seq, table.c.at, table.c.actor, table.c.kind, table.c.body, table.c.prev_sha256, table.c.sha256)
    query = select(*columns).where(table.c.seq > after_seq).order_by(table.c.seq)
    if family:
        query = query.where(table.c.kind.startswith(family, autoescape=True))
    yield from connection.execution_options(stream_results=True).execute(query)


def _time(value: object) -> datetime:
    """The time of a stored text in its one spelling, else `_NO_TIME`."""
    try:
        at = parse_iso(str(value))
    except ValueError:
        return _NO_TIME
    return at if iso(at) == value else _NO_TIME


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
