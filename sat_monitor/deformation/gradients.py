"""Where velocity changes from one place to the next: the edge of a fill that settles, where ground cracks and drains break.

A fill that sinks evenly tears at its edge. The gradient of the averaged velocity against its surroundings, in m/yr per m,
is held against the scatter of the frame's own gradients, so that ground that tilts as a whole counts as still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import label
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.deformation import Frame, Motion
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.deformation.anomalies import averaged, background
from sat_monitor.deformation.place import outline_of, pixel_area_m2

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


class Gradient(NamedTuple):
    """Change of averaged local velocity along both axes (y, x), m/yr per m = 1/yr; NaN where a neighbour was not measured."""

    east: FloatArray
    north: FloatArray

    @property
    def size(self) -> FloatArray:
        """Its length (y, x), 1/yr."""
        return np.hypot(self.east, self.north).astype(np.float32)


def velocity_gradient(motion: Motion) -> Gradient:
    """The gradient of velocity against its surroundings."""
    local = motion.velocity_m_per_yr - background(motion.velocity_m_per_yr)
    mean = np.where(np.isfinite(local), averaged(local), np.nan)
    north, east = np.gradient(mean, float(np.sqrt(pixel_area_m2(motion.frame))))
    return Gradient(east.astype(np.float32), north.astype(np.float32))


def gradient_zones(frame: Frame, gradient: Gradient) -> list[GradientZone]:
    """Zones of steep gradient, the steepest first.

    On still ground both components are normal with the frame's robust spread, so that their length follows Rayleigh's
    law: it exceeds t spreads with the chance exp(-t^2 / 2).
    """
    east, north = gradient
    known = np.isfinite(east) & np.isfinite(north)
    if not known.any():
        return []
    spread = 1.4826 * float(np.median(np.abs(np.concatenate([east[known], north[known]]))))
    size = np.where(known, gradient.size, 0.0) / max(spread, 1e-12)
    core, rim = (np.sqrt(-2.0 * np.log(chance)) for chance in (CORE_CHANCE, RIM_CHANCE))
    groups, count = label(size > rim, np.ones((3, 3)))
    zones = []
    for number in range(1, count + 1):
        mask = groups == number
        peak = float(size[mask].max())
        if mask.sum() >= MIN_PIXELS and peak > core:
            area_m2 = float(mask.sum() * pixel_area_m2(frame))
            zones.append(GradientZone(outline_of(frame, mask), area_m2, peak * spread, mask))
    return sorted(zones, key=lambda zone: -zone.steepest_per_yr)
