"""What a ticket is made of: everything the page needs, handed over by the night; nothing is looked up here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

from sat_monitor import __version__
from sat_monitor.core.domain import AOI, ChainHead, FloatArray, GrowthPoint, Scene, Site, Ticket, WorksGroup
from sat_monitor.core.grid import Grid
from sat_monitor.core.surroundings import LegalCheck, Ranking, Surroundings
from sat_monitor.tickets.composites import ScoreField, Snapshot
from sat_monitor.tickets.place import Place


class SceneRole(StrEnum):
    """What a scene was used for, in the order in which pages list it."""

    BEFORE = "before"
    AFTER = "after"
    OLDEST = "oldest"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class SceneUse:
    """One scene behind a ticket."""

    role: SceneRole
    scene: Scene


@dataclass(frozen=True, slots=True)
class MotionProof:
    """Ground that moves under a site, along the line of sight, positive toward the satellite.

    `series` are days and displacements, mm; the rate with its error in mm a year; `seen_from` is the side on which the
    satellite stands (west or east, empty = not known); `since` the day from which the motion differs. `velocity`
    (y, x) float32 mm a year lies on `grid`, NaN where nothing was measured.
    """

    series: tuple[tuple[date, float], ...]
    mm_per_year: float
    error_mm_per_year: float
    seen_from: str
    accelerates: bool
    since: date | None
    grid: Grid
    velocity: FloatArray


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """One ticket to render.

    `before`, `after` and `score` should cover `view.detail_window(site.outline, grid)`, `location` should cover
    `view.location_window(...)`; smaller ones are shown with hatched gaps. `evidence` maps name_unit to value and
    replaces the site's own where given; `group` is the works group of the site, None where it is alone. `surroundings`,
    `legal` and `ranking` are those of the night that prints the page; without them the page says that nothing was asked.
    `oldest` is the oldest clear picture of the place, `growth` the site on each look that drew it, oldest first; `motion`
    what interferometry says of its ground, None where nothing moves or nothing was measured.
    """

    ticket: Ticket
    site: Site
    aoi: AOI
    place: Place
    after: Snapshot
    score: ScoreField
    location: Snapshot
    profile_sha256: str
    chain_head: ChainHead | None
    before: Snapshot | None = None
    scenes: tuple[SceneUse, ...] = ()
    evidence: Mapping[str, float] | None = None
    group: WorksGroup | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    legal: LegalCheck = field(default_factory=LegalCheck)
    ranking: Ranking | None = None
    oldest: Snapshot | None = None
    growth: tuple[GrowthPoint, ...] = ()
    motion: MotionProof | None = None
    software: str = __version__

    @property
    def figures(self) -> Mapping[str, float]:
        """The evidence figures to print."""
        return self.site.evidence if self.evidence is None else self.evidence

    @property
    def listed_scenes(self) -> tuple[SceneUse, ...]:
        """The scenes used: before, after, oldest, then references, newest first; each scene once, in its first role."""
        rank = {role: index for index, role in enumerate(SceneRole)}
        newest_first = sorted((*self._pictured, *self.scenes), key=lambda use: use.scene.order, reverse=True)
        by_scene: dict[str, SceneUse] = {}
        for use in sorted(newest_first, key=lambda use: rank[use.role]):
            by_scene.setdefault(use.scene.id, use)
        return tuple(by_scene.values())

    @property
    def _pictured(self) -> tuple[SceneUse, ...]:
        roles = {SceneRole.BEFORE: self.before, SceneRole.AFTER: self.after, SceneRole.OLDEST: self.oldest}
        return tuple(SceneUse(role, shown.scene) for role, shown in roles.items() if shown is not None)

    @property
    def simulated(self) -> bool:
        """Whether any scene behind the ticket is simulated: then every page and picture says so."""
        return self.location.scene.simulated or any(use.scene.simulated for use in self.listed_scenes)


@dataclass(frozen=True, slots=True)
class RenderedTicket:
    """The files of a rendered ticket, sorted by name, and the hash of its PDF."""

    folder: Path
    files: tuple[Path, ...]
    pdf_sha256: str
