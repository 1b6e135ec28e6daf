"""What lies around a site and which questions of the law it raises: nouns between overlays, ranking and the ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shapely.geometry.base import BaseGeometry


class ZoneKind(StrEnum):
    """Zone of the fill-regulation law: 宅地造成等工事規制区域, 特定盛土等規制区域."""

    RESIDENTIAL = "residential"
    SPECIFIED = "specified"


class Certainty(StrEnum):
    """What a probability allows to say: below 0.2 unlikely, above 0.8 likely, between them it cannot be told."""

    LIKELY = "likely"
    CANNOT_TELL = "cannot_tell"
    UNLIKELY = "unlikely"


class Timing(StrEnum):
    """Whether works began before a date, after it, or whether that cannot be told."""

    BEFORE = "before"
    AFTER = "after"
    CANNOT_TELL = "cannot_tell"


class PermitState(StrEnum):
    """Whether a permit was in force over the time of the works."""

    IN_FORCE = "in_force"
    ENDED = "ended"
    NOT_YET = "not_yet"
    UNDATED = "undated"


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """One import of an overlay: what it is, where it came from, the day it shows, its licence, hash of the file."""

    kind: str
    version: str
    source: str
    as_of: date | None
    licence: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Municipality:
    """Where a site lies; `near_border` asks to check, for another one lies within 100 m (`neighbours`)."""

    code: str
    name: str
    near_border: bool
    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """A regulation zone that holds `share` (0..1) of a site's outline, with the authority that designated it."""

    kind: ZoneKind
    authority: str
    notice: str
    designated_on: date | None
    share: float
    layer: LayerVersion


@dataclass(frozen=True, slots=True)
class Permit:
    """An entry of a register that covers `share` (0..1) of a site's outline (0 = near by, at `distance_m`)."""

    register: str
    number: str
    begins_on: date | None
    ends_on: date | None
    state: PermitState
    share: float
    distance_m: float
    layer: LayerVersion


@dataclass(frozen=True, slots=True)
class RegisterCheck:
    """A register that was asked, and how many of its entries meet the site: 0 is an answer, absence is none."""

    register: str
    layer: LayerVersion
    found: int


@dataclass(frozen=True, slots=True)
class FlowPath:
    """Where water of a site runs (METHOD 17).

    `line` in metres of the AOI's EPSG, from the outline down; `zones` are the debris-flow zones within reach; distances along it in m, None where it meets none before
    it leaves the known ground. `catchment_m2` drains through the site; `hollow_index` 0..1; `toe_slope_deg` at the
    lower edge.
    """

    line: BaseGeometry
    zone_name: str | None
    zone_distance_m: float | None
    house_distance_m: float | None
    catchment_m2: float
    hollow_index: float
    toe_slope_deg: float
    zones: BaseGeometry | None = None


@dataclass(frozen=True, slots=True)
class RoadPoint:
    """The nearest point on a public road (x, y in metres of the AOI's EPSG), and from it to the site: m, degrees from north."""

    x: float
    y: float
    distance_m: float
    bearing_deg: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that overlays and heights say about a site; None or empty where no layer was imported.

    `layers` are the pinned versions by kind: what is missing there was never asked.
    """

    layers: tuple[LayerVersion, ...] = ()
    municipality: Municipality | None = None
    place_name: str | None = None
    zones: tuple[Zone, ...] = ()
    permits: tuple[Permit, ...] = ()
    registers: tuple[RegisterCheck, ...] = ()
    hazards: tuple[str, ...] = ()
    known_fills: tuple[str, ...] = ()
    flow: FlowPath | None = None
    road: RoadPoint | None = None


@dataclass(frozen=True, slots=True)
class StatutoryQuestion:
    """A line of the law that a site may have crossed: never a finding, always a probability.

    `limit` in `unit` ("m2"); `probability` 0..1 that the works group's area exceeds it; `article` as the law counts.
    """

    line: str
    zone: ZoneKind
    authority: str
    limit: float
    unit: str
    article: str
    duty: str
    probability: float
    certainty: Certainty
    status: str


@dataclass(frozen=True, slots=True)
class LegalCheck:
    """What the law may ask of a site: lines, what only a visit shows (codes), timing against the designation.

    `timing_questions` are codes of what to ask where works may be older than the zone (METHOD 25).
    """

    questions: tuple[StatutoryQuestion, ...] = ()
    on_site: tuple[str, ...] = ()
    timing: Timing | None = None
    designated_on: date | None = None
    timing_questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground of a priority: code of the [reason] table of the templates, its points, the numbers it names."""

    code: str
    points: float
    numbers: tuple[tuple[str, float | str], ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Priority 0..100 of a site among its surroundings, reasons weightiest first; `waits` says why it stays on the watch list."""

    value: float
    reasons: tuple[Reason, ...]
    waits: tuple[str, ...] = ()
