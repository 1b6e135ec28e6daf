"""The lease: one night at a time, and a late one cannot commit."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from sat_monitor.core.clock import fixed_clock, system_clock
from sat_monitor.core.errors import StoreError
from sat_monitor.store.store import Store
from tests.store_world import (
    NOW,
    MovingClock,
    draft,
    dump,
    execute,
    night,
    opened,
    scene,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sat_monitor.db"


def _killed_in_a_transaction(path: Path) -> None:
    with opened(path, system_clock) as (store, lease), store.transaction(lease) as transaction:
        transaction.append(draft(7))
        transaction.put_scene(scene(7))
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_night_leaves_nothing_and_locks_nobody_out(path: Path) -> None:
    night(path)
    before = dump(path)
    process = multiprocessing.get_context("spawn").Process(target=_killed_in_a_transaction, args=(path,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert dump(path) == before
    with Store(path, system_clock) as store, store.lease("night", 60) as lease:
        assert lease.number == 3


def test_a_live_lease_keeps_others_out_and_nothing_changes(path: Path) -> None:
    with opened(path) as (_, lease), Store(path, fixed_clock(NOW)) as other:
        assert (lease.number, lease.holder, lease.expires_at) == (1, "night", NOW + timedelta(hours=1))
        with pytest.raises(StoreError) as raised, other.lease("night", 60):
            pass
        assert raised.value.code == "E1701"
        assert "night" in raised.value.what


def test_the_number_of_the_lease_grows_by_one_each_time(path: Path) -> None:
    with Store(path, fixed_clock(NOW)) as store:
        numbers = []
        for _ in range(3):
            with store.lease("night", 60) as lease:
                numbers.append(lease.number)
    assert numbers == [1, 2, 3]


def test_the_lease_is_given_back_on_an_error_too(path: Path) -> None:
    with Store(path, fixed_clock(NOW)) as store:
        with pytest.raises(RuntimeError), store.lease("night", 3600):
            raise RuntimeError
        with store.lease("other", 60) as lease:
            assert lease.number == 2


def test_a_paused_night_cannot_commit_after_its_lease_was_taken_over(path: Path) -> None:
    clock = MovingClock()
    with opened(path, clock) as (old, stale):
        with pytest.raises(StoreError) as raised, old.transaction(stale) as transaction:
            transaction.append(draft(1))
            # The takeover must come from elsewhere, and the database lets one writer in at a time.
            transaction._connection.exec_driver_sql("UPDATE run_lease SET number = 2, holder = 'newer'")
        assert raised.value.code == "E1702"
        assert old.head() is None
        clock.at += timedelta(hours=2)
        with Store(path, clock) as new, new.lease("newer", 3600) as lease:
            with pytest.raises(StoreError) as refused, old.transaction(stale):
                pytest.fail("a stale lease came in")
            assert refused.value.code == "E1702"
            assert "newer" in refused.value.what
            with new.transaction(lease) as transaction:
                transaction.append(draft(2))
        assert [event.body for event in old.events()] == ['{"number":2}']


def test_a_stale_holder_does_not_give_back_the_lease_of_the_newer_one(path: Path) -> None:
    clock = MovingClock()
    with Store(path, clock) as new:
        with opened(path, clock):
            clock.at += timedelta(hours=2)
            taken = new.lease("newer", 3600)
            lease = taken.__enter__()
        with new.transaction(lease) as transaction:
            transaction.append(draft())
        taken.__exit__(None, None, None)


def test_a_lease_that_was_given_back_is_worth_nothing(path: Path) -> None:
    with Store(path, fixed_clock(NOW)) as store:
        with store.lease("night", 60) as lease:
            pass
        with pytest.raises(StoreError, match="E1702"), store.transaction(lease):
            pytest.fail("it came in")


@pytest.mark.parametrize(
    ("process", "free"),
    [
        ("{node}:{dead}:0123", True),
        ("{node}:1:0123", False),
        ("another-machine:{dead}:0123", False),
        ("{node}:{own}:0123", True),
    ],
    ids=["dead", "living", "of another machine", "an earlier process of our number"],
)
def test_a_lease_ends_with_its_process_as_far_as_this_machine_can_tell(path: Path, process: str, free: bool) -> None:
    with opened(path) as (store, _), Store(path, fixed_clock(NOW)) as other:
        known = process.format(node=os.uname().nodename, dead=_dead_process(), own=os.getpid())
        execute(path, f"UPDATE run_lease SET process = '{known}'")
        if free:
            with other.lease("night", 60) as lease:
                assert lease.number == 2
        else:
            with pytest.raises(StoreError, match="E1701"), other.lease("night", 60):
                pytest.fail("it was taken")
        assert store.head() is None


def _dead_process() -> int:
    process = multiprocessing.get_context("spawn").Process(target=int)
    process.start()
    process.join(60)
    assert process.pid is not None
    return process.pid
