"""How often ground lay bare on its earlier looks, as fields do between crops, and for how long (METHOD 9, 12)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray

IntArray = NDArray[np.int32]

#: Bare looks from which the ground's own soil is known.
_FEWEST_BARE = 2


class Spells(NamedTuple):
    """Of the reference looks, all (y, x): clear ones and bare ones (int32), days of the longest bare spell, and mean red
    reflectance of the bare ones (float32, NaN where there are under `_FEWEST_BARE`).
    """

    looks: IntArray
    bare: IntArray
    longest: FloatArray
    red: FloatArray


class Bands(NamedTuple):
    """Reference looks, (look, y, x) float32: indices with NaN where not clear, and red reflectance.

    `soil` of shape (0, y, x): there is no short-wave band.
    """

    ndvi: FloatArray
    soil: FloatArray
    red: FloatArray


class Lines(NamedTuple):
    """A look is bare below this NDVI and, where it has a soil index, above that one."""

    ndvi: float
    soil_index: float


def spells_of(bands: Bands, days: NDArray[np.int32], newest: IntArray, lines: Lines) -> Spells:
    """Spells of reference looks, days since 1970 per look; looks later than the day `newest` (y, x) do not serve."""
    shape = bands.ndvi.shape[1:]
    out = np.zeros((2, *shape), np.int32)
    longest, total = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    worked = (np.float32(lines.ndvi), np.float32(lines.soil_index))
    _count(bands, days, newest, worked, out, (longest, total))
    known = out[1] >= _FEWEST_BARE
    return Spells(out[0], out[1], longest, np.where(known, total / np.maximum(out[1], 1), np.nan).astype(np.float32))


@njit(cache=True, error_model="numpy", nogil=True)
def _count(
    bands: Bands,
    days: NDArray[np.int32],
    newest: IntArray,
    worked: tuple[np.float32, np.float32],
    out: IntArray,
    figures: tuple[FloatArray, FloatArray],
) -> None:
    (ndvi, soil, red), (longest, total) = bands, figures
    looks, height, width = ndvi.shape
    worked_ndvi, worked_soil = worked
    for y in range(height):
        since = np.zeros(width, np.int32)
        for k in range(looks):
            for x in range(width):
                value = ndvi[k, y, x]
                if np.isnan(value) or days[k] > newest[y, x]:
                    continue
                was = since[x] > 0
                bare = value < worked_ndvi
                if soil.shape[0] > 0 and soil[k, y, x] <= worked_soil:
                    bare = False
                out[0, y, x] += 1
                if bare:
                    out[1, y, x] += 1
                    total[y, x] += red[k, y, x]
                if was:
                    longest[y, x] = max(longest[y, x], np.float32(days[k] - since[x]))
                if not bare:
                    since[x] = 0
                elif not was:
                    since[x] = days[k]


def layers_of(spells: Spells, red: FloatArray) -> dict[str, FloatArray]:
    """What a change map keeps of it, (y, x) float32: share of bare looks (0..1), days of the longest spell, and the `red` of
    the look over that of the ground's own earlier bare looks.
    """
    share = np.asarray(spells.bare / np.maximum(spells.looks, 1), np.float32)
    return {"bare_before": share, "bare_spell": spells.longest, "soil_ratio": np.asarray(red / spells.red, np.float32)}
