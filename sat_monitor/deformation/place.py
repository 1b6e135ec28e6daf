"""Between pixels of a frame, which may be geographic, and longitude and latitude."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer
from rasterio import Affine
from rasterio.features import shapes
from shapely import transform
from shapely.geometry import Polygon, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from sat_monitor.core.deformation import Frame
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.imagery.relief import slope_and_aspect


def footprint(frame: Frame) -> BaseGeometry:
    """The outline of a frame in lon/lat."""
    to_map = Affine.from_gdal(*frame.transform)
    corners = [(0, 0), (frame.width, 0), (frame.width, frame.height), (0, frame.height)]
    return to_lonlat(frame, Polygon([to_map @ corner for corner in corners]))


def outline_of(frame: Frame, mask: BoolArray) -> BaseGeometry:
    """The pixel outline of a mask (y, x) in the frame's coordinates; pixels that share a corner belong together."""
    affine = Affine.from_gdal(*frame.transform)
    parts = shapes(mask.astype(np.uint8), mask=mask, connectivity=8, transform=affine)
    return unary_union([shape(part) for part, _ in parts])


def to_lonlat(frame: Frame, geometry: BaseGeometry) -> BaseGeometry:
    """A geometry in the frame's coordinates as lon/lat."""
    project = Transformer.from_crs(frame.crs, 4326, always_xy=True).transform

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(project(points[:, 0], points[:, 1]))

    return transform(geometry, move)


def pixel_at(frame: Frame, lon: float, lat: float) -> tuple[int, int] | None:
    """(row, col) of the pixel at a position; None outside of the frame."""
    x, y = Transformer.from_crs(4326, frame.crs, always_xy=True).transform(lon, lat)
    col, row = ~Affine.from_gdal(*frame.transform) @ (x, y)
    inside = 0 <= row < frame.height and 0 <= col < frame.width
    return (int(row), int(col)) if inside else None


def slope_on(frame: Frame, height_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Slope and aspect (y, x), degrees, of heights on a frame; the rim takes the heights of its edge."""
    return slope_and_aspect(np.pad(height_m, 1, mode="edge"), float(np.sqrt(pixel_area_m2(frame))))


def pixel_area_m2(frame: Frame) -> float:
    """Area of the pixel in the middle of a frame, m2."""
    _, dx, _, y0, _, dy = frame.transform
    if not CRS.from_user_input(frame.crs).is_geographic:
        return abs(dx * dy)
    x0, middle = frame.transform[0], y0 + dy * frame.height / 2.0
    lon, lat = [x0, x0 + dx, x0 + dx, x0], [middle, middle, middle + dy, middle + dy]
    return abs(float(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0]))
