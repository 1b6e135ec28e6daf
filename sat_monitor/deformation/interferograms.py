"""Readers of unwrapped stacks: whatever the producer, metres along the line of sight, positive toward the satellite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from sat_monitor.core.deformation import Frame, Pair, PairStack
from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.layouts import PairFile, product_of
from sat_monitor.deformation.manifest import NAME, read_manifest
from sat_monitor.imagery.files import file_sha256

_HEIGHTS = ("*_dem.tif", "*.geo.hgt.tif")
#: Coherence of LiCSAR comes as bytes 0..255.
_BYTE_SCALE = 255.0


def read_stack(folder: Path) -> PairStack:
    """All pairs of a folder on one frame, in the order of their days.

    A `pairs.csv` describes the folder, or else it has a known layout, whose phase becomes displacement (m):
    -wavelength / (4 pi) x phase. Zero, the no-data value and NaN are no data. Raises DeformationError E2201 to E2206,
    E2210; no pair is dropped.
    """
    product = read_manifest(folder / NAME) if (folder / NAME).is_file() else product_of(folder)
    files = sorted(product.files, key=lambda file: (file.before, file.after))
    twice = [days for days, count in Counter((file.before, file.after) for file in files).items() if count > 1]
    if twice:
        raise DeformationError("E2204", f"{twice[0][0]} to {twice[0][1]} in {folder}")
    frame = frame_of(files[0].path)
    displacement = np.empty((len(files), *frame.shape), np.float32)
    for layer, file in zip(displacement, files, strict=True):
        np.multiply(_read(file.path, frame), np.float32(file.metres_per_unit), out=layer)
    pairs = tuple(
        Pair(file.before, file.after, file.perpendicular_m, file.path.name, file_sha256(file.path)) for file in files
    )
    return PairStack(frame, product.geometry, pairs, displacement, _coherence(files, frame), _heights(folder, frame))


def frame_of(path: Path) -> Frame:
    """Where a raster lies; DeformationError E2205 without a coordinate system, E2206 where it cannot be opened."""
    try:
        with rasterio.open(path, driver="GTiff") as source:
            if source.crs is None:
                raise DeformationError("E2205", f"{path.name} has no coordinate system")
            return Frame(source.crs.to_string(), source.transform.to_gdal(), source.height, source.width)
    except RasterioError as error:
        raise DeformationError("E2206", f"{path.name}: {error}") from error


def _read(path: Path, frame: Frame) -> FloatArray:
    found = frame_of(path)
    if found.shape != frame.shape:
        raise DeformationError("E2205", f"{path.name} has {found.shape} pixels, the first pair {frame.shape}")
    if found.crs != frame.crs or not np.allclose(found.transform, frame.transform, rtol=0, atol=1e-7):
        raise DeformationError(
            "E2205", f"{path.name} lies elsewhere than the first pair: {found.crs} {found.transform}"
        )
    try:
        with rasterio.open(path, driver="GTiff") as source:
            values: FloatArray = source.read(1).astype(np.float32)
            nodata = source.nodata
    except RasterioError as error:
        raise DeformationError("E2206", f"{path.name}: {error}") from error
    values[~np.isfinite(values) | (values == 0.0)] = np.nan
    if nodata is not None:
        values[values == np.float32(nodata)] = np.nan
    return values


def _coherence(files: Sequence[PairFile], frame: Frame) -> FloatArray | None:
    """Coherence 0..1 of all pairs; None where the product has none, E2206 where it has only some."""
    paths = [file.coherence for file in files if file.coherence is not None and file.coherence.is_file()]
    if not paths:
        return None
    if len(paths) < len(files):
        raise DeformationError("E2206", f"coherence of {len(files) - len(paths)} of {len(files)} pairs is missing")
    layers = np.stack([_read(path, frame) for path in paths])
    if np.nanmax(layers, initial=0.0) > 1.5:
        layers /= np.float32(_BYTE_SCALE)
    return np.clip(layers, 0.0, 1.0)


def _heights(folder: Path, frame: Frame) -> FloatArray | None:
    """Height (m) of the frame where the product brings it on the same pixels."""
    for path in (path for pattern in _HEIGHTS for path in sorted(folder.rglob(pattern))):
        if frame_of(path).shape == frame.shape:
            return _read(path, frame)
    return None
