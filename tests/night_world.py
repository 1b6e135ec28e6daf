"""A small simulated place for tests of whole nights: 72 x 72 pixels, twenty months, one fill."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from shapely.geometry import box

from sat_monitor.approval import approve
from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.domain import AOI, Site, Ticket
from sat_monitor.core.grid import reproject
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.aois import AoiRegistry, aoi_from_outline
from sat_monitor.imagery.archive import Archive
from sat_monitor.night import NightRequest, run_night
from sat_monitor.report import NightReport
from sat_monitor.simulate.scenes import render_scenes
from sat_monitor.simulate.world import World, WorldSpec, build_world
from sat_monitor.store.store import Store

AOI_ID = "small"
FIRST, LAST = date(2025, 2, 1), date(2026, 9, 20)
FROM = date(2026, 6, 1)
CLOCK = fixed_clock(datetime(2026, 9, 21, 17, 30, tzinfo=UTC))


def small_aoi() -> AOI:
    x, y, side = 339_000.0, 3_952_000.0, 720.0
    outline = reproject(box(x, y, x + side, y + side), 32654, 4326)
    return aoi_from_outline(AOI_ID, outline, "試験", "Test", epsg=32654, margin_m=0.0)


def quiet(_: str) -> None:
    """No progress."""


def approved(home: Home, profile: Profile) -> None:
    """Let the nights of `home` use a profile, as a person would; the shipped one needs nobody."""
    if profile == Profile():
        return
    home.root.mkdir(parents=True, exist_ok=True)
    with Store(home.database, CLOCK) as store, store.lease("test", 60) as lease:
        approve((store, lease), profile, "Tester", "a test of another profile")


@dataclass(frozen=True)
class Place:
    """A home with its AOI and a full inbox, and the world behind it."""

    home: Home
    world: World

    def night(self, first: date | None = FROM, last: date = LAST, profile: Profile | None = None) -> NightReport:
        request = NightRequest(self.home, (AOI_ID,), first, last, profile or Profile())
        approved(self.home, request.profile)
        return run_night(request, CLOCK, quiet)

    def sites(self) -> list[Site]:
        with Store(self.home.database, CLOCK) as store:
            return store.sites(AOI_ID)

    def valid_tickets(self) -> list[Ticket]:
        with Store(self.home.database, CLOCK) as store:
            return [t for t in store.tickets(AOI_ID) if t.withdrawn_reason is None]

    def dump(self) -> list[str]:
        """Every row of every table but the run_* ones."""
        with sqlite3.connect(self.home.database) as connection:
            return [line for line in connection.iterdump() if "run_" not in line]

    def dump_truth(self) -> list[str]:
        """Sites, tickets, looks and scenes, row by row, in one order: what must not depend on how a night went."""
        tables = ("scenes", "looks", "sites", "tickets")
        with sqlite3.connect(self.home.database) as connection:
            return [repr(row) for table in tables for row in sorted(connection.execute(f"SELECT * FROM {table}"))]

    def image(self, position: int) -> Path:
        """The archived file of the n-th scene in time order."""
        with Store(self.home.database, CLOCK) as store:
            scene = store.scenes(AOI_ID)[position]
        return self.home.archive / AOI_ID / "scenes" / scene.id / f"{scene.id}.tif"


def build(root: Path) -> Place:
    home = Home(root)
    aoi = AoiRegistry(home.aoi).add(small_aoi())
    world = build_world(WorldSpec(aoi, seed=11, first=FIRST, last=LAST, fills=1))
    inbox = Archive(home.inbox)
    with inbox.batch():
        for offer, raster in render_scenes(world):
            inbox.put_scene(offer, raster)
    return Place(home, world)


def copied(place: Place, root: Path) -> Place:
    shutil.copytree(place.home.root, root, dirs_exist_ok=True)
    return Place(Home(root), place.world)


def keep_scenes(place: Place, wanted: Callable[[str], bool], aside: Path) -> None:
    """Move the inbox scenes that are not `wanted` (by id) to `aside`, and list the rest anew."""
    folder = place.home.inbox / AOI_ID / "scenes"
    for scene in sorted(path for path in folder.iterdir() if path.is_dir() and not wanted(path.name)):
        aside.mkdir(parents=True, exist_ok=True)
        shutil.move(scene, aside / scene.name)
    relist(place)


def bring_back(place: Place, aside: Path) -> None:
    """Put the scenes of `aside` into the inbox again."""
    for scene in sorted(aside.iterdir()):
        shutil.move(scene, place.home.inbox / AOI_ID / "scenes" / scene.name)
    relist(place)


def relist(place: Place) -> None:
    from sat_monitor.imagery.catalog import write_collection

    write_collection(place.home.inbox, place.home.inbox / AOI_ID / "scenes")


def day_of(name: str) -> date:
    """The UTC day in a simulated scene id."""
    return datetime.strptime(name.split("_")[1][:8], "%Y%m%d").replace(tzinfo=UTC).date()


def later(day: date, days: int) -> date:
    return day + timedelta(days=days)
