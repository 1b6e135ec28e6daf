"""The store: the only writer of the database; readers here, writing only inside a transaction under a lease."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Select, Table, insert, inspect, select

from sat_monitor.core.casework import Case, case_from_plain
from sat_monitor.core.clock import Clock, iso, parse_iso
from sat_monitor.core.domain import ChainHead, Event, Look, Scene, Site, Ticket
from sat_monitor.core.errors import StoreError, TicketError
from sat_monitor.store import outbox, schema
from sat_monitor.store.cases import CaseTransaction
from sat_monitor.store.codec import look_from_plain, scene_from_plain, site_from_plain, ticket_from_plain
from sat_monitor.store.database import immediate, numbered, open_database, open_read_only
from sat_monitor.store.history import read_events
from sat_monitor.store.lease import Lease, check_fence, give_back, take
from sat_monitor.store.outbox import OutboxRow
from sat_monitor.store.rows import put_row
from sat_monitor.store.transaction import RejectionRow, SiteTexts, Transaction

__all__ = ["CaseTransaction", "Lease", "ListingRow", "OutboxRow", "RejectionRow", "Store", "Transaction"]


@dataclass(frozen=True, slots=True)
class ListingRow:
    """What of a source was listed: acquisitions of [since, until), the whole window at `whole_at`; all UTC."""

    since: datetime
    until: datetime
    whole_at: datetime


class Store:
    """The database of one installation; use it as a context manager. All times come from `clock`.

    With `read_only` the file must exist, nothing can be written, and all that is read is of one moment.
    """

    def __init__(self, path: Path, clock: Clock, read_only: bool = False) -> None:
        self._path = path
        self._clock = clock
        self._read_only = read_only
        self._engine = open_read_only(path) if read_only else open_database(path)
        self._connection: Connection | None = None
        self._site_texts = SiteTexts()

    def __enter__(self) -> Store:
        with numbered(self._path):
            self._connection = self._engine.connect()
            if self._read_only:
                self._connection.exec_driver_sql("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    @contextmanager
    def lease(self, holder: str, ttl_seconds: int) -> Iterator[Lease]:
        """The lease for at most `ttl_seconds`; given back at the end. Raises StoreError E1701 while another is live."""
        with self._writing() as connection:
            lease = take(connection, holder, self._clock(), ttl_seconds)
        try:
            yield lease
        finally:
            with self._writing() as connection:
                give_back(connection, lease)

    @contextmanager
    def transaction(self, lease: Lease) -> Iterator[Transaction]:
        """Everything written inside is committed together, or not at all.

        Raises StoreError E1702 where the lease is no longer the newest, at the beginning or before the commit.
        """
        with self._writing() as connection:
            check_fence(connection, lease)
            yield Transaction(connection, self._clock, self._site_texts)
            check_fence(connection, lease)

    @contextmanager
    def casework(self) -> Iterator[CaseTransaction]:
        """Everything that people write inside is committed together, or not at all.

        It needs no lease: a night may run meanwhile, for the two write different tables, one after the other.
        """
        with self._writing() as connection:
            yield CaseTransaction(connection, Transaction(connection, self._clock, self._site_texts))

    def cases(self, aoi: str | None = None) -> list[Case]:
        """The cases of an AOI (of all where None), by id."""
        return sorted((case_from_plain(p) for p in self._plain(schema.cases, aoi)), key=lambda case: case.id)

    def head(self) -> ChainHead | None:
        """The newest link of the history, None before the first."""
        row = self._one(select(schema.events.c.seq, schema.events.c.sha256).order_by(schema.events.c.seq.desc()))
        return None if row is None else ChainHead(row[0], row[1])

    def has_profile(self, sha256: str) -> bool:
        """Whether a profile of this hash is in the history."""
        return self._one(select(schema.profiles.c.seq).where(schema.profiles.c.sha256 == sha256)) is not None

    def scenes(self, aoi: str) -> list[Scene]:
        """The archived scenes of an AOI, sorted by `Scene.order`."""
        return sorted((scene_from_plain(p) for p in self._plain(schema.scenes, aoi)), key=lambda s: s.order)

    def rejections(self, aoi: str) -> list[RejectionRow]:
        """Scenes of an AOI that could not be used, by id."""
        table = schema.rejections
        columns = (table.c.scene_id, table.c.source_id, table.c.code, table.c.what, table.c.issue)
        query = select(*columns).where(table.c.aoi == aoi)
        return [RejectionRow(*row) for row in self._all(query.order_by(table.c.scene_id))]

    def looks(self, aoi: str) -> list[Look]:
        """The looks of an AOI, sorted by `Look.order`."""
        return sorted((look_from_plain(p) for p in self._plain(schema.looks, aoi)), key=lambda look: look.order)

    def look_inputs(self, aoi: str) -> dict[str, str]:
        """Hash of the inputs of each look of an AOI, by scene id."""
        table = schema.looks
        query = select(table.c.scene_id, table.c.inputs_sha256).where(table.c.aoi == aoi)
        return {row[0]: row[1] for row in self._all(query)}

    def sites(self, aoi: str | None = None) -> list[Site]:
        """The sites of an AOI (of all where None), merged ones included, by id."""
        return sorted((site_from_plain(p) for p in self._plain(schema.sites, aoi)), key=lambda site: site.id)

    def site(self, site_id: str) -> Site:
        """The site of an id; raises TicketError E1801 where there is none."""
        return site_from_plain(self._plain_of(schema.sites, site_id))

    def tickets(self, aoi: str | None = None) -> list[Ticket]:
        """The tickets of an AOI (of all where None), withdrawn ones included, by id."""
        return sorted((ticket_from_plain(p) for p in self._plain(schema.tickets, aoi)), key=lambda t: t.id)

    def ticket(self, ticket_id: str) -> Ticket:
        """The ticket of an id; raises TicketError E1801 where there is none."""
        return ticket_from_plain(self._plain_of(schema.tickets, ticket_id))

    def outbox_due(self, sink: str | None = None) -> list[OutboxRow]:
        """What is yet to be delivered, by key; with `sink` that of one sink."""
        return self.outbox(sink, due=True)

    def outbox(self, sink: str | None = None, due: bool | None = None) -> list[OutboxRow]:
        """The outbox by key: of a sink (of all where None), what is due, what is done, or both."""
        with numbered(self._path):
            return outbox.rows(self._open(), sink, due)

    def person(self, commitment: str) -> str | None:
        """The name or text that a commitment of an event stands for, None where it was erased."""
        row = self._one(select(schema.persons.c.text).where(schema.persons.c.commitment == commitment))
        return None if row is None else str(row.text)

    def events(self, after_seq: int = 0, family: str = "") -> Iterator[Event]:
        """The history after `after_seq`, in order, of the kinds that begin with `family`.

        Raises StoreError E1703 where the time of one is not a time.
        """
        with numbered(self._path):
            yield from read_events(self._open(), after_seq, family)

    def last_listing(self, source: str, aoi: str) -> ListingRow | None:
        """What was listed last of a source for an AOI, None where nothing was."""
        table = schema.run_listings
        columns = (table.c.since, table.c.until, table.c.whole_at)
        row = self._one(select(*columns).where((table.c.source == source) & (table.c.aoi == aoi)))
        return None if row is None else ListingRow(*(parse_iso(text) for text in row))

    def record_listing(self, source: str, aoi: str, row: ListingRow) -> None:
        """Note what was listed: volatile bookkeeping; where it is lost, all is listed again."""
        values = {"since": iso(row.since), "until": iso(row.until), "whole_at": iso(row.whole_at)}
        with self._writing() as connection:
            put_row(connection, schema.run_listings, {"source": source, "aoi": aoi}, values)

    def record_run(self, kind: str, body: dict[str, Any]) -> None:
        """Note that something ran: volatile bookkeeping, no part of the truth."""
        with self._writing() as connection:
            values = {"at": iso(self._clock()), "kind": kind, "body": json.dumps(body, ensure_ascii=False)}
            connection.execute(insert(schema.run_log).values(**values))

    def runs(self) -> list[dict[str, Any]]:
        """What ran, oldest first."""
        table = schema.run_log
        rows = self._all(select(table.c.at, table.c.kind, table.c.body).order_by(table.c.id))
        return [{"at": at, "kind": kind, **json.loads(body)} for at, kind, body in rows]

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._read_only:
            raise StoreError("E1704", f"{self._path.name} is open for reading only", "the file, unchanged")
        with numbered(self._path), immediate(self._open()) as connection:
            yield connection

    def _open(self) -> Connection:
        if self._connection is None:
            raise StoreError("E1704", f"{self._path.name} is not open: use the store as a context manager")
        return self._connection

    def _all(self, query: Select[Any]) -> list[Any]:
        with numbered(self._path):
            return list(self._open().execute(query))

    def _one(self, query: Select[Any]) -> Any:
        rows = self._all(query.limit(1))
        return rows[0] if rows else None

    def _plain(self, table: Table, aoi: str | None) -> list[dict[str, Any]]:
        # A home that was only read since an older version has no such table yet.
        if not inspect(self._open()).has_table(table.name):
            return []
        query = select(table.c.plain)
        rows = self._all(query if aoi is None else query.where(table.c.aoi == aoi))
        return [json.loads(row[0]) for row in rows]

    def _plain_of(self, table: Table, identity: str) -> dict[str, Any]:
        row = self._one(select(table.c.plain).where(table.c.id == identity))
        if row is None:
            raise TicketError("E1801", f"{identity!r} is not among the {table.name}")
        plain: dict[str, Any] = json.loads(row[0])
        return plain
