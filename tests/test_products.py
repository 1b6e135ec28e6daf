"""Items become products and products become passes, whatever order they are listed in."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box, mapping

from sat_monitor.core.domain import Direction, Issue, Sensor, Track
from sat_monitor.imagery.product_items import product_of
from sat_monitor.imagery.products import Product, acquisitions
from tests.imagery_world import raises_code

NOW = datetime(2026, 11, 1, tzinfo=UTC)
AT = datetime(2026, 5, 1, 20, 43, 10, tzinfo=UTC)
GROUND = box(139.0, 35.5, 139.4, 35.9)
S1_NAME = "S1C_IW_GRDH_1SDV_20260501T204310_20260501T204335_007654_00F123_ABCD_COG"
S2_NAME = "S2B_MSIL2A_20260501T013649_N0511_R117_T54SUE_20260501T043000"


def item(name: str, sensor: Sensor, **properties: Any) -> dict[str, Any]:
    plain = {"datetime": "2026-05-01T20:43:10Z", "platform": "Sentinel-1C" if sensor is Sensor.S1 else "sentinel-2b"}
    return {"id": name, "geometry": mapping(GROUND), "properties": {**plain, **properties}}


def test_a_sar_item_says_all_or_its_name_does() -> None:
    found = product_of(item(S1_NAME, Sensor.S1, **{"sat:orbit_state": "DESCENDING"}), Sensor.S1, NOW)
    assert found.platform == "sentinel-1c" and found.track == Track((7654 - 172) % 175 + 1, Direction.DESCENDING)
    assert (found.start, found.end) == (AT, AT + timedelta(seconds=25)) and found.made_at is None


@pytest.mark.parametrize(
    ("platform", "absolute", "orbit"),
    [("sentinel-1a", 50_000, (50_000 - 73) % 175 + 1), ("sentinel-1b", 28_000, (28_000 - 27) % 175 + 1)],
)
def test_the_relative_orbit_follows_from_the_absolute_one(platform: str, absolute: int, orbit: int) -> None:
    said = {"platform": platform, "sat:absolute_orbit": absolute, "sat:orbit_state": "ascending"}
    found = product_of(item("plain", Sensor.S1, **said), Sensor.S1, NOW)
    assert found.track == Track(orbit, Direction.ASCENDING)


def test_an_optical_item_says_all_or_its_name_does() -> None:
    found = product_of(item(S2_NAME, Sensor.S2), Sensor.S2, NOW)
    assert (found.orbit, found.tile, found.baseline) == (117, "54SUE", (5, 11))
    assert found.made_at == datetime(2026, 5, 1, 4, 30, tzinfo=UTC) and found.track is None
    said = {
        "sat:relative_orbit": 31,
        "grid:code": "MGRS-54SUD",
        "s2:processing_baseline": "04.00",
        "updated": "2026-06-01T00:00:00Z",
    }
    told = product_of(item(S2_NAME, Sensor.S2, **said), Sensor.S2, NOW)
    assert (told.orbit, told.tile, told.baseline) == (31, "54SUD", (4, 0))
    assert told.made_at == datetime(2026, 6, 1, tzinfo=UTC)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no properties": ({"id": "x", "geometry": mapping(GROUND)}, "E1104"),
    "no place": ({"id": "x", "properties": {}}, "E1104"),
    "a place that is none": ({"id": "x", "geometry": {"type": "Blob"}, "properties": {}}, "E1104"),
    "a ring of nothing": ({"id": "x", "geometry": {"type": "Polygon", "coordinates": []}, "properties": {}}, "E1209"),
    "a ring of text": ({"id": "x", "geometry": {"type": "Polygon", "coordinates": ["x"]}, "properties": {}}, "E1104"),
    "numbers of text": (item("x", Sensor.S2, **{"sat:relative_orbit": "many"}), "E1104"),
    "no time": (item("x", Sensor.S2, datetime=None), "E1209"),
    "a time that is none": (item("x", Sensor.S2, datetime="yesterday"), "E1209"),
    "long before": (item("x", Sensor.S2, datetime="1970-01-01T00:00:00Z"), "E1209"),
    "yet to come": (item("x", Sensor.S2, datetime="2027-01-01T00:00:00Z"), "E1209"),
    "another satellite": (item("x", Sensor.S2, platform="landsat-9"), "E1203"),
    "an end before the start": (
        item("x", Sensor.S2, start_datetime="2026-05-02T00:00:00Z", end_datetime="2026-05-01T00:00:00Z"), "E1209",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_an_item_that_lies_is_refused(name: str) -> None:
    plain, code = WRONG[name]
    with raises_code(code):
        product_of(plain, Sensor.S2, NOW)


@pytest.mark.parametrize("said", [{}, {"sat:orbit_state": "sideways"}])
def test_a_sar_item_without_a_direction_is_refused(said: dict[str, str]) -> None:
    with raises_code("E1206"):
        product_of(item(S1_NAME, Sensor.S1, **said), Sensor.S1, NOW)


def test_a_leap_second_is_the_second_before() -> None:
    found = product_of(item("x", Sensor.S2, datetime="2016-12-31T23:59:60Z"), Sensor.S2, NOW)
    assert found.start == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def tile(name: str, code: str, at: datetime = AT, **changes: Any) -> Product:
    product = Product(name, Sensor.S2, "sentinel-2b", 117, None, at, at, GROUND, code, (5, 11), at)
    return replace(product, **changes)


def slice_of(name: str, seconds: int, **changes: Any) -> Product:
    start = AT + timedelta(seconds=seconds)
    ground = box(139.0, 35.5 - seconds / 100.0, 139.4, 35.9 - seconds / 100.0)
    track = Track(46, Direction.DESCENDING)
    product = Product(name, Sensor.S1, "sentinel-1c", 46, track, start, start + timedelta(seconds=25), ground)
    return replace(product, **changes)


def test_tiles_of_one_pass_are_one_scene() -> None:
    [one], rejected = acquisitions([tile("a", "54SUE"), tile("b", "54SUD", AT + timedelta(seconds=14))], "tama")
    assert one.id == "S2B_20260501_R117_tama" and len(one.products) == 2 and not one.superseded and not rejected
    assert (one.start, one.end) == (AT, AT + timedelta(seconds=14))


def test_slices_that_follow_each_other_are_one_scene() -> None:
    [one], _ = acquisitions([slice_of("a", 0), slice_of("b", 25), slice_of("c", 50)], "tama")
    assert one.id == "S1C_20260501_46D_tama" and [p.name for p in one.products] == ["a", "b", "c"]


def test_another_day_orbit_or_satellite_is_another_scene() -> None:
    products = [
        tile("a", "54SUE"),
        tile("b", "54SUE", AT + timedelta(days=5)),
        tile("c", "54SUE", orbit=74),
        tile("d", "54SUE", platform="sentinel-2c"),
    ]
    found, rejected = acquisitions(products, "tama")
    assert len({one.id for one in found}) == 4 and not rejected


@given(st.permutations(range(6)))
def test_the_newest_issue_counts_in_any_order(order: list[int]) -> None:
    later = AT + timedelta(days=30)
    products = [
        tile("old", "54SUE", baseline=(4, 9)),
        tile("new", "54SUE", baseline=(5, 10)),
        tile("newest", "54SUE", baseline=(5, 10), made_at=later),
        tile("other", "54SUD"),
        slice_of("slice", 0),
        slice_of("again", 1, made_at=later),
    ]
    found, rejected = acquisitions([products[k] for k in order], "tama")
    assert not rejected
    chosen = {one.id: ([p.name for p in one.products], one.superseded) for one in found}
    assert chosen == {
        "S2B_20260501_R117_tama": (["newest", "other"], ("new", "old")),
        "S1C_20260501_46D_tama": (["again"], ("slice",)),
    }


def test_issues_that_cannot_be_told_apart_are_refused_alone() -> None:
    twins = [tile("a", "54SUE"), tile("b", "54SUE")]
    found, [reject] = acquisitions([*twins, slice_of("c", 0)], "tama")
    assert reject.code == "E1205" and [one.id for one in found] == ["S1C_20260501_46D_tama"]


ISSUES = st.builds(
    Issue,
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.none() | st.integers(0, 3).map(lambda day: AT + timedelta(days=day)),
    st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple),
)


@given(ISSUES, ISSUES, ISSUES)
def test_supersession_is_a_total_order(one: Issue, two: Issue, three: Issue) -> None:
    assert (one == two) or (one.supersedes(two) != two.supersedes(one))
    assert not one.supersedes(one) and one.supersedes(None)
    if one.supersedes(two) and two.supersedes(three):
        assert one.supersedes(three)


def test_the_order_of_listing_is_no_matter_for_the_issue() -> None:
    products = [tile("a", "54SUE"), tile("b", "54SUD"), tile("c", "54STE", made_at=None)]
    issues = set()
    for seed in range(6):
        random.Random(seed).shuffle(products)
        issues.add(acquisitions(products, "tama")[0][0].issue)
    assert issues == {Issue((5, 11), AT, ("a", "b", "c"))}
