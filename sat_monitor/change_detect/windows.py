"""Which looks a tested look is compared with: the gap-aware reference windows of METHOD 5."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import Scene
from sat_monitor.core.profile import ReferenceSettings

IntArray = NDArray[np.int32]

#: Frozen day of a pixel that is not frozen: far in the future, so that the tested day decides.
NEVER = np.int32(2_000_000)
_YEAR = 365.25
_EPOCH = date(1970, 1, 1).toordinal()


def day_number(at: datetime) -> int:
    """Whole UTC days since 1970-01-01 of an aware time."""
    return at.toordinal() - _EPOCH


def day_numbers(times: NDArray[np.datetime64]) -> IntArray:
    """The same for an array of datetime64 (UTC)."""
    return times.astype("datetime64[D]").astype(np.int64).astype(np.int32)


def same_season(days: IntArray, tested_day: int, settings: ReferenceSettings) -> NDArray[np.bool_]:
    """Whether each look (days since 1970) lies in the same-season window of one of the earlier years."""
    lag = tested_day - days.astype(np.float64)
    years = np.arange(1, settings.season_years + 1)
    return np.asarray((np.abs(lag[:, None] - years * _YEAR) <= settings.season_days).any(axis=1))


def sar_history(
    scene: Scene, history: Sequence[Scene], earliest_frozen: int, settings: ReferenceSettings
) -> list[Scene]:
    """Looks that may serve any pixel of `scene`: its own windows and those of pixels frozen since `earliest_frozen`."""
    tested = day_number(scene.acquired_at)
    days = np.array([day_number(s.acquired_at) for s in history], dtype=np.int32)
    newest = tested - min(settings.near_days, settings.exclusion_days)
    oldest = min(tested, earliest_frozen) - settings.far_days
    usable = ((days >= oldest) | same_season(days, tested, settings)) & (days <= newest)
    return [s for s, use in zip(history, usable, strict=True) if use]


def optical_history(scene: Scene, history: Sequence[Scene], look_back_days: int, near_days: int) -> list[Scene]:
    """Looks for a seasonal baseline: everything in the look-back that is at least `near_days` older than `scene`."""
    tested = day_number(scene.acquired_at)
    return [s for s in history if near_days <= tested - day_number(s.acquired_at) <= look_back_days]
