"""Compiled seasonal baseline of the optical detector: one robust ridge regression per pixel, one thread.

The model is mean + one harmonic + trend. Each coefficient has a prior whose width follows the ladder of METHOD 7, so
that a short history leans on the season of the whole scene and a long one on the pixel itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray

_TERMS = 4
_REWEIGHTINGS = 3
_HUBER = 1.5
_YEAR = 365.25


class Series(NamedTuple):
    """An index (look, y, x) float32 with NaN where not clear, the last look tested; days since 1970 per look."""

    values: FloatArray
    days: NDArray[np.int32]
    near_days: int


class Ladder(NamedTuple):
    """`season` (2): cosine and sine of the whole scene; the rungs in years and the widths of the priors (index units)."""

    season: NDArray[np.float64]
    harmonic_years: float
    trend_years: float
    trend_sd: float
    noise_floor: float
    scene_sd: float
    min_looks: int


@njit(cache=True, error_model="numpy")
def _solve(a: NDArray[np.float64], b: NDArray[np.float64], inverse: NDArray[np.float64]) -> None:
    """Inverse of the symmetric positive definite `a` (4, 4) into `inverse` by Gauss-Jordan; b becomes inverse @ b."""
    n = _TERMS
    for i in range(n):
        for j in range(n):
            inverse[i, j] = 1.0 if i == j else 0.0
    for i in range(n):
        pivot = 1.0 / a[i, i]
        for j in range(n):
            a[i, j] *= pivot
            inverse[i, j] *= pivot
        for r in range(n):
            if r != i:
                f = a[r, i]
                for j in range(n):
                    a[r, j] -= f * a[i, j]
                    inverse[r, j] -= f * inverse[i, j]
    c0, c1, c2, c3 = b[0], b[1], b[2], b[3]
    for i in range(n):
        b[i] = inverse[i, 0] * c0 + inverse[i, 1] * c1 + inverse[i, 2] * c2 + inverse[i, 3] * c3


@njit(cache=True, error_model="numpy")
def normalised_difference(a: FloatArray, b: FloatArray, usable: NDArray[np.bool_], out: FloatArray) -> None:
    """(a - b) / (a + b) into `out`, all (n); NaN where not usable or beyond -1..1."""
    for i in range(a.size):
        ratio = (a[i] - b[i]) / (a[i] + b[i])
        out[i] = ratio if usable[i] and abs(ratio) <= np.float32(1.0) else np.float32(np.nan)


@njit(cache=True, error_model="numpy")
def design(days: NDArray[np.int32], centre_day: float) -> NDArray[np.float64]:
    """Rows (1, cos, sin, years from `centre_day`) of the seasonal model, (look, 4)."""
    rows = np.empty((days.size, _TERMS))
    for k in range(days.size):
        angle = 2.0 * np.pi * days[k] / _YEAR
        rows[k, 0] = 1.0
        rows[k, 1] = np.cos(angle)
        rows[k, 2] = np.sin(angle)
        rows[k, 3] = (days[k] - centre_day) / _YEAR
    return rows


@njit(cache=True, error_model="numpy")
def _prior(span_years: float, ladder: Ladder, mean: NDArray[np.float64], precision: NDArray[np.float64]) -> None:
    """Prior mean and precision (4) of the coefficients for a history of `span_years`: the ladder of METHOD 7."""
    mean[0], mean[1], mean[2], mean[3] = 0.0, ladder.season[0], ladder.season[1], 0.0
    season_sd = 0.06 if span_years < ladder.harmonic_years else 0.2
    trend_sd = ladder.trend_sd if span_years >= ladder.trend_years else 1e-4
    precision[0] = 1e-4
    precision[1] = precision[2] = 1.0 / (season_sd * season_sd)
    precision[3] = 1.0 / (trend_sd * trend_sd)


@njit(cache=True, error_model="numpy")
def _fit_pixel(
    y: NDArray[np.float64],
    rows: NDArray[np.float64],
    ladder: Ladder,
    span_years: float,
    coefficients: NDArray[np.float64],
    inverse: NDArray[np.float64],
) -> float:
    """Robust ridge fit of `y` (n) to `rows` (n, 4) by Huber reweighting; the residual standard deviation."""
    n = y.size
    normal = np.empty((_TERMS, _TERMS))
    mean = np.empty(_TERMS)
    precision = np.empty(_TERMS)
    weight = np.ones(n)
    residual = np.empty(n)
    _prior(span_years, ladder, mean, precision)
    sd = max(ladder.noise_floor, 0.1)
    for _ in range(_REWEIGHTINGS):
        variance = sd * sd
        for i in range(_TERMS):
            for j in range(_TERMS):
                normal[i, j] = 0.0
            normal[i, i] = precision[i] * variance
            coefficients[i] = precision[i] * variance * mean[i]
        for k in range(n):
            w = weight[k]
            for i in range(_TERMS):
                wi = w * rows[k, i]
                coefficients[i] += wi * y[k]
                for j in range(i + 1):
                    normal[i, j] += wi * rows[k, j]
        for i in range(_TERMS):
            for j in range(i):
                normal[j, i] = normal[i, j]
        _solve(normal, coefficients, inverse)
        for k in range(n):
            fit = 0.0
            for i in range(_TERMS):
                fit += rows[k, i] * coefficients[i]
            residual[k] = y[k] - fit
        sd = max(ladder.noise_floor, 1.4826 * np.median(np.abs(residual)) * np.sqrt(n / max(1.0, n - 3.0)))
        for k in range(n):
            z = abs(residual[k]) / (_HUBER * sd)
            weight[k] = 1.0 if z <= 1.0 else 1.0 / (z * z)
    return sd


@njit(cache=True, error_model="numpy")
def seasonal_residual(
    series: Series, frozen: NDArray[np.int32], ladder: Ladder, out: FloatArray, depth: NDArray[np.int16]
) -> None:
    """Tested look against each pixel's own season.

    Writes out[0] = observed, out[1] = expected, out[2] = standard deviation of their difference, prediction variance
    included (index units, y, x; NaN where there are fewer clear looks than the ladder's first rung or none is tested),
    and the number of clear reference looks. Looks later than `frozen` - near_days do not serve.
    """
    looks, height, width = series.values.shape
    tested = series.days[looks - 1]
    y = np.empty(looks)
    used = np.empty((looks, _TERMS))
    coefficients = np.empty(_TERMS)
    inverse = np.empty((_TERMS, _TERMS))
    rows = design(series.days, tested - 1.5 * _YEAR)
    at = rows[looks - 1]
    for row in range(height):
        for col in range(width):
            newest = min(tested, frozen[row, col]) - series.near_days
            n, first = 0, tested
            for k in range(looks - 1):
                value = series.values[k, row, col]
                if np.isfinite(value) and series.days[k] <= newest:
                    y[n] = value
                    for i in range(_TERMS):
                        used[n, i] = rows[k, i]
                    first = min(first, series.days[k])
                    n += 1
            depth[row, col] = n
            observed = series.values[looks - 1, row, col]
            out[0, row, col] = observed
            if n < ladder.min_looks or np.isnan(observed):
                out[1, row, col] = np.nan
                out[2, row, col] = np.nan
                continue
            span = (newest - first) / _YEAR
            sd = _fit_pixel(y[:n], used[:n], ladder, span, coefficients, inverse)
            expected, spread = 0.0, 0.0
            for i in range(_TERMS):
                expected += at[i] * coefficients[i]
                for j in range(_TERMS):
                    spread += at[i] * inverse[i, j] * at[j]
            out[1, row, col] = expected
            out[2, row, col] = np.sqrt(sd * sd * (1.0 + spread) + ladder.scene_sd * ladder.scene_sd)
