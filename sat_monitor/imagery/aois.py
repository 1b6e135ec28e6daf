"""Areas of interest: outlines in lon/lat with a pixel grid; any outline on Earth may become one."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.features import rasterize
from shapely import make_valid
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union
from shapely.validation import explain_validity

from sat_monitor.core.domain import AOI, BoolArray
from sat_monitor.core.errors import AoiError
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.core.resources import resource_folder
from sat_monitor.imagery.files import write_whole

PIXEL_M = 10.0
MARGIN_M = 500.0
#: Pixels that one AOI may have: a square of 100 km at 10 m; more is split.
MAX_PIXELS = 100_000_000
_SAFE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def utm_epsg(lon: float, lat: float) -> int:
    """EPSG code of the UTM zone (WGS 84) of a position, degrees."""
    zone = min(60, max(1, math.floor((lon + 180.0) / 6.0) + 1))
    return (32600 if lat >= 0 else 32700) + zone


def aoi_from_outline(
    aoi_id: str, outline: BaseGeometry, name_ja: str, name_en: str, epsg: int | None = None,
    pixel_m: float = PIXEL_M, margin_m: float = MARGIN_M,
) -> AOI:  # fmt: skip
    """An AOI from an outline in lon/lat; its grid covers outline and margin, in the outline's UTM zone unless told.

    Raises AoiError: E1501 empty, E1502 crosses itself, E1503 too large, E1506 not an area in lon/lat or a bad id.
    """
    check_outline(aoi_id, outline)
    code = utm_epsg(outline.centroid.x, outline.centroid.y) if epsg is None else epsg
    metric = reproject(outline, 4326, code)
    if not all(map(math.isfinite, metric.bounds)):
        raise AoiError("E1506", f"{aoi_id}: the outline {outline.bounds} has no place in EPSG:{code}")
    west, south, east, north = metric.buffer(margin_m).bounds if margin_m else metric.bounds
    grid = Grid.covering((west, south, east, north), code, pixel_m)
    check_size(aoi_id, grid)
    return AOI(aoi_id, name_ja, name_en, outline, grid)


def aoi_from_grids(aoi_id: str, grids: list[Grid], name: str = "") -> AOI:
    """An AOI whose grid covers `grids`, which share CRS and pixels, and whose outline is their union.

    Raises AoiError E1501 where there is none, E1505 where they do not share pixels, E1503 too large, E1506 a bad id.
    """
    if not grids:
        raise AoiError("E1501", f"{aoi_id}: the data have no footprint")
    first = grids[0]
    boxes = list(zip(*(grid.bounds for grid in grids), strict=True))
    x0, y0 = min(boxes[0]), max(boxes[3])
    height, width = round((y0 - min(boxes[1])) / first.pixel_m), round((max(boxes[2]) - x0) / first.pixel_m)
    whole = Grid(first.epsg, x0, y0, first.pixel_m, height, width)
    for grid in grids:
        try:
            whole.offset(grid)
        except ValueError as error:
            raise AoiError("E1505", f"{aoi_id}: {error}") from error
    check_size(aoi_id, whole)
    outline = unary_union([grid.footprint_lonlat for grid in grids])
    check_outline(aoi_id, outline)
    return AOI(aoi_id, name or aoi_id, name or aoi_id, outline, whole)


def check_outline(aoi_id: str, outline: BaseGeometry) -> None:
    """Raise AoiError where an outline in lon/lat cannot become an AOI."""
    if not _SAFE_ID.fullmatch(aoi_id):
        raise AoiError("E1506", f"id {aoi_id!r} is not lower-case letters, digits, dash and underscore")
    if outline.is_empty:
        raise AoiError("E1501", f"{aoi_id} is empty")
    if outline.geom_type not in ("Polygon", "MultiPolygon"):
        raise AoiError("E1506", f"{aoi_id} is a {outline.geom_type}")
    if not outline.is_valid:
        repaired = make_valid(outline)
        what = f"{explain_validity(outline)}; repaired it would be a {repaired.geom_type}"
        raise AoiError("E1502", f"{aoi_id}: {what}")
    if outline.area == 0.0:
        raise AoiError("E1501", f"{aoi_id} has no area")
    west, south, east, north = outline.bounds
    if not (west >= -180.0 and east <= 180.0 and south >= -85.0 and north <= 85.0):
        raise AoiError("E1506", f"{aoi_id}: bounds {outline.bounds} are not lon/lat between -180..180 and -85..85")


def check_size(aoi_id: str, grid: Grid) -> None:
    """Raise AoiError E1503 where a grid has more pixels than an AOI may have."""
    if grid.height * grid.width > MAX_PIXELS:
        size_km = f"{grid.width * grid.pixel_m / 1e3:.0f} x {grid.height * grid.pixel_m / 1e3:.0f} km"
        raise AoiError("E1503", f"{aoi_id} is {size_km} at {grid.pixel_m:g} m; at most {MAX_PIXELS:,} pixels")


def detection_mask(aoi: AOI, margin_m: float) -> BoolArray:
    """Pixels of the AOI grid, (y, x), whose centres lie in the outline plus `margin_m` metres (METHOD 16)."""
    grid = aoi.grid
    area = reproject(aoi.outline.segmentize(0.01), 4326, grid.epsg).buffer(margin_m)
    drawn = rasterize([(area, 1)], out_shape=grid.shape, transform=grid.affine, dtype=np.uint8)
    return np.asarray(drawn.astype(bool))


class AoiRegistry:
    """The AOIs that ship with the project and those below `folder`, one GeoJSON each; the folder's win."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> list[AOI]:
        """All AOIs, sorted by id."""
        return [_read(path) for _, path in sorted(self._paths().items())]

    def get(self, aoi_id: str) -> AOI:
        """The AOI of an id; raises AoiError E1504, naming the known ones."""
        path = self._paths().get(aoi_id)
        if path is None:
            raise AoiError("E1504", f"{aoi_id!r}; known: {', '.join(sorted(self._paths()))}")
        return _read(path)

    def has(self, aoi_id: str) -> bool:
        """Whether an AOI of this id is known."""
        return aoi_id in self._paths()

    def add(self, aoi: AOI) -> AOI:
        """Keep an AOI; the same again changes nothing, another outline or grid under a known id raises E1505."""
        if self.has(aoi.id):
            known = self.get(aoi.id)
            if known.grid != aoi.grid or not known.outline.equals_exact(aoi.outline, 1e-9):
                raise AoiError("E1505", f"{aoi.id}: {known.grid} is kept, {aoi.grid} was given")
            return known
        write_whole(self._folder / f"{aoi.id}.geojson", aoi_geojson(aoi).encode())
        return self.get(aoi.id)

    def _paths(self) -> dict[str, Path]:
        paths = {path.stem: path for path in resource_folder("aoi").glob("*.geojson")}
        return {**paths, **{path.stem: path for path in self._folder.glob("*.geojson")}}


def read_outline(path: Path) -> BaseGeometry:
    """The outline of a GeoJSON file in lon/lat; raises AoiError E1506 where it holds anything but areas."""
    try:
        return _geometry(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, ShapelyError) as error:
        raise AoiError("E1506", f"{path.name}: {error}") from error


def _geometry(plain: dict[str, Any]) -> BaseGeometry:
    if plain.get("type") == "FeatureCollection":
        parts = [shape(feature["geometry"]) for feature in plain["features"]]
        return parts[0] if len(parts) == 1 else unary_union(parts)
    return shape(plain["geometry"] if plain.get("type") == "Feature" else plain)


def _read(path: Path) -> AOI:
    try:
        return _aoi(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, LookupError, TypeError, AttributeError, ShapelyError) as error:
        raise AoiError("E1506", f"{path.name} is not an AOI: {error!r}") from error


def _aoi(plain: dict[str, Any]) -> AOI:
    feature = plain["features"][0]
    properties, outline = feature["properties"], shape(feature["geometry"])
    names = (properties["name_ja"], properties["name_en"])
    if "grid" in properties:
        return AOI(properties["id"], *names, outline, Grid(**properties["grid"]))
    return aoi_from_outline(properties["id"], outline, *names, properties["epsg"], properties["pixel_m"])


def aoi_geojson(aoi: AOI) -> str:
    """An AOI as GeoJSON text: outline in lon/lat with names and grid, as `AoiRegistry` reads it."""
    grid = {name: getattr(aoi.grid, name) for name in Grid.__dataclass_fields__}
    properties = {"id": aoi.id, "name_ja": aoi.name_ja, "name_en": aoi.name_en, "grid": grid}
    feature = {"type": "Feature", "id": aoi.id, "properties": properties, "geometry": mapping(aoi.outline)}
    return json.dumps({"type": "FeatureCollection", "features": [feature]}, ensure_ascii=False, indent=1) + "\n"
