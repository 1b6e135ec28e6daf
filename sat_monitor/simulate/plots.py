"""Plots of ground: where there is room for one, its smooth outline, and its share of each pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rasterio.features import rasterize, shapes
from scipy import ndimage
from shapely import affinity
from shapely.geometry import Polygon, box

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.grid import Grid, Window
from sat_monitor.simulate.cover import LandCover
from sat_monitor.simulate.kinds import Cover
from sat_monitor.simulate.terrain import Terrain

#: Draws the outline of a plot about (0, 0), metres.
Shape = Callable[[np.random.Generator], Polygon]

#: Sub-pixels per side with which an outline's share of a pixel is counted.
_FINE = 10
#: Plots keep this far from each other and from the edge of the grid, pixels.
_APART_PX, _EDGE_PX = 6, 6
#: Share of an outline that may lie on other ground than it is meant for.
_STRAY = 0.03
#: Share of its corners that must lie on ground that is meant.
_CORNERS = 0.8
#: Depth of the rim, m.
_RIM_M = 8.0
_TRIES = 400
#: Smallest parcel that counts as a field, m2.
_LEAST_PARCEL_M2 = 300.0


@dataclass(frozen=True, slots=True)
class Plot:
    """A piece of ground: `outline` in metres of the grid's EPSG, the old `cover` under most of it.

    On `window` of a grid of `shape`, all (y, x) float32: `inside`, 0..1, is the part of each pixel inside, `edge` the
    part of it near the rim, `order` the rank (0..1) in which a work that creeps over the plot reaches each pixel.
    """

    outline: Polygon
    cover: Cover
    shape: tuple[int, int]
    window: Window
    inside: FloatArray
    edge: FloatArray
    order: FloatArray

    @property
    def share(self) -> FloatArray:
        """Part of each pixel of the whole grid inside, (y, x)."""
        return self._whole(self.inside)

    @property
    def rim(self) -> FloatArray:
        """Part of each pixel of the whole grid inside and near the edge, (y, x)."""
        return self._whole(self.edge)

    def _whole(self, part: FloatArray) -> FloatArray:
        whole = np.zeros(self.shape, np.float32)
        whole[self.window.slices] = part
        return whole


@dataclass(frozen=True, slots=True)
class Land:
    """The ground on which plots are found; what is taken is taken out of `free` (y, x) for good."""

    grid: Grid
    terrain: Terrain
    cover: LandCover
    free: BoolArray

    @classmethod
    def of(cls, grid: Grid, terrain: Terrain, cover: LandCover) -> Land:
        """All ground off the edge."""
        inner = np.zeros(grid.shape, bool)
        inner[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX] = True
        return cls(grid, terrain, cover, inner)

    def near(self, kind: Cover, pixels: int) -> BoolArray:
        """Ground within `pixels` steps of a class, (y, x)."""
        return np.asarray(ndimage.binary_dilation(self.cover.where(kind), iterations=pixels))


def take_plot(land: Land, good: BoolArray, middles: BoolArray, shape: Shape, rng: np.random.Generator) -> Plot | None:
    """A plot of `shape` on free ground that is `good`, whose middle lies in `middles`; None where no room was found."""
    free = land.free & good
    places = np.argwhere(free & middles)
    for row, col in rng.permutation(places)[:_TRIES]:
        outline = affinity.translate(shape(rng), *land.grid.to_metres(row + 0.5, col + 0.5))
        plot = _plot_of(outline, land, rng) if _may_fit(outline, free, land.grid) else None
        if plot is not None and plot.inside[~free[plot.window.slices]].sum() <= _STRAY * plot.inside.sum():
            return _taken(plot, land)
    return None


def take_parcel(land: Land, good: BoolArray, middles: BoolArray, rng: np.random.Generator) -> Plot | None:
    """A whole field of free and `good` ground, one pixel of which lies in `middles`; None where there is none."""
    places = np.argwhere(land.free & good & middles)
    for row, col in rng.permutation(places)[:_TRIES]:
        reach = slice(max(0, row - 30), row + 31), slice(max(0, col - 30), col + 31)
        same = land.cover.unit[reach] == land.cover.unit[row, col]
        if not land.free[reach][same].all() or not good[reach][same].all():
            continue
        part = land.grid.window(Window(reach[0].start, reach[1].start, same.shape[0], same.shape[1]))
        drawn = (outline["coordinates"] for outline, _ in shapes(same.astype(np.uint8), same, transform=part.affine))
        fields = [Polygon(rings[0], rings[1:]) for rings in drawn]
        largest = max(fields, key=lambda field: field.area)
        plot = _plot_of(largest, land, rng) if largest.area >= _LEAST_PARCEL_M2 else None
        if plot is not None:
            return _taken(plot, land)
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
    """A turned rectangle of exactly `area_m2` about (0, 0), metres: the roof of a hall, a row of panels."""
    stretch = rng.uniform(1.2, 1.8)
    return _sized(affinity.rotate(box(-stretch, -1.0, stretch, 1.0), rng.uniform(0.0, 90.0)), area_m2)


def tongue(area_m2: float, rng: np.random.Generator) -> Polygon:
    """A long turned oval of exactly `area_m2` about (0, 0), metres: the path of a slide."""
    raw = affinity.scale(blob(area_m2, rng), 1.0, rng.uniform(2.0, 3.5), origin=(0.0, 0.0))
    return _sized(affinity.rotate(raw, rng.uniform(0.0, 180.0), origin=(0.0, 0.0)), area_m2)


def _sized(outline: Polygon, area_m2: float) -> Polygon:
    factor = float(np.sqrt(area_m2 / outline.area))
    return affinity.scale(outline, factor, factor, origin=(0.0, 0.0))


def _may_fit(outline: Polygon, free: BoolArray, grid: Grid) -> bool:
    """Whether most corners of an outline lie on free ground: most places are refused by this alone, which costs little."""
    x, y = np.asarray(outline.exterior.coords).T
    rows, cols = (np.floor(v).astype(int) for v in ((grid.y0 - y) / grid.pixel_m, (x - grid.x0) / grid.pixel_m))
    if rows.min() < 0 or cols.min() < 0 or rows.max() >= grid.height or cols.max() >= grid.width:
        return False
    return float(free[rows, cols].mean()) > _CORNERS


def _taken(plot: Plot, land: Land) -> Plot:
    """The plot, whose ground with a margin is no longer free."""
    window = plot.window
    top, left = max(0, window.row - _APART_PX), max(0, window.col - _APART_PX)
    wide = slice(top, window.row + window.height + _APART_PX), slice(left, window.col + window.width + _APART_PX)
    mark = np.zeros(land.free[wide].shape, bool)
    row, col = window.row - top, window.col - left
    mark[row : row + window.height, col : col + window.width] = plot.inside > 0.0
    land.free[wide] &= ~ndimage.binary_dilation(mark, iterations=_APART_PX)
    return plot


def _plot_of(outline: Polygon, land: Land, rng: np.random.Generator) -> Plot | None:
    """The plot of an outline, its shares counted on a raster of fine pixels; None where it leaves the grid."""
    grid = land.grid
    west, south, east, north = outline.bounds
    top, left = (int(np.floor(v)) for v in grid.to_pixel(west, north))
    bottom, right = (int(np.ceil(v)) for v in grid.to_pixel(east, south))
    if bottom > grid.height or right > grid.width or top < 0 or left < 0:
        return None
    window = Window(top, left, bottom - top, right - left)
    part = grid.window(window)
    fine = Grid(grid.epsg, part.x0, part.y0, grid.pixel_m / _FINE, part.height * _FINE, part.width * _FINE)
    drawn = rasterize([(outline, 1)], out_shape=fine.shape, transform=fine.affine, dtype=np.uint8)
    depth_m = ndimage.distance_transform_edt(np.pad(drawn, 1))[1:-1, 1:-1] * fine.pixel_m
    inside = _pooled(drawn.astype(np.float32))
    if inside.sum() <= 0.0:
        return None
    edge = _pooled(np.clip(1.0 - depth_m / (2.0 * _RIM_M), 0.0, 1.0) * drawn)
    under = np.bincount(land.cover.classes[window.slices].ravel(), inside.ravel(), len(Cover))
    return Plot(outline, Cover(int(under.argmax())), grid.shape, window, inside, edge, _order(inside, rng))


def _order(inside: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Rank (0..1) of each pixel by area, along a direction, a little ragged: works creep from one side."""
    turn = rng.uniform(0.0, 2.0 * np.pi)
    rows, cols = np.indices(inside.shape)
    along = np.cos(turn) * rows + np.sin(turn) * cols
    along += rng.normal(0.0, 0.08 * max(inside.shape), inside.shape)
    sequence = np.argsort(along, axis=None)
    reached = np.cumsum(inside.ravel()[sequence])
    order = np.zeros(inside.size, np.float32)
    order[sequence] = (reached - 0.5 * inside.ravel()[sequence]) / reached[-1]
    return order.reshape(inside.shape)


def _pooled(fine: FloatArray) -> FloatArray:
    height, width = fine.shape
    blocks = fine.reshape(height // _FINE, _FINE, width // _FINE, _FINE)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)
