"""Cloud, snow and shadow that the scene classification missed: what they cover is not observed (METHOD 3).

Both are told from worked ground by their reach. A veil brightens the shortest band over the whole neighbourhood, where a
fill brightens its own place only; a cloud's shadow takes away near infrared without giving red, where bare soil gives
red. Each band is compared with the pixel's own mean at the same season of earlier years, so nothing later is used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from sat_monitor.change_detect.windows import day_numbers
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.profile import OpticalSettings

#: Half width of the season in which looks are alike, days, and looks below which nothing is said.
_SEASON_DAYS, _MIN_LOOKS = 45, 3
#: Side of the cells in which a veil is measured, m: small enough for its edge, large enough to average ground away.
_CELL_M = 50.0
#: A veil must lie over three quarters of the surroundings: so much of them a fill never covers.
_REACH_PERCENTILE = 25
#: Growth of a shadow's core over its rim, pixels.
_RIM_PX = 2
#: Rise of red that still is none, reflectance; NDVI below which dark ground is water.
_NO_RISE, _WATER_NDVI = 0.005, 0.0


def veiled(stack: xr.Dataset, settings: OpticalSettings) -> BoolArray:
    """Where the last look of a stack lies under cloud, snow or shadow after all, (y, x) bool."""
    usable = stack["valid"].values & stack["clear"].values
    alike = _same_season(stack)
    # No ground is as bright as snow and thick cloud: that needs no earlier look.
    white = np.asarray(usable[-1] & (stack["B04"].values[-1] > settings.max_ground_red))
    if alike.size < _MIN_LOOKS or not usable[-1].any():
        return white
    bands = {name: stack[name].values for name in ("B02", "B04", "B08", "B8A") if name in stack}
    means = {name: _mean(values[alike], usable[alike]) for name, values in bands.items()}
    look = {name: np.where(usable[-1], values[-1], np.float32(np.nan)) for name, values in bands.items()}
    infrared = "B08" if "B08" in bands else "B8A"
    pixel_m = float(stack.attrs["pixel_m"])
    # Red rises with the season too, so without blue a veil is not told.
    thin = _veil(look["B02"] - means["B02"], pixel_m, settings) if "B02" in bands else white
    shadow = _shadow((look["B04"], look[infrared]), (means["B04"], means[infrared]), settings)
    return np.asarray(white | thin | shadow)


def _same_season(stack: xr.Dataset) -> NDArray[np.intp]:
    """Numbers of the reference looks of the tested look's season."""
    days = day_numbers(stack["time"].values)
    off = np.abs((days[-1] - days[:-1] + 182.625) % 365.25 - 182.625)
    return np.flatnonzero(off <= _SEASON_DAYS)


def _mean(values: FloatArray, usable: BoolArray) -> FloatArray:
    """Mean of the usable looks (time, y, x), (y, x); NaN where there are fewer than `_MIN_LOOKS`."""
    good = usable & np.isfinite(values)
    count = good.sum(axis=0)
    total = np.where(good, values, np.float32(0.0)).sum(axis=0)
    return np.where(count >= _MIN_LOOKS, total / np.maximum(count, 1), np.float32(np.nan)).astype(np.float32)


def _veil(rise: FloatArray, pixel_m: float, settings: OpticalSettings) -> BoolArray:
    """Where a rise of reflectance (y, x; NaN = not known) reaches over most of the surroundings."""
    side = max(1, round(_CELL_M / pixel_m))
    cells = _cell_means(rise, side)
    reach = max(1, round(settings.surroundings_m / 2.0 / (side * pixel_m)))
    # What is not known neither proves nor hides a veil: it takes the middle of what is.
    filled = np.where(np.isfinite(cells), cells, np.nanmedian(cells) if np.isfinite(cells).any() else 0.0)
    least = ndimage.percentile_filter(filled, _REACH_PERCENTILE, size=2 * reach + 1, mode="nearest")
    thin = least > settings.veil_rise
    return np.asarray(np.kron(thin, np.ones((side, side), bool))[: rise.shape[0], : rise.shape[1]])


def _cell_means(values: FloatArray, side: int) -> FloatArray:
    """Means of square cells of `side` pixels, those at the lower and right edge smaller; NaN where none is known."""
    pad = tuple((0, -size % side) for size in values.shape)
    wide = np.pad(values, pad, constant_values=np.nan)
    parts = wide.reshape(wide.shape[0] // side, side, wide.shape[1] // side, side)
    known = np.isfinite(parts)
    count = known.sum(axis=(1, 3))
    total = np.where(known, parts, 0.0).sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _shadow(look: Sequence[FloatArray], usual: Sequence[FloatArray], settings: OpticalSettings) -> BoolArray:
    """Where near infrared is lost and red not gained, with a rim; `look` and `usual` are (red, near infrared)."""
    red, infrared = look
    with np.errstate(invalid="ignore", divide="ignore"):
        light = infrared / usual[1]
        # A lower sun darkens all, a shadow a part: the light of most pixels is the measure.
        known = light[np.isfinite(light)]
        dark = light < settings.shadow_share * min(1.0, float(np.median(known)) if known.size else 1.0)
        dim = red <= usual[0] + np.float32(_NO_RISE)
        dry = infrared - red > _WATER_NDVI * (infrared + red)
    core = ndimage.binary_opening(dark & dim & dry, np.ones((2, 2), bool))
    return np.asarray(ndimage.binary_dilation(core, np.ones((3, 3), bool), iterations=_RIM_PX) if core.any() else core)
