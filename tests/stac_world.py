"""An open STAC catalogue on loopback, and a source that fetches from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sat_monitor.core.clock import system_clock
from sat_monitor.core.domain import Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.fetch import Door, Machine
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.retry import Budget
from sat_monitor.imagery.service import Meter, NoMeter, Service
from sat_monitor.imagery.source import Offer
from sat_monitor.imagery.stac import StacSource
from sat_monitor.imagery.stac_sites import StacSite
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.open_stac import ELEVATION, Habits, OpenStac
from sat_monitor.standin.server import StandIn
from tests.imagery_world import GRID, aoi_on, offer, optical_raster, sar_raster
from tests.service_world import BUDGET, END, START

#: Larger than the first range that is asked for, so that files come in parts.
WIDE = Grid(32654, 339_000.0, 3_953_000.0, 10.0, 600, 520)


def fine(raster: Raster) -> Raster:
    """A scene as it survives a provider that keeps B11, B12 and SCL at 20 m, and digital numbers."""
    bands = dict(raster.bands)
    for band, values in raster.bands.items():
        if band in ("B11", "B12", "SCL"):
            rows, cols = values.shape
            bands[band] = values[::2, ::2].repeat(2, 0).repeat(2, 1)[:rows, :cols]
        if band != "SCL":
            bands[band] = (np.rint(bands[band] * 1e4) / 1e4).astype(np.float32)
    return Raster(raster.grid, bands)


def provider(root: Path, grid: Grid = GRID, days: range = range(0, 10, 5), baseline: str = "05.11") -> Holdings:
    """A provider with one optical and one SAR scene on each of `days`."""
    archive = Archive(root)
    for day in days:
        archive.put_scene(offer(Sensor.S2, day, processing_baseline=baseline), fine(optical_raster(grid, 10 * day + 1)))
        archive.put_scene(offer(Sensor.S1, day), sar_raster(grid, 10 * day + 1))
    holdings = Holdings(archive)
    holdings.add_scenes(archive.scenes("plot"))
    return holdings


@dataclass
class OpenWorld:
    """A running catalogue, what it holds, and the folder for answers."""

    stand_in: StandIn
    stac: OpenStac
    scratch: Path
    slept: list[float] = field(default_factory=list)

    def site(self) -> StacSite:
        url, habits = self.stand_in.url, self.stac.habits
        collections = {sensor: name for name, sensor in habits.collections.items()}
        sign = f"{url}/sas" if habits.signed else ""
        hosts = frozenset({self.stand_in.host})
        return StacSite("stand-in", f"{url}/stac", hosts, collections, ELEVATION, sign)

    def door(self, budget: Budget = BUDGET, meter: Meter | None = None, **machine: Any) -> Door:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            await asyncio.sleep(seconds)

        parts = {"sleep": sleep, "draw": lambda: 0.0, "clock": system_clock, **machine}
        service = Service("stac", self.site().hosts, 1e6, 1e6)
        return Door(service, meter or NoMeter(), Machine(self.scratch, **parts), budget=budget)

    def source(self, door: Door | None = None) -> StacSource:
        site = self.site()
        return StacSource(site, tuple(site.collections), door or self.door(), self.scratch, simulated=True)

    def offers(self, grid: Grid = GRID) -> tuple[Offer, ...]:
        return self.source().listing(aoi_on(grid), START, END).offers

    def truth(self, wanted: Offer) -> dict[str, Any]:
        """The pixels of the scene behind an offer, by band."""
        archive = self.stac.holdings.archive
        [scene] = [s for s in archive.scenes("plot", wanted.sensor) if s.acquired_at == wanted.acquired_at]
        return archive.read(scene, archive.bands(scene), scene.grid)


@contextmanager
def open_world(holdings: Holdings, scratch: Path, habits: Habits) -> Iterator[OpenWorld]:
    stac = OpenStac(holdings, habits)
    with StandIn([stac]) as stand_in:
        yield OpenWorld(stand_in, stac, scratch)
