"""A small made-up place for ticket tests: no file is read, every number is stated here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from shapely.geometry import Polygon, box

from sat_monitor.core.domain import (
    AOI,
    ChainHead,
    Direction,
    Kind,
    Scene,
    Sensor,
    Site,
    SiteStatus,
    StartInterval,
    Ticket,
    Track,
)
from sat_monitor.core.grid import Grid
from sat_monitor.tickets.composites import ScoreField, Snapshot
from sat_monitor.tickets.place import Municipality, locate
from sat_monitor.tickets.records import SceneRole, SceneUse, TicketRequest

GRID = Grid(32654, 340_000.0, 3_950_000.0, 10.0, 120, 120)
TABLE = (
    Municipality("13201", "八王子市", "Hachioji", "tama", 139.26, 35.66, (139.16, 35.59, 139.43, 35.72)),
    Municipality("13202", "立川市", "Tachikawa", "tama", 139.41, 35.71, (139.352, 35.683, 139.446, 35.742)),
)
OUTLINE: Polygon = box(*GRID.to_metres(64, 55), *GRID.to_metres(58, 63))
HOSTILE = '#import "x" =HYPERLINK("http://x") <svg onload=a> *b* $y$ \r\nend\x00 \ud800 \u202ertl \u200f'


def scene(day: str, sensor: Sensor = Sensor.S2, simulated: bool = False, hour: int = 1) -> Scene:
    """A scene of `day` (UTC)."""
    at = datetime.fromisoformat(f"{day}T{hour:02d}:30:00+00:00")
    track = Track(46, Direction.DESCENDING) if sensor is Sensor.S1 else None
    platform = "sentinel-1a" if sensor is Sensor.S1 else "sentinel-2b"
    name = f"{sensor.value}-{day}"
    return Scene(
        name, "w", sensor, platform, at, track, GRID, 1.0, 0.0, name, "1" * 64, "2" * 64, "3" * 64, None, simulated
    )


def snapshot(of: Scene) -> Snapshot:
    """Smooth random ground with a bright patch at the outline."""
    rng = np.random.default_rng(len(of.id))
    names = ("VV", "VH") if of.sensor is Sensor.S1 else ("B02", "B03", "B04")
    bands = {name: (0.05 + 0.02 * rng.random(GRID.shape)).astype(np.float32) for name in names}
    for values in bands.values():
        values[58:64, 55:63] *= 3
        values[:10, :10] = np.nan
    return Snapshot("", of, GRID, bands)


def site(**changes: Any) -> Site:
    """A confirmed earthwork site."""
    first = datetime(2024, 6, 1, 1, 30, tzinfo=UTC)
    made = Site(
        id="s-0123456789",
        aoi="w",
        kind=Kind.EARTHWORK,
        outline=OUTLINE,
        anchor=(60, 58),
        status=SiteStatus.TICKETED,
        first_seen_at=first,
        first_confirmed_at=datetime(2024, 6, 20, 20, 30, tzinfo=UTC),
        last_support_at=first,
        hit_days=(date(2024, 6, 1),),
        hits=3,
        looks=7,
        openings=1,
        quiet_looks=0,
        area_m2=1243.0,
        area_error_m2=268.0,
        score_max=7.5,
        start=StartInterval(date(2024, 5, 2), date(2024, 6, 20)),
        evidence={"ndvi_expected_1": 0.78, "ndvi_1": 0.21, "vv_change_dB": 3.14},
    )
    return replace(made, **changes)


def aoi(**changes: Any) -> AOI:
    """The watched area."""
    return replace(AOI("w", "試験区", "Test area", GRID.footprint_lonlat, GRID), **changes)


def request(simulated: bool = False, sensor: Sensor = Sensor.S2, **changes: Any) -> TicketRequest:
    """A full request; keyword arguments replace fields."""
    before, after = scene("2024-05-02", sensor, simulated), scene("2024-06-20", sensor, simulated, hour=20)
    values = np.full(GRID.shape, -4.0, np.float32)
    values[58:64, 55:63] = 6.0
    made = TicketRequest(
        ticket=Ticket("t-9f8e7d6c", "s-0123456789", "w", 1, after.acquired_at, after.id, 87.0, ("kind_earthwork",)),
        site=site(),
        aoi=aoi(),
        place=locate(139.27, 35.66, TABLE),
        after=snapshot(after),
        score=ScoreField(GRID, values),
        location=snapshot(after),
        profile_sha256="ab" * 32,
        chain_head=ChainHead(41, "cd" * 32),
        before=snapshot(before),
        scenes=(SceneUse(SceneRole.REFERENCE, scene("2023-05-02", sensor, simulated)),),
    )
    return replace(made, **changes)
