"""What a look shows where vegetation is gone: open water or a hard surface, by its spectrum (METHOD 12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.profile import OpticalSettings

#: The bands that tell; red and near infrared must be there.
BANDS = ("B02", "B04", "B08", "B8A", "B11")

#: Panels and fresh asphalt: red and near infrared between these (darker is shade, brighter is ground), and NDVI below this
#: one, for what grows between the rows. Reflectances of panels: Ji et al. (2021), Remote Sens. Environ. 266.
_DARK_RED, _DARK_INFRARED, _DARK_NDVI = 0.04, (0.08, 0.15), 0.42


@dataclass(frozen=True, slots=True)
class Cover:
    """Where a look shows open water and where a hard surface, (y, x) bool; never both."""

    water: BoolArray
    hard: BoolArray


def cover_of(bands: Mapping[str, FloatArray], settings: OpticalSettings) -> Cover:
    """Cover of one look from reflectance (y, x) by band; NaN is neither.

    Water is darker in the near infrared than in red, or dark in both infrared bands. A hard surface (concrete, asphalt,
    metal) has no vegetation and is grey: iron colours soil, so that soil is redder than it is blue, and dry soil is
    brighter at 1.6 um than in the near infrared, which concrete is not. Panels and fresh asphalt are as grey, and dark
    in the near infrared. Without blue and B11 nothing is called hard, for a veil makes any ground grey.
    """
    red, infrared = bands["B04"], bands["B08"] if "B08" in bands else bands["B8A"]
    with np.errstate(divide="ignore", invalid="ignore"):
        ndvi = (infrared - red) / (infrared + red)
        water = (ndvi < settings.water_ndvi) & (infrared < settings.water_infrared)
        if "B11" in bands:
            water &= ~(bands["B11"] >= settings.water_infrared)
        if not {"B02", "B11"} <= set(bands):
            return Cover(np.asarray(water), np.zeros(red.shape, bool))
        redness = (red - bands["B02"]) / (red + bands["B02"])
        dryness = (bands["B11"] - infrared) / (bands["B11"] + infrared)
        grey = redness < settings.hard_redness
        bright = (dryness < settings.hard_soil_index) & (ndvi < settings.hard_ndvi) & (red > settings.hard_red)
        low, high = _DARK_INFRARED
        dark = (red > _DARK_RED) & (infrared > low) & (infrared < high) & (ndvi < _DARK_NDVI)
        hard = grey & (bright | dark)
    return Cover(np.asarray(water), np.asarray(hard & ~water))
