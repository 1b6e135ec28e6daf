"""Works groups: near in space and time, summed, named after the oldest, whatever the order (METHOD 14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from sat_monitor.core.domain import Kind, Site, WorksGroup
from sat_monitor.sites.groups import groups_by_site, works_groups
from sat_monitor.tickets.geojson import site_properties
from tests.ticket_world import site


def dump(name: str, at_m: float, years: float = 0.0, **changes: Any) -> Site:
    """A dump of 300 m2, 20 m wide, whose west edge lies at `at_m`."""
    first = site().first_seen_at + timedelta(days=365.25 * years)
    made = site(id=name, outline=box(at_m, 0.0, at_m + 20.0, 20.0), first_seen_at=first, area_m2=300.0)
    return replace(made, area_error_m2=80.0, **changes)


def ids(*sites: Site) -> list[tuple[str, ...]]:
    return [group.site_ids for group in works_groups(sites)]


def test_four_dumps_of_three_hundred_square_metres_are_one_works_of_twelve_hundred() -> None:
    dumps = [dump(f"s{n}", 110.0 * n, 0.3 * n) for n in range(4)]
    (group,) = works_groups(dumps)
    assert (group.id, group.area_m2, group.area_error_m2) == ("works-s0", 1200.0, 320.0)
    assert all(works_groups(order) == (group,) for order in permutations(dumps))


@pytest.mark.parametrize(("gap_m", "years", "together"), [(100, 0, 1), (101, 0, 0), (50, 2.99, 1), (50, 3.01, 0)])
def test_a_hundred_metres_and_three_years_are_the_limits(gap_m: float, years: float, together: int) -> None:
    assert len(ids(dump("a", 0.0), dump("b", 20.0 + gap_m, years))) == together


@pytest.mark.parametrize(
    "other",
    [
        {"kind": Kind.VEGETATION_LOSS},
        {"first_confirmed_at": None},
        {"merged_into": "a"},
        {"aoi": "elsewhere"},
    ],
)
def test_what_is_no_works_or_not_confirmed_or_elsewhere_makes_no_group(other: dict[str, Any]) -> None:
    assert ids(dump("a", 0.0), dump("b", 50.0, **other)) == []
    assert works_groups([]) == ()


@given(st.lists(st.floats(0.0, 900.0), min_size=1, max_size=6), st.floats(0.0, 900.0))
def test_a_later_site_never_renames_a_group_unless_it_joins_two(places: list[float], place: float) -> None:
    dumps = [dump(f"s{n}", at, 0.1 * n) for n, at in enumerate(places)]
    before = {group.id for group in works_groups(dumps)}
    after = works_groups([*dumps, dump("late", place, 1.0)])
    kept = {group.id for group in after}
    assert before <= kept or any("late" in group.site_ids for group in after)
    assert sum(group.area_m2 for group in after) == pytest.approx(300.0 * sum(len(g.site_ids) for g in after))


def test_an_exported_site_carries_its_works_and_one_alone_is_its_own() -> None:
    one, other = dump("a", 0.0), dump("b", 50.0)
    works = groups_by_site([one, other])
    row = site_properties(one, works["a"])
    assert (row["works_group"], row["works_group_sites"], row["works_group_area_m2"]) == ("works-a", 2, 600.0)
    alone = site_properties(one)
    assert (alone["works_group"], alone["works_group_sites"], alone["works_group_area_m2"]) == (None, 1, 300.0)
    assert works["b"] == WorksGroup("works-a", ("a", "b"), 600.0, 160.0)
