"""Site outlines as pixels, drawn once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import BoolArray
from sat_monitor.core.grid import Grid, Window


@dataclass(frozen=True, slots=True)
class SiteMask:
    """The pixels of an outline: `mask` (y, x) for the rectangle `slices` of the AOI grid."""

    slices: tuple[slice, slice]
    mask: BoolArray


def draw_mask(outline: BaseGeometry, grid: Grid) -> SiteMask:
    """Pixels of `grid` whose centres lie in `outline` (metres of the grid's EPSG); empty outside the grid."""
    west, south, east, north = outline.bounds
    top, left = grid.to_pixel(west, north)
    bottom, right = grid.to_pixel(east, south)
    row, col = max(0, int(np.floor(top))), max(0, int(np.floor(left)))
    height = max(0, min(grid.height, int(np.ceil(bottom))) - row)
    width = max(0, min(grid.width, int(np.ceil(right))) - col)
    window = Window(row, col, height, width)
    if height == 0 or width == 0:
        return SiteMask(window.slices, np.zeros((height, width), bool))
    part = grid.window(window)
    mask = rasterize([(outline, 1)], out_shape=part.shape, transform=part.affine, dtype=np.uint8).astype(bool)
    return SiteMask(window.slices, mask)


class MaskCache:
    """`draw_mask` for the outlines of one AOI, remembered by the outline itself."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._masks: dict[bytes, SiteMask] = {}

    def mask(self, outline: BaseGeometry) -> SiteMask:
        """The mask of `outline`."""
        key = outline.wkb
        if key not in self._masks:
            self._masks[key] = draw_mask(outline, self._grid)
        return self._masks[key]
