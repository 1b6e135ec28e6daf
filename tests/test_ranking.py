"""The ranking among surroundings: grounds that add up, nothing excluded, words for every code; the funnel adds up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sat_monitor.core.domain import Kind, StartInterval
from sat_monitor.core.profile import PrioritySettings, Profile
from sat_monitor.core.surroundings import LegalCheck, PermitState, Ranking, Surroundings, Zone
from sat_monitor.sites.flowpath import Relief
from sat_monitor.sites.funnel import Funnel, funnel
from sat_monitor.sites.judging import Judged, Place, judge
from sat_monitor.sites.law import LINES, OLDER_QUESTIONS, check, on_site_codes
from sat_monitor.sites.priority import Signs, rank
from sat_monitor.sites.ranking import REASON_CODES, WAIT_CODES
from sat_monitor.tickets.words import LANGUAGES, load_words
from tests.law_world import around, flow, permit, site, zone

PROFILE = Profile()


def ranked(surroundings: Surroundings, **changes: object) -> Ranking:
    what = site(**changes)  # type: ignore[arg-type]
    return rank(what, None, surroundings, check(what, None, surroundings), PROFILE)


def codes(ranking: Ranking) -> list[str]:
    return [reason.code for reason in ranking.reasons]


def test_the_reasons_add_up_to_the_value_within_0_to_100() -> None:
    found = ranked(around(flow_path=flow()))
    assert found.value == pytest.approx(sum(reason.points for reason in found.reasons))
    assert 0.0 <= found.value <= 100.0


def test_a_hollow_above_a_debris_zone_800_m_below_says_so() -> None:
    reasons = {reason.code: dict(reason.numbers) for reason in ranked(around(flow_path=flow(zone_m=800.0))).reasons}
    assert reasons["debris_zone_downstream"]["distance_m"] == 800
    assert "in_hollow" in reasons


def test_a_permit_in_force_lowers_but_does_not_exclude_and_says_why_it_waits() -> None:
    free, covered = ranked(around()), ranked(around(permit()))
    assert 0.0 < covered.value < free.value
    assert covered.waits == ("permit_covers",) and free.waits == ()


def test_a_permit_for_a_part_and_one_that_ended_are_said_so() -> None:
    partly = {r.code: dict(r.numbers) for r in ranked(around(permit(0.45))).reasons}
    assert partly["permit_partly"]["share_percent"] == 45
    ended = ranked(around(permit(1.0, PermitState.ENDED)))
    assert {"permit_none", "permit_ended"} <= set(codes(ended)) and ended.value == ranked(around()).value


def test_where_no_register_was_imported_no_check_is_claimed() -> None:
    found = codes(ranked(Surroundings()))
    assert "registers_not_asked" in found and "permit_none" not in found


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)))
def test_works_older_than_their_zone_are_not_less_urgent(designated_on: date) -> None:
    dated = replace(around(flow_path=flow()), zones=(zone(on=designated_on),))
    assert ranked(dated).value == ranked(around(flow_path=flow())).value


@given(st.floats(10.0, 1e5), st.floats(0.0, 1e5))
def test_more_area_and_nearer_houses_only_raise(area: float, more: float) -> None:
    assert ranked(around(), area_m2=area).value <= ranked(around(), area_m2=area + more).value + 1e-9
    near, far = (ranked(around(flow_path=flow(house_m=m))).value for m in (area, area + more))
    assert far <= near + 1e-9


def test_sites_at_the_cap_of_scores_still_differ() -> None:
    values = [ranked(around(flow_path=flow(house_m=100.0 + n)), area_m2=40_000.0 + n).value for n in range(50)]
    assert len(set(values)) == 50


def test_growth_and_motion_are_said_where_they_are_measured() -> None:
    what = site()
    grown = rank(what, None, around(), LegalCheck(), PROFILE, Signs(growth_m2_per_month=400.0, los_mm_per_year=-12.0))
    assert {"growing", "ground_moves"} <= set(codes(grown))
    faster = rank(what, None, around(), LegalCheck(), PROFILE, Signs(400.0, -12.0, accelerates=True))
    assert "ground_accelerates" in codes(faster)
    assert faster.value > grown.value
    idle, busy = (rank(what, None, around(), LegalCheck(), PROFILE, Signs(at_work=work)) for work in (False, True))
    assert "coherence_lost" in codes(busy) and busy.value >= idle.value


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_code_has_words_with_all_its_numbers(lang: str) -> None:
    words = load_words(lang)
    assert all(words.of(f"reason.{code}") for code in REASON_CODES)
    assert all(words.of(f"waits.{code}") for code in WAIT_CODES)
    assert all(words.of(f"on_site.{code}") for code in on_site_codes())
    assert all(words.of(f"line.{row.line}") for row in LINES if row.unit == "m2")
    assert all(words.of(f"timing_question.{code}") for code in (*OLDER_QUESTIONS, "grown_since_designation"))
    shown = [
        *ranked(around(permit(0.45), permit(1.0, PermitState.ENDED), flow_path=flow())).reasons,
        *ranked(around(permit(), permit(0.3, PermitState.UNDATED), flow_path=flow(hollow=0.1))).reasons,
        *ranked(around(permit(0.5, PermitState.NOT_YET))).reasons,
    ]
    for reason in shown:
        assert "{" not in words.of(f"reason.{reason.code}", **dict(reason.numbers)), reason.code


@given(
    st.lists(st.tuples(st.sampled_from(list(Kind)), st.floats(50.0, 9e3), st.sampled_from([0.0, 0.5, 1.0])), max_size=8)
)
def test_every_code_that_the_ranking_gives_is_listed(cases: list[tuple[Kind, float, float]]) -> None:
    for kind, area, share in cases:
        found = ranked(around(*([permit(share)] if share else []), flow_path=flow()), kind=kind, area_m2=area)
        assert set(codes(found)) <= set(REASON_CODES) and set(found.waits) <= set(WAIT_CODES)


def test_weights_that_do_not_sum_to_100_are_refused() -> None:
    with pytest.raises(ValidationError, match="must sum to 100"):
        PrioritySettings(permit=90.0)


class Made:
    """Layers that say the same of every site."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings

    def around(self, outline: object, epsg: int, works: StartInterval) -> Surroundings:
        return self.surroundings

    def debris_zones(self, bounds: object, epsg: int) -> tuple[()]:
        return ()

    def houses(self, bounds: object, epsg: int) -> tuple[()]:
        return ()


def test_a_night_judges_every_confirmed_site_and_leaves_none_out() -> None:
    sites = [site(f"s{n}", x=1000.0 * n, kind=kind, area_m2=100.0 + n) for n, kind in enumerate(Kind)]
    suspected = replace(site("x", x=9e4), first_confirmed_at=None)
    relief: Relief | None = None
    judged = judge([*sites, suspected], Place(Made(around(permit())), 32654, relief), PROFILE)
    assert {each.site.id for each in judged} == {each.id for each in sites}
    values = [each.ranking.value for each in judged]
    assert values == sorted(values, reverse=True)


def judged_in(surroundings: Surroundings) -> Judged:
    return Judged(site(), None, surroundings, LegalCheck(), Ranking(1.0, ()))


ZONES: tuple[tuple[Zone, ...], ...] = ((), (zone(),))
CASES = st.builds(
    lambda share, zones, path, asked: replace(
        around(permit(share), flow_path=path), zones=zones, **({} if asked else {"layers": (), "registers": ()})
    ),
    st.floats(0.0, 1.0),
    st.sampled_from(ZONES),
    st.sampled_from([None, flow(), flow(None, None), flow(5000.0, None)]),
    st.booleans(),
)


@given(st.lists(CASES, max_size=20))
def test_the_funnel_adds_up(cases: list[Surroundings]) -> None:
    found = funnel([judged_in(case) for case in cases], 1000.0)
    assert found.adds_up and found.all == len(cases)
    assert not replace(found, all=found.all + 1).adds_up


def test_the_funnel_counts_what_it_says() -> None:
    cases = [around(permit()), around(flow_path=flow()), around(flow_path=flow(None, None)), around()]
    found = funnel([judged_in(case) for case in cases], 1000.0)
    expected = Funnel(4, 1, 3, 0, 0, 3, 0, 1, 1, 1)
    assert found == expected
    assert found.lines()[0] == "all confirmed sites: 4"
