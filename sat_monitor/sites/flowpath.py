"""Where the water of a site runs: to which debris-flow zone and house, from what hollow (METHOD 17).

Debris-flow zones mark where a flow arrives; fills sit in the hollow above. The way between them is followed on the
elevation model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import shapely
from rasterio.features import rasterize
from scipy import ndimage
from shapely import STRtree, union_all
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.grid import Grid, Window
from sat_monitor.core.surroundings import FlowPath
from sat_monitor.imagery.drainage import Drainage, steepest
from sat_monitor.imagery.relief import slope_and_aspect

#: How far around a site its water is followed, m.
REACH_M = 2000.0
#: Half the width that a flow down a valley takes: houses so near the line stand in its way, m.
CORRIDOR_M = 30.0
#: Scale at which a hollow of a hillside is one, m, and the curvature (1/m) at which it is half a hollow.
_HOLLOW_SCALE_M, _HALF_CURVATURE = 30.0, 0.004
#: Catchments, m2, from which ground begins to gather water and surely does, and from which a stream runs (50 ha).
_GATHERS_M2, _STREAM_M2 = (1_000.0, 10_000.0), 500_000.0


class Named(Protocol):
    """A shape of a layer in metres of the AOI's EPSG, and what it is called."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def geometry(self) -> BaseGeometry:
        """Its shape."""


@dataclass(frozen=True, slots=True)
class Relief:
    """An elevation model on its grid: heights (y, x) float32, m, NaN = not known."""

    grid: Grid
    height_m: FloatArray


@dataclass(frozen=True, slots=True)
class _Ground:
    """The part of a relief around a site with its drainage; `inside` (y, x) are the pixels of the outline."""

    grid: Grid
    height_m: FloatArray
    drainage: Drainage
    inside: BoolArray


@dataclass(frozen=True, slots=True)
class _Way:
    """One way of water and what it meets, distances along it in m, infinite where it meets none."""

    line: LineString
    zone: Named | None
    zone_m: float
    house_m: float
    catchment_m2: float


def flow_path(
    outline: BaseGeometry, relief: Relief, debris_zones: Sequence[Named], houses: Sequence[Named]
) -> FlowPath | None:
    """The way of the water from an outline (metres of the relief's EPSG) to the first debris-flow zone and house.

    It is followed from the pixel where most water leaves the outline and from its lowest one; the way that meets a zone
    first counts, then the one that meets a house first. Houses count within `CORRIDOR_M` of the way and in the zone
    that it meets. None where no height under the outline is known.
    """
    ground = _ground(outline, relief)
    if ground is None:
        return None
    ways = [_way(cells, ground, debris_zones, houses) for cells in _courses(ground)]
    if any(zone.geometry.intersects(outline) for zone in debris_zones):
        ways = [_within_zone(way, outline, debris_zones) for way in ways]
    way = min(ways, key=lambda each: (each.zone_m, each.house_m, -each.catchment_m2))
    gathers = max(each.catchment_m2 for each in ways)
    return FlowPath(
        line=way.line,
        zone_name=None if way.zone is None else way.zone.name,
        zone_distance_m=_finite(way.zone_m),
        house_distance_m=_finite(way.house_m),
        catchment_m2=gathers,
        hollow_index=_hollow_index(ground, gathers),
        toe_slope_deg=_toe_slope(ground),
        zones=union_all([zone.geometry for zone in debris_zones]) if debris_zones else None,
    )


def _ground(outline: BaseGeometry, relief: Relief) -> _Ground | None:
    """The relief within `REACH_M` of an outline."""
    grid = relief.grid
    west, south, east, north = outline.buffer(REACH_M).bounds
    top, left = (max(0, math.floor(v)) for v in grid.to_pixel(west, north))
    bottom, right = (math.ceil(v) for v in grid.to_pixel(east, south))
    window = Window(top, left, min(bottom, grid.height) - top, min(right, grid.width) - left)
    if window.height < 1 or window.width < 1:
        return None
    part, height = grid.window(window), relief.height_m[window.slices]
    drawn = rasterize([(outline, 1)], part.shape, transform=part.affine, all_touched=True, dtype=np.uint8)
    inside = (drawn > 0) & np.isfinite(height)
    return _Ground(part, height, steepest(height), inside) if inside.any() else None


def _courses(ground: _Ground) -> list[list[int]]:
    """Flat pixels of the ways from an outline, from the last one inside it down."""
    inside, catchment = ground.inside.ravel(), ground.drainage.catchment_px.ravel()
    cells = np.flatnonzero(inside)
    wettest = int(cells[np.argmax(catchment[cells])])
    lowest = int(cells[np.argmin(ground.height_m.ravel()[cells])])
    return [_course(cell, ground.drainage, inside) for cell in dict.fromkeys((wettest, lowest))]


def _course(cell: int, drainage: Drainage, inside: BoolArray) -> list[int]:
    cells, receiver = [cell], drainage.receiver.ravel()
    while (below := int(receiver[cells[-1]])) >= 0:
        cells.append(below)
    leaves = max(number for number, each in enumerate(cells) if inside[each])
    return cells[leaves:]


def _way(cells: Sequence[int], ground: _Ground, zones: Sequence[Named], houses: Sequence[Named]) -> _Way:
    grid = ground.grid
    points = [grid.to_metres(row + 0.5, col + 0.5) for row, col in (divmod(cell, grid.width) for cell in cells)]
    line = LineString(points if len(points) > 1 else points * 2)
    found = [(_along(line, zone.geometry, grid.pixel_m), zone) for zone in zones]
    zone_m, zone = min(found, key=lambda each: each[0], default=(math.inf, None))
    zone = zone if math.isfinite(zone_m) else None
    catchment = float(ground.drainage.catchment_px.ravel()[cells[0]]) * grid.pixel_m**2
    return _Way(line, zone, zone_m, _first_house(line, zone, zone_m, houses), catchment)


def _along(line: LineString, shape: BaseGeometry, near_m: float) -> float:
    """Distance along a line at which it first comes `near_m` to a shape, m; infinite where it does not."""
    if not shapely.dwithin(line, shape, near_m):
        return math.inf
    met = shapely.get_coordinates(line.intersection(shape.buffer(near_m)))
    return min((float(line.project(Point(place))) for place in met), default=math.inf)


def _first_house(line: LineString, zone: Named | None, zone_m: float, houses: Sequence[Named]) -> float:
    """Distance along the way to the first house beside it, or in the zone that it meets, m."""
    if not houses:
        return math.inf
    shapes = [house.geometry for house in houses]
    tree = STRtree(shapes)
    beside = [float(line.project(shapes[n].centroid)) for n in tree.query(line, "dwithin", CORRIDOR_M)]
    in_zone = () if zone is None else tree.query(zone.geometry, "intersects")
    within = [max(zone_m, float(line.project(shapes[n].centroid))) for n in in_zone]
    return min([*beside, *within], default=math.inf)


def _within_zone(way: _Way, outline: BaseGeometry, zones: Sequence[Named]) -> _Way:
    """The same way from an outline that reaches into a zone: nothing is left to flow."""
    zone = next(each for each in zones if each.geometry.intersects(outline))
    return _Way(way.line, zone, 0.0, way.house_m, way.catchment_m2)


def _hollow_index(ground: _Ground, catchment_m2: float) -> float:
    """How much a site lies in a hollow or fills a valley, 0..1: concave ground that gathers water but bears no stream."""
    if catchment_m2 >= _STREAM_M2:
        return 0.0
    sigma = _HOLLOW_SCALE_M / ground.grid.pixel_m
    filled = np.where(np.isfinite(ground.height_m), ground.height_m, np.nanmean(ground.height_m[ground.inside]))
    curvature = ndimage.gaussian_laplace(filled.astype(np.float64), sigma) / ground.grid.pixel_m**2
    bowl = max(0.0, float(curvature[ground.inside].mean()))
    low, high = np.log(_GATHERS_M2)
    gathers = float(np.clip((np.log(max(catchment_m2, 1.0)) - low) / (high - low), 0.0, 1.0))
    return gathers * bowl / (bowl + _HALF_CURVATURE)


def _toe_slope(ground: _Ground) -> float:
    """Mean slope of the pixels around the lower edge of an outline, degrees; 0 where none is known."""
    slope = np.full(ground.grid.shape, np.nan, np.float32)
    if min(ground.grid.shape) >= 3:
        slope[1:-1, 1:-1] = slope_and_aspect(ground.height_m, ground.grid.pixel_m)[0]
    rim = ndimage.binary_dilation(ground.inside, np.ones((3, 3), bool)) & np.isfinite(slope)
    if not rim.any():
        return 0.0
    lower = rim & (ground.height_m <= np.quantile(ground.height_m[rim], 0.25))
    return float(slope[lower].mean())


def _finite(distance_m: float) -> float | None:
    return distance_m if math.isfinite(distance_m) else None
