"""What was asked of an image service, and whether a file answers it: grid, bands, type and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.geotiff import GeoTiff, read_geotiff
from sat_monitor.imagery.items import FileFacts


@dataclass(frozen=True, slots=True)
class Asked:
    """One image as it was asked for; `ranges` are the values that a band may have."""

    grid: Grid
    bands: tuple[str, ...]
    dtype: str
    nodata: float | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def read_answer(path: Path, asked: Asked, promised: FileFacts | None = None) -> GeoTiff:
    """The decoded file, bands named as asked; raises SceneReject with a number where it is not what was asked."""
    tiff = read_geotiff(path, promised, asked.bands)
    if tiff.grid != asked.grid:
        raise SceneReject("E1207", f"the file lies on {tiff.grid}, asked was {asked.grid}", "nothing of this scene")
    return tiff
