"""The states of a site and what one look does to it; every change of status passes the one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

import shapely
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import Candidate, Kind, Look, Site, SiteStatus, StartInterval
from sat_monitor.core.profile import LifecycleSettings
from sat_monitor.sites.stages import crossing, is_optical, passed

#: What may follow what. FINISHED leads back to SUSPECTED where the site was never confirmed, else to REOPENED.
ALLOWED: Mapping[SiteStatus, frozenset[SiteStatus]] = {
    SiteStatus.SUSPECTED: frozenset({SiteStatus.CONFIRMED, SiteStatus.FINISHED}),
    SiteStatus.CONFIRMED: frozenset({SiteStatus.TICKETED, SiteStatus.FINISHED}),
    SiteStatus.TICKETED: frozenset({SiteStatus.FINISHED}),
    SiteStatus.FINISHED: frozenset({SiteStatus.SUSPECTED, SiteStatus.REOPENED}),
    SiteStatus.REOPENED: frozenset({SiteStatus.FINISHED}),
}
#: Confirmed, and not finished since.
OPEN = frozenset({SiteStatus.CONFIRMED, SiteStatus.TICKETED, SiteStatus.REOPENED})
#: Newest supporting scenes that a site keeps besides its first one, and newest patches whose kinds it remembers.
MAX_SCENES = 40
MAX_KINDS = 5


class Reading(StrEnum):
    """What one look says of one site."""

    BLIND = "blind"
    QUIET = "quiet"
    STANDING = "standing"
    SUPPORT = "support"


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one site: the candidates that joined it, ordered by anchor, and what they say."""

    scene_id: str
    at: datetime
    candidates: tuple[Candidate, ...]
    reading: Reading

    @property
    def day(self) -> date:
        """The UTC day of the look."""
        return self.at.date()

    @property
    def hits(self) -> list[Candidate]:
        """The candidates that support an alarm."""
        return [candidate for candidate in self.candidates if candidate.hit]


def observation(look: Look, candidates: tuple[Candidate, ...], seen: float, min_seen: float) -> Observation:
    """What `look` says of a site of which it saw the share `seen` and to which `candidates` joined."""
    return Observation(look.scene_id, look.acquired_at, candidates, _reading(candidates, seen, min_seen))


def _reading(candidates: Sequence[Candidate], seen: float, min_seen: float) -> Reading:
    """A patch that merely stands is STANDING: only ground whose patch has dissolved is QUIET (METHOD 10)."""
    if seen < min_seen:
        return Reading.BLIND
    if any(candidate.hit for candidate in candidates):
        return Reading.SUPPORT
    return Reading.STANDING if candidates else Reading.QUIET


def moved(site: Site, status: SiteStatus) -> Site:
    """`site` in its next status; a step outside the table is a ValueError."""
    if status not in ALLOWED[site.status]:
        raise ValueError(f"site {site.id}: {site.status} cannot become {status}")
    return replace(site, status=status)


def is_open(site: Site) -> bool:
    """Whether the site is confirmed and not finished since."""
    return site.status in OPEN


def founded(site_id: str, look: Look, candidates: tuple[Candidate, ...]) -> Site:
    """A suspected site of a look's candidates, before anything that the look says of it is counted."""
    lead = largest(candidates)
    site = Site(
        id=site_id,
        aoi=look.aoi,
        kind=lead.kind,
        outline=lead.outline,
        anchor=candidates[0].anchor,
        status=SiteStatus.SUSPECTED,
        first_seen_at=look.acquired_at,
        first_confirmed_at=None,
        last_support_at=look.acquired_at,
        hit_days=(),
        hits=0,
        looks=0,
        openings=0,
        quiet_looks=0,
        area_m2=0.0,
        area_error_m2=0.0,
        score_max=lead.score_max,
        start=lead.start,
        evidence=dict(lead.evidence),
        scene_ids=(look.scene_id,),
    )
    return drawn(site, candidates, [c.outline for c in candidates if c is not lead])


def observed(site: Site, seen: Observation, settings: LifecycleSettings) -> Site:
    """`site` after one look at it, with its status; the same object where the look says nothing of it.

    A finished site at rest is not counted on: quiet looks have nothing left to decide.
    """
    if seen.reading is Reading.BLIND or (not seen.candidates and _at_rest(site, settings)):
        return site
    site = _counted(site, seen)
    if seen.reading is Reading.SUPPORT:
        return _opened(_supported(site, seen), seen.at, settings)
    if seen.reading is Reading.QUIET:
        return _rested(replace(site, quiet_looks=site.quiet_looks + 1), seen.at, settings)
    return site


def drawn(site: Site, candidates: Sequence[Candidate], fresh: Sequence[BaseGeometry]) -> Site:
    """`site` with the ground of `candidates`: outline joined with `fresh`, area (m2) the largest that one look found.

    The same object where they add nothing. Errors of patches add up: one edge shift moves them all (METHOD 13).
    """
    area, score = sum(c.area_m2 for c in candidates), max(c.score_max for c in candidates)
    if fresh:
        site = replace(site, outline=shapely.union_all([site.outline, *fresh]))
    if area > site.area_m2:
        site = replace(site, area_m2=area, area_error_m2=sum(c.area_error_m2 for c in candidates))
    return replace(site, score_max=score) if score > site.score_max else site


def largest(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate that speaks for all: the largest, then the first anchor."""
    return min(candidates, key=lambda c: (-c.area_m2, c.anchor))


def newest_scenes(scene_ids: Sequence[str]) -> tuple[str, ...]:
    """The first scene and the newest ones, without repetition."""
    unique = tuple(dict.fromkeys(scene_ids))
    return unique if len(unique) <= MAX_SCENES + 1 else (unique[0], *unique[-MAX_SCENES:])


def majority(kinds: Sequence[Kind]) -> Kind:
    """The commonest kind, oldest first given; of equally common ones the newest."""
    counts = Counter(kinds)
    most = max(counts.values())
    return next(kind for kind in reversed(kinds) if counts[kind] == most)


def _at_rest(site: Site, settings: LifecycleSettings) -> bool:
    finished = site.status is SiteStatus.FINISHED and not site.hit_days
    return finished and site.quiet_looks >= settings.finish_looks


def _counted(site: Site, seen: Observation) -> Site:
    """A patch has a kind and a stage whether or not it is a hit: the alarm threshold must not change what a site is."""
    if not seen.candidates:
        return replace(site, looks=site.looks + 1)
    lead = largest(seen.candidates)
    kinds = (*site.recent_kinds, lead.kind)[-MAX_KINDS:]
    site = replace(site, looks=site.looks + 1, recent_kinds=kinds, kind=majority(kinds))
    return _grown(replace(site, stages=passed(site.stages, seen.day, lead.evidence)), seen)


def _grown(site: Site, seen: Observation) -> Site:
    """When the site passed 300 and 500 m2, as far as an optical look tells."""
    if not any(is_optical(candidate) for candidate in seen.candidates):
        return site
    area = sum(c.area_m2 for c in seen.candidates), sum(c.area_error_m2 for c in seen.candidates)
    return replace(
        site,
        over_300_m2=crossing(site.over_300_m2, 300.0, seen.day, area),
        over_500_m2=crossing(site.over_500_m2, 500.0, seen.day, area),
    )


def _supported(site: Site, seen: Observation) -> Site:
    lead = largest(seen.hits)
    is_first = not site.hit_days and site.first_confirmed_at is None
    is_new = seen.day not in site.hit_days
    if site.status is SiteStatus.FINISHED and site.first_confirmed_at is None:
        site = moved(site, SiteStatus.SUSPECTED)
    return replace(
        site,
        hit_days=(*site.hit_days, seen.day) if is_new else site.hit_days,
        hits=site.hits + is_new,
        last_support_at=seen.at,
        quiet_looks=0,
        evidence=_clearer(site.evidence, lead.evidence) if site.hit_days else dict(lead.evidence),
        start=lead.start if is_first else _narrowed(site.start, lead.start),
        scene_ids=newest_scenes((*site.scene_ids, seen.scene_id)),
    )


def _clearer(known: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """The figures that show a person most: optical before radar, then the stronger score, then the newer look."""

    def clarity(evidence: Mapping[str, float]) -> tuple[bool, float]:
        return "ndvi_1" in evidence, evidence.get("score_sigma", 0.0)

    return dict(other if clarity(other) >= clarity(known) else known)


def _narrowed(start: StartInterval, other: StartInterval) -> StartInterval:
    """`start` with the earlier of both `latest`; an `earliest` that this contradicts gives way to the other's."""
    if other.latest >= start.latest:
        return start
    holds = start.earliest is None or start.earliest < other.latest
    return StartInterval(start.earliest if holds else other.earliest, other.latest)


def _opened(site: Site, at: datetime, settings: LifecycleSettings) -> Site:
    """A site with enough hits is confirmed, or re-opened where it was confirmed and finished before."""
    if is_open(site) or len(site.hit_days) < settings.confirm_hits:
        return site
    again = site.first_confirmed_at is not None
    site = moved(site, SiteStatus.REOPENED if again else SiteStatus.CONFIRMED)
    return replace(site, first_confirmed_at=site.first_confirmed_at or at, openings=site.openings + 1)


def _rested(site: Site, at: datetime, settings: LifecycleSettings) -> Site:
    """A site without support for long enough, and seen, is finished; hits that opened nothing lapse."""
    patience = timedelta(days=settings.finish_days if is_open(site) else settings.lapse_days)
    if at - site.last_support_at < patience or site.quiet_looks < settings.finish_looks:
        return site
    if site.status is not SiteStatus.FINISHED:
        site = moved(site, SiteStatus.FINISHED)
    return replace(site, hit_days=())
