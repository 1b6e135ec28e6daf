"""The database file: opened, checked, and its failures turned into numbered errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.pool import NullPool

from sat_monitor.core.errors import StoreError
from sat_monitor.store import schema

#: How long a writer waits for another one, milliseconds.
BUSY_MS = 30_000
_PRAGMAS = (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")


def open_database(path: Path) -> Engine:
    """An engine on the file at `path`, made with all tables where it does not exist.

    Raises StoreError: E1704 damaged or of a newer version, E1705 busy.
    """
    engine = _engine(f"sqlite:///{path}", _PRAGMAS)
    with numbered(path), engine.connect() as connection:
        _check(connection, path)
        if not inspect(connection).has_table("meta"):
            _create(connection)
        _check_version(connection, path)
    return engine


def open_read_only(path: Path) -> Engine:
    """An engine that can only read the file at `path`; raises as `open_database`."""
    engine = _engine(f"sqlite:///file:{path}?mode=ro&uri=true", (f"busy_timeout={BUSY_MS}", "query_only=ON"))
    with numbered(path), engine.connect() as connection:
        _check(connection, path)
        _check_version(connection, path)
    return engine


@contextmanager
def numbered(path: Path) -> Iterator[None]:
    """Failures of the database as StoreError: E1705 where it is busy, E1302 a full disk, E1704 otherwise."""
    try:
        yield
    except DBAPIError as error:
        text = str(error.orig)
        code = "E1705" if "locked" in text or "busy" in text else "E1302" if "full" in text else "E1704"
        raise StoreError(code, f"{path.name}: {text}", "everything committed before") from error


def _engine(url: str, pragmas: tuple[str, ...]) -> Engine:
    # Transactions are begun by hand (BEGIN IMMEDIATE); the driver must not begin its own.
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    @event.listens_for(engine, "connect")
    def _configure(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _check(connection: Connection, path: Path) -> None:
    answer = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if answer != "ok":
        raise StoreError("E1704", f"{path.name}: {answer}", "the file, unchanged")


def _create(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        schema.METADATA.create_all(connection)
        for trigger in schema.TRIGGERS:
            connection.exec_driver_sql(trigger)
        if connection.execute(select(schema.meta.c.value)).first() is None:
            connection.execute(insert(schema.meta).values(key="version", value=str(schema.VERSION)))
    except DatabaseError:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _check_version(connection: Connection, path: Path) -> None:
    found = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "version")).scalar()
    if found is None or int(found) > schema.VERSION:
        raise StoreError("E1704", f"{path.name} has version {found}, this software {schema.VERSION}", "the file")
