"""The file: safe against power loss, refused where it is damaged, and its failures have numbers."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.errors import StoreError
from sat_monitor.store import database
from sat_monitor.store.schema import VERSION
from sat_monitor.store.store import Store, Transaction
from tests.store_world import (
    AOI,
    NOW,
    dump,
    execute,
    look,
    night,
    opened,
    sha,
    site,
    write,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sat_monitor.db"


@pytest.mark.parametrize("version", [str(VERSION + 1), "999", "newest", ""])
def test_a_database_of_a_newer_version_is_refused_unchanged(path: Path, version: str) -> None:
    night(path)
    execute(path, f"UPDATE meta SET value = '{version}' WHERE key = 'version'")
    before = dump(path)
    with pytest.raises(StoreError) as raised:
        Store(path, fixed_clock(NOW))
    assert raised.value.code == "E1704"
    assert dump(path) == before


@pytest.mark.parametrize("offset", [0, 20, 4096, 40_960])
def test_a_damaged_file_is_refused(path: Path, offset: int) -> None:
    night(path, range(1, 30))
    content = bytearray(path.read_bytes())
    content[offset : offset + 2000] = b"\xa5" * 2000
    path.write_bytes(content)
    with pytest.raises(StoreError) as raised:
        Store(path, fixed_clock(NOW))
    assert raised.value.code == "E1704"
    assert path.read_bytes() == content


def test_a_file_that_is_no_database_or_that_of_another_software_is_refused(path: Path) -> None:
    path.write_text("<html>not found</html>" * 100)
    with pytest.raises(StoreError, match="E1704"):
        Store(path, fixed_clock(NOW))
    path.unlink()
    execute(path, "CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="E1704"):
        Store(path, fixed_clock(NOW))
    assert len(dump(path)) == 3


def test_a_folder_that_is_not_there_is_not_writable(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="E1302"):
        Store(tmp_path / "missing" / "sat_monitor.db", fixed_clock(NOW))


@pytest.mark.parametrize("name", ["a b.db", "100% done?.db", "多摩#1.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    night(tmp_path / name, range(1, 2))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_busy_database_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_PRAGMAS", ("busy_timeout=10",))
    night(path)
    blocker = sqlite3.connect(path, isolation_level=None)
    try:
        with Store(path, fixed_clock(NOW)) as store:
            blocker.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError) as raised, store.lease("night", 60):
                pytest.fail("it was taken")
            assert raised.value.code == "E1705"
            assert raised.value.temporary
    finally:
        blocker.close()


def test_the_file_is_kept_safe_against_power_loss_and_readers_do_not_wait(path: Path) -> None:
    engine = database.open_database(path)
    with engine.connect() as connection:
        asked = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in (
            "journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete",
        )}  # fmt: skip
    engine.dispose()
    full = 2
    assert asked == {
        "journal_mode": "wal", "synchronous": full, "foreign_keys": 1, "busy_timeout": 30_000, "secure_delete": 1,
    }  # fmt: skip


def test_a_full_disk_is_a_temporary_error_and_leaves_nothing(path: Path) -> None:
    night(path)
    before = dump(path)

    def fill(transaction: Transaction) -> None:
        transaction._connection.exec_driver_sql("PRAGMA max_page_count = 1")
        for day in range(200, 400):
            transaction.put_look(look(day), sha("new"))

    with pytest.raises(StoreError) as raised:
        write(path, fill)
    assert raised.value.code == "E1302"
    assert raised.value.temporary
    assert dump(path) == before


def test_a_mistake_of_the_caller_is_no_damage_of_the_file(path: Path) -> None:
    with pytest.raises(IntegrityError), opened(path) as (store, lease), store.transaction(lease) as transaction:
        transaction.put_sites(AOI, [site()])
        transaction.put_sites("oshima", [site()])


def test_a_store_that_is_not_open_says_so(path: Path) -> None:
    with pytest.raises(StoreError, match="context manager"):
        Store(path, fixed_clock(datetime(2025, 7, 1, tzinfo=UTC))).head()
