"""All sites in one file: GeoJSON, GeoPackage, the same with a form for QField, CSV, KML or GPX."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import AOI, Site, WorksGroup
from sat_monitor.core.errors import AoiError, UsageError
from sat_monitor.imagery.files import write_whole
from sat_monitor.tickets.geojson import COLUMNS, collection, feature, lonlat_outline, site_properties
from sat_monitor.tickets.handheld import Placemark, gpx, kml
from sat_monitor.tickets.qfield import SITES, add_form
from sat_monitor.tickets.text import csv_cell, json_text

if TYPE_CHECKING:
    import geopandas

FORMATS = ("geojson", "gpkg", "qfield", "csv", "kml", "gpx")
#: GeoPackage stamps its tables with the time of writing; a fixed one keeps the same sites the same bytes.
_GPKG_DATE = "2000-01-01T00:00:00.000Z"
#: Language of the form: inspectors are of Japanese offices.
_FORM_LANG = "ja"
_TIME_COLUMNS = ("first_seen_at", "first_confirmed_at")


@dataclass(frozen=True, slots=True)
class _Row:
    """One site with its exported properties and its place."""

    site: Site
    aoi: AOI
    properties: Mapping[str, object]


def export_sites(
    sites: Sequence[Site],
    aois: Mapping[str, AOI],
    path: Path,
    fmt: str,
    groups: Sequence[WorksGroup] = (),
) -> Path:
    """Write `sites` in lon/lat (EPSG:4326) as one of `FORMATS`; returns `path`.

    Rows are sorted by AOI and id; sites merged into another are left out; no sites make a valid empty file with all
    columns. `qfield` is a GeoPackage with a form for findings, KML carries outlines and points, GPX a way point on each site, CSV the centroid as WKT (lon lat). Times are ISO UTC, unknown ones null or empty.
    Raises UsageError E2001 for another format, AoiError E1504 for a site of an unknown AOI, SatMonitorError E1302.
    """
    if fmt not in FORMATS:
        raise UsageError("E2001", f"format {fmt!r} is not one of {', '.join(FORMATS)}")
    kept = sorted((s for s in sites if s.merged_into is None), key=lambda s: (s.aoi, s.id))
    unknown = sorted({s.aoi for s in kept} - set(aois))
    if unknown:
        raise AoiError("E1504", f"sites of {', '.join(unknown)}; known: {', '.join(sorted(aois)) or 'none'}")
    works = {site_id: group for group in groups for site_id in group.site_ids}
    rows = [_Row(site, aois[site.aoi], site_properties(site, works.get(site.id))) for site in kept]
    writers = {"geojson": _geojson, "gpkg": _gpkg, "qfield": _qfield, "csv": _csv, "kml": _kml, "gpx": _gpx}
    return write_whole(path, writers[fmt](rows))


def site_geojson(site: Site, aoi: AOI, group: WorksGroup | None = None) -> str:
    """One site, of a works group or alone, as a GeoJSON FeatureCollection in lon/lat."""
    return _geojson([_Row(site, aoi, site_properties(site, group))]).decode()


def _geojson(rows: Sequence[_Row]) -> bytes:
    features = [feature(_lonlat(row), row.properties, json_text(row.site.id)) for row in rows]
    return collection(features).encode()


def _lonlat(row: _Row) -> BaseGeometry:
    return lonlat_outline(row.site.outline, row.aoi.grid.epsg)


def _csv(rows: Sequence[_Row]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([*COLUMNS, "centroid_wkt"])
    for row in rows:
        writer.writerow([*(_cell(value) for value in row.properties.values()), _centroid(row)])
    return buffer.getvalue().encode()


def _cell(value: object) -> object:
    return csv_cell(value) if isinstance(value, str) else value


def _centroid(row: _Row) -> str:
    centre = row.site.outline.centroid
    lon, lat = row.aoi.grid.to_lonlat(centre.x, centre.y)
    return f"POINT ({lon:.7f} {lat:.7f})"


def _qfield(rows: Sequence[_Row]) -> bytes:
    return _gpkg(rows, form=True)


def _gpkg(rows: Sequence[_Row], form: bool = False) -> bytes:
    import pyogrio

    table = _table(rows)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    with tempfile.TemporaryDirectory(prefix="sat_monitor_export_") as folder:
        file = Path(folder) / "sites.gpkg"
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _GPKG_DATE})
        try:
            pyogrio.write_dataframe(
                table, file, layer=SITES, driver="GPKG", geometry_type="MultiPolygon", promote_to_multi=True
            )
            if form:
                add_form(file, _FORM_LANG, _GPKG_DATE)
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
        return file.read_bytes()


def _kml(rows: Sequence[_Row]) -> bytes:
    return kml(_placemarks(rows))


def _gpx(rows: Sequence[_Row]) -> bytes:
    return gpx(_placemarks(rows))


def _placemarks(rows: Sequence[_Row]) -> list[Placemark]:
    return [Placemark(row.site.id, _lonlat(row), row.properties) for row in rows]


def _table(rows: Sequence[_Row]) -> geopandas.GeoDataFrame:
    """The sites as a table with one type per column, also where it is empty or all null."""
    import geopandas
    import pandas

    cells = [row.properties for row in rows]
    types = {str: "object", float: "float64", int: "int64"}
    columns = {
        name: pandas.to_datetime(pandas.Series([c[name] for c in cells], dtype="object"), utc=True, format="ISO8601")
        if name in _TIME_COLUMNS
        else pandas.Series([c[name] for c in cells], dtype=types[kind])
        for name, kind in COLUMNS.items()
    }
    outlines = [_lonlat(row) for row in rows]
    return geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(outlines, crs=4326), crs=4326)
