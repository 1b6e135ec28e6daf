"""Areas of interest: any outline on Earth, or a number that says why not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import AOI
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.imagery.aois import (
    AoiRegistry,
    aoi_from_grids,
    aoi_from_outline,
    aoi_geojson,
    detection_mask,
    read_outline,
    utm_epsg,
)
from tests.imagery_world import GRID, aoi_on, raises_code

SHIPPED = {
    "tama", "oshima", "toshima", "niijima", "kozushima", "miyake", "mikurajima", "hachijo", "aogashima",
    "chichijima", "hahajima", "iwojima",
}  # fmt: skip


def square(lon: float, lat: float, side: float = 0.02) -> Polygon:
    return box(lon - side / 2, lat - side / 2, lon + side / 2, lat + side / 2)


def made(outline: BaseGeometry, aoi_id: str = "plot") -> AOI:
    return aoi_from_outline(aoi_id, outline, "試験", "Test")


def test_the_twelve_shipped_places_load(tmp_path: Path) -> None:
    places = AoiRegistry(tmp_path).list()
    assert {aoi.id for aoi in places} == SHIPPED
    assert [aoi.id for aoi in places] == sorted(SHIPPED)


@pytest.mark.parametrize("aoi_id", sorted(SHIPPED))
def test_a_shipped_place_has_names_and_a_snapped_grid_that_holds_its_margin(tmp_path: Path, aoi_id: str) -> None:
    aoi = AoiRegistry(tmp_path).get(aoi_id)
    assert re.search(r"[぀-鿿]", aoi.name_ja) and aoi.name_en.isascii()
    assert (aoi.grid.epsg, aoi.grid.pixel_m) == (32654, 10.0)
    assert aoi.grid.x0 % 10.0 == 0.0 and aoi.grid.y0 % 10.0 == 0.0
    area = reproject(aoi.outline, 4326, 32654)
    assert box(*aoi.grid.bounds).buffer(1.0).contains(box(*area.buffer(500.0).bounds))
    # Tokyo: nothing of it lies outside these.
    assert box(138.9, 24.0, 142.5, 35.95).contains(aoi.outline)


def test_tama_has_the_area_of_tama(tmp_path: Path) -> None:
    aoi = AoiRegistry(tmp_path).get("tama")
    inside_km2, watched_km2 = (float(detection_mask(aoi, margin_m).sum()) * 1e-4 for margin_m in (0.0, 500.0))
    assert 1100 < inside_km2 < 1220 < watched_km2 < 1400


def test_an_outline_that_crosses_itself_is_refused_with_the_place() -> None:
    with raises_code("E1502") as info:
        made(Polygon([(139.0, 35.0), (139.1, 35.1), (139.1, 35.0), (139.0, 35.1)]))
    assert "139.05 35.05" in info.value.message


def test_an_outline_without_an_area_is_refused() -> None:
    for empty in (Polygon(), MultiPolygon()):
        with raises_code("E1501"):
            made(empty)
    with raises_code("E1502"):
        made(Polygon([(139.0, 35.0), (139.1, 35.0), (139.05, 35.0)]))


def test_an_outline_larger_than_one_aoi_is_refused_before_any_pixel_is_made() -> None:
    made(square(139.0, 35.5, 0.9))
    with raises_code("E1503"):
        made(square(139.0, 35.5, 1.2))
    with raises_code("E1503"):
        made(box(-170.0, -80.0, 170.0, 80.0))


@pytest.mark.parametrize(
    "shape", [Point(139, 35), LineString([(139, 35), (140, 36)]), GeometryCollection([Point(1, 2)])]
)
def test_what_is_no_area_is_refused(shape: BaseGeometry) -> None:
    with raises_code("E1506"):
        made(shape)


@pytest.mark.parametrize(
    "outline", [square(339_000, 3_953_000, 500), square(139, 89), square(200, 10), square(-180, 0)]
)
def test_what_is_not_lon_lat_is_refused(outline: Polygon) -> None:
    with raises_code("E1506"):
        made(outline)


@pytest.mark.parametrize("aoi_id", ["", "Tama", "a b", "../x", "-x", "x" * 64, "多摩"])
def test_an_id_that_is_no_file_name_is_refused(aoi_id: str) -> None:
    with raises_code("E1506"):
        made(square(139, 35), aoi_id)


PLACES = {
    "Santiago": (-70.6, -33.4, 32719),
    "Suva": (178.4, -18.1, 32760),
    "Taveuni, nearly 180": (179.985, -16.9, 32760),
    "Aleutians, nearly -180": (-179.98, 51.9, 32601),
    "Quito": (-78.5, -0.2, 32717),
    "Nuuk": (-51.7, 64.2, 32622),
    "Svalbard": (15.6, 78.2, 32633),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_outline_anywhere_on_earth_becomes_an_aoi(place: str, tmp_path: Path) -> None:
    lon, lat, epsg = PLACES[place]
    aoi = made(square(lon, lat))
    assert aoi.grid.epsg == epsg
    x, y = aoi.grid.from_lonlat(lon, lat)
    row, col = aoi.grid.to_pixel(x, y)
    assert abs(row - aoi.grid.height / 2) < 10 and abs(col - aoi.grid.width / 2) < 10
    side_m = (0.02 * 111_320.0 * np.cos(np.radians(lat)), 0.02 * 110_574.0)
    assert abs(aoi.grid.width * 10.0 - side_m[0] - 1000.0) < 120.0
    assert abs(aoi.grid.height * 10.0 - side_m[1] - 1000.0) < 120.0
    registry = AoiRegistry(tmp_path)
    assert registry.add(aoi).grid == aoi.grid


@given(lon=st.floats(-179.9, 179.9), lat=st.floats(-80.0, 80.0))
def test_a_utm_zone_is_at_most_three_degrees_away(lon: float, lat: float) -> None:
    code = utm_epsg(lon, lat)
    zone = code % 100
    assert 1 <= zone <= 60 and abs(lon - (-183.0 + 6.0 * zone)) <= 3.0 + 1e-9
    assert (code // 100 == 326) == (lat >= 0)


def test_the_same_aoi_again_changes_nothing_and_another_under_its_id_is_refused(tmp_path: Path) -> None:
    registry, aoi = AoiRegistry(tmp_path), made(square(139.2, 35.7))
    kept = registry.add(aoi)
    content = (tmp_path / "plot.geojson").read_bytes()
    assert registry.add(aoi) == kept == aoi
    for other in (replace(aoi, grid=replace(aoi.grid, height=7)), replace(aoi, outline=square(139.3, 35.7))):
        with raises_code("E1505"):
            registry.add(other)
    assert (tmp_path / "plot.geojson").read_bytes() == content


def test_an_aoi_of_several_parts_comes_back_as_it_was(tmp_path: Path) -> None:
    aoi = made(MultiPolygon([square(139.0, 35.0), square(139.1, 35.0)]))
    assert AoiRegistry(tmp_path).add(aoi) == AoiRegistry(tmp_path).get("plot") == aoi


def test_an_aoi_that_ships_can_be_shadowed_only_by_a_file_of_its_own(tmp_path: Path) -> None:
    registry = AoiRegistry(tmp_path)
    with raises_code("E1505"):
        registry.add(aoi_on(GRID, "tama"))
    (tmp_path / "tama.geojson").write_text(aoi_geojson(aoi_on(GRID, "tama")), encoding="utf-8")
    assert registry.get("tama").grid == GRID
    assert len(registry.list()) == 12


def test_an_unknown_aoi_is_refused_and_the_known_ones_named(tmp_path: Path) -> None:
    registry = AoiRegistry(tmp_path)
    assert not registry.has("atlantis")
    with raises_code("E1504") as info:
        registry.get("atlantis")
    assert "tama" in info.value.message


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"type": "FeatureCollection", "features": []}', "null"])
def test_a_broken_file_of_an_aoi_is_a_number_with_its_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "torn.geojson").write_text(content)
    with raises_code("E1506") as info:
        AoiRegistry(tmp_path).get("torn")
    assert "torn" in info.value.message


@pytest.mark.parametrize("wrap", ["geometry", "feature", "collection"])
def test_an_outline_is_read_from_any_kind_of_geojson(tmp_path: Path, wrap: str) -> None:
    geometry = json.loads(json.dumps(square(139, 35).__geo_interface__))
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    plain = {
        "geometry": geometry,
        "feature": feature,
        "collection": {"type": "FeatureCollection", "features": [feature]},
    }
    (tmp_path / "o.geojson").write_text(json.dumps(plain[wrap]))
    assert read_outline(tmp_path / "o.geojson").equals(square(139, 35))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"type": "Polygon"}', '{"type": "Feature", "geometry": null}', "3"]
)
def test_a_file_that_holds_no_outline_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "o.geojson").write_text(content)
    with raises_code("E1506"):
        read_outline(tmp_path / "o.geojson")


@pytest.mark.parametrize("margin_m", [0.0, 55.0, 200.0])
def test_the_detection_mask_is_the_outline_plus_its_margin_within_a_pixel(margin_m: float) -> None:
    area = Point(339_500.0, 3_952_500.0).buffer(150.0)
    grid = replace(GRID, height=100, width=100, x0=339_000.0)
    aoi = AOI("plot", "", "", reproject(area, 32654, 4326), grid)
    mask = detection_mask(aoi, margin_m)
    rows, cols = np.mgrid[0:100, 0:100] + 0.5
    radius_m = np.hypot(339_000 + 10 * cols - 339_500, 3_953_000 - 10 * rows - 3_952_500)
    inside, outside = radius_m < 150 + margin_m - 10, radius_m > 150 + margin_m + 10
    assert mask.dtype == bool and mask[inside].all() and not mask[outside].any()


def test_an_aoi_of_data_is_watched_on_all_of_its_grid() -> None:
    aoi = aoi_from_grids("plot", [GRID])
    assert aoi.grid == GRID
    assert detection_mask(aoi, 500.0).all() and detection_mask(aoi, 0.0).mean() > 0.97


def test_an_aoi_of_several_grids_covers_them_all() -> None:
    east = replace(GRID, x0=GRID.x0 + 1000.0, y0=GRID.y0 + 300.0)
    aoi = aoi_from_grids("plot", [GRID, east], "Two bursts")
    assert aoi.grid == Grid(32654, GRID.x0, GRID.y0 + 300.0, 10.0, 126, 180)
    assert aoi.outline.buffer(1e-9).contains(GRID.footprint_lonlat)
    assert aoi.outline.buffer(1e-9).contains(east.footprint_lonlat)
    assert aoi.name_en == "Two bursts"


def test_grids_that_share_no_pixels_or_nothing_at_all_make_no_aoi() -> None:
    with raises_code("E1501"):
        aoi_from_grids("plot", [])
    with raises_code("E1506"):
        aoi_from_grids("../plot", [GRID])
    with raises_code("E1505"):
        aoi_from_grids("plot", [GRID, replace(GRID, x0=GRID.x0 + 5.0)])
    with raises_code("E1503"):
        aoi_from_grids("plot", [GRID, replace(GRID, x0=GRID.x0 + 1e6, y0=GRID.y0 + 1e6)])
