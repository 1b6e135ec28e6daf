"""Every way in which a scene arrives broken ends as its number, with nothing archived and the next scene unharmed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.domain import Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.folder import FolderSource
from sat_monitor.imagery.geotiff import read_geotiff
from tests.imagery_world import (
    ALWAYS,
    GRID,
    aoi_on,
    archived,
    foreign_catalogue,
    foreign_item,
    optical_raster,
    per_band_assets,
    raises_code,
    sar_raster,
    write_tiff,
)

LAYOUTS = {
    "strips": {},
    "planes": {"interleave": "band", "compress": "deflate"},
    "tiles": {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": "zstd", "interleave": "pixel"},
    "cog": {"driver": "COG", "blocksize": 128, "compress": "zstd"},
}


def outcome(path: Path) -> str:
    try:
        read_geotiff(path, names=("VV", "VH"))
    except SceneReject as reject:
        return reject.code
    return "read"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_cut_anywhere_is_truncated_or_a_stub_and_never_read(tmp_path: Path, layout: str) -> None:
    whole = write_tiff(tmp_path / "whole.tif", **LAYOUTS[layout]).read_bytes()
    # The last four bytes of a COG repeat the end of its last tile: nothing is lost with them.
    end = len(whole) - (4 if layout == "cog" else 0)
    positions = {int(p) for p in np.linspace(0, end - 1, 60)} | {8, 199, 200, 201, 300, 400, 600, 1000}
    found = {}
    for position in sorted(positions):
        (tmp_path / "cut.tif").write_bytes(whole[:position])
        found[position] = outcome(tmp_path / "cut.tif")
    assert found == {p: "E1103" if p < 200 else "E1101" for p in found}


def test_a_cut_that_takes_only_the_nodata_tag_is_found(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", nodata=-9999.25, BIGTIFF="YES")
    content = path.read_bytes()
    cut_at = max(content.rfind(b"-9999"), content.rfind(b"</GDALMetadata>"))
    path.write_bytes(content[:cut_at])
    assert outcome(path) == "E1101"


def inbox_of(root: Path) -> Path:
    """A catalogue of this project's own making with two scenes."""
    archived(Archive(root), Sensor.S2, range(2))
    return root


def first_tiff(root: Path) -> Path:
    return root / "plot" / "scenes" / "s2-000" / "s2-000.tif"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)


def vrt(path: Path) -> None:
    path.rename(path.with_name("real.tiff"))
    path.write_text('<VRTDataset rasterXSize="80" rasterYSize="96"><VRTRasterBand/></VRTDataset>' + " " * 200)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (Path.unlink, "E1101"),
    "cut": (cut, "E1101"),
    "empty": (lambda path: path.write_bytes(b""), "E1103"),
    "a stub of 96 bytes": (lambda path: path.write_bytes(path.read_bytes()[:96]), "E1103"),
    "an error page": (lambda path: path.write_text("<!DOCTYPE html><html>503 Service Unavailable" * 20), "E1104"),
    "a VRT named .tif": (vrt, "E1104"),
    "one bit altered": (flip, "E1102"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_download_has_its_number_and_the_next_scene_is_read(tmp_path: Path, fault: str) -> None:
    spoil, code = FAULTS[fault]
    source = FolderSource(inbox_of(tmp_path / "inbox"))
    spoil(first_tiff(tmp_path / "inbox"))
    bad, good = source.listing(aoi_on(), *ALWAYS).offers
    with raises_code(code):
        source.fetch(bad, aoi_on())
    archive = Archive(tmp_path / "archive")
    archive.put_scene(good, source.fetch(good, aoi_on()))
    assert [scene.id for scene in archive.scenes("plot")] == ["s2-001"]


def one_item(root: Path, **replaced: object) -> FolderSource:
    raster = optical_raster()
    return FolderSource(foreign_catalogue(root, {**foreign_item("a", per_band_assets(root, "a", raster)), **replaced}))


def fetch_one(source: FolderSource) -> object:
    [offer] = source.listing(aoi_on(), *ALWAYS).offers
    return source.fetch(offer, aoi_on())


def test_a_scene_in_another_crs_is_refused(tmp_path: Path) -> None:
    source = one_item(tmp_path)
    write_tiff(tmp_path / "a" / "B04.tif", replace(GRID, epsg=32653), {"B04": optical_raster().bands["B04"]})
    with raises_code("E1201"):
        fetch_one(source)


@pytest.mark.parametrize(("east", "south"), [(5.0, 0.0), (0.0, 5.0), (5.0, 5.0), (0.5, 0.0)])
def test_a_scene_shifted_by_part_of_a_pixel_is_refused(tmp_path: Path, east: float, south: float) -> None:
    source = one_item(tmp_path)
    grid = replace(GRID, x0=GRID.x0 + east, y0=GRID.y0 - south)
    for name, values in optical_raster().bands.items():
        write_tiff(tmp_path / "a" / f"{name}.tif", grid, {name: values})
    with raises_code("E1202"):
        fetch_one(source)


def test_bands_on_different_pixels_of_one_grid_are_refused(tmp_path: Path) -> None:
    source = one_item(tmp_path)
    write_tiff(tmp_path / "a" / "B04.tif", replace(GRID, x0=GRID.x0 + 10.0), {"B04": optical_raster().bands["B04"]})
    with raises_code("E1206"):
        fetch_one(source)


@pytest.mark.parametrize("missing", ["B04", "B08", "SCL"])
def test_a_scene_without_a_needed_band_is_refused(tmp_path: Path, missing: str) -> None:
    bands = {name: values for name, values in optical_raster().bands.items() if name != missing}
    assets = per_band_assets(tmp_path, "a", replace(optical_raster(), bands=bands))
    with raises_code("E1203"):
        fetch_one(FolderSource(foreign_catalogue(tmp_path, foreign_item("a", assets))))


@pytest.mark.parametrize("nodata", [0.0, -9999.0, np.nan])
def test_a_scene_of_nothing_but_no_data_is_refused(tmp_path: Path, nodata: float) -> None:
    for name in optical_raster().bands:
        path = tmp_path / "a" / f"{name}.tif"
        write_tiff(path, GRID, {name: np.full(GRID.shape, nodata, np.float32)}, nodata=nodata)
    assets = {name: {"href": f"a/{name}.tif", "type": "image/tiff"} for name in optical_raster().bands}
    source = FolderSource(foreign_catalogue(tmp_path, foreign_item("a", assets)))
    [offer] = source.listing(aoi_on(), *ALWAYS).offers
    with raises_code("E1208"):
        Archive(tmp_path / "archive").put_scene(offer, source.fetch(offer, aoi_on()))


def test_a_scene_beside_the_aoi_is_no_pixel_of_it(tmp_path: Path) -> None:
    source = one_item(tmp_path)
    [offer] = source.listing(aoi_on(), *ALWAYS).offers
    with raises_code("E1208"):
        source.fetch(offer, aoi_on(replace(GRID, x0=GRID.x0 + 5000.0)))


def test_a_promise_of_another_hash_is_not_kept(tmp_path: Path) -> None:
    root = inbox_of(tmp_path / "inbox")
    path = root / "plot" / "scenes" / "s2-000" / "s2-000.json"
    item = json.loads(path.read_text())
    item["assets"]["data"]["file:checksum"] = "1220" + "0" * 64
    path.write_text(json.dumps(item))
    source = FolderSource(root)
    with raises_code("E1102"):
        source.fetch(source.listing(aoi_on(), *ALWAYS).offers[0], aoi_on())


def test_backscatter_bands_under_an_optical_name_are_refused(tmp_path: Path) -> None:
    assets = {"data": {"href": "a.tif", "type": "image/tiff", "bands": [{"name": "VV"}, {"name": "VH"}]}}
    write_tiff(tmp_path / "a.tif", GRID, sar_raster().bands)
    with raises_code("E1203"):
        fetch_one(FolderSource(foreign_catalogue(tmp_path, foreign_item("a", assets))))
