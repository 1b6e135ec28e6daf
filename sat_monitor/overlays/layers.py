"""The pinned layers of a run, asked around a site: one R-tree per layer, in metres of the AOI's EPSG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyogrio
import shapely
import shapely.ops
from numpy.typing import NDArray
from pyproj import Geod
from shapely import STRtree
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import StartInterval
from sat_monitor.core.grid import transformer
from sat_monitor.core.home import Home
from sat_monitor.core.surroundings import (
    LayerVersion,
    Municipality,
    Permit,
    PermitState,
    RegisterCheck,
    RoadPoint,
    Surroundings,
    Zone,
    ZoneKind,
)
from sat_monitor.overlays.importing import layer_path, newest, record_of
from sat_monitor.overlays.kinds import DEBRIS_FLOW, REGISTERS, LayerKind

Bounds = tuple[float, float, float, float]
#: Within 100 m of a border the municipality is to be checked (METHOD 16); an entry so near a site is worth a look too.
_NEAR_M = 100.0
#: Named places and roads farther away help nobody to find the site.
_PLACE_WITHIN_M, _ROAD_WITHIN_M = 5_000.0, 10_000.0
#: Share of an outline below which two layers only touch along their drawn edges.
_TOUCH = 1e-3
_GEOD = Geod(ellps="GRS80")


@dataclass(frozen=True, slots=True)
class NamedArea:
    """A shape of a layer in metres of the asked EPSG, and what it is called."""

    name: str
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class _Asked:
    """Entries of a layer in one EPSG, with their tree; `texts` are the kept fields, by name."""

    version: LayerVersion
    shapes: NDArray[Any]
    tree: STRtree
    texts: Mapping[str, list[str]]

    def within(self, outline: BaseGeometry, distance_m: float) -> list[int]:
        """Numbers of the entries so near, ascending."""
        return sorted(int(n) for n in self.tree.query(outline, predicate="dwithin", distance=distance_m))

    def share(self, number: int, outline: BaseGeometry) -> float:
        """Part of the outline that an entry covers, 0..1; touching edges count as none."""
        share = float(outline.intersection(self.shapes[number]).area / outline.area)
        return min(1.0, share) if share >= _TOUCH else 0.0

    def name(self, number: int) -> str:
        """What an entry is called: its name, else its number."""
        return self.texts["name"][number] or self.texts["number"][number]

    def day(self, field: str, number: int) -> date | None:
        """A day of an entry, None where it is not known."""
        text = self.texts[field][number]
        return date.fromisoformat(text) if text else None


class Overlays:
    """The layers of one installation at pinned versions; nothing is read before it is asked for."""

    def __init__(self, home: Home, pinned: Mapping[str, str]) -> None:
        self._home = home
        self._records = {kind: record_of(home, kind, version) for kind, version in sorted(pinned.items())}
        self._asked: dict[tuple[str, int], _Asked] = {}

    @classmethod
    def open(cls, home: Home, pinned: Mapping[str, str] | None = None) -> Overlays:
        """The layers at these versions, at the newest where none are named; raises OverlayError E1407."""
        return cls(home, newest(home) if pinned is None else pinned)

    @property
    def pinned(self) -> dict[str, str]:
        """Version by kind: what a report states."""
        return {kind: one.layer.version for kind, one in self._records.items()}

    @property
    def layers(self) -> tuple[LayerVersion, ...]:
        """The versions in use, by kind."""
        return tuple(one.layer for one in self._records.values())

    def around(self, outline: BaseGeometry, epsg: int, works: StartInterval) -> Surroundings:
        """What lies around an outline (metres of `epsg`) whose works began within `works`; `flow` is left to the DEM.

        Raises OverlayError E1407 where a stored layer is damaged.
        """
        checks = [self._register(kind, outline, epsg, works) for kind in REGISTERS if kind in self._records]
        return Surroundings(
            layers=self.layers,
            municipality=self._municipality(outline, epsg),
            place_name=self._place(outline, epsg),
            zones=self._zones(outline, epsg),
            permits=tuple(permit for _, permits in checks for permit in permits),
            registers=tuple(check for check, _ in checks),
            hazards=self._met(outline, epsg, LayerKind.HAZARDS),
            known_fills=self._met(outline, epsg, LayerKind.LARGE_FILLS, LayerKind.KNOWN_FILLS),
            road=self._road(outline, epsg),
        )

    def areas(self, kind: LayerKind, bounds: Bounds, epsg: int, code: str | None = None) -> tuple[NamedArea, ...]:
        """Shapes of a layer that meet bounds (west, south, east, north; m of `epsg`), of one `code` where it is given."""
        layer = self._layer(kind, epsg)
        if layer is None:
            return ()
        met = layer.within(box(*bounds), 0.0)
        return tuple(
            NamedArea(layer.name(n), layer.shapes[n]) for n in met if code is None or layer.texts["code"][n] == code
        )

    def debris_zones(self, bounds: Bounds, epsg: int) -> tuple[NamedArea, ...]:
        """Debris-flow zones within bounds: where a flow arrives (METHOD 17)."""
        return self.areas(LayerKind.HAZARDS, bounds, epsg, DEBRIS_FLOW)

    def houses(self, bounds: Bounds, epsg: int) -> tuple[NamedArea, ...]:
        """Buildings within bounds."""
        return self.areas(LayerKind.BUILDINGS, bounds, epsg)

    def _layer(self, kind: LayerKind, epsg: int) -> _Asked | None:
        if kind.value not in self._records:
            return None
        key = kind.value, epsg
        if key not in self._asked:
            self._asked[key] = self._read(kind, epsg)
        return self._asked[key]

    def _read(self, kind: LayerKind, epsg: int) -> _Asked:
        record = self._records[kind.value]
        table = pyogrio.read_dataframe(layer_path(self._home, record)).to_crs(epsg)
        texts = {name: ["" if v is None else str(v) for v in table[name]] for name in table.columns.drop("geometry")}
        shapes = np.array(table.geometry, object)
        # Shapes from all over the country may leave the zone of `epsg`; such ones can be near no site.
        shapes[~np.isfinite(shapely.bounds(shapes)).all(axis=1)] = None
        return _Asked(record.layer, shapes, STRtree(shapes), texts)

    def _municipality(self, outline: BaseGeometry, epsg: int) -> Municipality | None:
        layer = self._layer(LayerKind.MUNICIPALITIES, epsg)
        near = layer.within(outline, _NEAR_M) if layer else []
        if layer is None or not near:
            return None
        code = layer.texts["code"]
        shares: dict[str, float] = {}
        for number in near:
            shares[code[number]] = shares.get(code[number], 0.0) + layer.share(number, outline)
        names = {code[number]: layer.texts["name"][number] for number in near}
        best = max(sorted(shares), key=lambda one: shares[one])
        others = tuple(names[one] for one in sorted(shares) if one != best)
        return Municipality(best, names[best], bool(others), others)

    def _zones(self, outline: BaseGeometry, epsg: int) -> tuple[Zone, ...]:
        layer = self._layer(LayerKind.ZONES, epsg)
        if layer is None:
            return ()
        zones = []
        for number in layer.within(outline, 0.0):
            share, text = layer.share(number, outline), layer.texts
            if share > 0.0:
                kind, day = ZoneKind(text["code"][number]), layer.day("begins_on", number)
                zones.append(Zone(kind, text["authority"][number], text["notice"][number], day, share, layer.version))
        return tuple(sorted(zones, key=lambda zone: -zone.share))

    def _register(
        self, kind: LayerKind, outline: BaseGeometry, epsg: int, works: StartInterval
    ) -> tuple[RegisterCheck, list[Permit]]:
        layer = self._layer(kind, epsg)
        if layer is None:
            raise KeyError(kind)
        permits = []
        for number in layer.within(outline, _NEAR_M):
            begins, ends = layer.day("begins_on", number), layer.day("ends_on", number)
            share, away = layer.share(number, outline), float(outline.distance(layer.shapes[number]))
            state = permit_state(begins, ends, works)
            permits.append(
                Permit(kind.value, layer.texts["number"][number], begins, ends, state, share, away, layer.version)
            )
        permits.sort(key=lambda permit: (-permit.share, permit.distance_m))
        return RegisterCheck(kind.value, layer.version, sum(permit.share > 0.0 for permit in permits)), permits

    def _met(self, outline: BaseGeometry, epsg: int, *kinds: LayerKind) -> tuple[str, ...]:
        """Codes and names of the entries that hold a part of the outline, each once."""
        found: dict[str, None] = {}
        for kind in kinds:
            layer = self._layer(kind, epsg)
            for number in layer.within(outline, 0.0) if layer else ():
                if layer is not None and layer.share(number, outline) > 0.0:
                    words = (layer.texts["code"][number], layer.name(number))
                    found[" ".join(word for word in words if word) or kind.value] = None
        return tuple(found)

    def _nearest(self, kind: LayerKind, outline: BaseGeometry, epsg: int, within_m: float) -> tuple[_Asked, int] | None:
        layer = self._layer(kind, epsg)
        if layer is None:
            return None
        found = layer.tree.query_nearest(outline, max_distance=within_m, all_matches=True)
        return (layer, int(min(found))) if len(found) else None

    def _place(self, outline: BaseGeometry, epsg: int) -> str | None:
        found = self._nearest(LayerKind.PLACES, outline, epsg, _PLACE_WITHIN_M)
        return found[0].name(found[1]) if found else None

    def _road(self, outline: BaseGeometry, epsg: int) -> RoadPoint | None:
        found = self._nearest(LayerKind.ROADS, outline, epsg, _ROAD_WITHIN_M)
        if found is None:
            return None
        layer, number = found
        on_road, _ = shapely.ops.nearest_points(layer.shapes[number], outline)
        distance = float(on_road.distance(outline))
        return RoadPoint(
            on_road.x, on_road.y, distance, bearing_deg(on_road, outline.centroid, epsg), layer.name(number)
        )


def permit_state(begins: date | None, ends: date | None, works: StartInterval) -> PermitState:
    """Whether a period (days, both inclusive) reaches into the days on which works can have begun.

    Ended: over before the first of them; not yet: after the last. In between the doubt is the site's, not the permit's.
    """
    if begins is None and ends is None:
        return PermitState.UNDATED
    if ends is not None and ends < (works.earliest or works.latest):
        return PermitState.ENDED
    if begins is not None and begins > works.latest:
        return PermitState.NOT_YET
    return PermitState.IN_FORCE


def bearing_deg(start: Point, end: Point, epsg: int) -> float:
    """Bearing from one point (metres of `epsg`) to another, degrees clockwise from true north, 0..360."""
    lon, lat = transformer(epsg, 4326).transform([start.x, end.x], [start.y, end.y])
    return float(_GEOD.inv(lon[0], lat[0], lon[1], lat[1])[0] % 360.0)
