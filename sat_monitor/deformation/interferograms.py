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
from sat_monitor.deformation.headers import geometry_of, read_header
from sat_monitor.deformation.layouts import Layout, days_of, layout_of
from sat_monitor.imagery.files import file_sha256

_HEIGHTS = ("*_dem.tif", "*.geo.hgt.tif")
#: Coherence of LiCSAR comes as bytes 0..255.
_BYTE_SCALE = 255.0


def read_stack(folder: Path) -> PairStack:
    """All pairs of a folder on one frame, in the order of their days.

    Phase becomes displacement (m): -wavelength / (4 pi) x phase. Zero, the no-data value and NaN are no data. Raises
    DeformationError E2201 to E2206; no pair is dropped.
    """
    layout, files = layout_of(folder)
    pairs = [_pair(layout, folder, path) for path in files]
    twice = [days for days, count in Counter((pair.before, pair.after) for pair in pairs).items() if count > 1]
    if twice:
        raise DeformationError("E2204", f"{twice[0][0]} to {twice[0][1]} in {folder}")
    order = sorted(range(len(pairs)), key=lambda i: (pairs[i].before, pairs[i].after))
    files = [files[i] for i in order]
    headers = [read_header(path) for pattern in layout.headers for path in sorted(folder.rglob(pattern))]
    geometry = geometry_of(headers, layout.frequency, str(folder))
    frame = frame_of(files[0])
    displacement = np.stack([_read(path, frame) for path in files])
    displacement *= np.float32(-geometry.wavelength_m / (4.0 * np.pi))
    return PairStack(
        frame, geometry, tuple(pairs[i] for i in order), displacement,
        _coherence(layout, files, frame), _heights(folder, frame),
    )  # fmt: skip


def frame_of(path: Path) -> Frame:
    """Where a raster lies; DeformationError E2205 without a coordinate system, E2206 where it cannot be opened."""
    try:
        with rasterio.open(path, driver="GTiff") as source:
            if source.crs is None:
                raise DeformationError("E2205", f"{path.name} has no coordinate system")
            return Frame(source.crs.to_string(), source.transform.to_gdal(), source.height, source.width)
    except RasterioError as error:
        raise DeformationError("E2206", f"{path.name}: {error}") from error


def _pair(layout: Layout, folder: Path, path: Path) -> Pair:
    before, after = days_of(path)
    return Pair(before, after, layout.perpendicular(folder, path), path.name, file_sha256(path))


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


def _coherence(layout: Layout, files: Sequence[Path], frame: Frame) -> FloatArray | None:
    """Coherence 0..1 of all pairs; None where the product has none, E2206 where it has only some."""
    paths = [layout.coherence(path) for path in files]
    missing = [path.name for path in paths if not path.is_file()]
    if len(missing) == len(paths):
        return None
    if missing:
        raise DeformationError("E2206", f"coherence of {len(missing)} pairs is missing, the first is {missing[0]}")
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
