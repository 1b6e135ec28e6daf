"""Sites that turn out to be one, and what makes two patches one place."""

from __future__ import annotations

from typing import Any

import pytest
from shapely.geometry import box

from sat_monitor.core.domain import Kind, Look, SiteStatus
from sat_monitor.sites.lifecycle import (
    active,
    fold,
    open_ticket,
    step,
    survivor_of,
    ticket_id,
)
from sat_monitor.sites.matching import places
from sat_monitor.sites.transitions import OPEN
from tests.site_world import CONFIRMING, PROFILE, QUIET, A, B, kinds, look, only, patch, run

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
