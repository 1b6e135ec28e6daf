"""Products on the ground: up and east of two stacks of one place, and motion down the slope of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.warp import Resampling, reproject

from sat_monitor.core.deformation import Frame, Motion
from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.decompose import down_slope, up_and_east
from sat_monitor.deformation.place import slope_on
from sat_monitor.deformation.shelf import write_layer


def write_ground_motion(ascending: Motion, descending: Motion, out: Path) -> list[Path]:
    """Rates up and east with their standard deviations as GeoTIFFs, m a year, on the frame of the ascending stack.

    The other is brought there by nearest pixels. Raises DeformationError E2203 without a direction of view, E2205 where
    both do not overlap.
    """
    frame = ascending.frame
    velocity, std = (
        on_frame(layer, descending.frame, frame)
        for layer in (descending.velocity_m_per_yr, descending.velocity_std_m_per_yr)
    )
    if not np.isfinite(velocity).any():
        raise DeformationError("E2205", "the two stacks do not overlap")
    found = up_and_east(
        (ascending.velocity_m_per_yr, ascending.velocity_std_m_per_yr, ascending.geometry),
        (velocity, std, descending.geometry),
    )
    layers = {"up": found.up, "up_std": found.up_std, "east": found.east, "east_std": found.east_std}
    paths = []
    for name, layer in layers.items():
        paths.append(out / f"{name}_m_per_yr.tif")
        write_layer(paths[-1], frame, layer, [paths[-1].stem])
    return paths


def write_down_slope(motion: Motion, height_m: FloatArray | None, out: Path) -> Path:
    """Velocity along the steepest descent as a GeoTIFF, m a year, positive downhill.

    Raises DeformationError E2203 without heights or a direction of view.
    """
    if height_m is None:
        raise DeformationError("E2203", "the stack holds no heights")
    slope, aspect = slope_on(motion.frame, height_m)
    write_layer(out, motion.frame, down_slope(motion.velocity_m_per_yr, motion.geometry, slope, aspect), [out.stem])
    return out


def on_frame(layer: FloatArray, frame: Frame, target: Frame) -> FloatArray:
    """A layer (y, x) of one frame on another, by nearest pixels, NaN beyond."""
    if frame == target:
        return layer
    found = np.full(target.shape, np.nan, np.float32)
    reproject(
        layer, found, src_crs=frame.crs, src_transform=rasterio.Affine.from_gdal(*frame.transform), dst_crs=target.crs,
        dst_transform=rasterio.Affine.from_gdal(*target.transform), src_nodata=np.nan, dst_nodata=np.nan,
        resampling=Resampling.nearest,
    )  # fmt: skip
    return found
