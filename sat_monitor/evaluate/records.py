"""The nouns of an evaluation: what really happened, what was found, and which belongs to which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import Kind
from sat_monitor.core.size import area_interval_m2

#: Upper bounds of the size classes (m2) and slope classes (degrees); the last class is open.
SIZES_M2 = (500.0, 1000.0, 3000.0)
SLOPES_DEG = (5.0, 15.0, 30.0)


@dataclass(frozen=True, slots=True)
class Truth:
    """Something that really happened: `outline` in metres of the AOI's EPSG, days UTC, `area_m2` as far as it had come.

    Nothing differs before `began_on`; ground is moved from `moved_on` (equal where that is not known) to `ended_on`, None
    where it goes on or nobody knows.
    `kind` is the word of its source. `is_earthwork` tells targets from confusers. `weight` is 1 / inclusion probability.
    """

    id: str
    kind: str
    outline: BaseGeometry
    began_on: date
    moved_on: date
    ended_on: date | None
    area_m2: float
    is_earthwork: bool
    slope_deg: float | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """A site as it stood at the end: outline in metres, days UTC, area with its one-sigma error (m2), best score, and
    priority (0..100) by which lists are ordered.

    `confirmed_on` and `ticketed_on` are None where that never came; `sensors` are those whose looks supported it;
    `place` is the cover of the ground where that is known.
    """

    id: str
    kind: Kind
    outline: BaseGeometry
    first_seen_on: date
    confirmed_on: date | None
    ticketed_on: date | None
    area_m2: float
    area_error_m2: float
    score: float
    priority: float
    sensors: str
    slope_deg: float | None = None
    place: str = ""

    @property
    def area_interval_m2(self) -> tuple[float, float]:
        """The 90 % interval of its area."""
        interval = area_interval_m2(self.area_m2, self.area_error_m2)
        return interval.low_m2, interval.high_m2


@dataclass(frozen=True, slots=True)
class Scope:
    """What was watched: name, ground (m2), first and last day (UTC) on which a site could be confirmed."""

    name: str
    watched_m2: float
    first: date
    last: date

    @property
    def km2(self) -> float:
        """Watched ground, km2."""
        return self.watched_m2 / 1e6

    @property
    def years(self) -> float:
        """Watched time, years."""
        return ((self.last - self.first).days + 1) / 365.25


@dataclass(frozen=True, slots=True)
class TruthResult:
    """What became of an earthwork: the sites that found it (best score first), or why it was missed.

    `seen_days` counts UTC days since it began on which a look of each sensor saw half of it, where that is known.
    """

    truth: Truth
    sites: tuple[Found, ...]
    missed: str = ""
    seen_days: Mapping[str, int] = field(default_factory=dict)

    @property
    def found(self) -> bool:
        """Whether a confirmed site found it."""
        return any(site.confirmed_on is not None for site in self.sites)

    @property
    def ticketed(self) -> bool:
        """Whether a ticket found it."""
        return any(site.ticketed_on is not None for site in self.sites)

    @property
    def confirmed_on(self) -> date | None:
        """First confirmation."""
        return min((site.confirmed_on for site in self.sites if site.confirmed_on is not None), default=None)

    @property
    def first_seen_on(self) -> date | None:
        """First sign of a site that was confirmed later."""
        return min((site.first_seen_on for site in self.sites if site.confirmed_on is not None), default=None)

    @property
    def best(self) -> Found | None:
        """The confirmed site that stands on most of it."""
        confirmed = [site for site in self.sites if site.confirmed_on is not None]
        return max(confirmed, key=lambda s: s.outline.intersection(self.truth.outline).area, default=None)


@dataclass(frozen=True, slots=True)
class SiteResult:
    """What a site stands on: `earthwork` of that time, or `cause`: kind of confuser, or cover, or why it was too early.

    `right_kind` says of a site without earthwork that the ground did change for good in the way its kind says.
    """

    site: Found
    earthwork: bool
    cause: str
    right_kind: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """One place and time, compared: earthworks and sites that are judged; `left_out` earthworks began too late or too early.

    `sites` holds suspected ones too: they have a rank, but count neither as right nor as false.
    """

    scope: Scope
    truths: tuple[TruthResult, ...]
    sites: tuple[SiteResult, ...]
    left_out: int = 0


def size_class(area_m2: float) -> str:
    """Name of the size class of an area (m2)."""
    return _class_of(area_m2, SIZES_M2, "m2")


def size_names() -> list[str]:
    """Names of the size classes, smallest first."""
    return [size_class(value) for value in (0.0, *SIZES_M2)]


def slope_class(slope_deg: float | None) -> str:
    """Name of the slope class of a slope (degrees)."""
    return "slope unknown" if slope_deg is None else _class_of(slope_deg, SLOPES_DEG, "deg")


def _class_of(value: float, bounds: Sequence[float], unit: str) -> str:
    if value < bounds[0]:
        return f"under {bounds[0]:g} {unit}"
    for low, high in pairwise(bounds):
        if low <= value < high:
            return f"{low:g} to {high:g} {unit}"
    return f"from {bounds[-1]:g} {unit}"


#: How earthworks and sites are split: a table, so that another class is one row.
TRUTH_CLASSES: Mapping[str, Callable[[Truth], str]] = {
    "size": lambda t: size_class(t.area_m2),
    "kind": lambda t: t.kind,
    "slope": lambda t: slope_class(t.slope_deg),
}
SITE_CLASSES: Mapping[str, Callable[[Found], str]] = {
    "size": lambda s: size_class(s.area_m2),
    "kind": lambda s: s.kind.value,
    "slope": lambda s: slope_class(s.slope_deg),
    "sensor": lambda s: s.sensors,
}
