"""Registration: the sub-pixel shift of a scene against its reference by windowed phase correlation (METHOD 1).

Cross spectra are summed over overlapping windows, so that only structure common to both pictures keeps its phase; the
coherence of that sum weighs a plane through the phases, whose slope is the shift (Foroosh et al., 2002; Welch, 1967).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from sat_monitor.core.domain import FloatArray, Scene
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.profile import ImagerySettings

_T = TypeVar("_T", bound=np.generic)

#: Side and step of the windows, pixels, and the share of common valid pixels that one needs.
_SIDE = 64
_STEP = 32
_MIN_SHARE = 0.6
#: Largest whole shift that is searched, pixels.
_SEARCH = 8
#: Coherence over few windows is biased upwards; what a single window shows proves nothing.
_MIN_WINDOWS = 3
#: A shift is measured where its standard error is below this, pixels.
_MAX_ERROR_PX = 0.15
#: Weighted mean cosine of the phases about the plane: open sea and leafless snow stay below 0.35, ground above 0.55.
_MIN_AGREEMENT = 0.5
_ITERATIONS = 4


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a scene lies off its reference: content at (row, col) of the reference is at (row + dy, col + dx).

    `residual_px` is the standard error; where not `measured`, the pictures share too little and dy = dx = 0.
    """

    dy_px: float
    dx_px: float
    residual_px: float
    measured: bool

    @property
    def length_px(self) -> float:
        """Length of the shift, pixels."""
        return float(np.hypot(self.dy_px, self.dx_px))

    @property
    def figures(self) -> dict[str, float]:
        """Shift and standard error by name, pixels; empty where not measured."""
        if not self.measured:
            return {}
        return {"dy_px": self.dy_px, "dx_px": self.dx_px, "residual_px": self.residual_px}


UNMEASURED = Shift(0.0, 0.0, float("inf"), False)


def estimate_shift(reference: FloatArray, moving: FloatArray) -> Shift:
    """Shift of `moving` against `reference`, both (y, x) of one shape and unit, NaN = not seen; see `Shift`."""
    spectra = _cross_spectra(reference, moving)
    if spectra is None:
        return UNMEASURED
    cross, coherence, windows = spectra
    frequency_y = fft.fftfreq(_SIDE)[:, None]
    frequency_x = fft.rfftfreq(_SIDE)[None, :]
    # Beyond 0.35 cycles per pixel aliasing and resampling speak, at 0 the mean.
    radius = np.hypot(frequency_y, frequency_x)
    band = (radius > 0.02) & (radius < 0.35)
    bias = 1.0 / windows
    squared = np.clip((coherence**2 - bias) / (1.0 - bias), 0.0, 0.98)
    weight = np.where(band, squared / (1.0 - squared), 0.0)
    return _plane(cross, weight, (frequency_y, frequency_x))


def _cross_spectra(reference: FloatArray, moving: FloatArray) -> tuple[NDArray[np.complex128], FloatArray, int] | None:
    """Summed cross spectrum, its coherence and the effective number of windows; None where too little is common."""
    seen = _windows(np.isfinite(reference) & np.isfinite(moving))
    used = seen.mean(axis=(1, 2)) >= _MIN_SHARE
    count = int(used.sum())
    if count < _MIN_WINDOWS:
        return None
    taper = np.hanning(_SIDE + 2)[1:-1].astype(np.float32)
    window = np.outer(taper, taper)
    one, two = (fft.rfft2(_flat(_windows(picture)[used], seen[used]) * window) for picture in (reference, moving))
    cross = (np.conj(one) * two).sum(axis=0)
    power = (np.abs(one) ** 2).sum(axis=0), (np.abs(two) ** 2).sum(axis=0)
    coherence = np.abs(cross) / np.sqrt(power[0] * power[1] + 1e-30)
    # Windows that overlap by half are not independent: about half as many are.
    return cross, coherence.astype(np.float32), max(2, count // 2)


def _starts(size: int) -> list[int]:
    """First pixels of the windows along one axis, the last one flush with the edge."""
    if size < _SIDE:
        return []
    return sorted({*range(0, size - _SIDE + 1, _STEP), size - _SIDE})


def _windows(picture: NDArray[_T]) -> NDArray[_T]:
    """All windows of a picture (y, x), (window, y, x)."""
    rows, cols = _starts(picture.shape[0]), _starts(picture.shape[1])
    if not rows or not cols:
        return np.zeros((0, _SIDE, _SIDE), picture.dtype)
    every = np.lib.stride_tricks.sliding_window_view(picture, (_SIDE, _SIDE))[np.ix_(rows, cols)]
    return every.reshape(-1, _SIDE, _SIDE)


def _flat(windows: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """Windows (window, y, x) about their means, limited to three standard deviations, 0 where not seen."""
    count = seen.sum(axis=(1, 2), keepdims=True).astype(np.float32)
    clean = np.where(seen, windows, np.float32(0.0))
    deviation = np.where(seen, clean - clean.sum(axis=(1, 2), keepdims=True) / count, np.float32(0.0))
    sd = np.sqrt((deviation**2).sum(axis=(1, 2), keepdims=True) / count) + np.float32(1e-12)
    return np.asarray(np.clip(deviation / sd, -3.0, 3.0), np.float32)


def _plane(
    cross: NDArray[np.complex128],
    weight: NDArray[np.float64],
    frequency: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Shift:
    """Weighted plane through the phases, from the best whole shift on; phases are taken around the plane so far."""
    if weight.sum() <= 0.0:
        return UNMEASURED
    unit = cross / (np.abs(cross) + 1e-30)
    peak = fft.irfft2(unit * np.sqrt(weight), (_SIDE, _SIDE))
    rows = np.r_[np.arange(-_SEARCH, _SEARCH + 1)]
    near = peak[np.ix_(rows % _SIDE, rows % _SIDE)]
    best = np.unravel_index(int(np.argmax(near)), near.shape)
    shift = np.array([rows[best[0]], rows[best[1]]], float)
    fy, fx = (np.broadcast_to(f, weight.shape) for f in frequency)
    slopes = -2.0 * np.pi * np.column_stack([fy.ravel(), fx.ravel()])
    w = weight.ravel()
    normal = (slopes * w[:, None]).T @ slopes
    if np.linalg.cond(normal) > 1e6:
        return UNMEASURED
    for _ in range(_ITERATIONS):
        phase = np.angle(unit.ravel() * np.exp(-1j * (slopes @ shift)))
        shift = shift + np.linalg.solve(normal, (slopes * w[:, None]).T @ phase)
    phase = np.angle(unit.ravel() * np.exp(-1j * (slopes @ shift)))
    freedom = max(1.0, float(w.sum() ** 2 / (w**2).sum()) - 2.0)
    variance = float((w * phase**2).sum() / w.sum()) / freedom * float(w.sum())
    error = float(np.sqrt(variance * np.trace(np.linalg.inv(normal)) / 2.0))
    agreement = float((w * np.cos(phase)).sum() / w.sum())
    if error > _MAX_ERROR_PX or agreement < _MIN_AGREEMENT or np.abs(shift).max() > _SEARCH + 1:
        return Shift(0.0, 0.0, error, False)
    return Shift(float(shift[0]), float(shift[1]), error, True)


def check_shift(shift: Shift, settings: ImagerySettings, scene_id: str) -> None:
    """Raise SceneReject E1210 where a measured shift is surely larger than what is corrected."""
    if shift.measured and shift.length_px - 2.0 * shift.residual_px > settings.max_shift_px:
        what = (
            f"{scene_id} lies {shift.length_px:.2f} px (dy {shift.dy_px:+.2f}, dx {shift.dx_px:+.2f}, "
            f"error {shift.residual_px:.2f}) off its reference; at most {settings.max_shift_px} px is corrected"
        )
        raise SceneReject("E1210", what, "the scene in the archive", scene_id)


def needs_correction(shift: Shift | None, settings: ImagerySettings) -> bool:
    """Whether a shift is measured and larger than its noise."""
    return shift is not None and shift.measured and shift.length_px >= settings.min_shift_px


def shift_bands(bands: Mapping[str, FloatArray], shift: Shift) -> dict[str, FloatArray]:
    """Bands (y, x) moved back onto the reference by cubic interpolation; classes (SCL) take their nearest pixel.

    A pixel next to a missing one is missing; edges repeat, so hand over a margin and crop it.
    """
    move = (-shift.dy_px, -shift.dx_px)
    moved = {}
    for name, values in bands.items():
        if name == "SCL":
            moved[name] = ndimage.shift(values, move, order=0, mode="nearest")
            continue
        missing = ~np.isfinite(values)
        filled = np.where(missing, np.float32(0.0), values)
        result = ndimage.shift(filled, move, order=3, mode="nearest").astype(np.float32)
        if missing.any():
            # The cubic kernel rings around the zeros that fill a gap: two pixels away it no longer does.
            lost = ndimage.shift(ndimage.binary_dilation(missing, iterations=1).astype(np.float32), move, order=1)
            result = np.where(lost > 0.01, np.float32(np.nan), result)
        # Overshoot must not make power or reflectance negative.
        low = np.nanmin(np.where(missing, np.nan, values)) if not missing.all() else 0.0
        moved[name] = np.maximum(result, np.float32(low)).astype(np.float32)
    return moved


def clear_scenes(scenes: Sequence[Scene], count: int) -> list[Scene]:
    """The first `count` scenes fit to be a reference: whole and clear; the clearest one where none is."""
    whole = max((s.valid_fraction for s in scenes), default=0.0)
    fit = [s for s in sorted(scenes, key=lambda s: s.order) if s.valid_fraction >= 0.9 * whole]
    clear = [s for s in fit if (s.cloud_fraction or 0.0) <= 0.1]
    return clear[:count] or sorted(fit, key=lambda s: (s.cloud_fraction or 0.0, s.order))[:1]
