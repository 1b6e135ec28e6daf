"""Where the state lives below `--home`: paths only, nothing is created here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sat_monitor.core.domain import Ticket


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one installation."""

    root: Path

    @property
    def inbox(self) -> Path:
        """Static STAC catalogue of imported or simulated scenes that a night has yet to take in."""
        return self.root / "inbox"

    @property
    def archive(self) -> Path:
        """Static STAC catalogue of archived scenes and change maps."""
        return self.root / "archive"

    @property
    def answers(self) -> Path:
        """Answers of services while they are checked; empty between nights."""
        return self.root / "fetch"

    @property
    def database(self) -> Path:
        """The store: the only truth."""
        return self.root / "sat_monitor.db"

    @property
    def networks(self) -> Path:
        """Weights that were promoted, by their sha256."""
        return self.root / "networks"

    @property
    def tickets(self) -> Path:
        """One folder per ticket."""
        return self.root / "tickets"

    def ticket(self, ticket: Ticket) -> Path:
        """The folder of one ticket."""
        return self.tickets / f"{ticket.aoi}-{ticket.id}"

    @property
    def reports(self) -> Path:
        """Night reports."""
        return self.root / "reports"

    @property
    def aoi(self) -> Path:
        """AOIs added by the user or by an import, one GeoJSON each."""
        return self.root / "aoi"

    @property
    def evidence(self) -> Path:
        """Checkpoints of the evidence fields; may be deleted, they are recomputed from the archive."""
        return self.root / "evidence"

    @property
    def overlays(self) -> Path:
        """Imported layers, one folder per kind and version."""
        return self.root / "overlays"

    @property
    def deformation(self) -> Path:
        """Stacks of interferograms and the motion inverted from them, one folder per AOI."""
        return self.root / "deformation"

    def interferograms(self, aoi: str) -> Path:
        """The stack of interferograms of an AOI."""
        return self.deformation / aoi / "interferograms"

    def motion(self, aoi: str) -> Path:
        """What was inverted from the stack of an AOI."""
        return self.deformation / aoi / "motion"

    def moving_areas(self, aoi: str) -> Path:
        """The areas of an AOI that move, as last listed."""
        return self.deformation / aoi / "moving.geojson"

    def work_areas(self, aoi: str) -> Path:
        """The bare ground of an AOI that keeps losing its coherence, as last listed."""
        return self.deformation / aoi / "at-work.geojson"

    @property
    def blobs(self) -> Path:
        """Photos as they came from the camera, each under its hash."""
        return self.root / "blobs"
