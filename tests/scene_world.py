"""Small scenes for imagery tests: textured ground, one offer each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from scipy import ndimage

from sat_monitor.core.domain import AOI, Direction, Sensor, Track
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer

GRID = Grid(32654, 340_000.0, 3_950_000.0, 10.0, 80, 96)
START = datetime(2025, 6, 1, 1, 30, tzinfo=UTC)


def aoi(grid: Grid = GRID) -> AOI:
    return AOI("w", "試験", "Test", grid.footprint_lonlat, grid)


def offer(number: int = 0, sensor: Sensor = Sensor.S2, **changes: Any) -> Offer:
    track = Track(46, Direction.DESCENDING) if sensor is Sensor.S1 else None
    at = START + timedelta(days=5 * number)
    platform = "sentinel-1a" if sensor is Sensor.S1 else "sentinel-2b"
    made = Offer(f"{sensor.value}-{number:03d}", "w", sensor, platform, at, track, "test", "")
    return replace(made, **changes)


def texture(shape: tuple[int, int], seed: int = 0, smooth: float = 1.5) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(shape)
    smoothed = ndimage.gaussian_filter(noise, smooth)
    return smoothed / smoothed.std()


def raster(sensor: Sensor = Sensor.S2, seed: int = 0, grid: Grid = GRID) -> Raster:
    base = texture(grid.shape, seed)
    if sensor is Sensor.S1:
        bands = {"VV": 0.1 * np.exp(0.3 * base), "VH": 0.02 * np.exp(0.3 * base)}
    else:
        bands = {"B04": 0.05 + 0.01 * base, "B08": 0.3 + 0.05 * base, "SCL": np.full(grid.shape, 4.0)}
    return Raster(grid, {name: values.astype(np.float32) for name, values in bands.items()})


def write_tiff(path: Path, bands: np.ndarray, grid: Grid = GRID, **changes: Any) -> Path:
    """A plain GeoTIFF (band, y, x)."""
    profile = {
        "driver": "GTiff", "count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2],
        "dtype": str(bands.dtype), "crs": f"EPSG:{grid.epsg}", "transform": grid.affine, "nodata": np.nan,
    }  # fmt: skip
    with rasterio.open(path, "w", **{**profile, **changes}) as file:
        file.write(bands)
    return path
