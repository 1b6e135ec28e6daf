"""Layers of products on one frame: a GeoTIFF's only band, or a variable of a NetCDF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from sat_monitor.core.deformation import Frame
from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import DeformationError


@dataclass(frozen=True, slots=True)
class Layer:
    """A file and, where it is a NetCDF, the variable in it."""

    path: Path
    variable: str = ""

    @property
    def label(self) -> str:
        """How errors name it."""
        return f"{self.path.name}:{self.variable}" if self.variable else self.path.name

    @property
    def exists(self) -> bool:
        """Whether the file is there and holds the variable."""
        if not self.path.is_file():
            return False
        if not self.variable:
            return True
        try:
            with self.open():
                return True
        except RasterioError:
            return False

    def open(self) -> rasterio.DatasetReader:
        """The open layer, in its producer's driver alone; RasterioError where it cannot be."""
        if self.variable:
            return rasterio.open(f'NETCDF:"{self.path}":{self.variable}', driver="netCDF")
        return rasterio.open(self.path, driver="GTiff")


def frame_of(layer: Layer) -> Frame:
    """Where a layer lies; DeformationError E2205 without a coordinate system, E2206 where it cannot be opened."""
    try:
        with layer.open() as source:
            if source.crs is None:
                raise DeformationError("E2205", f"{layer.label} has no coordinate system")
            return Frame(source.crs.to_string(), source.transform.to_gdal(), source.height, source.width)
    except RasterioError as error:
        raise DeformationError("E2206", f"{layer.label}: {error}") from error


def read_layer(layer: Layer, frame: Frame) -> FloatArray:
    """The values (y, x) of a layer on `frame`, NaN where they are no data or exactly zero.

    Raises DeformationError E2205 where it lies elsewhere or has another size, E2206 where it cannot be read.
    """
    found = frame_of(layer)
    if found.shape != frame.shape:
        raise DeformationError("E2205", f"{layer.label} has {found.shape} pixels, the first pair {frame.shape}")
    if found.crs != frame.crs or not np.allclose(found.transform, frame.transform, rtol=0, atol=1e-7):
        raise DeformationError(
            "E2205", f"{layer.label} lies elsewhere than the first pair: {found.crs} {found.transform}"
        )
    try:
        with layer.open() as source:
            values: FloatArray = source.read(1).astype(np.float32)
            nodata = source.nodata
    except RasterioError as error:
        raise DeformationError("E2206", f"{layer.label}: {error}") from error
    values[~np.isfinite(values) | (values == 0.0)] = np.nan
    if nodata is not None:
        values[values == np.float32(nodata)] = np.nan
    return values
