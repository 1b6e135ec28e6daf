"""Made sites and surroundings for the tests of law, flow path and ranking."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from shapely.geometry import LineString, box

from sat_monitor.core.domain import Kind, Site, SiteStatus, Stage, StageDay, StageHistory, StartInterval
from sat_monitor.core.surroundings import (
    FlowPath,
    LayerVersion,
    Permit,
    PermitState,
    RegisterCheck,
    Surroundings,
    Zone,
    ZoneKind,
)

LAYER = LayerVersion("zones", "v1", "made", date(2024, 7, 31), "none", "0" * 64)
NOON = datetime(2025, 6, 1, 3, tzinfo=UTC)


def site(name: str = "a", x: float = 0.0, **changes: Any) -> Site:
    """A confirmed earthwork of 1,200 m2 that began in 2025."""
    made = Site(
        id=name,
        aoi="w",
        kind=Kind.EARTHWORK,
        outline=box(x, 0.0, x + 40.0, 30.0),
        anchor=(0, 0),
        status=SiteStatus.TICKETED,
        first_seen_at=NOON,
        first_confirmed_at=NOON,
        last_support_at=NOON,
        hit_days=(NOON.date(),),
        hits=5,
        looks=10,
        openings=1,
        quiet_looks=0,
        area_m2=1200.0,
        area_error_m2=200.0,
        score_max=9.0,
        start=StartInterval(date(2025, 4, 1), date(2025, 5, 1)),
        stages=StageHistory((StageDay(Stage.WORKED, date(2025, 5, 1)),)),
    )
    return replace(made, **changes)


def zone(kind: ZoneKind = ZoneKind.RESIDENTIAL, on: date | None = date(2024, 7, 31)) -> Zone:
    return Zone(kind, "模擬市長", "第1号", on, 1.0, LAYER)


def permit(share: float = 1.0, state: PermitState = PermitState.IN_FORCE) -> Permit:
    return Permit("fill_permits", "1", date(2024, 1, 1), date(2026, 1, 1), state, share, 0.0, LAYER)


def flow(zone_m: float | None = 800.0, house_m: float | None = 900.0, hollow: float = 0.5) -> FlowPath:
    name = None if zone_m is None else "模擬沢"
    return FlowPath(LineString([(0, 0), (0, -900)]), name, zone_m, house_m, 20_000.0, hollow, 18.0)


def around(*permits: Permit, flow_path: FlowPath | None = None) -> Surroundings:
    """In a zone, one register asked."""
    kinds = ("zones", "hazards", "buildings", "fill_permits")
    layers = tuple(replace(LAYER, kind=kind) for kind in kinds)
    checks = (RegisterCheck("fill_permits", LAYER, len(permits)),)
    return Surroundings(layers=layers, zones=(zone(),), permits=permits, registers=checks, flow=flow_path)
