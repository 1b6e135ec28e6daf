"""Delivery as a whole: caps, weeks, urgency, tries, dead letters, digests; each run may be the last before a crash."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from sat_monitor.casework import CaseDesk
from sat_monitor.core.casework import CaseStep
from sat_monitor.core.clock import parse_iso
from sat_monitor.core.domain import Crossing
from sat_monitor.core.errors import DeliveryError
from sat_monitor.core.profile import Profile
from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.core.surroundings import LegalCheck, Ranking, Reason, Surroundings
from sat_monitor.delivery.choosing import Why, choose, week_of
from sat_monitor.delivery.lead import lead_from_plain
from sat_monitor.delivery.run import opened, revive
from sat_monitor.delivery.settings import RetrySettings, read_delivery, read_secret
from sat_monitor.delivery.urgency import sure_growth_m2_per_month, urgent_reasons
from sat_monitor.doctor import examine
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.sites.ranking import Signs, rank
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import Move
from tests.case_world import HAND
from tests.delivery_world import (
    SECRETS,
    Mailbox,
    Post,
    folder_sink,
    free_port,
    hook_server,
    hook_sink,
    lead,
    mail_server,
    mail_sink,
    post,
)
from tests.store_world import site

ALL = DeliverySettings()


def picked(leads, issued=(), settings=ALL, in_turn=True, taken=None):  # type: ignore[no-untyped-def]
    ids = frozenset(one.ticket_id for one in leads) if taken is None else taken
    return choose(leads, issued, settings, in_turn, ids)


# Choice


def test_five_of_an_area_go_a_week_and_the_rest_wait_with_their_rank() -> None:
    choice = picked([lead(n) for n in range(8)])
    assert [p.lead.ticket_id for p in choice.going] == [f"ticket-{n:03}" for n in range(5)]
    assert [(p.position, p.why) for p in choice.waiting] == [(1, Why.AREA_CAP), (2, Why.AREA_CAP), (3, Why.AREA_CAP)]


def test_a_municipality_gets_two_and_the_next_one_moves_up() -> None:
    choice = picked([lead(n, municipality="町" if n < 4 else f"町{n}") for n in range(6)])
    assert [p.lead.ticket_id[-1] for p in choice.going] == ["0", "1", "4", "5"]
    assert {p.why for p in choice.waiting} == {Why.MUNICIPALITY_CAP}


def test_unknown_municipalities_are_not_one_town() -> None:
    assert len(picked([lead(n, municipality=None) for n in range(8)]).going) == 5


def test_all_islands_share_one_place_that_tama_does_not_take() -> None:
    islands = [lead(n, aoi=f"island-{n}", islands=True) for n in range(3)]
    choice = picked([*islands, *(lead(n) for n in range(3, 9))])
    assert sum(p.lead.islands for p in choice.going) == 1
    assert sum(not p.lead.islands for p in choice.going) == 5


def test_urgent_ones_go_beyond_the_caps_and_count() -> None:
    urgent = [lead(n, urgent=("acceleration",)) for n in (7, 8)]
    choice = picked([*(lead(n) for n in range(6)), *urgent])
    assert {p.lead.ticket_id[-1] for p in choice.going} == {"7", "8", "0", "1", "2"}
    late = picked(urgent, issued=[lead(n) for n in range(5)], in_turn=False)
    assert [p.why for p in late.going] == [Why.URGENT, Why.URGENT]


def test_out_of_turn_only_urgent_ones_go() -> None:
    assert picked([lead(0)], in_turn=False).going == ()


@pytest.mark.parametrize("begins_on", range(1, 8))
def test_a_week_holds_its_day_and_begins_on_its_weekday(begins_on: int) -> None:
    for number in range(20):
        day = date(2025, 7, 1) + timedelta(days=number)
        first = week_of(day, begins_on)
        assert first <= day < first + timedelta(days=7)
        assert first.isoweekday() == begins_on


def grown(days: int, area_m2: float) -> object:
    one = site()
    below = one.last_support_at.date() - timedelta(days=days)
    return replace(one, area_m2=area_m2, area_error_m2=100.0, over_500_m2=Crossing(below, one.last_support_at.date()))


def test_growth_is_urgent_above_houses_only() -> None:
    houses = Reason("houses_downstream", 9.0, (("distance_m", 120.0),))
    fast, slow = grown(30, 1200.0), grown(30, 650.0)
    assert urgent_reasons(fast, Ranking(1.0, (houses,)), ALL) == ("growth_above_houses",)
    assert urgent_reasons(fast, Ranking(1.0, ()), ALL) == ()
    assert urgent_reasons(slow, Ranking(1.0, (houses,)), ALL) == ()
    assert sure_growth_m2_per_month(grown(200, 5000.0)) == 0.0
    measured = Reason("growing", 3.0, (("m2_per_month", 900.0),))
    assert urgent_reasons(slow, Ranking(1.0, (houses, measured)), ALL) == ("growth_above_houses",)


def test_ground_that_moves_faster_and_faster_is_urgent() -> None:
    judged = rank(site(), None, Surroundings(), LegalCheck(), Profile(), Signs(los_mm_per_year=-3.0, accelerates=True))
    assert urgent_reasons(site(), judged, ALL) == ("acceleration",)
    steady = rank(site(), None, Surroundings(), LegalCheck(), Profile(), Signs(los_mm_per_year=-30.0))
    assert urgent_reasons(site(), steady, ALL) == ()


# Runs


def test_a_run_delivers_once_and_the_next_one_nothing(tmp_path: Path) -> None:
    place = post(tmp_path, 3)
    with mail_server() as box, hook_server() as hook:
        place.sinks(mail_sink(box), hook_sink(hook), folder_sink(takes=["ticket"]))
        first = place.run()
        assert (len(first.chosen), len(first.sent), first.degraded) == (3, 9, False)
        second = place.run()
    assert (len(second.chosen), len(second.sent)) == (0, 0)
    assert len(set(box.ids)) == len(box.ids) == 3
    assert len(hook.asked) == 3
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert place.event_kinds().count("delivery.handed_over") == 9
    assert verify(place.home).ok


def test_without_receivers_all_waits_and_nothing_is_lost(tmp_path: Path) -> None:
    place = post(tmp_path, 3)
    report = place.run()
    assert (report.chosen, len(report.waiting), report.degraded) == ((), 3, False)
    place.sinks(folder_sink(takes=["ticket"]))
    assert len(place.run().sent) == 3


def test_the_rest_goes_in_the_next_week_and_not_before(tmp_path: Path) -> None:
    place = post(tmp_path, 7)
    place.settings = DeliverySettings()
    place.sinks(folder_sink(takes=["ticket"]))
    assert len(place.run().sent) == 5
    place.clock.at += timedelta(days=2)
    assert [p.why for p in place.run().waiting] == [Why.WEEK, Why.WEEK]
    place.clock.at += timedelta(days=5)
    assert len(place.run().sent) == 2


def test_a_receiver_gets_what_its_filters_say_and_what_nobody_takes_waits(tmp_path: Path) -> None:
    place = post(tmp_path, 3)
    place.sinks(folder_sink(takes=["ticket"], municipalities=["町1"]))
    report = place.run()
    assert [key for key, _ in report.sent] == ["ticket-001:to:share"]
    assert [p.why for p in report.waiting] == [Why.NOBODY, Why.NOBODY]
    assert "E2106" in report.failed[0]


def test_a_ticket_that_was_withdrawn_is_not_sent(tmp_path: Path) -> None:
    place = post(tmp_path, 2)
    place.withdraw("ticket-000")
    place.sinks(folder_sink(takes=["ticket"]))
    assert [key for key, _ in place.run().sent] == ["ticket-001:to:share"]


def test_a_ticket_that_the_desk_has_ended_is_not_sent(tmp_path: Path) -> None:
    place = post(tmp_path, 2)
    with Store(place.home.database, place.clock) as store:
        at = CaseDesk(store, AoiRegistry(place.home.aoi))
        for step, details in (
            (CaseStep.DESK_CHECK, {}),
            (CaseStep.VERDICT, {"verdict": "public_works"}),
            (CaseStep.CLOSE, {}),
        ):
            at.step("ticket-000", Move(step, details), HAND)
    place.sinks(folder_sink(takes=["ticket"]))
    report = place.run()
    assert [key for key, _ in report.sent] == ["ticket-001:to:share"]
    assert report.waiting == ()


def test_a_receiver_that_is_down_is_left_alone_longer_each_time_and_loses_nothing(tmp_path: Path) -> None:
    place = post(tmp_path, 3)
    box = Mailbox(port=free_port())
    place.sinks(mail_sink(box), retry={"first_wait_minutes": 10.0, "longest_wait_hours": 1.0, "tries": 2})
    waits = []
    for _ in range(6):
        tried_at = place.clock.at
        report = place.run()
        assert len(report.failed) == 1, "one try for all that wait"
        assert "E2102" in report.failed[0]
        assert report.dead == ()
        [again_at] = _next_tries(place)
        waits.append((again_at - tried_at) / timedelta(minutes=1))
        place.clock.at = again_at - timedelta(seconds=1)
        assert place.run().failed == (), "too early"
        place.clock.at = again_at
    assert waits == [10, 20, 40, 60, 60, 60]
    with mail_server(box):
        assert len(place.run().sent) == 3
    assert len(set(box.ids)) == 3


def _next_tries(place: Post) -> set[datetime]:
    with place.store() as store:
        return {parse_iso(row.payload["next_at"]) for row in store.outbox_due("to:desk")}


def test_a_refused_mail_is_a_dead_letter_until_it_is_taken_up_again(tmp_path: Path) -> None:
    place = post(tmp_path, 3)
    with mail_server(Mailbox(answers={"DATA": ["554 no"]})) as box:
        place.sinks(mail_sink(box))
        report = place.run()
        assert len(report.sent) == 2
        assert "E2104" in report.dead[0]
        assert ("delivery", "1 receivers, 1 dead letters", False) in [
            (f.what, f.found, f.ok) for f in examine(place.home)
        ]
        assert any("DEAD LETTER ticket-000:to:desk" in line for line in report.lines())
        place.clock.at += timedelta(days=3)
        assert place.run().sent == ()
        with opened(place.home, place.clock) as shelf:
            revive(shelf, "ticket-000:to:desk")
        assert len(place.run().sent) == 1
    assert sorted(box.ids) == [f"<ticket-00{n}@city.test>" for n in range(3)]
    assert verify(place.home).ok


def test_who_asks_to_come_again_for_ever_becomes_a_dead_letter_after_the_stated_tries(tmp_path: Path) -> None:
    place = post(tmp_path, 1)
    with mail_server(Mailbox(answers={"RCPT": ["451 greylisted <desk@city.test>"] * 9})) as box:
        place.sinks(mail_sink(box), retry={"tries": 3})
        reports = []
        for _ in range(5):
            reports.append(place.run())
            place.clock.at += timedelta(days=1)
    assert [len(report.dead) for report in reports] == [0, 0, 1, 1, 1]
    assert "E2105" in reports[-1].dead[0]
    assert "desk@city.test" not in str(reports)


def test_a_page_that_changed_after_the_choice_is_not_sent(tmp_path: Path) -> None:
    place = post(tmp_path, 2)
    (place.home.tickets / "tama-ticket-000" / "ticket.pdf").write_bytes(b"%PDF other")
    place.sinks(folder_sink(takes=["ticket"]))
    report = place.run()
    assert len(report.sent) == 1
    assert "sha256" in report.dead[0]


def test_a_missing_secret_stops_only_its_receiver(tmp_path: Path) -> None:
    place = post(tmp_path, 1)
    with hook_server() as hook:
        place.sinks(hook_sink(hook), folder_sink(takes=["ticket"]))
        report = place.run(environment={})
        assert [key for key, _ in report.sent] == ["ticket-000:to:share"]
        assert "E2101" in report.failed[0]
        assert len(place.run().sent) == 1


def test_settings_that_are_not_understood_are_named_and_keep_all(tmp_path: Path) -> None:
    place = post(tmp_path, 1)
    place.sinks({"name": "x", "kind": "pigeon"})
    report = place.run()
    assert "E2101" in report.failed[0]
    place.sinks(folder_sink(takes=["ticket"]))
    assert len(place.run().sent) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "a@x.test, b@x.test"}, {"to": "a@x.test\r\nBcc: b@x.test"}, {"sender": "nobody"},
        {"user": "u", "host": "mail.test"}, {"name": "Big"}, {"port": 0},
    ],
)  # fmt: skip
def test_mail_settings_that_cannot_be_right_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    place = post(tmp_path, 0)
    place.sinks(mail_sink(Mailbox(port=25), **changes))
    with pytest.raises(DeliveryError, match="E2101"):
        read_delivery(place.home)


@pytest.mark.parametrize("url", ["http://example.test/x", "https://u:p@example.test/", "ftp://example.test"])
def test_a_hook_without_protection_is_refused(tmp_path: Path, url: str) -> None:
    place = post(tmp_path, 0)
    place.sinks({"name": "hook", "kind": "webhook", "url": url})
    with pytest.raises(DeliveryError, match="E2101"):
        read_delivery(place.home)


def test_secrets_come_from_the_environment_or_a_file_of_its_owner_and_stay_out_of_the_store(tmp_path: Path) -> None:
    place = post(tmp_path, 1)
    path = tmp_path / "delivery-secrets.toml"
    path.write_text('hook = "from the file"')
    path.chmod(0o644)
    with pytest.raises(DeliveryError, match="mode 644"):
        read_secret(place.home, "hook", {})
    path.chmod(0o600)
    assert read_secret(place.home, "hook", {}).get_secret_value() == "from the file"
    assert read_secret(place.home, "hook", SECRETS).get_secret_value() == "correct horse"
    path.write_text("hook = from the file")
    with pytest.raises(DeliveryError) as caught:
        read_secret(place.home, "hook", {})
    assert "from the file" not in str(caught.value)
    with hook_server(500) as hook:
        place.sinks(hook_sink(hook))
        report = place.run()
    kept = place.home.database.read_bytes() + str(report).encode()
    assert b"correct horse" not in kept
    assert str(hook.port).encode() not in str(report).encode()


def test_waits_double_up_to_the_longest_and_a_lead_survives_the_store() -> None:
    from sat_monitor.delivery.parcel import wait_after

    retry = RetrySettings()
    waits = [wait_after(tries, retry) for tries in range(1, 60)]
    assert waits[:3] == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=20)
    one = lead(3, urgent=("acceleration",))
    assert lead_from_plain(json.loads(json.dumps(one.to_plain()))) == one


# Digests


def test_a_digest_goes_once_a_week_and_lists_what_went_and_what_waits(tmp_path: Path) -> None:
    place = post(tmp_path, 8)
    place.settings = DeliverySettings()
    with mail_server() as box:
        place.sinks(mail_sink(box, takes=["digest"]), folder_sink(takes=["ticket"]))
        place.run()
        place.run()
        place.clock.at += timedelta(days=7)
        place.withdraw("ticket-001")
        place.run()
    assert box.ids == ["<digest-2025-06-30-desk@city.test>", "<digest-2025-07-07-desk@city.test>"]
    first, second = (mail.get_body(("plain",)).get_content() for mail in box.mails)
    assert "東京都 / 町0" in first
    assert "(1) 町5 票 ticket-005 優先度 85" in first
    assert "地域の週の上限" in first
    assert "ticket-001" in second
    assert "取り下げた票(観測から導かれなくなった): 1 件" in second


def test_a_digest_tells_a_receiver_nothing_of_other_towns(tmp_path: Path) -> None:
    place = post(tmp_path, 3)
    place.sinks(folder_sink(municipalities=["町1"]))
    place.run()
    [folder] = [path for path in (tmp_path / "out").iterdir() if path.name.startswith("digest")]
    text = (folder / "message.txt").read_text(encoding="utf-8") + (folder / "message.json").read_text(encoding="utf-8")
    assert "町1" in text
    assert "町0" not in text
    assert "ticket-002" not in text


def test_a_crash_between_choice_and_sending_neither_loses_nor_chooses_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = post(tmp_path, 7)
    place.settings = DeliverySettings()
    place.sinks(folder_sink(takes=["ticket"]))

    def crash(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sat_monitor.delivery.run.send_due", crash)
    with pytest.raises(KeyboardInterrupt):
        place.run()
    monkeypatch.undo()
    report = place.run()
    assert (len(report.chosen), len(report.sent), len(report.waiting)) == (0, 5, 2)
