"""Made layers over a simulated world: zones, registers, hazards, houses, roads; with the truth of who had a permit.

Kinds and fields are named as `sat_monitor.overlays` reads them. Nothing here is real; every layer says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.features import shapes
from shapely import STRtree, affinity, get_coordinates
from shapely.geometry import LineString, MultiLineString, Point, box, mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring, unary_union

from sat_monitor.core.domain import BoolArray
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.imagery.files import write_whole
from sat_monitor.simulate.drainage import drains_to
from sat_monitor.simulate.events import Event
from sat_monitor.simulate.kinds import Cover, EventKind
from sat_monitor.simulate.terrain import STREAM_M2
from sat_monitor.simulate.world import World

#: Purposes of randomness, beyond those of the world's pictures.
_PERMITS, _HAZARDS, _KNOWN, _HOUSES = 101, 102, 103, 104
#: Share of illegal-by-kind fills that have a permit after all, by what it covers.
_PERMIT_SHARES = (0.10, 0.15, 0.15)
#: Share of fills with a debris-flow zone below, and of those with houses in it; where the zone begins and ends, m.
_ZONE_SHARE, _HOUSE_SHARE = 0.6, 0.6
_ZONE_FROM_M, _ZONE_LONG_M, _ZONE_WIDE_M = (150.0, 800.0), 200.0, 30.0
_TOWN_HOUSES = 150
#: Houses so far down the water's way are above no danger that the truth counts, m.
_REACH_M = 1000.0
_KNOWN_SHARE = 0.2


class PermitTruth(StrEnum):
    """What a permit says of a work."""

    NONE = "none"
    FULL = "full"
    PARTLY = "partly"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class MadeFeature:
    """An entry: shape in metres of the world's EPSG, fields by name."""

    geometry: BaseGeometry
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MadeLayer:
    """A layer of a kind as `overlays import` names it."""

    kind: str
    epsg: int
    features: tuple[MadeFeature, ...]

    def geojson(self) -> dict[str, Any]:
        """The layer as a FeatureCollection in lon/lat."""
        features = [
            {
                "type": "Feature",
                "geometry": mapping(reproject(one.geometry, self.epsg, 4326)),
                "properties": {**dict(one.fields), "simulated": True},
            }
            for one in self.features
        ]
        return {"type": "FeatureCollection", "simulated": True, "features": features}


@dataclass(frozen=True, slots=True)
class LegalTruth:
    """What is true of an event: its permit, the way of water to the first debris-flow zone (m), houses by that way."""

    event_id: str
    permit: PermitTruth
    zone_below_m: float | None
    above_houses: bool
    designated_on: date

    @property
    def permitted(self) -> bool:
        """Whether all of it was allowed while it was done."""
        return self.permit is PermitTruth.FULL


@dataclass(frozen=True, slots=True)
class MadeOverlays:
    """The layers of a world, and the truth of each of its earthworks, in their order."""

    layers: tuple[MadeLayer, ...]
    truth: tuple[LegalTruth, ...]

    def layer(self, kind: str) -> MadeLayer:
        """The layer of a kind; raises KeyError where none was made."""
        found = next((one for one in self.layers if one.kind == kind), None)
        if found is None:
            raise KeyError(kind)
        return found


@dataclass(frozen=True, slots=True)
class _Below:
    """What was put into the valley below an event, and the way of its water."""

    path: LineString
    zone: BaseGeometry | None = None
    houses: tuple[BaseGeometry, ...] = ()


@dataclass(frozen=True, slots=True)
class _Zone:
    code: str
    authority: str
    notice: str
    designated_on: date
    area: BaseGeometry


def made_overlays(world: World) -> MadeOverlays:
    """Layers over a world and their truth; the same ones every time."""
    zones, below = _zones(world), _below(world)
    permits, buildings = _permit_truth(world), _houses(world, below)
    truth = _truth(world, permits, below, [house.geometry for house in buildings], zones)
    made = {
        "municipalities": _municipalities(world),
        "zones": [
            MadeFeature(z.area, _fields(zone=z.code, authority=z.authority, notice=z.notice,
                                        designated_on=z.designated_on.isoformat()))
            for z in zones
        ],
        **_registers(world, permits),
        "hazards": [
            MadeFeature(one.zone, _fields(hazard="debris_flow", name=f"模擬沢{number}"))
            for number, one in enumerate(below, start=1) if one.zone is not None
        ],
        "buildings": buildings,
        "roads": [MadeFeature(area, _fields(name="模擬道")) for area in _areas(world.grid, world.cover.where(Cover.ROAD))],
        "streams": _streams(world),
        "known_fills": _known(world),
        "places": _places(world),
    }  # fmt: skip
    layers = tuple(MadeLayer(kind, world.grid.epsg, tuple(features)) for kind, features in made.items() if features)
    return MadeOverlays(layers, truth)


def write_overlays(made: Sequence[MadeOverlays], folder: Path) -> dict[str, Path]:
    """One GeoJSON per kind over all worlds, as an office would hand them out: path by kind."""
    paths: dict[str, Path] = {}
    for kind in sorted({layer.kind for one in made for layer in one.layers}):
        parts = [layer.geojson() for one in made for layer in one.layers if layer.kind == kind]
        whole = {**parts[0], "features": [feature for part in parts for feature in part["features"]]}
        paths[kind] = write_whole(folder / f"{kind}.geojson", json.dumps(whole, ensure_ascii=False).encode())
    return paths


def _truth(
    world: World, permits: list[PermitTruth], below: list[_Below], houses: list[BaseGeometry], zones: tuple[_Zone, ...]
) -> tuple[LegalTruth, ...]:
    """What is true of each fill, with whatever was made for its neighbours in the same valley."""
    debris, tree = unary_union([one.zone for one in below if one.zone is not None]), STRtree(houses)
    made = []
    for fill, permit, one in zip(world.fills, permits, below, strict=True):
        met = one.path.intersection(debris)
        away = None if met.is_empty else min(one.path.project(Point(place)) for place in get_coordinates(met))
        reach = substring(one.path, 0.0, _REACH_M)
        near = tree.query(reach, predicate="dwithin", distance=_ZONE_WIDE_M)
        made.append(LegalTruth(fill.id, permit, away, bool(len(near)), _designated(fill, zones)))
    return tuple(made)


def _fields(**fields: str) -> tuple[tuple[str, str], ...]:
    return tuple(fields.items())


def _halves(world: World) -> tuple[BaseGeometry, BaseGeometry]:
    """The world west and east of its middle, a little beyond its edge."""
    west, south, east, north = box(*world.grid.bounds).buffer(1000.0, join_style="mitre").bounds
    middle = (west + east) / 2.0
    return box(west, south, middle, north), box(middle, south, east, north)


def _zones(world: World) -> tuple[_Zone, ...]:
    """One zone older than all works, one designated while works go on: both timings occur."""
    west, east = _halves(world)
    early, midway = world.spec.first - timedelta(days=60), _midway(world)
    return (
        _Zone("residential", "模擬市長", "模擬市告示第1号", early, west),
        _Zone("specified", "模擬都知事", "模擬都告示第2号", midway, east),
    )


def _midway(world: World) -> date:
    """A day a little after the middle of the world's time: works begin before and after it."""
    return world.spec.first + 0.55 * (world.spec.last - world.spec.first)


def _designated(fill: Event, zones: tuple[_Zone, ...]) -> date:
    """The day on which the zone that holds most of a fill was designated."""
    return max(zones, key=lambda zone: zone.area.intersection(fill.outline).area).designated_on


def _municipalities(world: World) -> list[MadeFeature]:
    names = (("99201", "模擬市"), ("99301", "模擬町"))
    return [MadeFeature(a, _fields(code=c, name=n)) for a, (c, n) in zip(_halves(world), names, strict=True)]


def _permit_truth(world: World) -> list[PermitTruth]:
    """Permitted works have a full permit; of the others some have one, in part or no longer."""
    rng, drawn = world.rng(_PERMITS), []
    bounds = np.cumsum(_PERMIT_SHARES)
    for fill in world.fills:
        number = int(np.searchsorted(bounds, rng.random(), side="right"))
        other = (PermitTruth.FULL, PermitTruth.PARTLY, PermitTruth.EXPIRED, PermitTruth.NONE)[number]
        drawn.append(PermitTruth.FULL if fill.kind is EventKind.PERMITTED_WORKS else other)
    return drawn


def _registers(world: World, permits: list[PermitTruth]) -> dict[str, list[MadeFeature]]:
    """Fill permits of all works that have one, development permits of half of the full ones instead."""
    made: dict[str, list[MadeFeature]] = {"fill_permits": [], "development_permits": []}
    for number, (fill, permit) in enumerate(zip(world.fills, permits, strict=True), start=1):
        if permit is PermitTruth.NONE:
            continue
        register = "development_permits" if permit is PermitTruth.FULL and number % 2 else "fill_permits"
        begins, ends = fill.cleared_on - timedelta(days=30), fill.ready_on + timedelta(days=120)
        if permit is PermitTruth.EXPIRED:
            begins, ends = begins - timedelta(days=900), fill.cleared_on - timedelta(days=200)
        fields = _fields(number=f"模擬{number:04d}", begins_on=begins.isoformat(), ends_on=ends.isoformat())
        made[register].append(MadeFeature(_covered(fill, permit), fields))
    return made


def _covered(fill: Event, permit: PermitTruth) -> BaseGeometry:
    """The permitted ground: the outline and a little more, or its southern half or so."""
    whole = fill.outline.buffer(10.0)
    west, south, east, north = whole.bounds
    return whole if permit is not PermitTruth.PARTLY else whole.intersection(
        box(west, south, east, south + 0.45 * (north - south))
    )  # fmt: skip


def _below(world: World) -> list[_Below]:
    """For some of the fills, a debris-flow zone down their valley, and for some of those houses in it."""
    rng, parents = world.rng(_HAZARDS), drains_to(world.terrain.height_m)
    return [_down_from(fill, world, parents, rng) for fill in world.fills]


def _down_from(fill: Event, world: World, parents: Any, rng: np.random.Generator) -> _Below:
    begin, has_zone, has_houses = rng.uniform(*_ZONE_FROM_M), rng.random() < _ZONE_SHARE, rng.random() < _HOUSE_SHARE
    path = flow_line(fill, world, parents)
    if not has_zone or path.length < begin + _ZONE_WIDE_M:
        return _Below(path)
    # Steps of whole pixels make a path longer than it looks: where it is cut is where it is measured.
    end = min(path.length, begin + _ZONE_LONG_M)
    stretch = LineString([path.interpolate(at) for at in np.linspace(begin, end, 12)])
    zone = stretch.buffer(_ZONE_WIDE_M, cap_style="flat")
    if zone.intersects(fill.outline):
        return _Below(path)
    places = [path.interpolate(at) for at in np.linspace(begin + 20.0, end - 5.0, 3)] if has_houses else []
    return _Below(path, zone, tuple(_house(place, rng) for place in places))


def flow_line(fill: Event, world: World, parents: Any) -> LineString:
    """The way of the water from the lowest ground of a fill to the edge of the world, metres."""
    grid, window = world.grid, fill.plot.window
    heights = np.where(fill.plot.inside > 0.5, world.terrain.height_m[window.slices], np.inf)
    row, col = np.unravel_index(int(np.argmin(heights)), heights.shape)
    cell = (window.row + int(row)) * grid.width + window.col + int(col)
    cells = [cell]
    while parents.flat[cells[-1]] >= 0:
        cells.append(int(parents.flat[cells[-1]]))
    places = [_centre(grid, cell) for cell in cells]
    return LineString(places if len(places) > 1 else [places[0], places[0]])


def _centre(grid: Grid, cell: int) -> tuple[float, float]:
    row, col = divmod(cell, grid.width)
    return grid.to_metres(row + 0.5, col + 0.5)


def _house(place: Point, rng: np.random.Generator) -> BaseGeometry:
    half = rng.uniform(4.0, 7.0)
    square = box(place.x - half, place.y - half, place.x + half, place.y + half)
    return affinity.rotate(square, float(rng.uniform(0.0, 90.0)))


def _houses(world: World, below: list[_Below]) -> list[MadeFeature]:
    """The houses below fills, and houses of the town."""
    rng, grid = world.rng(_HOUSES), world.grid
    town = np.flatnonzero(world.cover.where(Cover.TOWN))
    cells = rng.choice(town, min(_TOWN_HOUSES, town.size), replace=False) if town.size else town
    squares = [_house(Point(_centre(grid, int(cell))), rng) for cell in cells]
    return [MadeFeature(one, _fields(building="house")) for one in (*squares, *(h for b in below for h in b.houses))]


def _streams(world: World) -> list[MadeFeature]:
    """The courses of water above the catchment at which a stream begins, as one entry."""
    grid, parents = world.grid, drains_to(world.terrain.height_m)
    wet = np.flatnonzero((world.terrain.catchment_m2 > STREAM_M2) & (parents >= 0))
    lines = [(_centre(grid, int(cell)), _centre(grid, int(parents.flat[cell]))) for cell in wet]
    return [MadeFeature(MultiLineString(lines), _fields(name="模擬川"))] if lines else []


def _known(world: World) -> list[MadeFeature]:
    """An inventory that knows a few of the fills, drawn loosely."""
    rng = world.rng(_KNOWN)
    known = [(n, fill) for n, fill in enumerate(world.fills, start=1) if rng.random() < _KNOWN_SHARE]
    return [MadeFeature(f.outline.buffer(8.0).simplify(5.0), _fields(name=f"既知盛土{n}")) for n, f in known]


def _places(world: World) -> list[MadeFeature]:
    west, south, east, north = world.grid.bounds
    middle = (south + north) / 2.0
    names = (("模擬峠", west + 0.25 * (east - west)), ("模擬橋", west + 0.75 * (east - west)))
    return [MadeFeature(Point(x, middle), _fields(name=name)) for name, x in names]


def _areas(grid: Grid, mask: BoolArray) -> list[BaseGeometry]:
    """Connected pixels as outlines, metres."""
    found = shapes(mask.astype(np.uint8), mask=mask, transform=grid.affine, connectivity=8)
    return [shape(plain).buffer(0.0) for plain, _ in found]
