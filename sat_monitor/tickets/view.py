"""The square piece of ground that a picture shows, and pixels resampled onto it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.errors import TicketError
from sat_monitor.core.grid import Grid, Window

#: Sides (m) that frames take, so that pictures of different tickets compare; the smallest that fits is used.
_DETAIL_SIDES_M = (400, 600, 800, 1_200, 1_600, 2_400, 3_200, 4_800, 6_400, 9_600, 12_800, 25_600)
_DETAIL_MARGIN = 2.2
_LOCATION_TIMES = 6
_MIN_LOCATION_M = 3_000
#: Pixels read beyond the frame so that interpolation has neighbours at the border.
_HALO_PX = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """A square of ground: centre (x, y) and side, metres in `epsg`."""

    epsg: int
    x: float
    y: float
    side_m: float

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north), metres."""
        half = self.side_m / 2
        return self.x - half, self.y - half, self.x + half, self.y + half

    def to_picture(self, points: NDArray[np.float64], size_px: int) -> NDArray[np.float64]:
        """Positions (n, 2) in metres, x first, as picture positions (n, 2), x right and y down, pixels."""
        west, _, _, north = self.bounds
        scale = size_px / self.side_m
        return np.column_stack(((points[:, 0] - west) * scale, (north - points[:, 1]) * scale))


def detail_frame(outline: BaseGeometry, epsg: int) -> Frame:
    """The frame of the before, after and score pictures: the outline (m) with room around it."""
    west, south, east, north = outline.bounds
    need = max(east - west, north - south) * _DETAIL_MARGIN
    side = next((s for s in _DETAIL_SIDES_M if s >= need), need)
    return Frame(epsg, (west + east) / 2, (south + north) / 2, float(side))


def location_frame(outline: BaseGeometry, grid: Grid) -> Frame:
    """The frame of the location map: several times as wide, moved and narrowed to stay on `grid` where it can."""
    detail = detail_frame(outline, grid.epsg)
    west, south, east, north = grid.bounds
    wanted = max(float(_MIN_LOCATION_M), detail.side_m * _LOCATION_TIMES)
    side = max(detail.side_m, min(wanted, max(east - west, north - south)))
    return Frame(grid.epsg, _within(detail.x, side, west, east), _within(detail.y, side, south, north), side)


def _within(centre: float, side: float, low: float, high: float) -> float:
    """The centre moved so that low <= centre - side/2 and centre + side/2 <= high; the middle where it cannot be."""
    if side >= high - low:
        return (low + high) / 2
    return min(max(centre, low + side / 2), high - side / 2)


def frame_window(frame: Frame, grid: Grid) -> Window:
    """The window of `grid` that a frame needs, halo included, clipped to the grid.

    Raises TicketError E1801 where the frame does not meet the grid, E1206 where their EPSG codes differ.
    """
    if frame.epsg != grid.epsg:
        raise TicketError("E1206", f"the frame is in EPSG:{frame.epsg}, the grid in EPSG:{grid.epsg}")
    west, south, east, north = frame.bounds
    top, left = grid.to_pixel(west, north)
    bottom, right = grid.to_pixel(east, south)
    row = max(0, math.floor(top) - _HALO_PX)
    col = max(0, math.floor(left) - _HALO_PX)
    height = min(grid.height, math.ceil(bottom) + _HALO_PX) - row
    width = min(grid.width, math.ceil(right) + _HALO_PX) - col
    if height <= 0 or width <= 0:
        raise TicketError("E1801", f"the site's frame {frame.bounds} lies outside the grid {grid.bounds}")
    return Window(row, col, height, width)


def detail_window(outline: BaseGeometry, grid: Grid) -> Window:
    """The window of `grid` to read for the before, after and score pictures of an outline (m)."""
    return frame_window(detail_frame(outline, grid.epsg), grid)


def location_window(outline: BaseGeometry, grid: Grid) -> Window:
    """The window of `grid` to read for the location map of an outline (m)."""
    return frame_window(location_frame(outline, grid), grid)


def resample(rgba: NDArray[np.uint8], grid: Grid, frame: Frame, size_px: int) -> Image.Image:
    """Colours (y, x, 4) uint8 on `grid`, shown in `frame`, as a picture of size_px x size_px: RGBA, or RGB if none is missing.

    Interpolation is premultiplied by alpha, so that missing pixels do not bleed. Enlarging uses a bicubic kernel (its
    overshoot is smaller than Lanczos', which draws ghosts along field edges), shrinking uses Lanczos.
    """
    if rgba.shape[:2] != grid.shape:
        raise TicketError("E1206", f"the picture has shape {rgba.shape[:2]}, its grid {grid.shape}")
    window = frame_window(frame, grid)
    part, inner = rgba[window.slices], grid.window(window)
    west, south, east, north = frame.bounds
    top, left = inner.to_pixel(west, north)
    bottom, right = inner.to_pixel(east, south)
    before = max(0, math.ceil(-min(top, left)))
    after = max(0, math.ceil(max(bottom - inner.height, right - inner.width)))
    padded = np.pad(part, ((before, after), (before, after), (0, 0)))
    box = (left + before, top + before, right + before, bottom + before)
    kernel = Image.Resampling.BICUBIC if right - left < size_px else Image.Resampling.LANCZOS
    if padded[..., 3].min() == 255:
        # Nothing is missing, so nothing can bleed: no alpha to multiply by and to paste through.
        opaque = Image.fromarray(np.ascontiguousarray(padded[..., :3]), "RGB")
        return opaque.resize((size_px, size_px), kernel, box=box)
    return Image.fromarray(padded, "RGBA").resize((size_px, size_px), kernel, box=box)
