"""Ground that moves against its surroundings: areas, their rates, and whether and since when they move faster.

Motion is judged against a background of some hundred metres, so that an island that rises as a whole, and the atmosphere of
a date, stay apart from a fill that settles.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, median_filter, uniform_filter, zoom
from scipy.stats import norm
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.deformation import Motion
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.deformation.place import outline_of, pixel_area_m2

#: Side (pixels) over which velocity is averaged, and of the cells whose medians make the background.
SMOOTH_PX, CELL_PX = 3, 10
#: Chance that an averaged pixel of still ground counts, of the core and of the rim of an area; area from which one is told.
CORE_CHANCE, RIM_CHANCE, MIN_AREA_M2 = 1e-6, 1e-3, 3000.0
#: Pixels of ground around an area that its curve is taken against.
RING_PX = 8
#: By how much the information criterion must fall before a curve is called other than straight (calibrated on straight
#: curves with white noise: about three in a thousand, benchmarks/deformation.py prints it).
BEND_GAIN = 10.0
_FIRST_LAST, _HALF = 4, 0.5


@dataclass(frozen=True, slots=True)
class Curve:
    """What a displacement curve is best described by: `linear`, `quadratic`, `step` or `bend` since `onset`.

    `rate_m_per_yr` is that of its last stretch with its standard deviation, `before_m_per_yr` that of the first.
    """

    model: str
    rate_m_per_yr: float
    rate_std_m_per_yr: float
    before_m_per_yr: float
    onset: date | None

    @property
    def accelerates(self) -> bool:
        """Whether it moves faster than it did, in the same direction."""
        return self.model in {"quadratic", "bend"} and abs(self.rate_m_per_yr) > abs(self.before_m_per_yr)


@dataclass(frozen=True, slots=True)
class MovingArea:
    """Ground that moves: outline in the frame's coordinates, area (m2), velocity against its surroundings (m/yr).

    `displacement_m` (day) is the mean curve against the ring around it; `mask` (y, x) its pixels.
    """

    outline: BaseGeometry
    area_m2: float
    velocity_m_per_yr: float
    velocity_std_m_per_yr: float
    curve: Curve
    displacement_m: NDArray[np.float64]
    mask: BoolArray


def moving_areas(motion: Motion) -> list[MovingArea]:
    """The areas that move against their surroundings, the fastest first."""
    local = motion.velocity_m_per_yr - background(motion.velocity_m_per_yr)
    score = local_score(local)
    core = norm.isf(CORE_CHANCE / 2.0)
    rim = norm.isf(RIM_CHANCE / 2.0)
    pixel_m2 = pixel_area_m2(motion.frame)
    found = []
    for sign in (-1.0, 1.0):
        groups, count = label(sign * score > rim, np.ones((3, 3)))
        for number in range(1, count + 1):
            peak = (sign * score[groups == number]).max()
            # Averaging blurs an edge to half its height: pixels above half of the fastest lie within it.
            mask = (groups == number) & (sign * score > _HALF * peak) & np.isfinite(local)
            if mask.sum() * pixel_m2 >= MIN_AREA_M2 and peak > core:
                found.append(_area(motion, mask, pixel_m2))
    return sorted(found, key=lambda area: -abs(area.velocity_m_per_yr))


def background(velocity: FloatArray) -> FloatArray:
    """The velocity (y, x) of the surroundings: medians of cells, themselves smoothed by a median, interpolated."""
    rows, cols = (-(-length // CELL_PX) for length in velocity.shape)
    padded = np.full((rows * CELL_PX, cols * CELL_PX), np.nan, np.float32)
    padded[: velocity.shape[0], : velocity.shape[1]] = velocity
    cells = padded.reshape(rows, CELL_PX, cols, CELL_PX).transpose(0, 2, 1, 3).reshape(rows, cols, -1)
    known = np.isfinite(cells).sum(axis=2) >= CELL_PX
    middle = float(np.nanmedian(velocity)) if np.isfinite(velocity).any() else 0.0
    medians = np.full((rows, cols), middle, np.float32)
    medians[known] = np.nanmedian(cells[known], axis=1)
    smooth = median_filter(medians, size=5, mode="nearest")
    wide = zoom(smooth, CELL_PX, order=1, mode="nearest", grid_mode=True)
    return np.asarray(wide[: velocity.shape[0], : velocity.shape[1]], np.float32)


def averaged(local: FloatArray) -> FloatArray:
    """Mean of local velocity (y, x) over `SMOOTH_PX` pixels, NaN where half of them or more were not measured."""
    known = np.isfinite(local)
    weight = uniform_filter(known.astype(np.float32), SMOOTH_PX)
    total = uniform_filter(np.where(known, local, 0.0).astype(np.float32), SMOOTH_PX)
    mean: FloatArray = np.where(weight > 0.5, total / np.maximum(weight, 1e-6), np.nan)
    return mean


def local_score(local: FloatArray) -> FloatArray:
    """Averaged local velocity in robust spreads of the frame (y, x), 0 where too little was measured.

    The spread is that of the averages themselves, so that noise which neighbours share counts.
    """
    mean = averaged(local)
    if not np.isfinite(mean).any():
        return np.zeros(local.shape, np.float32)
    spread = 1.4826 * float(np.nanmedian(np.abs(mean - np.nanmedian(mean))))
    return np.asarray(np.nan_to_num(mean / max(spread, 1e-6)), np.float32)


def _area(motion: Motion, mask: BoolArray, pixel_m2: float) -> MovingArea:
    around = binary_dilation(mask, iterations=RING_PX) & ~binary_dilation(mask, iterations=2)
    ring = around & np.isfinite(motion.velocity_m_per_yr)
    curve = _mean_curve(motion, mask) - (_mean_curve(motion, ring) if ring.any() else 0.0)
    fitted = describe(curve, motion)
    rate, std = _line(curve, motion.years)
    outline = outline_of(motion.frame, mask)
    return MovingArea(outline, float(mask.sum() * pixel_m2), rate, std, fitted, curve, mask)


def _mean_curve(motion: Motion, mask: BoolArray) -> NDArray[np.float64]:
    pixels = motion.displacement_m[:, mask]
    return np.asarray(pixels[:, np.isfinite(pixels).all(axis=0)].mean(axis=1), np.float64)


def _line(curve: NDArray[np.float64], years: NDArray[np.float64]) -> tuple[float, float]:
    design = np.stack([np.ones_like(years), years], axis=1)
    terms, _, std = _fit(curve, design)
    return float(terms[1]), float(std[1])


def describe(curve: NDArray[np.float64], motion: Motion) -> Curve:
    """The description of a curve (day) that its information criterion prefers; straight unless clearly better."""
    years, days = motion.years, motion.days
    ones = np.ones_like(years)
    designs: list[tuple[str, int | None, NDArray[np.float64]]] = [("linear", None, np.stack([ones, years], axis=1))]
    if len(years) > 2 * _FIRST_LAST:
        designs.append(("quadratic", None, np.stack([ones, years, years**2], axis=1)))
        for k in range(_FIRST_LAST, len(years) - 2):
            designs.append(("step", k, np.stack([ones, years, (years >= years[k]).astype(float)], axis=1)))
            designs.append(("bend", k, np.stack([ones, years, np.maximum(0.0, years - years[k])], axis=1)))
    fits = [(name, k, *_fit(curve, design)) for name, k, design in designs]
    costs = [
        len(years) * np.log(squares / len(years)) + _terms(name) * np.log(len(years)) for name, _, _, squares, _ in fits
    ]
    best = int(np.argmin(costs))
    name, at, terms, _, std = fits[best] if costs[0] - costs[best] > BEND_GAIN else fits[0]
    first, last, last_std = terms[1], terms[1], std[1]
    if name == "quadratic":
        last = terms[1] + 2.0 * terms[2] * years[-1]
        last_std = np.hypot(std[1], 2.0 * std[2] * years[-1])
    elif name == "bend":
        last, last_std = terms[1] + terms[2], np.hypot(std[1], std[2])
    return Curve(name, float(last), float(last_std), float(first), None if at is None else days[at])


def _terms(model: str) -> int:
    """Free numbers of a model, the day of a step or bend included."""
    return {"linear": 2, "quadratic": 3, "step": 4, "bend": 4}[model]


def _fit(
    curve: NDArray[np.float64], design: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Terms, sum of squares about them, and their standard deviations."""
    inverse = np.linalg.pinv(design)
    terms = inverse @ curve
    squares = max(float(np.sum((curve - design @ terms) ** 2)), 1e-18)
    spread = np.sqrt(squares / max(1, len(curve) - design.shape[1]))
    return terms, squares, spread * np.sqrt(np.diag(inverse @ inverse.T))
