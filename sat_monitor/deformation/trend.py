"""What a displacement curve says: velocity, acceleration, season and the error of the elevation model, with uncertainties.

Ordinary least squares on the displacement of each day. The standard deviations come from the scatter about the model,
which holds the atmosphere of each day; the misfit of pairs does not, for it closes around every loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray

#: Span (years) from which a yearly term can be told from a trend.
SEASON_YEARS = 1.5


@dataclass(frozen=True, slots=True)
class Fit:
    """`terms` and `std` (term, y, x) float32 of one model, and the rms scatter about it (y, x)."""

    terms: FloatArray
    std: FloatArray
    scatter: FloatArray


def fit(displacement: FloatArray, columns: Sequence[NDArray[np.float64]]) -> Fit:
    """Least squares of `displacement` (day, y, x) on `columns` (day) each; NaN where a day is missing."""
    design = np.stack(columns, axis=1)
    days, terms = design.shape
    inverse = np.linalg.pinv(design)
    shape = displacement.shape[1:]
    flat = displacement.reshape(days, -1)
    found = (inverse @ flat.astype(np.float64)).astype(np.float32)
    rest = flat - (design @ found).astype(np.float32)
    scatter = np.sqrt(np.einsum("dp,dp->p", rest, rest) / max(1, days - terms))
    spread = np.sqrt(np.diag(inverse @ inverse.T)).astype(np.float32)
    return Fit(found.reshape(terms, *shape), (spread[:, None] * scatter).reshape(terms, *shape), scatter.reshape(shape))


@dataclass(frozen=True, slots=True)
class Trend:
    """Rates of a displacement curve, all (y, x) float32 with standard deviations; `seasonal_m` is an amplitude."""

    velocity: FloatArray
    velocity_std: FloatArray
    acceleration: FloatArray
    acceleration_std: FloatArray
    seasonal_m: FloatArray
    seasonal_std_m: FloatArray


def line_weights(years: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (day) with which displacements add up to the velocity of their straight line, 1/yr."""
    weights: NDArray[np.float64] = np.linalg.pinv(np.stack([np.ones_like(years), years], axis=1))[1]
    return weights


def velocity_of(displacement: FloatArray, years: NDArray[np.float64]) -> FloatArray:
    """Velocity (y, x) m/yr of the straight line alone, as `trend_of` gives it."""
    velocity: FloatArray = np.einsum("d,d...->...", line_weights(years), displacement).astype(np.float32)
    return velocity


def trend_of(displacement: FloatArray, years: NDArray[np.float64]) -> Trend:
    """Velocity of the straight line, acceleration of the parabola, amplitude of the yearly wave beside a line.

    `displacement` (day, y, x) m. The season is NaN for spans under `SEASON_YEARS`, the acceleration under four days.
    """
    ones = np.ones_like(years)
    line = fit(displacement, [ones, years])
    nothing = np.full(displacement.shape[1:], np.nan, np.float32)
    acceleration, acceleration_std = nothing, nothing
    if len(years) >= 4:
        parabola = fit(displacement, [ones, years, 0.5 * years**2])
        acceleration, acceleration_std = parabola.terms[2], parabola.std[2]
    seasonal, seasonal_std = nothing, nothing
    if years[-1] >= SEASON_YEARS and len(years) >= 6:
        angle = 2.0 * np.pi * years
        wave = fit(displacement, [ones, years, np.sin(angle), np.cos(angle)])
        seasonal = np.hypot(wave.terms[2], wave.terms[3])
        seasonal_std = np.hypot(wave.std[2], wave.std[3]) / np.float32(np.sqrt(2.0))
    return Trend(line.terms[1], line.std[1], acceleration, acceleration_std, seasonal, seasonal_std)
