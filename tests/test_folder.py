"""FolderSource: catalogues of others and of our own, read with the same distrust."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.folder import FolderSource
from sat_monitor.imagery.source import Listing
from tests.imagery_world import (
    ALWAYS,
    AT,
    GRID,
    aoi_on,
    archived,
    foreign_catalogue,
    foreign_item,
    offer,
    optical_raster,
    per_band_assets,
    raises_code,
    sar_raster,
    write_tiff,
)


def listed(root: Path) -> Listing:
    return FolderSource(root).listing(aoi_on(), *ALWAYS)


def codes(listing: Listing) -> list[str]:
    return [reject.code for reject in listing.unreadable]


def test_what_the_archive_wrote_is_offered_and_fetched_as_it_was(tmp_path: Path) -> None:
    raster = sar_raster()
    given = offer(Sensor.S1, processing_baseline="1.0", simulated=True)
    Archive(tmp_path).put_scene(given, raster)
    [read] = listed(tmp_path).offers
    assert replace(read, href=given.href) == given
    fetched = FolderSource(tmp_path).fetch(read, aoi_on())
    assert fetched.pixels_sha256 == raster.pixels_sha256


def test_a_foreign_catalogue_with_one_file_per_band_is_read(tmp_path: Path) -> None:
    raster = optical_raster()
    assets = per_band_assets(tmp_path, "a", raster)
    assets["thumbnail"] = {"href": "https://example.org/a.png", "type": "image/png"}
    item = foreign_item("S2A_a", assets, **{"s2:processing_baseline": "05.11"})
    [read] = listed(foreign_catalogue(tmp_path, item)).offers
    assert (read.id, read.sensor, read.platform) == ("S2A_a", Sensor.S2, "sentinel-2a")
    assert (read.acquired_at, read.track, read.processing_baseline) == (AT, None, "05.11")
    fetched = FolderSource(tmp_path).fetch(read, aoi_on())
    assert fetched.pixels_sha256 == raster.pixels_sha256


def test_a_foreign_sar_item_tells_its_track(tmp_path: Path) -> None:
    orbit = {"sat:relative_orbit": 46, "sat:orbit_state": "descending"}
    satellite = {"platform": "sentinel-1a", "constellation": "sentinel-1"}
    item = foreign_item("S1A_a", per_band_assets(tmp_path, "a", sar_raster()), **satellite, **orbit)
    [read] = listed(foreign_catalogue(tmp_path, item)).offers
    assert read.track == Track(46, Direction.DESCENDING)


def test_a_sar_item_without_its_orbit_is_refused(tmp_path: Path) -> None:
    satellite = {"platform": "sentinel-1a", "constellation": "sentinel-1"}
    halves: list[dict[str, Any]] = [{}, {"sat:relative_orbit": 46}, {"sat:orbit_state": "ascending"}]
    items = [foreign_item(f"a{k}", {}, **satellite, **half) for k, half in enumerate(halves)]
    listing = listed(foreign_catalogue(tmp_path, *items))
    assert codes(listing) == ["E1206"] * 3 and not listing.offers


@pytest.mark.parametrize(
    "when", [None, "", "yesterday", "2026-05-01T01:30:31", "2026-13-01T00:00:00Z", "1970-01-01T00:00:00Z", 7]
)
def test_a_time_that_is_missing_naive_or_impossible_is_e1209(tmp_path: Path, when: object) -> None:
    good = foreign_item("good", {})
    listing = listed(foreign_catalogue(tmp_path, foreign_item("bad", {}, datetime=when), good))
    assert codes(listing) == ["E1209"] and [o.id for o in listing.offers] == ["good"]
    assert [reject.scene_id for reject in listing.unreadable] == ["bad"]


BROKEN_ITEMS = {
    "no JSON": "{",
    "empty": "",
    "a list": "[]",
    "a number": "3",
    "null": "null",
    "properties of null": json.dumps({**foreign_item("a", {}), "properties": None}),
    "properties of text": json.dumps({**foreign_item("a", {}), "properties": "none"}),
    "a bbox of text": json.dumps({**foreign_item("a", {}), "bbox": ["a", "b", "c", "d"]}),
    "not UTF-8": "",
}


@pytest.mark.parametrize("kind", BROKEN_ITEMS)
def test_a_broken_item_is_named_and_the_others_are_read(tmp_path: Path, kind: str) -> None:
    root = foreign_catalogue(tmp_path, BROKEN_ITEMS[kind], foreign_item("good", {}))
    if kind == "not UTF-8":
        (root / "item0.json").write_bytes(b'{"id": "\xff\xfe"}')
    listing = listed(root)
    assert codes(listing) == ["E1104"] and [o.id for o in listing.offers] == ["good"]


def test_an_item_that_is_listed_and_gone_is_named(tmp_path: Path) -> None:
    root = foreign_catalogue(tmp_path, foreign_item("a", {}))
    (root / "item0.json").unlink()
    assert codes(listed(root)) == ["E1104"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"platform": "landsat-9", "constellation": "landsat"}, "E1203"),
        ({"sat:relative_orbit": "x", "sat:orbit_state": "ascending"}, "E1203"),
        ({"sat:relative_orbit": 46, "sat:orbit_state": "geostationary"}, "E1203"),
    ],
)
def test_an_item_of_no_sensor_of_ours_is_named(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    assert codes(listed(foreign_catalogue(tmp_path, foreign_item("a", {}, **changes)))) == [code]


@pytest.mark.parametrize("identity", ["../a", "a/b", "", "a b"])
def test_an_item_whose_id_is_no_file_name_is_named(tmp_path: Path, identity: str) -> None:
    assert codes(listed(foreign_catalogue(tmp_path, foreign_item(identity, {})))) == ["E1212"]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"links": 3}', '{"links": [3, {}, {"rel": "item"}]}'])
def test_a_broken_catalogue_is_named_and_stops_nothing(tmp_path: Path, content: str) -> None:
    root = foreign_catalogue(tmp_path / "c", foreign_item("good", {}))
    (root / "broken.json").write_text(content)
    catalogue = json.loads((root / "catalog.json").read_text())
    catalogue["links"].append({"rel": "child", "href": "broken.json"})
    (root / "catalog.json").write_text(json.dumps(catalogue))
    listing = listed(root)
    assert [o.id for o in listing.offers] == ["good"]
    assert codes(listing) == ["E1104"]


def test_an_empty_folder_offers_nothing(tmp_path: Path) -> None:
    assert listed(tmp_path) == Listing(())


OUTSIDE = [
    "../secret.tif",
    "/etc/hostname",
    "https://example.org/a.tif",
    "s3://bucket/a.tif",
    "file:///etc/hostname",
    "a/../../secret.tif",
]


@pytest.mark.parametrize("href", OUTSIDE)
def test_an_asset_that_leaves_the_folder_is_refused(tmp_path: Path, href: str) -> None:
    write_tiff(tmp_path / "secret.tif")
    root = tmp_path / "c"
    asset = {"href": href, "type": "image/tiff", "bands": [{"name": "VV"}, {"name": "VH"}]}
    [read] = listed(foreign_catalogue(root, foreign_item("a", {"data": asset}))).offers
    with raises_code("E1104"):
        FolderSource(root).fetch(read, aoi_on())


def test_a_symbolic_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    write_tiff(tmp_path / "secret.tif")
    root = foreign_catalogue(tmp_path / "c", foreign_item("a", {"B04": {"href": "in.tif", "type": "image/tiff"}}))
    (root / "in.tif").symlink_to(tmp_path / "secret.tif")
    with raises_code("E1104"):
        FolderSource(root).fetch(listed(root).offers[0], aoi_on())


@pytest.mark.parametrize("href", ["../item0.json", "https://example.org/item0.json", "/tmp/item0.json"])
def test_an_item_link_that_leaves_the_folder_is_not_followed(tmp_path: Path, href: str) -> None:
    foreign_catalogue(tmp_path, foreign_item("a", {}))
    root = foreign_catalogue(tmp_path / "c")
    (root / "catalog.json").write_text(json.dumps({"links": [{"rel": "item", "href": href}]}))
    assert listed(root) == Listing(())


def test_catalogues_that_link_in_a_circle_are_walked_once(tmp_path: Path) -> None:
    root = foreign_catalogue(tmp_path, foreign_item("a", {}))
    catalogue = json.loads((root / "catalog.json").read_text())
    catalogue["links"] += [{"rel": "child", "href": "./other.json"}] * 2
    (root / "catalog.json").write_text(json.dumps(catalogue))
    (root / "other.json").write_text(json.dumps({"links": [{"rel": "child", "href": "catalog.json"}]}))
    assert [o.id for o in listed(root).offers] == ["a"]


@pytest.mark.parametrize("assets", [{}, {"m": {"href": "m.json", "type": "application/json"}}])
def test_an_item_without_a_picture_is_a_number(tmp_path: Path, assets: object) -> None:
    [read] = listed(foreign_catalogue(tmp_path, {**foreign_item("a", {}), "assets": assets})).offers
    with raises_code("E1203"):
        FolderSource(tmp_path).fetch(read, aoi_on())


@pytest.mark.parametrize("assets", [None, 3, [], {"B04": 3}, {"B04": {}}, {"B04": {"href": None}}], ids=str)
def test_an_item_whose_assets_are_malformed_is_a_number(tmp_path: Path, assets: object) -> None:
    [read] = listed(foreign_catalogue(tmp_path, {**foreign_item("a", {}), "assets": assets})).offers
    with raises_code("E1104"):
        FolderSource(tmp_path).fetch(read, aoi_on())


def test_the_time_window_holds_its_start_and_not_its_end(tmp_path: Path) -> None:
    archived(Archive(tmp_path), Sensor.S2, range(4))
    start, end = AT + timedelta(days=1), AT + timedelta(days=3)
    assert [o.id for o in FolderSource(tmp_path).listing(aoi_on(), start, end).offers] == ["s2-001", "s2-002"]


def test_offers_are_sorted_by_time_whatever_the_order_of_the_links(tmp_path: Path) -> None:
    days = (3, 1, 2)
    items = [foreign_item(f"d{d}", {}, datetime=f"2026-05-0{d}T01:00:00Z") for d in days]
    assert [o.id for o in listed(foreign_catalogue(tmp_path, *items)).offers] == ["d1", "d2", "d3"]


def test_items_of_another_aoi_or_other_ground_are_not_offered(tmp_path: Path) -> None:
    far = replace(GRID, x0=GRID.x0 + 50_000.0)
    items = [
        foreign_item("far", {}, far),
        foreign_item("near", {}),
        foreign_item("theirs", {}, **{"sat_monitor:aoi": "other"}),
        foreign_item("ours", {}, far, **{"sat_monitor:aoi": "plot"}),
        {**foreign_item("nowhere", {}), "bbox": None},
    ]
    assert {o.id for o in listed(foreign_catalogue(tmp_path, *items)).offers} == {"near", "ours"}


def test_a_bounding_box_with_heights_is_a_bounding_box(tmp_path: Path) -> None:
    item = foreign_item("a", {})
    west, south, east, north = item["bbox"]
    item["bbox"] = [west, south, -10.0, east, north, 900.0]
    beside = {**item, "id": "beside", "bbox": [west - 2.0, south, -10.0, east - 2.0, north, 900.0]}
    assert [o.id for o in listed(foreign_catalogue(tmp_path, item, beside)).offers] == ["a"]


def test_a_scene_larger_than_the_aoi_is_cropped_to_it(tmp_path: Path) -> None:
    wide = replace(GRID, x0=GRID.x0 - 200.0, y0=GRID.y0 + 100.0, height=120, width=150)
    raster = optical_raster(wide)
    foreign_catalogue(tmp_path, foreign_item("a", per_band_assets(tmp_path, "a", raster), wide))
    fetched = FolderSource(tmp_path).fetch(listed(tmp_path).offers[0], aoi_on())
    assert fetched.grid == GRID
    assert np.array_equal(fetched.bands["B04"], raster.bands["B04"][10:106, 20:100])
