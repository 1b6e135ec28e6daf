"""What may be written: idempotent puts that say whether they changed anything, and events that only append."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from sat_monitor.core.clock import Clock, iso, parse_iso
from sat_monitor.core.domain import ChainHead, Event, EventDraft, Look, Scene, Site, Ticket
from sat_monitor.core.errors import ERRORS
from sat_monitor.store import schema
from sat_monitor.store.codec import (
    look_to_plain,
    scene_to_plain,
    site_to_plain,
    ticket_from_plain,
    ticket_to_plain,
)
from sat_monitor.store.ledger import canonical_json, link

ACTOR = "store"
NO_LONGER_FOLLOWS = "no longer follows from the looks"


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """A scene that could not be used, and why."""

    scene_id: str
    source_id: str
    code: str
    what: str


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Something to deliver."""

    key: str
    ticket_id: str
    sink: str
    payload: Mapping[str, Any]


class Transaction:
    """One unit of writing; every `put_` returns whether it changed a row."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def append(self, draft: EventDraft) -> Event:
        """Append an event to the history; its time is never before that of the event before it."""
        table = schema.events
        newest = select(table.c.seq, table.c.sha256, table.c.at).order_by(table.c.seq.desc()).limit(1)
        row = self._connection.execute(newest).first()
        head = None if row is None else ChainHead(row[0], row[1])
        at = self._clock() if row is None else max(self._clock(), parse_iso(row[2]))
        event = link(draft, head, at)
        values = {
            "seq": event.seq, "at": iso(event.at), "actor": event.actor, "kind": event.kind, "body": event.body,
            "prev_sha256": event.prev_sha256, "sha256": event.sha256,
        }  # fmt: skip
        self._connection.execute(insert(table).values(**values))
        if event.kind.startswith("profile."):
            row_of = {"sha256": draft.body["sha256"], "name": draft.body["name"], "seq": event.seq}
            self._connection.execute(insert(schema.profiles).values(**row_of))
        return event

    def put_scene(self, scene: Scene) -> bool:
        """Keep a scene; a rejection that another night was to solve is solved by it."""
        temporary = [code for code, row in ERRORS.items() if row.temporary]
        table = schema.rejections
        solved = (table.c.aoi == scene.aoi) & (table.c.scene_id == scene.id) & table.c.code.in_(temporary)
        self._connection.execute(delete(table).where(solved))
        key = {"aoi": scene.aoi, "id": scene.id}
        return self._put(schema.scenes, key, {"plain": canonical_json(scene_to_plain(scene))})

    def put_rejection(self, aoi: str, scene_id: str, source_id: str, code: str, what: str) -> bool:
        """Keep why a scene could not be used."""
        key = {"aoi": aoi, "scene_id": scene_id}
        return self._put(schema.rejections, key, {"source_id": source_id, "code": code, "what": what})

    def remove_rejection(self, aoi: str, scene_id: str) -> bool:
        """Forget that a scene could not be used: now it can."""
        return self._remove(schema.rejections, {"aoi": aoi, "scene_id": scene_id})

    def put_look(self, look: Look, inputs_sha256: str) -> bool:
        """Keep a look with the hash of its inputs; returns whether its content or inputs are new."""
        values = {"inputs_sha256": inputs_sha256, "plain": canonical_json(look_to_plain(look))}
        return self._put(schema.looks, {"aoi": look.aoi, "scene_id": look.scene_id}, values)

    def remove_look(self, aoi: str, scene_id: str) -> bool:
        """Take a look away; the history keeps what it said."""
        return self._remove(schema.looks, {"aoi": aoi, "scene_id": scene_id})

    def put_sites(self, aoi: str, sites: Sequence[Site]) -> bool:
        """Make `sites` the whole table of an AOI; rows that are the same are not touched."""
        texts = {site.id: canonical_json(site_to_plain(site)) for site in sites}
        return self._replace(schema.sites, aoi, texts, self._drop_site)

    def put_tickets(self, aoi: str, tickets: Sequence[Ticket]) -> bool:
        """Make `tickets` the whole table of an AOI, but a delivered ticket is never lost: it is withdrawn by an event."""
        texts = {ticket.id: canonical_json(ticket_to_plain(ticket)) for ticket in tickets}
        return self._replace(schema.tickets, aoi, texts, self._drop_ticket)

    def enqueue(self, key: str, ticket_id: str, sink: str, payload: Mapping[str, Any]) -> bool:
        """Put something into the outbox, once per key."""
        table = schema.outbox
        if self._connection.execute(select(table.c.key).where(table.c.key == key)).first() is not None:
            return False
        values = {"key": key, "ticket_id": ticket_id, "sink": sink, "payload": canonical_json(payload)}
        self._connection.execute(insert(table).values(**values))
        return True

    def mark_delivered(self, key: str, receipt: Mapping[str, Any]) -> bool:
        """Close an outbox row with its receipt; a second time changes nothing."""
        table = schema.outbox
        open_row = (table.c.key == key) & table.c.receipt.is_(None)
        done = self._connection.execute(update(table).where(open_row).values(receipt=canonical_json(receipt)))
        return bool(done.rowcount)

    def remember_person(self, text: str) -> str:
        """Keep a name or free text apart and return the salted commitment that an event may hold."""
        salt = secrets.token_hex(16)
        commitment = hashlib.sha256(f"{salt}|{text}".encode()).hexdigest()
        self._connection.execute(insert(schema.persons).values(commitment=commitment, salt=salt, text=text))
        return commitment

    def erase_person(self, commitment: str) -> bool:
        """Erase what a commitment stands for; the history still verifies."""
        return self._remove(schema.persons, {"commitment": commitment})

    def _put(self, table: Table, key: Mapping[str, str], values: Mapping[str, str]) -> bool:
        here = self._where(table, key)
        known = self._connection.execute(select(*(table.c[name] for name in values)).where(*here)).first()
        if known is not None and tuple(known) == tuple(values.values()):
            return False
        if known is None:
            self._connection.execute(insert(table).values(**key, **values))
        else:
            self._connection.execute(update(table).where(*here).values(**values))
        return True

    def _remove(self, table: Table, key: Mapping[str, str]) -> bool:
        return bool(self._connection.execute(delete(table).where(*self._where(table, key))).rowcount)

    @staticmethod
    def _where(table: Table, key: Mapping[str, str]) -> list[Any]:
        return [table.c[name] == value for name, value in key.items()]

    def _replace(self, table: Table, aoi: str, texts: Mapping[str, str], drop: Callable[[str, str], bool]) -> bool:
        rows: Iterable[Any] = self._connection.execute(select(table.c.id, table.c.plain).where(table.c.aoi == aoi))
        known = {row[0]: row[1] for row in rows}
        new = [{"id": i, "aoi": aoi, "plain": text} for i, text in texts.items() if i not in known]
        changed = [i for i, text in texts.items() if i in known and known[i] != text]
        if new:
            self._connection.execute(insert(table), new)
        for identity in changed:
            self._connection.execute(update(table).where(table.c.id == identity).values(plain=texts[identity]))
        dropped = [drop(identity, plain) for identity, plain in known.items() if identity not in texts]
        return bool(new or changed or any(dropped))

    def _drop_site(self, identity: str, _plain: str) -> bool:
        return self._remove(schema.sites, {"id": identity})

    def _drop_ticket(self, identity: str, plain: str) -> bool:
        """Delete a ticket that nobody has; withdraw one that was delivered. Returns whether anything changed."""
        table = schema.outbox
        sent = (table.c.ticket_id == identity) & table.c.receipt.is_not(None)
        if self._connection.execute(select(table.c.key).where(sent)).first() is None:
            self._connection.execute(delete(table).where(table.c.ticket_id == identity))
            return self._remove(schema.tickets, {"id": identity})
        ticket = ticket_from_plain(json.loads(plain))
        if ticket.withdrawn_reason is not None:
            return False
        withdrawn = replace(ticket, withdrawn_reason=NO_LONGER_FOLLOWS)
        text = canonical_json(ticket_to_plain(withdrawn))
        self._connection.execute(update(schema.tickets).where(schema.tickets.c.id == identity).values(plain=text))
        body = {"ticket": identity, "site": ticket.site_id, "reason": NO_LONGER_FOLLOWS}
        self.append(EventDraft("ticket.withdrawn", ACTOR, body))
        return True
