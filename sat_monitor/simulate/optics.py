"""What Sentinel-2 sees: spectra mixed by their parts, lit by the sun over the terrain, dimmed by the sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.ground import Ground
from sat_monitor.simulate.kinds import FIELDS, Cover
from sat_monitor.simulate.phenology import leaf_of
from sat_monitor.simulate.sun import Sun
from sat_monitor.simulate.surfaces import BANDS, SURFACES, Spectrum
from sat_monitor.simulate.terrain import Terrain
from sat_monitor.simulate.weather import Sky
from sat_monitor.simulate.world import Purpose, World

#: Bands of 20 m.
_COARSE = ("B11", "B12")
#: A flooded field; thick cloud; the part of the haze that each band sees (Rayleigh and small aerosol).
_PADDY: Spectrum = (0.055, 0.070, 0.075, 0.080, 0.040, 0.025)
_CLOUD: Spectrum = (0.52, 0.52, 0.52, 0.55, 0.36, 0.30)
_HAZE: Spectrum = (1.0, 0.75, 0.55, 0.30, 0.12, 0.08)
#: Share of the light of a clear sky that comes from the sky itself (Vermote et al., 1997, 6S, mid-latitude summer).
_DIFFUSE: Spectrum = (0.38, 0.30, 0.24, 0.14, 0.07, 0.05)
#: Canopies scatter: their brightness goes with a power below one of the cosine (Minnaert; Smith et al., 1980).
_MINNAERT = 0.7
#: Colours of roofs, as factors of the mean town: grey, tile, blue metal, white, slate, trees between houses.
_ROOFS = np.array(
    [
        (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
        (0.90, 0.92, 1.15, 1.00, 1.05, 1.05),
        (1.20, 1.05, 0.95, 0.95, 0.90, 0.90),
        (1.35, 1.33, 1.30, 1.20, 1.10, 1.05),
        (0.80, 0.80, 0.80, 0.85, 0.90, 0.90),
        (0.70, 0.80, 0.70, 1.20, 0.90, 0.80),
    ]
)
#: Noise of a pixel; error of a scene that all bands share (BRDF, calibration) and of each band (atmosphere), relative.
_NOISE, _SCENE_SD, _BAND_SD = 0.004, 0.05, 0.03
#: Turned soil is moist and dark for some weeks.
_PLOUGHED_DARK = 0.25

_GREEN = np.array([SURFACES[cover].green for cover in Cover], np.float32)
_BROWN = np.array([SURFACES[cover].brown for cover in Cover], np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """Cosine (y, x) float32 of the sun on the ground against level ground, 0 in cast shadow; True where `shaded`."""

    relative: FloatArray
    sun: Sun

    @property
    def cosine(self) -> FloatArray:
        """Cosine of the sun's incidence, 0 in cast shadow, (y, x)."""
        return np.asarray(self.relative * np.float32(np.sin(np.radians(self.sun.elevation_deg))), np.float32)


def light_on(terrain: Terrain, sun: Sun) -> Light:
    """How the sun falls on a terrain."""
    level = np.float32(np.sin(np.radians(sun.elevation_deg)))
    cosine = np.clip(terrain.cos_incidence(sun.azimuth_deg, sun.elevation_deg), 0.0, 1.0)
    cosine[terrain.shaded(sun.azimuth_deg, sun.elevation_deg)] = 0.0
    return Light(np.asarray(cosine / level, np.float32), sun)


def texture(world: World) -> FloatArray:
    """Colour of each pixel that stays from scene to scene, (band, y, x) float32 about 1: crowns, roofs, soils."""
    rng = world.rng(Purpose.COLOUR)
    cover, shape = world.cover, world.grid.shape
    spread = np.array([SURFACES[kind].texture for kind in Cover], np.float32)[cover.classes]
    units = rng.normal(0.0, 1.0, len(cover.unit_cover)).astype(np.float32)[cover.unit]
    lasting = np.where(cover.where(*FIELDS), 0.10, 0.04) * ~cover.where(Cover.WATER)
    bright = 1.0 + rng.standard_normal(shape) * spread + units * lasting
    own = 1.0 + rng.standard_normal((len(BANDS), *shape)) * 0.03
    roofs = _ROOFS[rng.integers(len(_ROOFS), size=shape)]
    hue = np.where(cover.where(Cover.TOWN), np.moveaxis(roofs, -1, 0), 1.0)
    return np.asarray(np.clip(bright * own * hue, 0.3, 2.2), np.float32)


def grain(world: World) -> FloatArray:
    """Colour of each pixel of ground that events bring, (y, x) float32 about 1."""
    rng = world.rng(Purpose.COLOUR, 1)
    return np.clip(1.0 + 0.08 * rng.standard_normal(world.grid.shape), 0.7, 1.3).astype(np.float32)


def surface(world: World, ground: Ground, still: FloatArray, rough: FloatArray) -> FloatArray:
    """Reflectance of the ground in level light, (band, y, x) float32; `still` and `rough` as texture and grain say."""
    season, covers = ground.season, world.cover.unit_cover
    units = _BROWN[covers] * (1.0 - np.float32(_PLOUGHED_DARK) * season.ploughed[:, None])
    units = units + (_GREEN[covers] - units) * season.green[:, None]
    units += (np.array(_PADDY, np.float32) - units) * np.float32(0.8) * season.flooded[:, None]
    values = np.ascontiguousarray(units.T)[:, world.cover.unit] * still
    for patch in ground.patches:
        rows, cols = patch.event.plot.window.slices
        block = values[:, rows, cols]
        block *= patch.natural
        for cover, part in patch.brought:
            green = np.float32(leaf_of(cover, ground.day_of_year))
            tone = np.float32(patch.event.tone if cover in (Cover.SOIL, Cover.WORKED) else 1.0)
            colour = (_BROWN[cover] + (_GREEN[cover] - _BROWN[cover]) * green) * tone
            block += colour[:, None, None] * (part * rough[rows, cols])
    return np.asarray(values, np.float32)


def reflectance(ground: FloatArray, light: Light, sky: Sky, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Bands (y, x) float32 surface reflectance as Level-2A delivers them, clouds included.

    Level-2A corrects the atmosphere, not the slope: `ground` (band, y, x) is dimmed where the sun falls flat.
    """
    gain = 1.0 + rng.normal(0.0, _SCENE_SD) + rng.normal(0.0, _BAND_SD, len(BANDS))
    direct = light.relative ** np.float32(_MINNAERT) * (1.0 - sky.shadow)
    clear = 1.0 - sky.cloud
    top = sky.cloud * sky.relief
    bands = {}
    for i, band in enumerate(BANDS):
        snow = np.float32(_GREEN[Cover.SNOW][i])
        value = ground[i] + (snow - ground[i]) * sky.snow
        value *= np.float32(_DIFFUSE[i]) + np.float32(1.0 - _DIFFUSE[i]) * direct
        value = value * np.float32(gain[i]) + np.float32(_HAZE[i]) * sky.haze
        value = value * clear + np.float32(_CLOUD[i]) * top
        value += rng.standard_normal(value.shape, dtype=np.float32) * np.float32(_NOISE)
        bands[band] = np.clip(_blurred(value) if band in _COARSE else value, 0.001, 1.2).astype(np.float32)
    return bands


def shifted(values: FloatArray, south_px: float, east_px: float) -> FloatArray:
    """Values (..., y, x) of ground moved by less than a pixel or by some, bilinear; the edge is repeated outwards."""
    for axis, shift in ((-2, south_px), (-1, east_px)):
        whole = int(np.floor(shift))
        part = np.float32(shift - whole)
        if shift != 0.0:
            values = _whole(values, whole, axis) * (1 - part) + _whole(values, whole + 1, axis) * part
    return np.asarray(values, np.float32)


def _whole(values: FloatArray, step: int, axis: int) -> FloatArray:
    size = values.shape[axis]
    return values.take(np.clip(np.arange(size) - step, 0, size - 1), axis=axis) if step else values


def _blurred(values: FloatArray) -> FloatArray:
    """Values of 20 m pixels on the 10 m grid."""
    height, width = values.shape
    even = values[: height - height % 2, : width - width % 2]
    blocks = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean(axis=(1, 3))
    wide = blocks.repeat(2, axis=0).repeat(2, axis=1)
    return np.pad(wide, ((0, height % 2), (0, width % 2)), mode="edge")
