"""Fractal ground: heights, slopes, streams and hollows, and how sun and radar fall on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.simulate.drainage import catchment_px

#: A stream begins where so much ground drains, m2; a hollow is a concave place above one (METHOD 17).
STREAM_M2, _HOLLOW_M2 = 500_000.0, 5_000.0
#: Depth that running water cuts per e-fold of its catchment, m.
_CUT_M = 1.6
#: Distance from ridge to ridge of the largest hills, pixels.
_RIDGE_PX = 150.0


@dataclass(frozen=True, slots=True)
class Terrain:
    """Heights (y, x) float32, m; gradients d(height)/d(east), d(height)/d(north), unitless; catchment, m2."""

    height_m: FloatArray
    east: FloatArray
    north: FloatArray
    catchment_m2: FloatArray
    pixel_m: float

    @property
    def slope_deg(self) -> FloatArray:
        """Slope (y, x), degrees."""
        return np.asarray(np.degrees(np.arctan(np.hypot(self.east, self.north))), np.float32)

    @property
    def hollow(self) -> BoolArray:
        """Concave ground that gathers water but carries no stream yet: where fills sit, (y, x)."""
        bowl = ndimage.gaussian_laplace(self.height_m, 3.0) > 0.0
        return np.asarray(bowl & (self.catchment_m2 > _HOLLOW_M2) & (self.catchment_m2 < STREAM_M2))

    def cos_incidence(self, azimuth_deg: float, elevation_deg: float) -> FloatArray:
        """Cosine of the angle between the ground's normal and a direction (degrees, clockwise from north), (y, x)."""
        azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
        towards = np.cos(elevation) * (self.east * np.sin(azimuth) + self.north * np.cos(azimuth))
        normal = np.sqrt(1.0 + self.east**2 + self.north**2)
        return np.asarray((np.sin(elevation) - towards) / normal, np.float32)

    def shaded(self, azimuth_deg: float, elevation_deg: float) -> BoolArray:
        """Where other ground stands between a pixel and a far light, (y, x): cast shadow of sun or radar."""
        rise = float(np.tan(np.radians(elevation_deg))) * self.pixel_m
        hidden = np.zeros(self.height_m.shape, bool)
        for away in self._steps(rise):
            here, there = _pair(self.height_m.shape, azimuth_deg, away)
            hidden[here] |= self.height_m[there] - self.height_m[here] > np.float32(rise * away)
        return hidden

    def laid_over(self, azimuth_deg: float, elevation_deg: float) -> BoolArray:
        """Where two places share one slant range of a radar that stands in this direction, (y, x).

        Range of a place = ground range x cos(elevation) - height x sin(elevation): farther ground that has not the
        larger range is laid over, and so is what it lies upon.
        """
        enough = self.pixel_m / float(np.tan(np.radians(elevation_deg)))
        over = np.zeros(self.height_m.shape, bool)
        for away in self._steps(enough):
            here, there = _pair(self.height_m.shape, azimuth_deg, -away)
            higher = self.height_m[there] - self.height_m[here] >= np.float32(enough * away)
            over[here] |= higher
            over[there] |= higher
        return over

    def _steps(self, rise_per_px: float) -> range:
        """Distances, pixels, beyond which no relief of this terrain can reach."""
        relief = float(self.height_m.max() - self.height_m.min())
        return range(1, min(int(relief / rise_per_px) + 2, max(self.height_m.shape)))


_Slices = tuple[slice, slice]


def _pair(shape: tuple[int, int], azimuth_deg: float, away: int) -> tuple[_Slices, _Slices]:
    """Slices of all pixels that have a partner `away` pixels off in a direction, and of those partners."""
    azimuth = np.radians(azimuth_deg)
    rows, cols = round(float(-away * np.cos(azimuth))), round(float(away * np.sin(azimuth)))
    spans = [(max(0, -step), min(size, size - step), step) for size, step in zip(shape, (rows, cols), strict=True)]
    here, there = (tuple(slice(a + k * step, max(a, b) + k * step) for a, b, step in spans) for k in (0, 1))
    return (here[0], here[1]), (there[0], there[1])


def fractal(
    shape: tuple[int, int], roughness: float, rng: np.random.Generator, largest_px: float = np.inf
) -> FloatArray:
    """A random surface (y, x) float32 with power spectrum 1 / f^(2 roughness), mean 0, standard deviation 1.

    Above a wavelength of `largest_px` the spectrum is flat: the surface has the same grain however large it is.
    """
    height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency = np.hypot(frequency, 1.0 / largest_px)
    frequency[0, 0] = np.inf
    noise = rng.standard_normal(frequency.shape) + 1j * rng.standard_normal(frequency.shape)
    surface = np.fft.irfft2(noise / frequency**roughness, shape)
    return np.asarray((surface - surface.mean()) / surface.std(), np.float32)


def ranks(surface: FloatArray) -> FloatArray:
    """The share of pixels that lie lower, (y, x) float32, 0..1: a surface made uniform."""
    order = np.argsort(np.argsort(surface, axis=None)).astype(np.float32)
    return (order / np.float32(max(1, surface.size - 1))).reshape(surface.shape)


def hills(shape: tuple[int, int], pixel_m: float, rng: np.random.Generator) -> Terrain:
    """Wooded hills with hollows over valley floors: ridges of about 150 m, slopes mostly below 40 degrees."""
    surface = fractal(shape, 2.2, rng, _RIDGE_PX)
    # A place smaller than the hills holds a part of their relief, or its slopes would be cliffs.
    relief_m = np.float32(48.0 * min(1.0, max(shape) / _RIDGE_PX))
    ridged = np.maximum(surface + np.float32(0.3), 0.0) ** np.float32(1.15) * relief_m
    small = fractal(shape, 1.7, rng, _RIDGE_PX) * np.float32(4.0) * np.clip(ridged / 30.0, 0.05, 1.0)
    return terrain(120.0 + ridged + small, pixel_m)


def volcano(shape: tuple[int, int], pixel_m: float, rng: np.random.Generator) -> Terrain:
    """An island: a cone with a crater and gullies whose foot lies below the sea (0 m)."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = np.arctan2(y - height / 2, x - width / 2)
    radius = np.hypot((y - height / 2) / height, (x - width / 2) / width)
    bays = 0.03 * np.sin(2 * angle + rng.uniform(0, 6)) + 0.02 * np.sin(5 * angle + rng.uniform(0, 6))
    coast = 0.39 + bays * np.clip(radius / 0.3, 0.0, 1.0) + 0.012 * fractal(shape, 1.6, rng)
    side = height * pixel_m
    cone = (coast - radius) * side * np.float32(0.17) * (1.0 + 0.6 * np.clip(coast - radius, 0, 1))
    crater = 0.8 * float(cone.max())
    cone = np.where(cone > crater, 1.6 * crater - 0.6 * cone, cone)
    rough = fractal(shape, 1.8, rng) * np.float32(8.0) * np.clip(cone / 60.0, 0.0, 1.0)
    return terrain(cone + rough, pixel_m)


def terrain(height_m: NDArray[np.floating], pixel_m: float) -> Terrain:
    """Heights (y, x; m; north up) with the valleys that their own water cuts, and their gradients."""
    heights = height_m.astype(np.float32)
    catchment = catchment_px(heights) * np.float32(pixel_m**2)
    depth = _CUT_M * np.log1p(catchment / np.float32(_HOLLOW_M2)) * np.clip(heights / 10.0, 0.0, 1.0)
    heights = (heights - ndimage.gaussian_filter(depth, 1.0)).astype(np.float32)
    south, east = (np.asarray(part, np.float32) for part in np.gradient(heights, pixel_m))
    return Terrain(heights, east, -south, catchment, pixel_m)
