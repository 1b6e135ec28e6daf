"""The life of a site, look by look: examples of every rule."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from shapely.geometry import box

from sat_monitor.core.domain import Candidate, Kind, SiteStatus, StartInterval
from sat_monitor.sites.lifecycle import (
    Step,
    fold,
    open_ticket,
    step,
    ticket_id,
)
from sat_monitor.sites.transitions import ALLOWED, MAX_SCENES, majority, moved
from tests.site_world import CONFIRMING, DAY0, PROFILE, QUIET, A, B, kinds, look, only, patch, run

# founding and confirming


def test_a_patch_on_new_ground_founds_a_suspected_site_named_after_day_and_anchor() -> None:
    table, steps = run([look(0, patch(col=7, row=12))])
    site = only(table)
    assert site.id == "w-20250301-0012-0007"
    assert (site.status, site.hits, site.looks, site.first_confirmed_at) == (SiteStatus.SUSPECTED, 1, 1, None)
    assert kinds(steps[0]) == ["site.suspected"]


def test_two_hits_on_two_days_confirm_and_ticket_in_one_step() -> None:
    table, steps = run(CONFIRMING)
    site = only(table)
    assert site.status is SiteStatus.TICKETED
    assert site.first_confirmed_at == CONFIRMING[1].acquired_at
    assert kinds(steps[1]) == ["site.confirmed", "ticket.opened"]
    ticket = open_ticket(table, site)
    assert ticket is not None
    assert (ticket.id, ticket.ordinal, ticket.opening_scene_id) == (ticket_id(A, 1), 1, "scene-0006-0")
    assert ticket.opened_at == CONFIRMING[1].acquired_at
    assert ticket.reasons[0] == "kind_earthwork"
    assert 0 < ticket.priority <= 100


def test_two_looks_of_one_day_are_one_hit() -> None:
    site = only(run([look(0, patch()), look(0, patch(), hour=9)])[0])
    assert (site.status, site.hits, site.hit_days) == (SiteStatus.SUSPECTED, 1, (date(2025, 3, 1),))


def test_two_patches_of_one_look_on_one_site_are_one_hit_and_their_areas_add_up() -> None:
    table, _ = run([look(0, patch(width=10)), look(6, patch(width=2), patch(col=5, width=9))])
    site = only(table)
    assert (site.hits, site.looks) == (2, 2)
    assert site.area_m2 == pytest.approx(3300.0)


def test_a_patch_without_a_hit_founds_a_site_but_confirms_nothing() -> None:
    weak = patch(hit=False)
    site = only(run([look(0, weak), look(6, weak), look(12, weak)])[0])
    assert (site.status, site.hits, site.quiet_looks, site.looks) == (SiteStatus.SUSPECTED, 0, 0, 3)


def test_a_hit_on_a_site_that_the_look_hardly_saw_does_not_count_but_draws_its_outline() -> None:
    site = only(run([look(0, patch()), look(6, patch(width=6), seen={A: 0.4})])[0])
    assert (site.hits, site.looks, site.status) == (1, 1, SiteStatus.SUSPECTED)
    assert site.outline.equals(box(0, 0, 60, 30))


def test_a_confirmed_site_of_another_kind_waits_on_the_watch_list_and_gets_its_ticket_when_its_kind_turns() -> None:
    cleared = patch(kind=Kind.VEGETATION_LOSS)
    looks = [look(0, cleared), look(6, cleared), look(12, patch()), look(18, patch())]
    table, steps = run(looks)
    assert run(looks[:2])[0].sites[A].status is SiteStatus.CONFIRMED
    assert run(looks[:3])[0].tickets == {}
    assert only(table).status is SiteStatus.TICKETED
    assert kinds(steps[3]) == ["site.kind_changed", "ticket.opened"]
    assert open_ticket(table, only(table)).opened_at == looks[3].acquired_at  # type: ignore[union-attr]
    assert only(table).first_confirmed_at == looks[1].acquired_at


def test_the_kind_is_that_of_most_of_the_newest_patches_and_of_the_newest_where_equal() -> None:
    e, v = Kind.EARTHWORK, Kind.VEGETATION_LOSS
    assert majority([e, v, v]) is v
    assert majority([v, e, e, v]) is v
    assert majority([v, v, e, e]) is e


# what is kept


def test_outline_and_area_only_grow_and_the_newest_support_gives_the_evidence() -> None:
    small, large = patch(width=3, evidence={"llr_nats": 2.0}), patch(width=8, score_max=7.0)
    site = only(run([look(0, large), look(6, small)])[0])
    assert site.outline.equals(large.outline)
    assert (site.area_m2, site.area_error_m2, site.score_max) == (2400.0, 480.0, 7.0)
    assert site.evidence == {"llr_nats": 2.0}


def test_the_start_is_that_of_the_first_hit_narrowed_by_later_ones() -> None:
    def start(hit: bool, earliest: int, latest: int) -> Candidate:
        return patch(hit=hit, start=StartInterval(date(2025, 1, earliest), date(2025, 1, latest)))

    looks = [look(0, start(False, 1, 31)), look(6, start(True, 5, 25)), look(12, start(True, 9, 20))]
    assert only(run(looks)[0]).start == StartInterval(date(2025, 1, 5), date(2025, 1, 20))
    contradicting = [look(0, start(True, 15, 25)), look(6, start(True, 3, 10))]
    assert only(run(contradicting)[0]).start == StartInterval(date(2025, 1, 3), date(2025, 1, 10))


def test_a_site_keeps_its_first_scene_and_the_newest_ones() -> None:
    site = only(run([look(day, patch()) for day in range(60)])[0])
    assert len(site.scene_ids) == MAX_SCENES + 1
    assert (site.scene_ids[0], site.scene_ids[1], site.scene_ids[-1]) == (
        "scene-0000-0",
        "scene-0020-0",
        "scene-0059-0",
    )


# quiet, blind, finished


def test_a_blind_look_returns_the_very_same_table() -> None:
    table, _ = run(CONFIRMING)
    assert step(table, look(12, seen=0.0), PROFILE) == Step(table, ())
    assert step(table, look(12, seen={A: 0.49}), PROFILE).table is table


def test_sites_that_a_look_does_not_touch_stay_the_same_objects() -> None:
    before, _ = run([look(0, patch(), patch(col=10))])
    after = step(before, look(6, patch(), seen={A: 1.0}), PROFILE).table
    assert after.sites[B] is before.sites[B]
    assert after.sites[A] is not before.sites[A]
    assert before.sites[A].hits == 1


def test_a_patch_that_stands_is_neither_hit_nor_quiet_even_where_the_look_contradicts_it() -> None:
    standing, contradicted = patch(hit=False), patch(hit=False, evidence={"llr_nats": -0.2})
    table, _ = run([look(0, patch()), look(6, standing), look(12, contradicted)])
    site = only(table)
    assert (site.quiet_looks, site.looks, site.hits, site.last_support_at) == (0, 3, 1, DAY0)
    assert only(step(table, look(18), PROFILE).table).quiet_looks == 1


def test_support_starts_the_count_of_quiet_looks_anew() -> None:
    table, _ = run([look(0, patch()), look(6), look(12), look(18, patch()), look(24)])
    assert only(table).quiet_looks == 1
    assert only(table).last_support_at == DAY0 + timedelta(days=18)


def test_a_suspected_site_lapses_only_after_time_and_quiet_looks() -> None:
    site = only(run([look(0, patch()), look(61)])[0])
    assert site.status is SiteStatus.SUSPECTED
    site = only(run([look(0, patch()), look(50), look(59)])[0])
    assert site.status is SiteStatus.SUSPECTED
    table, steps = run([look(0, patch()), look(50), look(60)])
    assert (only(table).status, only(table).first_confirmed_at) == (SiteStatus.FINISHED, None)
    assert kinds(steps[2]) == ["site.finished"]
    assert steps[2].events[0].body == {"first_confirmed_at": None}


def test_a_lapsed_site_that_is_hit_again_is_suspected_again_with_a_new_start_and_no_old_hits() -> None:
    later = StartInterval(date(2025, 7, 1), date(2025, 7, 20))
    table, steps = run([look(0, patch()), *QUIET, look(150, patch(start=later))])
    site = only(table)
    assert (site.id, site.status, site.start, len(site.hit_days)) == (A, SiteStatus.SUSPECTED, later, 1)
    assert kinds(steps[3]) == ["site.suspected"]


def test_a_finished_site_keeps_its_confirmation_and_its_ticket() -> None:
    table, steps = run([*CONFIRMING, *QUIET])
    site = only(table)
    assert site.status is SiteStatus.FINISHED
    assert site.first_confirmed_at == CONFIRMING[1].acquired_at
    assert table.tickets[ticket_id(A, 1)].withdrawn_reason is None
    assert open_ticket(table, site) is None
    assert kinds(steps[3]) == ["site.finished"]


def test_a_finished_site_at_rest_is_not_counted_on() -> None:
    table, _ = run([*CONFIRMING, *QUIET])
    assert step(table, look(140), PROFILE).table is table


def test_renewed_work_reopens_under_the_same_id_with_the_next_ticket() -> None:
    table, steps = run([*CONFIRMING, *QUIET, look(200, patch()), look(206, patch())])
    site = only(table)
    assert run([*CONFIRMING, *QUIET, look(200, patch())])[0].sites[A].status is SiteStatus.FINISHED
    assert (site.id, site.status, site.openings) == (A, SiteStatus.REOPENED, 2)
    assert site.first_confirmed_at == CONFIRMING[1].acquired_at
    assert kinds(steps[5]) == ["site.reopened", "ticket.opened"]
    ticket = open_ticket(table, site)
    assert ticket is not None
    assert (ticket.ordinal, ticket.id) == (2, ticket_id(A, 2))
    assert "reopened" in ticket.reasons
    assert set(table.tickets) == {ticket_id(A, 1), ticket_id(A, 2)}


def test_single_hits_years_apart_do_not_reopen() -> None:
    looks = [*CONFIRMING, *QUIET, look(200, patch()), look(270), look(280), look(290, patch())]
    assert only(run(looks)[0]).status is SiteStatus.FINISHED


# the table of states, events


@pytest.mark.parametrize("status", SiteStatus)
def test_every_status_has_a_row_in_the_table_and_can_be_left(status: SiteStatus) -> None:
    assert ALLOWED[status]
    assert status not in ALLOWED[status]


@pytest.mark.parametrize("status", SiteStatus)
def test_every_status_can_be_reached(status: SiteStatus) -> None:
    assert status is SiteStatus.SUSPECTED or any(status in following for following in ALLOWED.values())


def test_a_step_outside_the_table_is_refused_with_both_sides() -> None:
    site = only(run([look(0, patch())])[0])
    for status in set(SiteStatus) - ALLOWED[site.status]:
        with pytest.raises(ValueError, match=f"{A}: suspected cannot become {status}"):
            moved(site, status)


def test_events_are_plain_json_with_the_time_of_their_look() -> None:
    looks = [*CONFIRMING, *QUIET, look(200, patch()), look(206, patch())]
    for each, done in zip(looks, run(looks)[1], strict=True):
        for event in done.events:
            assert json.loads(json.dumps(event.body)) == event.body
            assert not {"site", "scene", "at"} & set(event.body)
            assert (event.at, event.scene_id) == (each.acquired_at, each.scene_id)


def test_the_fold_sorts_its_looks() -> None:
    looks = [*CONFIRMING, *QUIET]
    assert fold(reversed(looks), PROFILE) == run(looks)[0]
