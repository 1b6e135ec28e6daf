"""Single rows by their key, written only where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

Key = Mapping[str, str]


def put_row(connection: Connection, table: Table, key: Key, values: Mapping[str, str]) -> bool:
    """Make the row at `key` hold `values`; returns whether it did not before."""
    here = _where(table, key)
    known = connection.execute(select(*(table.c[name] for name in values)).where(*here)).first()
    if known is None:
        connection.execute(insert(table).values(**key, **values))
    elif tuple(known) != tuple(values.values()):
        connection.execute(update(table).where(*here).values(**values))
    else:
        return False
    return True


def remove_row(connection: Connection, table: Table, key: Key) -> bool:
    """Delete the rows at `key`; returns whether there were any."""
    return bool(connection.execute(delete(table).where(*_where(table, key))).rowcount)


def _where(table: Table, key: Key) -> list[Any]:
    return [table.c[name] == value for name, value in key.items()]
