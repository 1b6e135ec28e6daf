"""A small made-up life of sites for their tests: patches, looks and runs of looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shapely.geometry import box

from sat_monitor.core.domain import Candidate, Kind, Look, Sensor, Site, StartInterval
from sat_monitor.core.profile import LifecycleSettings, Profile
from sat_monitor.sites.lifecycle import (
    SiteTable,
    Step,
    active,
    step,
)

DAY0 = datetime(2025, 3, 1, 1, 30, tzinfo=UTC)
EMPTY = SiteTable({}, {})
PROFILE = Profile(lifecycle=LifecycleSettings(confirm_hits=2, lapse_days=60, finish_days=100, finish_looks=2))
A = "w-20250301-0000-0000"
B = "w-20250301-0000-0010"


class Everywhere(dict[str, float]):
    """A look that saw the same share of every site."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def get(self, key: str, default: Any = None) -> Any:
        return self.share


def patch(col: int = 0, width: int = 3, row: int = 0, **changes: Any) -> Candidate:
    """A patch of 10 m pixels, `width` wide and 3 high."""
    area = 300.0 * width
    made: dict[str, Any] = {
        "outline": box(col * 10, row * 10, (col + width) * 10, (row + 3) * 10),
        "anchor": (row, col),
        "kind": Kind.EARTHWORK,
        "area_m2": area,
        "area_error_m2": area / 5,
        "score_max": 4.0,
        "score_mean": 2.0,
        "hit": True,
        "start": StartInterval(date(2025, 2, 1), date(2025, 3, 1)),
        "evidence": {"llr_nats": 1.0},
    }
    return Candidate(**{**made, **changes})


def look(day: int, *candidates: Candidate, seen: float | Mapping[str, float] = 1.0, hour: int = 0) -> Look:
    at = DAY0 + timedelta(days=day, hours=hour)
    shares = seen if isinstance(seen, Mapping) else Everywhere(seen)
    return Look(f"scene-{day:04d}-{hour}", "w", Sensor.S2, at, candidates, shares)


def run(looks: Sequence[Look], profile: Profile = PROFILE) -> tuple[SiteTable, list[Step]]:
    table, steps = EMPTY, []
    for each in looks:
        steps.append(step(table, each, profile))
        table = steps[-1].table
    return table, steps


def only(table: SiteTable) -> Site:
    (site,) = active(table)
    return site


def kinds(step_: Step) -> list[str]:
    return [event.kind for event in step_.events]


CONFIRMING = (look(0, patch()), look(6, patch()))
QUIET = (look(120), look(126))
