"""Laws of the way from change maps to sites and tickets: alarms, arrival, causality (METHOD 8, 9 and 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import pairwise
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_monitor.change_detect.evidence import EvidenceState
from sat_monitor.core.profile import Profile
from sat_monitor.fold import DetectedLook
from sat_monitor.sites.lifecycle import SiteTable, fold
from tests.field_world import Told, fold_of, looks_of, tell, told_to, worlds

some = settings(max_examples=25, deadline=None)
alarms = st.lists(st.sampled_from((-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.5, 7.0, 9.0)), min_size=2, max_size=2, unique=True)


def profile(alarm: float = 1.0, hold_above: int = 200) -> Profile:
    return Profile.model_validate(
        {
            "evidence": {"alarm_score": alarm, "outline_score": -1.0},
            "lifecycle": {"confirm_hits": 2, "lapse_days": 20, "finish_days": 30, "finish_looks": 1},
            "tickets": {"hold_above": hold_above, "kinds": ["earthwork", "construction", "vegetation_loss", "change"]},
        }
    )


def hit_anchors(done: DetectedLook) -> set[tuple[int, int]]:
    return {candidate.anchor for candidate in done.look.candidates if candidate.hit}


def assert_only_removes(loose: Sequence[DetectedLook], strict: Sequence[DetectedLook]) -> None:
    """The stricter run has the same outlines and sites, and a subset of hits, confirmations and tickets, none earlier."""
    for one, other in zip(loose, strict, strict=True):
        assert [c.outline for c in one.look.candidates] == [c.outline for c in other.look.candidates]
        assert [c.kind for c in one.look.candidates] == [c.kind for c in other.look.candidates]
        assert hit_anchors(other) <= hit_anchors(one)
    before, after = loose[-1].step.table, strict[-1].step.table
    assert {i: (s.outline, s.merged_into) for i, s in before.sites.items()} == {
        i: (s.outline, s.merged_into) for i, s in after.sites.items()
    }
    for site_id, site in after.sites.items():
        if site.first_confirmed_at is not None:
            first = before.sites[site_id].first_confirmed_at
            assert first is not None and first <= site.first_confirmed_at
    opened = first_tickets(before)
    for site_id, at in first_tickets(after).items():
        assert opened[site_id] <= at


def first_tickets(table: SiteTable) -> dict[str, object]:
    return {t.site_id: t.opened_at for t in sorted(table.tickets.values(), key=lambda t: -t.ordinal)}


@some
@given(worlds, alarms)
def test_raising_alarm_score_adds_no_alarm_and_redraws_no_outline(world: list[Told], scores: list[float]) -> None:
    loose, strict = (told_to(fold_of(profile(score)), world) for score in sorted(scores))
    assert_only_removes(loose, strict)


@some
@given(worlds, alarms, st.integers(1, 3))
def test_so_it_is_where_scenes_with_too_many_new_places_are_held(
    world: list[Told], scores: list[float], hold_above: int
) -> None:
    loose, strict = (told_to(fold_of(profile(score, hold_above)), world) for score in sorted(scores))
    assert_only_removes(loose, strict)


@some
@given(worlds, st.randoms(use_true_random=False))
def test_looks_in_any_order_of_arrival_make_the_sites_and_tickets_of_the_nights(
    world: list[Told], chance: Random
) -> None:
    done = told_to(fold_of(profile()), world)
    looks = looks_of(done)
    chance.shuffle(looks)
    assert fold(looks, profile()) == done[-1].step.table


@some
@given(worlds, st.data())
def test_what_comes_after_a_day_changes_nothing_up_to_it(world: list[Told], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(world)))
    other = tell(data.draw(st.integers(0, 1000)), len(world), 3)
    whole, short, different = fold_of(profile()), fold_of(profile()), fold_of(profile())
    done, early = told_to(whole, world), told_to(short, world[:cut])
    changed = told_to(different, [*world[:cut], *other[cut:]])
    assert looks_of(done)[:cut] == looks_of(early) == looks_of(changed)[:cut]
    assert done[cut - 1].step.table == early[-1].step.table == changed[cut - 1].step.table


@some
@given(worlds)
def test_a_blind_look_moves_no_field_and_makes_no_site(world: list[Told]) -> None:
    seen = fold_of(profile())
    told_to(seen, world)
    state, table = copied(seen.state), seen.table
    last = tell(1, len(world) + 1, 0)[-1]
    nothing = np.zeros(last.change.valid.shape, bool)
    blind = replace(last.change, valid=nothing, score=np.full(nothing.shape, np.nan, np.float32))
    [done] = told_to(seen, [Told(last.scene, blind)])
    assert done.look.candidates == () and seen.table is table
    assert all(np.array_equal(getattr(state, f.name), getattr(seen.state, f.name)) for f in fields(EvidenceState))


def copied(state: EvidenceState) -> EvidenceState:
    return EvidenceState(*(getattr(state, f.name).copy() for f in fields(EvidenceState)))


def test_the_worlds_of_these_laws_do_raise_and_withhold_alarms() -> None:
    """Laws over worlds where nothing ever happens would hold for any code."""
    tables = [told_to(fold_of(profile(alarm)), tell(9, 14, 6))[-1].step.table for alarm in (-1.0, 3.0, 9.0)]
    confirmed = [sum(s.first_confirmed_at is not None for s in table.sites.values()) for table in tables]
    assert confirmed[0] > confirmed[2] and confirmed[1] > 0
    assert all(len(one.tickets) >= len(other.tickets) for one, other in pairwise(tables))
    held = told_to(fold_of(profile(3.0, hold_above=1)), tell(9, 14, 6))
    assert any(done.held for done in held)
