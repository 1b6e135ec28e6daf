"""Loop closure: pairs around a triangle of days must add up to nothing; whole cycles that do not are unwrapping errors."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.deformation.network import Index

#: A correction must close so many loops more than it opens: one open loop does not say which of its pairs is at fault.
_PROOF = 2
#: An open loop speaks of whole cycles only where it misses one by less than this (cycles); others are noise or layover.
_WHOLE = 0.3
#: The same for a pair that only the inversion speaks against, and of how many such pairs of a pixel that is believed.
_SURELY, _FEW = 0.2, 3
_ROUNDS = 64


@numba.njit(cache=True, nogil=True, error_model="numpy")
def repair_loops(displacement: FloatArray, triangles: Index, cycle_m: float) -> NDArray[np.int64]:
    """Take whole cycles out of pairs of (pair, px) in place; what stays contradictory is masked as NaN.

    `triangles` (loop, 3) holds pairs i-j, j-k, i-k; `cycle_m` is half a wavelength. A pair is corrected by one cycle at
    a time while that closes at least two loops more than it opens, loops that miss a whole number of cycles not counted,
    and no other correction does as well. A pair most
    of whose loops stay open is masked in that pixel. Returns counts: pair-pixels repaired, masked, pixels left open.
    """
    loops, pixels = triangles.shape[0], displacement.shape[1]
    gap, vague = np.zeros(loops, np.int64), np.zeros(loops, np.bool_)
    counts = np.zeros(3, np.int64)
    gain = np.zeros((displacement.shape[0], 2), np.int64)
    for p in range(pixels):
        if not _open_loops(displacement, triangles, cycle_m, p, gap, vague):
            continue
        for _ in range(_ROUNDS):
            pair, sign = _best_correction(triangles, gap, vague, gain)
            if pair < 0:
                break
            displacement[pair, p] += np.float32(sign * cycle_m)
            counts[0] += 1
            if not _open_loops(displacement, triangles, cycle_m, p, gap, vague):
                break
        if np.any(gap != 0):
            counts[2] += 1
            counts[1] += _mask_contradictory(displacement, triangles, gap, gain, p)
    return counts


def restore_cycles(displacement: FloatArray, given: FloatArray, predicted: FloatArray, cycle_m: float) -> int:
    """Put back masked pairs of (pair, px) in place, less the whole cycles by which they miss what all others say.

    `predicted` is what the inversion of the pairs left makes of them. Touched are pixels with few masked pairs whose others
    fit within `_WHOLE` cycles, and of them pairs that miss a whole number other than none by `_SURELY`; returns how many.
    """
    with np.errstate(invalid="ignore"):
        gap = (given - predicted) / np.float32(cycle_m)
        cycles = np.round(gap)
        masked = np.isnan(displacement) & np.isfinite(given)
        rest = np.where(masked | ~np.isfinite(gap), 0.0, np.abs(gap))
        fits = (rest < _WHOLE).all(axis=0) & (masked.sum(axis=0) <= _FEW)
        found = masked & fits & (np.abs(gap - cycles) < _SURELY) & (cycles != 0)
    displacement[found] = (given - cycles * np.float32(cycle_m))[found]
    return int(found.sum())


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _open_loops(
    displacement: FloatArray, triangles: Index, cycle_m: float, p: int, gap: NDArray[np.int64], vague: BoolArray
) -> bool:
    """Fill in by how many cycles each loop of a pixel fails to close, and whether that is far from a whole number.

    Returns whether any loop is open. Missing pairs close nothing.
    """
    found = False
    for t in range(triangles.shape[0]):
        total = (
            displacement[triangles[t, 0], p] + displacement[triangles[t, 1], p] - displacement[triangles[t, 2], p]
        ) / cycle_m
        gap[t] = int(np.round(total)) if np.isfinite(total) else 0
        vague[t] = not (np.isfinite(total) and abs(total - gap[t]) < _WHOLE)
        found = found or gap[t] != 0
    return found


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _best_correction(
    triangles: Index, gap: NDArray[np.int64], vague: BoolArray, gain: NDArray[np.int64]
) -> tuple[int, int]:
    """The pair and the sign of the cycle that closes most loops; (-1, 0) where none is proven or two are equal."""
    gain[:] = 0
    for t in range(triangles.shape[0]):
        if vague[t]:
            continue
        for side in range(3):
            turn = -1 if side == 2 else 1
            pair = triangles[t, side]
            gain[pair, 0] += abs(gap[t]) - abs(gap[t] - turn)
            gain[pair, 1] += abs(gap[t]) - abs(gap[t] + turn)
    best, pair, sign, ties = _PROOF - 1, -1, 0, 0
    for k in range(gain.shape[0]):
        for s in range(2):
            if gain[k, s] > best:
                best, pair, sign, ties = gain[k, s], k, 2 * s - 1, 0
            elif gain[k, s] == best and pair >= 0:
                ties += 1
    return (-1, 0) if ties else (pair, sign)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mask_contradictory(
    displacement: FloatArray, triangles: Index, gap: NDArray[np.int64], balance: NDArray[np.int64], p: int
) -> int:
    """Mask pairs of a pixel that lie in more open loops than closed ones; returns how many."""
    balance[:] = 0
    for t in range(triangles.shape[0]):
        for side in range(3):
            balance[triangles[t, side], 0 if gap[t] != 0 else 1] += 1
    masked = 0
    for k in range(balance.shape[0]):
        if balance[k, 0] > balance[k, 1] and np.isfinite(displacement[k, p]):
            displacement[k, p] = np.nan
            masked += 1
    return masked
