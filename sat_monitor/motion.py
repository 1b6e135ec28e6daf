"""Moving ground becomes sites and tickets: a list of moving areas is one look of the fold, at the last pass of its stack.

The list says of each area how fast it moves against its surroundings; the look makes a candidate of kind `deformation`
of it, which goes through the same lifecycle as every other. Running twice changes nothing, for the same list gives the
same look, and a look that is known appends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio import Affine
from shapely.geometry.base import BaseGeometry

from sat_monitor.approval import profiles_of
from sat_monitor.core.clock import iso, system_clock
from sat_monitor.core.domain import AOI, Candidate, EventDraft, FloatArray, Kind, Look, Sensor, StartInterval
from sat_monitor.core.errors import DeformationError
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.deformation.alarms import read_geojson
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.files import file_sha256
from sat_monitor.sites.lifecycle import SiteEvent, SiteTable, step
from sat_monitor.store.codec import look_to_plain
from sat_monitor.store.store import Lease, Store
from sat_monitor.tickets.records import MotionProof

ACTOR = "deformation"
#: Share of its area by which the outline of a moving area may err.
_AREA_ERROR = 0.25
_LEASE_SECONDS = 600
#: Layer of a kept motion that a ticket shows.
_VELOCITY = "velocity_los_m_per_yr.tif"


@dataclass(frozen=True, slots=True)
class MotionCommitted:
    """What a list of moving areas changed: whether its look is new, and the tickets that it opened."""

    look: Look
    new: bool
    tickets: tuple[str, ...]


def motion_look(home: Home, aoi: AOI, profile: Profile, known: SiteTable) -> Look | None:
    """The look of the last list of moving areas, None where there is none or it is of an older version.

    Sites of moving ground in `known` that no area meets were seen as far as the list measured its frame.
    Raises DeformationError E2207 where the list is damaged.
    """
    path = home.moving_areas(aoi.id)
    if not path.is_file():
        return None
    rows = read_geojson(path)
    told = json.loads(path.read_text(encoding="utf-8"))
    if "last_day" not in told:
        return None
    last = date.fromisoformat(told["last_day"])
    candidates = [_candidate(aoi, reproject(outline, 4326, aoi.grid.epsg), row, profile) for outline, row in rows]
    share = float(told.get("measured_share", 0.0))
    seen = {site.id: share for site in known.sites.values() if site.kind is Kind.DEFORMATION}
    at = datetime(last.year, last.month, last.day, 12, tzinfo=UTC)
    inside = tuple(c for c in candidates if c is not None)
    return Look(f"motion-{aoi.id}-{last:%Y%m%d}", aoi.id, Sensor.S1, at, inside, seen, interferometry=True)


def commit_motion(shelf: tuple[Store, Lease], home: Home, aoi: AOI, profile: Profile) -> MotionCommitted | None:
    """Take the last list of moving areas into the history: look, sites, tickets, outbox, in one transaction.

    The table is the fold of all looks in their order, so a list that comes late changes what follows from it. Returns
    None where there is no list. Raises DeformationError E2207.
    """
    store, lease = shelf
    older = store.looks(aoi.id)
    look = motion_look(home, aoi, profile, _folded(older, profile)[0])
    if look is None:
        return None
    looks = [each for each in older if each.scene_id != look.scene_id] + [look]
    table, events = _folded(looks, profile, look.scene_id)
    inputs, opened = file_sha256(home.moving_areas(aoi.id)), set(table.tickets) - {t.id for t in store.tickets(aoi.id)}
    with store.transaction(lease) as transaction:
        new = transaction.put_look(look, inputs)
        if new:
            transaction.append(
                EventDraft("look.recorded", ACTOR, {"look": look_to_plain(look), "inputs_sha256": inputs})
            )
            for event in events:
                where = {"site": event.site_id, "scene": event.scene_id, "at": iso(event.at)}
                transaction.append(EventDraft(event.kind, ACTOR, {**where, **event.body}))
            transaction.put_sites(aoi.id, list(table.sites.values()))
            transaction.put_tickets(aoi.id, list(table.tickets.values()))
            for ticket in table.tickets.values():
                if ticket.withdrawn_reason is None:
                    transaction.enqueue(f"{ticket.id}:folder", ticket.id, "folder", {"aoi": ticket.aoi})
    return MotionCommitted(look, new, tuple(sorted(opened)))


def take_motion(home: Home, aoi_id: str) -> MotionCommitted | None:
    """`commit_motion` for an area by its id, under a lease of its own and the profile that nights use.

    None for a stack that is no area of this installation. Raises DeformationError E2207.
    """
    registry = AoiRegistry(home.aoi)
    if not registry.has(aoi_id):
        return None
    aoi = registry.get(aoi_id)
    home.root.mkdir(parents=True, exist_ok=True)
    with Store(home.database, system_clock) as store, store.lease("deformation", _LEASE_SECONDS) as lease:
        return commit_motion((store, lease), home, aoi, profiles_of(store)[0])


def motion_proof(home: Home, aoi: AOI, outline: BaseGeometry, window: Grid) -> MotionProof | None:
    """What a ticket shows of the ground that moves under an outline: the fastest area that touches it, None where none.

    Raises DeformationError E2207 where the list is damaged.
    """
    path = home.moving_areas(aoi.id)
    if not path.is_file():
        return None
    touching = [row for o, row in read_geojson(path) if reproject(o, 4326, aoi.grid.epsg).intersects(outline)]
    touching = [row for row in touching if row.get("series")]
    if not touching:
        return None
    row = max(touching, key=lambda each: abs(float(each["velocity_mm_per_yr"])))
    series = tuple((date.fromisoformat(day), float(value)) for day, value in row["series"])
    velocity = _velocity(home, aoi.id, window)
    since = None if row.get("since") is None else date.fromisoformat(row["since"])
    rate, error = float(row["velocity_mm_per_yr"]), float(row.get("std_mm_per_yr", 0.0))
    return MotionProof(
        series, rate, error, str(row.get("seen_from") or ""), bool(row["faster"]), since, window, velocity
    )


def _folded(looks: Sequence[Look], profile: Profile, told: str = "") -> tuple[SiteTable, tuple[SiteEvent, ...]]:
    """The table after looks, and what the look `told` changed on its way."""
    table, events = SiteTable({}, {}), tuple[SiteEvent, ...]()
    for look in sorted(looks, key=lambda each: each.order):
        moved = step(table, look, profile)
        table = moved.table
        if look.scene_id == told:
            events = moved.events
    return table, events


def _candidate(aoi: AOI, outline: BaseGeometry, row: Mapping[str, Any], profile: Profile) -> Candidate | None:
    """A moving area as a candidate, None where it lies outside of the AOI's grid."""
    centre = outline.representative_point()
    y, x = aoi.grid.to_pixel(centre.x, centre.y)
    if not (0 <= y < aoi.grid.height and 0 <= x < aoi.grid.width):
        return None
    rate, error = float(row["velocity_mm_per_yr"]), float(row["std_mm_per_yr"])
    evidence = {
        "los_velocity_mm_per_yr": rate,
        "los_velocity_error_mm_per_yr": error,
        "los_rate_now_mm_per_yr": float(row["last_rate_mm_per_yr"]),
    }
    onset = row.get("since")
    start = StartInterval(None, date.fromisoformat(onset or str(row["series"][0][0])))
    settings = profile.evidence
    score = float(np.clip(abs(rate) / max(error, 0.1), settings.alarm_score, settings.max_score))
    area = float(row["area_m2"])
    return Candidate(
        outline, (int(y), int(x)), Kind.DEFORMATION, area, _AREA_ERROR * area, score, score, True, start, evidence
    )


def _velocity(home: Home, aoi: str, grid: Grid) -> FloatArray:
    """Velocity of the kept motion at the pixels of a grid, (y, x) float32 mm a year, NaN where nothing was measured."""
    path = home.motion(aoi) / _VELOCITY
    if not path.is_file():
        raise DeformationError("E2207", f"{path.name} of {aoi} is missing")
    with rasterio.open(path, driver="GTiff") as source:
        values, crs, inverse = source.read(1), source.crs, ~source.transform
    rows, cols = np.mgrid[0 : grid.height, 0 : grid.width]
    x, y = grid.x0 + (cols + 0.5) * grid.pixel_m, grid.y0 - (rows + 0.5) * grid.pixel_m
    there = Transformer.from_crs(grid.epsg, crs, always_xy=True).transform(x.ravel(), y.ravel())
    col, row = _apply(inverse, *there)
    inside = (row >= 0) & (row < values.shape[0]) & (col >= 0) & (col < values.shape[1])
    found = np.full(grid.height * grid.width, np.nan, np.float32)
    found[inside] = values[row[inside], col[inside]] * 1e3
    return found.reshape(grid.shape)


def _apply(affine: Affine, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    col, row = affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f
    return np.floor(col).astype(int), np.floor(row).astype(int)
