"""Sentinel-1 of one point: by how many sigma the last weeks depart from the reference, over all tracks together.

Reference windows and despeckling are those of the rasters (METHOD 5, 6). A single look over 3 x 3 cells is noisy, so
what is tested is the mean of all looks of a stretch, each compared with the reference of its own track; and because a
point has no scene around it to learn its covariance from, the covariance leans on a stated prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sat_monitor.core.profile import SeriesSettings
from sat_monitor.series.tables import Backscatter, Values

_DAY = np.timedelta64(1, "D")
_YEAR = 365.25
_LEAST_LOOKS = 5
#: Share of the variance of single looks that a stretch of looks shares (soil moisture, leaf): METHOD 9 measures it so.
_SHARED = 0.3
#: Correlation of natural variation in VV and VH.
_CORRELATION = 0.3


@dataclass(frozen=True, slots=True)
class Departure:
    """After each look of any track, (look): day since 1970, `sigma` of the departure, mean departures in dB."""

    day: Values
    sigma: Values
    vv_db: Values
    vh_db: Values


@dataclass(frozen=True, slots=True)
class _Looks:
    """Looks of all tracks in time order: day (look), departure and reference spread (look, 2) dB, support (look) 0..1."""

    day: Values
    change: Values
    spread: Values
    support: Values


def departure(tracks: Sequence[Backscatter], settings: SeriesSettings) -> Departure:
    """Departure after every look that has a reference; causal: nothing later than the look is used."""
    looks = _together([_against_reference(track, settings) for track in tracks])
    if looks.day.size == 0:
        return Departure(*(np.empty(0) for _ in range(4)))
    age = looks.day[:, None] - looks.day[None]
    stretch = ((age >= 0) & (age < settings.stretch_days)).astype(float)
    before = (age >= settings.stretch_days) & (age < settings.stretch_days + settings.before_days)
    count = stretch.sum(axis=1)[:, None]
    mean, support = stretch @ looks.change / count, stretch @ looks.support[:, None] / count
    variance = _variance(stretch @ looks.spread**2 / count, count, support, settings)
    earlier = before.sum(axis=1)[:, None]
    step = mean - before.astype(float) @ looks.change / np.maximum(earlier, 1)
    against = _distance(mean, variance)
    fresh = _distance(step, variance + settings.look_sd_db**2 / np.maximum(earlier, 1))
    # What already stood in the weeks before is no news: half of the score asks for a step as well.
    sigma = 0.5 * (against + np.minimum(against, fresh))
    return Departure(looks.day, sigma, mean[:, 0], mean[:, 1])


def _against_reference(track: Backscatter, settings: SeriesSettings) -> _Looks:
    """Each look of a track against the mean of its reference looks, those of the same season counted more."""
    at = track.at.astype("datetime64[s]")
    day = (at - np.datetime64("1970-01-01")) / _DAY
    level = np.stack([track.vv_db, track.vh_db], axis=1)
    age = day[:, None] - day[None]
    window = ((age >= settings.near_days) & (age <= settings.far_days)).astype(float)
    season = window * np.exp(-0.5 * ((age - _YEAR) / settings.season_days) ** 2)
    weight = window + settings.season_weight * season
    assessed = window.sum(axis=1) >= _LEAST_LOOKS
    weight, season = weight[assessed], season[assessed].sum(axis=1)
    total = weight.sum(axis=1)[:, None]
    mean = weight @ level / total
    spread = np.sqrt(np.maximum(weight @ level**2 / total - mean**2, 0.0))
    return _Looks(np.floor(day[assessed]), level[assessed] - mean, spread, season / (season + 1.0))


def _together(parts: Sequence[_Looks]) -> _Looks:
    day = np.concatenate([part.day for part in parts])
    order = np.argsort(day, kind="stable")
    joined = [
        np.concatenate([getattr(part, name) for part in parts])[order] for name in ("change", "spread", "support")
    ]
    return _Looks(day[order], *joined)


def _variance(spread2: Values, count: Values, support: Values, settings: SeriesSettings) -> Values:
    """Variance (look, 2) of a stretch's mean, dB2: the place's own spread shrunk to a prior, plus an unknown season.

    Single looks average out, what a stretch shares does not; without a look of the same season a year before, the
    season itself is uncertain.
    """
    own = settings.own_weight
    single = (1.0 - own) * settings.look_sd_db**2 + own * spread2
    shared = (1.0 - own) * settings.natural_sd_db**2 + own * _SHARED * spread2
    return np.asarray(single / count + shared + settings.season_sd_db**2 * (1.0 - support))


def _distance(change: Values, variance: Values) -> Values:
    """Mahalanobis distance of changes (look, 2) with correlated polarisations, (look)."""
    z = change / np.sqrt(variance)
    squared = z[:, 0] ** 2 + z[:, 1] ** 2 - 2.0 * _CORRELATION * z[:, 0] * z[:, 1]
    return np.asarray(np.sqrt(squared / (1.0 - _CORRELATION**2)))
