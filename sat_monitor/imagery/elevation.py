"""Elevation models as they come: GeoTIFFs in any coordinate system, and meshes of the Geospatial Information Authority."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from sat_monitor.core.domain import AOI, FloatArray
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.cog import GDAL_OPTIONS
from sat_monitor.imagery.files import file_sha256
from sat_monitor.imagery.geotiff import check_bytes, open_geotiff
from sat_monitor.imagery.gsi_xml import Mesh, read_meshes

_METRES_PER_DEGREE = 111_320.0
_SUFFIXES = (".tif", ".tiff", ".xml", ".zip")
_KEPT = "the layers that were there"
#: Heights that no ground has, m: the shore of the Dead Sea, and Everest with some air.
_LOWEST, _HIGHEST = -500.0, 9000.0
#: Pixels around the ground, for whoever resamples.
_MARGIN_PX = 4


@dataclass(frozen=True, slots=True)
class Heights:
    """An elevation model or a part of it: heights (y, x) m, NaN = not known, in a CRS, north up."""

    epsg: int
    transform: Affine
    height: FloatArray

    @property
    def pixel_m(self) -> float:
        """Height of a pixel, metres."""
        side = abs(self.transform.e)
        return side * (_METRES_PER_DEGREE if rasterio.CRS.from_epsg(self.epsg).is_geographic else 1.0)


def read_elevation(
    path: Path, aoi: AOI, progress: Callable[[str], None] = lambda text: None
) -> tuple[list[Heights], list[SceneReject], str]:
    """Elevation models in a file or a folder near an AOI; what could not be read, and a hash of what was.

    GeoTIFFs of one band in metres, and meshes of the GSI as XML or ZIP. One bad file stops nothing.
    """
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES) if path.is_dir() else [path]
    parts: list[Heights] = []
    meshes: list[Mesh] = []
    rejected: list[SceneReject] = []
    digest = hashlib.sha256()
    for number, file in enumerate(files, start=1):
        try:
            if file.suffix.lower() in (".xml", ".zip"):
                near = [mesh for mesh in read_meshes(file) if _meets(mesh, aoi)]
                meshes += near
                used = bool(near)
            else:
                heights = read_heights(file, aoi.grid)
                parts += [heights] if heights else []
                used = heights is not None
            if used:
                digest.update(f"{file.name} {file_sha256(file)}\n".encode())
        except SceneReject as reject:
            rejected.append(reject)
        if number % 50 == 0 or number == len(files):
            progress(f"{aoi.id}: {number}/{len(files)} elevation files read")
    return [*parts, *mosaics(meshes)], rejected, digest.hexdigest()


def read_heights(path: Path, grid: Grid) -> Heights | None:
    """The part of a GeoTIFF that lies on a grid, None where nothing does.

    Raises SceneReject E11xx as `check_bytes`, E1105 where it does not decode, E1201 without an EPSG code, E1202 not
    north-up, E1203 more bands than one, E1206 where the values are no heights in metres.
    """
    check_bytes(path)
    try:
        with rasterio.Env(**GDAL_OPTIONS), open_geotiff(path) as file:
            epsg = file.crs.to_epsg() if file.crs else None
            if epsg is None:
                raise SceneReject("E1201", f"{path.name} is in {file.crs}, not in an EPSG code", _KEPT)
            if file.count != 1:
                raise SceneReject("E1203", f"{path.name} has {file.count} bands, expected heights", _KEPT)
            a, b, x0, d, e, y0 = tuple(file.transform)[:6]
            if b or d or a <= 0 or e >= 0:
                raise SceneReject("E1202", f"{path.name} has transform {(a, b, x0, d, e, y0)}", _KEPT)
            window = _window(transform_bounds(f"EPSG:{grid.epsg}", epsg, *grid.bounds), file)
            if window is None:
                return None
            (top, _), (left, _) = window
            values = file.read(1, window=window, masked=True, out_dtype=np.float32)
    except (RasterioError, ValueError) as error:
        raise SceneReject("E1105", f"{path.name}: {error}", _KEPT) from error
    height = np.where(np.ma.getmaskarray(values), np.float32(np.nan), values.data).astype(np.float32)
    _check_metres(height, path.name)
    return Heights(int(epsg), Affine(a, 0.0, x0 + left * a, 0.0, e, y0 + top * e), height)


def _check_metres(height: FloatArray, name: str) -> None:
    known = height[np.isfinite(height)]
    if known.size and not (known.min() >= _LOWEST and known.max() <= _HIGHEST):
        what = f"{name}: values from {known.min():g} to {known.max():g} are no heights in metres"
        raise SceneReject("E1206", what, _KEPT)


def _window(
    bounds: tuple[float, float, float, float], file: rasterio.io.DatasetReader
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Rows and columns of a file that lie in bounds, with some around them."""
    a, _, x0, _, e, y0 = tuple(file.transform)[:6]
    west, south, east, north = bounds
    top, bottom = int((north - y0) / e) - _MARGIN_PX, int((south - y0) / e) + _MARGIN_PX + 1
    left, right = int((west - x0) / a) - _MARGIN_PX, int((east - x0) / a) + _MARGIN_PX + 1
    top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, file.height), min(right, file.width)
    return ((top, bottom), (left, right)) if top < bottom and left < right else None


def mosaics(meshes: Sequence[Mesh]) -> list[Heights]:
    """Meshes of one datum and cell size side by side as one elevation model each."""
    kinds: dict[tuple[int, float, float], list[Mesh]] = defaultdict(list)
    for mesh in meshes:
        kinds[mesh.epsg, round(mesh.cell[0], 9), round(mesh.cell[1], 9)].append(mesh)
    return [_mosaic(some) for _, some in sorted(kinds.items())]


def _mosaic(meshes: Sequence[Mesh]) -> Heights:
    (width, height) = meshes[0].cell
    west, north = min(m.bounds[0] for m in meshes), max(m.bounds[3] for m in meshes)
    east, south = max(m.bounds[2] for m in meshes), min(m.bounds[1] for m in meshes)
    plane = np.full((round((north - south) / height), round((east - west) / width)), np.nan, np.float32)
    for mesh in sorted(meshes, key=lambda m: m.name):
        row, col = round((north - mesh.bounds[3]) / height), round((mesh.bounds[0] - west) / width)
        rows, cols = mesh.height.shape
        place = plane[row : row + rows, col : col + cols]
        place[...] = np.where(np.isfinite(mesh.height), mesh.height, place)
    return Heights(meshes[0].epsg, Affine(width, 0.0, west, 0.0, -height, north), plane)


def _meets(mesh: Mesh, aoi: AOI) -> bool:
    west, south, east, north = aoi.grid.footprint_lonlat.bounds
    return mesh.bounds[0] < east and mesh.bounds[2] > west and mesh.bounds[1] < north and mesh.bounds[3] > south
