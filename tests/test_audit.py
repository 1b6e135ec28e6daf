"""The audit finds whatever was touched behind the store's back, and nothing where nothing was."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sat_monitor.audit import parse_head, verify
from sat_monitor.core.domain import ChainHead, EventDraft
from sat_monitor.core.errors import StoreError, UsageError
from sat_monitor.core.home import Home
from sat_monitor.store.history import open_history
from tests.store_world import AOI, dump, execute, look, night, opened, record_look, scene, sha

UNLOCK = ("DROP TRIGGER events_no_update", "DROP TRIGGER events_no_delete")
EVENTS = 11


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    night(home.database)
    return home


def head_of(home: Home) -> ChainHead:
    report = verify(home)
    assert report.head is not None
    return report.head


def tamper(home: Home, statement: str) -> None:
    """Change events as one who has the file can: triggers off, and on again."""
    with closing(sqlite3.connect(home.database)) as connection:
        triggers = [row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
    execute(home.database, *UNLOCK, statement, *triggers)


def test_an_untouched_history_is_verified_and_counted(home: Home) -> None:
    report = verify(home)
    assert report.ok
    assert (report.events, report.looks, report.scenes) == (EVENTS, 5, 5)
    assert report.lines()[-1] == "verified"
    assert f"head: {report.head}" in report.lines()
    assert verify(home, report.head).ok


def test_an_empty_history_is_verified(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with opened(home.database):
        pass
    assert verify(home).ok
    assert not verify(home, ChainHead(1, sha("x"))).ok


@pytest.mark.parametrize("seq", [1, 4, EVENTS])
def test_one_changed_digit_in_one_body_is_found_with_its_seq(home: Home, seq: int) -> None:
    with closing(sqlite3.connect(home.database)) as connection:
        body = connection.execute("SELECT body FROM events WHERE seq = ?", (seq,)).fetchone()[0]
    digit = next(character for character in body if character.isdigit())
    changed = body.replace(digit, str((int(digit) + 1) % 10), 1)
    tamper(home, f"UPDATE events SET body = '{changed}' WHERE seq = {seq}")
    report = verify(home)
    assert not report.ok
    assert report.broken is not None
    assert report.broken.seq == seq
    assert any(line.startswith("E1703") and f"seq {seq}:" in line for line in report.lines())
    assert report.events == EVENTS


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        ("UPDATE events SET at = '2025-07-01T17:30:01Z' WHERE seq = 3", 3),
        ("UPDATE events SET at = '2025-07-01T17:30:00.000000Z' WHERE seq = 3", 3),
        ("UPDATE events SET at = '2025-07-02T02:30:00+09:00' WHERE seq = 3", 3),
        ("UPDATE events SET at = 'yesterday' WHERE seq = 3", 3),
        ("UPDATE events SET at = x'ff00' WHERE seq = 3", 3),
        ("UPDATE events SET body = x'ff00' WHERE seq = 3", 3),
        ("UPDATE events SET body = CAST(x'ff00' AS TEXT) WHERE seq = 3", 3),
        ("UPDATE events SET body = '[' WHERE seq = 2", 2),
        ("UPDATE events SET kind = 'scene.lost' WHERE seq = 5", 5),
        ("UPDATE events SET prev_sha256 = upper(prev_sha256) WHERE seq = 7", 7),
        ("UPDATE events SET seq = 99 WHERE seq = 4", 4),
        ("UPDATE events SET seq = -1 WHERE seq = 1", 1),
        ("DELETE FROM events WHERE seq = 6", 6),
    ],
)
def test_every_other_tampering_is_found_with_its_seq(home: Home, change: str, seq: int) -> None:
    tamper(home, change)
    report = verify(home)
    assert report.broken is not None
    assert report.broken.seq == seq


def test_a_cut_tail_is_found_by_the_head_of_a_page(home: Home) -> None:
    head = head_of(home)
    tamper(home, f"DELETE FROM events WHERE seq = {EVENTS}")
    assert verify(home).ok
    report = verify(home, head)
    assert report.broken is not None
    assert report.broken.seq == EVENTS


def test_the_head_of_an_older_page_still_verifies_after_another_night(home: Home) -> None:
    head = head_of(home)
    night(home.database, range(6, 9))
    assert verify(home, head).ok
    assert not verify(home, ChainHead(head.seq, sha("another"))).ok


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE looks SET plain = replace(plain, '4.25', '9.25') WHERE scene_id = 'S1A_003'", "look S1A_003"),
        ("UPDATE looks SET plain = 'x' WHERE scene_id = 'S1A_003'", "look S1A_003"),
        ("UPDATE looks SET inputs_sha256 = 'x' WHERE scene_id = 'S1A_003'", "look S1A_003"),
        ("DELETE FROM looks WHERE scene_id = 'S1A_003'", "look S1A_003"),
        ("UPDATE looks SET scene_id = 'S1A_009' WHERE scene_id = 'S1A_003'", "look S1A_003"),
        (f"UPDATE scenes SET plain = replace(plain, '{sha('file S1A_002')}', 'x')", "scene S1A_002"),
        (f"UPDATE scenes SET plain = replace(plain, '{sha('pixels S1A_002')}', 'x')", "scene S1A_002"),
        ("UPDATE scenes SET plain = '[]' WHERE id = 'S1A_002'", "scene S1A_002"),
        ("DELETE FROM scenes WHERE id = 'S1A_002'", "scene S1A_002"),
        ("DROP TRIGGER events_no_delete", "trigger events_no_delete"),
    ],
)
def test_a_row_that_the_history_does_not_tell_of_is_named(home: Home, change: str, what: str) -> None:
    execute(home.database, change)
    report = verify(home)
    assert report.broken is None
    assert not report.ok
    assert any(what in line for line in report.differing)


def test_a_look_that_was_made_anew_is_compared_with_its_newest_event(home: Home) -> None:
    with opened(home.database) as (store, lease), store.transaction(lease) as transaction:
        record_look(transaction, look(2, score=7.0), sha("late scene"))
    assert verify(home).ok


def test_a_lost_scene_takes_its_look_and_a_restored_one_keeps_its_pixels(home: Home) -> None:
    lost, restored = scene(2), scene(3)
    with opened(home.database) as (store, lease), store.transaction(lease) as transaction:
        transaction.append(EventDraft("scene.lost", "night", {"scene": lost.id, "aoi": AOI}))
        transaction.remove_look(AOI, lost.id)
        transaction.append(EventDraft("scene.restored", "night", {"scene": restored.id, "aoi": AOI}))
    execute(home.database, f"UPDATE scenes SET plain = replace(plain, '{restored.file_sha256}', '{sha('new bytes')}')")
    assert verify(home).ok
    execute(home.database, f"UPDATE scenes SET plain = replace(plain, '{restored.pixels_sha256}', '{sha('other')}')")
    assert not verify(home).ok


def test_no_random_tampering_with_an_event_goes_unnoticed(home: Home) -> None:
    """Edits of random bytes, the head being known: the share that is found must be all of them."""
    head = head_of(home)
    dice = random.Random(20250701)
    columns = ("at", "actor", "kind", "body", "prev_sha256", "sha256")
    execute(home.database, *UNLOCK)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as connection:
        for _ in range(150):
            seq, column = dice.randint(1, EVENTS), dice.choice(columns)
            old = connection.execute(f"SELECT {column} FROM events WHERE seq = {seq}").fetchone()[0]
            place = dice.randrange(len(old))
            new = old[:place] + chr((ord(old[place]) + dice.randint(1, 90)) % 128) + old[place + 1 :]
            connection.execute(f"UPDATE events SET {column} = ? WHERE seq = {seq}", (new,))
            broken = verify(home, head).broken
            assert broken is not None and broken.seq == seq, (seq, column, new)
            connection.execute(f"UPDATE events SET {column} = ? WHERE seq = {seq}", (old,))
    assert verify(home, head).broken is None


def test_the_audit_changes_nothing(home: Home) -> None:
    before = home.database.read_bytes(), dump(home.database)
    verify(home)
    assert (home.database.read_bytes(), dump(home.database)) == before


def test_an_audit_beside_a_running_night_sees_whole_transactions_only(home: Home) -> None:
    with opened(home.database) as (store, lease), store.transaction(lease) as transaction:
        transaction.put_look(look(9), sha("inputs"))
        report = verify(home)
    assert report.ok
    assert report.looks == 5


def test_a_night_that_commits_during_an_audit_does_not_show_up_half(home: Home) -> None:
    with open_history(home.database) as history:
        assert len(list(history.events())) == EVENTS
        night(home.database, range(6, 7))
        assert len(list(history.looks())) == 5
    assert verify(home).looks == 6


def test_the_store_does_not_hand_out_an_event_whose_time_is_none(home: Home) -> None:
    tamper(home, "UPDATE events SET at = 'yesterday' WHERE seq = 3")
    with opened(home.database) as (store, _), pytest.raises(StoreError, match=r"E1703.*seq 3"):
        list(store.events())


def test_a_missing_or_damaged_database_is_an_error_of_its_own(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="E2002"):
        verify(Home(tmp_path / "elsewhere"))
    home.database.write_bytes(home.database.read_bytes()[:5000])
    with pytest.raises(StoreError, match="E1704"):
        verify(home)


def test_a_head_is_read_as_it_is_printed() -> None:
    assert parse_head(f" 12:{sha('x').upper()}\n") == ChainHead(12, sha("x"))
    assert parse_head(str(ChainHead(7, sha("y")))) == ChainHead(7, sha("y"))


@pytest.mark.parametrize(
    "text", ["", "12", f"0:{sha('x')}", f"-1:{sha('x')}", f"1:{sha('x')[1:]}", f"x:{sha('x')}", f"٣:{sha('x')}"]
)
def test_what_is_not_a_head_is_wrong_use(text: str) -> None:
    with pytest.raises(UsageError, match="E2001"):
        parse_head(text)
