"""Works groups: sites near each other in space and time, whose areas are summed (METHOD 14).

Whoever tips less than 500 m2 a time shows in the sum of a group, not in any site of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import STRtree

from sat_monitor.core.domain import Kind, Site, WorksGroup
from sat_monitor.sites.matching import age

#: Distance between outlines, m, and time between first signs, up to which two sites are one works.
NEAR_M = 100.0
NEAR_TIME = timedelta(days=3 * 365.25)
#: Kinds that are works; felling and crops beside a fill do not make it larger.
WORKS = frozenset({Kind.EARTHWORK, Kind.CONSTRUCTION})


def works_groups(sites: Sequence[Site]) -> tuple[WorksGroup, ...]:
    """The groups of two sites or more, by id; a pure function of the sites in any order. Sites of two AOIs never join.

    Members are sites of kind earthwork or construction that were once confirmed and not merged away; two belong
    together where their outlines lie within `NEAR_M` and their first signs within `NEAR_TIME`, through others too. A
    group is named after its oldest member, so that it keeps its id while it grows. Errors add up, for one cause moves
    the edges of all.
    """
    members = sorted((site for site in sites if _counts(site)), key=age)
    groups: dict[int, list[Site]] = {}
    for site, label in zip(members, _labels(members), strict=True):
        groups.setdefault(label, []).append(site)
    found = [_group(together) for together in groups.values() if len(together) > 1]
    return tuple(sorted(found, key=lambda group: group.id))


def groups_by_site(sites: Sequence[Site]) -> dict[str, WorksGroup]:
    """The works group of each site that is in one, by site id."""
    return {site_id: group for group in works_groups(sites) for site_id in group.site_ids}


def _counts(site: Site) -> bool:
    return site.merged_into is None and site.first_confirmed_at is not None and site.kind in WORKS


def _labels(members: Sequence[Site]) -> list[int]:
    """Number of the connected component of each member."""
    if not members:
        return []
    outlines = np.array([site.outline for site in members], dtype=object)
    first, second = STRtree(outlines).query(outlines, predicate="dwithin", distance=NEAR_M)
    seen = [site.first_seen_at for site in members]
    near = [
        abs(seen[a] - seen[b]) <= NEAR_TIME and members[a].aoi == members[b].aoi
        for a, b in zip(first, second, strict=True)
    ]
    graph = coo_array((np.array(near, np.int8), (first, second)), shape=(len(members), len(members)))
    graph.eliminate_zeros()
    return [int(label) for label in connected_components(graph, directed=False)[1]]


def _group(together: Sequence[Site]) -> WorksGroup:
    return WorksGroup(
        id=f"works-{together[0].id}",
        site_ids=tuple(sorted(site.id for site in together)),
        area_m2=sum(site.area_m2 for site in together),
        area_error_m2=sum(site.area_error_m2 for site in together),
    )
