"""Laws of accuracy statements, tried to be broken."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_monitor.evaluate.accuracy import accuracy
from sat_monitor.evaluate.matching import match
from sat_monitor.evaluate.statistics import average_precision, share_of, users_accuracy_at, wilson
from tests.accuracy_world import SCOPE, site, work

counts = st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
ranks = st.lists(st.tuples(st.floats(-10, 10), st.booleans()), min_size=1, max_size=40)


@given(counts)
def test_an_interval_holds_its_share_and_lies_within_0_and_1(pair: tuple[int, int]) -> None:
    hits, total = pair
    interval = wilson(hits / total if total else 0.0, total)
    assert 0.0 <= interval.low <= interval.high <= 1.0
    assert not total or interval.low - 1e-12 <= hits / total <= interval.high + 1e-12


@given(counts, st.integers(2, 50))
def test_more_of_the_same_evidence_narrows_an_interval(pair: tuple[int, int], times: int) -> None:
    hits, total = pair
    if total:
        one, many = wilson(hits / total, total), wilson(hits / total, total * times)
        assert many.high - many.low <= one.high - one.low + 1e-12


@given(ranks)
def test_average_precision_depends_on_the_ranks_alone_and_a_perfect_ranking_has_1(
    rows: list[tuple[float, bool]],
) -> None:
    score, truth = np.array([s for s, _ in rows]), np.array([t for _, t in rows])
    if truth.any():
        value = average_precision(score, truth)
        _, rank = np.unique(score, return_inverse=True)
        assert 0.0 <= value <= 1.0 + 1e-12
        assert np.isclose(value, average_precision(rank.astype(float) * 3.0 - 7.0, truth))
        assert np.isclose(average_precision(truth.astype(float), truth), 1.0)


@given(ranks, st.integers(0, 2**32 - 1))
def test_weights_count_like_repetitions(rows: list[tuple[float, bool]], seed: int) -> None:
    score, truth = np.array([s for s, _ in rows]), np.array([t for _, t in rows])
    times = np.random.default_rng(seed).integers(0, 4, len(rows))
    if times[truth].any():
        again = average_precision(np.repeat(score, times), np.repeat(truth, times))
        assert np.isclose(average_precision(score, truth, times.astype(float)), again)


@given(st.lists(st.booleans(), min_size=1, max_size=50), st.floats(0.01, 100.0))
def test_equal_weights_change_no_share(hits: list[bool], weight: float) -> None:
    plain, weighted = share_of(hits), share_of(hits, [weight] * len(hits))
    assert np.isclose(plain.value or 0.0, weighted.value or 0.0)
    assert np.isclose(plain.effective, weighted.effective)


@given(counts.filter(lambda pair: pair[0] > 0), st.integers(0, 50))
def test_the_rarer_earthworks_are_the_less_a_site_means(pair: tuple[int, int], false: int) -> None:
    found = share_of([True] * pair[0] + [False] * (pair[1] - pair[0]))
    values = [users_accuracy_at(p, found, false, 10.0).value or 0.0 for p in (0.1, 0.3, 1.0)]
    assert values == sorted(values)


places = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 300)), max_size=5)


@settings(max_examples=40)
@given(places, places)
def test_every_judged_earthwork_is_found_or_missed_and_no_site_counts_twice(
    works: list[tuple[int, int]], sites: list[tuple[int, int]]
) -> None:
    events = [work(f"w{n}", 20.0 * x, began) for n, (x, began) in enumerate(works)]
    found = [site(f"s{n}", 20.0 * x, seen, seen + 20) for n, (x, seen) in enumerate(sites)]
    matched = match(SCOPE, events, found)
    assert len(matched.truths) + matched.left_out == len(events)
    assert all(bool(t.missed) is not t.found for t in matched.truths)
    assert len({s.site.id for s in matched.sites}) == len(matched.sites) <= len(found)
    figures = accuracy([matched])
    assert figures.lists[0].false + figures.lists[0].users.hits == figures.lists[0].users.total
    assert figures.lists[0].producers.hits >= figures.lists[1].producers.hits
