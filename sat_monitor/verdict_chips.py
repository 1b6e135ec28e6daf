"""Verdicts of inspectors as training chips: what people found on the ground, beside the pictures of before and after.

The ground of a verdict has its truth, all other ground of the chip none, for nobody went there. A verdict of people who
could not tell makes no chip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np
from rasterio.features import rasterize

from sat_monitor.core.domain import AOI, FloatArray, Scene, Sensor
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.cloud import ground_mask
from sat_monitor.models.bands import OPTICAL, RADAR, TRACKS, Answer, Pair, Side, empty_optical, empty_radar
from sat_monitor.models.chips import Chip
from sat_monitor.models.composites import optical_composite, radar_composite
from sat_monitor.tickets.labels import Label

#: Side of a chip, pixels; days before the change was there at which before ends, and days after it at which after ends.
_SIDE, _BEFORE_DAYS, _AFTER_DAYS = 128, 120, 60
#: Length of the window of a composite, days, most looks in it, and least clear share of an optical one.
_WINDOW_DAYS, _LOOKS, _CLEAR = 60, 5, 0.3
_ALIASES = {"B8A": "B08"}


def verdict_chips(labels: Sequence[Label], aoi: AOI, archive: Archive, scenes: Sequence[Scene]) -> Iterator[Chip]:
    """A chip for each label of an area that can tell and whose ground was seen on both dates."""
    for label in labels:
        if label.aoi != aoi.id or label.is_earthwork is None:
            continue
        window = _window(label, aoi.grid)
        grid = aoi.grid.window(window)
        pair = _pair(label.seen_on, grid, archive, scenes)
        if pair.seen.mean() < _CLEAR:
            continue
        inside = rasterize([label.outline], grid.shape, transform=grid.affine, all_touched=False).astype(np.float32)
        nothing = np.zeros_like(inside)
        truth = dict.fromkeys(Answer, nothing) | {Answer.CONVERSION: inside * float(label.is_earthwork)}
        weight = dict.fromkeys(Answer, nothing) | {Answer.CONVERSION: inside}
        yield Chip(pair, np.stack(list(truth.values())), np.stack(list(weight.values())), f"verdict {label.case_id}")


def _window(label: Label, grid: Grid) -> Window:
    """A square of pixels around a label, within the grid."""
    middle = label.outline.centroid
    row, col = grid.to_pixel(middle.x, middle.y)
    height, width = min(_SIDE, grid.height), min(_SIDE, grid.width)
    top = int(np.clip(row - height / 2, 0, grid.height - height))
    left = int(np.clip(col - width / 2, 0, grid.width - width))
    return Window(top, left, height, width)


def _pair(seen_on: date, grid: Grid, archive: Archive, scenes: Sequence[Scene]) -> Pair:
    sides = [
        _side(end, grid, archive, scenes)
        for end in (seen_on - timedelta(days=_BEFORE_DAYS), seen_on + timedelta(days=_AFTER_DAYS))
    ]
    return Pair(sides[0], sides[1], np.full(grid.shape, np.nan, np.float32))


def _side(end: date, grid: Grid, archive: Archive, scenes: Sequence[Scene]) -> Side:
    """Composites of the newest looks of the days before `end`."""
    begin = end - timedelta(days=_WINDOW_DAYS)
    newest = sorted((s for s in scenes if begin < s.acquired_at.date() <= end), key=lambda s: s.order, reverse=True)
    optical = _looks([s for s in newest if s.sensor is Sensor.S2], lambda s: _optical(s, grid, archive))
    tracks = list(dict.fromkeys(s.track for s in newest if s.sensor is Sensor.S1))[:TRACKS]
    radar = [_looks([s for s in newest if s.track == t], lambda s: _radar(s, grid, archive)) for t in tracks]
    return Side(
        optical_composite(optical) if optical else empty_optical(grid.shape),
        radar_composite(radar) if any(radar) else empty_radar(grid.shape),
    )


def _looks(scenes: Sequence[Scene], read: Callable[[Scene], FloatArray | None]) -> list[FloatArray]:
    found: list[FloatArray] = []
    for scene in scenes:
        look = read(scene)
        if look is not None:
            found.append(look)
        if len(found) == _LOOKS:
            break
    return found


def _optical(scene: Scene, grid: Grid, archive: Archive) -> FloatArray | None:
    """Known bands of a look, NaN where it is not clear; None where little is."""
    names = archive.bands(scene)
    bands = archive.read(scene, [n for n in names if _ALIASES.get(n, n) in OPTICAL or n == "SCL"], grid)
    clear = ground_mask(bands, 0)
    if clear.mean() < _CLEAR:
        return None
    values = empty_optical(grid.shape)
    for name, plane in bands.items():
        if _ALIASES.get(name, name) in OPTICAL:
            values[OPTICAL.index(_ALIASES.get(name, name))] = np.where(clear, plane, np.float32(np.nan))
    return values


def _radar(scene: Scene, grid: Grid, archive: Archive) -> FloatArray | None:
    if not set(RADAR) <= set(archive.bands(scene)):
        return None
    bands = archive.read(scene, RADAR, grid)
    return np.stack([bands[name] for name in RADAR])
