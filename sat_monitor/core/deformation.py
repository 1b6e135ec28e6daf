"""The nouns of deformation: stacks of interferograms and the motion that was inverted from them.

Everything is in metres along the line of sight, positive toward the satellite: sinking ground is negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import Direction, FloatArray


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a stack lies: `crs` as WKT or AUTHORITY:CODE, `transform` as GDAL's six numbers, size in pixels.

    A frame may be geographic (degrees), for interferograms are kept on the grid on which they arrived.
    """

    crs: str
    transform: tuple[float, float, float, float, float, float]
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the radar looked: wavelength (m), incidence from the vertical and heading clockwise from north (degrees).

    `incidence_deg` is a scalar for the frame or (y, x) float32 where the product has it.
    """

    wavelength_m: float
    incidence_deg: float | FloatArray | None = None
    heading_deg: float | None = None
    direction: Direction | None = None
    relative_orbit: int | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One interferogram without its pixels: UTC days, perpendicular baseline (m), source file and its sha256."""

    before: date
    after: date
    perpendicular_m: float | None
    source: str
    sha256: str

    @property
    def days(self) -> int:
        """Days between its acquisitions."""
        return (self.after - self.before).days


@dataclass(frozen=True, slots=True)
class PairStack:
    """Unwrapped pairs on one frame: `displacement_m` (pair, y, x) float32, NaN = no data, later minus earlier date.

    `coherence` (pair, y, x) float32 0..1 or None; `height_m` (y, x) or None.
    """

    frame: Frame
    geometry: Geometry
    pairs: tuple[Pair, ...]
    displacement_m: FloatArray
    coherence: FloatArray | None = None
    height_m: FloatArray | None = None

    @property
    def days(self) -> tuple[date, ...]:
        """The acquisition days, ascending."""
        return tuple(sorted({day for pair in self.pairs for day in (pair.before, pair.after)}))


@dataclass(frozen=True, slots=True)
class Motion:
    """What was inverted: `displacement_m` (day, y, x) float32 since the first day, NaN = no measurement.

    `std_m` (day, y, x) is its standard deviation by the misfit of pairs, against the first day. The rates are (y, x)
    with standard deviations by the scatter about each model; `seasonal_m` is the amplitude of a yearly wave, NaN for
    short spans; `velocity_uncorrected_m_per_yr` is the velocity without corrections. `temporal_coherence` (0..1) and
    `residual_m` (rms of pairs) are (y, x). `reference` is the (row, col) centre of the area taken as stable, None where
    nothing was referenced; `remarks` say in words what was done.
    """

    frame: Frame
    geometry: Geometry
    days: tuple[date, ...]
    displacement_m: FloatArray
    std_m: FloatArray
    velocity_m_per_yr: FloatArray
    velocity_std_m_per_yr: FloatArray
    acceleration_m_per_yr2: FloatArray
    acceleration_std_m_per_yr2: FloatArray
    seasonal_m: FloatArray
    seasonal_std_m: FloatArray
    temporal_coherence: FloatArray
    residual_m: FloatArray
    velocity_uncorrected_m_per_yr: FloatArray
    reference: tuple[int, int] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def years(self) -> NDArray[np.float64]:
        """Years (365.25 days) of each day since the first, (day)."""
        return np.array([(day - self.days[0]).days / 365.25 for day in self.days])
