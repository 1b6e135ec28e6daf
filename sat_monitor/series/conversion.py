"""DIST-ALERT series of one point: was a standing cover cleared or built over for good? A rule that a person can read.

    score = ln(1 + A) + p ln(H) + ln(P) + S      nats
A: median spectral anomaly of the last clear looks. H: the lowest cover of the season in three years, 0..1: forest keeps
it near 1, crops and pasture do not. P: low quantile of the cover seen before those looks. S: support by radar (`status_support`).
A change that stood from the first looks on is not new and scores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sat_monitor.core.profile import SeriesSettings
from sat_monitor.series.tables import AlertStatus, Cover, Times, Values

_DAY = np.timedelta64(1, "D")
#: DIST-ALERT-S1 codes: provisional or confirmed (2, 3 low, 5, 6 high), and the high ones with those finished since.
_LASTING, _STRONG = (2, 3, 5, 6), (5, 6, 8)
_LEAST_COVER = 0.05
_OLD_PENALTY = 2.0
#: Looks before the tested ones from which a place's own cover is told.
_ENOUGH_BEFORE = 3
_LOW_QUANTILE = 0.1


@dataclass(frozen=True, slots=True)
class Conversion:
    """After each clear look, (look): its time, `score` nats without radar, days for which the ground has been bare."""

    at: Times
    score: Values
    bare_days: Values


def conversion(cover: Sequence[Cover], settings: SeriesSettings) -> Conversion:
    """Score after every clear look; causal: nothing later is used."""
    looks = _joined(cover)
    score = np.array([_optical(looks, n + 1, settings) for n in range(looks.at.size)])
    return Conversion(looks.at, score, _bare_days(looks, settings))


def status_support(status: AlertStatus, settings: SeriesSettings) -> Values:
    """What a DIST-ALERT-S1 status adds to the score, (look) nats: a little for a lasting one, more for a strong one."""
    lasting, strong = np.isin(status.status, _LASTING), np.isin(status.status, _STRONG)
    return np.asarray(settings.radar_support * (0.5 * lasting + strong))


def _optical(looks: Cover, count: int, settings: SeriesSettings) -> float:
    """Score without radar after the first `count` clear looks."""
    first = count - settings.conversion_looks
    if first < 0:
        return float(np.log(_LEAST_COVER) * settings.cover_power)
    last = slice(first, count)
    anomaly = float(np.median(np.nan_to_num(looks.anomaly[last])))
    lows = looks.season_low[last][np.isfinite(looks.season_low[last])]
    season_low = float(np.median(lows)) / 100.0 if lows.size else 0.0
    before = looks.cover[:first]
    own = float(np.quantile(before, _LOW_QUANTILE)) / 100.0 if before.size >= _ENOUGH_BEFORE else season_low
    score = np.log1p(max(anomaly, 0.0))
    score += settings.cover_power * np.log(max(season_low, _LEAST_COVER)) + np.log(max(own, _LEAST_COVER))
    settled = int((looks.loss[: count - 1] < settings.settled_loss).sum())
    if settled < settings.settled_looks:
        score -= _OLD_PENALTY
    return float(score)


def _bare_days(looks: Cover, settings: SeriesSettings) -> Values:
    """Days from the first look of the present run of bare looks to each look, (look)."""
    day = (looks.at - np.datetime64("1970-01-01")) / _DAY
    bare = looks.cover < 100.0 * settings.bare_cover
    starts = np.maximum.accumulate(np.where(bare, -1, np.arange(day.size)))
    first = np.minimum(starts + 1, max(day.size - 1, 0))
    return np.asarray(np.where(bare, day - day[first], 0.0)) if day.size else np.empty(0)


def _joined(parts: Sequence[Cover]) -> Cover:
    at = np.concatenate([part.at for part in parts]).astype("datetime64[ns]")
    order = np.argsort(at, kind="stable")
    names = ("cover", "loss", "season_low", "anomaly")
    return Cover(at[order], *(np.concatenate([getattr(part, n) for part in parts])[order] for n in names))
