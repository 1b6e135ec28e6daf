"""The life of a site, look by look: examples of every rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from shapely.geometry import box

from sat_monitor.core.domain import Candidate, Kind, Look, Sensor, Site, SiteStatus, StartInterval
from sat_monitor.core.profile import LifecycleSettings, Profile
from sat_monitor.sites.lifecycle import (
    SiteTable,
    Step,
    active,
    fold,
    open_ticket,
    step,
    survivor_of,
    ticket_id,
)
from sat_monitor.sites.matching import places
from sat_monitor.sites.transitions import ALLOWED, MAX_SCENES, OPEN, majority, moved

DAY0 = datetime(2025, 3, 1, 1, 30, tzinfo=UTC)
EMPTY = SiteTable({}, {})
PROFILE = Profile(lifecycle=LifecycleSettings(confirm_hits=2, lapse_days=60, finish_days=100, finish_looks=2))
A = "w-20250301-0000-0000"
B = "w-20250301-0000-0010"


class Everywhere(dict[str, float]):
    """A look that saw the same share of every site."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def get(self, key: str, default: Any = None) -> Any:
        return self.share


def patch(col: int = 0, width: int = 3, row: int = 0, **changes: Any) -> Candidate:
    """A patch of 10 m pixels, `width` wide and 3 high."""
    area = 300.0 * width
    made: dict[str, Any] = {
        "outline": box(col * 10, row * 10, (col + width) * 10, (row + 3) * 10),
        "anchor": (row, col),
        "kind": Kind.EARTHWORK,
        "area_m2": area,
        "area_error_m2": area / 5,
        "score_max": 4.0,
        "score_mean": 2.0,
        "hit": True,
        "start": StartInterval(date(2025, 2, 1), date(2025, 3, 1)),
        "evidence": {"llr_nats": 1.0},
    }
    return Candidate(**{**made, **changes})


def look(day: int, *candidates: Candidate, seen: float | Mapping[str, float] = 1.0, hour: int = 0) -> Look:
    at = DAY0 + timedelta(days=day, hours=hour)
    shares = seen if isinstance(seen, Mapping) else Everywhere(seen)
    return Look(f"scene-{day:04d}-{hour}", "w", Sensor.S2, at, candidates, shares)


def run(looks: Sequence[Look], profile: Profile = PROFILE) -> tuple[SiteTable, list[Step]]:
    table, steps = EMPTY, []
    for each in looks:
        steps.append(step(table, each, profile))
        table = steps[-1].table
    return table, steps


def only(table: SiteTable) -> Site:
    (site,) = active(table)
    return site


def kinds(step_: Step) -> list[str]:
    return [event.kind for event in step_.events]


CONFIRMING = (look(0, patch()), look(6, patch()))
QUIET = (look(120), look(126))


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


# merging


def test_a_patch_over_two_sites_merges_the_younger_into_the_older() -> None:
    looks = [look(0, patch()), look(6, patch(col=10)), look(12, patch(width=13, hit=False))]
    table, steps = run(looks)
    younger = "w-20250307-0000-0010"
    assert [site.id for site in active(table)] == [A]
    assert table.sites[younger].merged_into == A
    assert survivor_of(table, younger) is table.sites[A]
    assert table.sites[A].outline.equals(box(0, 0, 130, 30))
    assert (table.sites[A].hits, table.sites[A].status) == (2, SiteStatus.SUSPECTED)
    assert kinds(steps[2]) == ["site.merged"]


def test_the_site_seen_first_survives_even_where_the_other_has_the_smaller_id() -> None:
    table, _ = run([look(0, patch(col=10)), look(0, patch(), hour=9), look(6, patch(width=13))])
    assert [site.id for site in active(table)] == [B]
    assert table.sites[A].merged_into == B


def test_the_areas_of_merged_sites_add_up_even_where_the_new_patch_is_small() -> None:
    small = patch(col=2, width=9, area_m2=500.0)
    site = only(run([look(0, patch(width=10), patch(col=10, width=10)), look(6, small)])[0])
    assert (site.area_m2, site.area_error_m2) == (6000.0, 1200.0)


def test_a_merger_counts_only_the_quiet_looks_that_all_its_parts_had() -> None:
    looks = [look(0, patch(), patch(col=10)), look(6, seen=Column(0)), look(12, seen=Column(0))]
    table, _ = run([*looks, look(18, patch(width=13, hit=False))])
    assert only(table).quiet_looks == 0


def test_hits_of_merged_sites_confirm_together_at_the_next_hit() -> None:
    bridge = look(12, patch(width=13))
    table, _ = run([look(0, patch()), look(6, patch(col=10)), bridge])
    assert only(table).first_confirmed_at == bridge.acquired_at


def test_a_merged_ticket_is_withdrawn_and_the_survivor_gets_one_whatever_its_kind() -> None:
    cleared = patch(kind=Kind.VEGETATION_LOSS, hit=False)
    looks = [look(day, cleared) for day in (0, 1, 2, 3, 4)]
    looks += [look(6, cleared, patch(col=10)), look(12, cleared, patch(col=10))]
    bridge = look(18, patch(width=13, kind=Kind.VEGETATION_LOSS, hit=False))
    table, steps = run([*looks, bridge])
    younger = "w-20250307-0000-0010"
    gone = table.tickets[ticket_id(younger, 1)]
    assert gone.withdrawn_reason == f"merged into {A}"
    site = only(table)
    assert (site.id, site.status, site.kind) == (A, SiteStatus.TICKETED, Kind.VEGETATION_LOSS)
    assert site.first_confirmed_at == looks[6].acquired_at
    assert open_ticket(table, site) is not None
    assert kinds(steps[-1]) == ["site.merged", "ticket.withdrawn", "site.confirmed", "ticket.opened"]


class Column(dict[str, float]):
    """A look that saw the sites of one column only."""

    def __init__(self, col: int) -> None:
        super().__init__()
        self.ending = f"-{col:04d}"

    def get(self, key: str, default: Any = None) -> Any:
        return 1.0 if key.endswith(self.ending) else 0.0


LIVES = {
    "suspected": ((0,), ()),
    "lapsed": ((0,), (200, 206)),
    "finished": ((0, 6), (200, 206)),
    "open": ((0, 6), ()),
}
STANDING = {
    "suspected": (SiteStatus.SUSPECTED, False),
    "lapsed": (SiteStatus.FINISHED, False),
    "finished": (SiteStatus.FINISHED, True),
    "open": (SiteStatus.TICKETED, True),
}


def life(name: str, col: int, hour: int) -> list[Look]:
    """The looks of one site: days of hits, days of quiet."""
    hits, quiet = LIVES[name]
    drawn = [look(day, patch(col=col), seen=Column(col), hour=hour) for day in hits]
    return drawn + [look(day, seen=Column(col), hour=hour) for day in quiet]


@pytest.mark.parametrize("older", LIVES)
@pytest.mark.parametrize("younger", LIVES)
def test_a_merger_takes_the_liveliest_status_and_keeps_what_was_confirmed(older: str, younger: str) -> None:
    table = fold([*life(older, 0, 0), *life(younger, 10, 5)], PROFILE)
    apart = [table.sites[A], table.sites[B]]
    assert [(s.status, s.first_confirmed_at is not None) for s in apart] == [STANDING[older], STANDING[younger]]
    merged = step(table, look(300, patch(width=13, hit=False)), PROFILE).table
    site = only(merged)
    confirmed = [s.first_confirmed_at for s in apart if s.first_confirmed_at is not None]
    assert site.id == A
    assert site.first_confirmed_at == min(confirmed, default=None)
    expected = {"open": OPEN, "finished": {SiteStatus.FINISHED}, "suspected": {SiteStatus.SUSPECTED}}
    liveliest = next((name for name in expected if name in (older, younger)), "finished")
    assert site.status in expected[liveliest]
    assert (open_ticket(merged, site) is not None) == (liveliest == "open")
    assert (site.openings > 0) == bool(confirmed)
    assert site.hits >= max(s.hits for s in apart)


def test_a_lapsed_survivor_that_inherits_a_confirmation_tells_it() -> None:
    table = fold([*life("lapsed", 0, 0), *life("finished", 10, 5)], PROFILE)
    done = step(table, look(300, patch(width=13, hit=False)), PROFILE)
    assert kinds(done) == ["site.merged", "site.finished"]
    assert done.events[1].body == {"first_confirmed_at": "2025-03-07T06:30:00Z"}


def test_a_finished_survivor_of_an_open_site_is_reopened_with_its_own_next_ticket() -> None:
    looks = [*CONFIRMING, *QUIET, look(130, patch(col=10)), look(136, patch(col=10))]
    table, steps = run([*looks, look(140, patch(width=13, hit=False))])
    site = only(table)
    assert (site.id, site.status, site.openings) == (A, SiteStatus.REOPENED, 2)
    assert kinds(steps[-1]) == ["site.merged", "ticket.withdrawn", "site.reopened", "ticket.opened"]
    live = [ticket for ticket in table.tickets.values() if ticket.withdrawn_reason is None]
    assert {(ticket.site_id, ticket.ordinal) for ticket in live} == {(A, 1), (A, 2)}


# identity


def test_outlines_that_only_touch_are_two_places() -> None:
    table, _ = run([look(0, patch(width=3), patch(col=3, width=3))])
    assert len(active(table)) == 2


def test_a_place_is_connected_through_other_outlines() -> None:
    table, _ = run([look(0, patch(), patch(col=10), patch(col=20))])
    drawn = places(active(table), [patch(col=2, width=9), patch(col=12, width=9), patch(col=40)])
    assert [(len(place.sites), len(place.candidates)) for place in drawn] == [(3, 2), (0, 1)]
    assert len(drawn[0].fresh) == 2


def test_overlapping_patches_of_one_look_found_one_site() -> None:
    table, _ = run([look(0, patch(width=5), patch(col=2, width=5))])
    assert only(table).outline.equals(box(0, 0, 70, 30))


def test_an_id_that_is_taken_is_numbered_on() -> None:
    elsewhere = patch(outline=box(500, 500, 530, 530))
    table, _ = run([look(0, patch()), look(0, elsewhere, hour=5)])
    assert sorted(table.sites) == [A, f"{A}-2"]


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
