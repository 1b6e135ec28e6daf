"""Catalogues that lie, repeat, drop and contradict themselves (faults A13 to A18): named, and never a wrong scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box, mapping

from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.core.errors import ServiceError
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.archive import Archive
from sat_monitor.standin import faults
from sat_monitor.standin.holdings import Holdings, first_issue, issue_of
from sat_monitor.standin.hub import Hub
from sat_monitor.standin.server import Asked, Reply, Rule, StandIn, json_reply
from tests.imagery_world import GRID, aoi_on, offer, sar_raster
from tests.service_world import CLIENT, END, PROCESS, SEARCH, START, World, aoi, provider, world

# Catalogues: A13 to A18


@pytest.fixture
def own(tmp_path: Path) -> Iterator[World]:
    """A provider whose catalogue a test may change."""
    with world(provider(tmp_path / "provider", range(0, 60, 6)), tmp_path / "fetch") as running:
        yield running


def test_a_product_issued_again_is_one_scene_and_the_newest_counts(own: World) -> None:
    before = own.offers()
    scene = next(s for s in own.holdings.archive.scenes("plot") if s.sensor is Sensor.S2)
    own.holdings.add(issue_of(scene, scene.acquired_at + timedelta(days=20), "05.12"))
    after = own.offers()
    assert [o.id for o in before] == [o.id for o in after]
    [changed] = [o for o in after if o.superseded]
    assert changed.superseded == (first_issue(scene).name,) and changed.processing_baseline == "05.12"
    assert changed.issue is not None and changed.issue.supersedes(next(o.issue for o in before if o.id == changed.id))


def test_versions_are_numbers(own: World) -> None:
    scene = next(s for s in own.holdings.archive.scenes("plot") if s.sensor is Sensor.S2)
    for baseline in ("05.09", "05.10", "04.99"):
        own.holdings.add(issue_of(scene, scene.acquired_at + timedelta(days=30), baseline))
    [changed] = [o for o in own.offers() if o.superseded]
    assert changed.processing_baseline == "05.11" and len(changed.superseded) == 3


def test_a_fresh_slice_and_its_later_edition_are_one_scene(own: World) -> None:
    scene = next(s for s in own.holdings.archive.scenes("plot") if s.sensor is Sensor.S1)
    own.holdings.add(issue_of(scene, scene.acquired_at + timedelta(days=2), "003.80"))
    [changed] = [o for o in own.offers() if o.superseded]
    assert changed.acquired_at == scene.acquired_at and len(own.offers()) == 20


def test_two_editions_that_cannot_be_told_apart_are_named(own: World) -> None:
    scene = next(s for s in own.holdings.archive.scenes("plot") if s.sensor is Sensor.S1)
    first = first_issue(scene)
    own.holdings.add(replace(first, name=first.name.replace("_COG", "_TWIN")))
    listing = own.source().listing(aoi(), START, END)
    assert [r.code for r in listing.unreadable] == ["E1205"] and len(listing.offers) == 19


def test_the_same_list_twice_is_one_list(own: World) -> None:
    assert own.offers() == own.offers()


def answered(own: World, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> World:
    """Let the catalogue's items be changed on their way."""

    class Changed:
        def __init__(self, hub: Hub) -> None:
            self.hub = hub

        def answer(self, asked: Asked) -> Reply | None:
            import json

            reply = self.hub.answer(asked)
            if reply is None or SEARCH not in asked.path or reply.status != 200:
                return reply
            page = json.loads(reply.body)
            page["features"] = change(page["features"])
            page["context"]["returned"] = len(page["features"])
            return json_reply(page)

    own.stand_in.answerers[:] = [Changed(Hub(own.holdings, CLIENT))]
    return own


ITEMS: dict[str, tuple[dict[str, Any], str]] = {
    "A16 no direction": ({"sat:orbit_state": None}, "E1206"),
    "A16 a direction that is none": ({"sat:orbit_state": "sideways"}, "E1206"),
    "A17 of 1970": ({"datetime": "1970-01-01T00:00:00Z", "start_datetime": None}, "E1209"),
    "A17 of next year": ({"datetime": "2099-01-01T00:00:00Z", "start_datetime": None}, "E1209"),
    "A17 no time": ({"datetime": None, "start_datetime": None, "end_datetime": None}, "E1209"),
    "A17 no zone": ({"datetime": "2026-05-01T00:00:00", "start_datetime": None, "end_datetime": None}, "E1209"),
    "A17 no such day": ({"datetime": "2026-02-29T00:00:00Z", "start_datetime": None, "end_datetime": None}, "E1209"),
    "another satellite": ({"platform": "landsat-9"}, "E1203"),
}


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_that_lies_is_named_and_the_others_are_listed(own: World, name: str) -> None:
    changes, code = ITEMS[name]
    lied: list[str] = []

    def change(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for item in items[:1]:
            # A name that says nothing, so that the item is judged by its properties.
            item["id"] = "product-of-nobody"
            item["properties"] = {k: v for k, v in {**item["properties"], **changes}.items() if v is not None}
            lied.append(item["collection"])
        return items

    listing = answered(own, change).source(sensors=(Sensor.S1,)).listing(aoi(), START, END)
    assert [(r.code, r.scene_id) for r in listing.unreadable] == [(code, "product-of-nobody")]
    assert len(listing.offers) == 9 and lied


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "2024-02-29T12:00:00Z"])
def test_a_leap_second_and_a_leap_day_are_times(own: World, text: str) -> None:
    def change(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        items[0]["id"] = "leap"
        items[0]["properties"] |= {"datetime": text}
        return items

    source = answered(own, change).source(sensors=(Sensor.S2,))
    listing = source.listing(aoi(), datetime(2016, 1, 1, tzinfo=UTC), END)
    assert not listing.unreadable and len(listing.offers) == 10
    assert listing.offers[0].acquired_at.year in (2016, 2024)


def test_an_item_that_is_no_item_is_named(own: World) -> None:
    listing = (
        answered(own, lambda items: [*items[1:], {"id": "odd"}]).source(sensors=(Sensor.S1,)).listing(aoi(), START, END)
    )
    assert [r.code for r in listing.unreadable] == ["E1104"] and len(listing.offers) == 9


def test_both_directions_over_one_place_are_two_tracks(own: World) -> None:
    scene = next(s for s in own.holdings.archive.scenes("plot") if s.sensor is Sensor.S1)
    other = replace(scene, track=Track(39, Direction.ASCENDING), acquired_at=scene.acquired_at + timedelta(hours=3))
    own.holdings.add(first_issue(other))
    tracks = {o.track for o in own.offers() if o.sensor is Sensor.S1}
    assert tracks == {scene.track, other.track}


def test_an_item_elsewhere_is_not_offered(own: World) -> None:
    def change(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        items[0]["geometry"] = mapping(box(0, 0, 1, 1))
        return items

    assert len(answered(own, change).source(sensors=(Sensor.S1,)).listing(aoi(), START, END).offers) == 9


class Paged(Hub):
    """A catalogue of small pages, which `script` may spoil: number of the page -> what it says instead."""

    def __init__(self, holdings: Holdings, script: Callable[[int, dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__(holdings, CLIENT, page=3)
        self.script = script

    def _search(self, body: dict[str, Any]) -> Reply:
        import json

        number = int(body.get("next", 0)) // 3
        return json_reply(self.script(number, json.loads(super()._search(body).body)))


def on_page(wanted: int, change: Callable[[dict[str, Any]], None]) -> Callable[[int, dict[str, Any]], dict[str, Any]]:
    def script(number: int, page: dict[str, Any]) -> dict[str, Any]:
        if number == wanted:
            change(page)
        return page

    return script


def listed(holdings: Holdings, scratch: Path, script: Callable[[int, dict[str, Any]], dict[str, Any]]) -> int:
    with StandIn([Paged(holdings, script)]) as stand_in:
        return len(World(stand_in, holdings, scratch).offers())


def test_small_pages_give_the_same_list(own: World, tmp_path: Path) -> None:
    assert listed(own.holdings, tmp_path / "s", lambda number, page: page) == len(own.offers()) == 20


PAGES: dict[str, Callable[[int, dict[str, Any]], dict[str, Any]]] = {
    "a page left out": on_page(0, lambda page: page["context"].update(next=6)),
    "a page shorter than it says": on_page(1, lambda page: page["features"].pop()),
    "an item of an earlier page": on_page(
        1, lambda page: page["features"].append({"id": "x"}) or page["features"].append({"id": "x"})
    ),
    "next goes back": on_page(2, lambda page: page["context"].update(next=3)),
    "a total that is not met": lambda number, page: {**page, "numberMatched": 11},
    "a total that changes": lambda number, page: {**page, "numberMatched": 10 + number},
}


@pytest.mark.parametrize("name", PAGES)
def test_pages_that_do_not_add_up_fail_the_poll_loudly(own: World, tmp_path: Path, name: str) -> None:
    with pytest.raises(ServiceError, match="E1909"):
        listed(own.holdings, tmp_path / "s", PAGES[name])


def test_a_page_that_comes_again_under_another_number_fails_the_poll(own: World, tmp_path: Path) -> None:
    first: dict[str, Any] = {}

    def script(number: int, page: dict[str, Any]) -> dict[str, Any]:
        if number == 0:
            first.update(page)
        return {**page, "features": first["features"]} if number == 1 else page

    with pytest.raises(ServiceError, match="E1909"):
        listed(own.holdings, tmp_path / "s", script)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"features": 7}',
        b'{"features": [], "context": {"next": "x"}}',
        b"\xff",
    ],
)
def test_a_page_of_another_shape_is_no_page(hub: World, body: bytes) -> None:
    hub.stand_in.rules.append(Rule(SEARCH, faults.page(body, "application/json"), 99))
    with pytest.raises(Exception, match="E1104"):
        hub.offers()


def test_islands_beside_a_zone_border_keep_the_zone_of_their_area(tmp_path: Path) -> None:
    grid = Grid(32653, 780_000.0, GRID.y0, 10.0, 40, 40)
    archive = Archive(tmp_path / "provider")
    archive.put_scene(offer(Sensor.S1), sar_raster(grid))
    holdings = Holdings(archive)
    holdings.add_scenes(archive.scenes("plot"))
    with world(holdings, tmp_path / "fetch") as hub:
        source, place = hub.source(sensors=(Sensor.S1,)), aoi_on(grid)
        [wanted] = source.listing(place, START, END).offers
        assert source.fetch(wanted, place).grid == grid
        assert b"EPSG/0/32653" in hub.stand_in.asked(PROCESS)[0].body
