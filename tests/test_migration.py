"""A database of an older version is brought to this one, whole, with everything that was in it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sat_monitor.core.clock import fixed_clock
from sat_monitor.store.schema import VERSION
from sat_monitor.store.store import Store
from tests.store_world import AOI, NOW, execute, night

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"


@pytest.fixture
def today(tmp_path: Path) -> Path:
    path = tmp_path / "today.db"
    night(path)
    return path


@pytest.fixture
def aged(today: Path) -> Path:
    """The same database as version 1 left it."""
    path = today.with_name("aged.db")
    shutil.copyfile(today, path)
    execute(
        path,
        "DROP TABLE run_usage",
        "DROP TABLE run_listings",
        "ALTER TABLE rejections DROP COLUMN issue",
        "UPDATE meta SET value = '1' WHERE key = 'version'",
    )
    return path


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Columns and rows of every table."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute(_TABLES)]
        columns = {
            n: sorted(c for (c,) in connection.execute(f"SELECT name FROM pragma_table_info('{n}')")) for n in names
        }
        return {
            n: [tuple(c), *connection.execute(f"SELECT {', '.join(c)} FROM {n} ORDER BY 1, 2")]
            for n, c in columns.items()
        }


def test_nothing_is_lost_and_the_tables_are_those_of_today(today: Path, aged: Path) -> None:
    with Store(aged, fixed_clock(NOW)) as store:
        assert store.sites(AOI) and store.looks(AOI)
    assert content(aged) == content(today)
    assert ("version", str(VERSION)) in content(aged)["meta"]


def test_a_second_opening_changes_nothing(aged: Path) -> None:
    with Store(aged, fixed_clock(NOW)):
        before = content(aged)
    with Store(aged, fixed_clock(NOW)):
        assert content(aged) == before
