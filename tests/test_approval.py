"""Profiles: a night uses the shipped one and those that a named person approved with a reason."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sat_monitor.approval import MAX_NAME, approvals, approve, profiles_of, record_use
from sat_monitor.audit import verify
from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.errors import ProfileError, StoreError, UsageError
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.store.store import Lease, Store

CLOCK = fixed_clock(datetime(2026, 9, 1, tzinfo=UTC))
OTHER = Profile.model_validate({"name": "strict", "lifecycle": {"confirm_hits": 6}})
Shelf = tuple[Store, Lease]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def shelf(home: Home) -> Iterator[Shelf]:
    with Store(home.database, CLOCK) as store, store.lease("test", 60) as lease:
        yield store, lease


def kinds(shelf: Shelf) -> list[str]:
    return [event.kind for event in shelf[0].events()]


def test_the_shipped_profile_is_used_without_approval_and_told_once(shelf: Shelf) -> None:
    for _ in range(2):
        record_use(shelf, Profile(), "night")
    assert kinds(shelf) == ["profile.shipped"]


def test_another_profile_is_refused_before_anything_is_written_and_the_error_says_what_to_do(shelf: Shelf) -> None:
    with pytest.raises(ProfileError, match=r"E1602.*sat-monitor profile approve"):
        record_use(shelf, OTHER, "night")
    assert kinds(shelf) == []


def test_an_approved_profile_is_used_and_the_first_use_is_told_once(shelf: Shelf) -> None:
    approve(shelf, OTHER, "Sato Hanako", "fewer false sites in the tama valley")
    for _ in range(2):
        record_use(shelf, OTHER, "night")
    assert kinds(shelf) == ["profile.approved", "profile.loaded"]


def test_the_approval_of_one_profile_is_none_of_another_of_its_name(shelf: Shelf) -> None:
    approve(shelf, OTHER, "Sato Hanako", "tried on two months")
    namesake = Profile.model_validate({"name": OTHER.name, "lifecycle": {"confirm_hits": 7}})
    with pytest.raises(ProfileError, match="E1602"):
        record_use(shelf, namesake, "night")


def test_a_shipped_profile_of_an_earlier_release_must_be_approved(shelf: Shelf) -> None:
    """The name alone approves nothing: only the profile of this release is approved by it."""
    earlier = Profile.model_validate({"name": "default", "evidence": {"alarm_score": 3.5}})
    with pytest.raises(ProfileError, match="E1602"):
        record_use(shelf, earlier, "night")


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("  ", "why"), ("Sato", " "), ("x" * (MAX_NAME + 1), "why")])
def test_a_person_and_a_reason_are_needed(shelf: Shelf, by: str, reason: str) -> None:
    with pytest.raises(UsageError, match="E2001"):
        approve(shelf, OTHER, by, reason)
    assert kinds(shelf) == []


def test_the_shipped_profile_needs_no_approval_and_takes_none(shelf: Shelf) -> None:
    with pytest.raises(UsageError, match="its release approves it"):
        approve(shelf, Profile(), "Sato", "why not")


def test_names_and_reasons_are_in_no_event_and_can_be_erased_while_the_chain_holds(home: Home, shelf: Shelf) -> None:
    event = approve(shelf, OTHER, "Sato Hanako", "a reason in free text")
    assert "Sato" not in event.body and "free text" not in event.body
    [told] = approvals(shelf[0])
    assert (told.by, told.reason, told.what, told.sha256) == (
        "Sato Hanako", "a reason in free text", "approved", OTHER.sha256,
    )  # fmt: skip
    with shelf[0].transaction(shelf[1]) as transaction:
        assert transaction.forget_person(json.loads(event.body)["by"])
    [told] = approvals(shelf[0])
    assert (told.by, told.reason) == (None, "a reason in free text")
    assert verify(home).ok
    record_use(shelf, OTHER, "night")  # what was approved stays approved


def test_the_same_name_has_another_commitment_every_time(shelf: Shelf) -> None:
    one, other = (json.loads(approve(shelf, OTHER, "Sato", "why").body) for _ in range(2))
    assert one["by"] != other["by"] and one["reason"] != other["reason"]


def test_every_profile_of_the_history_is_known_newest_first(shelf: Shelf) -> None:
    record_use(shelf, Profile(), "night")
    approve(shelf, OTHER, "Sato", "why")
    assert profiles_of(shelf[0]) == [OTHER, Profile()]


def test_a_store_that_is_read_only_cannot_be_written(home: Home, shelf: Shelf) -> None:
    approve(shelf, OTHER, "Sato", "why")
    with Store(home.database, CLOCK, read_only=True) as store:
        assert [event.kind for event in store.events()] == ["profile.approved"]
        with pytest.raises(StoreError, match="reading only"), store.lease("what-if", 60):
            pass
    with sqlite3.connect(home.database) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
