"""A small world with known truth: ground, cover, and fills of known outline and date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from shapely.geometry import mapping

from sat_monitor.core.domain import AOI
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.simulate.cover import LandCover, cover_hills, cover_island
from sat_monitor.simulate.events import Event, confusers_of, fills_of
from sat_monitor.simulate.plots import Land
from sat_monitor.simulate.terrain import Terrain, hills, volcano


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """What to build: place, seed, first and last day (UTC) of imagery, number of fills, whether it is an island."""

    aoi: AOI
    seed: int
    first: date
    last: date
    fills: int
    island: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """The ground with everything that happens on it; only `fills` are in the truth."""

    spec: WorldSpec
    terrain: Terrain
    cover: LandCover
    fills: tuple[Event, ...]
    confusers: tuple[Event, ...]

    @property
    def grid(self) -> Grid:
        """The pixel grid: the AOI's."""
        return self.spec.aoi.grid

    def rng(self, *purpose: int) -> np.random.Generator:
        """Randomness for one purpose: independent of every other, so that scenes may be drawn in any order."""
        return np.random.default_rng([self.spec.seed, *purpose])


def build_world(spec: WorldSpec) -> World:
    """The world of a specification, the same one every time; raises ValueError where its fills have no room."""
    grid, rng = spec.aoi.grid, np.random.default_rng([spec.seed, 0])
    ground = (volcano if spec.island else hills)(grid.shape, grid.pixel_m, rng)
    cover = (cover_island if spec.island else cover_hills)(ground, grid.pixel_m, rng)
    land = Land.of(grid, ground, cover)
    fills = fills_of(land, spec.aoi.id, spec.fills, spec.last, rng)
    return World(spec, ground, cover, fills, confusers_of(land, spec.last, rng))


def truth_geojson(world: World) -> dict[str, Any]:
    """The fills as a GeoJSON FeatureCollection in lon/lat with their dates (UTC days) and areas (m2)."""
    epsg, aoi = world.grid.epsg, world.spec.aoi.id
    features = [
        {
            "type": "Feature",
            "id": fill.id,
            "geometry": mapping(reproject(fill.outline, epsg, 4326)),
            "properties": {
                "id": fill.id,
                "aoi": aoi,
                "cleared_on": fill.cleared_on.isoformat(),
                "filled_on": fill.filled_on.isoformat(),
                "ready_on": fill.ready_on.isoformat(),
                "area_m2": round(fill.area_m2, 1),
                "setting": fill.setting,
                "simulated": True,
            },
        }
        for fill in world.fills
    ]
    return {"type": "FeatureCollection", "simulated": True, "features": features}
