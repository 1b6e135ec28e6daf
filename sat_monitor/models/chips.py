"""Training chips: pairs with known truth, and what is done to them before the network sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.models.bands import OPTICAL, RADAR, TRACKS, Answer, Pair, Side, levelled

_Change = Callable[[FloatArray], FloatArray]
_SideChange = Callable[[Side], Side]
_RGB = [OPTICAL.index(band) for band in ("B02", "B03", "B04")]
#: How a picture is made of reflectance: its darkest and brightest percentiles, gamma, levels of grey.
_STRETCH, _GAMMA, _GREYS = ((0.0, 3.0), (95.0, 100.0)), (0.7, 1.4), 255.0
#: Cells that a mosaic of clouds leaves unseen.
_HOLE_PX = (8, 48)


@dataclass(frozen=True, slots=True)
class Chip:
    """A pair with its truth, (plane, y, x) float32: the part of each pixel (0..1) of which an answer is true.

    The planes are those of `Answer`; `weight` likewise, zero where nobody knows. `source` names where it comes from;
    `geometry` is False where sun and look may come from anywhere.
    """

    pair: Pair
    truth: FloatArray
    weight: FloatArray
    source: str
    geometry: bool = True


class Sight(Enum):
    """Which sensors a chip keeps."""

    ALL = "all"
    OPTICAL = "optical"
    RADAR = "radar"
    RGB = "rgb"
    RGB_RADAR = "rgb+radar"


#: How often each is drawn.
SIGHTS = {Sight.ALL: 0.34, Sight.OPTICAL: 0.20, Sight.RADAR: 0.16, Sight.RGB: 0.20, Sight.RGB_RADAR: 0.10}


def cropped(chip: Chip, rows: slice, cols: slice) -> Chip:
    """A part of a chip."""
    return _mapped(chip, lambda a: np.ascontiguousarray(a[..., rows, cols]))


def random_crop(chip: Chip, side: int, rng: np.random.Generator) -> Chip:
    """A square of a chip; half of them hold some conversion, where there is any."""
    height, width = chip.pair.shape
    row, col = (int(rng.integers(0, max(1, size - side + 1))) for size in (height, width))
    if rng.random() < 0.5:
        hits = np.argwhere(chip.truth[Answer.CONVERSION] * chip.weight[Answer.CONVERSION] > 0.5)
        if len(hits):
            at = hits[rng.integers(len(hits))] - rng.integers(0, side, 2)
            row, col = (int(np.clip(a, 0, max(0, n - side))) for a, n in zip(at, (height, width), strict=True))
    return cropped(chip, slice(row, row + side), slice(col, col + side))


def turned(chip: Chip, rng: np.random.Generator) -> Chip:
    """A mirrored chip, or not.

    A mirror in east and west keeps the sun where it is (south, within an hour of noon) and swaps ascending and
    descending looks; a mirror in north and south or a turn would light the hills from below, and is kept for pictures
    of unknown geometry.
    """
    if rng.random() < 0.5:
        chip = _mapped(chip, lambda a: np.ascontiguousarray(a[..., ::-1]))
        chip = _with_radar(chip, lambda a: np.concatenate([a[len(RADAR) :], a[: len(RADAR)]]))
    if not chip.geometry:
        turns = int(rng.integers(4))
        chip = _mapped(chip, lambda a: np.ascontiguousarray(np.rot90(a, turns, (-2, -1))))
    return chip


def keeping(chip: Chip, sight: Sight) -> Chip:
    """A chip that keeps some sensors only; one that would see nothing then keeps what it has."""
    if sight is Sight.RADAR and np.isfinite(chip.pair.after.radar).any():
        chip = _with_optical(chip, _nothing)
    if sight in (Sight.RGB, Sight.RGB_RADAR):
        chip = _with_optical(chip, lambda a: _only(a, _RGB))
    if sight in (Sight.OPTICAL, Sight.RGB) and np.isfinite(chip.pair.after.optical).any():
        chip = _with_radar(chip, _nothing)
    return chip


def limited(chip: Chip, sight: Sight, rng: np.random.Generator) -> Chip:
    """A chip without some of its bands, sensors, tracks, and ground under clouds."""
    chip = keeping(chip, sight)
    if rng.random() < 0.3:
        track = int(rng.integers(TRACKS)) * len(RADAR)
        chip = _with_radar(chip, lambda a: _only(a, [track, track + 1]))
    if rng.random() < 0.15:
        chip = _with_radar(chip, lambda a: _only(a, [0, len(RADAR)]))
    if rng.random() < 0.5:
        chip = replace(chip, pair=replace(chip.pair, slope_deg=_nothing(chip.pair.slope_deg)))
    return _clouded(chip, rng) if rng.random() < 0.25 else chip


def as_picture(chip: Chip, rng: np.random.Generator) -> Chip:
    """A chip whose optical bands are 8-bit pictures of unknown stretch, each date with its own, brought back to level."""
    before, after = (_stretched(side.optical, rng) for side in (chip.pair.before, chip.pair.after))
    before, after = levelled(before, after, OPTICAL)
    pair = replace(
        chip.pair,
        before=replace(chip.pair.before, optical=before),
        after=replace(chip.pair.after, optical=after),
    )
    return replace(chip, pair=pair)


def coarser(chip: Chip, factor: int) -> Chip:
    """A chip of larger pixels, as Landsat's are: means of `factor` x `factor`; sides shrink."""
    height, width = (size // factor * factor for size in chip.pair.shape)

    def mean(values: FloatArray) -> FloatArray:
        part = values[..., :height, :width]
        blocks = part.reshape(*part.shape[:-2], height // factor, factor, width // factor, factor)
        return np.asarray(blocks.mean(axis=(-3, -1)), np.float32)

    return _mapped(chip, mean)


def _stretched(bands: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Reflectance as a picture of some stretch would show it, 0..255."""
    found = np.full_like(bands, np.nan)
    gamma = rng.uniform(*_GAMMA) if rng.random() < 0.3 else 1.0
    tight = rng.random() < 0.7
    for number, band in enumerate(bands):
        values = band[np.isfinite(band)]
        if values.size < 2:
            continue
        low, high = (np.percentile(values, rng.uniform(*span) if tight else edge)
                     for span, edge in zip(_STRETCH, (0.0, 100.0), strict=True))  # fmt: skip
        part = np.clip((band - low) / max(float(high - low), 1e-6), 0.0, 1.0) ** gamma
        found[number] = np.where(np.isfinite(band), np.round(part * _GREYS), np.nan)
    return found


def _clouded(chip: Chip, rng: np.random.Generator) -> Chip:
    """A chip with a hole in the optical bands of one date; over it, what the radar sees must do."""
    height, width = chip.pair.shape
    rows, cols = (int(rng.integers(*_HOLE_PX)) for _ in range(2))
    row, col = int(rng.integers(0, max(1, height - rows))), int(rng.integers(0, max(1, width - cols)))
    side = "before" if rng.random() < 0.5 else "after"
    optical = getattr(chip.pair, side).optical.copy()
    optical[:, row : row + rows, col : col + cols] = np.nan
    return replace(chip, pair=replace(chip.pair, **{side: replace(getattr(chip.pair, side), optical=optical)}))


def _only(values: FloatArray, rows: list[int]) -> FloatArray:
    kept = np.full_like(values, np.nan)
    kept[rows] = values[rows]
    return kept


def _nothing(values: FloatArray) -> FloatArray:
    return np.full_like(values, np.nan)


def _with_optical(chip: Chip, change: _Change) -> Chip:
    return _with_sides(chip, lambda side: replace(side, optical=change(side.optical)))


def _with_radar(chip: Chip, change: _Change) -> Chip:
    return _with_sides(chip, lambda side: replace(side, radar=change(side.radar)))


def _with_sides(chip: Chip, change: _SideChange) -> Chip:
    pair = replace(chip.pair, before=change(chip.pair.before), after=change(chip.pair.after))
    return replace(chip, pair=pair)


def _mapped(chip: Chip, change: _Change) -> Chip:
    """Every plane of a chip changed alike."""
    return replace(chip, pair=chip.pair.mapped(change), truth=change(chip.truth), weight=change(chip.weight))
