"""What is not motion: errors of the elevation model, ramps of orbit and atmosphere, delay that goes with height.

METHOD 19: ramps and delay are fitted on stable pixels, and only in frames that are large enough to tell them from motion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Geod

from sat_monitor.core.deformation import Frame
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.deformation.trend import fit, trend_of

#: Frames smaller than this (km), more moving ground than this, and a velocity that goes with height more than this
#: (correlation) leave ramps and delay alone.
MIN_FRAME_KM, MAX_MOVING, MAX_CORRELATION = 30.0, 0.2, 0.4
#: A pixel moves when its velocity departs from the median by more than this (m/yr) and by three robust spreads.
MOVING_M_PER_YR = 0.01
#: Spread of the baselines of the days (m) from which an error of the elevation model shows.
MIN_BASELINE_SPREAD_M = 20.0


@dataclass(frozen=True, slots=True)
class Corrected:
    """Displacement (day, y, x) after the corrections, and what was done or left alone, in words."""

    displacement: FloatArray
    remarks: tuple[str, ...]


def frame_km(frame: Frame) -> float:
    """The shorter side of a frame, km."""
    x0, dx, _, y0, _, dy = frame.transform
    x1, y1 = x0 + dx * frame.width, y0 + dy * frame.height
    if CRS.from_user_input(frame.crs).is_geographic:
        geod = Geod(ellps="WGS84")
        middle = (y0 + y1) / 2.0
        wide = geod.inv(x0, middle, x1, middle)[2]
        high = geod.inv(x0, y0, x0, y1)[2]
        return float(min(wide, high)) / 1000.0
    return min(abs(x1 - x0), abs(y1 - y0)) / 1000.0


def moving(velocity: FloatArray, still: float | None = None) -> BoolArray:
    """Pixels (y, x) that depart from `still` (m/yr), the frame's median where None; unmeasured ones do not move."""
    rest = np.abs(velocity - (np.nanmedian(velocity) if still is None else still))
    spread = 1.4826 * float(np.nanmedian(rest))
    return np.asarray(rest > max(MOVING_M_PER_YR, min(3.0 * spread, 5.0 * MOVING_M_PER_YR)))


def without_terrain_error(
    displacement: FloatArray, years: NDArray[np.float64], baselines: NDArray[np.float64] | None
) -> Corrected:
    """Take away what follows the perpendicular baseline of the days: the error of the elevation model.

    It is fitted together with the motion: offset, velocity, acceleration and baseline together
    (Fattahi and Amelung 2013, doi:10.1109/TGRS.2012.2227761).
    """
    if baselines is None:
        return Corrected(displacement, ("error of the elevation model not fitted: baselines are not known",))
    if np.ptp(baselines) < MIN_BASELINE_SPREAD_M or len(years) < 6:
        return Corrected(displacement, ("error of the elevation model not fitted: baselines hardly differ",))
    columns = [np.ones_like(years), years, 0.5 * years**2, baselines]
    slope = fit(displacement, columns).terms[3]
    part = (baselines - baselines[0]).astype(np.float32)[:, None, None] * slope
    return Corrected(displacement - part, ("error of the elevation model fitted and taken away",))


def without_atmosphere(
    displacement: FloatArray, years: NDArray[np.float64], frame: Frame, height: FloatArray | None
) -> Corrected:
    """Take away a plane, and what goes with height, of every day, as fitted on ground that does not move."""
    velocity = trend_of(displacement, years).velocity
    known = np.isfinite(velocity)
    share = float(moving(velocity)[known].mean()) if known.any() else 1.0
    side = frame_km(frame)
    refusals = [
        (side < MIN_FRAME_KM, f"frame of {side:.0f} km is under {MIN_FRAME_KM:.0f} km"),
        (share > MAX_MOVING, f"{share:.0%} of the ground moves"),
    ]
    if height is not None and known.any():
        alike = _correlation(velocity, height)
        refusals.append((abs(alike) > MAX_CORRELATION, f"velocity and height correlate ({alike:+.2f})"))
    reasons = [reason for refused, reason in refusals if refused]
    if reasons:
        return Corrected(displacement, (f"ramps and delay left alone: {'; '.join(reasons)}",))
    still = known & ~moving(velocity)
    surfaces = _surfaces(frame, height)
    design = np.stack([surface[still] for surface in surfaces], axis=1)
    cleaned = displacement.copy()
    for i, day in enumerate(displacement):
        good = np.isfinite(day[still])
        found = np.linalg.lstsq(design[good], day[still][good], rcond=None)[0]
        cleaned[i] = day - np.einsum("t,tyx->yx", found, np.stack(surfaces))
    what = "ramps" if height is None else "ramps and height-correlated delay"
    return Corrected(cleaned, (f"{what} fitted on {still.sum()} stable pixels and taken away",))


def _surfaces(frame: Frame, height: FloatArray | None) -> list[FloatArray]:
    rows, cols = np.mgrid[-1 : 1 : frame.height * 1j, -1 : 1 : frame.width * 1j].astype(np.float32)
    surfaces = [np.ones_like(rows), rows, cols]
    if height is not None:
        # Where the height is not known nothing is taken away for it.
        surfaces.append(np.nan_to_num((height - np.nanmean(height)) / max(1.0, float(np.nanstd(height)))))
    return surfaces


def _correlation(one: FloatArray, other: FloatArray) -> float:
    good = np.isfinite(one) & np.isfinite(other)
    if good.sum() < 3 or np.ptp(other[good]) == 0:
        return 0.0
    return float(np.corrcoef(one[good], other[good])[0, 1])
