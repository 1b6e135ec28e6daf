"""Compiled seasonal baseline of the optical detector: one robust ridge regression per pixel, float32, one thread.

The model is mean + one harmonic + trend. Each coefficient has a prior whose width follows the ladder of METHOD 7, so
that a short history leans on the season of the whole scene and a long one on the pixel itself.

Speed comes from three habits. A tile of pixels walks through every step together, looks outside and pixels inside, so
that each inner loop vectorises and the tile stays in cache. The median that scales the weights is read from a sorting
network, which takes no branch. And each reweighting solves for the step from the last coefficients, out of residuals
that are there anyway: what float32 loses in one solution the next one mends, so that no float64 is needed.

No fast-math, for the reason that sar_kernel.py gives.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray

_TERMS = 4
_PRODUCTS = 10
_REWEIGHTINGS = 3
_HUBER = 1.5
_YEAR = 365.25
_FIRST_SD = 0.1
#: Pixels that walk together: their residuals over some sixty looks fill a core's nearest cache but no more.
_LANES = 256
#: Looks that are added up in one pass over the sums.
_PACK = 4
#: Residual of a look that does not serve: its Huber weight vanishes, it sorts last, and no step of a fit can move it.
_MISSING = np.float32(1e15)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)


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


class _Tile(NamedTuple):
    """The pixels of a tile, x last: residuals and their magnitudes (look, x), the design terms (look, 10) of the looks
    that serve; weights and weighted residuals (4, x) of a pack; sums (14, x): normal matrix and moment; coefficients
    less their prior means and the last step (4, x); prior precisions of harmonic and trend (2, x); standard deviation,
    variance of the prediction over that of a look, looks, newest day allowed and oldest day used (x).
    """

    residual: FloatArray
    magnitude: FloatArray
    terms: FloatArray
    weight: FloatArray
    weighted: FloatArray
    sums: FloatArray
    coefficients: FloatArray
    step: FloatArray
    precision: FloatArray
    sd: FloatArray
    spread: FloatArray
    looks: NDArray[np.int32]
    newest: NDArray[np.int32]
    oldest: NDArray[np.int32]


@njit(cache=True, error_model="numpy", nogil=True)
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
def _products(rows: NDArray[np.float64]) -> FloatArray:
    """The four terms of each row and the six products of the last three, (look, 10): a normal matrix's upper half."""
    out = np.empty((rows.shape[0], _PRODUCTS), np.float32)
    for k in range(rows.shape[0]):
        at = 0
        for i in range(_TERMS):
            for j in range(i, _TERMS):
                out[k, at] = rows[k, i] * rows[k, j]
                at += 1
    return out


@njit(cache=True, error_model="numpy")
def _blank_tile(looks: int) -> _Tile:
    """Room for a tile of up to `looks` looks."""
    padded = (looks + _PACK - 1) // _PACK * _PACK
    return _Tile(
        np.empty((padded, _LANES), np.float32),
        np.empty((padded, _LANES), np.float32),
        np.empty((padded, _PRODUCTS), np.float32),
        np.empty((_PACK, _LANES), np.float32),
        np.empty((_PACK, _LANES), np.float32),
        np.empty((_PRODUCTS + _TERMS, _LANES), np.float32),
        np.empty((_TERMS, _LANES), np.float32),
        np.empty((_TERMS, _LANES), np.float32),
        np.empty((2, _LANES), np.float32),
        np.empty(_LANES, np.float32),
        np.empty(_LANES, np.float32),
        np.empty(_LANES, np.int32),
        np.empty(_LANES, np.int32),
        np.empty(_LANES, np.int32),
    )


@njit(cache=True, error_model="numpy")
def _take_look(values: FloatArray, day: int, season: np.float32, kept: int, tile: _Tile) -> int:
    """One look (x) less the scene's season into row `kept` of the residuals, `_MISSING` where it does not serve.

    Returns in how many pixels it does.
    """
    residual, newest, oldest, looks = tile.residual[kept], tile.newest, tile.oldest, tile.looks
    served = 0
    for x in range(values.size):
        good = (abs(values[x]) < _MISSING) & (day <= newest[x])
        residual[x] = values[x] - season if good else _MISSING
        oldest[x] = day if good & (day < oldest[x]) else oldest[x]
        looks[x] += 1 if good else 0
        served += 1 if good else 0
    return served


@njit(cache=True, error_model="numpy")
def _gather(series: Series, at: tuple[int, int, int], table: FloatArray, ladder: Ladder, tile: _Tile) -> int:
    """Fill residuals, terms and prior with the looks that serve any pixel of row, columns first..last of `at`.

    The fit starts at the prior means, so that the residuals are those of the scene's season. Returns the number of
    rows, padded to whole packs by looks that are missing everywhere.
    """
    row, first, last = at
    cosine, sine = np.float32(ladder.season[0]), np.float32(ladder.season[1])
    tile.looks[:] = 0
    tile.oldest[:] = series.days[-1]
    kept = 0
    for k in range(series.days.size - 1):
        season = cosine * table[k, 1] + sine * table[k, 2]
        if _take_look(series.values[k, row, first:last], series.days[k], season, kept, tile):
            tile.residual[kept, last - first :] = _MISSING
            tile.terms[kept] = table[k]
            kept += 1
    padded = (kept + _PACK - 1) // _PACK * _PACK
    tile.residual[kept:padded] = _MISSING
    tile.terms[kept:padded] = _ZERO
    return padded


@njit(cache=True, error_model="numpy")
def _set_prior(ladder: Ladder, tile: _Tile) -> None:
    """Prior means as a start, and precisions by the ladder of METHOD 7."""
    short, long = np.float32(1.0 / 0.06**2), np.float32(1.0 / 0.2**2)
    capped, none = np.float32(1.0 / max(ladder.trend_sd, 1e-4) ** 2), np.float32(1e8)
    for x in range(_LANES):
        span_years = (tile.newest[x] - tile.oldest[x]) / _YEAR
        tile.precision[0, x] = short if span_years < ladder.harmonic_years else long
        tile.precision[1, x] = capped if span_years >= ladder.trend_years else none
    tile.coefficients[:] = _ZERO
    tile.sd[:] = np.float32(max(ladder.noise_floor, _FIRST_SD))


@njit(cache=True, error_model="numpy")
def _weigh(residual: FloatArray, sd: FloatArray, first: bool, weight: FloatArray, weighted: FloatArray) -> None:
    """Huber weights and weighted residuals of one look, (x); at `first` all that serve weigh the same."""
    if first:
        for x in range(_LANES):
            good = residual[x] < np.float32(0.5) * _MISSING
            weight[x] = _ONE if good else _ZERO
            weighted[x] = residual[x] if good else _ZERO
        return
    for x in range(_LANES):
        limit = np.float32(_HUBER) * sd[x]
        share = limit * limit / (residual[x] * residual[x])
        w = min(_ONE, share)
        weight[x] = w
        weighted[x] = w * residual[x]


@njit(cache=True, error_model="numpy")
def _add_pack(terms: FloatArray, k: int, pack: FloatArray, sums: FloatArray) -> None:
    """Add to sums (j, x) the four looks of `pack` (4, x) times their term j, two terms a pass; both arrays laid out flat.

    Look after look, so that what is missing adds nothing and the bits do not depend on how looks fall into packs.
    """
    for j in range(0, sums.size // _LANES, 2):
        a, b, c, d = terms[k, j], terms[k + 1, j], terms[k + 2, j], terms[k + 3, j]
        e, f, g, h = terms[k, j + 1], terms[k + 1, j + 1], terms[k + 2, j + 1], terms[k + 3, j + 1]
        out = sums[j * _LANES : (j + 2) * _LANES]
        for x in range(_LANES):
            one, two, three, four = pack[x], pack[_LANES + x], pack[2 * _LANES + x], pack[3 * _LANES + x]
            out[x] = out[x] + one * a + two * b + three * c + four * d
            out[_LANES + x] = out[_LANES + x] + one * e + two * f + three * g + four * h


@njit(cache=True, error_model="numpy")
def _accumulate(rows: int, first: bool, tile: _Tile) -> None:
    """Weighted normal matrix into sums[0:10], moment of the residuals into sums[10:14]."""
    tile.sums[:] = _ZERO
    weight, weighted, sums = tile.weight.reshape(-1), tile.weighted.reshape(-1), tile.sums.reshape(-1)
    normal, moment = sums[: _PRODUCTS * _LANES], sums[_PRODUCTS * _LANES :]
    for k in range(0, rows, _PACK):
        for i in range(_PACK):
            _weigh(tile.residual[k + i], tile.sd, first, tile.weight[i], tile.weighted[i])
        _add_pack(tile.terms, k, weight, normal)
        _add_pack(tile.terms, k, weighted, moment)


@njit(cache=True, error_model="numpy")
def _solve(at: FloatArray, tile: _Tile) -> None:
    """One ridge step by the square-root-free Cholesky factors of every pixel's normal matrix, and at' inverse at."""
    # Flat, so that the compiler sees by how much the rows are apart and vectorises.
    s, precision = tile.sums.reshape(-1), tile.precision.reshape(-1)
    e, step = tile.coefficients.reshape(-1), tile.step.reshape(-1)
    a0, a1, a2, a3 = at[0], at[1], at[2], at[3]
    for x in range(_LANES):
        variance = tile.sd[x] * tile.sd[x]
        p0, p1, p3 = np.float32(1e-4) * variance, precision[x] * variance, precision[_LANES + x] * variance
        b0, b1 = s[10 * _LANES + x] - p0 * e[x], s[11 * _LANES + x] - p1 * e[_LANES + x]
        b2, b3 = s[12 * _LANES + x] - p1 * e[2 * _LANES + x], s[13 * _LANES + x] - p3 * e[3 * _LANES + x]
        d0 = _ONE / (s[x] + p0)
        l10, l20, l30 = s[_LANES + x] * d0, s[2 * _LANES + x] * d0, s[3 * _LANES + x] * d0
        d1 = _ONE / (s[4 * _LANES + x] + p1 - l10 * s[_LANES + x])
        a21, a31 = s[5 * _LANES + x] - l20 * s[_LANES + x], s[6 * _LANES + x] - l30 * s[_LANES + x]
        l21, l31 = a21 * d1, a31 * d1
        d2 = _ONE / (s[7 * _LANES + x] + p1 - l20 * s[2 * _LANES + x] - l21 * a21)
        a32 = s[8 * _LANES + x] - l30 * s[2 * _LANES + x] - l31 * a21
        l32 = a32 * d2
        d3 = _ONE / (s[9 * _LANES + x] + p3 - l30 * s[3 * _LANES + x] - l31 * a31 - l32 * a32)
        b1 -= l10 * b0
        b2 -= l20 * b0 + l21 * b1
        b3 -= l30 * b0 + l31 * b1 + l32 * b2
        t3 = b3 * d3
        t2 = b2 * d2 - l32 * t3
        t1 = b1 * d1 - l21 * t2 - l31 * t3
        t0 = b0 * d0 - l10 * t1 - l20 * t2 - l30 * t3
        step[x], step[_LANES + x], step[2 * _LANES + x], step[3 * _LANES + x] = t0, t1, t2, t3
        u1 = a1 - l10 * a0
        u2 = a2 - l20 * a0 - l21 * u1
        u3 = a3 - l30 * a0 - l31 * u1 - l32 * u2
        tile.spread[x] = a0 * a0 * d0 + u1 * u1 * d1 + u2 * u2 * d2 + u3 * u3 * d3
        e[x] += t0
        e[_LANES + x] += t1
        e[2 * _LANES + x] += t2
        e[3 * _LANES + x] += t3


@njit(cache=True, error_model="numpy")
def _follow(rows: int, tile: _Tile) -> None:
    """Residuals after the last step, and their magnitudes."""
    t0, t1, t2, t3 = tile.step[0], tile.step[1], tile.step[2], tile.step[3]
    for k in range(rows):
        residual, magnitude = tile.residual[k], tile.magnitude[k]
        c, s, t = tile.terms[k, 1], tile.terms[k, 2], tile.terms[k, 3]
        for x in range(_LANES):
            r = residual[x] - (t0[x] + t1[x] * c + (t2[x] * s + t3[x] * t))
            residual[x] = r
            magnitude[x] = abs(r)


@njit(cache=True, error_model="numpy")
def _sort(values: FloatArray) -> None:
    """Sort every column of `values` (look, x): Batcher's merge exchange (Knuth, vol. 3, algorithm 5.2.2M).

    The comparisons do not depend on the data, so all columns take the same ones together.
    """
    rows = values.shape[0]
    p = 1
    while 2 * p < rows:
        p *= 2
    top = p
    while p > 0:
        q, r, d = top, 0, p
        while True:
            for i in range(rows - d):
                if i & p == r:
                    _exchange(values[i], values[i + d])
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2


@njit(cache=True, error_model="numpy")
def _exchange(low: FloatArray, high: FloatArray) -> None:
    """The smaller of each pair into `low` (x), the larger into `high`."""
    for x in range(_LANES):
        u, v = low[x], high[x]
        low[x] = min(v, u)
        high[x] = max(u, v)


@njit(cache=True, error_model="numpy")
def _rescale(rows: int, noise_floor: float, tile: _Tile) -> None:
    """Robust standard deviation (1.4826 median |residual|, four terms fitted) of every pixel, never below the floor."""
    _sort(tile.magnitude[:rows])
    for x in range(_LANES):
        n = max(tile.looks[x], 1)
        middle = np.float32(0.5) * (tile.magnitude[(n - 1) // 2, x] + tile.magnitude[n // 2, x])
        freedom = np.sqrt(np.float32(n) / np.float32(max(1, n - 3)))
        tile.sd[x] = max(np.float32(noise_floor), np.float32(1.4826) * middle * freedom)


@njit(cache=True, error_model="numpy")
def _fit(rows: int, at: FloatArray, noise_floor: float, tile: _Tile) -> None:
    """Robust ridge fit of the tile by Huber reweighting."""
    for pass_number in range(_REWEIGHTINGS):
        _accumulate(rows, pass_number == 0, tile)
        _solve(at, tile)
        _follow(rows, tile)
        _rescale(rows, noise_floor, tile)


@njit(cache=True, error_model="numpy", nogil=True)
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
    table = _products(design(series.days, tested - 1.5 * _YEAR))
    at = table[looks - 1, :_TERMS].copy()
    season = np.float32(ladder.season[0]) * at[1] + np.float32(ladder.season[1]) * at[2]
    scene_variance = np.float32(ladder.scene_sd * ladder.scene_sd)
    tile = _blank_tile(looks)
    for row in range(height):
        for first in range(0, width, _LANES):
            last = min(width, first + _LANES)
            for x in range(last - first):
                tile.newest[x] = min(tested, frozen[row, first + x]) - series.near_days
            rows = _gather(series, (row, first, last), table, ladder, tile)
            _set_prior(ladder, tile)
            if rows:
                _fit(rows, at, ladder.noise_floor, tile)
            for x in range(last - first):
                observed = series.values[looks - 1, row, first + x]
                assessed = (tile.looks[x] >= ladder.min_looks) & (not np.isnan(observed))
                expected = season
                for i in range(_TERMS):
                    expected += at[i] * tile.coefficients[i, x]
                variance = tile.sd[x] * tile.sd[x] * (_ONE + tile.spread[x]) + scene_variance
                depth[row, first + x] = tile.looks[x]
                out[0, row, first + x] = observed
                out[1, row, first + x] = expected if assessed else np.float32(np.nan)
                out[2, row, first + x] = np.sqrt(variance) if assessed else np.float32(np.nan)
