"""Sites that one patch joins become one: the oldest lives on and loses nothing that was confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import shapely

from sat_monitor.core.domain import Crossing, Site, SiteStatus
from sat_monitor.sites.transitions import MAX_KINDS, is_open, majority, moved, newest_scenes


def merged(sites: Sequence[Site]) -> Site:
    """The first of `sites` (oldest first) with the life of all: ground, hits, confirmation, ticket-worthiness.

    Areas (m2) add up, for outlines of different sites never overlap (METHOD 14). `openings` goes on counting the
    openings of the survivor alone, since it numbers the tickets of that id; it is at least 1 where any was confirmed.
    """
    survivor = sites[0]
    if len(sites) == 1:
        return survivor
    newest = max(sites, key=lambda s: s.last_support_at)
    days = tuple(sorted({day for site in sites for day in site.hit_days}))
    kinds = tuple(kind for site in reversed(sites) for kind in site.recent_kinds)[-MAX_KINDS:]
    whole = replace(
        survivor,
        kind=majority(kinds) if kinds else survivor.kind,
        outline=shapely.union_all([site.outline for site in sites]),
        last_support_at=newest.last_support_at,
        hit_days=days,
        hits=sum(site.hits - len(site.hit_days) for site in sites) + len(days),
        looks=max(site.looks for site in sites),
        quiet_looks=min(site.quiet_looks for site in sites),
        area_m2=sum(site.area_m2 for site in sites),
        area_error_m2=sum(site.area_error_m2 for site in sites),
        score_max=max(site.score_max for site in sites),
        evidence=newest.evidence,
        scene_ids=newest_scenes([scene for site in sites for scene in site.scene_ids]),
        recent_kinds=kinds,
        stages=newest.stages,
        over_300_m2=_first_over([site.over_300_m2 for site in sites]),
        over_500_m2=_first_over([site.over_500_m2 for site in sites]),
    )
    return _with_status(whole, sites)


def _first_over(crossings: Sequence[Crossing]) -> Crossing:
    """The earliest passing of any part: the whole is at least as large; before it, the newest day of too little."""
    over = [c for c in crossings if c.over_on is not None]
    if over:
        return min(over, key=lambda c: (c.over_on or date.max, c.below_on or date.min))
    return Crossing(below_on=max((c.below_on for c in crossings if c.below_on is not None), default=None))


def _with_status(whole: Site, sites: Sequence[Site]) -> Site:
    """`whole`, still in the survivor's status, in the liveliest one of all: open, confirmed once, suspected, lapsed."""
    confirmed = [site.first_confirmed_at for site in sites if site.first_confirmed_at is not None]
    if confirmed:
        return _confirmed(replace(whole, first_confirmed_at=min(confirmed)), any(is_open(site) for site in sites))
    if whole.status is SiteStatus.FINISHED and any(site.status is SiteStatus.SUSPECTED for site in sites):
        return moved(whole, SiteStatus.SUSPECTED)
    return whole


def _confirmed(whole: Site, works_go_on: bool) -> Site:
    never = whole.openings == 0
    if is_open(whole):
        return whole
    if works_go_on:
        if never and whole.status is SiteStatus.FINISHED:
            whole = moved(whole, SiteStatus.SUSPECTED)
        whole = moved(whole, SiteStatus.CONFIRMED if never else SiteStatus.REOPENED)
        return replace(whole, openings=whole.openings + 1)
    if whole.status is SiteStatus.SUSPECTED:
        whole = moved(whole, SiteStatus.FINISHED)
    return replace(whole, openings=max(whole.openings, 1))
