"""The chain holds exactly where nothing was touched."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.domain import ChainHead, Event, EventDraft
from sat_monitor.store.ledger import GENESIS, canonical_json, event_sha256, first_broken, link
from tests.store_world import NOW

LENGTH = 6
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def chain(length: int = LENGTH) -> list[Event]:
    events: list[Event] = []
    prev = GENESIS
    for seq in range(1, length + 1):
        draft = EventDraft("site.suspected", "night", {"site": f"s{seq}", "area_m2": seq * 100 + 0.5, "名": "多摩"})
        events.append(link(draft, seq, NOW + timedelta(minutes=seq), prev))
        prev = events[-1].sha256
    return events


def head(events: list[Event]) -> ChainHead:
    return ChainHead(events[-1].seq, events[-1].sha256)


def relinked(events: list[Event], start: int) -> list[Event]:
    """The chain with all hashes from index `start` on made anew, as a forger would."""
    done = events[:start]
    for event in events[start:]:
        draft = EventDraft(event.kind, event.actor, json.loads(event.body))
        done.append(link(draft, len(done) + 1, event.at, done[-1].sha256 if done else GENESIS))
    return done


@given(JSON)
def test_canonical_json_read_back_and_written_again_is_the_same_text(value: Any) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text
    assert json.loads(text) == value


@given(st.dictionaries(st.text(), JSON, max_size=6), st.randoms())
def test_canonical_json_does_not_know_in_which_order_keys_came(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert canonical_json({key: value[key] for key in keys}) == canonical_json(value)


def test_canonical_json_has_no_spaces_sorted_keys_and_characters_as_they_are() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": {"名": True}}) == '{"a":{"名":true},"b":[1,2.5,null]}'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {"a": [math.nan]}])
def test_canonical_json_refuses_numbers_that_json_does_not_have(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json(value)


@pytest.mark.parametrize("value", [{1: "a"}, [{"a": {None: 1}}], ({True: 1},), {"a": {1, 2}}, b"bytes"])
def test_canonical_json_refuses_what_is_not_json_data(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_the_hash_covers_a_json_array_that_anybody_can_make_again() -> None:
    import hashlib

    event = chain(1)[0]
    array = [1, "2025-07-01T17:31:00Z", "night", "site.suspected", event.body, "0" * 64]
    text = json.dumps(array, ensure_ascii=False, separators=(",", ":"))
    assert event.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert event.prev_sha256 == GENESIS


def test_fields_cannot_be_shifted_into_one_another_under_one_hash() -> None:
    assert event_sha256(1, "t", "ab", "c", "{}", GENESIS) != event_sha256(1, "t", "a", "bc", "{}", GENESIS)


def test_an_untouched_chain_holds_with_and_without_any_of_its_heads() -> None:
    events = chain()
    assert first_broken([]) is None
    assert first_broken(events) is None
    for n in range(1, LENGTH + 1):
        assert first_broken(events, head(events[:n])) is None


@pytest.mark.parametrize("index", range(LENGTH))
@pytest.mark.parametrize(
    "change",
    [
        lambda e: {"body": e.body.replace("00.5", "01.5")},
        lambda e: {"at": e.at + timedelta(microseconds=1)},
        lambda e: {"actor": "day"},
        lambda e: {"kind": "site.confirmed"},
        lambda e: {"prev_sha256": e.prev_sha256[:-1] + ("1" if e.prev_sha256[-1] != "1" else "2")},
        lambda e: {"sha256": e.sha256[:-1] + ("1" if e.sha256[-1] != "1" else "2")},
        lambda e: {"seq": e.seq + 100},
    ],
    ids=["body", "at", "actor", "kind", "prev", "sha", "seq"],
)
def test_any_changed_field_is_found_at_its_own_seq(index: int, change: Any) -> None:
    events = chain()
    events[index] = replace(events[index], **change(events[index]))
    broken = first_broken(events)
    assert broken is not None
    assert broken.seq == index + 1
    assert broken.expected != broken.found
    assert f"seq {index + 1}:" in str(broken)


@pytest.mark.parametrize("index", range(LENGTH - 1))
def test_a_lost_event_is_found_where_it_is_missing(index: int) -> None:
    events = chain()
    del events[index]
    broken = first_broken(events)
    assert broken is not None
    assert (broken.seq, broken.found) == (index + 1, str(index + 2))


def test_swapped_and_doubled_events_are_found() -> None:
    events = chain()
    swapped = [events[0], events[2], events[1], *events[3:]]
    doubled = [*events[:3], events[2], *events[3:]]
    found = [first_broken(swapped), first_broken(doubled)]
    assert [None if broken is None else broken.seq for broken in found] == [2, 4]


def test_a_cut_tail_is_found_only_with_a_printed_head() -> None:
    events = chain()
    cut = events[:-2]
    assert first_broken(cut) is None
    broken = first_broken(cut, head(events))
    assert broken is not None
    assert broken.seq == LENGTH - 1
    assert str(head(events)) == broken.expected
    assert first_broken([], head(events)) is not None


def test_a_chain_that_a_forger_made_anew_holds_but_does_not_contain_the_printed_head() -> None:
    events = chain()
    forged = [*events]
    forged[2] = replace(forged[2], body=forged[2].body.replace("00.5", "01.5"))
    forged = relinked(forged, 2)
    assert first_broken(forged) is None
    broken = first_broken(forged, head(events))
    assert broken is not None
    assert (broken.seq, broken.expected) == (LENGTH, events[-1].sha256)


@given(st.data())
def test_no_random_tampering_with_one_event_goes_unnoticed(data: st.DataObject) -> None:
    events = chain()
    index = data.draw(st.integers(0, LENGTH - 1))
    name = data.draw(st.sampled_from(["actor", "kind", "body", "prev_sha256", "sha256"]))
    old = getattr(events[index], name)
    at = data.draw(st.integers(0, len(old) - 1))
    character = data.draw(st.characters(codec="utf-8").filter(lambda c: c != old[at]))
    events[index] = replace(events[index], **{name: old[:at] + character + old[at + 1 :]})
    broken = first_broken(events)
    assert broken is not None
    assert broken.seq == index + 1
