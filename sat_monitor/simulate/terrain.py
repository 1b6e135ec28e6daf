"""Fractal ground: heights, slopes and how the sun falls on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray


@dataclass(frozen=True, slots=True)
class Terrain:
    """Heights (y, x) float32, m; gradients d(height)/d(east), d(height)/d(north), unitless."""

    height_m: FloatArray
    east: FloatArray
    north: FloatArray

    @property
    def slope_deg(self) -> FloatArray:
        """Slope (y, x), degrees."""
        return np.asarray(np.degrees(np.arctan(np.hypot(self.east, self.north))), np.float32)

    def cos_incidence(self, azimuth_deg: float, elevation_deg: float) -> FloatArray:
        """Cosine of the angle between the ground's normal and a direction (degrees, clockwise from north), (y, x)."""
        azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
        towards = np.cos(elevation) * (self.east * np.sin(azimuth) + self.north * np.cos(azimuth))
        normal = np.sqrt(1.0 + self.east**2 + self.north**2)
        return np.asarray((np.sin(elevation) - towards) / normal, np.float32)


def fractal(shape: tuple[int, int], roughness: float, rng: np.random.Generator) -> FloatArray:
    """A random surface (y, x) float32 with power spectrum 1 / f^(2 roughness), mean 0, standard deviation 1."""
    height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
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
    surface = fractal(shape, 2.3, rng)
    ridged = np.maximum(surface + np.float32(0.3), 0.0) ** np.float32(1.15) * np.float32(55.0)
    small = fractal(shape, 1.7, rng) * np.float32(4.0) * np.clip(ridged / 30.0, 0.05, 1.0)
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
    """Heights (y, x; m; north up) with their gradients."""
    heights: FloatArray = height_m.astype(np.float32)
    south, east = (np.asarray(part, np.float32) for part in np.gradient(heights, pixel_m))
    return Terrain(heights, east, -south)
