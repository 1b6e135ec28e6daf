"""Composites: several looks of one sensor become one date of a pair."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.units import power_to_db
from sat_monitor.models.bands import RADAR, TRACKS, empty_radar


def optical_composite(looks: Sequence[FloatArray]) -> FloatArray:
    """Median of looks (band, y, x) reflectance, NaN where a pixel was not clear; NaN where none was.

    Raises ValueError without a look.
    """
    return _over(np.nanmedian, looks)


def radar_composite(tracks: Sequence[Sequence[FloatArray]]) -> FloatArray:
    """Mean gamma0 of the looks of up to two tracks, each (VV and VH, y, x) linear power, as (4, y, x) dB.

    The mean is of power, not of dB: speckle averages without bias (Oliver and Quegan, 2004, ch. 4). A track without
    looks stays unseen. Raises ValueError where no track has a look, or there are more than two.
    """
    shapes = [look.shape[1:] for looks in tracks for look in looks]
    if not shapes or len(tracks) > TRACKS:
        raise ValueError(f"{len(tracks)} tracks with {len(shapes)} looks: one or two tracks with a look are needed")
    found = empty_radar((shapes[0][0], shapes[0][1]))
    for number, looks in enumerate(tracks):
        if looks:
            first = number * len(RADAR)
            found[first : first + len(RADAR)] = power_to_db(_over(np.nanmean, looks))
    return found


def _over(statistic: Callable[..., object], looks: Sequence[FloatArray]) -> FloatArray:
    if not looks:
        raise ValueError("a composite needs one look at least")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice|Mean of empty slice", RuntimeWarning)
        return np.asarray(statistic(np.stack(looks), axis=0), np.float32)
