"""Laws of the life of sites, tried on small worlds of boxes with hits, standing patches, quiet and blind looks."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from sat_monitor.core.domain import Candidate, Kind, Look, Sensor, SiteStatus, StartInterval
from sat_monitor.core.profile import LifecycleSettings, Profile, TicketSettings
from sat_monitor.sites.lifecycle import SiteTable, Step, active, fold, open_ticket, step, survivor_of, ticket_id
from sat_monitor.sites.transitions import ALLOWED, OPEN

EMPTY = SiteTable({}, {})
DAY0 = datetime(2025, 1, 1, tzinfo=UTC)
CELL_M = 10.0
many = settings(max_examples=120, deadline=None)


@dataclass(frozen=True)
class Sight:
    """Which sites a look saw: none, all, or those that its salt picks, so that a site's id alone decides."""

    share: float
    salt: int | None = None

    def get(self, key: str, default: Any = None) -> Any:
        """The share seen of site `key`."""
        if self.salt is None:
            return self.share
        return self.share if zlib.crc32(f"{key}|{self.salt}".encode()) % 2 else 0.0


sights = st.one_of(
    st.just(Sight(1.0)), st.just(Sight(0.0)), st.just(Sight(0.3)), st.builds(Sight, st.just(0.9), st.integers(0, 5))
)


@st.composite
def candidates(draw: st.DrawFn, day: date) -> Candidate:
    """A box of a few cells, on few spots so that sites are met again; the widest spans its neighbours too."""
    row, col = draw(st.sampled_from((0, 0, 1))), draw(st.sampled_from((0, 3, 6)))
    height, width = draw(st.integers(1, 2)), draw(st.sampled_from((1, 2, 2, 2, 5)))
    area = 100.0 * height * width
    earliest = draw(st.one_of(st.none(), st.integers(1, 60).map(lambda back: day - timedelta(days=back))))
    return Candidate(
        outline=box(col * CELL_M, row * CELL_M, (col + width) * CELL_M, (row + height) * CELL_M),
        anchor=(row, col),
        kind=draw(st.sampled_from((Kind.EARTHWORK, Kind.VEGETATION_LOSS, Kind.CHANGE))),
        area_m2=area,
        area_error_m2=area / 5,
        score_max=draw(st.sampled_from((0.5, 3.5, 6.0))),
        score_mean=0.5,
        hit=draw(st.sampled_from((True, True, False))),
        start=StartInterval(earliest, day),
        evidence={"llr_nats": draw(st.sampled_from((-0.5, 0.5)))},
    )


@st.composite
def worlds(draw: st.DrawFn) -> list[Look]:
    """Looks in order, some on the same day, each with up to three patches."""
    day, made = 0, []
    for number in range(draw(st.integers(3, 18))):
        day += draw(st.sampled_from((0, 1, 6, 12, 30)))
        at = DAY0 + timedelta(days=day, minutes=number)
        found = draw(st.lists(candidates(at.date()), max_size=3, unique_by=lambda c: c.anchor))
        sight: Any = draw(sights)
        made.append(Look(f"s{draw(st.integers(0, 9))}-{number}", "w", Sensor.S2, at, tuple(found), sight))
    return made


profiles = st.builds(
    lambda hits, lapse, extra, looks: Profile(
        lifecycle=LifecycleSettings(
            confirm_hits=hits, lapse_days=lapse, finish_days=max(30, lapse + extra), finish_looks=looks
        )
    ),
    st.integers(1, 3),
    st.integers(10, 40),
    st.integers(0, 20),
    st.integers(1, 2),
)


def steps(looks: Sequence[Look], profile: Profile, table: SiteTable = EMPTY) -> list[Step]:
    """The steps of looks given in order."""
    done = []
    for look in looks:
        done.append(step(table, look, profile))
        table = done[-1].table
    return done


def with_hits(profile: Profile, confirm_hits: int) -> Profile:
    """The profile with another number of hits."""
    return profile.model_copy(update={"lifecycle": profile.lifecycle.model_copy(update={"confirm_hits": confirm_hits})})


@many
@given(worlds(), profiles, st.randoms(use_true_random=False))
def test_the_same_looks_in_any_arrival_order_give_the_same_table(
    looks: list[Look], profile: Profile, order: Any
) -> None:
    shuffled = list(looks)
    order.shuffle(shuffled)
    assert fold(shuffled, profile) == fold(looks, profile)


@many
@given(worlds(), profiles, st.randoms(use_true_random=False))
def test_the_order_of_candidates_within_a_look_does_not_matter(looks: list[Look], profile: Profile, order: Any) -> None:
    def mixed(look: Look) -> Look:
        return replace(look, candidates=tuple(order.sample(look.candidates, len(look.candidates))))

    for one, other in zip(steps(looks, profile), steps([mixed(look) for look in looks], profile), strict=True):
        assert one.events == other.events
        assert one.table.tickets == other.table.tickets
        for site, same in zip(active(one.table), active(other.table), strict=True):
            assert same.outline.equals(site.outline)
            assert replace(same, outline=site.outline) == site


@many
@given(worlds(), profiles, st.data())
def test_recomputing_from_a_late_look_on_gives_the_fold_of_all(
    looks: list[Look], profile: Profile, data: st.DataObject
) -> None:
    late = data.draw(st.integers(0, len(looks) - 1))
    before_it = fold(looks[:late], profile)
    recomputed = steps(looks[late:], profile, before_it)[-1].table
    assert recomputed == fold([*looks[:late], *looks[late + 1 :], looks[late]], profile)


@many
@given(worlds(), profiles)
def test_a_table_depends_on_no_later_look(looks: list[Look], profile: Profile) -> None:
    whole = fold(looks, profile)
    for count, done in enumerate(steps(looks, profile), start=1):
        now = looks[count - 1].acquired_at
        assert done.table == fold(looks[:count], profile)
        known = {s.first_confirmed_at for s in done.table.sites.values()}
        dated = {
            s.first_confirmed_at for s in whole.sites.values() if (s.first_confirmed_at or looks[-1].acquired_at) <= now
        }
        assert dated <= known | {None}
        assert {t.id: t.opened_at for t in whole.tickets.values() if t.opened_at <= now} == {
            t.id: t.opened_at for t in done.table.tickets.values()
        }


@many
@given(worlds(), profiles)
def test_a_blind_look_changes_nothing(looks: list[Look], profile: Profile) -> None:
    table = fold(looks, profile)
    blind: Any = Sight(0.49)
    later = Look("blind", "w", Sensor.S2, looks[-1].acquired_at + timedelta(days=900), (), blind)
    assert step(table, later, profile) == Step(table, ())
    assert step(table, later, profile).table is table


@many
@given(worlds(), profiles)
def test_more_hits_to_confirm_only_remove_or_delay_confirmations(looks: list[Look], profile: Profile) -> None:
    hits = profile.lifecycle.confirm_hits
    easy, hard = fold(looks, profile), fold(looks, with_hits(profile, hits + 1))
    assert easy.sites.keys() == hard.sites.keys()
    for site_id, strict in hard.sites.items():
        loose = easy.sites[site_id]
        assert strict.outline == loose.outline
        if strict.first_confirmed_at is not None:
            assert loose.first_confirmed_at is not None
            assert loose.first_confirmed_at <= strict.first_confirmed_at


@many
@given(worlds(), profiles, st.data())
def test_clearing_hits_moves_no_outline_and_only_removes_or_delays_tickets(
    looks: list[Look], profile: Profile, data: st.DataObject
) -> None:
    def dimmed(look: Look) -> Look:
        kept = [replace(c, hit=c.hit and data.draw(st.booleans())) for c in look.candidates]
        return replace(look, candidates=tuple(kept))

    bright, dim = fold(looks, profile), fold([dimmed(look) for look in looks], profile)
    assert bright.sites.keys() == dim.sites.keys()
    for site_id, site in dim.sites.items():
        assert (site.outline, site.kind, site.merged_into) == (
            bright.sites[site_id].outline,
            bright.sites[site_id].kind,
            bright.sites[site_id].merged_into,
        )
    first = {t.site_id: t.opened_at for t in sorted(bright.tickets.values(), key=lambda t: -t.ordinal)}
    for ticket in dim.tickets.values():
        assert first[ticket.site_id] <= ticket.opened_at


@many
@given(worlds(), profiles)
def test_status_confirmation_and_ticket_of_every_site_agree(looks: list[Look], profile: Profile) -> None:
    for done in steps(looks, profile):
        live = [t for t in done.table.tickets.values() if t.withdrawn_reason is None]
        assert len({(t.site_id, t.ordinal) for t in live}) == len(live)
        for site in active(done.table):
            confirmed = site.first_confirmed_at is not None
            assert confirmed == (site.openings > 0)
            assert confirmed >= (site.status in OPEN)
            assert not (confirmed and site.status is SiteStatus.SUSPECTED)
            assert (site.status is SiteStatus.REOPENED) == (site.status in OPEN and site.openings > 1)
            assert len(set(site.hit_days)) == len(site.hit_days) <= site.hits
            own = [t.ordinal for t in live if t.site_id == site.id]
            assert max(own, default=0) <= site.openings
            has_ticket = open_ticket(done.table, site) is not None
            assert has_ticket or site.status is not SiteStatus.TICKETED
            if site.status in OPEN and site.kind in profile.tickets.kinds:
                assert has_ticket


@many
@given(worlds(), profiles)
def test_open_tickets_name_active_sites_and_each_site_has_at_most_one(looks: list[Look], profile: Profile) -> None:
    for done in steps(looks, profile):
        opened = [open_ticket(done.table, site) for site in done.table.sites.values()]
        owners = [ticket.site_id for ticket in opened if ticket is not None]
        assert len(set(owners)) == len(owners)
        assert set(owners) <= {site.id for site in active(done.table)}


@many
@given(worlds(), profiles)
def test_what_was_confirmed_or_ticketed_never_vanishes(looks: list[Look], profile: Profile) -> None:
    done = steps(looks, profile)
    for earlier, later in pairwise(done):
        assert earlier.table.sites.keys() <= later.table.sites.keys()
        assert earlier.table.tickets.keys() <= later.table.tickets.keys()
        for site in earlier.table.sites.values():
            heir = survivor_of(later.table, site.id)
            assert heir.outline.covers(site.outline)
            assert heir.score_max >= site.score_max
            assert heir.area_m2 >= site.area_m2
            assert heir.hits >= site.hits
            if site.first_confirmed_at is not None:
                assert later.table.sites[site.id].first_confirmed_at is not None
                assert heir.first_confirmed_at is not None
                assert heir.first_confirmed_at <= site.first_confirmed_at
            if open_ticket(earlier.table, site) is not None and heir.status in OPEN:
                assert open_ticket(later.table, heir) is not None
        for ticket in earlier.table.tickets.values():
            now = later.table.tickets[ticket.id]
            assert replace(now, withdrawn_reason=ticket.withdrawn_reason) == ticket


@many
@given(worlds(), profiles)
def test_no_two_active_sites_share_ground(looks: list[Look], profile: Profile) -> None:
    for one, other in combinations(active(fold(looks, profile)), 2):
        assert one.outline.intersection(other.outline).area == 0.0


@many
@given(worlds(), profiles)
def test_ids_are_functions_of_what_they_name(looks: list[Look], profile: Profile) -> None:
    table = fold(looks, profile)
    for site_id, site in table.sites.items():
        row, col = site.anchor
        assert site.id == site_id
        assert re.fullmatch(rf"w-{site.first_seen_at:%Y%m%d}-{row:04d}-{col:04d}(-\d+)?", site_id)
    for number, ticket in table.tickets.items():
        assert number == ticket.id == ticket_id(ticket.site_id, ticket.ordinal)


@many
@given(worlds(), profiles)
def test_untouched_sites_stay_the_same_objects_and_old_tables_are_never_changed(
    looks: list[Look], profile: Profile
) -> None:
    table = EMPTY
    for look in looks:
        kept = SiteTable(dict(table.sites), dict(table.tickets))
        done = step(table, look, profile)
        assert table == kept
        for site_id, site in table.sites.items():
            after = done.table.sites[site_id]
            assert after is site or after != site
        table = done.table


@many
@given(worlds(), profiles)
def test_statuses_follow_the_table_and_every_change_is_told(looks: list[Look], profile: Profile) -> None:
    table = EMPTY
    for look, done in zip(looks, steps(looks, profile), strict=True):
        told = {(event.site_id, event.kind) for event in done.events}
        for site_id, site in done.table.sites.items():
            before = table.sites.get(site_id)
            if before is None:
                assert (site_id, "site.suspected") in told
            elif before.status is not site.status:
                assert _reachable(before.status, site.status)
                assert any(owner == site_id for owner, _ in told)
            if before is None or before.openings < site.openings:
                assert site.openings == 0 or told & {
                    (site_id, "site.confirmed"),
                    (site_id, "site.reopened"),
                    (site_id, "site.finished"),
                }
        for ticket in done.table.tickets.values():
            fresh = ticket.id not in table.tickets
            assert fresh == (ticket.opening_scene_id == look.scene_id and (ticket.site_id, "ticket.opened") in told)
        table = done.table


def _reachable(first: SiteStatus, last: SiteStatus) -> bool:
    """Whether `last` follows `first` in at most three steps of the table: more never happen in one look."""
    reached = {first}
    for _ in range(3):
        reached |= {after for status in reached for after in ALLOWED[status]}
    return last in reached


@many
@given(worlds(), profiles)
def test_without_ticket_kinds_nothing_but_tickets_is_missing(looks: list[Look], profile: Profile) -> None:
    none = profile.model_copy(update={"tickets": TicketSettings(kinds=())})
    silent, loud = fold(looks, none), fold(looks, profile)
    assert silent.tickets == {}
    assert {i: s.first_confirmed_at for i, s in silent.sites.items()} == {
        i: s.first_confirmed_at for i, s in loud.sites.items()
    }
