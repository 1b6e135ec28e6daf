"""Priority ranks sites by what an inspector would ask first, and says why in words that the pages know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from shapely.geometry import box

from sat_monitor.core.domain import Kind, Site, SiteStatus, StartInterval
from sat_monitor.core.profile import EvidenceSettings, Profile
from sat_monitor.sites.priority import priority_of
from sat_monitor.tickets.words import LANGUAGES, load_words

PROFILE = Profile()


def site(**changes: Any) -> Site:
    seen = datetime(2025, 6, 1, 1, tzinfo=UTC)
    made = Site(
        id="tama-20250601-0001-0002",
        aoi="tama",
        kind=Kind.VEGETATION_LOSS,
        outline=box(0, 0, 10, 10),
        anchor=(1, 2),
        status=SiteStatus.CONFIRMED,
        first_seen_at=seen,
        first_confirmed_at=seen,
        last_support_at=seen,
        hit_days=(seen.date(),),
        hits=1,
        looks=1,
        openings=1,
        quiet_looks=0,
        area_m2=100.0,
        area_error_m2=50.0,
        score_max=3.0,
        start=StartInterval(None, seen.date()),
    )
    return replace(made, **changes)


GROUNDS: dict[str, dict[str, Any]] = {
    "kind_earthwork": {"kind": Kind.EARTHWORK},
    "kind_construction": {"kind": Kind.CONSTRUCTION},
    "large_area": {"area_m2": 3000.0, "area_error_m2": 300.0},
    "strong_evidence": {"score_max": 8.5},
    "repeated_hits": {"hit_days": (date(2025, 5, 20), date(2025, 5, 26), date(2025, 6, 1))},
    "recent_start": {"start": StartInterval(date(2025, 3, 1), date(2025, 5, 1))},
    "reopened": {"openings": 2},
}


@pytest.mark.parametrize("reason", GROUNDS)
def test_each_ground_raises_the_priority_and_is_said(reason: str) -> None:
    plain, raised = priority_of(site(), PROFILE), priority_of(site(**GROUNDS[reason]), PROFILE)
    assert plain.reasons == ()
    assert raised.reasons == (reason,)
    assert raised.value > plain.value > 0


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("reason", GROUNDS)
def test_every_reason_has_words_in_both_languages(reason: str, lang: str) -> None:
    assert load_words(lang).maybe(f"reason.{reason}")


def test_the_most_urgent_site_has_a_hundred_points_and_its_weightiest_reason_first() -> None:
    everything: dict[str, Any] = {}
    for changes in GROUNDS.values():
        everything |= changes
    days = tuple(date(2025, 5, day) for day in range(1, 8))
    urgent = site(**{**everything, "kind": Kind.EARTHWORK, "score_max": 99.0, "area_m2": 1e6, "hit_days": days})
    priority = priority_of(urgent, PROFILE)
    assert priority.value == 100.0
    assert priority.reasons[:2] == ("kind_earthwork", "large_area")


def test_a_start_that_nobody_dated_is_not_called_recent() -> None:
    old = StartInterval(date(2023, 1, 1), date(2025, 6, 1))
    unknown = StartInterval(None, date(2025, 6, 1))
    assert "recent_start" not in priority_of(site(start=old), PROFILE).reasons
    assert "recent_start" not in priority_of(site(start=unknown), PROFILE).reasons


def test_an_area_just_above_the_limit_with_a_wide_error_is_not_called_large() -> None:
    wide = site(area_m2=550.0, area_error_m2=270.0)
    sharp = site(area_m2=550.0, area_error_m2=20.0)
    assert "large_area" not in priority_of(wide, PROFILE).reasons
    assert "large_area" in priority_of(sharp, PROFILE).reasons


def test_an_alarm_at_the_cap_does_not_divide_by_zero() -> None:
    profile = Profile(evidence=EvidenceSettings(alarm_score=5.0, max_score=5.0))
    assert "strong_evidence" in priority_of(site(score_max=5.0), profile).reasons
    assert "strong_evidence" not in priority_of(site(score_max=4.0), profile).reasons
