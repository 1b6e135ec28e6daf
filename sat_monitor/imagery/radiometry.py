"""Sentinel-2 digital numbers to surface reflectance: the offset of baseline 04.00 is applied exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import SceneReject

#: Digital numbers per reflectance, and what products since baseline 04.00 have added (ESA, 2022-01-25).
SCALE = 10_000.0
OFFSET_DN = -1_000.0
_SINCE = (4, 0)
#: Digits of a baseline that is written without a dot, as in product names.
_PACKED = 4
#: Vegetation and water of the scene classification, where red is dark; how many pixels, and which share of those
#: that were seen, prove something: what is left of the ground between clouds is bright with haze.
_VEGETATION, _WATER = 4, 6
_ENOUGH, _ENOUGH_SHARE = 1000, 0.2
#: With the offset left in nothing is below 0.1; with the offset taken twice most vegetation has no red at all, be it
#: negative or cut off at 0. Clear water may have none anyway.
_DARKEST, _TOO_BRIGHT = 0.002, 0.095


def baseline_of(text: str | None) -> tuple[int, ...]:
    """A processing baseline such as `05.11` or `N0511` as numbers, so that versions compare; () where there is none."""
    plain = (text or "").strip().lstrip("N")
    parts = [plain[:2], plain[2:]] if len(plain) == _PACKED and plain.isdigit() else plain.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def offset_of(properties: Mapping[str, Any], baseline: tuple[int, ...]) -> float:
    """The offset (digital numbers) yet to be added to an item's values, by what the item says of itself."""
    if properties.get("earthsearch:boa_offset_applied") or baseline < _SINCE:
        return 0.0
    return OFFSET_DN


def reflectance(dn: NDArray[Any], offset_dn: float) -> FloatArray:
    """Surface reflectance, same shape, float32, NaN where the digital number is 0 (no data)."""
    values = (dn.astype(np.float32) + np.float32(offset_dn)) / np.float32(SCALE)
    return np.where(dn == 0, np.float32(np.nan), values).astype(np.float32)


def check_dark_ground(bands: Mapping[str, FloatArray], scene_id: str) -> None:
    """Raise SceneReject E1204 where vegetation and water prove that the offset was left out or applied twice.

    `bands` holds reflectance B04 and classes SCL, (y, x). Scenes with too little dark ground prove nothing and pass.
    """
    if "B04" not in bands or "SCL" not in bands:
        return
    seen, classes = np.isfinite(bands["B04"]), bands["SCL"]
    enough = max(_ENOUGH, _ENOUGH_SHARE * float(seen.sum()))
    dark = bands["B04"][seen & np.isin(classes, (_VEGETATION, _WATER))]
    green = bands["B04"][seen & (classes == _VEGETATION)]
    darkest = float(np.quantile(dark, _DARKEST)) if dark.size >= enough else 0.0
    median = float(np.median(green)) if green.size >= enough else 1.0
    if darkest > _TOO_BRIGHT or median <= 0.0:
        what = f"{scene_id}: red of the darkest ground is {darkest:.3f}, of vegetation {median:.3f}"
        raise SceneReject("E1204", what, "nothing of this scene", scene_id)
