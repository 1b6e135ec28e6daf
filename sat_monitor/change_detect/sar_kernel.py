"""Compiled arithmetic of the SAR detector: arrays in, arrays out, float32, one thread.

Speed comes from three habits: rows are walked so that every inner loop runs along x and vectorises; the decibel
logarithm is a polynomial on the float's bits instead of a library call per pixel; a tile's looks stay in cache.

No fast-math: it is no faster here, and with it the bits depend on which functions were compiled together, so that a
process that compiles and one that finds the compiled code on disk would disagree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri, ndtri_exp

from sat_monitor.core.domain import FloatArray

_TILE = 512

# log2(m) on [sqrt(1/2), sqrt(2)) by s = (m - 1) / (m + 1): 2/ln 2 (s + s^3/3 + s^5/5 + s^7/7); error below 2e-7.
_L1 = np.float32(2.885390081777927)
_L3 = np.float32(0.961796693925976)
_L5 = np.float32(0.577078016355585)
_L7 = np.float32(0.412198583111132)
_DB_PER_OCTAVE = np.float32(3.010299956639812)
_HALF_LN2 = np.float32(0.34657359027997264)
_TINY = np.float32(1e-12)
_ZERO = np.float32(0.0)


class LogScratch(NamedTuple):
    """Row buffers of the logarithm: exponents, mantissas and the integer view of the mantissas."""

    exponent: FloatArray
    mantissa: FloatArray
    mantissa_bits: NDArray[np.int32]


class Looks(NamedTuple):
    """Despeckled looks `db` (look, polarisation, y, x), the last one tested; of the others the days since 1970 and
    whether they lie in a same-season window; `windows` = (tested day, near, far, exclusion), days.
    """

    db: FloatArray
    days: NDArray[np.int32]
    season: NDArray[np.bool_]
    windows: NDArray[np.int32]


class Levels(NamedTuple):
    """`offset` and `slope` (look, 2) level each look as a line of the pixel's mean level about `centre` (2), dB;
    `covariance` = (var VV, var VH, cov, prior looks, scale, floor), dB2.
    """

    offset: FloatArray
    slope: FloatArray
    centre: FloatArray
    covariance: FloatArray


@njit(cache=True, error_model="numpy")
def _log2_row(bits: NDArray[np.int32], scratch: LogScratch, unit: np.float32, out: FloatArray) -> None:
    """`unit` * log2 of a row of positive float32, given as its integer view; nothing may overlap `bits`."""
    exponent, mantissa, mantissa_bits = scratch
    for i in range(out.size):
        b = bits[i] - np.int32(0x3F3504F3)
        mantissa_bits[i] = (b & np.int32(0x007FFFFF)) + np.int32(0x3F3504F3)
        exponent[i] = np.float32(b >> np.int32(23))
    for i in range(out.size):
        m = mantissa[i]
        s = (m - np.float32(1.0)) / (m + np.float32(1.0))
        q = s * s
        out[i] = unit * (exponent[i] + s * (_L1 + q * (_L3 + q * (_L5 + q * _L7))))


@njit(cache=True, error_model="numpy")
def _sum_rows(rows: FloatArray, out: FloatArray) -> None:
    """Sum of `rows` (r, x) over r; the five rows of the usual window in one pass."""
    width = out.size
    if rows.shape[0] == 5:
        one, two, three, four, five = rows[0], rows[1], rows[2], rows[3], rows[4]
        for x in range(width):
            out[x] = (one[x] + two[x]) + (three[x] + four[x]) + five[x]
        return
    out[:] = rows[0]
    for r in range(1, rows.shape[0]):
        row = rows[r]
        for x in range(width):
            out[x] += row[x]


@njit(cache=True, error_model="numpy")
def _box_row(rows: FloatArray, column: FloatArray, half: int, out: FloatArray) -> None:
    """Sum over (2 half + 1) columns of the sum of `rows` (r, x) into `out`; `column` is padded scratch."""
    width = out.size
    inner = column[half : half + width]
    _sum_rows(rows, inner)
    if half == 2:
        one, two, three, four = column[1:], column[2:], column[3:], column[4:]
        for x in range(width):
            out[x] = (column[x] + one[x]) + (two[x] + three[x]) + four[x]
        return
    out[:] = column[:width]
    for k in range(1, 2 * half + 1):
        shifted = column[k : k + width]
        for x in range(width):
            out[x] += shifted[x]


@njit(cache=True, error_model="numpy")
def _split_valid(power: FloatArray, clean: FloatArray, seen: FloatArray) -> int:
    """`clean` = power or 0, `seen` = 1 or 0 (y, x); the number of invalid pixels (NaN, zero or negative)."""
    height, width = power.shape
    invalid = 0
    for y in range(height):
        for x in range(width):
            p = power[y, x]
            good = p > np.float32(0.0)
            clean[y, x] = p if good else np.float32(0.0)
            seen[y, x] = np.float32(1.0) if good else np.float32(0.0)
            invalid += 0 if good else 1
    return invalid


@njit(cache=True, error_model="numpy")
def _all_valid(power: FloatArray) -> bool:
    """Whether every pixel is positive."""
    height, width = power.shape
    for y in range(height):
        invalid = 0
        for x in range(width):
            invalid += 0 if power[y, x] > np.float32(0.0) else 1
        if invalid:
            return False
    return True


@njit(cache=True, error_model="numpy")
def despeckle_db(power: FloatArray, half: int, first: int, out: FloatArray) -> bool:
    """Mean of the valid power in a square of (2 half + 1) pixels, in dB, (y, x) float32; NaN where the centre is not.

    `power` is linear; NaN, zero and negative are no data. `out` takes the rows from `first` on, as many as it has; the
    rows above and below only lend their neighbourhood. Returns whether every pixel of `power` is valid.
    """
    height, width = power.shape
    column = np.zeros(width + 2 * half, np.float32)
    total = np.empty(width, np.float32)
    count = np.empty(width, np.float32)
    bits = total.view(np.int32)
    mantissa = np.empty(width, np.float32)
    scratch = LogScratch(np.empty(width, np.float32), mantissa, mantissa.view(np.int32))
    complete = _all_valid(power)
    if complete:
        _box_row(np.ones((1, width), np.float32), column, half, count)
        count[:] = np.float32(1.0) / count
        clean, seen = power, power
    else:
        clean, seen = np.empty_like(power), np.empty_like(power)
        _split_valid(power, clean, seen)
    for y in range(first, first + out.shape[0]):
        top, bottom = max(0, y - half), min(height, y + half + 1)
        if complete:
            _box_row(power[top:bottom], column, half, total)
            share = np.float32(1.0) / np.float32(bottom - top)
            for x in range(width):
                total[x] *= share * count[x]
        else:
            _box_row(seen[top:bottom], column, half, count)
            _box_row(clean[top:bottom], column, half, total)
            for x in range(width):
                total[x] = total[x] / max(count[x], np.float32(1.0)) + _TINY
        _log2_row(bits, scratch, _DB_PER_OCTAVE, out[y - first])
        if not complete:
            for x in range(width):
                out[y - first, x] = out[y - first, x] if seen[y, x] > np.float32(0.0) else np.float32(np.nan)
    return complete


def _quantile_table() -> FloatArray:
    """The z with P(Z > z) = exp(-E) for sqrt(E) in steps of 1 / _TABLE_STEPS."""
    root = np.arange(_TABLE_SIZE + 2) / _TABLE_STEPS
    log_p = -np.maximum(root * root, 1e-9)
    tail = np.where(log_p < np.log(0.5), -ndtri_exp(log_p), ndtri(-np.expm1(log_p)))
    return np.asarray(tail, np.float32)


_TABLE_STEPS = 128
_TABLE_SIZE = 20 * _TABLE_STEPS
QUANTILES = _quantile_table()


@njit(cache=True, error_model="numpy")
def tail_score(
    t2: FloatArray, depth: NDArray[np.int16], prior_looks: float, quantiles: FloatArray, score: FloatArray
) -> None:
    """Normal quantile of the Hotelling tail probability of `t2`, (y, x) float32 sigma, into `score`.

    For two polarisations the F tail is closed: P = (1 + T2 / nu) ** (-(nu - 1) / 2) with nu = looks - 1 + prior looks
    (Anderson, 2003, ch. 5, p = 2). `quantiles` is the table of `_quantile_table`.
    """
    height, width = t2.shape
    ratio = np.empty(width, np.float32)
    bits = ratio.view(np.int32)
    mantissa = np.empty(width, np.float32)
    scratch = LogScratch(np.empty(width, np.float32), mantissa, mantissa.view(np.int32))
    octaves = np.empty(width, np.float32)
    offset = np.float32(prior_looks) - np.float32(1.0)
    for y in range(height):
        for x in range(width):
            ratio[x] = np.float32(1.0) + t2[y, x] / (np.float32(depth[y, x]) + offset)
        _log2_row(bits, scratch, np.float32(1.0), octaves)
        for x in range(width):
            nu = np.float32(depth[y, x]) + offset
            minus_log_p = _HALF_LN2 * (nu - np.float32(1.0)) * octaves[x]
            octaves[x] = np.sqrt(max(minus_log_p, np.float32(0.0))) * np.float32(_TABLE_STEPS)
        for x in range(width):
            at = min(octaves[x], np.float32(_TABLE_SIZE))
            k = np.int32(at)
            score[y, x] = quantiles[k] + (at - np.float32(k)) * (quantiles[k + 1] - quantiles[k])


@njit(cache=True, error_model="numpy")
def _weigh_looks(looks: Looks, y: int, columns: tuple[int, int], frozen: NDArray[np.int32], weight: FloatArray) -> None:
    """Weight 1 of each reference look per pixel of one row tile, 0 where it is invalid or outside the pixel's window."""
    first, last = columns
    db, days, season, windows = looks
    tested, near, far, exclusion = windows[0], windows[1], windows[2], windows[3]
    for k in range(days.size):
        day = days[k]
        for x in range(first, last):
            anchor = min(tested, frozen[y, x])
            main = (day <= anchor - near) & (day >= anchor - far)
            yearly = season[k] & (day <= anchor - exclusion)
            good = (db[k, 0, y, x] == db[k, 0, y, x]) & (db[k, 1, y, x] == db[k, 1, y, x])
            weight[k, x - first] = np.float32(1.0) if (main | yearly) & good else np.float32(0.0)


@njit(cache=True, error_model="numpy")
def _mean_level(db: FloatArray, y: int, columns: tuple[int, int], weight: FloatArray, level: FloatArray) -> None:
    """Looks per pixel into level[2], mean dB of VV and VH into level[0:2], for one row tile."""
    first, last = columns
    looks = weight.shape[0]
    level[:] = np.float32(0.0)
    for k in range(0, looks, 2):
        # Two looks a pass halve the traffic of the sums; an odd last look is paired with itself at weight 0.
        j = min(k + 1, looks - 1)
        paired = np.float32(1.0) if j > k else np.float32(0.0)
        for x in range(last - first):
            v, w = weight[k, x], weight[j, x] * paired
            p0, p1 = db[k, 0, y, first + x], db[k, 1, y, first + x]
            q0, q1 = db[j, 0, y, first + x], db[j, 1, y, first + x]
            level[2, x] += v + w
            level[0, x] += (p0 if v > 0 else _ZERO) + (q0 if w > 0 else _ZERO)
            level[1, x] += (p1 if v > 0 else _ZERO) + (q1 if w > 0 else _ZERO)
    for x in range(last - first):
        n = max(level[2, x], np.float32(1.0))
        level[0, x] /= n
        level[1, x] /= n


@njit(cache=True, error_model="numpy")
def _moments(
    db: FloatArray,
    y: int,
    columns: tuple[int, int],
    weight: FloatArray,
    level: FloatArray,
    levels: Levels,
    sums: FloatArray,
) -> None:
    """Sums of levelled deviations from the pixel's mean: VV, VH, VV^2, VH^2, VV*VH into sums[0:5], one row tile."""
    first, last = columns
    offset, slope, centre = levels.offset, levels.slope, levels.centre
    looks = weight.shape[0]
    sums[:] = np.float32(0.0)
    for k in range(0, looks, 2):
        j = min(k + 1, looks - 1)
        paired = np.float32(1.0) if j > k else np.float32(0.0)
        a0, a1, b0, b1 = offset[k, 0], offset[k, 1], slope[k, 0], slope[k, 1]
        c0, c1, e0, e1 = offset[j, 0], offset[j, 1], slope[j, 0], slope[j, 1]
        for x in range(last - first):
            v, w = weight[k, x], weight[j, x] * paired
            l0, l1 = level[0, x], level[1, x]
            u0, u1 = l0 - centre[0], l1 - centre[1]
            p0, p1 = db[k, 0, y, first + x], db[k, 1, y, first + x]
            q0, q1 = db[j, 0, y, first + x], db[j, 1, y, first + x]
            d0 = p0 - l0 - a0 - b0 * u0 if v > 0 else _ZERO
            d1 = p1 - l1 - a1 - b1 * u1 if v > 0 else _ZERO
            f0 = q0 - l0 - c0 - e0 * u0 if w > 0 else _ZERO
            f1 = q1 - l1 - c1 - e1 * u1 if w > 0 else _ZERO
            sums[0, x] += d0 + f0
            sums[1, x] += d1 + f1
            sums[2, x] += d0 * d0 + f0 * f0
            sums[3, x] += d1 * d1 + f1 * f1
            sums[4, x] += d0 * d1 + f0 * f1


@njit(cache=True, error_model="numpy")
def distance(
    looks: Looks, frozen: NDArray[np.int32], complete: bool, levels: Levels, out: FloatArray, depth: NDArray[np.int16]
) -> None:
    """Mahalanobis distance of the tested look from each pixel's reference looks; `complete`: no NaN in any look.

    Writes out[0] = T2, out[1] = VV change, out[2] = VH change (dB, y, x) and the number of looks. `frozen` (y, x) is
    the day from which on looks may not serve. Shrinkage: (S + k C0) / (n - 1 + k), scaled, never below the floor.
    """
    db, offset, slope, centre, covariance = looks.db, levels.offset, levels.slope, levels.centre, levels.covariance
    n_ref = looks.days.size
    height, width = frozen.shape
    weight = np.empty((n_ref, _TILE), np.float32)
    level = np.empty((3, _TILE), np.float32)
    sums = np.empty((5, _TILE), np.float32)
    c00, c11, c01, prior = covariance[0], covariance[1], covariance[2], covariance[3]
    scale, floor = covariance[4], covariance[5]
    plain = complete & (frozen.min() > looks.windows[0])
    for y in range(height):
        for first in range(0, width, _TILE):
            columns = (first, min(width, first + _TILE))
            # Where nothing is missing and nothing frozen the weights of the first tile serve all.
            if not plain or (y == 0 and first == 0):
                _weigh_looks(looks, y, columns, frozen, weight)
            _mean_level(db, y, columns, weight, level)
            _moments(db, y, columns, weight, level, levels, sums)
            for x in range(columns[1] - first):
                n = level[2, x]
                many = max(n, np.float32(1.0))
                m0, m1 = sums[0, x] / many, sums[1, x] / many
                nu = many - np.float32(1.0) + prior
                v00 = max(scale * (sums[2, x] - many * m0 * m0 + prior * c00) / nu, floor)
                v11 = max(scale * (sums[3, x] - many * m1 * m1 + prior * c11) / nu, floor)
                v01 = scale * (sums[4, x] - many * m0 * m1 + prior * c01) / nu
                l0, l1 = level[0, x], level[1, x]
                d0 = db[n_ref, 0, y, first + x] - l0 - m0 - offset[n_ref, 0] - slope[n_ref, 0] * (l0 - centre[0])
                d1 = db[n_ref, 1, y, first + x] - l1 - m1 - offset[n_ref, 1] - slope[n_ref, 1] * (l1 - centre[1])
                det = v00 * v11 - v01 * v01
                t2 = (v11 * d0 * d0 - np.float32(2.0) * v01 * d0 * d1 + v00 * d1 * d1) / det
                out[0, y, first + x] = t2 / (np.float32(1.0) + np.float32(1.0) / many)
                out[1, y, first + x] = d0
                out[2, y, first + x] = d1
                depth[y, first + x] = np.int16(n)
