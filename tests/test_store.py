"""The store: one writer, all or nothing, a history that nobody edits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.domain import ChainHead, EventDraft, SiteStatus
from sat_monitor.core.errors import TicketError
from sat_monitor.store.ledger import GENESIS, first_broken
from sat_monitor.store.store import Store, Transaction
from sat_monitor.store.transaction import NO_LONGER_FOLLOWS
from tests.store_world import (
    AOI,
    NOW,
    MovingClock,
    draft,
    dump,
    execute,
    look,
    night,
    opened,
    scene,
    sha,
    site,
    ticket,
    write,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sat_monitor.db"


# The history


def test_events_are_linked_from_the_genesis_and_the_head_is_the_newest(path: Path) -> None:
    with opened(path) as (store, lease):
        assert store.head() is None
        with store.transaction(lease) as transaction:
            first, second = transaction.append(draft(1)), transaction.append(draft(2))
        assert (first.seq, first.prev_sha256, second.prev_sha256) == (1, GENESIS, first.sha256)
        assert store.head() == ChainHead(2, second.sha256)
        assert list(store.events()) == [first, second]
        assert list(store.events(after_seq=1)) == [second]
        assert first_broken(store.events(), store.head()) is None


def test_the_time_of_an_event_never_runs_backwards(path: Path) -> None:
    clock = MovingClock()
    with opened(path, clock) as (store, lease):
        for hours in (0, -2, 1):
            clock.at = NOW + timedelta(hours=hours)
            with store.transaction(lease) as transaction:
                transaction.append(draft())
        assert [event.at - NOW for event in store.events()] == [timedelta(0), timedelta(0), timedelta(hours=1)]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE events SET body = '{}' WHERE seq = 2", "DELETE FROM events WHERE seq = 5", "DELETE FROM events"],
)
def test_events_can_be_neither_changed_nor_deleted(path: Path, statement: str) -> None:
    night(path)
    before = dump(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        execute(path, statement)
    assert dump(path) == before


def test_an_event_that_is_not_plain_data_leaves_nothing(path: Path) -> None:
    with opened(path) as (store, lease):
        for body in ({"x": float("nan")}, {"x": "\ud800"}):
            with pytest.raises(ValueError), store.transaction(lease) as transaction:
                transaction.append(EventDraft("test.said", "tester", body))
        assert store.head() is None


def test_a_profile_is_known_from_the_event_that_brings_its_text(path: Path) -> None:
    body = {"name": "strict", "sha256": sha("profile"), "toml": "name = 'strict'"}
    with opened(path) as (store, lease):
        assert not store.has_profile(sha("profile"))
        for kind in ("profile.loaded", "profile.shipped"):
            with store.transaction(lease) as transaction:
                transaction.append(EventDraft(kind, "night", body))
        with store.transaction(lease) as transaction:
            transaction.append(EventDraft("profile.approved", "analyst", {"sha256": sha("other")}))
        assert store.has_profile(sha("profile"))
        assert not store.has_profile(sha("other"))


# All or nothing


def test_a_crash_in_a_transaction_leaves_nothing(path: Path) -> None:
    night(path)
    before = dump(path)

    def crash(transaction: Transaction) -> None:
        transaction.append(draft())
        transaction.put_scene(scene(99))
        transaction.put_look(look(99), sha("new"))
        transaction.put_sites(AOI, [])
        transaction.put_tickets(AOI, [])
        transaction.enqueue("new", "ticket-1", "folder", {})
        raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        write(path, crash)
    assert dump(path) == before
    with opened(path) as (store, lease), store.transaction(lease) as transaction:
        assert transaction.append(draft()).seq == len([line for line in before if 'INTO "events"' in line]) + 1


def test_a_night_that_is_repeated_changes_no_row_but_those_of_runs(path: Path) -> None:
    clock = MovingClock()
    night(path, clock=clock)
    before = dump(path)
    clock.at += timedelta(days=1)
    night(path, clock=clock)
    assert dump(path) == before
    with Store(path, clock) as store:
        runs = store.runs()
    assert [run["at"] for run in runs] == ["2025-07-01T17:30:00Z", "2025-07-02T17:30:00Z"]
    assert runs[0] == {"at": "2025-07-01T17:30:00Z", "kind": "night", "degraded": False}


def test_every_put_says_whether_it_changed_anything(path: Path) -> None:
    steps: list[Callable[[Transaction], object]] = [
        lambda t: t.put_scene(scene()),
        lambda t: t.put_rejection(AOI, "S1A_009", "folder", "E1208", "no valid pixel"),
        lambda t: t.put_look(look(), sha("inputs")),
        lambda t: t.put_sites(AOI, [site()]),
        lambda t: t.put_tickets(AOI, [ticket()]),
        lambda t: t.enqueue("k", "ticket-1", "folder", {"aoi": AOI}),
        lambda t: t.mark_delivered("k", {"pdf_sha256": sha("pdf")}),
    ]
    assert write(path, *steps) == [True] * len(steps)
    before = dump(path)
    assert write(path, *steps) == [False] * len(steps)
    assert dump(path) == before


# Nouns


def test_nouns_come_back_as_they_were_put_in_their_order(path: Path) -> None:
    merged = replace(site("site-0"), merged_into="site-1", status=SiteStatus.FINISHED)
    with opened(path) as (store, lease):
        with store.transaction(lease) as transaction:
            for day in (3, 1, 2):
                transaction.put_scene(scene(day))
                transaction.put_look(look(day), sha(str(day)))
            transaction.put_scene(scene(1, "oshima"))
            transaction.put_sites(AOI, [site(), merged])
            transaction.put_sites("oshima", [site("site-9", "oshima")])
            transaction.put_tickets(AOI, [ticket("b"), ticket("a")])
        assert store.scenes(AOI) == [scene(1), scene(2), scene(3)]
        assert store.looks(AOI) == [look(1), look(2), look(3)]
        assert store.look_inputs(AOI) == {look(day).scene_id: sha(str(day)) for day in (1, 2, 3)}
        assert store.sites(AOI) == [merged, site()]
        assert [each.id for each in store.sites()] == ["site-0", "site-1", "site-9"]
        assert store.tickets(AOI) == store.tickets() == [ticket("a"), ticket("b")]
        assert store.tickets("oshima") == []
        assert (store.site("site-0"), store.ticket("b")) == (merged, ticket("b"))


def test_scenes_and_looks_come_in_the_order_of_their_times_not_of_their_ids(path: Path) -> None:
    late_scene, late_look = replace(scene(5), id="A"), replace(look(5), scene_id="A")
    with opened(path) as (store, lease):
        with store.transaction(lease) as transaction:
            for one, seen in ((late_scene, late_look), (scene(1), look(1))):
                transaction.put_scene(one)
                transaction.put_look(seen, sha("inputs"))
        assert store.scenes(AOI) == [scene(1), late_scene]
        assert store.looks(AOI) == [look(1), late_look]


def test_an_unknown_ticket_or_site_is_named(path: Path) -> None:
    with Store(path, fixed_clock(NOW)) as store:
        for ask in (store.ticket, store.site):
            with pytest.raises(TicketError, match=r"E1801.*'no-such'"):
                ask("no-such")


def test_a_look_with_other_inputs_is_another_look(path: Path) -> None:
    done = write(
        path,
        lambda t: t.put_look(look(), sha("a")),
        lambda t: t.put_look(look(), sha("b")),
        lambda t: t.put_look(look(score=5.0), sha("b")),
        lambda t: t.put_look(look(score=5.0), sha("b")),
        lambda t: t.remove_look(AOI, look().scene_id),
        lambda t: t.remove_look(AOI, look().scene_id),
    )
    assert done == [True, True, True, False, True, False]


def test_the_site_table_of_an_aoi_is_replaced_as_a_whole_and_others_stay(path: Path) -> None:
    with opened(path) as (store, lease):

        def put(*sites: Any) -> bool:
            with store.transaction(lease) as transaction:
                return transaction.put_sites(AOI, list(sites))

        with store.transaction(lease) as transaction:
            transaction.put_sites("oshima", [site("o", "oshima")])
        assert put(site("a"), site("b"))
        assert not put(site("b"), site("a"))
        assert put(site("a"), replace(site("b"), quiet_looks=1))
        assert put(site("a"))
        assert not put(site("a"))
        assert store.sites() == [site("a"), site("o", "oshima")]


def test_sites_that_were_rolled_back_are_written_the_next_time(path: Path) -> None:
    one = site()
    with opened(path) as (store, lease):
        with pytest.raises(RuntimeError), store.transaction(lease) as transaction:
            transaction.put_sites(AOI, [one])
            raise RuntimeError
        with store.transaction(lease) as transaction:
            assert transaction.put_sites(AOI, [one])
        assert store.sites() == [one]


@pytest.mark.parametrize(("code", "kept"), [("E1101", False), ("E1302", False), ("E1208", True)])
def test_an_archived_scene_ends_a_rejection_that_was_temporary(path: Path, code: str, kept: bool) -> None:
    with opened(path) as (store, lease):
        with store.transaction(lease) as transaction:
            transaction.put_rejection(AOI, scene(1).id, "folder", code, "why")
            transaction.put_rejection(AOI, scene(2).id, "folder", code, "why")
            transaction.put_scene(scene(1))
        rows = [(row.scene_id, row.source_id, row.code, row.what) for row in store.rejections(AOI)]
        other = (scene(2).id, "folder", code, "why")
        assert rows == ([(scene(1).id, "folder", code, "why")] if kept else []) + [other]
        assert store.rejections("oshima") == []


def test_a_rejection_with_another_reason_is_news(path: Path) -> None:
    done = write(
        path,
        lambda t: t.put_rejection(AOI, "s", "folder", "E1101", "truncated"),
        lambda t: t.put_rejection(AOI, "s", "folder", "E1101", "truncated"),
        lambda t: t.put_rejection(AOI, "s", "folder", "E1105", "does not decode"),
        lambda t: t.remove_rejection(AOI, "s"),
        lambda t: t.remove_rejection(AOI, "s"),
    )
    assert done == [True, False, True, True, False]


# Tickets and the outbox


def test_the_outbox_gives_what_is_due_by_key_until_it_is_delivered(path: Path) -> None:
    with opened(path) as (store, lease):
        with store.transaction(lease) as transaction:
            assert transaction.enqueue("b:folder", "b", "folder", {"aoi": AOI})
            assert transaction.enqueue("a:folder", "a", "folder", {})
            assert not transaction.enqueue("b:folder", "b", "folder", {"aoi": "another"})
        due = store.outbox_due()
        assert [(row.key, row.ticket_id, row.sink) for row in due] == [
            ("a:folder", "a", "folder"),
            ("b:folder", "b", "folder"),
        ]
        assert due[1].payload == {"aoi": AOI}
        with store.transaction(lease) as transaction:
            assert transaction.mark_delivered("a:folder", {"pdf_sha256": sha("pdf")})
            assert not transaction.mark_delivered("a:folder", {"pdf_sha256": sha("again")})
            assert not transaction.mark_delivered("unknown", {})
            assert not transaction.enqueue("a:folder", "a", "folder", {})
        assert [row.key for row in store.outbox_due()] == ["b:folder"]


def _kinds(store: Store) -> list[str]:
    return [event.kind for event in store.events()]


def test_a_ticket_that_nobody_has_goes_with_its_outbox_row(path: Path) -> None:
    with opened(path) as (store, lease):
        with store.transaction(lease) as transaction:
            transaction.put_tickets(AOI, [ticket()])
            transaction.enqueue("k", "ticket-1", "folder", {})
        with store.transaction(lease) as transaction:
            assert transaction.put_tickets(AOI, [])
        assert store.tickets() == []
        assert store.outbox_due() == []
        assert _kinds(store) == []


def test_a_delivered_ticket_that_is_gone_is_withdrawn_once_and_can_come_back(path: Path) -> None:
    with opened(path) as (store, lease):

        def put(*tickets: Any) -> bool:
            with store.transaction(lease) as transaction:
                return transaction.put_tickets(AOI, list(tickets))

        put(ticket())
        with store.transaction(lease) as transaction:
            transaction.enqueue("k", "ticket-1", "folder", {})
            transaction.mark_delivered("k", {})
        assert put()
        assert store.ticket("ticket-1") == replace(ticket(), withdrawn_reason=NO_LONGER_FOLLOWS)
        assert not put()
        assert _kinds(store) == ["ticket.withdrawn"]
        assert put(ticket())
        assert store.ticket("ticket-1") == ticket()
        assert not put(ticket())
        assert _kinds(store) == ["ticket.withdrawn", "ticket.reinstated"]
        assert put()
        assert _kinds(store) == ["ticket.withdrawn", "ticket.reinstated", "ticket.withdrawn"]
        assert next(event.body for event in store.events()) == (
            '{"reason":"no longer follows from the looks","site":"site-1","ticket":"ticket-1"}'
        )


def test_a_ticket_that_was_withdrawn_for_another_reason_keeps_it(path: Path) -> None:
    merged = replace(ticket(), withdrawn_reason="merged into site-2")
    with opened(path) as (store, lease):
        with store.transaction(lease) as transaction:
            transaction.put_tickets(AOI, [merged])
            transaction.enqueue("k", "ticket-1", "folder", {})
            transaction.mark_delivered("k", {})
        with store.transaction(lease) as transaction:
            assert not transaction.put_tickets(AOI, [])
        assert store.tickets() == [merged]
        assert _kinds(store) == []


# People


def test_what_is_known_of_a_person_can_be_erased_and_the_history_still_holds(path: Path) -> None:
    name = "Hachioji Hanako, rang on 3 May"
    with opened(path) as (store, lease):
        with store.transaction(lease) as transaction:
            commitment, other = transaction.remember_person(name), transaction.remember_person(name)
            transaction.append(EventDraft("case.noted", "inspector", {"note": commitment}))
        assert commitment != other
        assert store.person(commitment) == name
        with store.transaction(lease) as transaction:
            assert transaction.forget_person(commitment)
            assert transaction.forget_person(other)
            assert not transaction.forget_person(commitment)
        assert store.person(commitment) is None
        assert first_broken(store.events(), store.head()) is None
    assert all(name.encode() not in file.read_bytes() for file in path.parent.iterdir())
