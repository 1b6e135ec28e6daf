"""Laws of the weekly choice: nobody is lost, no cap is broken but by what is urgent, no rank is passed over."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.errors import DeliveryError
from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.delivery.choosing import Why, choose
from sat_monitor.delivery.lead import Lead
from sat_monitor.delivery.message import message_from_plain
from sat_monitor.delivery.parcel import Parcel, parcel_from_plain
from sat_monitor.delivery.settings import RetrySettings
from tests.delivery_world import lead
from tests.store_world import NOW

CAPS = DeliverySettings()


@st.composite
def leads(draw: st.DrawFn, prefix: str) -> list[Lead]:
    count = draw(st.integers(0, 14))
    return [
        lead(
            number,
            ticket_id=f"{prefix}-{number}",
            rank=float(draw(st.integers(0, 5))),
            municipality=draw(st.sampled_from(["a", "b", None])),
            urgent=("acceleration",) if draw(st.integers(0, 5)) == 0 else (),
            islands=draw(st.booleans()),
        )
        for number in range(count)
    ]


@given(leads("new"), leads("old"), st.booleans())
def test_all_go_or_wait_and_caps_hold_for_what_is_not_urgent(
    new: list[Lead], issued: list[Lead], in_turn: bool
) -> None:
    choice = choose(new, issued, CAPS, in_turn, frozenset(one.ticket_id for one in new))
    assert Counter(p.lead.ticket_id for p in (*choice.going, *choice.waiting)) == Counter(x.ticket_id for x in new)
    assert {p.lead.ticket_id for p in choice.going if p.why is Why.URGENT} == {
        x.ticket_id for x in new if x.standing.urgent
    }
    by_rank = [p.lead for p in choice.going if p.why is Why.RANK]
    assert in_turn or not by_rank
    out = [*issued, *(p.lead for p in choice.going)]
    for one in by_rank:
        cap = CAPS.islands_per_week if one.islands else CAPS.area_per_week
        assert sum(x.area == one.area for x in out) <= cap
        town = one.standing.municipality
        assert town is None or sum(x.standing.municipality == town for x in out) <= CAPS.municipality_per_week


@given(leads("new"), leads("old"))
def test_nobody_goes_before_a_higher_rank_of_the_same_area_and_town(new: list[Lead], issued: list[Lead]) -> None:
    choice = choose(new, issued, CAPS, True, frozenset(one.ticket_id for one in new))
    for gone in (p.lead for p in choice.going if p.why is Why.RANK):
        for waits in (p.lead for p in choice.waiting):
            if (gone.area, gone.standing.municipality) == (waits.area, waits.standing.municipality):
                assert gone.standing.rank >= waits.standing.rank
    for area in {p.lead.area for p in choice.waiting}:
        mine = [p for p in choice.waiting if p.lead.area == area]
        assert [p.position for p in mine] == list(range(1, len(mine) + 1))
        assert [p.lead.standing.rank for p in mine] == sorted((p.lead.standing.rank for p in mine), reverse=True)


@given(leads("new"), st.randoms())
def test_the_choice_does_not_depend_on_the_order_of_the_leads(new: list[Lead], draw: object) -> None:
    mixed = list(new)
    draw.shuffle(mixed)  # type: ignore[attr-defined]
    taken = frozenset(one.ticket_id for one in new)
    assert choose(mixed, (), CAPS, True, taken) == choose(new, (), CAPS, True, taken)


@given(st.lists(st.sampled_from(["E2102", "E2103", "E2104"]), max_size=30))
def test_a_parcel_waits_ever_longer_and_dies_only_of_its_own_fault(codes: list[str]) -> None:
    plain = {"id": "t", "kind": "ticket", "subject": "", "text": "", "made_at": "2025-07-01T00:00:00Z"}
    parcel, retry, now = Parcel(message_from_plain({**plain, "facts": {}, "files": []})), RetrySettings(tries=5), NOW
    for number, code in enumerate(codes, 1):
        before = parcel
        parcel = parcel.failed(DeliveryError(code, "said"), now, retry)
        assert parcel_from_plain(parcel.to_plain()) == parcel
        assert parcel.dead == (code == "E2104" or (code == "E2103" and codes[:number].count("E2103") >= retry.tries))
        assert parcel.message == before.message
        if parcel.dead:
            assert not parcel.ready(now + timedelta(days=9999))
            assert parcel.revived().ready(fixed_clock(now)())
            return
        assert parcel.next_at is not None
        assert now < parcel.next_at <= now + timedelta(hours=retry.longest_wait_hours)
        now = parcel.next_at
