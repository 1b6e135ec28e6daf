"""The table of statutory lines and what a site may be asked: probabilities, never findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.domain import Kind, StartInterval, WorksGroup
from sat_monitor.core.surroundings import Certainty, Surroundings, Timing, ZoneKind
from sat_monitor.sites.groups import works_groups
from sat_monitor.sites.law import LINES, Status, Unit, certainty_of, check, timing_of
from tests.law_world import site, zone


def in_zone(kind: ZoneKind = ZoneKind.RESIDENTIAL) -> Surroundings:
    return Surroundings(zones=(zone(kind),))


def test_without_a_zone_layer_no_line_is_asked() -> None:
    found = check(site(), None, Surroundings())
    assert found.questions == () and found.on_site == () and found.timing is None


def test_unverified_rows_are_in_the_table_and_never_shown() -> None:
    hidden = {(row.zone, row.line, row.limit) for row in LINES if row.status is Status.UNVERIFIED}
    assert hidden
    for kind in ZoneKind:
        asked = {(q.zone, q.line, q.limit) for q in check(site(area_m2=9000.0), None, in_zone(kind)).questions}
        assert asked and not asked & hidden


def test_every_shown_row_names_its_source() -> None:
    assert all(row.source for row in LINES if row.status is not Status.UNVERIFIED)


def test_heights_are_left_to_a_visit_and_never_get_a_probability() -> None:
    found = check(site(), None, in_zone())
    assert {q.unit for q in found.questions} == {Unit.AREA.value}
    assert {"fill_cliff_over_1_m", "fill_height_over_2_m", "changed_over_30_cm"} <= set(found.on_site)


def test_notice_sizes_that_nobody_verified_are_never_shown() -> None:
    asked = check(site(area_m2=1500.0, area_error_m2=100.0), None, in_zone(ZoneKind.SPECIFIED)).questions
    assert asked and {q.duty for q in asked} == {"permit"}
    assert all(q.certainty is Certainty.UNLIKELY for q in asked)


@given(st.floats(1.0, 1e5), st.floats(0.0, 1e5), st.floats(1.0, 1e4))
def test_a_larger_area_never_has_a_smaller_probability(area: float, more: float, error: float) -> None:
    small, large = (check(site(area_m2=a, area_error_m2=error), None, in_zone()).questions for a in (area, area + more))
    assert all(a.probability <= b.probability for a, b in zip(small, large, strict=True))


@pytest.mark.parametrize(
    ("chance", "said"), [(0.19, "unlikely"), (0.2, "cannot_tell"), (0.8, "cannot_tell"), (0.81, "likely")]
)
def test_between_02_and_08_it_cannot_be_told(chance: float, said: str) -> None:
    assert certainty_of(chance) == said


def test_four_dumps_of_300_m2_are_one_works_above_1000_m2() -> None:
    dumps = [site(f"d{n}", x=60.0 * n, area_m2=300.0, area_error_m2=20.0) for n in range(4)]
    (group,) = works_groups(dumps)
    alone, together = (check(dumps[0], g, in_zone()).questions[0] for g in (None, group))
    assert group.area_m2 > 1000.0
    assert alone.certainty is Certainty.UNLIKELY and together.certainty is Certainty.LIKELY


def test_felling_raises_no_line_yet_its_timing_is_told() -> None:
    found = check(site(kind=Kind.VEGETATION_LOSS), None, in_zone())
    assert found.questions == () and found.on_site == () and found.timing is Timing.AFTER


@pytest.mark.parametrize(
    ("earliest", "latest", "timing"),
    [
        (date(2024, 6, 1), date(2024, 7, 30), Timing.BEFORE),
        (date(2024, 6, 1), date(2024, 7, 31), Timing.CANNOT_TELL),
        (date(2024, 7, 31), date(2024, 9, 1), Timing.AFTER),
        (date(2024, 7, 30), date(2024, 9, 1), Timing.CANNOT_TELL),
        (None, date(2024, 9, 1), Timing.CANNOT_TELL),
    ],
)
def test_the_start_against_the_designation(earliest: date | None, latest: date, timing: Timing) -> None:
    assert timing_of(StartInterval(earliest, latest), (zone(),)) is timing


def test_zones_of_several_dates_must_agree() -> None:
    start = StartInterval(date(2024, 8, 1), date(2024, 9, 1))
    assert timing_of(start, (zone(), zone(on=date(2025, 1, 1)))) is Timing.CANNOT_TELL
    assert timing_of(start, (zone(), zone(on=None))) is Timing.CANNOT_TELL


def test_what_may_be_older_than_its_zone_is_asked_about_and_newer_works_are_not() -> None:
    old = replace(site(), start=StartInterval(None, date(2024, 1, 1)))
    asked = check(old, None, in_zone())
    assert asked.timing is Timing.BEFORE
    assert asked.timing_questions == ("notice_within_21_days", "old_law_permit", "grown_since_designation")
    assert check(site(), None, in_zone()).timing_questions == ()


def test_the_group_counts_even_where_the_site_alone_is_large() -> None:
    group = WorksGroup("works-a", ("a", "b"), 5000.0, 300.0)
    permit = check(site(area_m2=2000.0), group, in_zone(ZoneKind.SPECIFIED)).questions[-1]
    assert permit.limit == 3000.0 and permit.probability > 0.99
