"""Clear ground from the scene classification of Sentinel-2 Level-2A."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import BoolArray, FloatArray

#: Classes that show ground: dark, vegetation, bare, water, unclassified.
_GROUND = (2, 4, 5, 6, 7)
#: Cloud shadow, cloud of medium and high probability, thin cirrus: their edges lie, so they are grown.
_CLOUDY = (3, 8, 9, 10)
_CLOUD = (8, 9, 10)
#: The same as one look into a table per pixel: bits of ground, cloud or shadow, cloud.
_IS_GROUND, _IS_CLOUDY, _IS_CLOUD = 1, 2, 4
_SOIL_BANDS = ("B02", "B04", "B08", "B11")
_MIN_REDNESS, _MIN_DRYNESS = 0.15, 0.02


def clear_mask(scl: FloatArray, buffer_px: int) -> BoolArray:
    """Where the ground is seen, (..., y, x) bool, from classes (..., y, x); cloud and shadow grown by `buffer_px`.

    No data (0, NaN), saturated (1), cloud, shadow and snow are not clear. The growth is square, in pixels.
    """
    kinds = _kinds(scl)
    return _seen(kinds & _IS_GROUND > 0, kinds & _IS_CLOUDY > 0, buffer_px)


def ground_mask(bands: Mapping[str, FloatArray], buffer_px: int) -> BoolArray:
    """`clear_mask` of the bands (y, x) of one look, with bright bare soil that SCL calls cloud given back (METHOD 3)."""
    kinds = _kinds(bands["SCL"])
    ground, cloudy = kinds & _IS_GROUND > 0, kinds & _IS_CLOUDY > 0
    cloud = np.nonzero(kinds & _IS_CLOUD)
    if cloud[0].size and all(name in bands for name in _SOIL_BANDS):
        soil = bright_soil({name: bands[name][cloud] for name in _SOIL_BANDS})
        ground[cloud], cloudy[cloud] = soil, ~soil
    return _seen(ground, cloudy, buffer_px)


def _kinds(scl: FloatArray) -> NDArray[np.uint8]:
    known = (scl >= 0) & (scl < _KINDS.size)
    return np.asarray(_KINDS[np.where(known, scl, np.float32(0)).astype(np.uint8)])


def _kind_table() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for bit, classes in ((_IS_GROUND, _GROUND), (_IS_CLOUDY, _CLOUDY), (_IS_CLOUD, _CLOUD)):
        table[list(classes)] |= bit
    return table


_KINDS = _kind_table()


def _seen(ground: BoolArray, cloudy: BoolArray, buffer_px: int) -> BoolArray:
    return ground & ~_grown(cloudy, buffer_px) if cloudy.any() else ground


def _grown(mask: BoolArray, radius: int) -> BoolArray:
    """True within `radius` pixels along each of the last two axes; what is covered so far widens threefold a step."""
    for axis in (-1, -2):
        mask, reach = np.moveaxis(mask, axis, 0), 0
        while reach < radius:
            step = min(2 * reach + 1, radius - reach)
            wider = mask.copy()
            wider[step:] |= mask[:-step]
            wider[:-step] |= mask[step:]
            mask, reach = wider, reach + step
        mask = np.moveaxis(mask, 0, axis)
    return mask


def bright_soil(bands: Mapping[str, FloatArray]) -> BoolArray:
    """Where a look (y, x) is too red and too bright at 1.6 um to be cloud.

    Cloud is white from blue to red and darker in the short-wave infrared than in the near infrared; dry soil and rubble
    are the other way round (the whiteness test of Fmask, Zhu and Woodcock, 2012, seen from the soil's side).
    """
    blue, red, near, short = (bands[name] for name in _SOIL_BANDS)
    with np.errstate(divide="ignore", invalid="ignore"):
        redness, dryness = (red - blue) / (red + blue), (short - near) / (short + near)
    return np.asarray((redness > _MIN_REDNESS) & (dryness > _MIN_DRYNESS))


def cloud_fraction(scl: FloatArray) -> float:
    """Share of the observed pixels (y, x) that cloud or its shadow hides; 1 where nothing is observed."""
    observed = np.isfinite(scl) & (scl > 0)
    count = int(observed.sum())
    return float(np.isin(scl[observed], _CLOUDY).sum()) / count if count else 1.0
