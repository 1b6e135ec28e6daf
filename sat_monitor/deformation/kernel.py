"""The compiled small-baseline solver: a banded LDL' factorisation per pixel, in float64, over blocks of pixels.

With pairs between near acquisitions the normal matrix A'WA is banded, so weights and missing pairs of a pixel's own
cost D b^2 operations (D days, b side diagonals) instead of D^3. The innermost loops run over the pixels of a block, whose
matrices stay in cache. One thread, strict arithmetic: the bits depend on nothing else. A long pair only widens the band.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray
from sat_monitor.deformation.network import Index

BLOCK_PX = 256
#: Coherence is taken to lie in these bounds when it becomes a weight.
_LOW, _HIGH = np.float32(0.05), np.float32(0.98)
_ONE, _NONE = np.float32(1.0), np.float32(0.0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def invert_pixels(
    displacement: FloatArray, information: FloatArray, first: Index, second: Index, step: NDArray[np.float64],
    bandwidth: int, prior: float, slope: NDArray[np.float64], solution: FloatArray, variance: FloatArray,
    residual: FloatArray,
) -> None:  # fmt: skip
    """Displacement since the first day that fits the pairs best, weighted; fills the last three arrays.

    `displacement` (pair, px) m, NaN = missing; `information` (pair, px) weights, or (pair, 0) for equal ones; `step`
    (day - 1) is the time between days, in units of its median. Minimised is the weighted sum of squared misfits plus
    `prior`, times the pixel's mean weight, times the sum of squared velocities: across gaps of the network that is the
    solution of least velocity (Berardino et al. 2002, doi:10.1109/TGRS.2002.803792). `solution` and `variance`
    (day, px): the variance is the diagonal of the inverse normal matrix, to be multiplied by that of unit weight. Rows
    of `residual` (4, px): sum of squared misfits, number of pairs, variance of unit weight, and what that is multiplied
    by for the rate that `slope` (day - 1) makes of the displacements. A `variance` of (0, px) is not asked for.
    """
    pairs, pixels = displacement.shape
    unknowns = step.size
    weighted = information.shape[1] > 0
    band = np.empty((unknowns, bandwidth + 1, BLOCK_PX))
    right, probe = np.empty((unknowns, BLOCK_PX)), np.empty((unknowns, BLOCK_PX))
    spread = variance.shape[0] > 0
    inverse = np.empty((unknowns if spread else 0, bandwidth + 1, BLOCK_PX))
    weight = np.empty((pairs, BLOCK_PX))
    mean = np.empty(BLOCK_PX)
    for start in range(0, pixels, BLOCK_PX):
        size = min(BLOCK_PX, pixels - start)
        _normal_matrix(displacement, information, first, second, start, size, weighted, band, right, weight, mean)
        for row in range(unknowns):
            for p in range(size):
                tie = prior * mean[p] / (step[row] * step[row])
                band[row, 0, p] += tie
                if row > 0:
                    band[row - 1, 0, p] += tie
                    band[row, 1, p] -= tie
        _factor(band, unknowns, bandwidth, size)
        _substitute(band, right, unknowns, bandwidth, size)
        solution[0, start : start + size] = 0.0
        for row in range(unknowns):
            solution[row + 1, start : start + size] = right[row, :size]
        _misfit(displacement, first, second, start, size, right, weight, unknowns, residual)
        _rate_variance(band, slope, probe, residual[3, start : start + size])
        if spread:
            _inverse_diagonal(band, unknowns, bandwidth, size, start, inverse, variance)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _normal_matrix(
    displacement: FloatArray, information: FloatArray, first: Index, second: Index, start: int, size: int,
    weighted: bool, band: NDArray[np.float64], right: NDArray[np.float64], weight: NDArray[np.float64],
    mean: NDArray[np.float64],
) -> None:  # fmt: skip
    """Lower band of A'WA, `band[row, offset]` = element (row, row - offset), and A'Wd of one block."""
    band[:] = 0.0
    right[:] = 0.0
    mean[:] = 0.0
    for k in range(displacement.shape[0]):
        i, j = first[k] - 1, second[k] - 1
        values, w = displacement[k, start : start + size], weight[k]
        if weighted:
            given = information[k, start : start + size]
            for p in range(size):
                w[p] = np.float64(given[p]) if np.isfinite(values[p]) and given[p] > 0.0 else 0.0
        else:
            for p in range(size):
                w[p] = 1.0 if np.isfinite(values[p]) else 0.0
        for p in range(size):
            mean[p] += w[p]
        diagonal, side = band[j, 0], right[j]
        for p in range(size):
            diagonal[p] += w[p]
            side[p] += w[p] * np.float64(values[p]) if w[p] > 0.0 else 0.0
        if i >= 0:
            diagonal, side, across = band[i, 0], right[i], band[j, j - i]
            for p in range(size):
                diagonal[p] += w[p]
                side[p] -= w[p] * np.float64(values[p]) if w[p] > 0.0 else 0.0
                across[p] -= w[p]
    for p in range(size):
        mean[p] = mean[p] / displacement.shape[0] if mean[p] > 0.0 else 1.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _factor(band: NDArray[np.float64], unknowns: int, bandwidth: int, size: int) -> None:
    """LDL' in place: 1 / D at offset 0, the unit lower L at the others."""
    for row in range(unknowns):
        low = max(0, row - bandwidth)
        for col in range(low, row):
            target = band[row, row - col]
            for k in range(max(low, col - bandwidth), col):
                one, other = band[row, row - k], band[col, col - k]
                for p in range(size):
                    target[p] -= one[p] * other[p]
        pivot = band[row, 0]
        for k in range(low, row):
            part, over = band[row, row - k], band[k, 0]
            for p in range(size):
                scaled = part[p] * over[p]
                pivot[p] -= part[p] * scaled
                part[p] = scaled
        for p in range(size):
            pivot[p] = 1.0 / pivot[p]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _substitute(
    band: NDArray[np.float64], right: NDArray[np.float64], unknowns: int, bandwidth: int, size: int
) -> None:
    """Solve LDL'x = right in place."""
    for row in range(unknowns):
        target = right[row]
        for k in range(max(0, row - bandwidth), row):
            factor, known = band[row, row - k], right[k]
            for p in range(size):
                target[p] -= factor[p] * known[p]
    for row in range(unknowns - 1, -1, -1):
        target, pivot = right[row], band[row, 0]
        for p in range(size):
            target[p] *= pivot[p]
        for k in range(row + 1, min(unknowns, row + bandwidth + 1)):
            factor, known = band[k, k - row], right[k]
            for p in range(size):
                target[p] -= factor[p] * known[p]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _rate_variance(
    band: NDArray[np.float64], slope: NDArray[np.float64], probe: NDArray[np.float64], variance: FloatArray
) -> None:
    """s'(LDL')^-1 s for the weights s of the rate, into `variance` (px): with y = L^-1 s it is the sum of y^2 / D."""
    bandwidth, size = band.shape[1] - 1, variance.size
    total = np.zeros(size)
    for row in range(slope.size):
        target, pivot = probe[row], band[row, 0]
        target[:] = slope[row]
        for k in range(max(0, row - bandwidth), row):
            factor, known = band[row, row - k], probe[k]
            for p in range(size):
                target[p] -= factor[p] * known[p]
        for p in range(size):
            total[p] += target[p] * target[p] * pivot[p]
    variance[:] = total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _inverse_diagonal(
    band: NDArray[np.float64], unknowns: int, bandwidth: int, size: int, start: int, inverse: NDArray[np.float64],
    variance: FloatArray,
) -> None:  # fmt: skip
    """Diagonal of the inverse from its factors, by Takahashi's recurrence within the band."""
    total = np.empty(size)
    variance[0, start : start + size] = 0.0
    for col in range(unknowns - 1, -1, -1):
        high = min(unknowns - 1, col + bandwidth)
        for row in range(high, col - 1, -1):
            total[:] = 0.0
            for k in range(col + 1, high + 1):
                one, other = max(k, row), min(k, row)
                factor, known = band[k, k - col], inverse[one, one - other]
                for p in range(size):
                    total[p] += factor[p] * known[p]
            for p in range(size):
                inverse[row, row - col, p] = (band[col, 0, p] if row == col else 0.0) - total[p]
        for p in range(size):
            variance[col + 1, start + p] = inverse[col, 0, p]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _misfit(
    displacement: FloatArray, first: Index, second: Index, start: int, size: int, solution: NDArray[np.float64],
    weight: NDArray[np.float64], unknowns: int, residual: FloatArray,
) -> None:  # fmt: skip
    """Sum of squared misfits (m2), number of pairs, and variance of unit weight of each pixel of a block."""
    squares, count, weighted = np.zeros(size), np.zeros(size), np.zeros(size)
    nothing = np.zeros(size)
    for k in range(displacement.shape[0]):
        i, j = first[k] - 1, second[k] - 1
        values, w, after = displacement[k, start : start + size], weight[k], solution[j]
        before = solution[i] if i >= 0 else nothing
        for p in range(size):
            gap = np.float64(values[p]) - (after[p] - before[p]) if w[p] > 0.0 else 0.0
            squares[p] += gap * gap
            weighted[p] += w[p] * gap * gap
            count[p] += 1.0 if w[p] > 0.0 else 0.0
    for p in range(size):
        residual[0, start + p] = squares[p]
        residual[1, start + p] = count[p]
        residual[2, start + p] = weighted[p] / max(1.0, count[p] - unknowns)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def information_of(coherence: FloatArray) -> FloatArray:
    """Fisher information of the phase of a pixel, c^2 / (1 - c^2), up to the number of looks, (pair, px).

    Rodriguez and Martin 1992 (doi:10.1049/ip-f-2.1992.0018); 0 where the coherence is not known.
    """
    found = np.empty(coherence.shape, np.float32)
    for k in range(coherence.shape[0]):
        for p in range(coherence.shape[1]):
            given = coherence[k, p]
            low = max(_LOW, given)
            c = min(_HIGH, low)
            found[k, p] = c * c / (_ONE - c * c) if given == given else _NONE  # noqa: PLR0124  NaN is not itself
    return found
