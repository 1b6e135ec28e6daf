"""Where velocity changes from one place to the next: the edge of a fill that settles, where ground cracks and drains break.

A fill that sinks evenly tears at its edge. The gradient of the averaged velocity against its surroundings, in m/yr per m,
is held against the scatter of the frame's own gradients, so that ground that tilts as a whole counts as still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rasterio import Affine
from rasterio.features import shapes
from scipy.ndimage import label, uniform_filter
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from sat_monitor.core.deformation import Motion
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.deformation.anomalies import SMOOTH_PX, background
from sat_monitor.deformation.place import pixel_area_m2

#: Chance that the gradient of a pixel of still ground counts, of the core and of the rim of a zone.
CORE_CHANCE, RIM_CHANCE = 1e-6, 1e-3
#: Fewest pixels of a zone: a single one is an error of unwrapping.
MIN_PIXELS = 4


@dataclass(frozen=True, slots=True)
class GradientZone:
    """Ground across which velocity changes: outline in the frame's coordinates, area (m2), steepest gradient (1/yr)."""

    outline: BaseGeometry
    area_m2: float
    steepest_per_yr: float
    mask: BoolArray


def velocity_gradient(motion: Motion) -> FloatArray:
    """Size of the gradient of local velocity (y, x), m/yr per m = 1/yr; NaN where a neighbour was not measured."""
    east, north = _slopes(motion)
    return np.hypot(east, north).astype(np.float32)


def gradient_zones(motion: Motion) -> list[GradientZone]:
    """Zones of steep gradient, the steepest first.

    On still ground both components are normal with the frame's robust spread, so that their length follows Rayleigh's
    law: it exceeds t spreads with the chance exp(-t^2 / 2).
    """
    east, north = _slopes(motion)
    known = np.isfinite(east) & np.isfinite(north)
    if not known.any():
        return []
    spread = 1.4826 * float(np.median(np.abs(np.concatenate([east[known], north[known]]))))
    size = np.where(known, np.hypot(east, north), 0.0) / max(spread, 1e-12)
    core, rim = (np.sqrt(-2.0 * np.log(chance)) for chance in (CORE_CHANCE, RIM_CHANCE))
    groups, count = label(size > rim, np.ones((3, 3)))
    zones = []
    for number in range(1, count + 1):
        mask = groups == number
        peak = float(size[mask].max())
        if mask.sum() >= MIN_PIXELS and peak > core:
            zones.append(_zone(motion, mask, peak * spread))
    return sorted(zones, key=lambda zone: -zone.steepest_per_yr)


def _slopes(motion: Motion) -> tuple[FloatArray, FloatArray]:
    """Change of averaged local velocity along both axes (y, x), 1/yr."""
    local = motion.velocity_m_per_yr - background(motion.velocity_m_per_yr)
    known = np.isfinite(local)
    share = uniform_filter(known.astype(np.float32), SMOOTH_PX)
    total = uniform_filter(np.where(known, local, 0.0).astype(np.float32), SMOOTH_PX)
    mean = np.where(known & (share > 0.5), total / np.maximum(share, np.float32(1e-6)), np.nan)
    north, east = np.gradient(mean, float(np.sqrt(pixel_area_m2(motion.frame))))
    return east.astype(np.float32), north.astype(np.float32)


def _zone(motion: Motion, mask: BoolArray, steepest: float) -> GradientZone:
    affine = Affine.from_gdal(*motion.frame.transform)
    parts = shapes(mask.astype(np.uint8), mask=mask, connectivity=8, transform=affine)
    outline = unary_union([shape(part) for part, _ in parts])
    return GradientZone(outline, float(mask.sum() * pixel_area_m2(motion.frame)), steepest, mask)
