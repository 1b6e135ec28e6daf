"""Figures of accuracy from matched places: never overall accuracy, for nearly all ground never changes (METHOD 22)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from sat_monitor.evaluate.records import (
    SITE_CLASSES,
    TRUTH_CLASSES,
    Found,
    Matched,
    SiteResult,
    TruthResult,
    size_class,
    size_names,
)
from sat_monitor.evaluate.statistics import (
    Estimate,
    Quartiles,
    Ranked,
    Share,
    poisson_rate,
    quartiles,
    ranked_precision,
    share_of,
    users_accuracy_at,
)

#: Earthworks per km2 and year for which user's accuracy is recomputed.
PREVALENCES = (0.1, 0.3, 1.0)
#: Side of the squares that are drawn again as a whole in the bootstrap, m.
_BLOCK_M = 1000.0
_DAYS_PER_YEAR, _MONTHS_PER_YEAR = 365.25, 12.0


@dataclass(frozen=True, slots=True)
class Row:
    """One class of one split: `split` such as size, `name` such as `under 500 m2`."""

    split: str
    name: str
    share: Share


@dataclass(frozen=True, slots=True)
class Listed:
    """Figures of one list, the watch list or the tickets; `producers` counts earthworks, `users` sites.

    `false` sites have no earthwork; `wrong` are those of them that no lasting change of their kind explains either.
    Rates are per 100 km2 and month; `at_prevalence` is user's accuracy by earthworks per km2 and year.
    """

    name: str
    producers: Share
    users: Share
    false: int
    false_rate: Estimate
    wrong: int
    wrong_rate: Estimate
    at_prevalence: dict[float, Estimate]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """All figures of one or several matched places pooled; lags in days."""

    scopes: tuple[str, ...]
    km2: float
    years: float
    left_out: int
    lists: tuple[Listed, ...]
    producers: tuple[Row, ...]
    users: tuple[Row, ...]
    lag_first: Quartiles
    lag_confirmed: Quartiles
    lag_confirmed_moved: Quartiles
    average_precision: Estimate
    area_coverage: tuple[Row, ...]
    missed: dict[str, int]
    false_causes: dict[str, int]


def accuracy(matched: Sequence[Matched]) -> Accuracy:
    """Figures of matched places, pooled: counts add up, areas times years add up."""
    truths = [t for place in matched for t in place.truths]
    sites = [s for place in matched for s in place.sites if s.site.confirmed_on is not None]
    km2_years = sum(place.scope.km2 * place.scope.years for place in matched)
    watch = _listed("watch list", [t.found for t in truths], truths, sites, km2_years)
    ticketed = [s for s in sites if s.site.ticketed_on is not None]
    tickets = _listed("tickets", [t.ticketed for t in truths], truths, ticketed, km2_years)
    found = [t for t in truths if t.found]
    km2 = sum(place.scope.km2 for place in matched)
    return Accuracy(
        scopes=tuple(place.scope.name for place in matched),
        km2=km2,
        years=km2_years / km2 if km2 else 0.0,
        left_out=sum(place.left_out for place in matched),
        lists=(watch, tickets),
        producers=_producers(truths),
        users=_users(sites),
        lag_first=quartiles(_lags_first(found)),
        lag_confirmed=quartiles([(t.confirmed_on - t.truth.began_on).days for t in found if t.confirmed_on]),
        lag_confirmed_moved=quartiles([(t.confirmed_on - t.truth.moved_on).days for t in found if t.confirmed_on]),
        average_precision=ranked_precision(ranked(matched)),
        area_coverage=_area_coverage(found),
        missed=dict(Counter(t.missed for t in truths if not t.found).most_common()),
        false_causes=_causes(sites),
    )


def _lags_first(found: Sequence[TruthResult]) -> list[float]:
    """Days from the beginning to the first sign; a site that was suspected even before says nothing of this lag."""
    days = [(t.first_seen_on - t.truth.began_on).days for t in found if t.first_seen_on]
    return [float(d) for d in days if d >= 0]


def _listed(
    name: str, hits: Sequence[bool], truths: Sequence[TruthResult], sites: Sequence[SiteResult], km2_years: float
) -> Listed:
    producers = share_of(hits, [t.truth.weight for t in truths])
    false = [site for site in sites if not site.earthwork]
    wrong = [site for site in false if not site.right_kind]
    exposure = km2_years / 100.0 * _MONTHS_PER_YEAR
    return Listed(
        name=name,
        producers=producers,
        users=share_of([site.earthwork for site in sites]),
        false=len(false),
        false_rate=poisson_rate(len(false), exposure),
        wrong=len(wrong),
        wrong_rate=poisson_rate(len(wrong), exposure),
        at_prevalence={p: users_accuracy_at(p, producers, len(false), km2_years) for p in PREVALENCES},
    )


def _producers(truths: Sequence[TruthResult]) -> tuple[Row, ...]:
    """By class of earthwork; by sensor it is the share that a site with support of that sensor found."""
    rows = []
    for split, class_of in TRUTH_CLASSES.items():
        names = _order(split, {class_of(t.truth) for t in truths})
        for name in names:
            inside = [t for t in truths if class_of(t.truth) == name]
            rows.append(Row(split, name, share_of([t.found for t in inside], [t.truth.weight for t in inside])))
    for name in sorted({s.sensors for t in truths for s in t.sites if s.confirmed_on is not None}):
        hits = [any(s.sensors == name and s.confirmed_on is not None for s in t.sites) for t in truths]
        rows.append(Row("sensor", name, share_of(hits, [t.truth.weight for t in truths])))
    return tuple(rows)


def _users(sites: Sequence[SiteResult]) -> tuple[Row, ...]:
    rows = []
    for split, class_of in SITE_CLASSES.items():
        names = _order(split, {class_of(s.site) for s in sites})
        rows += [Row(split, n, share_of([s.earthwork for s in sites if class_of(s.site) == n])) for n in names]
    return tuple(rows)


def _order(split: str, names: set[str]) -> list[str]:
    """Size classes by size, all others by name."""
    return [name for name in size_names() if name in names] if split == "size" else sorted(names)


def _area_coverage(found: Sequence[TruthResult]) -> tuple[Row, ...]:
    """How often the 90 % interval of a site's area holds the true one, by true size; only for works that are finished."""
    pairs = [(t.truth.area_m2, t.best) for t in found if t.truth.ended_on is not None]
    held = [(area, low <= area <= high) for area, site in pairs if site for low, high in [site.area_interval_m2]]
    rows = [Row("area", "all", share_of([inside for _, inside in held]))] if held else []
    names = _order("size", {size_class(area) for area, _ in held})
    rows += [Row("area", n, share_of([inside for area, inside in held if size_class(area) == n])) for n in names]
    return tuple(rows)


def _causes(sites: Sequence[SiteResult]) -> dict[str, int]:
    """Sites without earthwork by what they stand on and what they were called, commonest first."""
    false = [s for s in sites if not s.earthwork]
    return dict(Counter(f"{s.cause} -> {s.site.kind.value}" for s in false).most_common())


def ranked(matched: Sequence[Matched], by: Callable[[Found], float] = attrgetter("priority")) -> Ranked:
    """Sites and earthworks in a ranking: each earthwork with its best site's value (NaN where no site), sites on none.

    The groups of the bootstrap are squares of 1 km of each place.
    """
    rows: list[tuple[float, bool, tuple[int, int, int]]] = []
    for number, place in enumerate(matched):
        for t in place.truths:
            scores = [by(s) for s in t.sites]
            rows.append((max(scores, default=float("nan")), True, _block(number, t.truth.outline.centroid)))
        false = [s.site for s in place.sites if not s.earthwork]
        rows += [(by(s), False, _block(number, s.outline.centroid)) for s in false]
    blocks = {block: n for n, block in enumerate(sorted({block for _, _, block in rows}))}
    return Ranked(
        np.array([score for score, _, _ in rows], float),
        np.array([truth for _, truth, _ in rows], bool),
        np.array([blocks[block] for _, _, block in rows], np.int64),
    )


def _block(place: int, point: object) -> tuple[int, int, int]:
    x, y = float(getattr(point, "x", 0.0)), float(getattr(point, "y", 0.0))
    return place, int(x // _BLOCK_M), int(y // _BLOCK_M)
