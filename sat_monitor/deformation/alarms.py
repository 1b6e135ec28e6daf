"""Moving areas for people: what their direction means, and GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.deformation import Frame, Geometry, Motion
from sat_monitor.core.domain import Direction
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.anomalies import MovingArea
from sat_monitor.deformation.gradients import GradientZone
from sat_monitor.deformation.place import to_lonlat
from sat_monitor.imagery.files import write_whole

#: Where a right-looking satellite stands, seen from the ground.
_SIDE = {Direction.ASCENDING: ("west", "east"), Direction.DESCENDING: ("east", "west")}


def direction_words(geometry: Geometry, velocity: float) -> str:
    """What motion along the line of sight means on the ground, as far as one direction of view can say."""
    here, there = _SIDE[geometry.direction] if geometry.direction is not None else ("its side", "the other side")
    if velocity < 0.0:
        return f"away from the satellite: sinks, or moves {there}"
    return f"toward the satellite: rises, or moves {here}"


def row_of(motion: Motion, area: MovingArea) -> dict[str, Any]:
    """One area as a row; velocities in mm/yr against its surroundings."""
    centre = to_lonlat(motion.frame, area.outline).representative_point()
    curve = area.curve
    return {
        "lon": round(centre.x, 5), "lat": round(centre.y, 5), "area_m2": round(area.area_m2),
        "velocity_mm_per_yr": round(area.velocity_m_per_yr * 1e3, 1),
        "std_mm_per_yr": round(area.velocity_std_m_per_yr * 1e3, 1),
        "meaning": f"against its surroundings {direction_words(motion.geometry, area.velocity_m_per_yr)}", "curve": curve.model,
        "since": None if curve.onset is None else str(curve.onset), "faster": curve.accelerates,
        "last_rate_mm_per_yr": round(curve.rate_m_per_yr * 1e3, 1),
    }  # fmt: skip


def write_geojson(path: Path, motion: Motion, areas: Sequence[MovingArea]) -> Path:
    """The outlines in lon/lat (RFC 7946) with their rows, and what share of the frame was measured."""
    side = _side(motion.geometry)
    rows = [row_of(motion, area) | {"seen_from": side, "series": _series(motion, area)} for area in areas]
    seen = float(np.isfinite(motion.velocity_m_per_yr).mean())
    told = {"measured_share": round(seen, 4), "last_day": str(motion.days[-1])}
    return write_outlines(
        path, motion.frame, [(area.outline, row) for area, row in zip(areas, rows, strict=True)], told
    )


def zone_row(frame: Frame, zone: GradientZone) -> dict[str, Any]:
    """One zone of steep gradient as a row; mm/yr over 100 m."""
    centre = to_lonlat(frame, zone.outline).representative_point()
    steepest = round(zone.steepest_per_yr * 1e5, 1)
    return {
        "lon": round(centre.x, 5), "lat": round(centre.y, 5), "area_m2": round(zone.area_m2),
        "steepest_mm_per_yr_per_100_m": steepest,
    }  # fmt: skip


def write_outlines(
    path: Path, frame: Frame, rows: Sequence[tuple[BaseGeometry, Mapping[str, Any]]], told: Mapping[str, Any]
) -> Path:
    """Outlines in lon/lat (RFC 7946), each with its row, and what is `told` of all."""
    features = [
        {"type": "Feature", "geometry": mapping(to_lonlat(frame, outline)), "properties": dict(row)}
        for outline, row in rows
    ]
    content = {"type": "FeatureCollection", **told, "features": features}
    return write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode())


def _side(geometry: Geometry) -> str | None:
    """On which side of the ground the satellite stands, None where the direction is not known."""
    return None if geometry.direction is None else _SIDE[geometry.direction][0]


def _series(motion: Motion, area: MovingArea) -> list[list[Any]]:
    """Days and displacements against the surroundings, mm."""
    return [
        [str(day), round(float(value) * 1e3, 1)] for day, value in zip(motion.days, area.displacement_m, strict=True)
    ]


def read_geojson(path: Path) -> list[tuple[BaseGeometry, dict[str, Any]]]:
    """(outline in lon/lat, row) of each area that was written; DeformationError E2207 where the file is damaged."""
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return [(shape(one["geometry"]), dict(one["properties"])) for one in features]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeformationError("E2207", f"{path.name} of {path.parent.name} is not what was written") from error
