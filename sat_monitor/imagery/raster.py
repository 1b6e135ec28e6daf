"""Pixels with their grid, on the way from a source to the archive."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.grid import Grid


@dataclass(frozen=True, slots=True)
class Raster:
    """Bands (y, x) float32 with NaN as no data, all on `grid`; units are those of the sensor table."""

    grid: Grid
    bands: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        for name, values in self.bands.items():
            if values.shape != self.grid.shape:
                raise ValueError(f"band {name} has shape {values.shape}, the grid {self.grid.shape}")

    @property
    def pixels_sha256(self) -> str:
        """Hash of grid, band names and pixel values, independent of file format and compression."""
        digest = hashlib.sha256(repr(self.grid).encode())
        for name in sorted(self.bands):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.bands[name], dtype="<f4").tobytes())
        return digest.hexdigest()
