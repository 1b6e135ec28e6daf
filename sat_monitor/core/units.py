"""The only place with dB, area and reflectance formulas."""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma

FloatArray = NDArray[np.float32]

#: 10 / ln(10): the standard deviation in dB of a quantity whose logarithm has unit variance.
DB_PER_NEPER = 10.0 / np.log(10.0)
#: Mean length of a month of the Gregorian calendar.
DAYS_PER_MONTH = 30.436875


@overload
def power_to_db(power: float) -> float: ...
@overload
def power_to_db(power: FloatArray) -> FloatArray: ...
def power_to_db(power: float | FloatArray) -> float | FloatArray:
    """Linear power to decibels; zero and negative power become NaN, for they are not backscatter."""
    with np.errstate(divide="ignore", invalid="ignore"):
        db = 10.0 * np.log10(np.where(np.asarray(power) > 0, power, np.nan))
    return float(db) if np.ndim(power) == 0 else db.astype(np.float32)


@overload
def db_to_power(db: float) -> float: ...
@overload
def db_to_power(db: FloatArray) -> FloatArray: ...
def db_to_power(db: float | FloatArray) -> float | FloatArray:
    """Decibels to linear power, the inverse of `power_to_db`."""
    power = np.power(10.0, np.asarray(db) / 10.0)
    return float(power) if np.ndim(db) == 0 else power.astype(np.float32)


def speckle_sd_db(enl: float) -> float:
    """Standard deviation in dB of fully developed speckle with `enl` equivalent looks.

    sqrt(psi1(ENL)) * 10 / ln 10 (Gamma-distributed intensity; Oliver and Quegan, 2004, ch. 4).
    """
    return float(DB_PER_NEPER * np.sqrt(polygamma(1, enl)))


def pixel_area_m2(pixel_m: float) -> float:
    """Area of one square pixel of side `pixel_m` metres, m2."""
    return pixel_m * pixel_m


def edge_area_error_m2(perimeter_m: float, edge_m: float) -> float:
    """One-sigma area error (m2) of an outline whose whole edge may lie `edge_m` metres in or out (METHOD 13)."""
    return perimeter_m * edge_m


def dn_to_reflectance(dn: FloatArray, offset_dn: float, scale: float = 10_000.0) -> FloatArray:
    """Sentinel-2 digital numbers to surface reflectance, (DN + offset) / scale; offset is -1000 from baseline 04.00."""
    return ((dn + np.float32(offset_dn)) / np.float32(scale)).astype(np.float32)
