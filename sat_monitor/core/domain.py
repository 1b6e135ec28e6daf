"""The nouns of the service: frozen, typed values. Times are UTC-aware, areas m2, every score carries its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.clock import utc
from sat_monitor.core.grid import Grid

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


class Sensor(StrEnum):
    """What looks come from: the instruments that the service reads, and the alerts that others make of theirs."""

    S1 = "s1"
    S2 = "s2"
    DIST_S1 = "dist-s1"
    DIST_HLS = "dist-hls"


#: The sensors whose scenes are measurements; the others tell what somebody else found.
INSTRUMENTS = (Sensor.S1, Sensor.S2)


class Direction(StrEnum):
    """Flight direction of a SAR pass."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


class Kind(StrEnum):
    """What a site is: the contract of METHOD 12."""

    CHANGE = "change"
    VEGETATION_LOSS = "vegetation_loss"
    EARTHWORK = "earthwork"
    CONSTRUCTION = "construction"
    WATER = "water"
    #: Ground that moves as a whole, known from interferometry alone.
    DEFORMATION = "deformation"
    OTHER = "other"


class SiteStatus(StrEnum):
    """What the satellites say of a site; what people do with it are case states, kept elsewhere."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    TICKETED = "ticketed"
    FINISHED = "finished"
    REOPENED = "reopened"


class Stage(StrEnum):
    """What the ground of a site shows, from the first signs on (METHOD 10)."""

    VEGETATED = "vegetated"
    CLEARED = "cleared"
    WORKED = "worked"
    #: Green again over what was cleared or filled: never taken for recovery.
    REVEGETATED = "cleared-and-revegetated"
    #: NDVI, soil index and VH have all been back at what they were, for a year.
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class AOI:
    """An area of interest: names, outline in lon/lat (EPSG:4326) and the grid on which it is watched."""

    id: str
    name_ja: str
    name_en: str
    outline: BaseGeometry
    grid: Grid


@dataclass(frozen=True, slots=True)
class Track:
    """A SAR viewing geometry: only looks of one track are compared."""

    relative_orbit: int
    direction: Direction

    @property
    def id(self) -> str:
        """Short text such as `137A` (ascending) or `46D` (descending)."""
        return f"{self.relative_orbit}{self.direction.value[0].upper()}"


@dataclass(frozen=True, slots=True)
class Issue:
    """Which reading of an acquisition a scene is: processing baseline, time of processing (UTC), product names.

    The provider may issue an acquisition again; of two readings the one that `supersedes` the other counts.
    """

    baseline: tuple[int, ...] = ()
    made_at: datetime | None = None
    products: tuple[str, ...] = ()

    def supersedes(self, other: Issue | None) -> bool:
        """Whether this reading takes the place of `other`: a total order, so that it does not matter which came first."""
        return other is None or self._rank > other._rank

    @property
    def _rank(self) -> tuple[tuple[int, ...], str, int, tuple[str, ...]]:
        made = "" if self.made_at is None else self.made_at.isoformat()
        return self.baseline, made, len(self.products), self.products


@dataclass(frozen=True, slots=True)
class Scene:
    """One acquisition over one AOI, without its pixels; `grid` is the part of the AOI grid that it covers.

    `issue` is None where its source has no notion of issues.
    """

    id: str
    aoi: str
    sensor: Sensor
    platform: str
    acquired_at: datetime
    track: Track | None
    grid: Grid
    valid_fraction: float
    cloud_fraction: float | None
    source_id: str
    request_sha256: str
    file_sha256: str
    pixels_sha256: str
    processing_baseline: str | None = None
    simulated: bool = False
    issue: Issue | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "acquired_at", utc(self.acquired_at))

    @property
    def order(self) -> tuple[datetime, str]:
        """The order of the fold: (acquired_at, id)."""
        return self.acquired_at, self.id


@dataclass(frozen=True, slots=True)
class Layer:
    """One evidence layer of a change map, (y, x) float32, NaN = no data, with its unit."""

    values: FloatArray
    unit: str


@dataclass(frozen=True, slots=True)
class ChangeMap:
    """What one detector says of one look, on `grid`; all arrays (y, x).

    `score` float32 in `score_unit`, larger = more changed, NaN where not `valid`; `layers` by name; `depth_looks`
    int16 is the number of reference looks per pixel. `registration` holds dy_px, dx_px and residual_px of the scene
    against its track's reference, and is empty where they could not be measured.
    """

    detector: str
    scene_id: str
    reference_ids: tuple[str, ...]
    grid: Grid
    score: FloatArray
    score_unit: str
    valid: BoolArray
    depth_looks: NDArray[np.int16]
    layers: Mapping[str, Layer]
    depth_days: int = 0
    registration: Mapping[str, float] = field(default_factory=dict)
    profile_sha256: str = ""


@dataclass(frozen=True, slots=True)
class StartInterval:
    """Days (UTC) between which a change began: not yet visible on `earliest`, visible on `latest`; None = unknown."""

    earliest: date | None
    latest: date


@dataclass(frozen=True, slots=True)
class Crossing:
    """UTC days between which an area passed a size: surely not yet on `below_on`, surely on `over_on`; None = not known."""

    below_on: date | None = None
    over_on: date | None = None


@dataclass(frozen=True, slots=True)
class StageDay:
    """A stage and the UTC day on which it was first seen."""

    stage: Stage
    on: date


@dataclass(frozen=True, slots=True)
class StageHistory:
    """The stages of a site, oldest first, and what is on its way.

    `pending` is a stage that one look showed and the next must show again; `green_since` and `echo_since` the days
    since which NDVI and soil index, and VH, have been back at what they were before, None while they are not.
    """

    entries: tuple[StageDay, ...] = ()
    pending: StageDay | None = None
    green_since: date | None = None
    echo_since: date | None = None

    @property
    def stage(self) -> Stage:
        """The present stage."""
        return self.entries[-1].stage if self.entries else Stage.VEGETATED


@dataclass(frozen=True, slots=True)
class Candidate:
    """A patch of the evidence field on one look, outline in metres of the AOI's EPSG.

    `anchor` is the (row, col) of its strongest cell on the AOI grid; `hit` says that this look itself supports an
    alarm (METHOD 11). Scores are log-odds; `evidence` maps name_unit to value.
    """

    outline: BaseGeometry
    anchor: tuple[int, int]
    kind: Kind
    area_m2: float
    area_error_m2: float
    score_max: float
    score_mean: float
    hit: bool
    start: StartInterval
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """What one scene contributed: its candidates and how much of each known site it saw (0..1; absent = 0).

    `interferometry` marks the look of an inversion: its candidates are ground that moves, and no other site is its business.
    """

    scene_id: str
    aoi: str
    sensor: Sensor
    acquired_at: datetime
    candidates: tuple[Candidate, ...]
    seen: Mapping[str, float] = field(default_factory=dict)
    interferometry: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "acquired_at", utc(self.acquired_at))

    @property
    def order(self) -> tuple[datetime, str]:
        """The order of the fold: (acquired_at, scene id)."""
        return self.acquired_at, self.scene_id


@dataclass(frozen=True, slots=True)
class Site:
    """A place on the ground with its history; always the fold of the valid looks.

    `outline` in metres of the AOI's EPSG, the union over the site's life; `hit_days` are the UTC days of hits since
    it was founded or last finished; `openings` counts confirmations (1 = first); `quiet_looks` looks that saw the site and found
    nothing since `last_support_at`; `recent_kinds` are the kinds of its newest patches, oldest first; `over_300_m2` and
    `over_500_m2` say when it grew past these sizes.
    """

    id: str
    aoi: str
    kind: Kind
    outline: BaseGeometry
    anchor: tuple[int, int]
    status: SiteStatus
    first_seen_at: datetime
    first_confirmed_at: datetime | None
    last_support_at: datetime
    hit_days: tuple[date, ...]
    hits: int
    looks: int
    openings: int
    quiet_looks: int
    area_m2: float
    area_error_m2: float
    score_max: float
    start: StartInterval
    evidence: Mapping[str, float] = field(default_factory=dict)
    scene_ids: tuple[str, ...] = ()
    merged_into: str | None = None
    recent_kinds: tuple[Kind, ...] = ()
    profile_sha256: str = ""
    stages: StageHistory = StageHistory()
    over_300_m2: Crossing = Crossing()
    over_500_m2: Crossing = Crossing()


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """A site on one look: when, its area with error in m2, and its greatest score, log-odds."""

    at: datetime
    area_m2: float
    area_error_m2: float
    score_max: float


@dataclass(frozen=True, slots=True)
class WorksGroup:
    """Sites that are one works by nearness in space and time, with the sum of their areas (m2) and of their errors."""

    id: str
    site_ids: tuple[str, ...]
    area_m2: float
    area_error_m2: float


@dataclass(frozen=True, slots=True)
class Ticket:
    """A lead for the field: one per opening of a site, id = hash(site id, opening ordinal)."""

    id: str
    site_id: str
    aoi: str
    ordinal: int
    opened_at: datetime
    opening_scene_id: str
    priority: float
    reasons: tuple[str, ...]
    withdrawn_reason: str | None = None


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before it has a place in the history; `body` is plain JSON data."""

    kind: str
    actor: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Event:
    """One link of the history: sha256 covers seq, at, actor, kind, canonical body and prev_sha256."""

    seq: int
    at: datetime
    actor: str
    kind: str
    body: str
    prev_sha256: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest link of the history, as printed on every page: SEQ:SHA."""

    seq: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.sha256}"
