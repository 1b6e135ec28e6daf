"""Where interferometry measured, and why not elsewhere (METHOD 21): no measurement is never called stable.

C-band loses coherence in forest within days, on slopes that face the satellite all echoes arrive at once (layover), and
behind steep ones none does (shadow). What remains without a reason is decorrelated: water, fields, ground at work.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.warp import Resampling, reproject

from sat_monitor.core.deformation import Frame, Geometry, Motion
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.decompose import look_vector
from sat_monitor.deformation.place import slope_on
from sat_monitor.imagery.files import whole_file

#: Slope from which unwrapping and geocoding are not to be trusted, degrees.
_STEEP_DEG = 35.0


class Cover(IntEnum):
    """Classes of the map, in the order in which reasons count."""

    MEASURED = 1
    LAYOVER_OR_SHADOW = 2
    FOREST = 3
    STEEP = 4
    DECORRELATED = 5


@dataclass(frozen=True, slots=True)
class Coverage:
    """Classes (y, x) uint8 on a frame, and what could not be asked for lack of heights, geometry or a forest layer."""

    frame: Frame
    classes: NDArray[np.uint8]
    not_asked: tuple[str, ...]

    @property
    def shares(self) -> dict[str, float]:
        """Share (0..1) of the frame by class."""
        return {cover.name.lower(): float((self.classes == cover).mean()) for cover in Cover}


def coverage(motion: Motion, height_m: FloatArray | None, forest: BoolArray | None) -> Coverage:
    """The map of a motion; `height_m` and `forest` (y, x) lie on its frame, None where not known."""
    classes = np.full(motion.velocity_m_per_yr.shape, Cover.DECORRELATED, np.uint8)
    not_asked = []
    if height_m is None:
        not_asked += ["steep", "layover_or_shadow"]
    else:
        slope, aspect = slope_on(motion.frame, height_m)
        classes[slope > _STEEP_DEG] = Cover.STEEP
    if forest is None:
        not_asked.append("forest")
    else:
        classes[forest] = Cover.FOREST
    if height_m is not None:
        hidden = _hidden(motion.geometry, slope, aspect)
        if hidden is None:
            not_asked.append("layover_or_shadow")
        else:
            classes[hidden] = Cover.LAYOVER_OR_SHADOW
    classes[np.isfinite(motion.velocity_m_per_yr)] = Cover.MEASURED
    return Coverage(motion.frame, classes, tuple(not_asked))


def _hidden(geometry: Geometry, slope_deg: FloatArray, aspect_deg: FloatArray) -> BoolArray | None:
    """Slopes in layover or shadow (y, x), None where the direction of view is not known.

    With t the slope towards the satellite within the plane of view, echoes overlay where t exceeds the incidence, and
    none returns where -t exceeds its complement (Kropatsch and Strobl 1990, doi:10.1109/36.45752).
    """
    try:
        east, north, up = look_vector(geometry)
    except DeformationError:
        return None
    slope, aspect = np.radians(slope_deg), np.radians(aspect_deg)
    azimuth = np.arctan2(east, north)
    incidence = np.arccos(up)
    facing = np.arctan(np.tan(slope) * np.cos(aspect - azimuth))
    return np.asarray((facing > incidence) | (-facing > np.pi / 2.0 - incidence))


def forest_on(frame: Frame, path: Path) -> BoolArray:
    """A raster of forest (0 and 1) on a frame, (y, x), by nearest pixels; raises DeformationError E2206."""
    found = np.zeros(frame.shape, np.uint8)
    try:
        with rasterio.open(path) as source:
            reproject(
                rasterio.band(source, 1), found, dst_crs=frame.crs,
                dst_transform=rasterio.Affine.from_gdal(*frame.transform), resampling=Resampling.nearest,
            )  # fmt: skip
    except rasterio.errors.RasterioError as error:
        raise DeformationError("E2206", f"{path.name}: {error}") from error
    return found > 0


def write_coverage(path: Path, found: Coverage) -> Path:
    """Writes the classes as a GeoTIFF of bytes whose tags name them."""
    frame = found.frame
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": 0, "crs": frame.crs, "height": frame.height,
        "width": frame.width, "transform": rasterio.Affine.from_gdal(*frame.transform), "compress": "DEFLATE",
    }  # fmt: skip
    with whole_file(path) as temporary, rasterio.open(temporary, "w", **profile) as target:
        target.write(found.classes, 1)
        target.set_band_description(1, "coverage")
        target.update_tags(**{f"CLASS_{cover.value}": cover.name.lower() for cover in Cover})
        target.update_tags(NOT_ASKED=", ".join(found.not_asked))
    return path
