"""Stages of the ground: one table, two looks to move, and regrowth that is no recovery (METHOD 10, 15)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.domain import Crossing, SiteStatus, Stage, StageDay, StageHistory
from sat_monitor.sites.stages import ALLOWED, crossing, passed
from tests.site_world import CONFIRMING, QUIET, look, only, patch, run

DAY = date(2025, 4, 1)
GREEN = {"ndvi_1": 0.78, "ndvi_expected_1": 0.8, "bare_1": 0.0}
CLEARED = {"ndvi_1": 0.45, "ndvi_expected_1": 0.8, "bare_1": 0.1}
BARE = {"ndvi_1": 0.2, "ndvi_expected_1": 0.8, "bare_1": 0.9}
HERBS = {"ndvi_1": 0.65, "ndvi_expected_1": 0.8, "bare_1": 0.0}
SAME_ECHO, OTHER_ECHO = {"vh_change_dB": 0.3}, {"vh_change_dB": -2.5}


def after(*looks: dict[str, float], every: int = 10, history: StageHistory | None = None) -> StageHistory:
    state = StageHistory() if history is None else history
    for n, evidence in enumerate(looks):
        state = passed(state, DAY + timedelta(days=every * n), evidence)
    return state


def test_every_stage_has_its_row_and_leads_only_to_other_stages() -> None:
    assert set(ALLOWED) == set(Stage)
    assert all(stage not in following for stage, following in ALLOWED.items())


def test_clearing_then_work_then_regrowth_is_told_with_the_day_of_the_first_of_two_looks() -> None:
    history = after(CLEARED, CLEARED, BARE, BARE, BARE, GREEN, GREEN)
    assert history.entries == (
        StageDay(Stage.CLEARED, DAY),
        StageDay(Stage.WORKED, DAY + timedelta(days=20)),
        StageDay(Stage.REVEGETATED, DAY + timedelta(days=50)),
    )


@pytest.mark.parametrize("odd", [BARE, CLEARED])
def test_one_odd_look_moves_nothing(odd: dict[str, float]) -> None:
    assert after(GREEN, odd, GREEN, odd, GREEN).entries == ()


def test_two_looks_of_one_day_are_one() -> None:
    assert after(BARE, BARE, every=0).stage is Stage.VEGETATED


def test_herbs_over_a_fill_are_never_recovery_however_long() -> None:
    held = after(BARE, BARE, *[HERBS, SAME_ECHO] * 60)
    assert held.stage is Stage.WORKED
    greened = after(BARE, BARE, *[GREEN, OTHER_ECHO] * 60)
    assert greened.stage is Stage.REVEGETATED and greened.stage.value == "cleared-and-revegetated"


def test_recovered_is_what_was_back_in_every_sense_for_a_year() -> None:
    back = [GREEN, SAME_ECHO] * 18
    assert after(BARE, BARE, *back).stage is Stage.REVEGETATED
    assert after(BARE, BARE, *back, *[GREEN, SAME_ECHO] * 2).stage is Stage.RECOVERED
    assert after(BARE, BARE, *back, OTHER_ECHO, GREEN, SAME_ECHO).stage is Stage.REVEGETATED
    assert after(BARE, BARE, *back, HERBS, SAME_ECHO, GREEN).stage is Stage.REVEGETATED


def test_work_may_begin_again_on_recovered_ground() -> None:
    assert after(BARE, BARE, *[GREEN, SAME_ECHO] * 20, BARE, BARE).stage is Stage.WORKED


@given(st.lists(st.sampled_from([GREEN, CLEARED, BARE, HERBS, SAME_ECHO, OTHER_ECHO, {}]), max_size=80))
def test_stages_follow_the_table_and_time(looks: list[dict[str, float]]) -> None:
    history = after(*looks)
    stages = [Stage.VEGETATED, *(entry.stage for entry in history.entries)]
    assert all(later in ALLOWED[earlier] for earlier, later in pairwise(stages))
    assert all(one.on <= other.on for one, other in pairwise(history.entries))


def test_a_size_is_passed_between_the_last_look_of_too_little_and_the_first_of_enough() -> None:
    days = [DAY + timedelta(days=10 * n) for n in range(4)]
    known = Crossing()
    for day, area in zip(days, (200.0, 350.0, 500.0, 900.0), strict=True):
        known = crossing(known, 500.0, day, (area, 100.0))
    assert known == Crossing(below_on=days[1], over_on=days[3])
    assert crossing(known, 500.0, days[3] + timedelta(days=9), (100.0, 10.0)) == known


def test_a_site_carries_its_stages_and_sizes_and_renewed_work_keeps_its_id_and_history() -> None:
    bare = replace(patch(width=6), evidence=BARE)
    table, _ = run([look(0, bare), look(6, bare)])
    site = only(table)
    assert site.stages.stage is Stage.WORKED
    assert (site.over_300_m2.over_on, site.over_500_m2.over_on) == (date(2025, 3, 1), date(2025, 3, 1))
    again, _ = run([look(0, bare), look(6, bare), *QUIET, look(130, bare), look(136, bare)])
    assert only(again).id == site.id and only(again).status is SiteStatus.REOPENED
    assert only(again).stages.entries[0] == site.stages.entries[0]


def test_after_confirmation_quiet_looks_finish_a_site_and_never_erase_it() -> None:
    table, _ = run([*CONFIRMING, *(look(120 + 20 * n) for n in range(60))])
    site = only(table)
    assert site.status is SiteStatus.FINISHED and site.first_confirmed_at is not None


def test_radar_looks_measure_no_size() -> None:
    radar = replace(patch(width=6), evidence=OTHER_ECHO)
    assert only(run([look(0, radar), look(6, radar)])[0]).over_300_m2 == Crossing()
