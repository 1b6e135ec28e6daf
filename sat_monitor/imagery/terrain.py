"""Layers of the archive that do not change from night to night: height, slope and aspect of an AOI."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from rasterio.enums import Resampling
from rasterio.warp import reproject

from sat_monitor.core.domain import AOI, FloatArray
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.catalog import write_collection
from sat_monitor.imagery.cog import Plane, read_cog, write_cog
from sat_monitor.imagery.elevation import Heights
from sat_monitor.imagery.files import file_sha256, write_whole
from sat_monitor.imagery.items import FileFacts, file_facts, grid_of, terrain_item
from sat_monitor.imagery.relief import slope_and_aspect

_KEPT = "the layers that were there"


@dataclass(frozen=True, slots=True)
class Terrain:
    """Layers of one AOI on its grid, (y, x) float32, NaN = not known: height m, slope degree, aspect degree.

    `origin` names the elevation model, `inputs_sha256` hashes what it was made of.
    """

    grid: Grid
    height: FloatArray
    slope: FloatArray
    aspect: FloatArray
    origin: str
    inputs_sha256: str

    @property
    def known_fraction(self) -> float:
        """Share of the grid whose height is known."""
        return float(np.isfinite(self.height).mean())


def terrain_of(parts: Sequence[Heights], aoi: AOI, origin: str, inputs_sha256: str) -> Terrain:
    """Layers of an AOI from elevation models, the finest that is known counts; raises SceneReject E1208 outside all."""
    grid = aoi.grid
    # One pixel more on every side, so that slopes reach the edge.
    wide = grid.window(Window(-1, -1, grid.height + 2, grid.width + 2))
    height = np.full(wide.shape, np.nan, np.float32)
    for part in sorted(parts, key=lambda p: p.pixel_m):
        found = _warped(part, wide)
        empty = ~np.isfinite(height)
        height[empty] = found[empty]
    if not np.isfinite(height).any():
        raise SceneReject("E1208", f"{origin} holds no height in {aoi.id}", _KEPT)
    slope, aspect = slope_and_aspect(height, grid.pixel_m)
    return Terrain(grid, height[1:-1, 1:-1].copy(), slope, aspect, origin, inputs_sha256)


def _warped(part: Heights, grid: Grid) -> FloatArray:
    """Heights on a grid: the mean of finer pixels, a smooth surface through coarser ones."""
    out = np.full(grid.shape, np.nan, np.float32)
    reproject(
        part.height,
        out,
        src_transform=part.transform,
        src_crs=f"EPSG:{part.epsg}",
        src_nodata=np.nan,
        dst_transform=grid.affine,
        dst_crs=f"EPSG:{grid.epsg}",
        dst_nodata=np.nan,
        resampling=Resampling.average if part.pixel_m < 0.75 * grid.pixel_m else Resampling.bilinear,
    )
    return out


def put_terrain(root: Path, aoi: str, terrain: Terrain, at: datetime) -> Path:
    """Archive layers below `root`; they take the place of older ones. Returns the COG's path."""
    name = f"{aoi}-terrain"
    image = root / aoi / "terrain" / name / f"{name}.tif"
    planes = {"height": Plane(terrain.height, "m"), "slope": Plane(terrain.slope, "degree")}
    write_cog(image, terrain.grid, {**planes, "aspect": Plane(terrain.aspect, "degree")})
    facts = FileFacts(image.name, file_sha256(image), image.stat().st_size)
    item = terrain_item(aoi, terrain.grid, facts, at, terrain.origin, terrain.inputs_sha256)
    write_whole(image.with_suffix(".json"), json.dumps(item, ensure_ascii=False, indent=1).encode())
    write_collection(root, image.parent.parent)
    return image


def get_terrain(root: Path, aoi: str) -> Terrain | None:
    """The layers of an AOI, None where there are none; raises SceneReject E1102 where the file is not the archived one."""
    image = root / aoi / "terrain" / f"{aoi}-terrain" / f"{aoi}-terrain.tif"
    if not image.with_suffix(".json").is_file():
        return None
    item = json.loads(image.with_suffix(".json").read_text(encoding="utf-8"))
    if not image.is_file() or file_sha256(image) != file_facts(item["assets"]["data"]).sha256:
        raise SceneReject("E1102", f"{image.name} is gone or not the archived one", "its record")
    grid = grid_of(item["properties"])
    planes = read_cog(image, ("height", "slope", "aspect"), Window(0, 0, *grid.shape))
    own = item["properties"]
    return Terrain(grid, **planes, origin=own["sat_monitor:origin"], inputs_sha256=own["sat_monitor:inputs_sha256"])
