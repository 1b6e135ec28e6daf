"""Which sites and candidates are one place: identity by outlines alone (METHOD 11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import STRtree

from sat_monitor.core.domain import Candidate, Site

IntArray = NDArray[np.intp]

#: Shared ground from which two outlines are one place, m2: far below a pixel, above the rounding of coordinates.
SLIVER_M2 = 1e-3


@dataclass(frozen=True, slots=True)
class Place:
    """Ground that one look drew: its candidates by anchor and the sites they meet, oldest first (none = new)."""

    sites: tuple[Site, ...]
    candidates: tuple[Candidate, ...]


def age(site: Site) -> tuple[object, ...]:
    """Sort key of sites: older first sight first, then id."""
    return site.first_seen_at, site.id


def places(sites: Sequence[Site], candidates: Sequence[Candidate]) -> tuple[Place, ...]:
    """The places drawn by the candidates of one look, ordered by their first anchor (row, col).

    Outlines that share more than a sliver belong together, through others too; each site and each candidate is in at
    most one place, and sites that no candidate meets are in none.
    """
    ordered = sorted(candidates, key=lambda c: c.anchor)
    if not ordered:
        return ()
    drawn = np.array([c.outline for c in ordered], dtype=object)
    known = np.array([s.outline for s in sites], dtype=object)
    meets_site = _shared(drawn, known)
    meets_other = _shared(drawn, drawn)
    first = np.concatenate([meets_site[0], meets_other[0]])
    second = np.concatenate([meets_site[1] + len(ordered), meets_other[1]])
    labels = _labels(first, second, len(ordered) + len(sites))
    groups: dict[int, tuple[list[Candidate], list[Site]]] = {}
    for candidate, label in zip(ordered, labels, strict=False):
        groups.setdefault(label, ([], []))[0].append(candidate)
    for site, label in zip(sites, labels[len(ordered) :], strict=True):
        if label in groups:
            groups[label][1].append(site)
    return tuple(Place(tuple(sorted(met, key=age)), tuple(patches)) for patches, met in groups.values())


def _shared(left: NDArray[np.object_], right: NDArray[np.object_]) -> tuple[IntArray, IntArray]:
    """Indices (into left, into right) of the pairs that share ground."""
    if not len(right):
        nothing = np.zeros(0, np.intp)
        return nothing, nothing
    a, b = STRtree(right).query(left, predicate="intersects")
    if left is right:
        a, b = a[a < b], b[a < b]
    enough = shapely.area(shapely.intersection(left[a], right[b])) > SLIVER_M2
    return a[enough], b[enough]


def _labels(first: IntArray, second: IntArray, count: int) -> list[int]:
    """Label of the connected component of each of `count` nodes."""
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return [int(label) for label in connected_components(graph, directed=False)[1]]
