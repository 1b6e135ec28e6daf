"""What the image service charges: processing units, by the provider's published rule.

One unit buys 512 x 512 pixels of three input bands at up to 16 bits; 32-bit output doubles it, orthorectification
doubles it; no request costs less than 0.005 (docs.sentinel-hub.com, "Processing unit definition", read 2026-11).
"""

from __future__ import annotations

from itertools import pairwise

from shapely.geometry import box
from shapely.prepared import prep as prepare_shape

from sat_monitor.core.domain import AOI
from sat_monitor.core.grid import Grid, Window, reproject
from sat_monitor.imagery.aois import MARGIN_M
from sat_monitor.imagery.evalscripts import Recipe

_UNIT_PX = 512 * 512
_UNIT_BANDS = 3
_LEAST = 0.005
_LEAST_AREA = 0.01


def processing_units(height: int, width: int, recipe: Recipe) -> float:
    """Units of one request for so many pixels."""
    area = max(height * width / _UNIT_PX, _LEAST_AREA)
    depth = 2.0 if recipe.dtype == "float32" else 1.0
    ortho = 2.0 if recipe.orthorectified else 1.0
    return max(area * recipe.charged / _UNIT_BANDS * depth * ortho, _LEAST)


def tiles(grid: Grid, most_px: int) -> list[Window]:
    """Windows of at most `most_px` pixels a side that cover `grid` without gap or overlap, of nearly equal size."""
    rows, cols = _cuts(grid.height, most_px), _cuts(grid.width, most_px)
    return [
        Window(top, left, bottom - top, right - left)
        for top, bottom in pairwise(rows)
        for left, right in pairwise(cols)
    ]


def watched_tiles(aoi: AOI, most_px: int) -> list[Window]:
    """Those tiles of an AOI's grid that meet its outline plus margin: nobody looks at the others, and each costs."""
    watched = prepare_shape(reproject(aoi.outline.segmentize(0.01), 4326, aoi.grid.epsg).buffer(MARGIN_M))
    return [w for w in tiles(aoi.grid, most_px) if watched.intersects(box(*aoi.grid.window(w).bounds))]


def scene_units(aoi: AOI, recipe: Recipe, most_px: int) -> float:
    """Units of one whole scene of an AOI, in tiles."""
    return sum(processing_units(w.height, w.width, recipe) for w in watched_tiles(aoi, most_px))


def _cuts(length: int, most: int) -> list[int]:
    parts = -(-length // most)
    return [length * k // parts for k in range(parts + 1)]
