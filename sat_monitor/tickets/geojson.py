"""Sites as GeoJSON (RFC 7946): lon/lat, counter-clockwise shells, seven decimals (a centimetre)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from shapely import orient_polygons, set_precision
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.clock import iso
from sat_monitor.core.domain import Site, WorksGroup
from sat_monitor.core.grid import reproject
from sat_monitor.core.size import area_interval_m2, exceeds_probability
from sat_monitor.tickets.text import json_text

_DECIMALS = 1e-7
#: GDAL looks at the first 6,000 bytes to choose a reader.
_READER_LOOKS_AT = 6_000

#: Properties of an exported site in order, with the type of the column.
COLUMNS: dict[str, type] = {
    "id": str,
    "aoi": str,
    "kind": str,
    "status": str,
    "first_seen_at": str,
    "first_confirmed_at": str,
    "area_m2": float,
    "area_error_m2": float,
    "area_low_m2": float,
    "area_high_m2": float,
    "p_over_500_m2": float,
    "score_max": float,
    "hits": int,
    "looks": int,
    "start_earliest": str,
    "start_latest": str,
    "openings": int,
    "works_group": str,
    "works_group_sites": int,
    "works_group_area_m2": float,
    "works_group_area_error_m2": float,
    "profile_sha256": str,
}


def site_properties(site: Site, group: WorksGroup | None = None) -> dict[str, object]:
    """The exported properties of a site, keys as in `COLUMNS`; times ISO UTC, unknown values None.

    `area_low_m2` to `area_high_m2` is the 90 % interval, `p_over_500_m2` the probability (0..1) of more than 500 m2;
    a site in no works group is a works of its own.
    """
    start = site.start
    interval = area_interval_m2(site.area_m2, site.area_error_m2)
    return {
        "id": json_text(site.id),
        "aoi": json_text(site.aoi),
        "kind": site.kind.value,
        "status": site.status.value,
        "first_seen_at": iso(site.first_seen_at),
        "first_confirmed_at": None if site.first_confirmed_at is None else iso(site.first_confirmed_at),
        "area_m2": _finite(site.area_m2, 1),
        "area_error_m2": _finite(site.area_error_m2, 1),
        "area_low_m2": _finite(interval.low_m2, 1),
        "area_high_m2": _finite(interval.high_m2, 1),
        "p_over_500_m2": _finite(exceeds_probability(site.area_m2, site.area_error_m2), 3),
        "score_max": _finite(site.score_max, 4),
        "hits": site.hits,
        "looks": site.looks,
        "start_earliest": None if start.earliest is None else start.earliest.isoformat(),
        "start_latest": start.latest.isoformat(),
        "openings": site.openings,
        "works_group": None if group is None else json_text(group.id),
        "works_group_sites": 1 if group is None else len(group.site_ids),
        "works_group_area_m2": _finite((group or site).area_m2, 1),
        "works_group_area_error_m2": _finite((group or site).area_error_m2, 1),
        "profile_sha256": json_text(site.profile_sha256) or None,
    }


def _finite(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None


def lonlat_outline(outline: BaseGeometry, epsg: int) -> BaseGeometry:
    """An outline (m, `epsg`) in lon/lat, rounded to a centimetre, valid, shells counter-clockwise (RFC 7946 3.1.6)."""
    return orient_polygons(set_precision(reproject(outline, epsg, 4326), _DECIMALS))


def feature(geometry: BaseGeometry, properties: Mapping[str, object], identifier: str) -> dict[str, object]:
    """A GeoJSON feature of a lon/lat geometry."""
    return {"type": "Feature", "id": identifier, "geometry": mapping(geometry), "properties": dict(properties)}


def collection(features: Sequence[Mapping[str, object]]) -> str:
    """A FeatureCollection as text, one feature per line; an empty one still names its columns (see `_empty`)."""
    if not features:
        return _empty()
    rows = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in features)
    return f'{{"type": "FeatureCollection", "features": [\n{rows}\n]}}\n'


def _empty() -> str:
    """A valid empty FeatureCollection whose columns GDAL still sees.

    GeoJSON has no schema: GDAL reads an empty collection as a table without columns and scripts that ask for
    `first_confirmed_at` break on quiet nights. Its Esri reader knows `fields`, which RFC 7946 (section 6.1) allows as
    foreign members; it is chosen where `"type": "FeatureCollection"` lies beyond the bytes that GDAL looks at first.
    """
    kinds = {str: "esriFieldTypeString", float: "esriFieldTypeDouble", int: "esriFieldTypeInteger"}
    fields = [{"name": name, "type": kinds[kind]} for name, kind in COLUMNS.items()]
    head = {"fields": fields, "geometryType": "esriGeometryPolygon", "spatialReference": {"wkid": 4326}, "features": []}
    return f'{json.dumps(head)[:-1]},{" " * _READER_LOOKS_AT}"type": "FeatureCollection"}}\n'
