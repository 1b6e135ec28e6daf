"""A database of an older version is brought to this one, whole, with everything that was in it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from sat_monitor.store.schema import VERSION
from sat_monitor.store.store import Store
from tests.night_world import AOI_ID, CLOCK, Place, build


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = build(tmp_path_factory.mktemp("migration") / "home")
    made.night()
    return made


def aged(place: Place, root: Path) -> Path:
    """The database as version 1 left it."""
    path = root / place.home.database.name
    shutil.copyfile(place.home.database, path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE run_usage")
        connection.execute("DROP TABLE run_listings")
        connection.execute("ALTER TABLE rejections DROP COLUMN issue")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'version'")
    connection.close()
    return path


def test_nothing_is_lost_and_the_tables_are_those_of_today(place: Place, tmp_path: Path) -> None:
    path = aged(place, tmp_path)
    with Store(path, CLOCK) as store:
        assert [s.id for s in store.sites(AOI_ID)] == [s.id for s in place.sites()]
    with sqlite3.connect(path) as connection, sqlite3.connect(place.home.database) as fresh:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        assert connection.execute(tables).fetchall() == fresh.execute(tables).fetchall()
        for (name,) in connection.execute(tables).fetchall():
            columns = f"SELECT name FROM pragma_table_info('{name}') ORDER BY name"
            assert connection.execute(columns).fetchall() == fresh.execute(columns).fetchall(), name
        assert connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() == (str(VERSION),)
        events = "SELECT count(*), max(seq) FROM events"
        assert connection.execute(events).fetchone() == fresh.execute(events).fetchone()


def test_a_second_opening_changes_nothing(place: Place, tmp_path: Path) -> None:
    path = aged(place, tmp_path)
    for _ in range(2):
        with Store(path, CLOCK) as store:
            assert store.sites(AOI_ID)
