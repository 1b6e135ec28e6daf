"""The source protocol: a place that lists scenes and hands out their pixels on an AOI's grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sat_monitor.core.clock import utc
from sat_monitor.core.domain import AOI, Issue, Sensor, Track
from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.raster import Raster


@dataclass(frozen=True, slots=True)
class Offer:
    """A scene that a source lists for an AOI; nothing of it has been read yet.

    `id` is the scene id that the archive will use; `href` means something to the source only; `file_sha256` is the
    hash that the source promises for the file, where it promises one. `issue` says which reading of the acquisition
    it is, and `superseded` names the listed products that it takes the place of.
    """

    id: str
    aoi: str
    sensor: Sensor
    platform: str
    acquired_at: datetime
    track: Track | None
    source_id: str
    href: str
    file_sha256: str | None = None
    processing_baseline: str | None = None
    simulated: bool = False
    issue: Issue | None = None
    superseded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "acquired_at", utc(self.acquired_at))

    @property
    def order(self) -> tuple[datetime, str]:
        """(acquired_at, id)."""
        return self.acquired_at, self.id


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source lists for an AOI and a window: offers sorted by `Offer.order`, and items that it could not read."""

    offers: tuple[Offer, ...]
    unreadable: tuple[SceneReject, ...] = ()


class Source(Protocol):
    """Lists offers and fetches rasters; implementations hold no state that a night depends on."""

    name: str
    #: Whether listing costs the provider something, so that old ground is not listed again every night.
    remote: bool

    def listing(self, aoi: AOI, start: datetime, end: datetime) -> Listing:
        """What was acquired in [start, end)."""
        ...

    def fetch(self, offer: Offer, aoi: AOI) -> Raster:
        """The offer's pixels on whole pixels of the AOI grid, cropped to it; raises SceneReject with a number."""
        ...
