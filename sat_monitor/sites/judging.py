"""All that a night says of its sites among their surroundings: layers asked, water followed, law checked, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import Site, StartInterval, WorksGroup
from sat_monitor.core.profile import Profile
from sat_monitor.core.surroundings import FlowPath, LegalCheck, Ranking, Surroundings
from sat_monitor.sites.flowpath import REACH_M, Named, Relief, flow_path
from sat_monitor.sites.groups import groups_by_site
from sat_monitor.sites.law import check
from sat_monitor.sites.priority import Signs, rank

Bounds = tuple[float, float, float, float]
_NO_SIGNS: Mapping[str, Signs] = {}


class Layers(Protocol):
    """The overlays as they are asked here: `sat_monitor.overlays.layers.Overlays` is one."""

    def around(self, outline: BaseGeometry, epsg: int, works: StartInterval) -> Surroundings:
        """What lies around an outline, metres of `epsg`, whose works began within `works`."""

    def debris_zones(self, bounds: Bounds, epsg: int) -> Sequence[Named]:
        """Debris-flow zones within bounds (west, south, east, north; m of `epsg`)."""

    def houses(self, bounds: Bounds, epsg: int) -> Sequence[Named]:
        """Buildings within bounds."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where sites are judged: the layers, the AOI's EPSG, and its elevation model, None where there is none."""

    layers: Layers
    epsg: int
    relief: Relief | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A site with its works group (None = alone), its surroundings, the questions of the law and its rank."""

    site: Site
    group: WorksGroup | None
    surroundings: Surroundings
    legal: LegalCheck
    ranking: Ranking


def judge(
    sites: Sequence[Site], place: Place, profile: Profile, signs: Mapping[str, Signs] = _NO_SIGNS
) -> tuple[Judged, ...]:
    """Every confirmed site of one AOI, highest priority first; none is left out. `signs` are by site id.

    Raises OverlayError E1407 where a stored layer is damaged.
    """
    confirmed = [site for site in sites if site.first_confirmed_at is not None and site.merged_into is None]
    groups, found = groups_by_site(sites), flow_paths(confirmed, place)
    judged = []
    for site in confirmed:
        around = replace(place.layers.around(site.outline, place.epsg, site.start), flow=found[site.id])
        group = groups.get(site.id)
        legal = check(site, group, around)
        ranking = rank(site, group, around, legal, profile, signs.get(site.id, Signs()))
        judged.append(Judged(site, group, around, legal, ranking))
    return tuple(sorted(judged, key=lambda each: (-each.ranking.value, each.site.id)))


def flow_paths(sites: Sequence[Site], place: Place) -> dict[str, FlowPath | None]:
    """The way of the water of each site by id, None where no height is known."""
    if place.relief is None or not sites:
        return dict.fromkeys(site.id for site in sites)
    found = {}
    for site in sites:
        west, south, east, north = site.outline.buffer(REACH_M).bounds
        zones, houses = (
            ask((west, south, east, north), place.epsg) for ask in (place.layers.debris_zones, place.layers.houses)
        )
        found[site.id] = flow_path(site.outline, place.relief, zones, houses)
    return found
