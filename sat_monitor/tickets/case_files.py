"""What leaves the desk: the request for a picture, and what a photo says of a case."""

from __future__ import annotations

from typing import Any

from shapely.geometry import Point

from sat_monitor.core.casework import Case
from sat_monitor.core.grid import reproject
from sat_monitor.tickets.geojson import collection, feature, lonlat_outline
from sat_monitor.tickets.photos import Photo
from sat_monitor.tickets.text import json_text


def image_request_geojson(case: Case, reason: str) -> str:
    """The newest image request of a case as GeoJSON (lon/lat): outline, days in Japan, why."""
    wanted = case.images[-1]
    properties = {
        "case": case.id,
        "aoi": json_text(case.aoi),
        "from": wanted.first.isoformat(),
        "to": wanted.last.isoformat(),
        "reason": json_text(reason),
    }
    return collection([feature(lonlat_outline(case.outline, case.epsg), properties, case.id)])


def photo_row(case: Case, photo: Photo) -> dict[str, Any]:
    """A photo as people read it, with its distance (m) from the outline of `case` where the camera knew its place."""
    away = None
    if photo.lon is not None and photo.lat is not None:
        place = reproject(Point(photo.lon, photo.lat), 4326, case.epsg)
        away = round(float(place.distance(case.outline)))
    return {
        "sha256": photo.sha256,
        "file": photo.name,
        "format": photo.format,
        "bytes": photo.size_bytes,
        "taken at": photo.taken_at,
        "lon": photo.lon,
        "lat": photo.lat,
        "distance from the outline, m": away,
        "direction, degrees": photo.direction_deg,
        "camera": photo.camera,
    }
