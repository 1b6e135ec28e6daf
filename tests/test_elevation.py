"""Elevation models: from the GSI's XML, GeoTIFFs and an open catalogue to height, slope and aspect in the archive."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pystac.validation
import pytest
import rasterio

from sat_monitor.core.domain import FloatArray
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.elevation import Heights, read_elevation
from sat_monitor.imagery.gsi_xml import read_mesh, read_meshes
from sat_monitor.imagery.stac_elevation import fetch_elevation
from sat_monitor.imagery.terrain import get_terrain, put_terrain, terrain_of
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.open_stac import EARTH_SEARCH_LIKE
from tests.elevation_world import gsi_xml, lonlat_plane, write_lonlat
from tests.imagery_world import AT, GRID, aoi_on, raises_code, write_tiff
from tests.stac_world import open_world

#: A rectangle around the grid whose corners lie on the cells of the GSI's 5 m mesh, degrees, and cells per degree.
AROUND = (139.21, 35.69, 139.24, 35.72)
FIVE_METRES, THIRTY_METRES = 18_000, 3_600
RISE = (0.2, -0.1)
Change = Callable[[bytes], bytes]


def shape_of(bounds: tuple[float, float, float, float], per_degree: int) -> tuple[int, int]:
    west, south, east, north = bounds
    return round((north - south) * per_degree), round((east - west) * per_degree)


def heights(bounds: tuple[float, float, float, float] = AROUND, per_degree: int = FIVE_METRES) -> FloatArray:
    return lonlat_plane(bounds, shape_of(bounds, per_degree), GRID, RISE)


def quarters() -> list[tuple[float, float, float, float]]:
    """AROUND cut into four meshes."""
    west, south, east, north = AROUND
    x, y = (west + east) / 2, (south + north) / 2
    return [(west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north)]


def write_meshes(folder: Path, zipped: bool) -> Path:
    folder.mkdir()
    contents = {f"FG-GML-{k}.xml": gsi_xml(heights(part), part) for k, part in enumerate(quarters())}
    if zipped:
        with zipfile.ZipFile(folder / "FG-GML-5339.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, content in contents.items():
                bundle.writestr(name, content)
    else:
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    return folder


def check_plane(parts: list[Heights]) -> None:
    terrain = terrain_of(parts, aoi_on(), "test", "0" * 64)
    assert terrain.known_fraction == 1.0
    y, x = np.mgrid[0 : GRID.height, 0 : GRID.width]
    expected = 100.0 + RISE[0] * 10.0 * (x - GRID.width / 2 + 0.5) - RISE[1] * 10.0 * (y - GRID.height / 2 + 0.5)
    np.testing.assert_allclose(terrain.height, expected, atol=0.6)
    np.testing.assert_allclose(np.median(terrain.height - expected), 0.0, atol=0.1)
    np.testing.assert_allclose(np.median(terrain.slope), np.degrees(np.arctan(np.hypot(*RISE))), atol=0.1)
    np.testing.assert_allclose(np.median(terrain.aspect), np.degrees(np.arctan2(-RISE[0], -RISE[1])) % 360, atol=0.5)
    assert np.isfinite(terrain.slope).all()


@pytest.mark.parametrize("zipped", [False, True])
def test_meshes_of_the_gsi_become_one_surface(tmp_path: Path, zipped: bool) -> None:
    parts, rejected, _ = read_elevation(write_meshes(tmp_path / "gsi", zipped), aoi_on())
    assert len(parts) == 1 and not rejected
    check_plane(parts)


@pytest.mark.parametrize(("per_degree", "dtype"), [(FIVE_METRES, "float32"), (THIRTY_METRES, "float32")])
def test_a_geotiff_in_degrees_becomes_a_surface(tmp_path: Path, per_degree: int, dtype: str) -> None:
    path = write_lonlat(tmp_path / "dem.tif", heights(per_degree=per_degree), AROUND, dtype=dtype)
    parts, rejected, _ = read_elevation(path, aoi_on())
    assert not rejected
    check_plane(parts)


def test_the_finer_model_counts_and_the_coarser_fills_what_it_does_not_know(tmp_path: Path) -> None:
    fine = heights() + 50.0
    fine[:, : fine.shape[1] // 2] = np.nan
    write_lonlat(tmp_path / "a-coarse.tif", heights(per_degree=THIRTY_METRES), AROUND)
    write_lonlat(tmp_path / "b-fine.tif", fine, AROUND, nodata=np.nan)
    parts, _, _ = read_elevation(tmp_path, aoi_on())
    terrain = terrain_of(parts, aoi_on(), "both", "0" * 64)
    step = terrain.height[:, -1].mean() - terrain.height[:, 0].mean()
    assert terrain.known_fraction == 1.0 and 50.0 < step < 50.0 + 2 * 0.2 * 10 * GRID.width


def test_one_bad_file_stops_nothing(tmp_path: Path) -> None:
    folder = write_meshes(tmp_path / "gsi", False)
    (folder / "page.xml").write_bytes(b"<html><p>maintenance</html>")
    (folder / "cut.tif").write_bytes(b"II*\0" + bytes(300))
    (folder / "cut.zip").write_bytes(b"PK\3\4" + bytes(300))
    parts, rejected, _ = read_elevation(folder, aoi_on())
    check_plane(parts)
    assert sorted(r.code for r in rejected) == ["E1104", "E1105", "E1105"]


def replaced(old: bytes, new: bytes) -> Change:
    return lambda content: content.replace(old, new, 1)


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
WRONG: dict[str, tuple[Change, str]] = {
    "not XML": (lambda c: b"<html><p>busy</html>", "E1104"),
    "cut": (lambda c: c[: len(c) // 2], "E1104"),
    "nothing": (lambda c: b"", "E1104"),
    "entities": (lambda c: c.replace(b"?>", b"?>" + BOMB, 1), "E1104"),
    "an external entity": (
        lambda c: c.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', 1),
        "E1104",
    ),
    "another kind of data": (lambda c: b"<?xml version='1.0'?><Dataset><BldA/></Dataset>", "E1105"),
    "an unknown datum": (replaced(b"jgd2011.bl", b"tokyo.bl"), "E1201"),
    "a cell too many": (replaced(b"<gml:tupleList>", "<gml:tupleList>\n地表面,1.0".encode()), "E1105"),
    "a height that is none": (replaced("地表面,".encode(), "地表面,high".encode()), "E1105"),
    "another order": (replaced(b"+x-y", b"+x+y"), "E1105"),
    "upside down": (replaced(b"<gml:lowerCorner>35", b"<gml:lowerCorner>36"), "E1105"),
    "cells without end": (replaced(b"<gml:high>", b"<gml:high>99999999"), "E1105"),
    "two meshes": (
        lambda c: c.replace(b"<gml:startPoint>", b"<gml:startPoint>0 0</gml:startPoint><gml:startPoint>"),
        "E1105",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_no_mesh_is_refused(tmp_path: Path, name: str) -> None:
    change, code = WRONG[name]
    bounds = quarters()[0]
    path = tmp_path / "mesh.xml"
    path.write_bytes(change(gsi_xml(np.full((9, 12), 5.0, np.float32), bounds)))
    with raises_code(code):
        list(read_meshes(path))


def test_cells_before_the_start_and_after_the_last_one_are_not_known(tmp_path: Path) -> None:
    values = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    path = tmp_path / "mesh.xml"
    path.write_bytes(gsi_xml(values, AROUND, skip=5, leave_out=2, datum="fguuid:jgd2024.bl"))
    [mesh] = read_meshes(path)
    expected = np.where((values >= 5) & (values < 10), values, np.nan)
    np.testing.assert_array_equal(mesh.height, expected)
    assert mesh.epsg == 6668 and mesh.bounds == pytest.approx(AROUND)


def test_an_older_encoding_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mesh.xml"
    path.write_bytes(gsi_xml(np.full((2, 3), 7.0, np.float32), AROUND, encoding="shift_jis"))
    with path.open("rb") as file:
        assert read_mesh(file, path.name).height.tolist() == [[7.0] * 3] * 2


FILES: dict[str, tuple[dict[str, object], str]] = {
    "no CRS": ({"crs": None}, "E1201"),
    "two bands": ({"count": 2}, "E1203"),
    "centimetres": ({"dtype": "float32"}, "E1206"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_geotiff_that_is_no_elevation_model_is_refused(tmp_path: Path, name: str) -> None:
    profile, code = FILES[name]
    height = heights(per_degree=THIRTY_METRES) * (1000.0 if name == "centimetres" else 1.0)
    write_lonlat(tmp_path / "dem.tif", height, AROUND, **profile)
    _, [reject], _ = read_elevation(tmp_path, aoi_on())
    assert reject.code == code


def test_a_model_of_elsewhere_covers_nothing(tmp_path: Path) -> None:
    write_lonlat(tmp_path / "dem.tif", np.full((50, 50), 3.0, np.float32), (140.0, 36.0, 140.1, 36.1))
    parts, rejected, _ = read_elevation(tmp_path, aoi_on())
    assert not parts and not rejected
    with raises_code("E1208"):
        terrain_of(parts, aoi_on(), "elsewhere", "")


def test_layers_are_archived_as_a_valid_item_and_come_back(tmp_path: Path) -> None:
    write_lonlat(tmp_path / "dem.tif", heights(), AROUND)
    parts, _, sha256 = read_elevation(tmp_path / "dem.tif", aoi_on())
    terrain = terrain_of(parts, aoi_on(), "dem.tif", sha256)
    image = put_terrain(tmp_path / "archive", "plot", terrain, AT)
    again = get_terrain(tmp_path / "archive", "plot")
    assert again is not None and (again.origin, again.inputs_sha256) == ("dem.tif", sha256)
    for layer in ("height", "slope", "aspect"):
        np.testing.assert_array_equal(getattr(again, layer), getattr(terrain, layer))
    item = json.loads(image.with_suffix(".json").read_text())
    assert pystac.validation.validate_dict({**item, "stac_extensions": []})
    assert (tmp_path / "archive" / "catalog.json").is_file() and not Archive(tmp_path / "archive").damaged()
    with rasterio.open(image) as file:
        assert file.descriptions == ("height", "slope", "aspect") and file.crs.to_epsg() == GRID.epsg
    image.write_bytes(image.read_bytes()[:-1] + b"x")
    with raises_code("E1102"):
        get_terrain(tmp_path / "archive", "plot")


def test_an_aoi_without_layers_has_none(tmp_path: Path) -> None:
    assert get_terrain(tmp_path, "plot") is None


def test_the_elevation_model_of_an_open_catalogue(tmp_path: Path) -> None:
    with open_world(Holdings(Archive(tmp_path / "none")), tmp_path / "fetch", EARTH_SEARCH_LIKE) as world:
        world.stac.heights = (heights(per_degree=THIRTY_METRES), AROUND)
        parts, sha256 = fetch_elevation(world.site(), world.door(), tmp_path / "fetch", aoi_on())
        again, same = fetch_elevation(world.site(), world.door(), tmp_path / "fetch", aoi_on())
    check_plane(parts)
    assert sha256 == same and len(sha256) == 64 and len(again) == 1
    assert datetime.now(UTC) > AT


def test_a_metric_model_is_read_too(tmp_path: Path) -> None:
    y, x = np.mgrid[0 : GRID.height, 0 : GRID.width]
    write_tiff(tmp_path / "dem.tif", GRID, {"height": (100.0 + x + 2.0 * y).astype(np.float32)}, nodata=-9999)
    parts, _, _ = read_elevation(tmp_path, aoi_on())
    terrain = terrain_of(parts, aoi_on(), "plain", "")
    np.testing.assert_allclose(terrain.height, 100.0 + x + 2.0 * y, atol=1e-3)
    assert np.isnan(terrain.slope[0]).all() and np.isfinite(terrain.slope[1:-1, 1:-1]).all()
