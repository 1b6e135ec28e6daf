"""The archive is a static STAC catalogue that others open: valid, every link there, and derived from the items alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pystac
import pystac.validation
import pytest
from shapely.ops import unary_union

from sat_monitor.core.domain import ChangeMap, Scene, Sensor
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.catalog import write_collection
from tests.imagery_world import AT, GRID, archived, noise, offer, optical_raster, sar_raster


def put_change(archive: Archive, tested: Scene, references: tuple[str, ...]) -> None:
    score = noise(tested.grid.shape, 1)
    depth = np.ones(tested.grid.shape, np.int16)
    map_ = ChangeMap("sar@1", tested.id, references, tested.grid, score, "sigma", np.isfinite(score), depth, {})
    archive.put_change_map(tested.aoi, map_, tested)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    archive = Archive(tmp_path / "archive")
    archived(archive, Sensor.S2, range(2))
    *before, tested = archived(archive, Sensor.S1, range(3))
    put_change(archive, tested, tuple(s.id for s in before))
    archive.put_scene(offer(aoi="island", simulated=True), optical_raster(seed=9))
    return archive.root


def documents(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*.json")))


def test_every_document_is_valid_by_the_core_schemas(root: Path) -> None:
    kinds = []
    for path in documents(root):
        plain = json.loads(path.read_text(encoding="utf-8"))
        assert pystac.validation.validate_dict({**plain, "stac_extensions": []}), path
        kinds.append(plain["type"])
    assert (kinds.count("Catalog"), kinds.count("Collection"), kinds.count("Feature")) == (1, 3, 7)


def test_every_link_and_asset_leads_to_a_file_inside_the_archive(root: Path) -> None:
    for path in documents(root):
        plain = json.loads(path.read_text(encoding="utf-8"))
        for href in [x["href"] for x in [*plain["links"], *plain.get("assets", {}).values()]]:
            target = (path.parent / href).resolve()
            assert target.is_file() and target.is_relative_to(root), f"{path}: {href}"


def test_pystac_walks_from_the_root_to_every_item_and_back(root: Path) -> None:
    catalog = pystac.Catalog.from_file(str(root / "catalog.json"))
    assert {c.id for c in catalog.get_children()} == {"plot-scenes", "plot-changes", "island-scenes"}
    items = list(catalog.get_items(recursive=True))
    assert len(items) == 7
    for item in items:
        assert item.get_root() is catalog
        assert item.get_collection() is item.get_parent()
        assert item.collection_id == item.get_parent().id


def test_a_change_map_is_derived_from_its_scene_and_references(root: Path) -> None:
    [path] = (root / "plot" / "changes").glob("*/*.json")
    item = pystac.Item.from_file(str(path))
    sources = [pystac.Item.from_file(link.get_absolute_href()) for link in item.get_links("derived_from")]
    assert [source.id for source in sources] == ["s1-002", "s1-000", "s1-001"]
    assert {source.collection_id for source in sources} == {"plot-scenes"}


def test_the_extent_of_a_collection_holds_all_its_items(root: Path) -> None:
    for collection in pystac.Catalog.from_file(str(root / "catalog.json")).get_children():
        assert isinstance(collection, pystac.Collection)
        [[west, south, east, north]] = collection.extent.spatial.bboxes
        [[first, last]] = collection.extent.temporal.intervals
        for item in collection.get_items():
            assert item.bbox is not None and item.datetime is not None
            assert west <= item.bbox[0] and south <= item.bbox[1] and item.bbox[2] <= east and item.bbox[3] <= north
            assert first <= item.datetime <= last


def test_the_extent_of_scenes_apart_is_the_union_of_their_ground_and_time(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    grids = [replace(GRID, x0=GRID.x0 + dx, y0=GRID.y0 + dy) for dx, dy in ((0, 0), (5000, 0), (2000, 7000))]
    for day, grid in zip((5, 0, 9), grids, strict=True):
        archive.put_scene(offer(Sensor.S1, day), sar_raster(grid))
    collection = pystac.Collection.from_file(str(tmp_path / "plot" / "scenes" / "collection.json"))
    whole = unary_union([grid.footprint_lonlat for grid in grids]).bounds
    assert collection.extent.spatial.bboxes == [list(whole)]
    days = [AT + timedelta(days=day) for day in (0, 9)]
    assert collection.extent.temporal.intervals == [days]


def test_a_lost_index_is_made_again_from_the_items(root: Path) -> None:
    paths = [root / "catalog.json", *root.rglob("collection.json")]
    before = {path: path.read_bytes() for path in paths}
    for path in paths:
        path.unlink()
    for path in paths[1:]:
        write_collection(root, path.parent)
    assert {path: path.read_bytes() for path in paths} == before


def test_an_archive_may_be_moved_as_a_whole(root: Path, tmp_path: Path) -> None:
    moved = Path(shutil.move(root, tmp_path / "elsewhere"))
    assert str(root) not in "".join(path.read_text() for path in documents(moved))
    assert len(list(pystac.Catalog.from_file(str(moved / "catalog.json")).get_items(recursive=True))) == 7
    assert Archive(moved).damaged() == []


def test_writing_the_same_index_again_touches_no_file(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in documents(root)}
    write_collection(root, root / "plot" / "scenes")
    assert {path: path.stat().st_mtime_ns for path in documents(root)} == before


def test_a_folder_without_items_makes_no_collection(tmp_path: Path) -> None:
    (tmp_path / "plot" / "scenes").mkdir(parents=True)
    write_collection(tmp_path, tmp_path / "plot" / "scenes")
    assert not list(tmp_path.rglob("*.json"))


def test_simulated_scenes_and_what_comes_of_them_say_so(root: Path) -> None:
    [simulated] = Archive(root).scenes("island")
    put_change(Archive(root), simulated, ())

    def flags(aoi: str) -> set[bool]:
        items = [json.loads(path.read_text(encoding="utf-8")) for path in (root / aoi).glob("*/*/*.json")]
        return {item["properties"]["sat_monitor:simulated"] for item in items}

    assert flags("plot") == {False} and flags("island") == {True}
    assert simulated.simulated and len(list((root / "island").glob("*/*/*.json"))) == 2
