"""Archives on which benchmarks/speed.py is measured: a strip of one area, seen by Sentinel-1 and Sentinel-2.

The pixels are made, their files are real: Cloud-Optimised GeoTIFFs and STAC items, written by the archive itself, with
all bands that a scene of the service has and the noise that makes real scenes hard to compress.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer

AOI = "strip"
TESTED = datetime(2026, 7, 1, 1, 31, tzinfo=UTC)
S1_REFERENCES, S2_REFERENCES = 20, 60


def make_archive(root: Path, rows: int, cols: int) -> Archive:
    """21 scenes of one Sentinel-1 track and 61 of Sentinel-2 in three years, on `rows` x `cols` pixels of 10 m."""
    archive, grid = Archive(root), Grid(32654, 300_000.0, 3_980_000.0, 10.0, rows, cols)
    rng = np.random.default_rng(5)
    s1_lags = [*(96 + 12 * k for k in reversed(range(S1_REFERENCES))), 0]
    s2_lags = [*(91 + 17 * k for k in reversed(range(S2_REFERENCES))), 0]
    with archive.batch():
        for lag in s1_lags:
            archive.put_scene(_offer(Sensor.S1, lag), Raster(grid, _backscatter(grid, rng)))
        for lag in s2_lags:
            archive.put_scene(_offer(Sensor.S2, lag), Raster(grid, _reflectance(grid, lag, rng)))
    return archive


def _offer(sensor: Sensor, lag_days: int) -> Offer:
    at = TESTED - timedelta(days=lag_days)
    radar = sensor is Sensor.S1
    platform, track = ("sentinel-1a", Track(46, Direction.DESCENDING)) if radar else ("sentinel-2a", None)
    return Offer(f"{sensor.name}_{at:%Y%m%d}", AOI, sensor, platform, at, track, "bench", "", simulated=True)


def _backscatter(grid: Grid, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Speckle of 4.4 looks over forest and fields, gamma0, and the angle of incidence."""
    level = np.where(np.add.outer(np.arange(grid.height) // 64, np.arange(grid.width) // 64) % 3, 0.12, 0.06)
    bands = {
        name: (rng.standard_gamma(4.4, grid.shape, dtype=np.float32) * (level * scale / 4.4)).astype(np.float32)
        for name, scale in (("VV", 1.0), ("VH", 0.25))
    }
    return {**bands, "angle": np.full(grid.shape, 38.0, np.float32)}


def _reflectance(grid: Grid, lag_days: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Seasonal vegetation in digital numbers of 1e-4 with noise, under clouds of some 10 % of the ground."""
    season = 0.35 * np.cos(2 * np.pi * (lag_days / 365.25))
    levels = {"B02": 420, "B03": 610, "B04": 560 - 250 * season, "B08": 2700 + 900 * season, "B11": 1700, "B12": 900}
    bands = {
        name: np.round(level * (1.0 + 0.06 * rng.standard_normal(grid.shape, dtype=np.float32))) / np.float32(1e4)
        for name, level in levels.items()
    }
    coarse = rng.random((grid.height // 128 + 1, grid.width // 128 + 1)) < 0.1
    cloud = coarse.repeat(128, 0).repeat(128, 1)[: grid.height, : grid.width] & (lag_days > 0)
    bands["SCL"] = np.where(cloud, np.float32(9.0), np.float32(4.0))
    bands["CLP"] = np.where(cloud, np.float32(0.9), np.float32(0.02))
    return {name: values.astype(np.float32) for name, values in bands.items()}
