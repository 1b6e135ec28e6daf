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
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import Candidate, Site

IntArray = NDArray[np.intp]

#: Shared ground from which two outlines are one place, m2: far below a pixel, above the rounding of coordinates.
SLIVER_M2 = 1e-3


@dataclass(frozen=True, slots=True)
class Place:
    """Ground that one look drew: its candidates by anchor and the sites they meet, oldest first (none = new).

    `fresh` are the outlines of those candidates that no site covers.
    """

    sites: tuple[Site, ...]
    candidates: tuple[Candidate, ...]
    fresh: tuple[BaseGeometry, ...]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Indices of outlines, left and right, that share ground, and whether the right one covers the left."""

    left: IntArray
    right: IntArray
    covered: NDArray[np.bool_]


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
    shapely.prepare(known)
    met, other = _shared(drawn, known), _shared(drawn, drawn)
    covered = set(met.left[met.covered].tolist())
    first = np.concatenate([met.left, other.left])
    second = np.concatenate([met.right + len(ordered), other.right])
    labels = _labels(first, second, len(ordered) + len(sites))
    members: dict[int, list[int]] = {}
    for node, label in enumerate(labels):
        members.setdefault(label, []).append(node)
    drawn_labels = dict.fromkeys(labels[: len(ordered)])
    return tuple(_place(members[label], ordered, sites, covered) for label in drawn_labels)


def _place(nodes: Sequence[int], candidates: Sequence[Candidate], sites: Sequence[Site], covered: set[int]) -> Place:
    """The place of graph nodes: candidates first, then sites."""
    count = len(candidates)
    return Place(
        sites=tuple(sorted((sites[node - count] for node in nodes if node >= count), key=age)),
        candidates=tuple(candidates[node] for node in nodes if node < count),
        fresh=tuple(candidates[node].outline for node in nodes if node < count and node not in covered),
    )


def _shared(left: NDArray[np.object_], right: NDArray[np.object_]) -> _Pairs:
    """The pairs that share ground; coverage is asked first, for it is cheap and most patches stand."""
    if not len(right):
        nothing = np.zeros(0, np.intp)
        return _Pairs(nothing, nothing, np.zeros(0, bool))
    a, b = STRtree(right).query(left, predicate="intersects")
    if left is right:
        a, b = a[a < b], b[a < b]
    covered = shapely.covers(right[b], left[a])
    enough = covered.copy()
    unsure = np.flatnonzero(~covered)
    enough[unsure] = shapely.area(shapely.intersection(left[a[unsure]], right[b[unsure]])) > SLIVER_M2
    return _Pairs(a[enough], b[enough], covered[enough])


def _labels(first: IntArray, second: IntArray, count: int) -> list[int]:
    """Label of the connected component of each of `count` nodes."""
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return [int(label) for label in connected_components(graph, directed=False)[1]]
