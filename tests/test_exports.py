from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import geopandas
import pytest
from shapely import from_wkt

from sat_monitor.core.domain import SiteStatus
from sat_monitor.core.errors import AoiError, UsageError
from sat_monitor.tickets.exports import FORMATS, export_sites
from sat_monitor.tickets.geojson import COLUMNS
from tests.ticket_world import HOSTILE, OUTLINE, aoi, site

AOIS = {"w": aoi()}


def _suspected() -> object:
    return site(id="s-2", status=SiteStatus.SUSPECTED, first_confirmed_at=None)


@pytest.mark.parametrize("fmt", ["geojson", "gpkg"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_first_confirmed_at_can_be_asked_for_whatever_the_number_of_sites(tmp_path: Path, fmt: str, count: int) -> None:
    rows = [site(id=f"s-{i}", status=SiteStatus.SUSPECTED, first_confirmed_at=None) for i in range(count)]
    table = geopandas.read_file(export_sites(rows, AOIS, tmp_path / f"x.{fmt}", fmt))
    assert len(table) == count
    assert not table.first_confirmed_at.notna().any()
    assert set(COLUMNS) <= set(table.columns)
    assert table.crs.to_epsg() == 4326


@pytest.mark.parametrize("fmt", ["geojson", "gpkg"])
def test_outlines_and_properties_survive_the_trip(tmp_path: Path, fmt: str) -> None:
    rows = [site(), site(id="s-2", status=SiteStatus.SUSPECTED, first_confirmed_at=None)]
    table = geopandas.read_file(export_sites(rows, AOIS, tmp_path / f"x.{fmt}", fmt)).set_index("id")
    assert list(table.index) == ["s-0123456789", "s-2"]
    assert list(table.first_confirmed_at.notna()) == [True, False]
    row = table.loc["s-0123456789"]
    assert (row.kind, row.status, row.hits, row.openings) == ("earthwork", "ticketed", 3, 1)
    assert row.area_m2 == 1243.0
    assert table.to_crs(32654).geometry.iloc[0].symmetric_difference(OUTLINE).area < 1.0


def test_an_empty_geojson_is_plain_geojson(tmp_path: Path) -> None:
    document = json.loads(export_sites([], {}, tmp_path / "x.geojson", "geojson").read_text(encoding="utf-8"))
    assert document["type"] == "FeatureCollection" and document["features"] == []


def test_an_empty_csv_keeps_its_header(tmp_path: Path) -> None:
    text = export_sites([], {}, tmp_path / "x.csv", "csv").read_text(encoding="utf-8")
    assert text.splitlines() == [",".join([*COLUMNS, "centroid_wkt"])]


def test_csv_cells_run_nothing_and_the_centroid_is_lon_lat(tmp_path: Path) -> None:
    path = export_sites([site(id="=1+1\r\n@x")], AOIS, tmp_path / "x.csv", "csv")
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["id"] == "'=1+1 @x"
    centre = from_wkt(row["centroid_wkt"])
    x, y = aoi().grid.from_lonlat(centre.x, centre.y)
    assert (x, y) == pytest.approx((OUTLINE.centroid.x, OUTLINE.centroid.y), abs=0.05)


@pytest.mark.parametrize("fmt", FORMATS)
def test_hostile_ids_make_valid_files(tmp_path: Path, fmt: str) -> None:
    path = export_sites([site(id=HOSTILE)], AOIS, tmp_path / f"x.{'gpkg' if fmt == 'qfield' else fmt}", fmt)
    if fmt == "csv":
        assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    else:
        layer = {"gpx": "waypoints", "qfield": "sites"}.get(fmt)
        assert len(geopandas.read_file(path, layer=layer)) == 1


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_same_sites_in_any_order_give_the_same_bytes(tmp_path: Path, fmt: str) -> None:
    rows = [site(), site(id="s-2")]
    first = export_sites(rows, AOIS, tmp_path / "a", fmt).read_bytes()
    assert first == export_sites(rows[::-1], AOIS, tmp_path / "b", fmt).read_bytes()


@pytest.mark.parametrize("fmt", FORMATS)
def test_merged_sites_are_left_out(tmp_path: Path, fmt: str) -> None:
    path = export_sites([site(), site(id="s-gone", merged_into="s-0123456789")], AOIS, tmp_path / f"x.{fmt}", fmt)
    assert b"s-gone" not in path.read_bytes()


def test_a_map_app_finds_the_outline_and_a_receiver_a_point_on_the_site(tmp_path: Path) -> None:
    outlines = geopandas.read_file(export_sites([site()], AOIS, tmp_path / "x.kml", "kml"))
    points = geopandas.read_file(export_sites([site()], AOIS, tmp_path / "x.gpx", "gpx"), layer="waypoints")
    parts = outlines.to_crs(32654).geometry.iloc[0].geoms
    assert sum(part.area for part in parts) == pytest.approx(OUTLINE.area, rel=1e-3)
    assert {part.geom_type for part in parts} == {"Point", "Polygon"}
    assert OUTLINE.contains(points.to_crs(32654).geometry.iloc[0])
    assert (points.name.iloc[0], points["type"].iloc[0]) == ("s-0123456789", "earthwork")
    assert "area_m2 1243.0" in points.desc.iloc[0]


@pytest.mark.parametrize(
    ("fmt", "root"), [("kml", "{http://www.opengis.net/kml/2.2}kml"), ("gpx", "{http://www.topografix.com/GPX/1/1}gpx")]
)
def test_hostile_text_stays_text_in_xml(tmp_path: Path, fmt: str, root: str) -> None:
    path = export_sites([site(id=HOSTILE + "]]><svg onload=x> 違反")], AOIS, tmp_path / f"x.{fmt}", fmt)
    tree = ElementTree.fromstring(path.read_bytes())
    assert tree.tag == root and not any("svg" in element.tag for element in tree.iter())
    assert "違反" not in path.read_text(encoding="utf-8")


def test_unknown_formats_and_areas_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'shp' is not one of geojson, gpkg, qfield, csv, kml, gpx"):
        export_sites([site()], AOIS, tmp_path / "x", "shp")
    with pytest.raises(AoiError, match="E1504"):
        export_sites([site()], {}, tmp_path / "x", "csv")
    assert not any(tmp_path.iterdir())
