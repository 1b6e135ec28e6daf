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
    """Something to deliver."""

    key: str
    ticket_id: str
    sink: str
    payload: Mapping[str, Any]


def due(connection: Connection) -> list[OutboxRow]:
    """What is yet to be delivered, by key."""
    columns = (outbox.c.key, outbox.c.ticket_id, outbox.c.sink, outbox.c.payload)
    rows = connection.execute(select(*columns).where(outbox.c.receipt.is_(None)).order_by(outbox.c.key))
    return [OutboxRow(key, ticket, sink, json.loads(payload)) for key, ticket, sink, payload in rows]


def enqueue(connection: Connection, row: OutboxRow) -> bool:
    """Keep `row` for delivery; returns False, and changes nothing, where its key is known."""
    if connection.execute(select(outbox.c.key).where(outbox.c.key == row.key)).first() is not None:
        return False
    values = {"key": row.key, "ticket_id": row.ticket_id, "sink": row.sink, "payload": canonical_json(row.payload)}
    connection.execute(insert(outbox).values(**values))
    return True


def mark_delivered(connection: Connection, key: str, receipt: Mapping[str, Any]) -> bool:
    """Close the row at `key` with its receipt; returns False, and changes nothing, where it is closed or unknown."""
    open_row = (outbox.c.key == key) & outbox.c.receipt.is_(None)
    return bool(connection.execute(update(outbox).where(open_row).values(receipt=canonical_json(receipt))).rowcount)


def was_delivered(connection: Connection, ticket_id: str) -> bool:
    """Whether anything of a ticket ever left the house."""
    sent = (outbox.c.ticket_id == ticket_id) & outbox.c.receipt.is_not(None)
    return connection.execute(select(outbox.c.key).where(sent).limit(1)).first() is not None
