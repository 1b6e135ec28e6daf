"""A world with known truth: ground, cover, and everything that happens on it, of known outline and date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any

import numpy as np
from shapely.geometry import box, mapping

from sat_monitor.core.domain import AOI
from sat_monitor.core.grid import Grid, reproject, transformer
from sat_monitor.imagery.aois import PIXEL_M, utm_epsg
from sat_monitor.simulate.config import Landscape, WorldConfig
from sat_monitor.simulate.cover import LandCover, cover_hills, cover_island
from sat_monitor.simulate.events import Event
from sat_monitor.simulate.happenings import (
    Span,
    confusers_by_rate,
    confusers_of,
    earthworks_by_rate,
    fills_of,
)
from sat_monitor.simulate.plots import Land
from sat_monitor.simulate.terrain import Terrain, hills, volcano

_DEFAULT = WorldConfig()


class Purpose(IntEnum):
    """What randomness is drawn for; each is independent of every other."""

    GROUND = 0
    COLOUR = 1
    ECHO = 2
    SPRING = 3
    CLOUDS = 4
    SKY = 5
    PASS = 6
    RAIN = 7
    CROPS = 8
    FARMERS = 9
    SNOW = 10
    SPELLS = 11
    SENSOR = 12
    SHIFT = 13
    CLASSES = 14


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """What to build: place, seed, first and last day (UTC) of imagery, and the configuration of sensors and events.

    With `fills` given, the world is a demonstration of so many fills and two confusers; without, events come at the
    configured rates. `island` makes it a volcano in the sea.
    """

    aoi: AOI
    seed: int
    first: date
    last: date
    fills: int | None = None
    island: bool = False
    config: WorldConfig = _DEFAULT


@dataclass(frozen=True, slots=True)
class World:
    """The ground with everything that happens on it: `fills` are all earthworks, `confusers` everything else."""

    spec: WorldSpec
    terrain: Terrain
    cover: LandCover
    fills: tuple[Event, ...]
    confusers: tuple[Event, ...]

    @property
    def grid(self) -> Grid:
        """The pixel grid: the AOI's."""
        return self.spec.aoi.grid

    @property
    def span(self) -> Span:
        """First and last day."""
        return Span(self.spec.first, self.spec.last)

    def rng(self, *purpose: int) -> np.random.Generator:
        """Randomness for one purpose: independent of every other, so that scenes may be drawn in any order."""
        return np.random.default_rng([self.spec.seed, *purpose])


def spec_of(config: WorldConfig, seed: int) -> WorldSpec:
    """The specification of one world of a configuration: a square of its own, watched to its edge."""
    place = config.place
    epsg, half = utm_epsg(place.lon, place.lat), place.side_px // 2
    x, y = (round(v / PIXEL_M) for v in transformer(4326, epsg).transform(place.lon, place.lat))
    grid = Grid(epsg, (x - half) * PIXEL_M, (y + half) * PIXEL_M, PIXEL_M, place.side_px, place.side_px)
    name = f"{config.name}-{seed}"
    outline = reproject(box(*grid.bounds), epsg, 4326)
    aoi = AOI(name, f"模擬 {name}", f"Simulated {name}", outline, grid)
    return WorldSpec(aoi, seed, config.first, config.last, None, place.landscape is Landscape.ISLAND, config)


def build_world(what: WorldSpec | WorldConfig) -> World:
    """The world of a specification, or of a configuration's first seed; the same one every time.

    Raises ValueError where its earthworks have no room.
    """
    spec = spec_of(what, what.seeds[0]) if isinstance(what, WorldConfig) else what
    grid, rng = spec.aoi.grid, np.random.default_rng([spec.seed, Purpose.GROUND])
    ground = (volcano if spec.island else hills)(grid.shape, grid.pixel_m, rng)
    cover = (cover_island if spec.island else cover_hills)(ground, grid.pixel_m, rng)
    land, name = Land.of(grid, ground, cover), spec.aoi.id
    if spec.fills is not None:
        fills = fills_of(land, name, spec.fills, spec.last, rng)
        return World(spec, ground, cover, fills, confusers_of(land, spec.last, rng))
    span, events = Span(spec.first, spec.last), spec.config.events
    fills = earthworks_by_rate(land, name, span, events, rng)
    return World(spec, ground, cover, fills, confusers_by_rate(land, name, span, events, rng))


def truth_geojson(world: World) -> dict[str, Any]:
    """The earthworks as a GeoJSON FeatureCollection in lon/lat: kind, dates (UTC days), areas (m2), volumes (m3)."""
    epsg, aoi = world.grid.epsg, world.spec.aoi.id
    features = [
        {
            "type": "Feature",
            "id": fill.id,
            "geometry": mapping(reproject(fill.outline, epsg, 4326)),
            "properties": {
                "id": fill.id,
                "aoi": aoi,
                "kind": fill.kind.value,
                "cleared_on": fill.cleared_on.isoformat(),
                "filled_on": fill.filled_on.isoformat(),
                "ready_on": fill.ready_on.isoformat(),
                "area_m2": round(fill.area_m2, 1),
                "volume_m3": round(fill.volume_m3, 1),
                "setting": fill.setting,
                "simulated": True,
            },
        }
        for fill in world.fills
    ]
    return {"type": "FeatureCollection", "simulated": True, "features": features}
