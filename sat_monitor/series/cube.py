"""A Sentinel-2 cube as point series: every pixel is a point, named by its row and column from the north-west."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sat_monitor.core.errors import UsageError
from sat_monitor.imagery.s2_cube import s2_cube_scenes
from sat_monitor.series.tables import Reflectance


def reflectance_of_cube(path: Path) -> Reflectance:
    """All looks of a NetCDF cube (time, y, x); times that cannot be used are left out. E2003 where none can."""
    finding = s2_cube_scenes(path, "series")
    if not finding.scenes:
        raise UsageError("E2003", f"{path.name}: {'; '.join(reject.what for reject in finding.rejected)}")
    looks = sorted(finding.scenes, key=lambda found: found.offer.acquired_at)
    rasters = [found.load() for found in looks]
    grid = looks[0].grid
    names = tuple(f"{row}_{column}" for row in range(grid.height) for column in range(grid.width))
    at = np.array([found.offer.acquired_at.replace(tzinfo=None) for found in looks], "datetime64[ns]")
    bands = {
        band: np.stack([raster.bands[band].reshape(-1) for raster in rasters]).astype(np.float32)
        for band in rasters[0].bands
    }
    return Reflectance(names, at, bands, (grid.height, grid.width), grid.pixel_m)
