"""What does not wait for its week: growth above houses, and ground that moves faster and faster."""

from __future__ import annotations

from sat_monitor.core.domain import Site
from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.core.size import SIZE_LIMIT_M2
from sat_monitor.core.surroundings import Ranking
from sat_monitor.core.units import DAYS_PER_MONTH

GROWTH_ABOVE_HOUSES, ACCELERATION = "growth_above_houses", "acceleration"
#: Growth that is older says nothing of now, days.
_FRESH_DAYS = 92


def urgent_reasons(site: Site, ranking: Ranking, settings: DeliverySettings) -> tuple[str, ...]:
    """Codes of what makes a site urgent, none for nearly all.

    Growth is the measured one of the ranking, else what the site has surely grown since a look that showed it below 500 m2.
    """
    numbers = {reason.code: dict(reason.numbers) for reason in ranking.reasons}
    found = []
    measured = numbers.get("growing", {}).get("m2_per_month")
    growth = float(measured) if measured is not None else sure_growth_m2_per_month(site)
    if "houses_downstream" in numbers and growth >= settings.urgent_m2_per_month > 0.0:
        found.append(GROWTH_ABOVE_HOUSES)
    if "ground_accelerates" in numbers:
        found.append(ACCELERATION)
    return tuple(found)


def sure_growth_m2_per_month(site: Site) -> float:
    """Growth (m2 a month) that the area less its error proves since the last look below 500 m2; 0 where none is recent."""
    below_on = site.over_500_m2.below_on
    if below_on is None or site.over_500_m2.over_on is None:
        return 0.0
    days = (site.last_support_at.date() - below_on).days
    if not 0 < days <= _FRESH_DAYS:
        return 0.0
    return max(0.0, site.area_m2 - site.area_error_m2 - SIZE_LIMIT_M2) * DAYS_PER_MONTH / days
