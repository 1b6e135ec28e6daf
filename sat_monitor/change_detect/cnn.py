"""The change network as a row of evidence: the last optical look against the median of newer reference looks.

It sees the same pixels as the optical detector, so its likelihood ratio is not added to that one but averaged with it,
one ratio per acquisition (METHOD 9). Its probability stands for the share of converted pixels it learned from; taking
that share's log-odds away leaves a likelihood ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sat_monitor.core.domain import ChangeMap, FloatArray, Layer
from sat_monitor.core.grid import Window
from sat_monitor.core.profile import NetworkSettings
from sat_monitor.models.bands import OPTICAL, Pair, Side, empty_optical, empty_radar
from sat_monitor.models.composites import optical_composite

if TYPE_CHECKING:
    from sat_monitor.models.infer import Predictor

#: Name of the layer of a change map.
LAYER = "network"
UNIT = "log-odds"
#: Bands by other names.
_ALIASES = {"B8A": "B08"}
#: Most a network says for or against, log-odds: it was never shown rarer events.
_MOST = 7.0


def network_layer(shape: tuple[int, int], read: Callable[[Window], xr.Dataset], predictor: Predictor) -> Layer:
    """Log-odds of conversion between the earlier looks of a stack and its last one, (y, x), NaN where not seen.

    `read` gives the stack (time, y, x) of a window; tiles overlap, so that no seam shows.
    """
    from sat_monitor.models.infer import Tiling

    def part(rows: slice, cols: slice) -> Pair:
        window = Window(rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start)
        return pair_of(read(window))

    found = predictor.detect_area(shape, part, Tiling())
    probability = np.clip(found.conversion, 1e-6, 1.0 - 1e-6)
    odds = np.log(probability) - np.log1p(-probability)
    return Layer(np.asarray(np.clip(odds, -_MOST, _MOST), np.float32), UNIT)


def pair_of(stack: xr.Dataset) -> Pair:
    """The last look of a stack against the median of the others; slope and radar are left unseen."""
    shape = stack.sizes["y"], stack.sizes["x"]
    planes = {_ALIASES.get(str(name), str(name)): stack[name].values for name in stack.data_vars}
    clear = stack["valid"].values if "valid" in stack else np.ones((stack.sizes["time"], *shape), bool)
    looks = np.stack([_bands(planes, number, shape) for number in range(stack.sizes["time"])])
    looks = np.where(clear[:, None], looks, np.float32(np.nan))
    before = optical_composite(list(looks[:-1]))
    blind = np.full(shape, np.nan, np.float32)
    return Pair(Side(before, empty_radar(shape)), Side(looks[-1], empty_radar(shape)), blind)


def _bands(planes: Mapping[str, FloatArray], number: int, shape: tuple[int, int]) -> FloatArray:
    values = empty_optical(shape)
    for row, name in enumerate(OPTICAL):
        if name in planes:
            values[row] = planes[name][number]
    return values


def averaged(ratio: FloatArray, change: ChangeMap, settings: NetworkSettings) -> FloatArray:
    """The optical log likelihood ratio, nats, (y, x), averaged with the network's where that was run and saw the pixel."""
    if settings.share == 0.0 or LAYER not in change.layers:
        return ratio
    odds, share = change.layers[LAYER].values, np.float32(settings.share)
    mixed = (1.0 - share) * ratio + share * (odds - np.float32(settings.base_log_odds))
    return np.where(np.isfinite(odds), mixed, ratio).astype(np.float32)
