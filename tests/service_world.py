"""A provider on loopback with a few small scenes, and a source that fetches from it; nothing waits longer than a blink."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

from sat_monitor.core.clock import system_clock
from sat_monitor.core.domain import AOI, Sensor
from sat_monitor.core.errors import SatMonitorError, ServiceError
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.fetch import Door, Machine
from sat_monitor.imagery.login import Credentials, Login
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.retry import Budget
from sat_monitor.imagery.sentinel_hub import HubSite, SentinelHubSource
from sat_monitor.imagery.service import Meter, NoMeter, Service
from sat_monitor.imagery.source import Offer
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.hub import Hub
from sat_monitor.standin.server import Reply, StandIn
from tests.imagery_world import GRID, aoi_on, noise, offer, optical_raster, sar_raster

#: The canary: it must show in no log, database, report or error.
CLIENT = ("canary-client-5f1c", "canary-secret-93ab")
PROCESS, SEARCH, TOKEN = "/api/v1/process", "/catalog/1.0.0/search", "/token"
START, END = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC)
#: Patience of tests: short waits, deadlines of a second.
BUDGET = Budget(deadline_s=1.0, tries=4, content_tries=3, first_wait_s=0.01, longest_wait_s=5.0)


def aoi() -> AOI:
    return aoi_on(GRID)


def optical(seed: int = 1) -> Raster:
    """All bands that the hub serves, in whole digital numbers."""
    extra = {"B03": 0.06 + 0.005 * noise(GRID.shape, seed + 7), "B12": 0.1 + 0.005 * noise(GRID.shape, seed + 8)}
    raster = optical_raster(GRID, seed, **extra)
    return Raster(
        GRID, {b: v if b == "SCL" else np.rint(v * 1e4).astype(np.float32) / 1e4 for b, v in raster.bands.items()}
    )


def provider(root: Path, days: range = range(0, 20, 5)) -> Holdings:
    """A provider with one optical and one SAR scene on each of `days`."""
    archive = Archive(root)
    for day in days:
        archive.put_scene(offer(Sensor.S2, day, processing_baseline="05.11"), optical(10 * day + 1))
        # An evening pass, so that the two never share an hour.
        evening = offer(Sensor.S1, day)
        later = replace(evening, acquired_at=evening.acquired_at + timedelta(hours=8))
        archive.put_scene(later, sar_raster(GRID, 10 * day + 1))
    holdings = Holdings(archive)
    holdings.add_scenes(archive.scenes("plot"))
    return holdings


@dataclass
class Canary:
    """A service that nobody may ask; it counts who does."""

    hits: list[str] = field(default_factory=list)

    def answer(self, asked: Any) -> Reply | None:
        self.hits.append(asked.path)
        return Reply(200, {"Content-Type": "application/x-tar"}, b"canary")


@dataclass
class World:
    """A running stand-in, what it holds, and the folder for answers."""

    stand_in: StandIn
    holdings: Holdings
    scratch: Path
    slept: list[float] = field(default_factory=list)

    def site(self) -> HubSite:
        url = self.stand_in.url
        return HubSite("stand-in", url, f"{url}/token", frozenset({self.stand_in.host}))

    def door(
        self, budget: Budget = BUDGET, meter: Meter | None = None, client: tuple[str, str] = CLIENT, **machine: Any
    ) -> Door:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            await asyncio.sleep(seconds)

        site = self.site()
        service = Service("hub", site.hosts, 1e6, 1e6, retry_after_ms=True)
        login = Login(site.token_url, Credentials(SecretStr(client[0]), SecretStr(client[1])))
        parts = {"sleep": sleep, "draw": lambda: 0.0, "clock": system_clock, **machine}
        return Door(service, meter or NoMeter(), Machine(self.scratch, **parts), login, budget)

    def source(
        self, door: Door | None = None, sensors: tuple[Sensor, ...] = (Sensor.S1, Sensor.S2)
    ) -> SentinelHubSource:
        return SentinelHubSource(self.site(), sensors, door or self.door(), simulated=True)

    def offers(self, source: SentinelHubSource | None = None) -> tuple[Offer, ...]:
        return (source or self.source()).listing(aoi(), START, END).offers

    def processed(self) -> int:
        """Image requests so far."""
        return len(self.stand_in.asked(PROCESS))


@contextmanager
def world(holdings: Holdings, scratch: Path, trust: ssl.SSLContext | None = None) -> Iterator[World]:
    with StandIn([Hub(holdings, CLIENT)], trust) as stand_in:
        yield World(stand_in, holdings, scratch)


def outcome(source: SentinelHubSource, wanted: Offer) -> str:
    """`pixels` or the number of the error."""
    try:
        source.fetch(wanted, aoi())
    except SatMonitorError as error:
        assert not any(secret in str(error) or secret in repr(error) for secret in CLIENT)
        assert isinstance(error, ServiceError) or error.code < "E13"
        return error.code
    return "pixels"
