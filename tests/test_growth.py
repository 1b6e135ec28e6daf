"""How a site grew: points from the looks that drew it, and a rate that a step of one day and an odd look do not make."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from shapely.geometry import box

from sat_monitor.core.domain import Candidate, Kind, Look, Sensor, StartInterval
from sat_monitor.sites.growth import growth_m2_per_month, growth_of
from tests import ticket_world

SITE = replace(
    ticket_world.site(),
    first_seen_at=datetime(2024, 5, 1, tzinfo=UTC),
    first_confirmed_at=datetime(2024, 6, 1, tzinfo=UTC),
)
WEST, SOUTH, EAST, NORTH = SITE.outline.bounds


def look(day: int, *areas: float, away: bool = False) -> Look:
    at = datetime(2024, 7, 1, 1, tzinfo=UTC) + timedelta(days=day)
    shift = 5_000.0 if away else 0.0
    drawn = tuple(
        Candidate(box(WEST + shift, SOUTH, EAST + shift, NORTH), (1, 1), Kind.EARTHWORK, area, 50.0, 4.0, 3.0, True, StartInterval(None, None))
        for area in areas
    )  # fmt: skip
    return Look(f"l{day}", "w", Sensor.S2, at, drawn)


def test_points_are_the_patches_on_the_site_and_quiet_looks_give_none() -> None:
    points = growth_of(SITE, [look(20, 900.0), look(0, 500.0, 300.0), look(10), look(15, 700.0, away=True)])
    assert [p.area_m2 for p in points] == [800.0, 900.0]
    assert points[0].area_error_m2 == pytest.approx(50.0 * 2**0.5)


def test_looks_in_any_order_give_the_same_points() -> None:
    looks = [look(n, 100.0 * n) for n in range(1, 8)]
    assert growth_of(SITE, looks) == growth_of(SITE, reversed(looks))


def test_a_steady_growth_is_measured_and_one_odd_look_does_not_move_it() -> None:
    looks = [look(n, 1000.0 + 10.0 * n) for n in range(0, 80, 8)]
    rate = growth_m2_per_month(SITE, growth_of(SITE, looks))
    assert rate == pytest.approx(304.4, abs=1.0)
    odd = [*looks[:4], look(32, 9000.0), *looks[5:]]
    assert growth_m2_per_month(SITE, growth_of(SITE, odd)) == pytest.approx(304.4, rel=0.05)


def test_what_stays_grows_by_nothing() -> None:
    assert growth_m2_per_month(SITE, growth_of(SITE, [look(n, 1000.0) for n in range(0, 80, 8)])) == 0.0


@pytest.mark.parametrize("days", [(0, 10, 20), (0, 5, 10, 15, 20)])
def test_too_few_looks_or_too_short_a_time_say_nothing(days: tuple[int, ...]) -> None:
    assert growth_m2_per_month(SITE, growth_of(SITE, [look(n, 1000.0 + n) for n in days])) is None


def test_a_site_that_was_never_confirmed_has_no_rate() -> None:
    young = replace(SITE, first_confirmed_at=None)
    assert growth_m2_per_month(young, growth_of(young, [look(n, 1000.0 + n) for n in range(0, 80, 8)])) is None
