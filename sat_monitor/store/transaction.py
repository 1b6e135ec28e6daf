"""What may be written: idempotent puts that say whether they changed anything, and events that only append."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from sat_monitor.core.clock import Clock, iso, parse_iso
from sat_monitor.core.domain import Event, EventDraft, Look, Scene, Site, Ticket
from sat_monitor.core.errors import ERRORS
from sat_monitor.store import cases, outbox, schema
from sat_monitor.store.codec import look_to_plain, scene_to_plain, site_to_plain, ticket_from_plain, ticket_to_plain
from sat_monitor.store.ledger import GENESIS, canonical_json, link
from sat_monitor.store.outbox import OutboxRow
from sat_monitor.store.rows import put_row, remove_row

ACTOR = "store"
NO_LONGER_FOLLOWS = "no longer follows from the looks"
_TEMPORARY = [code for code, row in ERRORS.items() if row.temporary]


@dataclass(frozen=True, slots=True)
class RejectionRow:
    """A scene that could not be used, and why; `issue` says which reading of it, where its source knows of such."""

    scene_id: str
    source_id: str
    code: str
    what: str
    issue: str = ""


class SiteTexts:
    """Canonical texts of sites, encoded once per object: a look leaves most sites the same objects."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Site, str]] = {}

    def of(self, site: Site) -> str:
        """The canonical text of `site`."""
        known = self._known.get(site.id)
        if known is None or known[0] is not site:
            known = self._known[site.id] = (site, canonical_json(site_to_plain(site)))
        return known[1]


class Transaction:
    """One unit of writing; every `put_` returns whether it changed the row that it is about."""

    def __init__(self, connection: Connection, clock: Clock, site_texts: SiteTexts) -> None:
        self._connection = connection
        self._clock = clock
        self._site_texts = site_texts

    def append(self, draft: EventDraft) -> Event:
        """Append an event to the history; its time is never before that of the event before it.

        A `profile.*` event that brings a profile's text also makes the profile known.
        """
        table = schema.events
        newest = select(table.c.seq, table.c.sha256, table.c.at).order_by(table.c.seq.desc()).limit(1)
        row = self._connection.execute(newest).first()
        seq, prev = (1, GENESIS) if row is None else (row.seq + 1, row.sha256)
        at = self._clock() if row is None else max(self._clock(), parse_iso(row.at))
        event = link(draft, seq, at, prev)
        values = {
            "seq": event.seq, "at": iso(event.at), "actor": event.actor, "kind": event.kind, "body": event.body,
            "prev_sha256": event.prev_sha256, "sha256": event.sha256,
        }  # fmt: skip
        self._connection.execute(insert(table).values(**values))
        if event.kind.startswith("profile.") and "toml" in draft.body:
            profile = {name: draft.body[name] for name in ("sha256", "name", "toml")}
            self._connection.execute(insert(schema.profiles).prefix_with("OR IGNORE").values(**profile, seq=event.seq))
        return event

    def put_scene(self, scene: Scene) -> bool:
        """Keep a scene; a rejection that another night was to solve is solved by it."""
        table = schema.rejections
        solved = (table.c.aoi == scene.aoi) & (table.c.scene_id == scene.id) & table.c.code.in_(_TEMPORARY)
        self._connection.execute(delete(table).where(solved))
        values = {"plain": canonical_json(scene_to_plain(scene))}
        return put_row(self._connection, schema.scenes, {"aoi": scene.aoi, "id": scene.id}, values)

    def put_rejection(self, aoi: str, scene_id: str, source_id: str, code: str, what: str, issue: str = "") -> bool:
        """Keep why a scene could not be used."""
        key = {"aoi": aoi, "scene_id": scene_id}
        values = {"source_id": source_id, "code": code, "what": what, "issue": issue}
        return put_row(self._connection, schema.rejections, key, values)

    def remove_rejection(self, aoi: str, scene_id: str) -> bool:
        """Forget that a scene could not be used: now it can."""
        return remove_row(self._connection, schema.rejections, {"aoi": aoi, "scene_id": scene_id})

    def put_look(self, look: Look, inputs_sha256: str) -> bool:
        """Keep a look with the hash of its inputs; returns whether its content or inputs are new."""
        key = {"aoi": look.aoi, "scene_id": look.scene_id}
        values = {"inputs_sha256": inputs_sha256, "plain": canonical_json(look_to_plain(look))}
        return put_row(self._connection, schema.looks, key, values)

    def remove_look(self, aoi: str, scene_id: str) -> bool:
        """Take a look away; the history keeps what it said."""
        return remove_row(self._connection, schema.looks, {"aoi": aoi, "scene_id": scene_id})

    def put_sites(self, aoi: str, sites: Sequence[Site]) -> bool:
        """Make `sites` the whole table of an AOI; rows that are the same are not touched."""
        texts = {site.id: self._site_texts.of(site) for site in sites}
        known = self._known(schema.sites, aoi)
        gone = sorted(known.keys() - texts.keys())
        for identity in gone:
            remove_row(self._connection, schema.sites, {"id": identity})
        return self._write(schema.sites, aoi, texts, known) or bool(gone)

    def put_tickets(self, aoi: str, tickets: Sequence[Ticket]) -> bool:
        """Make `tickets` the whole table of an AOI, but for those that were delivered: paper is never lost.

        A delivered ticket that is gone is withdrawn, and reinstated should it come back, each by an event.
        """
        texts = {ticket.id: canonical_json(ticket_to_plain(ticket)) for ticket in tickets}
        known = self._known(schema.tickets, aoi)
        gone = [_ticket(known[identity]) for identity in sorted(known.keys() - texts.keys())]
        dropped = [self._drop_ticket(ticket) for ticket in gone]
        for ticket in tickets:
            if ticket.id in known and _ticket(known[ticket.id]).withdrawn_reason == NO_LONGER_FOLLOWS:
                self._tell("ticket.reinstated", ticket, "follows from the looks again")
        return self._write(schema.tickets, aoi, texts, known) or any(dropped)

    def enqueue(self, key: str, ticket_id: str, sink: str, payload: Mapping[str, Any]) -> bool:
        """Put something into the outbox, once per key."""
        return outbox.enqueue(self._connection, OutboxRow(key, ticket_id, sink, payload))

    def restate(self, key: str, ticket_id: str, sink: str, payload: Mapping[str, Any]) -> bool:
        """Put something into the outbox, or give it a new payload while it is due."""
        return outbox.restate(self._connection, OutboxRow(key, ticket_id, sink, payload))

    def mark_delivered(self, key: str, receipt: Mapping[str, Any]) -> bool:
        """Close an outbox row with its receipt; a second time changes nothing."""
        return outbox.mark_delivered(self._connection, key, receipt)

    def remember_person(self, text: str) -> str:
        """Keep a name or free text apart and return the salted commitment that an event may hold."""
        salt = secrets.token_hex(16)
        commitment = hashlib.sha256(f"{salt}|{text}".encode()).hexdigest()
        self._connection.execute(insert(schema.persons).values(commitment=commitment, salt=salt, text=text))
        return commitment

    def forget_person(self, commitment: str) -> bool:
        """Erase what a commitment stands for; the history still verifies."""
        return remove_row(self._connection, schema.persons, {"commitment": commitment})

    def _known(self, table: Table, aoi: str) -> dict[str, str]:
        rows = self._connection.execute(select(table.c.id, table.c.plain).where(table.c.aoi == aoi))
        return {row.id: row.plain for row in rows}

    def _write(self, table: Table, aoi: str, texts: Mapping[str, str], known: Mapping[str, str]) -> bool:
        new = [{"id": i, "aoi": aoi, "plain": text} for i, text in texts.items() if i not in known]
        changed = [{"row": i, "text": text} for i, text in texts.items() if known.get(i, text) != text]
        if new:
            self._connection.execute(insert(table), new)
        if changed:
            at_row = update(table).where(table.c.id == bindparam("row")).values(plain=bindparam("text"))
            self._connection.execute(at_row, changed)
        return bool(new or changed)

    def _drop_ticket(self, ticket: Ticket) -> bool:
        """Delete a ticket that nobody has, withdraw one that was delivered or worked on; returns whether anything changed."""
        if not (outbox.was_delivered(self._connection, ticket.id) or cases.is_known(self._connection, ticket)):
            remove_row(self._connection, schema.outbox, {"ticket_id": ticket.id})
            return remove_row(self._connection, schema.tickets, {"id": ticket.id})
        if ticket.withdrawn_reason is not None:
            return False
        withdrawn = replace(ticket, withdrawn_reason=NO_LONGER_FOLLOWS)
        values = {"plain": canonical_json(ticket_to_plain(withdrawn))}
        put_row(self._connection, schema.tickets, {"id": ticket.id}, values)
        self._tell("ticket.withdrawn", ticket, NO_LONGER_FOLLOWS)
        return True

    def _tell(self, kind: str, ticket: Ticket, reason: str) -> None:
        self.append(EventDraft(kind, ACTOR, {"ticket": ticket.id, "site": ticket.site_id, "reason": reason}))


def _ticket(text: str) -> Ticket:
    return ticket_from_plain(json.loads(text))
