"""Areas of interest: the twelve shipped places, outlines of one's own, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import LineString, MultiPolygon, Polygon, box

from sat_monitor.core.errors import AoiError
from sat_monitor.core.grid import reproject
from sat_monitor.imagery.aois import AoiRegistry, aoi_from_grids, aoi_from_outline, detection_mask, utm_epsg
from tests.scene_world import GRID

PLACES = {
    "tama", "oshima", "toshima", "niijima", "kozushima", "miyake", "mikurajima", "hachijo", "aogashima",
    "chichijima", "hahajima", "iwojima",
}  # fmt: skip


def test_the_shipped_places_have_names_and_grids_of_utm_54n(tmp_path: Path) -> None:
    aois = AoiRegistry(tmp_path).list()
    assert {aoi.id for aoi in aois} == PLACES
    for aoi in aois:
        assert aoi.name_ja and aoi.name_en and aoi.outline.is_valid
        assert (aoi.grid.epsg, aoi.grid.pixel_m) == (32654, 10.0)
        assert aoi.grid.x0 % 10 == 0 and aoi.grid.y0 % 10 == 0
        west, south, east, north = reproject(aoi.outline, 4326, 32654).bounds
        left, bottom, right, top = aoi.grid.bounds
        assert min(west - left, south - bottom, right - east, top - north) >= 499.0


def test_tama_has_the_area_of_tama(tmp_path: Path) -> None:
    aoi = AoiRegistry(tmp_path).get("tama")
    inside = detection_mask(aoi, 0.0).sum() * 100 / 1e6
    assert 1100 < inside < 1220 < detection_mask(aoi, 500.0).sum() * 100 / 1e6


@pytest.mark.parametrize(
    ("outline", "number"),
    [
        (Polygon(), "E1501"),
        (Polygon([(139, 35), (139.1, 35), (139.05, 35)]), "E1502"),
        (Polygon([(139, 35), (139.1, 35.1), (139.1, 35), (139, 35.1)]), "E1502"),
        (box(138, 34, 141, 37), "E1503"),
        (LineString([(139, 35), (139.1, 35.1)]), "E1506"),
        (box(200, 35, 201, 36), "E1506"),
        (box(10, 88, 11, 89), "E1506"),
    ],
)
def test_an_outline_that_cannot_be_an_aoi_is_refused_with_the_reason(outline: Polygon, number: str) -> None:
    with pytest.raises(AoiError, match=number):
        aoi_from_outline("x", outline, "x", "x")


@pytest.mark.parametrize("name", ["", "Ab", "a/b", "../x", "ü", "a" * 80])
def test_an_id_that_cannot_be_a_file_name_is_refused(name: str) -> None:
    with pytest.raises(AoiError, match="E1506"):
        aoi_from_outline(name, box(139, 35, 139.1, 35.1), "x", "x")


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"), [(139.3, 35.7, 32654), (-70.6, -33.4, 32719), (179.9, 65.0, 32660), (-179.9, -17.0, 32701)]
)
def test_any_place_on_earth_gets_its_utm_zone(lon: float, lat: float, epsg: int) -> None:
    assert utm_epsg(lon, lat) == epsg
    aoi = aoi_from_outline("x", box(lon - 0.02, lat - 0.02, lon + 0.02, lat + 0.02), "x", "x")
    assert (aoi.grid.epsg == epsg and detection_mask(aoi, 500.0).all(axis=None)) or detection_mask(aoi, 0.0).any()


def test_an_added_aoi_stays_the_same_and_another_under_its_id_is_refused(tmp_path: Path) -> None:
    registry = AoiRegistry(tmp_path)
    made = aoi_from_outline(
        "mine", MultiPolygon([box(139, 35, 139.02, 35.02), box(139.1, 35, 139.12, 35.02)]), "私", "Mine"
    )
    assert registry.add(made) == registry.get("mine") == registry.add(made)
    with pytest.raises(AoiError, match="E1505"):
        registry.add(aoi_from_outline("mine", box(139, 35, 139.03, 35.02), "私", "Mine"))
    with pytest.raises(AoiError, match=r"E1504.*tama"):
        registry.get("yours")


def test_an_aoi_of_data_has_exactly_their_grid() -> None:
    aoi = aoi_from_grids("data", [GRID])
    assert aoi.grid == GRID and detection_mask(aoi, 500.0).all()
    assert np.mean(detection_mask(aoi, 0.0)) > 0.97
