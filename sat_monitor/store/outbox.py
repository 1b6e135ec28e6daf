"""The outbox: what is to be delivered is committed with its cause, and delivered at least once, under one key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from sat_monitor.store.ledger import canonical_json
from sat_monitor.store.schema import outbox


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """Something to deliver; `receipt` is None while that is owed."""

    key: str
    ticket_id: str
    sink: str
    payload: Mapping[str, Any]
    receipt: Mapping[str, Any] | None = None


def rows(connection: Connection, sink: str | None = None, due: bool | None = None) -> list[OutboxRow]:
    """The rows by key: of a sink (of all where None), those that are due, those that are not, or both."""
    query = select(outbox.c.key, outbox.c.ticket_id, outbox.c.sink, outbox.c.payload, outbox.c.receipt)
    if sink is not None:
        query = query.where(outbox.c.sink == sink)
    if due is not None:
        query = query.where(outbox.c.receipt.is_(None) if due else outbox.c.receipt.is_not(None))
    return [_row(*found) for found in connection.execute(query.order_by(outbox.c.key))]


def _row(key: str, ticket_id: str, sink: str, payload: str, receipt: str | None) -> OutboxRow:
    return OutboxRow(key, ticket_id, sink, json.loads(payload), None if receipt is None else json.loads(receipt))


def enqueue(connection: Connection, row: OutboxRow) -> bool:
    """Keep `row` for delivery; returns False, and changes nothing, where its key is known."""
    if connection.execute(select(outbox.c.key).where(outbox.c.key == row.key)).first() is not None:
        return False
    values = {"key": row.key, "ticket_id": row.ticket_id, "sink": row.sink, "payload": canonical_json(row.payload)}
    connection.execute(insert(outbox).values(**values))
    return True


def restate(connection: Connection, row: OutboxRow) -> bool:
    """Keep `row`, or its new payload while it is due; returns False where nothing is to be changed."""
    if enqueue(connection, row):
        return True
    payload = canonical_json(row.payload)
    here = (outbox.c.key == row.key) & outbox.c.receipt.is_(None) & (outbox.c.payload != payload)
    return bool(connection.execute(update(outbox).where(here).values(payload=payload)).rowcount)


def mark_delivered(connection: Connection, key: str, receipt: Mapping[str, Any]) -> bool:
    """Close the row at `key` with its receipt; returns False, and changes nothing, where it is closed or unknown."""
    open_row = (outbox.c.key == key) & outbox.c.receipt.is_(None)
    return bool(connection.execute(update(outbox).where(open_row).values(receipt=canonical_json(receipt))).rowcount)


def was_delivered(connection: Connection, ticket_id: str) -> bool:
    """Whether anything of a ticket ever left the house."""
    sent = (outbox.c.ticket_id == ticket_id) & outbox.c.receipt.is_not(None)
    return connection.execute(select(outbox.c.key).where(sent).limit(1)).first() is not None
