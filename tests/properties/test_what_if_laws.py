"""Laws of comparing two profiles: weighted shares, their changes, and places that gain and lose."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.domain import Look
from sat_monitor.core.profile import Profile
from sat_monitor.sites.lifecycle import SiteTable, fold
from sat_monitor.tune.compare import Fate, Level, Span, alarms_of, places_of
from sat_monitor.tune.weighted import change_between, share_of
from tests.properties.test_lifecycle_laws import DAY0, profiles, worlds

rows = st.lists(st.tuples(st.booleans(), st.floats(1.0, 100.0)), min_size=1, max_size=40)
SPAN = Span(DAY0.date(), DAY0.replace(year=2030).date())
SWAPPED = {Fate.GAINED: Fate.LOST, Fate.LOST: Fate.GAINED, Fate.KEPT: Fate.KEPT, Fate.NONE: Fate.NONE}


@given(rows)
def test_a_share_lies_within_its_interval_and_the_interval_within_0_and_1(drawn: list[tuple[bool, float]]) -> None:
    share = share_of(*_columns(drawn))
    assert share is not None
    assert 0.0 <= share.low <= share.value <= share.high <= 1.0 and share.low < share.high
    assert share.effective_rows <= share.rows * (1.0 + 1e-9)


@given(rows, st.floats(0.1, 10.0))
def test_only_the_ratio_of_weights_counts(drawn: list[tuple[bool, float]], factor: float) -> None:
    good, weights = _columns(drawn)
    one, other = share_of(good, weights), share_of(good, [w * factor for w in weights])
    assert one is not None and other is not None
    assert math.isclose(one.value, other.value, abs_tol=1e-9) and math.isclose(one.low, other.low, abs_tol=1e-9)


@given(st.integers(0, 30), st.integers(1, 30))
def test_equal_weights_give_wilsons_interval(good: int, rest: int) -> None:
    n = good + rest
    share = share_of([i < good for i in range(n)], [7.0] * n)
    assert share is not None
    for bound in (share.low, share.high):  # Wilson's bounds are where the score test just holds
        if 0.0 < bound < 1.0:
            assert math.isclose(abs(good / n - bound), 1.959964 * math.sqrt(bound * (1 - bound) / n), rel_tol=1e-4)


@given(rows, rows)
def test_a_change_the_other_way_round_is_its_negative(
    one: list[tuple[bool, float]], other: list[tuple[bool, float]]
) -> None:
    before, after = share_of(*_columns(one)), share_of(*_columns(other))
    there, back = change_between(before, after), change_between(after, before)
    assert there is not None and back is not None
    assert math.isclose(there.low, -back.high, abs_tol=1e-9) and math.isclose(there.high, -back.low, abs_tol=1e-9)
    assert there.low <= there.value <= there.high


def test_nothing_is_known_without_rows() -> None:
    known = share_of([True], [1.0])
    assert share_of([], []) is None and change_between(None, known) is None and change_between(known, None) is None


@given(worlds(), worlds(), profiles)
def test_the_profiles_swapped_swap_gained_and_lost(one: list[Look], other: list[Look], profile: Profile) -> None:
    tables: list[SiteTable] = [fold(looks, profile) for looks in (one, other)]
    there, back = places_of(tables[0], tables[1], SPAN), places_of(tables[1], tables[0], SPAN)
    for level in Level:
        assert sorted(SWAPPED[p.fate(level)] for p in there) == sorted(p.fate(level) for p in back)


@given(worlds(), worlds(), profiles)
def test_every_alarm_is_in_exactly_one_place(one: list[Look], other: list[Look], profile: Profile) -> None:
    tables: list[SiteTable] = [fold(looks, profile) for looks in (one, other)]
    places = places_of(tables[0], tables[1], SPAN)
    for side, table in zip(("against", "new"), tables, strict=True):
        listed = [alarm.site.id for place in places for alarm in getattr(place, side)]
        assert sorted(listed) == [alarm.site.id for alarm in alarms_of(table)]


@given(worlds(), profiles)
def test_a_table_against_itself_keeps_everything(looks: list[Look], profile: Profile) -> None:
    table = fold(looks, profile)
    assert {p.fate(Level.CONFIRMED) for p in places_of(table, table, SPAN)} <= {Fate.KEPT}


def _columns(drawn: list[tuple[bool, float]]) -> tuple[list[bool], list[float]]:
    return [good for good, _ in drawn], [weight for _, weight in drawn]
