"""How urgent a site is, 0..100, with the reasons that add to it: it ranks, it never excludes.

`priority_of` knows the site alone, for the pure fold of looks; `rank` knows its surroundings too.
"""

from __future__ import annotations

from dataclasses import dataclass

from sat_monitor.core.domain import Kind, Site
from sat_monitor.core.profile import Profile
from sat_monitor.core.size import SIZE_LIMIT_M2, exceeds_probability
from sat_monitor.sites.ranking import Signs, rank

__all__ = ["Priority", "Signs", "priority_of", "rank"]

#: Points by kind; every other kind gets the last row's.
KIND_POINTS = {Kind.EARTHWORK: 35.0, Kind.DEFORMATION: 30.0, Kind.CONSTRUCTION: 25.0}
OTHER_KIND_POINTS = 10.0
#: Largest points of each further ground; with the largest of the kinds they make 100.
AREA_POINTS = 25.0
EVIDENCE_POINTS = 15.0
DATES_POINTS = 5.0
RECENT_POINTS = 10.0
REOPENED_POINTS = 10.0
#: The two sizes between which size decides, m2: the smallest scale of METHOD 13, and one where SAR alone sees.
AREAS_M2 = (SIZE_LIMIT_M2, 2000.0)
#: Probability from which a size, and share of the way from alarm to cap from which evidence, is worth a reason.
LIKELY = 0.8
STRONG = 0.5
#: A start is recent if ground was still unchanged so many days before its newest support.
RECENT_DAYS = 180


@dataclass(frozen=True, slots=True)
class Priority:
    """A rank, 0..100, and the machine words of its reasons, weightiest first."""

    value: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ground:
    """One reason: its points, and whether they are worth saying."""

    reason: str
    points: float
    said: bool


def priority_of(site: Site, profile: Profile) -> Priority:
    """Priority of `site` from kind, area, evidence, hit days, start and earlier openings; more of any only raises it.

    Reasons are codes of the [reason] table of the templates.
    """
    grounds = [_kind(site), _area(site), _evidence(site, profile), _dates(site, profile), _recent(site)]
    grounds.append(_Ground("reopened", REOPENED_POINTS if site.openings > 1 else 0.0, site.openings > 1))
    said = sorted((ground for ground in grounds if ground.said), key=lambda g: (-g.points, g.reason))
    return Priority(round(sum(ground.points for ground in grounds), 1), tuple(ground.reason for ground in said))


def _kind(site: Site) -> _Ground:
    points = KIND_POINTS.get(site.kind, OTHER_KIND_POINTS)
    return _Ground(f"kind_{site.kind.value}", points, site.kind in KIND_POINTS)


def _area(site: Site) -> _Ground:
    small, large = (exceeds_probability(site.area_m2, site.area_error_m2, limit) for limit in AREAS_M2)
    return _Ground("large_area", AREA_POINTS * (small + large) / 2.0, small >= LIKELY)


def _evidence(site: Site, profile: Profile) -> _Ground:
    low, high = profile.evidence.alarm_score, profile.evidence.max_score
    share = (site.score_max - low) / (high - low) if high > low else float(site.score_max >= high)
    share = min(max(share, 0.0), 1.0)
    return _Ground("strong_evidence", EVIDENCE_POINTS * share, share >= STRONG)


def _dates(site: Site, profile: Profile) -> _Ground:
    days = len(site.hit_days)
    share = min(days / (2.0 * profile.lifecycle.confirm_hits), 1.0)
    return _Ground("repeated_hits", DATES_POINTS * share, days > 1)


def _recent(site: Site) -> _Ground:
    earliest = site.start.earliest
    recent = earliest is not None and (site.last_support_at.date() - earliest).days <= RECENT_DAYS
    return _Ground("recent_start", RECENT_POINTS if recent else 0.0, recent)
