"""Scenes and catalogues that are wrong (faults A1 to A18) as a service hands them out: a number, and no wrong pixel."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile
from shapely.geometry import box, mapping

from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.core.errors import ServiceError
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.source import Offer
from sat_monitor.standin import faults
from sat_monitor.standin.holdings import Holdings, first_issue, issue_of
from sat_monitor.standin.hub import Hub, tar_bytes, tiff_bytes
from sat_monitor.standin.server import Asked, Reply, Rule, StandIn, json_reply
from tests.imagery_world import GRID, aoi_on, offer, sar_raster
from tests.service_world import BUDGET, CLIENT, END, PROCESS, SEARCH, START, World, aoi, outcome, provider, world

Change = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def holdings(tmp_path_factory: pytest.TempPathFactory) -> Holdings:
    return provider(tmp_path_factory.mktemp("provider"))


@pytest.fixture
def hub(holdings: Holdings, tmp_path: Path) -> Iterator[World]:
    with world(holdings, tmp_path / "fetch") as running:
        yield running


def of_sensor(hub: World, sensor: Sensor) -> Offer:
    return next(o for o in hub.offers() if o.sensor is sensor)


def parts(body: bytes) -> tuple[bytes, bytes]:
    """Image and metadata of an answer."""
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        names = ("default.tif", "userdata.json")
        image, metadata = (tar.extractfile(name) for name in names)
        assert image is not None and metadata is not None
        return image.read(), metadata.read()


def inside(change: Change) -> Change:
    """Change the image of an answer and pack it again as if nothing had happened."""

    def changed(body: bytes) -> bytes:
        import json

        image, metadata = parts(body)
        return tar_bytes(change(image), json.loads(metadata))

    return changed


def rewritten(**changes: Any) -> Change:
    """The image with other CRS, transform, type or bands (`pick`), same pixels otherwise."""

    def change(image: bytes) -> bytes:
        with MemoryFile(image) as memory, memory.open() as file:
            values, profile = file.read(), file.profile
        pick = changes.get("pick")
        values = values if pick is None else values[list(pick)]
        wanted = {k: v for k, v in changes.items() if k != "pick"}
        profile.update(count=values.shape[0], height=values.shape[1], width=values.shape[2], **wanted)
        with MemoryFile() as memory:
            with memory.open(**profile) as file:
                file.write(values.astype(profile["dtype"]))
            return bytes(memory.read())

    return change


def grid_moved(east_px: float, south_px: float) -> Change:
    moved = replace(GRID, x0=GRID.x0 + 10.0 * east_px, y0=GRID.y0 - 10.0 * south_px)
    return rewritten(transform=moved.affine)


VRT = b'<VRTDataset rasterXSize="80" rasterYSize="96"><VRTRasterBand dataType="UInt16"/></VRTDataset>' + b" " * 300
IMAGES: dict[str, tuple[Change, set[str]]] = {
    "A1 cut": (lambda b: b[: len(b) // 2], {"E1101", "E1105"}),
    "A1 cut by little": (lambda b: b[:-50], {"E1101", "E1105"}),
    "A2 tail of zeros": (
        lambda b: b[: len(b) // 2] + bytes(len(b) - len(b) // 2),
        {"E1101", "E1105", "E1104", "E1203"},
    ),
    "A3 bits flipped": (lambda b: b[:3000] + bytes(v ^ 255 for v in b[3000:3010]) + b[3010:], {"E1105"}),
    "A4 empty": (lambda b: b"", {"E1103"}),
    "A4 stub": (lambda b: b[:96], {"E1103"}),
    "A5 page inside": (lambda b: b"<!DOCTYPE html><html>busy</html>" * 20, {"E1104"}),
    "A5 VRT named .tif": (lambda b: VRT, {"E1104"}),
    "A6 header only, noise behind": (
        lambda b: b[:400] + np.random.default_rng(1).bytes(4000),
        {"E1101", "E1104", "E1105", "E1203"},
    ),
    "A7 geographic CRS": (rewritten(crs="EPSG:4326"), {"E1201"}),
    "A7 neighbour zone": (rewritten(crs="EPSG:32653"), {"E1201", "E1207"}),
    "A7 plane rectangular": (rewritten(crs="EPSG:6677"), {"E1201", "E1207"}),
    "A8 one pixel east": (grid_moved(1, 0), {"E1202", "E1207"}),
    "A8 one pixel north": (grid_moved(0, -1), {"E1202", "E1207"}),
    "A8 half a pixel": (grid_moved(0.5, 0.5), {"E1202", "E1207"}),
    "A8 upside down": (rewritten(transform=GRID.affine @ GRID.affine.scale(1, -1)), {"E1202", "E1207"}),
    "A11 a band missing": (rewritten(pick=range(8)), {"E1203"}),
    "A11 a band too many": (rewritten(pick=[*range(9), 0]), {"E1203"}),
    "A11 another type": (rewritten(dtype="float32"), {"E1203"}),
    "A11 signed": (rewritten(dtype="int16"), {"E1203"}),
    "A11 classes out of order": (rewritten(pick=[6, 1, 2, 3, 4, 5, 0, 7, 8]), {"E1105", "E1206"}),
    "A9 no data declared": (rewritten(nodata=500), {"E1203"}),
}


@pytest.mark.parametrize("name", IMAGES)
def test_a_wrong_image_is_refused_and_asked_for_again(hub: World, name: str) -> None:
    change, codes = IMAGES[name]
    wanted = of_sensor(hub, Sensor.S2)
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(change)), 99))
    assert outcome(hub.source(), wanted) in codes
    assert 1 <= hub.processed() <= BUDGET.content_tries


@pytest.mark.parametrize("name", ["A1 cut", "A2 tail of zeros", "A4 stub", "A5 page inside"])
def test_a_damaged_answer_that_comes_well_the_next_time_is_used(hub: World, name: str) -> None:
    wanted = of_sensor(hub, Sensor.S2)
    whole = hub.source().fetch(wanted, aoi()).pixels_sha256
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(IMAGES[name][0])), 2))
    assert hub.source().fetch(wanted, aoi()).pixels_sha256 == whole


def extra_member(body: bytes) -> bytes:
    image, metadata = parts(body)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in (("default.tif", image), ("userdata.json", metadata), ("../../escape", b"x")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def linked(body: bytes) -> bytes:
    _, metadata = parts(body)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("default.tif")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        member = tarfile.TarInfo("userdata.json")
        member.size = len(metadata)
        tar.addfile(member, io.BytesIO(metadata))
    return buffer.getvalue()


ANSWERS: dict[str, tuple[Change, str]] = {
    "no archive": (lambda b: parts(b)[0], "E1104"),
    "nothing": (lambda b: b"", "E1104"),
    "noise": (lambda b: np.random.default_rng(2).bytes(5000), "E1104"),
    "a file that leads out": (extra_member, "E1104"),
    "a link": (linked, "E1104"),
    "no proof": (lambda b: tar_bytes(parts(b)[0], {}), "E1207"),
    "proof of another type": (lambda b: tar_bytes(parts(b)[0], {"request": 7}), "E1207"),
    "metadata that is no object": (lambda b: tar_bytes(parts(b)[0], ["x"]), "E1104"),  # type: ignore[arg-type]
    "cut": (lambda b: b[: len(b) // 3], "E1104"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(hub: World, name: str) -> None:
    change, code = ANSWERS[name]
    wanted = of_sensor(hub, Sensor.S1)
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(change), 99))
    assert outcome(hub.source(), wanted) == code


@pytest.mark.parametrize("kind", ["text/html", "application/json", "image/png", ""])
def test_a_page_with_status_200_is_refused_by_its_type(hub: World, kind: str) -> None:
    wanted = of_sensor(hub, Sensor.S1)
    hub.stand_in.rules.append(Rule(PROCESS, faults.page(b"<html>maintenance</html>" * 90, kind), 99))
    assert outcome(hub.source(), wanted) == "E1104"


def holding_all_missing(holdings: Holdings, columns: slice) -> Change:
    """The image with its mask cleared in `columns`."""

    def change(image: bytes) -> bytes:
        with MemoryFile(image) as memory, memory.open() as file:
            values = file.read()
        values[-1][:, columns] = 0
        return tiff_bytes(values, GRID)

    return change


@pytest.mark.parametrize("sensor", [Sensor.S1, Sensor.S2])
def test_a_scene_without_a_valid_pixel_is_not_archived(
    hub: World, holdings: Holdings, tmp_path: Path, sensor: Sensor
) -> None:
    wanted = of_sensor(hub, sensor)
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(holding_all_missing(holdings, slice(None)))), 99))
    raster = hub.source().fetch(wanted, aoi())
    with pytest.raises(Exception, match="E1208"):
        Archive(tmp_path / "archive").put_scene(wanted, raster)


@pytest.mark.parametrize("sensor", [Sensor.S1, Sensor.S2])
def test_what_a_swath_does_not_cover_is_missing_and_the_rest_is_there(
    hub: World, holdings: Holdings, tmp_path: Path, sensor: Sensor
) -> None:
    wanted = of_sensor(hub, sensor)
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(holding_all_missing(holdings, slice(0, 20)))), 99))
    raster = hub.source().fetch(wanted, aoi())
    for values in raster.bands.values():
        assert np.isnan(values[:, :20]).all() and np.isfinite(values[:, 20:]).all()
    scene = Archive(tmp_path / "archive").put_scene(wanted, raster)
    assert scene.valid_fraction == pytest.approx(60 / 80)


def test_radar_shadow_and_zero_power_are_missing(hub: World) -> None:
    def change(image: bytes) -> bytes:
        with MemoryFile(image) as memory, memory.open() as file:
            values = file.read()
        values[3][0, 0] = 1.0
        values[0][1, 1] = 0.0
        return tiff_bytes(values, GRID)

    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(change))))
    bands = hub.source().fetch(of_sensor(hub, Sensor.S1), aoi()).bands
    assert np.isnan(bands["VV"][0, 0]) and np.isnan(bands["VH"][0, 0]) and np.isnan(bands["VV"][1, 1])
    assert np.isfinite(bands["VV"][2:]).all()


@pytest.mark.parametrize("shift", [1000.0, -1000.0])
def test_an_offset_that_was_left_out_or_taken_twice_is_found_on_dark_ground(hub: World, shift: float) -> None:
    def change(image: bytes) -> bytes:
        with MemoryFile(image) as memory, memory.open() as file:
            values = file.read().astype(np.float64)
        values[:6] = np.clip(values[:6] + shift, 0, 65535)
        return tiff_bytes(values.astype(np.uint16), GRID)

    wanted = of_sensor(hub, Sensor.S2)
    assert outcome(hub.source(), wanted) == "pixels"
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(change)), 99))
    # The service clips at zero, so an offset taken twice shows as ground without any red.
    assert outcome(hub.source(), wanted) == "E1204"


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
