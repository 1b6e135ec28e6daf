"""The night report: the accounting that closes, what was found, and what could not be seen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from sat_monitor.core.home import Home
from sat_monitor.delivery.run import DeliveryReport
from sat_monitor.sites.funnel import Funnel


@dataclass(frozen=True, slots=True)
class AoiReport:
    """One AOI of a night. `expected` = processed + deferred + rejected + superseded, always; areas in m2."""

    aoi: str
    expected: int
    processed: int
    deferred: int
    rejected: int
    superseded: int
    new_scenes: int
    looks_computed: int
    suspected: int
    confirmed: int
    tickets_delivered: int
    tickets_waiting: int
    watched_m2: float
    not_observed_m2: float
    problems: tuple[str, ...] = ()
    simulated: bool = False
    overview: str | None = None
    cadence: tuple[str, ...] = ()
    funnel: Funnel | None = None

    @property
    def closes(self) -> bool:
        """Whether every expected scene is accounted for."""
        return self.expected == self.processed + self.deferred + self.rejected + self.superseded

    def row(self) -> dict[str, str | int]:
        """The accounting as one row of a table, keys as column titles."""
        share = self.not_observed_m2 / self.watched_m2 if self.watched_m2 else 0.0
        return {
            "AOI": self.aoi,
            "expected": self.expected,
            "processed": self.processed,
            "deferred": self.deferred,
            "rejected": self.rejected,
            "superseded": self.superseded,
            "looks": self.looks_computed,
            "suspected": self.suspected,
            "confirmed": self.confirmed,
            "tickets": self.tickets_delivered,
            "waiting": self.tickets_waiting,
            "NOT OBSERVED": f"{self.not_observed_m2 / 1e6:.2f} km2 ({share:.0%})",
        }

    @property
    def degraded(self) -> bool:
        """Whether the night is done but not all of it could be used."""
        return bool(self.deferred or self.rejected or self.problems or not self.closes)


@dataclass(frozen=True, slots=True)
class NightReport:
    """A whole night over all AOIs; `failed` names AOIs that could not be run, `overlays` the versions it used."""

    start: date | None
    end: date
    profile_name: str
    profile_sha256: str
    chain_head: str
    aois: tuple[AoiReport, ...]
    failed: tuple[str, ...]
    path: Path
    overlays: tuple[str, ...] = ()
    delivery: DeliveryReport = field(default_factory=DeliveryReport)

    @property
    def degraded(self) -> bool:
        """Whether anything was deferred, rejected, failed or could not be handed over."""
        return bool(self.failed) or self.delivery.degraded or any(aoi.degraded for aoi in self.aois)

    def to_markdown(self) -> str:
        """The report as people read it."""
        since = f"{self.start} to " if self.start else ""
        lines = [f"# Night report {since}{self.end} (Asia/Tokyo)", ""]
        if any(aoi.simulated for aoi in self.aois):
            lines += ["**模擬データ / simulated data**", ""]
        rows = [aoi.row() for aoi in self.aois]
        if rows:
            lines += ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
        lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows]
        lines += ["", f"The accounting {'closes' if all(a.closes for a in self.aois) else '**DOES NOT CLOSE**'}: "]
        lines[-1] += "expected = processed + deferred + rejected + superseded."
        problems = [f"- {aoi.aoi}: {text}" for aoi in self.aois for text in aoi.problems]
        problems += [f"- FAILED {text}" for text in self.failed]
        if problems:
            lines += ["", "## Problems", "", *problems]
        rhythms = [f"- {aoi.aoi}: {text}" for aoi in self.aois for text in aoi.cadence]
        if rhythms:
            lines += ["", "## Cadence over the last year, measured", "", *rhythms]
        narrowed = [f"- {aoi.aoi}: {text}" for aoi in self.aois if aoi.funnel for text in aoi.funnel.lines()]
        if narrowed:
            lines += ["", "## From all sites to the urgent ones (nothing is excluded: the others wait)", "", *narrowed]
        lines += ["", "## Delivery", "", *(f"- {text}" for text in self.delivery.lines())]
        used = [f"- {name}" for name in self.overlays] or ["- none: no zone, register or hazard was asked"]
        lines += ["", "## Overlays in use", "", *used]
        lines += ["", f"Profile `{self.profile_name}` {self.profile_sha256}", f"Chain head {self.chain_head}"]
        return "\n".join(lines) + "\n"


def report_path(home: Home, start: date | None, end: date) -> Path:
    """Where the report of a night lies."""
    return home.reports / f"night-{f'{start}_' if start else ''}{end}.md"


def overview_path(home: Home, aoi_id: str, end: date) -> Path:
    """Where the overview picture of an AOI's night lies."""
    return home.reports / f"overview-{aoi_id}-{end}.png"


def write_report(report: NightReport) -> None:
    """Write the markdown and, beside it, the same as JSON."""
    report.path.parent.mkdir(parents=True, exist_ok=True)
    report.path.write_text(report.to_markdown(), encoding="utf-8")
    rows = [asdict(aoi) for aoi in report.aois]
    plain = {"end": report.end.isoformat(), "aois": rows, "failed": report.failed, "chain_head": report.chain_head}
    plain["overlays"] = report.overlays
    plain["delivery"] = report.delivery.lines()
    report.path.with_suffix(".json").write_text(json.dumps(plain, ensure_ascii=False, indent=1), encoding="utf-8")
