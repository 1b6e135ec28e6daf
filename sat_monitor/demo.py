"""The demo: two simulated places, a season of nights, tickets; no network, the same result every time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from shapely.geometry import box

from sat_monitor.core.clock import TOKYO, fixed_clock
from sat_monitor.core.domain import AOI
from sat_monitor.core.grid import reproject, transformer
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.aois import AoiRegistry, aoi_from_outline
from sat_monitor.imagery.archive import Archive
from sat_monitor.night import NightRequest, run_night, stack_reader
from sat_monitor.overlays.importing import Origin, import_overlay
from sat_monitor.overlays.kinds import LayerKind
from sat_monitor.overlays.mapping import LayerMapping
from sat_monitor.report import NightReport
from sat_monitor.simulate.overlays import made_overlays, write_overlays
from sat_monitor.simulate.scenes import render_scenes
from sat_monitor.simulate.world import World, WorldSpec, build_world, truth_geojson

Progress = Callable[[str], None]

FIRST_SCENE = date(2024, 8, 1)
FIRST_NIGHT = date(2026, 5, 1)
LAST_NIGHT = date(2026, 9, 30)
NIGHT_EVERY = timedelta(days=38)
#: The hour of the schedule, Asia/Tokyo.
NIGHT_AT = time(2, 30)


@dataclass(frozen=True, slots=True)
class _Place:
    """A simulated window: id, names, centre (lon, lat), side in pixels of 10 m, fills and seed."""

    id: str
    name_ja: str
    name_en: str
    lon: float
    lat: float
    side_px: int
    fills: int
    seed: int
    island: bool = False


PLACES = (
    _Place("demo-tama", "多摩(模擬)", "Tama (simulated)", 139.245, 35.705, 168, 5, 20240401),
    _Place("demo-oshima", "大島(模擬)", "Oshima (simulated)", 139.40, 34.735, 120, 2, 20240402, island=True),
)


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What the demo made: lines to print, ticket folders, the last night's report, the truth file."""

    lines: tuple[str, ...]
    tickets: tuple[Path, ...]
    night: NightReport
    truth: Path


def run_demo(home: Home, progress: Progress = print, lang: str = "ja") -> DemoReport:
    """Simulate both places, run a season of nights, render the tickets. Idempotent in `home`."""
    worlds = demo_worlds(home)
    inbox = Archive(home.inbox)
    for world in worlds:
        write_scenes(world, inbox, progress)
    import_made_overlays(worlds, home)
    truth = write_truth(worlds, home)
    report = run_nights(home, progress, lang)
    tickets = tuple(sorted(path.parent for path in home.tickets.glob("*/ticket.pdf")))
    return DemoReport(tuple(report_lines(home, worlds, report, truth)), tickets, report, truth)


def demo_worlds(home: Home) -> list[World]:
    """The simulated places; their AOIs are made in `home`."""
    registry = AoiRegistry(home.aoi)
    return [_world(place, registry) for place in PLACES]


def run_nights(home: Home, progress: Progress, lang: str) -> NightReport:
    """A season of nights; returns the report of the last."""
    report, reader = None, stack_reader(_request(home, LAST_NIGHT, lang))
    for night in _nights():
        clock = fixed_clock(datetime.combine(night + timedelta(days=1), NIGHT_AT, TOKYO).astimezone(UTC))
        report = run_night(_request(home, night, lang), clock, progress, reader)
    if report is None:
        raise ValueError(f"no night between {FIRST_NIGHT} and {LAST_NIGHT}")
    return report


def _aoi(place: _Place) -> AOI:
    """The AOI of a place: a square about its centre, watched to its edge."""
    half = place.side_px * 10.0 / 2.0
    x, y = (float(round(v, -1)) for v in transformer(4326, 32654).transform(place.lon, place.lat))
    outline = reproject(box(x - half, y - half, x + half, y + half), 32654, 4326)
    return aoi_from_outline(place.id, outline, place.name_ja, place.name_en, epsg=32654, margin_m=0.0)


def _world(place: _Place, registry: AoiRegistry) -> World:
    aoi = registry.add(_aoi(place))
    return build_world(WorldSpec(aoi, place.seed, FIRST_SCENE, LAST_NIGHT, place.fills, place.island))


def write_scenes(world: World, archive: Archive, progress: Progress) -> None:
    """Render every scene of a world into an archive."""
    with archive.batch():
        for number, (offer, raster) in enumerate(render_scenes(world), start=1):
            scene = archive.put_scene(offer, raster)
            if number % 50 == 0:
                progress(f"{scene.aoi}: {number} scenes simulated, up to {scene.acquired_at:%Y-%m-%d}")


def import_made_overlays(worlds: list[World], home: Home) -> None:
    """Zones, registers and hazards over the simulated places, taken in as an office's files would be."""
    origin = Origin("simulated / 模擬データ", "made for the demo, shows nothing real", FIRST_NIGHT)
    clock = fixed_clock(datetime.combine(FIRST_NIGHT, NIGHT_AT, TOKYO))
    made = write_overlays([made_overlays(world) for world in worlds], home.root / "made_overlays")
    for kind, path in made.items():
        import_overlay(home, LayerKind(kind), path, origin, LayerMapping(), clock)


def write_truth(worlds: list[World], home: Home) -> Path:
    """Write what really happened, beside the database."""
    features = [feature for world in worlds for feature in truth_geojson(world)["features"]]
    path = home.root / "truth.geojson"
    collection = {"type": "FeatureCollection", "simulated": True, "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def _nights() -> list[date]:
    count = (LAST_NIGHT - FIRST_NIGHT) // NIGHT_EVERY
    return [LAST_NIGHT - NIGHT_EVERY * n for n in range(count, -1, -1)]


def _request(home: Home, night: date, lang: str) -> NightRequest:
    return NightRequest(home, tuple(place.id for place in PLACES), FIRST_NIGHT, night, Profile(), lang)


def report_lines(home: Home, worlds: list[World], report: NightReport, truth: Path) -> list[str]:
    """What the demo prints at its end."""
    tickets = sorted(path.parent for path in home.tickets.glob("*/ticket.pdf"))
    places = ", ".join(f"{w.spec.aoi.id} ({w.spec.aoi.name_en})" for w in worlds)
    return [
        "模擬データ / simulated data: no real place was observed",
        f"AOIs: {places}",
        f"Scenes: {FIRST_SCENE} to {LAST_NIGHT}; nights: {FIRST_NIGHT} to {LAST_NIGHT} (Asia/Tokyo)",
        f"Truth: {truth}",
        f"Night report: {report.path}",
        f"Tickets: {len(tickets)} in {home.tickets}",
        *(f"  {folder / 'ticket.pdf'}" for folder in tickets),
    ]
