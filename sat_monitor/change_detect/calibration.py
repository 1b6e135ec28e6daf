"""Robust scene-wide statistics from sample pixels: what a look shares is not change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sat_monitor.core.domain import FloatArray

#: Sample pixels below which an offset or a spread is not estimated.
MIN_SAMPLE = 30


def sampled(blocks: Sequence[FloatArray]) -> FloatArray:
    """The pixels of several (y, x) blocks as one row, (pixels)."""
    return np.concatenate([block.ravel() for block in blocks])


def resistant_line(change: FloatArray, level: FloatArray, min_spread: float) -> tuple[float, float]:
    """Offset at level 0 and slope of `change` against `level` from the medians of the outer thirds.

    Tukey's resistant line: up to a third of the pixels may have changed without moving it. The slope is 0 where the
    levels spread by less than `min_spread`, both are 0 where there are too few pixels.
    """
    good = np.isfinite(change) & np.isfinite(level)
    if good.sum() < MIN_SAMPLE:
        return 0.0, 0.0
    change, level = change[good], level[good]
    low, high = np.quantile(level, [1 / 3, 2 / 3])
    left, right = level <= low, level >= high
    run = float(np.median(level[right]) - np.median(level[left]))
    rise = float(np.median(change[right]) - np.median(change[left]))
    slope = rise / run if run > min_spread else 0.0
    return float(np.median(change - slope * level)), slope


def bulk_spread(standard: FloatArray) -> float:
    """Robust standard deviation (1.4826 median |z|) of standardised residuals, 1 where there are too few."""
    good = standard[np.isfinite(standard)]
    return 1.4826 * float(np.median(np.abs(good))) if good.size >= MIN_SAMPLE else 1.0
