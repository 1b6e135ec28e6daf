"""Change of a pair by the classics, as peers: change vector analysis, IR-MAD, log-ratio; thresholds by Otsu."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.stats import chi2
from skimage.filters import threshold_otsu

Array = NDArray[np.float64]


def change_vector(before: Array, after: Array) -> Array:
    """Length of the difference of standardised bands, (band, y, x) to (y, x)."""

    def standard(bands: Array) -> Array:
        return np.asarray((bands - bands.mean(axis=(1, 2), keepdims=True)) / bands.std(axis=(1, 2), keepdims=True))

    return np.asarray(np.sqrt(((standard(after) - standard(before)) ** 2).sum(axis=0)))


def ir_mad(before: Array, after: Array, rounds: int = 50) -> Array:
    """Iteratively reweighted multivariate alteration detection (Nielsen, 2007), square root of the chi-squared sum."""
    count, height, width = before.shape
    x, y = before.reshape(count, -1), after.reshape(count, -1)
    weight = np.ones(x.shape[1])
    last = np.zeros(count)
    for _ in range(rounds):
        both = np.vstack([x, y])
        mean = (both * weight).sum(axis=1) / weight.sum()
        centred = both - mean[:, None]
        covariance = (centred * weight) @ centred.T / weight.sum() + 1e-9 * np.eye(2 * count)
        xx, yy, xy = covariance[:count, :count], covariance[count:, count:], covariance[:count, count:]
        squared, a = eigh(xy @ np.linalg.solve(yy, xy.T), xx)
        order = np.argsort(squared)[::-1]
        rho, a = np.sqrt(np.clip(squared[order], 0.0, 1.0 - 1e-9)), a[:, order]
        b = np.linalg.solve(yy, xy.T @ a)
        b /= np.sqrt(np.einsum("ij,ik,kj->j", b, yy, b))
        variates = a.T @ centred[:count] - b.T @ centred[count:]
        statistic = (variates**2 / (2.0 * (1.0 - rho))[:, None]).sum(axis=0)
        weight = chi2.sf(statistic, count)
        if np.abs(rho - last).max() < 1e-4:
            break
        last = rho
    return np.asarray(np.sqrt(statistic).reshape(height, width))


def log_ratio(before: Array, after: Array) -> Array:
    """Absolute difference of decibels, largest over bands, (band, y, x) dB to (y, x)."""
    return np.asarray(np.abs(after - before).max(axis=0))


def otsu(score: Array) -> float:
    """Otsu's threshold of a score without its longest tail."""
    return float(threshold_otsu(np.clip(score, None, np.percentile(score, 99.5))))  # type: ignore[no-untyped-call]
