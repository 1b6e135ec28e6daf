"""Nouns as plain JSON data and back, without loss: what the database keeps and what events hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.domain import (
    Candidate,
    Crossing,
    Direction,
    Kind,
    Look,
    Scene,
    Sensor,
    Site,
    SiteStatus,
    Stage,
    StageDay,
    StageHistory,
    StartInterval,
    Ticket,
    Track,
)
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.items import issue_from_plain, issue_to_plain

Plain = dict[str, Any]


def scene_to_plain(scene: Scene) -> Plain:
    """A scene as plain data."""
    grid, track = scene.grid, scene.track
    return {
        "id": scene.id,
        "aoi": scene.aoi,
        "sensor": scene.sensor.value,
        "platform": scene.platform,
        "acquired_at": iso(scene.acquired_at),
        "track": None if track is None else [track.relative_orbit, track.direction.value],
        "grid": [grid.epsg, grid.x0, grid.y0, grid.pixel_m, grid.height, grid.width],
        "valid_fraction": scene.valid_fraction,
        "cloud_fraction": scene.cloud_fraction,
        "source_id": scene.source_id,
        "request_sha256": scene.request_sha256,
        "file_sha256": scene.file_sha256,
        "pixels_sha256": scene.pixels_sha256,
        "processing_baseline": scene.processing_baseline,
        "simulated": scene.simulated,
        "issue": None if scene.issue is None else issue_to_plain(scene.issue),
    }


def scene_from_plain(plain: Mapping[str, Any]) -> Scene:
    """The inverse of `scene_to_plain`."""
    track = plain["track"]
    changed = {
        "sensor": Sensor(plain["sensor"]),
        "acquired_at": parse_iso(plain["acquired_at"]),
        "track": None if track is None else Track(track[0], Direction(track[1])),
        "grid": Grid(*plain["grid"]),
        "issue": issue_from_plain(plain["issue"]) if plain.get("issue") else None,
    }
    return Scene(**{**plain, **changed})


def look_to_plain(look: Look) -> Plain:
    """A look as plain data; outlines are WKB in hexadecimal, so that they come back bit for bit."""
    return {
        "scene_id": look.scene_id,
        "aoi": look.aoi,
        "sensor": look.sensor.value,
        "acquired_at": iso(look.acquired_at),
        "candidates": [_candidate_to_plain(candidate) for candidate in look.candidates],
        "seen": dict(look.seen),
        "interferometry": look.interferometry,
    }


def look_from_plain(plain: Mapping[str, Any]) -> Look:
    """The inverse of `look_to_plain`."""
    return Look(
        scene_id=plain["scene_id"],
        aoi=plain["aoi"],
        sensor=Sensor(plain["sensor"]),
        acquired_at=parse_iso(plain["acquired_at"]),
        candidates=tuple(_candidate_from_plain(row) for row in plain["candidates"]),
        seen=dict(plain["seen"]),
        interferometry=bool(plain.get("interferometry", False)),
    )


def site_to_plain(site: Site) -> Plain:
    """A site as plain data."""
    return {
        "id": site.id,
        "aoi": site.aoi,
        "kind": site.kind.value,
        "outline": _outline_to_plain(site.outline),
        "anchor": list(site.anchor),
        "status": site.status.value,
        "first_seen_at": iso(site.first_seen_at),
        "first_confirmed_at": None if site.first_confirmed_at is None else iso(site.first_confirmed_at),
        "last_support_at": iso(site.last_support_at),
        "hit_days": [day.isoformat() for day in site.hit_days],
        "hits": site.hits,
        "looks": site.looks,
        "openings": site.openings,
        "quiet_looks": site.quiet_looks,
        "area_m2": site.area_m2,
        "area_error_m2": site.area_error_m2,
        "score_max": site.score_max,
        "start": _start_to_plain(site.start),
        "evidence": dict(site.evidence),
        "scene_ids": list(site.scene_ids),
        "merged_into": site.merged_into,
        "recent_kinds": [kind.value for kind in site.recent_kinds],
        "profile_sha256": site.profile_sha256,
        "stages": _stages_to_plain(site.stages),
        "over_300_m2": _days_to_plain(site.over_300_m2.below_on, site.over_300_m2.over_on),
        "over_500_m2": _days_to_plain(site.over_500_m2.below_on, site.over_500_m2.over_on),
    }


def site_from_plain(plain: Mapping[str, Any]) -> Site:
    """The inverse of `site_to_plain`."""
    confirmed = plain["first_confirmed_at"]
    row, col = plain["anchor"]
    changed = {
        "kind": Kind(plain["kind"]),
        "outline": _outline_from_plain(plain["outline"]),
        "anchor": (row, col),
        "status": SiteStatus(plain["status"]),
        "first_seen_at": parse_iso(plain["first_seen_at"]),
        "first_confirmed_at": None if confirmed is None else parse_iso(confirmed),
        "last_support_at": parse_iso(plain["last_support_at"]),
        "hit_days": tuple(date.fromisoformat(day) for day in plain["hit_days"]),
        "start": _start_from_plain(plain["start"]),
        "scene_ids": tuple(plain["scene_ids"]),
        "recent_kinds": tuple(Kind(kind) for kind in plain["recent_kinds"]),
    }
    # Sites that an older version stored have no stages and no sizes.
    if "stages" in plain:
        changed["stages"] = _stages_from_plain(plain["stages"])
    for name in ("over_300_m2", "over_500_m2"):
        if name in plain:
            changed[name] = Crossing(*_days_from_plain(plain[name]))
    return Site(**{**plain, **changed})


def ticket_to_plain(ticket: Ticket) -> Plain:
    """A ticket as plain data."""
    return {
        "id": ticket.id,
        "site_id": ticket.site_id,
        "aoi": ticket.aoi,
        "ordinal": ticket.ordinal,
        "opened_at": iso(ticket.opened_at),
        "opening_scene_id": ticket.opening_scene_id,
        "priority": ticket.priority,
        "reasons": list(ticket.reasons),
        "withdrawn_reason": ticket.withdrawn_reason,
    }


def ticket_from_plain(plain: Mapping[str, Any]) -> Ticket:
    """The inverse of `ticket_to_plain`."""
    return Ticket(**{**plain, "opened_at": parse_iso(plain["opened_at"]), "reasons": tuple(plain["reasons"])})


def _candidate_to_plain(candidate: Candidate) -> Plain:
    return {
        "outline": _outline_to_plain(candidate.outline),
        "anchor": list(candidate.anchor),
        "kind": candidate.kind.value,
        "area_m2": candidate.area_m2,
        "area_error_m2": candidate.area_error_m2,
        "score_max": candidate.score_max,
        "score_mean": candidate.score_mean,
        "hit": candidate.hit,
        "start": _start_to_plain(candidate.start),
        "evidence": dict(candidate.evidence),
    }


def _candidate_from_plain(plain: Mapping[str, Any]) -> Candidate:
    row, col = plain["anchor"]
    changed = {
        "outline": _outline_from_plain(plain["outline"]),
        "anchor": (row, col),
        "kind": Kind(plain["kind"]),
        "start": _start_from_plain(plain["start"]),
    }
    return Candidate(**{**plain, **changed})


def _stages_to_plain(stages: StageHistory) -> Plain:
    pending = stages.pending
    return {
        "entries": [[entry.stage.value, entry.on.isoformat()] for entry in stages.entries],
        "pending": None if pending is None else [pending.stage.value, pending.on.isoformat()],
        "since": _days_to_plain(stages.green_since, stages.echo_since),
    }


def _stages_from_plain(plain: Mapping[str, Any]) -> StageHistory:
    entries = tuple(_stage_from_plain(row) for row in plain["entries"])
    pending = plain["pending"]
    green, echo = _days_from_plain(plain["since"])
    return StageHistory(entries, None if pending is None else _stage_from_plain(pending), green, echo)


def _stage_from_plain(plain: list[str]) -> StageDay:
    stage, day = plain
    return StageDay(Stage(stage), date.fromisoformat(day))


def _days_to_plain(*days: date | None) -> list[str | None]:
    return [None if day is None else day.isoformat() for day in days]


def _days_from_plain(plain: list[str | None]) -> list[date | None]:
    return [None if day is None else date.fromisoformat(day) for day in plain]


def _outline_to_plain(outline: BaseGeometry) -> str:
    # One byte order on every machine, for the text is hashed; Python's hexadecimal is far faster than GEOS's own.
    return bytes(shapely.to_wkb(outline, byte_order=1)).hex()


def _outline_from_plain(plain: str) -> BaseGeometry:
    return shapely.from_wkb(bytes.fromhex(plain))


def _start_to_plain(start: StartInterval) -> list[str | None]:
    return [None if start.earliest is None else start.earliest.isoformat(), start.latest.isoformat()]


def _start_from_plain(plain: list[str | None]) -> StartInterval:
    earliest, latest = plain
    return StartInterval(None if earliest is None else date.fromisoformat(earliest), date.fromisoformat(str(latest)))
