"""The pixel grid as a small immutable value: pixels never travel without it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from shapely import transform as shapely_transform
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry


@lru_cache(maxsize=64)
def transformer(from_epsg: int, to_epsg: int) -> Transformer:
    """A cached coordinate transformer, always x/longitude first."""
    return Transformer.from_crs(from_epsg, to_epsg, always_xy=True)


def reproject(geometry: BaseGeometry, from_epsg: int, to_epsg: int) -> BaseGeometry:
    """`geometry` (x/lon first) from one EPSG code to another."""
    if from_epsg == to_epsg:
        return geometry
    project = transformer(from_epsg, to_epsg).transform

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(project(points[:, 0], points[:, 1]))

    return shapely_transform(geometry, move)


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels: rows [row, row + height), columns [col, col + width)."""

    row: int
    col: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """(row slice, column slice) for a (y, x) array."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up grid: EPSG code, top-left CORNER (x0, y0) and square pixel in metres, height x width pixels."""

    epsg: int
    x0: float
    y0: float
    pixel_m: float
    height: int
    width: int

    @classmethod
    def covering(cls, bounds: tuple[float, float, float, float], epsg: int, pixel_m: float) -> Grid:
        """The smallest grid snapped to whole multiples of `pixel_m` that holds `bounds` (west, south, east, north; m)."""
        west, south, east, north = bounds
        x0 = math.floor(west / pixel_m) * pixel_m
        y0 = math.ceil(north / pixel_m) * pixel_m
        width = max(1, math.ceil((east - x0) / pixel_m - 1e-9))
        height = max(1, math.ceil((y0 - south) / pixel_m - 1e-9))
        return cls(epsg, float(x0), float(y0), float(pixel_m), height, width)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def affine(self) -> Affine:
        """The pixel-corner to metre transform, as rasterio uses it."""
        return Affine(self.pixel_m, 0.0, self.x0, 0.0, -self.pixel_m, self.y0)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north), metres in `epsg`."""
        return (self.x0, self.y0 - self.height * self.pixel_m, self.x0 + self.width * self.pixel_m, self.y0)

    @property
    def footprint_lonlat(self) -> BaseGeometry:
        """The grid's rectangle in lon/lat (EPSG:4326), edges densified so that it stays true."""
        return reproject(box(*self.bounds).segmentize(max(self.height, self.width) * self.pixel_m / 8), self.epsg, 4326)

    def to_metres(self, row: float, col: float) -> tuple[float, float]:
        """(x, y) of a pixel position; (row + 0.5, col + 0.5) is the centre of pixel (row, col)."""
        return self.x0 + col * self.pixel_m, self.y0 - row * self.pixel_m

    def to_pixel(self, x: float, y: float) -> tuple[float, float]:
        """(row, col) of a position in metres, fractional: the inverse of `to_metres`."""
        return (self.y0 - y) / self.pixel_m, (x - self.x0) / self.pixel_m

    def to_lonlat(self, x: float, y: float) -> tuple[float, float]:
        """(lon, lat) of a position in metres."""
        lon, lat = transformer(self.epsg, 4326).transform(x, y)
        return float(lon), float(lat)

    def from_lonlat(self, lon: float, lat: float) -> tuple[float, float]:
        """(x, y) in metres of a lon/lat position."""
        x, y = transformer(4326, self.epsg).transform(lon, lat)
        return float(x), float(y)

    def overlaps(self, other: Grid) -> bool:
        """Whether two grids of one CRS share ground; False where their EPSG codes differ."""
        west, south, east, north = self.bounds
        west2, south2, east2, north2 = other.bounds
        return self.epsg == other.epsg and west < east2 and west2 < east and south < north2 and south2 < north

    def offset(self, other: Grid) -> tuple[int, int]:
        """(row, col) of the corner of `other` in whole pixels of this grid.

        Raises ValueError, with both sides, where CRS or pixel differ or the corner lies between pixels.
        """
        row, col = self.to_pixel(other.x0, other.y0)
        aligned = max(abs(row - round(row)), abs(col - round(col))) < 1e-3
        if self.epsg != other.epsg or self.pixel_m != other.pixel_m or not aligned:
            raise ValueError(f"{other} does not lie on whole pixels of {self}")
        return round(row), round(col)

    def window(self, window: Window) -> Grid:
        """The grid of a window of this grid."""
        x0, y0 = self.to_metres(window.row, window.col)
        return replace(self, x0=x0, y0=y0, height=window.height, width=window.width)

    def strips(self, rows: int) -> list[Window]:
        """Full-width windows of at most `rows` rows that tile the grid, top first."""
        starts = range(0, self.height, rows)
        return [Window(r, 0, min(rows, self.height - r), self.width) for r in starts]
