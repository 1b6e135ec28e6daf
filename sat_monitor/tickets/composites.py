"""Colours of a picture: fixed, documented stretches, so that two dates and two tickets compare by eye."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import FloatArray, Scene, Sensor
from sat_monitor.core.errors import TicketError
from sat_monitor.core.grid import Grid
from sat_monitor.core.units import power_to_db

#: Colour (0..1) = (reflectance / TRUE_COLOUR_WHITE) ** TRUE_COLOUR_GAMMA: forest dark but readable, bare soil bright.
TRUE_COLOUR_WHITE = 0.24
TRUE_COLOUR_GAMMA = 0.58
#: Haze leaves greens and browns close together: colours are moved this much away from their grey.
SATURATION = 1.25
#: Speckle makes confetti of pure SAR colours: they are moved towards their grey.
SAR_SATURATION = 0.65
#: Near infrared and short wave need a wider stretch: leaves reflect up to half of it.
INFRARED_WHITE = 0.50
#: SAR ranges in dB from black to full colour: red VV, green VH, blue VV/VH.
VV_RANGE_DB = (-20.0, -2.0)
VH_RANGE_DB = (-27.0, -9.0)
RATIO_RANGE_DB = (3.0, 18.0)

#: Light (low) to dark (high) in even steps of lightness, the reversed `inferno` of matplotlib (CC0): it survives a
#: black-and-white copier and saves ink.
SCORE_COLOURS = (
    (252, 255, 164), (246, 215, 70), (252, 165, 10), (243, 120, 25), (221, 81, 58), (188, 55, 84),
    (147, 38, 103), (106, 23, 110), (66, 10, 104), (22, 11, 57), (0, 0, 4),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Bands (y, x) float32 of one scene on `grid`, in the units of the sensor table; `label` may name the picture."""

    label: str
    scene: Scene
    grid: Grid
    bands: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        for name, values in self.bands.items():
            if values.shape != self.grid.shape:
                raise TicketError("E1206", f"band {name} has shape {values.shape}, its grid {self.grid.shape}")


@dataclass(frozen=True, slots=True)
class ScoreField:
    """The evidence field (y, x) float32, log-odds, on `grid`, with the thresholds that cut it."""

    grid: Grid
    values: FloatArray
    outline_score: float = 0.0
    alarm_score: float = 3.0
    min_score: float = -6.0
    max_score: float = 9.0


@dataclass(frozen=True, slots=True)
class Composite:
    """Colours (y, x, 4) uint8, alpha 0 = no data; `style` keys the strings table: true_colour, sar, ..."""

    rgba: NDArray[np.uint8]
    style: str


#: Velocity that has the full colour, mm a year; toward the satellite, at rest, away from it.
_FULL_MM_PER_YEAR = 30.0
_TOWARD, _REST, _AWAY = np.array([33, 102, 172]), np.array([247, 247, 247]), np.array([178, 24, 43])


def velocity_colours(velocity: FloatArray) -> Composite:
    """Colours of a velocity along the line of sight (y, x), mm a year: blue toward the satellite, red away from it."""
    part = np.clip(np.nan_to_num(velocity) / _FULL_MM_PER_YEAR, -1.0, 1.0)[..., None]
    colour = np.where(part >= 0.0, _REST + (_TOWARD - _REST) * part, _REST + (_AWAY - _REST) * -part)
    alpha = np.where(np.isfinite(velocity), 255, 0)[..., None]
    return Composite(np.concatenate([colour, alpha], axis=-1).astype(np.uint8), "velocity")


#: Optical composites in order of preference: style, the bands for red, green and blue (alternatives), white level.
_OPTICAL: tuple[tuple[str, tuple[tuple[str, ...], ...], float, float], ...] = (
    ("true_colour", (("B04",), ("B03",), ("B02",)), TRUE_COLOUR_WHITE, TRUE_COLOUR_GAMMA),
    ("short_wave", (("B11", "B12"), ("B8A", "B08"), ("B04",)), INFRARED_WHITE, TRUE_COLOUR_GAMMA),
    ("near_infrared", (("B08", "B8A"), ("B04",), ("B03", "B04")), INFRARED_WHITE, TRUE_COLOUR_GAMMA),
    ("grey", (("B04", "B08", "B8A"),) * 3, INFRARED_WHITE, TRUE_COLOUR_GAMMA),
)


def display_bands(available: frozenset[str], sensor: Sensor) -> tuple[str, ...]:
    """The bands that `composite` will use of those available, sorted: what a caller needs to read."""
    if sensor is Sensor.S1:
        return tuple(sorted(available & {"VV", "VH"}))
    row = _optical_row(available)
    return () if row is None else tuple(sorted(set(row[1])))


def composite(snapshot: Snapshot) -> Composite:
    """The best composite of a snapshot's bands.

    Raises TicketError E1206 where no band can be shown.
    """
    colours = _sar(snapshot.bands) if snapshot.scene.sensor is Sensor.S1 else _optical(snapshot.bands)
    if colours is None:
        raise TicketError("E1206", f"bands {sorted(snapshot.bands)} of {snapshot.scene.id} make no picture")
    return colours


def _optical_row(available: frozenset[str]) -> tuple[str, tuple[str, ...], float, float] | None:
    for style, wanted, white, gamma in _OPTICAL:
        names = [next((n for n in choices if n in available), None) for choices in wanted]
        if None not in names:
            return style, tuple(n for n in names if n), white, gamma
    return None


def _optical(bands: Mapping[str, FloatArray]) -> Composite | None:
    row = _optical_row(frozenset(bands))
    if row is None:
        return None
    style, names, white, gamma = row
    stack = np.stack([bands[name] for name in names], axis=-1)
    shade = np.clip(stack / np.float32(white), 0.0, 1.0) ** np.float32(gamma)
    return Composite(_to_rgba(_saturate(shade, SATURATION)), style)


def _sar(bands: Mapping[str, FloatArray]) -> Composite | None:
    db = {name: power_to_db(bands[name]) for name in ("VV", "VH") if name in bands}
    if not db:
        return None
    if len(db) == 1:
        ((name, values),) = db.items()
        grey = _stretch(values, VV_RANGE_DB if name == "VV" else VH_RANGE_DB)
        return Composite(_to_rgba(np.repeat(grey[..., None], 3, axis=-1)), "sar_grey")
    channels = [
        _stretch(db["VV"], VV_RANGE_DB),
        _stretch(db["VH"], VH_RANGE_DB),
        _stretch(db["VV"] - db["VH"], RATIO_RANGE_DB),
    ]
    return Composite(_to_rgba(_saturate(np.stack(channels, axis=-1), SAR_SATURATION)), "sar")


def _saturate(rgb: FloatArray, factor: float) -> FloatArray:
    """Colours (y, x, 3) in 0..1 moved `factor` times as far from their grey."""
    grey = rgb.mean(axis=-1, keepdims=True)
    return np.asarray(np.clip(grey + np.float32(factor) * (rgb - grey), 0.0, 1.0), np.float32)


def _stretch(values: FloatArray, limits: tuple[float, float]) -> FloatArray:
    low, high = limits
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0), np.float32)


def _to_rgba(rgb: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours (y, x, 3) in 0..1 with NaN = no data as (y, x, 4) uint8."""
    seen = np.isfinite(rgb).all(axis=-1)
    out = np.zeros((*seen.shape, 4), np.uint8)
    out[..., :3] = np.rint(np.where(seen[..., None], rgb, 0.0) * 255.0)
    out[..., 3] = np.where(seen, 255, 0)
    return out


def colour_of(fraction: NDArray[np.floating]) -> NDArray[np.floating]:
    """Score colours (..., 3) in 0..1 of fractions 0 (low, light) to 1 (high, dark); NaN stays NaN."""
    table = np.asarray(SCORE_COLOURS, np.float64) / 255.0
    stops = np.linspace(0.0, 1.0, len(table))
    return np.stack([np.interp(fraction, stops, table[:, channel]) for channel in range(3)], axis=-1)


def score_colours(field: ScoreField) -> Composite:
    """The evidence field in the score colours, min_score..max_score."""
    fraction = np.clip((field.values - field.min_score) / (field.max_score - field.min_score), 0.0, 1.0)
    return Composite(_to_rgba(colour_of(fraction)), "score")
