"""Cloud-optimised GeoTIFFs of one scene or change map: several float32 bands on one grid, NaN = no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError  # what its writer raises where GDAL fails on closing
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.files import whole_file
from sat_monitor.imagery.tiff_layout import Directory, read_layout

MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
_BLOCK_PX = 512
#: What a COG has before its blocks besides directories: header, note on its structure, first block's size, alignment.
_PREAMBLE_BYTES = 256
#: No side files, no directory scans, and errors as errors.
#: A small block cache: the default is a share of the machine, and files are read and written in one sweep.
GDAL_OPTIONS = {"GDAL_PAM_ENABLED": "NO", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_CACHEMAX": 64 << 20}


@dataclass(frozen=True, slots=True)
class Plane:
    """One band to write, (y, x) float32, with its unit."""

    values: FloatArray
    unit: str


def write_cog(path: Path, grid: Grid, planes: Mapping[str, Plane]) -> None:
    """Write `planes` whole or not at all; the same planes give the same bytes under one GDAL version.

    The file is read back before it gets its name: GDAL's driver leaves a refused write untold when it closes a file,
    and the tiles that are lost read as no data. Raises SatMonitorError E1302 where the disk refuses.
    """
    with whole_file(path) as temporary, rasterio.Env(**GDAL_OPTIONS):
        try:
            _write(temporary, grid, planes)
            kept = _was_kept(temporary, grid, planes)
        except (RasterioError, CPLE_BaseError, EOFError, ValueError) as error:
            raise OSError(str(error)) from error
        if not kept:
            raise OSError("the disk kept something else than was written")


def _write(path: Path, grid: Grid, planes: Mapping[str, Plane]) -> None:
    profile = {
        "driver": "COG", "dtype": "float32", "nodata": np.nan, "count": len(planes), "crs": _crs(grid.epsg),
        "height": grid.height, "width": grid.width, "transform": grid.affine,
        "compress": "ZSTD", "level": 1, "predictor": 3, "blocksize": _block_px(grid), "num_threads": 1,
        "overviews": "AUTO", "overview_resampling": "average",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for number, (name, plane) in enumerate(planes.items(), start=1):
            file.write(np.asarray(plane.values, np.float32), number)
            file.set_band_description(number, name)
            file.set_band_unit(number, plane.unit)


def _was_kept(path: Path, grid: Grid, planes: Mapping[str, Plane]) -> bool:
    """Whether a file holds these planes bit by bit in the order of a COG, and its overviews decode."""
    directories = read_layout(path)[1]
    if not _is_orderly(directories):
        return False
    with rasterio.open(path, driver="GTiff") as file:
        named = list(file.descriptions) == list(planes) and list(file.units) == [p.unit for p in planes.values()]
        placed = file.transform == grid.affine and file.crs == _crs(grid.epsg) and file.shape == grid.shape
        if not (named and placed):
            return False
        for _, part in file.block_windows(1):
            wanted = (plane.values[part.toslices()] for plane in planes.values())
            pairs = zip(file.read(window=part), wanted, strict=True)
            if not all(np.array_equal(found, np.asarray(band, np.float32), equal_nan=True) for found, band in pairs):
                return False
    for level in range(len(directories) - 1):
        with rasterio.open(path, driver="GTiff", overview_level=level) as file:
            for _, part in file.block_windows(1):
                file.read(window=part)
    return True


def _is_orderly(directories: Sequence[Directory]) -> bool:
    """Whether all directories come before all blocks, each written once: one that was refused at first leaves a gap."""
    first_block = min(block.start for picture in directories for block in picture.blocks() if block.length)
    used = sum(
        picture.end - picture.start + sum(tag.end - tag.start for tag in picture.tags if not tag.inside)
        for picture in directories
    )
    return max(picture.end for picture in directories) <= first_block <= used + _PREAMBLE_BYTES


@lru_cache(maxsize=16)
def _crs(epsg: int) -> CRS:
    """The CRS of a code; looking it up costs as much as writing a small file."""
    return CRS.from_epsg(epsg)


def _block_px(grid: Grid) -> int:
    """Side of the tiles: 512, or what a smaller picture needs, for tiles are stored whole; a multiple of 16."""
    return min(_BLOCK_PX, max(128, -(-max(grid.height, grid.width) // 16) * 16))


def read_cog(path: Path, names: Sequence[str], window: Window) -> dict[str, FloatArray]:
    """Bands by name for a window of the file's own pixels, (y, x) float32, NaN = no data.

    Raises SceneReject E1203 where a band is not there, E1105 where the file does not decode.
    """
    part = RasterWindow(window.col, window.row, window.width, window.height)
    try:
        with rasterio.Env(**GDAL_OPTIONS), rasterio.open(path, driver="GTiff") as file:
            numbers = {name: i for i, name in enumerate(file.descriptions, start=1)}
            missing = sorted(set(names) - set(numbers))
            if missing:
                raise SceneReject("E1203", f"{path.name} holds {sorted(numbers)}, not {missing}", "the file")
            values = file.read([numbers[name] for name in names], window=part, out_dtype=np.float32)
    except RasterioError as error:
        raise SceneReject("E1105", f"{path.name}: {error}", "the file") from error
    return dict(zip(names, values, strict=True))
