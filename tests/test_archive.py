"""The archive: idempotent, whole, checked before use, and readable by everybody else's tools."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pystac
import pystac.validation
import pytest
import rasterio
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension

from sat_monitor.core.domain import ChangeMap, Layer, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.raster import Raster
from tests.imagery_world import GRID, offer, raster


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "archive")


def image(archive: Archive, scene_id: str) -> Path:
    return archive.root / "w" / "scenes" / scene_id / f"{scene_id}.tif"


@pytest.mark.parametrize("sensor", list(Sensor))
def test_a_scene_comes_back_with_every_field_and_every_pixel(archive: Archive, sensor: Sensor) -> None:
    pixels = raster(sensor)
    scene = archive.put_scene(offer(3, sensor, simulated=True, processing_baseline="05.11"), pixels)
    assert archive.scenes("w") == [scene]
    assert archive.bands(scene) == tuple(pixels.bands)
    for name, values in archive.read(scene, tuple(pixels.bands), GRID).items():
        assert np.array_equal(values, pixels.bands[name])


def test_the_same_pixels_again_change_nothing_and_others_are_refused(archive: Archive) -> None:
    first = archive.put_scene(offer(), raster())
    before = image(archive, first.id).stat().st_mtime_ns
    assert archive.put_scene(offer(), raster()) == first
    assert image(archive, first.id).stat().st_mtime_ns == before
    with pytest.raises(SceneReject, match="E1211"):
        archive.put_scene(offer(), raster(seed=9))


def test_a_flipped_byte_is_found_at_first_use_and_mended_by_the_same_pixels(archive: Archive) -> None:
    scene = archive.put_scene(offer(), raster())
    content = bytearray(image(archive, scene.id).read_bytes())
    content[len(content) // 2] ^= 1
    image(archive, scene.id).write_bytes(content)
    with pytest.raises(SceneReject, match="E1102") as caught:
        Archive(archive.root).read(scene, ("B04",), GRID)
    assert caught.value.scene_id == scene.id
    assert archive.damaged() == [image(archive, scene.id)]
    assert archive.put_scene(offer(), raster()) == scene
    assert archive.damaged() == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 300, "a b", "c:\\x"])
def test_an_id_that_cannot_be_a_file_name_is_refused(archive: Archive, name: str) -> None:
    with pytest.raises(SceneReject, match="E1212"):
        archive.put_scene(offer(id=name), raster())


def test_all_nodata_and_wrong_bands_are_refused_and_leave_nothing(archive: Archive) -> None:
    empty = {name: np.full(GRID.shape, np.nan, np.float32) for name in raster().bands}
    with pytest.raises(SceneReject, match="E1208"):
        archive.put_scene(offer(), Raster(GRID, empty))
    with pytest.raises(SceneReject, match="E1203"):
        archive.put_scene(offer(), Raster(GRID, {"B04": raster().bands["B04"]}))
    with pytest.raises(SceneReject, match="E1203"):
        archive.put_scene(offer(), Raster(GRID, {**raster().bands, "B99": raster().bands["B04"]}))
    assert archive.scenes("w") == []


def test_a_window_beyond_the_scene_is_nan_there_and_a_crooked_one_is_refused(archive: Archive) -> None:
    scene = archive.put_scene(offer(), raster())
    wide = GRID.window(Window(-5, -7, 20, 30))
    values = archive.read(scene, ("B04",), wide)["B04"]
    assert np.isnan(values[:5]).all() and np.isnan(values[:, :7]).all()
    assert np.array_equal(values[5:, 7:], raster().bands["B04"][:15, :23])
    assert np.isnan(archive.read(scene, ("B04",), GRID.window(Window(500, 500, 4, 4)))["B04"]).all()
    with pytest.raises(SceneReject, match="E1206"):
        archive.read(scene, ("B04",), replace(GRID, x0=GRID.x0 + 3.0))
    with pytest.raises(SceneReject, match="E1206"):
        archive.read(scene, ("B04",), replace(GRID, epsg=32653))


def test_a_change_map_comes_back_with_layers_units_and_where_it_came_from(archive: Archive) -> None:
    scene = archive.put_scene(offer(1), raster())
    other = archive.put_scene(offer(0), raster(seed=1))
    score = raster().bands["B04"].copy()
    score[:4] = np.nan
    change = ChangeMap(
        "optical@1", scene.id, (other.id,), GRID, score, "sigma", np.isfinite(score),
        np.full(GRID.shape, 12, np.int16), {"ndvi": Layer(score, "1")}, 300, {"dy_px": 0.1}, "ab" * 32,
    )  # fmt: skip
    archive.put_change_map("w", change, scene)
    back = archive.change_map("w", scene.id, "optical@1")
    assert np.array_equal(back.score, change.score, equal_nan=True) and np.array_equal(back.valid, change.valid)
    assert np.array_equal(back.depth_looks, change.depth_looks) and back.layers["ndvi"].unit == "1"
    assert (back.reference_ids, back.registration, back.profile_sha256) == ((other.id,), {"dy_px": 0.1}, "ab" * 32)


def test_pystac_reads_validates_and_follows_the_whole_catalogue(archive: Archive) -> None:
    for number in range(3):
        scene = archive.put_scene(offer(number), raster(seed=number))
    flat = raster().bands["B04"]
    change = ChangeMap("optical@1", scene.id, (offer(0).id,), GRID, flat, "sigma", np.ones(GRID.shape, bool),
                       np.ones(GRID.shape, np.int16), {})  # fmt: skip
    archive.put_change_map("w", change, scene)
    catalog = pystac.Catalog.from_file(str(archive.root / "catalog.json"))
    items = list(catalog.get_items(recursive=True))
    assert {item.id for item in items} == {"s2-000", "s2-001", "s2-002", "s2-002_optical-1"}
    for child in (catalog, *catalog.get_children()):
        pystac.validation.validate_dict(child.to_dict(include_self_link=False))
    for item in items:
        core = {**item.to_dict(include_self_link=False), "stac_extensions": []}
        pystac.validation.validate_dict(core)
        projection = ProjectionExtension.ext(item)
        assert (projection.epsg, projection.shape) == (32654, list(GRID.shape))
        asset = item.assets["data"]
        assert FileExtension.ext(asset).size == Path(str(asset.get_absolute_href())).stat().st_size
    derived = [link for item in items for link in item.links if link.rel == "derived_from"]
    assert {Path(str(link.get_absolute_href())).stem for link in derived} == {"s2-002", "s2-000"}
    assert all(Path(str(link.get_absolute_href())).is_file() for link in derived)


def test_the_file_is_a_tiled_geotiff_with_names_units_nodata_and_no_side_file(archive: Archive) -> None:
    big = Grid(32654, 340_000.0, 3_950_000.0, 10.0, 700, 620)
    scene = archive.put_scene(offer(), raster(grid=big))
    with rasterio.open(image(archive, scene.id)) as file:
        assert file.profile["tiled"] and np.isnan(file.nodata) and file.overviews(1)
        assert file.descriptions == ("B04", "B08", "SCL") and file.units[0] == "surface reflectance, 0..1"
        assert file.crs.to_epsg() == 32654 and file.transform == big.affine
    names = {path.name for path in image(archive, scene.id).parent.iterdir()}
    assert names == {f"{scene.id}.tif", f"{scene.id}.json"}
    assert json.loads(image(archive, scene.id).with_suffix(".json").read_text())["stac_version"] == "1.1.0"
