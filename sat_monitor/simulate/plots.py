"""Plots of ground: where there is room for one, its smooth outline, and its share of each pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rasterio.features import rasterize
from scipy import ndimage
from shapely import affinity
from shapely.geometry import Polygon, box

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.grid import Grid, Window
from sat_monitor.simulate.cover import Cover, LandCover
from sat_monitor.simulate.terrain import Terrain

Shape = Callable[[np.random.Generator], Polygon]

#: Sub-pixels per side with which an outline's share of a pixel is counted.
_FINE = 5
#: Plots keep this far from each other and from the edge of the grid, pixels.
_APART_PX, _EDGE_PX = 6, 6
#: Steepest ground on which anything is begun, degrees.
_STEEPEST_DEG = 28.0
#: Share of an outline that may lie on other ground than it is meant for.
_STRAY = 0.03
#: Depth of the rim, m.
_RIM_M = 8.0
_TRIES = 400


@dataclass(frozen=True, slots=True)
class Plot:
    """A piece of ground: `outline` in metres of the grid's EPSG, the old `cover` under most of it.

    `share` (y, x) float32, 0..1, is the part of each pixel inside, `rim` (y, x) the part of it near the edge.
    """

    outline: Polygon
    share: FloatArray
    rim: FloatArray
    cover: Cover


@dataclass(frozen=True, slots=True)
class Land:
    """The ground on which plots are found; what is taken is taken out of `free` (y, x) for good."""

    grid: Grid
    cover: LandCover
    free: BoolArray

    @classmethod
    def of(cls, grid: Grid, terrain: Terrain, cover: LandCover) -> Land:
        """All ground off the edge that is not too steep."""
        inner = np.zeros(grid.shape, bool)
        inner[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX] = True
        return cls(grid, cover, (terrain.slope_deg < _STEEPEST_DEG) & inner)

    def near(self, kind: Cover, pixels: int) -> BoolArray:
        """Ground within `pixels` steps of a class, (y, x)."""
        return np.asarray(ndimage.binary_dilation(self.cover.where(kind), iterations=pixels))


def take_plot(
    land: Land, kinds: tuple[Cover, ...], where: BoolArray, shape: Shape, rng: np.random.Generator
) -> Plot | None:
    """A plot of `shape` on ground of `kinds` whose middle lies in `where` (y, x); None where no room was found."""
    good = land.free & land.cover.where(*kinds)
    middles = np.argwhere(good & where)
    for row, col in rng.permutation(middles)[:_TRIES]:
        outline = affinity.translate(shape(rng), *land.grid.to_metres(row + 0.5, col + 0.5))
        share, rim = _shares(outline, land.grid)
        if share[~good].sum() <= _STRAY * share.sum() and share.sum() > 0.0:
            land.free[ndimage.binary_dilation(share > 0.0, iterations=_APART_PX)] = False
            under = np.bincount(land.cover.classes.ravel(), share.ravel(), len(Cover))
            return Plot(outline, share, rim, Cover(int(under.argmax())))
    return None


def blob(area_m2: float, rng: np.random.Generator) -> Polygon:
    """A smooth irregular outline of exactly `area_m2` about (0, 0), metres."""
    angle = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    radius = np.ones_like(angle)
    for wave in range(2, 7):
        radius += rng.normal(0.0, 0.26 / wave) * np.sin(wave * angle + rng.uniform(0.0, 2.0 * np.pi))
    radius = np.maximum(radius, 0.45)
    stretch = rng.uniform(1.0, 1.8)
    raw = Polygon(np.column_stack([stretch * radius * np.cos(angle), radius * np.sin(angle)]))
    return _sized(affinity.rotate(raw, rng.uniform(0.0, 180.0), origin=(0.0, 0.0)), area_m2)


def hall(area_m2: float, rng: np.random.Generator) -> Polygon:
    """A turned rectangle of exactly `area_m2` about (0, 0), metres: the roof of a hall."""
    stretch = rng.uniform(1.2, 1.8)
    return _sized(affinity.rotate(box(-stretch, -1.0, stretch, 1.0), rng.uniform(0.0, 90.0)), area_m2)


def _sized(outline: Polygon, area_m2: float) -> Polygon:
    factor = float(np.sqrt(area_m2 / outline.area))
    return affinity.scale(outline, factor, factor, origin=(0.0, 0.0))


def _shares(outline: Polygon, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Part of each pixel (y, x) inside the outline, and inside its rim; counted on a raster of fine pixels."""
    west, south, east, north = outline.bounds
    top, left = (int(np.floor(v)) for v in grid.to_pixel(west, north))
    bottom, right = (int(np.ceil(v)) for v in grid.to_pixel(east, south))
    window = Window(max(0, top), max(0, left), bottom - max(0, top), right - max(0, left))
    share, rim = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    if bottom > grid.height or right > grid.width or top < 0 or left < 0:
        return share, rim
    part = grid.window(window)
    fine = Grid(grid.epsg, part.x0, part.y0, grid.pixel_m / _FINE, part.height * _FINE, part.width * _FINE)
    drawn = rasterize([(outline, 1)], out_shape=fine.shape, transform=fine.affine, dtype=np.uint8)
    depth_m = ndimage.distance_transform_edt(np.pad(drawn, 1))[1:-1, 1:-1] * fine.pixel_m
    share[window.slices] = _pooled(drawn.astype(np.float32))
    rim[window.slices] = _pooled(np.clip(1.0 - depth_m / (2.0 * _RIM_M), 0.0, 1.0) * drawn)
    return share, rim


def _pooled(fine: FloatArray) -> FloatArray:
    height, width = fine.shape
    blocks = fine.reshape(height // _FINE, _FINE, width // _FINE, _FINE)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
