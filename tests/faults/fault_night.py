"""A small night that fetches, to be disturbed: 128 x 128 pixels, all but the last scenes already taken in.

python -m tests.faults.fault_night HOME URL runs it as a process; the clock is fixed, so that two runs compare.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr
from shapely.geometry import box

from sat_monitor.audit import verify
from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.domain import AOI, Sensor
from sat_monitor.core.grid import reproject
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.aois import AoiRegistry, aoi_from_outline
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.fetch import Door, Machine
from sat_monitor.imagery.login import Credentials, Login
from sat_monitor.imagery.retry import Budget
from sat_monitor.imagery.sentinel_hub import HubSite, SentinelHubSource
from sat_monitor.imagery.service import Service
from sat_monitor.night import NightRequest, run_night
from sat_monitor.simulate.scenes import render_scenes
from sat_monitor.simulate.world import WorldSpec, build_world
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.hub import Hub
from sat_monitor.standin.server import StandIn
from sat_monitor.store.usage import UsageMeter

ROOT = Path(__file__).resolve().parents[2]
AOI_ID = "square"
FIRST, LAST = date(2026, 3, 1), date(2026, 9, 20)
#: Looks begin here; the last scenes are those of the disturbed night.
FROM, BASE = date(2026, 9, 4), date(2026, 9, 13)
CLOCK = fixed_clock(datetime(2026, 9, 20, 17, 30, tzinfo=UTC))
CLIENT = ("client", "secret")
TABLES = ("scenes", "rejections", "looks", "sites", "tickets", "outbox", "profiles")


def square() -> AOI:
    """The place."""
    x, y, side = 339_000.0, 3_952_000.0, 1280.0
    outline = reproject(box(x, y, x + side, y + side), 32654, 4326)
    return aoi_from_outline(AOI_ID, outline, "試験", "Test", epsg=32654, margin_m=0.0)


def night(home: Home, url: str, last: date = LAST) -> int:
    """The night, in this process; 0 done, 1 degraded or failed."""
    host = url.partition("//")[2]
    site = HubSite("stand-in", url, f"{url}/token", frozenset({host}))
    login = Login(site.token_url, Credentials(SecretStr(CLIENT[0]), SecretStr(CLIENT[1])))
    meter = UsageMeter(home.database, CLOCK, {})
    budget = Budget(deadline_s=30.0, tries=3, first_wait_s=0.05)
    door = Door(Service("hub", site.hosts, 1e6, 1e6), meter, Machine(home.answers), login, budget)
    source = SentinelHubSource(site, (Sensor.S1, Sensor.S2), door, simulated=True)
    request = NightRequest(home, (AOI_ID,), FROM, last, Profile(), sources=(source,))
    report = run_night(request, CLOCK, lambda text: None)
    return int(report.degraded)


@dataclass(frozen=True)
class Scenario:
    """A running provider and the home before the disturbed night."""

    stand_in: StandIn
    before: Path

    def copy(self, root: Path) -> Home:
        """A home to disturb."""
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.before, root)
        return Home(root)

    def command(self, home: Home) -> list[str]:
        """The night as a process."""
        return [sys.executable, "-m", "tests.faults.fault_night", str(home.root), self.stand_in.url]

    def run(self, home: Home, *before: str, timeout_s: float = 120.0) -> int:
        """Run the night as a process, behind the words of another command if need be; its exit code."""
        done = subprocess.run(
            [*before, *self.command(home)], cwd=ROOT, env=environment(), timeout=timeout_s,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        return done.returncode


@contextmanager
def scenario(root: Path) -> Iterator[Scenario]:
    """Build the provider and the home of the evening before."""
    provider, before = Archive(root / "provider"), Home(root / "before")
    aoi = AoiRegistry(before.aoi).add(square())
    world = build_world(WorldSpec(aoi, seed=11, first=FIRST, last=LAST, fills=1))
    with provider.batch():
        for offer, raster in render_scenes(world):
            provider.put_scene(offer, raster)
    holdings = Holdings(provider)
    holdings.add_scenes(s for s in provider.scenes(AOI_ID) if s.acquired_at.date() <= BASE)
    with StandIn([Hub(holdings, CLIENT)]) as stand_in:
        night(before, stand_in.url, BASE)
        holdings.add_scenes(provider.scenes(AOI_ID))
        yield Scenario(stand_in, before.root)


def environment() -> dict[str, str]:
    """That of this process: the compile cache is warm, and nothing is reported elsewhere."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class State:
    """What a home holds when all is over; events without those that tell of the disturbance itself."""

    rows: tuple[str, ...]
    events: tuple[str, ...]
    files: tuple[str, ...]
    stray: tuple[str, ...]


def state_of(home: Home) -> State:
    """Tables but run_*, events, archived files by hash, and what should not be there.

    A night that was refused the disk says so (`scene.deferred`), and that stays in the history: it did happen.
    """
    with sqlite3.connect(home.database) as connection:
        rows = [repr(row) for table in TABLES for row in sorted(connection.execute(f"SELECT * FROM {table}"))]
        told = connection.execute("SELECT kind, body FROM events WHERE kind != 'scene.deferred' ORDER BY seq")
        events = [repr(row) for row in told]
    files = [
        f"{path.relative_to(home.root)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(home.archive.rglob("*"))
        if path.is_file()
    ]
    stray = [str(path) for path in home.root.rglob("*") if path.name.endswith(".part") or path.parent == home.answers]
    return State(tuple(rows), tuple(events), tuple(files), tuple(stray))


def check_recovered(scenario: Scenario, home: Home, expected: State) -> str:
    """Run the night undisturbed; what differs from a home that never was disturbed, empty where nothing does."""
    code = night(home, scenario.stand_in.url)
    found = state_of(home)
    parts = []
    for name in State.__dataclass_fields__:
        differ = sorted(set(getattr(found, name)) ^ set(getattr(expected, name)))
        if getattr(found, name) != getattr(expected, name):
            parts.append(f"{name}: {'; '.join(row[:160] for row in differ[:4])}")
    if code != 0:
        parts.append(f"exit code {code}")
    if not verify(home).ok:
        parts.append("history")
    return ", ".join(parts)


if __name__ == "__main__":
    sys.exit(night(Home(Path(sys.argv[1])), sys.argv[2]))
