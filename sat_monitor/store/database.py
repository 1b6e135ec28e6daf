"""The database file: opened, checked, and its failures turned into numbered errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from sat_monitor.core.errors import StoreError, UsageError
from sat_monitor.store import schema

#: How long a writer waits for another one, milliseconds.
BUSY_MS = 30_000
#: secure_delete, for what is erased must not be found in a free page.
_PRAGMAS = (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
_READ_PRAGMAS = (f"busy_timeout={BUSY_MS}", "query_only=ON")
#: What SQLite's primary result codes mean here; all others are a damaged file.
_CODES = {
    sqlite3.SQLITE_BUSY: "E1705",
    sqlite3.SQLITE_LOCKED: "E1705",
    sqlite3.SQLITE_FULL: "E1302",
    sqlite3.SQLITE_IOERR: "E1302",
    sqlite3.SQLITE_READONLY: "E1302",
    sqlite3.SQLITE_CANTOPEN: "E1302",
}


def open_database(path: Path) -> Engine:
    """An engine on the file at `path`, made with all tables where it does not exist.

    Raises StoreError: E1704 damaged or of a newer version, E1705 busy, E1302 not writable.
    """
    engine = _engine(f"file:{quote(str(path.absolute()))}?mode=rwc", _PRAGMAS)
    with numbered(path), engine.connect() as connection:
        _check_pages(connection, path)
        if not inspect(connection).get_table_names():
            _create(connection)
        _check_version(connection, path)
        _migrate(connection)
    return engine


def open_read_only(path: Path) -> Engine:
    """An engine that can only read the file at `path`; text that is not UTF-8 comes with replacement characters.

    Raises UsageError E2002 where there is no file, StoreError as `open_database`.
    """
    if not path.is_file():
        raise UsageError("E2002", f"{path}: no night has run here yet")
    engine = _engine(f"file:{quote(str(path.absolute()))}?mode=ro", _READ_PRAGMAS, lenient=True)
    with numbered(path), engine.connect() as connection:
        _check_pages(connection, path)
        _check_version(connection, path)
    return engine


@contextmanager
def numbered(path: Path) -> Iterator[None]:
    """Failures of the database as StoreError: E1705 busy, E1302 full or not writable, E1704 damaged.

    A violated constraint is no state of the file but a mistake of the caller: it passes.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        result = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        code = _CODES.get(result & 0xFF, "E1704")
        raise StoreError(code, f"{path.name}: {error.orig}", "everything committed before") from error


@contextmanager
def immediate(connection: Connection) -> Iterator[Connection]:
    """A write transaction (BEGIN IMMEDIATE): committed at the end, rolled back on any error."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        # After a full disk SQLite may have rolled back already; a second ROLLBACK would hide the reason.
        driver = connection.connection.dbapi_connection
        if isinstance(driver, sqlite3.Connection) and driver.in_transaction:
            connection.exec_driver_sql("ROLLBACK")
        raise


def _engine(uri: str, pragmas: tuple[str, ...], lenient: bool = False) -> Engine:
    def connect() -> sqlite3.Connection:
        # Transactions are begun by hand (BEGIN IMMEDIATE); the driver must not begin its own.
        return sqlite3.connect(uri, uri=True, isolation_level=None)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
        if lenient:
            connection.text_factory = lambda raw: raw.decode(errors="replace")

    return engine


def _check_pages(connection: Connection, path: Path) -> None:
    answer = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if answer != "ok":
        raise StoreError("E1704", f"{path.name}: {answer}", "the file, unchanged")


def _create(connection: Connection) -> None:
    with immediate(connection):
        if inspect(connection).get_table_names():
            return  # another process was first
        schema.METADATA.create_all(connection, checkfirst=False)
        for trigger in schema.TRIGGERS.values():
            connection.exec_driver_sql(trigger)
        connection.execute(insert(schema.meta).values(key="version", value=str(schema.VERSION)))


def _migrate(connection: Connection) -> None:
    """Bring the tables of an older version to this one, whole or not at all."""
    if int(_version(connection)) == schema.VERSION:
        return
    with immediate(connection):
        for version in range(int(_version(connection)), schema.VERSION):  # another process may have been first
            _MIGRATIONS[version](connection)
        table = schema.meta
        connection.execute(update(table).where(table.c.key == "version").values(value=str(schema.VERSION)))


def _from_1(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE rejections ADD COLUMN issue TEXT NOT NULL DEFAULT ''")
    schema.METADATA.create_all(connection, tables=[schema.run_usage, schema.run_listings])


def _from_2(connection: Connection) -> None:
    schema.METADATA.create_all(connection, tables=[schema.cases])


#: What brings the tables of a version to the next one.
_MIGRATIONS: dict[int, Callable[[Connection], None]] = {1: _from_1, 2: _from_2}


def _version(connection: Connection) -> str:
    return str(connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "version")).scalar())


def _check_version(connection: Connection, path: Path) -> None:
    if not inspect(connection).has_table("meta"):
        raise StoreError("E1704", f"{path.name} is not a database of this software", "the file, unchanged")
    found = _version(connection)
    if not found.isdecimal() or int(found) > schema.VERSION:
        raise StoreError("E1704", f"{path.name} has version {found}, this software {schema.VERSION}", "the file")
