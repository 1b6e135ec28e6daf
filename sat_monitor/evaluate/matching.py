"""Which site found which earthwork: by shared ground and by time; what is left is false or missed, with the cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import Kind
from sat_monitor.evaluate.records import Found, Matched, Scope, SiteResult, Truth, TruthResult

#: Shared ground, as a part of the smaller outline, from which a site stands on an event: one pixel of edge is not enough.
MIN_SHARED = 0.2
#: An earthwork that began so shortly before the last day is not judged: nobody could have confirmed it, days.
SETTLE_DAYS = 60

_LOSS = frozenset({Kind.VEGETATION_LOSS, Kind.CHANGE})
_BUILT = frozenset({Kind.CONSTRUCTION, Kind.CHANGE})
#: Lasting changes that are no earthworks, and the kinds of site that say so truly (METHOD 12); of all else none is right.
RIGHT_KINDS: Mapping[str, frozenset[Kind]] = {
    "clear_cut": _LOSS, "thinning": _LOSS, "fire": _LOSS, "landslide": _LOSS,
    "new_roof": _BUILT, "greenhouse": _BUILT,
    # The wood is felled before the panels come.
    "solar_farm": _LOSS | _BUILT,
    "quarry_work": frozenset({Kind.CHANGE}), "flood": frozenset({Kind.WATER}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Events:
    """Events with an index of their outlines."""

    events: Sequence[Truth]
    tree: STRtree

    @classmethod
    def of(cls, events: Sequence[Truth]) -> _Events:
        return cls(events, STRtree([event.outline for event in events]))

    def under(self, outline: BaseGeometry) -> list[Truth]:
        """Events that share enough ground with an outline, most shared first."""
        near = [self.events[int(i)] for i in self.tree.query(outline, predicate="intersects")]
        shared = [(outline.intersection(e.outline).area, e) for e in near if stands_on(outline, e.outline)]
        return [e for _, e in sorted(shared, key=lambda pair: (-pair[0], pair[1].id))]


def stands_on(site: BaseGeometry, event: BaseGeometry) -> bool:
    """Whether two outlines (metres) share at least `MIN_SHARED` of the smaller one."""
    shared = site.intersection(event).area
    return bool(shared > 0.0 and shared >= MIN_SHARED * min(site.area, event.area))


def match(scope: Scope, events: Sequence[Truth], sites: Sequence[Found]) -> Matched:
    """Compare sites with what happened.

    A site stands on an event where they share at least a fifth of the smaller outline. It found an earthwork where it
    was not confirmed before that began. An earthwork is judged where it began within the scope, at least `SETTLE_DAYS` before
    its end; sites on earthworks that are not judged count neither as right nor as false.
    """
    known = _Events.of(events)
    judged = {e.id for e in events if e.is_earthwork and _judged(e, scope)}
    under = {site.id: known.under(site.outline) for site in sites}
    found: dict[str, list[Found]] = {id_: [] for id_ in judged}
    early: dict[str, list[Found]] = {id_: [] for id_ in judged}
    for site in sites:
        for event in under[site.id]:
            if event.id in judged:
                (early if _too_early(site, event) else found)[event.id].append(site)
    truths = tuple(
        _truth_result(e, found[e.id], early[e.id]) for e in sorted(events, key=lambda e: e.id) if e.id in judged
    )
    results = tuple(_site_result(site, under[site.id]) for site in sites if not _unjudged(under[site.id], judged))
    return Matched(scope, truths, results, sum(e.is_earthwork for e in events) - len(judged))


def _judged(event: Truth, scope: Scope) -> bool:
    return scope.first <= event.began_on <= scope.last - timedelta(days=SETTLE_DAYS)


def _too_early(site: Found, event: Truth) -> bool:
    return site.confirmed_on is not None and site.confirmed_on < event.began_on


def _unjudged(under: Sequence[Truth], judged: set[str]) -> bool:
    """Whether a site stands on earthworks, none of which is judged."""
    works = [event for event in under if event.is_earthwork]
    return bool(works) and not any(event.id in judged for event in works)


def _truth_result(truth: Truth, found: Sequence[Found], early: Sequence[Found]) -> TruthResult:
    sites = tuple(sorted(found, key=lambda s: (-s.score, s.id)))
    if any(site.confirmed_on is not None for site in sites):
        return TruthResult(truth, sites)
    why = "suspected only" if sites else "hidden under a site confirmed before it began" if early else "no site"
    return TruthResult(truth, sites, why)


def _site_result(site: Found, under: Sequence[Truth]) -> SiteResult:
    works = [event for event in under if event.is_earthwork]
    in_time = [event for event in works if not _too_early(site, event)]
    if in_time:
        return SiteResult(site, True, in_time[0].kind)
    if works:
        return SiteResult(site, False, "confirmed before the earthwork began")
    begun = [event for event in under if event.began_on <= (site.confirmed_on or date.max)]
    if begun:
        right = any(site.kind in RIGHT_KINDS.get(event.kind, frozenset()) for event in begun)
        return SiteResult(site, False, begun[0].kind, right)
    return SiteResult(site, False, f"nothing happened, {site.place}" if site.place else "nothing happened")
