"""Between pixels of a frame, which may be geographic, and longitude and latitude."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from shapely import transform
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.deformation import Frame


def footprint(frame: Frame) -> BaseGeometry:
    """The outline of a frame in lon/lat."""
    to_map = Affine.from_gdal(*frame.transform)
    corners = [(0, 0), (frame.width, 0), (frame.width, frame.height), (0, frame.height)]
    project = Transformer.from_crs(frame.crs, 4326, always_xy=True).transform

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(project(points[:, 0], points[:, 1]))

    return transform(Polygon([to_map @ corner for corner in corners]), move)


def pixel_at(frame: Frame, lon: float, lat: float) -> tuple[int, int] | None:
    """(row, col) of the pixel at a position; None outside of the frame."""
    x, y = Transformer.from_crs(4326, frame.crs, always_xy=True).transform(lon, lat)
    col, row = ~Affine.from_gdal(*frame.transform) @ (x, y)
    inside = 0 <= row < frame.height and 0 <= col < frame.width
    return (int(row), int(col)) if inside else None
