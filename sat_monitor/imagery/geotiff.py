"""GeoTIFFs from elsewhere: checked from the outside in, so that what goes wrong ends as a numbered reject."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.cog import GDAL_OPTIONS
from sat_monitor.imagery.files import file_sha256
from sat_monitor.imagery.items import FileFacts
from sat_monitor.imagery.tiff_layout import is_whole
from sat_monitor.imagery.tiff_streams import check_streams

_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
#: No TIFF with a georeferenced pixel is smaller, bytes.
_STUB_BYTES = 200
#: Pixels times bands above which a header is not believed.
_MOST_VALUES = 2_000_000_000
_NOTHING = "nothing of this scene"


@dataclass(frozen=True, slots=True)
class GeoTiff:
    """A decoded file: `bands` (y, x) float32 by name, NaN = no data, and the text that describes the dataset."""

    grid: Grid
    bands: Mapping[str, FloatArray]
    tags: Mapping[str, str]


def check_bytes(path: Path, promised: FileFacts | None = None) -> None:
    """Raise SceneReject where a file is absent (E1101), a stub (E1103), cut (E1101), not a TIFF (E1104) or altered (E1102)."""
    if not path.is_file():
        raise SceneReject("E1101", f"{path.name} is not there", _NOTHING)
    size = path.stat().st_size
    if size < _STUB_BYTES:
        raise SceneReject("E1103", f"{path.name} has {size} bytes", _NOTHING)
    check_magic(path)
    if promised is not None and promised.size is not None and size < promised.size:
        raise SceneReject("E1101", f"{path.name} has {size} of {promised.size} bytes", _NOTHING)
    if not is_whole(path):
        raise SceneReject("E1101", f"{path.name} has {size} bytes and names parts beyond its end", _NOTHING)
    if promised is not None and promised.sha256 is not None and (found := file_sha256(path)) != promised.sha256:
        raise SceneReject("E1102", f"{path.name}: sha256 {found[:12]}, promised {promised.sha256[:12]}", _NOTHING)


def check_magic(path: Path) -> None:
    """Raise SceneReject E1104 where a file does not begin as a TIFF does."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic not in _MAGIC:
        raise SceneReject("E1104", f"{path.name} begins with {magic!r}, which is no TIFF", _NOTHING)


def read_geotiff(path: Path, promised: FileFacts | None = None, names: tuple[str, ...] | None = None) -> GeoTiff:
    """Decode a whole file; bands are called `names`, or else as the file describes them.

    Raises SceneReject: E1101, E1102, E1103, E1104 as `check_bytes`, E1105 where it does not decode, E1201 without a
    metric EPSG code, E1202 where it is not north-up with square pixels, E1203 where bands do not match. Where no sha256
    is promised, checksums inside the file are held as far as there are any.
    """
    check_bytes(path, promised)
    try:
        with rasterio.Env(**GDAL_OPTIONS), open_geotiff(path) as file:
            grid = _grid(file, path)
            called = _names(file, path, names)
            # Not before the size is believed: streams are unpacked as far as the header says.
            if promised is None or promised.sha256 is None:
                check_streams(path)
            # Masked reading honours whatever the file declares as no data.
            values = _decode(file, path)
            tags = file.tags()
    # Damaged text or a CRS that is none comes as a ValueError.
    except (RasterioError, ValueError) as error:
        raise SceneReject("E1101", f"{path.name}: {error}", _NOTHING) from error
    return GeoTiff(grid, dict(zip(called, values, strict=True)), tags)


def open_geotiff(path: Path) -> rasterio.io.DatasetReader:
    """A file opened as a GeoTIFF and as nothing else, whatever its content claims; RasterioError where it is none."""
    # A file without a place is refused with a number; the library's warning would say it twice.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, driver="GTiff")


def crop(tiff: GeoTiff, target: Grid) -> GeoTiff:
    """The part of a file that lies on `target`; raises SceneReject E1201, E1202 or, where nothing does, E1208."""
    if tiff.grid.epsg != target.epsg:
        raise SceneReject("E1201", f"the file is in EPSG:{tiff.grid.epsg}, the AOI in EPSG:{target.epsg}", _NOTHING)
    try:
        row, col = target.offset(tiff.grid)
    except ValueError as error:
        raise SceneReject("E1202", str(error), _NOTHING) from error
    top, left = max(0, -row), max(0, -col)
    height = min(tiff.grid.height, target.height - row) - top
    width = min(tiff.grid.width, target.width - col) - left
    if height <= 0 or width <= 0:
        raise SceneReject("E1208", f"{tiff.grid} lies outside {target}", _NOTHING)
    window = Window(top, left, height, width)
    parts = {name: np.ascontiguousarray(values[window.slices]) for name, values in tiff.bands.items()}
    return GeoTiff(tiff.grid.window(window), parts, tiff.tags)


def _grid(file: rasterio.io.DatasetReader, path: Path) -> Grid:
    if file.width * file.height * file.count > _MOST_VALUES:
        raise SceneReject("E1104", f"{path.name} claims {file.width} x {file.height} x {file.count} values", _NOTHING)
    epsg = None if file.crs is None else file.crs.to_epsg()
    if epsg is None or not file.crs.is_projected:
        raise SceneReject("E1201", f"{path.name} is in {file.crs}, not in a projected EPSG code", _NOTHING)
    a, b, x0, d, e, y0 = tuple(file.transform)[:6]
    if b or d or a <= 0 or abs(a + e) > 1e-6 * a:
        raise SceneReject("E1202", f"{path.name} has transform {tuple(file.transform)[:6]}", _NOTHING)
    return Grid(int(epsg), float(x0), float(y0), float(a), int(file.height), int(file.width))


def _names(file: rasterio.io.DatasetReader, path: Path, names: tuple[str, ...] | None) -> tuple[str, ...]:
    described = tuple(str(d) for d in file.descriptions if d)
    called = names or described
    if len(called) != file.count or len(set(called)) != len(called):
        raise SceneReject("E1203", f"{path.name} has {file.count} bands, expected {called or 'named ones'}", _NOTHING)
    if any(np.dtype(kind).kind == "c" for kind in file.dtypes):
        raise SceneReject("E1203", f"{path.name} holds {file.dtypes}, not real numbers", _NOTHING)
    return described if names and set(described) == set(names) else called


def _decode(file: rasterio.io.DatasetReader, path: Path) -> FloatArray:
    try:
        values = file.read(masked=True)
    except RasterioError as error:
        raise SceneReject("E1105", f"{path.name}: {error}", _NOTHING) from error
    return plain_float32(values.data, np.ma.getmaskarray(values))


def plain_float32(samples: NDArray[Any], missing: NDArray[np.bool_]) -> FloatArray:
    """Samples as float32 of the same shape, NaN where they are `missing` or no finite float32."""
    # What no float32 can hold becomes infinite here and missing below.
    with np.errstate(over="ignore", invalid="ignore"):
        plain = np.asarray(samples, np.float32)
    return np.where(np.isfinite(plain) & ~missing, plain, np.float32(np.nan)).astype(np.float32, copy=False)
