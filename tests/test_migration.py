"""A database of an older version is brought to this one, whole, with everything that was in it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from sat_monitor.core.casework import CaseStep
from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.home import Home
from sat_monitor.store.schema import VERSION
from sat_monitor.store.store import Store
from tests.case_world import desk, walked
from tests.store_world import AOI, NOW, execute, night

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"


@pytest.fixture
def today(tmp_path: Path) -> Path:
    path = tmp_path / "today.db"
    night(path)
    return path


#: How to make a file what each older version left, from one of the version after it.
BACK = {
    2: ("DROP TABLE cases",),
    1: ("DROP TABLE run_usage", "DROP TABLE run_listings", "ALTER TABLE rejections DROP COLUMN issue"),
}


@pytest.fixture(params=sorted(BACK))
def aged(today: Path, request: pytest.FixtureRequest) -> Path:
    """The same database as an older version left it."""
    path = today.with_name("aged.db")
    shutil.copyfile(today, path)
    for version in range(VERSION - 1, request.param - 1, -1):
        execute(path, *BACK[version])
    execute(path, f"UPDATE meta SET value = '{request.param}' WHERE key = 'version'")
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


def test_every_older_version_has_its_way_here() -> None:
    assert sorted(BACK) == list(range(1, VERSION))


def test_an_older_file_that_is_only_read_has_no_cases_and_is_verified(aged: Path, tmp_path: Path) -> None:
    shutil.copyfile(aged, Home(tmp_path).database)
    with Store(aged, fixed_clock(NOW), read_only=True) as store:
        assert store.cases() == []
    report = verify(Home(tmp_path))
    assert report.ok and report.cases == 0


def test_people_work_on_the_tickets_of_an_older_home(aged: Path) -> None:
    with desk(aged) as at:
        walked(at, "ticket-1", CaseStep.CLOSE)
        assert [case.id for case in at.cases(AOI)] == ["ticket-1"]
