"""How a site grew: its area and score on each look that drew it, and how fast its area grows now.

The evidence field gathers belief over weeks, so a fill of one day seems to grow until the belief is whole. A rate is
therefore read from looks after the confirmation only, as the median of the slopes between all pairs of them (Theil,
1950; Sen, 1968), which a single odd look does not move, and only where the looks span long enough to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np

from sat_monitor.core.domain import GrowthPoint, Look, Site
from sat_monitor.core.units import DAYS_PER_MONTH

#: Looks of so many days before the newest one say how it grows now; the fewest of them, and the days they must span.
_RECENT_DAYS, _FEWEST, _SPAN_DAYS = 120, 4, 30.0
#: After the confirmation the field still fills up for so long.
_SETTLING_DAYS = 30


def growth_of(site: Site, looks: Iterable[Look]) -> tuple[GrowthPoint, ...]:
    """The points of a site, oldest first: on each look the patches that touch its outline, taken together.

    A look that saw the site and drew nothing gives no point: quiet is not small. Of several looks of one day the one with
    the largest area stays.
    """
    by_day: dict[date, GrowthPoint] = {}
    for look in sorted(looks, key=lambda each: each.order):
        met = [c for c in look.candidates if c.outline.intersects(site.outline)]
        if not met or look.acquired_at < site.first_seen_at:
            continue
        point = GrowthPoint(
            look.acquired_at,
            sum(c.area_m2 for c in met),
            float(np.sqrt(sum(c.area_error_m2**2 for c in met))),
            max(c.score_max for c in met),
        )
        day = look.acquired_at.date()
        if day not in by_day or by_day[day].area_m2 < point.area_m2:
            by_day[day] = point
    return tuple(by_day.values())


def growth_m2_per_month(site: Site, points: Sequence[GrowthPoint]) -> float | None:
    """How fast the area grows now, m2 a month; None where too few looks say, or the site is too young."""
    if site.first_confirmed_at is None or not points:
        return None
    begin = max(site.first_confirmed_at + timedelta(days=_SETTLING_DAYS), points[-1].at - timedelta(days=_RECENT_DAYS))
    recent = [point for point in points if point.at >= begin]
    if len(recent) < _FEWEST or (recent[-1].at - recent[0].at).total_seconds() < _SPAN_DAYS * 86_400:
        return None
    days = np.array([(point.at - recent[0].at).total_seconds() / 86_400 for point in recent])
    areas = np.array([point.area_m2 for point in recent])
    first, second = np.triu_indices(len(recent), 1)
    apart = days[second] - days[first]
    slopes = (areas[second] - areas[first])[apart > 0.0] / apart[apart > 0.0]
    return float(np.median(slopes)) * DAYS_PER_MONTH
