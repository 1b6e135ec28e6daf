"""A small world with known truth: ground, cover, and fills of known outline and date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from shapely.geometry import Polygon, mapping

from sat_monitor.core.domain import AOI, FloatArray
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.simulate.cover import FOREST, Cover, LandCover, cover_hills, cover_island
from sat_monitor.simulate.terrain import Terrain, hills, volcano

#: Sub-pixels per side with which an outline's share of a pixel is counted.
_FINE = 5
#: Fills lie this far from each other and from the edge, pixels.
_APART_PX = 12
_EDGE_PX = 8


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
class Event:
    """Something that happens to the ground: cleared from `cleared_on` on, covered from `covered_on` until `ready_on`.

    `share` (y, x) float32 is the part of each pixel inside `outline` (metres of the AOI's EPSG). `becomes` is None
    for a fill (bare worked soil), else the cover that grows or stands there afterwards.
    """

    id: str
    outline: Polygon
    share: FloatArray
    cleared_on: date
    covered_on: date
    ready_on: date
    becomes: Cover | None
    setting: str

    @property
    def area_m2(self) -> float:
        """Area of the outline, m2."""
        return float(self.outline.area)


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
    """The world of a specification; the same one every time."""
    grid, rng = spec.aoi.grid, np.random.default_rng([spec.seed, 0])
    ground = (volcano if spec.island else hills)(grid.shape, grid.pixel_m, rng)
    cover = (cover_island if spec.island else cover_hills)(ground, grid.pixel_m, rng)
    free = _free_ground(ground, cover)
    fills = tuple(_fill(spec, number, cover, free, rng) for number in range(1, spec.fills + 1))
    return World(spec, ground, cover, fills, _confusers(spec, cover, free, rng))


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
                "filled_on": fill.covered_on.isoformat(),
                "ready_on": fill.ready_on.isoformat(),
                "area_m2": round(fill.area_m2, 1),
                "setting": fill.setting,
                "simulated": True,
            },
        }
        for fill in world.fills
    ]
    return {"type": "FeatureCollection", "simulated": True, "features": features}


def _free_ground(ground: Terrain, cover: LandCover) -> NDArray[np.bool_]:
    """Where something may be built: wooded or grassy, not too steep, within reach of a road, off the edge."""
    green = cover.where(*FOREST, Cover.GRASS)
    reach = ndimage.binary_dilation(cover.where(Cover.ROAD, Cover.FIELD, Cover.TOWN), iterations=25)
    inner = np.zeros(green.shape, bool)
    inner[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX] = True
    return np.asarray(ndimage.binary_erosion(green, iterations=3) & (ground.slope_deg < 28.0) & reach & inner)


def _fill(spec: WorldSpec, number: int, cover: LandCover, free: NDArray[np.bool_], rng: np.random.Generator) -> Event:
    """One fill: cleared, then covered with soil over weeks, and bare since."""
    area = float(np.exp(rng.uniform(np.log(700.0), np.log(12_000.0))))
    row, col = _site(free, rng)
    outline = _blob(spec.aoi.grid, row, col, area, rng)
    cleared = spec.last - timedelta(days=int(rng.integers(95, 190)))
    covered = cleared + timedelta(days=int(rng.integers(8, 35)))
    ready = covered + timedelta(days=int(rng.integers(20, 60)))
    setting = Cover(int(cover.classes[row, col])).name.lower()
    share = _share(outline, spec.aoi.grid)
    return Event(f"{spec.aoi.id}-fill-{number}", outline, share, cleared, covered, ready, None, setting)


def _confusers(
    spec: WorldSpec, cover: LandCover, free: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Event, ...]:
    """A clear-cut that greens over, and a new roof among fields: real changes that are no fill."""
    row, col = _site(free & cover.where(*FOREST), rng)
    cut = _blob(spec.aoi.grid, row, col, 6000.0, rng)
    felled = spec.last - timedelta(days=int(rng.integers(380, 480)))
    grown = felled + timedelta(days=150)
    made = [Event("clear-cut", cut, _share(cut, spec.aoi.grid), felled, felled, grown, Cover.GRASS, "forest")]
    fields = ndimage.binary_erosion(cover.where(Cover.FIELD), iterations=2)
    if fields.any():
        row, col = _site(fields, rng)
        roof = _blob(spec.aoi.grid, row, col, 1500.0, rng)
        built = spec.last - timedelta(days=int(rng.integers(300, 500)))
        share = _share(roof, spec.aoi.grid)
        made.append(Event("roof", roof, share, built, built, built + timedelta(days=30), Cover.TOWN, "field"))
    return tuple(made)


def _site(free: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int]:
    """A free pixel (row, col); the ground around it is taken from then on. ValueError where none is left."""
    places = np.argwhere(free)
    if places.size == 0:
        raise ValueError("no free ground is left: fewer fills or a larger place")
    row, col = (int(v) for v in places[rng.integers(len(places))])
    free[max(0, row - _APART_PX) : row + _APART_PX, max(0, col - _APART_PX) : col + _APART_PX] = False
    return row, col


def _blob(grid: Grid, row: int, col: int, area_m2: float, rng: np.random.Generator) -> Polygon:
    """A smooth irregular outline of exactly `area_m2` about a pixel, metres."""
    angle = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    stretch = rng.uniform(1.0, 1.6)
    radius = 1.0 + 0.18 * np.sin(2 * angle + rng.uniform(0, 6)) + 0.12 * np.sin(3 * angle + rng.uniform(0, 6))
    turn = rng.uniform(0.0, np.pi)
    along, across = radius * np.cos(angle) * stretch, radius * np.sin(angle)
    x = along * np.cos(turn) - across * np.sin(turn)
    y = along * np.sin(turn) + across * np.cos(turn)
    size = np.sqrt(area_m2 / Polygon(np.column_stack([x, y])).area)
    centre = grid.to_metres(row + 0.5, col + 0.5)
    return Polygon(np.column_stack([centre[0] + x * size, centre[1] + y * size]))


def _share(outline: Polygon, grid: Grid) -> FloatArray:
    """Part of each pixel (y, x) that lies inside, 0..1."""
    fine = Grid(grid.epsg, grid.x0, grid.y0, grid.pixel_m / _FINE, grid.height * _FINE, grid.width * _FINE)
    drawn = rasterize([(outline, 1)], out_shape=fine.shape, transform=fine.affine, dtype=np.uint8)
    parts = drawn.reshape(grid.height, _FINE, grid.width, _FINE)
    return np.asarray(parts.mean(axis=(1, 3)), np.float32)
