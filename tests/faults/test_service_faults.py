"""Services that throttle, fail and break off (faults B1 to B6): each ends in its number, within its budget."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.clock import system_clock
from sat_monitor.core.errors import ServiceError
from sat_monitor.standin import faults
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.server import Rule, Sender
from sat_monitor.store.usage import Quota, UsageMeter
from tests.service_world import BUDGET, CLIENT, PROCESS, SEARCH, TOKEN, World, aoi, outcome, world

IMAGE = "/api/v1/process"


def spoil(hub: World, sender: Sender, times: int = 1, where: str = PROCESS) -> None:
    hub.stand_in.rules.append(Rule(where, sender, times))


def later(seconds: float) -> str:
    return format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)


# B1: asked to wait


@pytest.mark.parametrize(
    ("told", "least_s"),
    [("300", 0.3), ("1200", 1.2), ("1", 1.0), ("", 0.0), ("-5", 0.0), ("soon", 0.0), ("nan", 0.0), ("inf", 0.0)],
)
def test_no_request_leaves_before_the_told_time(hub: World, told: str, least_s: float) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.status(429, {"Retry-After": told}))
    assert outcome(source, wanted) == "pixels"
    first, second = (asked.at_s for asked in hub.stand_in.asked(IMAGE))
    assert second - first >= least_s


def test_a_date_to_wait_for_is_waited_for(hub: World) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, lambda handler, reply: faults.status(429, {"Retry-After": later(2.0)})(handler, reply))  # noqa: PLW0108 - a date ages
    assert outcome(source, wanted) == "pixels"
    first, second = (asked.at_s for asked in hub.stand_in.asked(IMAGE))
    # A date has whole seconds, and so has that of the answer.
    assert second - first >= 1.0


@pytest.mark.parametrize("told", ["1000000000", "6000", "Fri, 31 Dec 2060 23:59:59 GMT"])
def test_a_wait_beyond_patience_is_not_waited_for_and_nobody_asks_again(hub: World, told: str) -> None:
    source = hub.source()
    first, second = hub.offers(source)[:2]
    spoil(hub, faults.status(429, {"Retry-After": told}))
    assert [outcome(source, first), outcome(source, second)] == ["E1901", "E1901"]
    assert hub.processed() == 1


def test_a_service_that_always_throttles_is_asked_no_more_than_the_budget_allows(hub: World) -> None:
    source = hub.source()
    offers = hub.offers(source)
    spoil(hub, faults.status(429, {"Retry-After": "100"}), times=99)
    assert {outcome(source, wanted) for wanted in offers} == {"E1901"}
    assert hub.processed() == BUDGET.tries


def test_a_told_wait_holds_for_all_requests_of_the_account(hub: World) -> None:
    door = hub.door()
    source = hub.source(door)
    first, second = hub.offers(source)[:2]
    spoil(hub, faults.status(429, {"Retry-After": "800"}))
    assert [outcome(source, first), outcome(source, second)] == ["pixels", "pixels"]
    times = [asked.at_s for asked in hub.stand_in.asked(IMAGE)]
    assert min(np.diff(times)[:1]) >= 0.8


def test_a_catalogue_that_throttles_is_waited_for_as_well(hub: World) -> None:
    spoil(hub, faults.status(429, {"Retry-After": "200"}), where=SEARCH)
    assert len(hub.offers()) == 8


# B2: the quota


@pytest.mark.parametrize("code", [402, 403])
def test_a_quota_that_is_used_up_stops_the_account(hub: World, code: int) -> None:
    source = hub.source()
    offers = hub.offers(source)
    spoil(hub, faults.status(code), times=99)
    assert {outcome(source, wanted) for wanted in offers} == {"E1902"}
    assert hub.processed() == 1


def test_our_own_count_stops_before_the_quota_is_passed(hub: World, tmp_path: Path) -> None:
    meter = UsageMeter(tmp_path / "db", system_clock, {"hub": Quota(requests=None, units=0.2)})
    source = hub.source(hub.door(meter=meter))
    outcomes = [outcome(source, wanted) for wanted in hub.offers(source)]
    assert outcomes[0] == "pixels" and outcomes[-1] == "E1902"
    [used] = meter.usage()
    assert 0 < used.units <= 0.2
    assert hub.processed() == outcomes.count("pixels")


def test_only_answers_that_were_served_cost_units_but_all_count_as_requests(hub: World, tmp_path: Path) -> None:
    meter = UsageMeter(tmp_path / "db", system_clock, {})
    source = hub.source(hub.door(meter=meter))
    wanted = hub.offers(source)[0]
    [before] = meter.usage()
    spoil(hub, faults.status(503), times=2)
    assert outcome(source, wanted) == "pixels"
    [after] = meter.usage()
    once = hub.source(hub.door(meter=meter))
    assert outcome(once, wanted) == "pixels"
    [again] = meter.usage()
    assert again.units - after.units == pytest.approx(after.units - before.units) and after.units > before.units
    assert after.requests == before.requests + 3
    assert again.requests == len(hub.stand_in.log)


# B3: the service fails


@pytest.mark.parametrize("code", [408, 425, 500, 502, 503, 504, 599])
def test_a_burst_of_failures_is_outlived(hub: World, code: int) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.status(code), times=BUDGET.tries - 1)
    assert outcome(source, wanted) == "pixels"
    assert hub.processed() == BUDGET.tries


def test_an_outage_defers_every_scene_after_one_budget(hub: World) -> None:
    source = hub.source()
    offers = hub.offers(source)
    spoil(hub, faults.status(503), times=99)
    assert {outcome(source, wanted) for wanted in offers} == {"E1903"}
    assert hub.processed() == BUDGET.tries


def test_waits_grow_from_try_to_try(hub: World) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    hub.slept.clear()
    spoil(hub, faults.status(500), times=3)
    outcome(source, wanted)
    assert hub.slept == sorted(hub.slept) and len(set(hub.slept)) == 3


@pytest.mark.parametrize("code", [400, 404, 405, 413, 422])
def test_a_request_that_is_refused_is_not_repeated(hub: World, code: int) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.status(code), times=99)
    assert outcome(source, wanted) == "E1910"
    assert hub.processed() == 1


def test_a_service_that_is_gone_defers_what_it_held(holdings: Holdings, tmp_path: Path) -> None:
    with world(holdings, tmp_path / "fetch") as hub:
        source = hub.source()
        wanted = hub.offers(source)[0]
    assert outcome(source, wanted) == "E1906"


# B4: credentials


def test_a_token_that_ends_early_is_got_anew_once(hub: World) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.status(401))
    assert outcome(source, wanted) == "pixels"
    assert len(hub.stand_in.asked(TOKEN)) == 2


def test_a_refused_token_is_refreshed_once_and_then_all_stops(hub: World) -> None:
    source = hub.source()
    offers = hub.offers(source)
    spoil(hub, faults.status(401), times=99)
    assert {outcome(source, wanted) for wanted in offers} == {"E1904"}
    assert hub.processed() == 2 and len(hub.stand_in.asked(TOKEN)) == 2


def test_wrong_credentials_are_tried_once(hub: World) -> None:
    source = hub.source(hub.door(client=("somebody", CLIENT[1] + "x")))
    with pytest.raises(ServiceError) as caught:
        source.listing(aoi(), dt.datetime(2026, 4, 1, tzinfo=dt.UTC), dt.datetime(2026, 8, 1, tzinfo=dt.UTC))
    assert caught.value.code == "E1904" and CLIENT[1] not in str(caught.value)
    assert len(hub.stand_in.log) == 1


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        (faults.status(503), "E1903"),
        (faults.page(b"<html>login</html>", "text/html"), "E1104"),
        (faults.page(b'{"token_type": "Bearer"}', "application/json"), "E1904"),
        (faults.page(b"not json", "application/json"), "E1904"),
        (faults.hang(1.5), "E1905"),
    ],
)
def test_a_token_service_that_fails_is_named(hub: World, sender: Sender, code: str) -> None:
    spoil(hub, sender, times=99, where=TOKEN)
    with pytest.raises(Exception) as caught:
        hub.offers()
    assert getattr(caught.value, "code", "") == code
    assert not hub.stand_in.asked(SEARCH) and len(hub.stand_in.log) <= BUDGET.tries


# B5: slow


@pytest.mark.parametrize(
    "sender",
    [faults.drip(0.2, 3.0), faults.hang(2.0), faults.hang(2.0, after_head=False)],
    ids=["drip", "hang", "mute"],
)
def test_a_slow_answer_ends_at_its_deadline(hub: World, sender: Sender) -> None:
    source = hub.source(hub.door(replace(BUDGET, deadline_s=0.4)))
    wanted = hub.offers(source)[0]
    spoil(hub, sender, times=99)
    begun = time.monotonic()
    assert outcome(source, wanted) == "E1905"
    assert time.monotonic() - begun < 0.4 * BUDGET.content_tries + 2.0
    assert hub.processed() == BUDGET.content_tries


def test_one_slow_answer_is_asked_for_again(hub: World) -> None:
    source = hub.source(hub.door(replace(BUDGET, deadline_s=0.5)))
    wanted = hub.offers(source)[0]
    spoil(hub, faults.drip(0.2, 2.0))
    assert outcome(source, wanted) == "pixels"


# B6: broken off

BREAKS = {
    "reset": faults.reset(0.5),
    "reset at once": faults.reset(0.0),
    "cut": faults.cut(0.5),
    "cut by little": faults.cut(0.999),
    "chunks end": faults.chunked(0.5),
    "no end, short": faults.unended(0.7),
    "no end, whole": faults.unended(1.0),
}


@pytest.mark.parametrize("name", BREAKS)
def test_an_answer_that_breaks_off_is_asked_for_again(hub: World, name: str) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    whole = source.fetch(wanted, aoi()).pixels_sha256
    spoil(hub, BREAKS[name], times=2)
    assert source.fetch(wanted, aoi()).pixels_sha256 == whole


@pytest.mark.parametrize("name", BREAKS)
def test_an_answer_that_always_breaks_off_is_never_accepted(hub: World, name: str) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, BREAKS[name], times=99)
    assert outcome(source, wanted) == "E1906"
    assert hub.processed() == BUDGET.tries


def test_chunks_that_end_well_are_as_good_as_a_length(hub: World) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.chunked())
    assert outcome(source, wanted) == "pixels" and hub.processed() == 1


def test_an_answer_longer_than_the_question_allows_is_cut_off(hub: World) -> None:
    source = hub.source()
    wanted = hub.offers(source)[0]
    spoil(hub, faults.spoilt(lambda body: body + bytes(16 << 20)), times=99)
    assert outcome(source, wanted) == "E1906"


def test_no_fault_lets_a_secret_out(hub: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    senders = [faults.status(c) for c in (400, 401, 403, 429, 500)] + list(BREAKS.values())
    told = []
    for sender in senders:
        source = hub.source()
        wanted = hub.offers(source)[0]
        hub.stand_in.rules[:] = [Rule(PROCESS, sender, 99)]
        try:
            source.fetch(wanted, aoi())
        except ServiceError as error:
            told.append(repr(error) + str(error) + error.what)
        hub.stand_in.rules.clear()
    tokens = {t for a in hub.stand_in.answerers for t in getattr(a, "tokens", ())}
    assert tokens and len(told) == len(senders)
    for secret in (*CLIENT, *tokens):
        assert secret not in caplog.text and not any(secret in text for text in told)
