"""Statistics against values worked out by hand, matching of sites with what happened, and the figures of both."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sat_monitor.core.domain import Kind
from sat_monitor.evaluate.accuracy import PREVALENCES, accuracy
from sat_monitor.evaluate.matching import match
from sat_monitor.evaluate.records import size_class, slope_class
from sat_monitor.evaluate.statistics import (
    Ranked,
    Share,
    average_precision,
    poisson_rate,
    precision_recall,
    quartiles,
    ranked_precision,
    share_of,
    users_accuracy_at,
    wilson,
)
from sat_monitor.evaluate.text import accuracy_lines, missed_lines, plain
from tests.accuracy_world import SCOPE, day, site, square, work


def test_wilson_is_the_textbook_interval() -> None:
    # Newcombe (1998), table I: 81 of 263 is 0.2553 to 0.3662, 0 of 20 is 0 to 0.1611.
    inside = wilson(81 / 263, 263)
    assert (inside.low, inside.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    none = wilson(0.0, 20)
    assert (none.low, none.high) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert (wilson(0.0, 0).low, wilson(0.0, 0).high) == (0.0, 1.0)


def test_the_rate_of_rare_events_has_the_exact_poisson_interval() -> None:
    # Garwood: no event in an exposure of 1 is 0 to 3.689, ten events are 4.795 to 18.39.
    none, ten = poisson_rate(0, 1.0), poisson_rate(10, 2.0)
    assert none.interval is not None and ten.interval is not None
    assert (none.interval.low, none.interval.high) == pytest.approx((0.0, 3.689), abs=1e-3)
    assert (ten.value, ten.interval.low, ten.interval.high) == pytest.approx((5.0, 4.795 / 2, 18.39 / 2), abs=5e-3)
    assert poisson_rate(1, 0.0).value is None


def test_average_precision_by_hand() -> None:
    # Ranks: right, wrong, right, and one earthwork that nothing found: (1/1 + 2/3) / 3.
    score, truth = np.array([0.9, 0.8, 0.7, np.nan]), np.array([True, False, True, True])
    assert average_precision(score, truth) == pytest.approx((1.0 + 2.0 / 3.0) / 3.0)
    # Equal scores are one step: recall 1 at precision 1/2.
    assert average_precision(np.array([1.0, 1.0]), np.array([True, False])) == pytest.approx(0.5)
    assert np.isnan(average_precision(np.array([1.0]), np.array([False])))
    curve = precision_recall(score, truth)
    assert curve.recall.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])


def test_the_bootstrap_is_the_same_every_time_and_widens_with_fewer_groups() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(200) < 0.3
    score = truth + rng.normal(0.0, 1.0, 200)
    many = ranked_precision(Ranked(score, truth, np.arange(200)))
    few = ranked_precision(Ranked(score, truth, np.arange(200) // 25))
    assert many == ranked_precision(Ranked(score, truth, np.arange(200)))
    assert many.interval is not None and few.interval is not None
    assert many.interval.low < (many.value or 0.0) < many.interval.high
    assert few.value == many.value and few.interval != many.interval


def test_a_weight_is_one_over_the_inclusion_probability() -> None:
    # One of two top-ranked places (drawn for sure) and none of two that stand for ten each: 1 of 22.
    share = share_of([True, False, False, False], [1.0, 1.0, 10.0, 10.0])
    assert share.value == pytest.approx(1.0 / 22.0)
    assert share.effective == pytest.approx(22.0**2 / 202.0)
    with pytest.raises(ValueError, match="positive"):
        share_of([True], [0.0])


def test_users_accuracy_follows_prevalence() -> None:
    # 8 of 10 found; 4 false sites in 20 km2 years: p 0.8 / (p 0.8 + 0.2).
    found = Share(8.0, 10.0, 10.0)
    values = [users_accuracy_at(p, found, 4, 20.0) for p in PREVALENCES]
    assert [v.value for v in values] == pytest.approx([0.08 / 0.28, 0.24 / 0.44, 0.8 / 1.0])
    for v in values:
        assert v.interval is not None and v.value is not None and v.interval.low < v.value < v.interval.high
    assert users_accuracy_at(0.3, Share(0.0, 0.0, 0.0), 0, 1.0).value is None


def test_quartiles_and_classes_name_what_they_hold() -> None:
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]).median == 3.0
    assert quartiles([]).median is None
    assert [size_class(v) for v in (499.9, 500.0, 2999.0, 3000.0)] == [
        "under 500 m2", "500 to 1000 m2", "1000 to 3000 m2", "from 3000 m2",
    ]  # fmt: skip
    assert (slope_class(None), slope_class(40.0)) == ("slope unknown", "from 30 deg")


def test_each_site_is_right_false_or_too_early_and_each_earthwork_found_or_missed_with_the_cause() -> None:
    events = [
        work("a", 0, 100), work("b", 200, 100), work("c", 400, 100), work("d", 600, 100),
        work("late", 800, 340), work("cut", 1000, 50, kind="clear_cut", is_earthwork=False),
    ]  # fmt: skip
    sites = [
        site("found", 0, 104, 120),
        site("early", 200, 20, 60),
        site("weak", 400, 110, None),
        site("unjudged", 800, 345, 360),
        site("loss", 1000, 55, 80, kind=Kind.VEGETATION_LOSS),
        site("worse", 1000, 55, 80),
        site("nothing", 5000, 55, 80, place="upland"),
    ]
    matched = match(SCOPE, events, sites)
    assert {t.truth.id: t.missed for t in matched.truths} == {
        "a": "", "b": "hidden under a site confirmed before it began", "c": "suspected only", "d": "no site",
    }  # fmt: skip
    assert matched.left_out == 1
    got = {s.site.id: (s.earthwork, s.cause, s.right_kind) for s in matched.sites}
    assert got == {
        "found": (True, "fill", False),
        "early": (False, "confirmed before the earthwork began", False),
        "weak": (True, "fill", False),
        "loss": (False, "clear_cut", True),
        "worse": (False, "clear_cut", False),
        "nothing": (False, "nothing happened, upland", False),
    }


def test_a_touching_edge_is_no_match() -> None:
    # 3 m of 40 m shared: a pixel's edge, not the place.
    matched = match(SCOPE, [work("a", 0, 100)], [site("beside", 37, 104, 120)])
    assert [t.found for t in matched.truths] == [False]
    assert [s.earthwork for s in matched.sites] == [False]


def test_figures_of_a_place_by_hand() -> None:
    events = [work(name, 200.0 * n, 100) for n, name in enumerate("abcd")]
    sites = [
        site("1", 0, 104, 120),
        site("2", 200, 110, 140, kind=Kind.CHANGE, area_m2=2600.0),
        site("false", 5000, 55, 80),
    ]
    figures = accuracy([match(SCOPE, events, sites)])
    watch, tickets = figures.lists
    assert (watch.producers.value, watch.users.value, watch.false) == (0.5, pytest.approx(2 / 3), 1)
    assert (tickets.producers.value, tickets.users.value, tickets.false) == (0.25, 0.5, 1)
    # One in 50 km2 and 365 days, per 100 km2 and month.
    assert watch.false_rate.value == pytest.approx(1 / (0.5 * 12 * 365 / 365.25))
    assert (figures.lag_first.median, figures.lag_confirmed.median, figures.lag_confirmed_moved.median) == (7, 30, 20)
    coverage = {row.name: row.share.value for row in figures.area_coverage}
    assert coverage == {"all": 0.5, "1000 to 3000 m2": 0.5}
    assert figures.missed == {"no site": 2}
    assert {(r.split, r.name): r.share.hits for r in figures.users}[("sensor", "s1+s2")] == 2.0


def test_a_first_sign_before_the_beginning_is_no_lag() -> None:
    figures = accuracy([match(SCOPE, [work("a", 0, 100)], [site("1", 0, 60, 130)])])
    assert figures.lag_first.count == 0
    assert figures.lag_confirmed.median == 30


def test_places_without_anything_have_figures_that_say_so() -> None:
    figures = accuracy([match(SCOPE, [], [])])
    assert figures.lists[0].producers.value is None
    assert figures.average_precision.value is None
    text = "\n".join(accuracy_lines(figures))
    assert "none to judge" in text and "overall" not in text
    assert json.loads(json.dumps(plain(figures), allow_nan=False))["left_out"] == 0


def test_the_text_names_what_was_missed() -> None:
    matched = match(SCOPE, [work("gone", 0, 100)], [])
    assert "gone fill 1600 m2, 10 deg, began" in missed_lines([matched])[1]
    assert day(100).isoformat() in missed_lines([matched])[1]
    assert square(0).area == 1600.0
