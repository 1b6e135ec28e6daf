"""Stacks of interferograms with known motion: settling fills, an accelerating slope, a volcano; and all that hides it.

Each date has one atmosphere, so it closes around loops; decorrelation is drawn per pair, so it does not. Phase noise
follows coherence and looks (Rodriguez and Martin 1992, doi:10.1049/ip-f-2.1992.0018); turbulence is a power law of the
spatial frequency (Hanssen 2001, exponent 8/3 of the spectrum below its outer scale); the volcano is a point source (Mogi 1958).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sat_monitor.core.deformation import Frame, Geometry, Pair, PairStack
from sat_monitor.core.domain import BoolArray, Direction, FloatArray

WAVELENGTH_M = 0.0554658
#: Coherence of a cover at no delay and after years, and the days in which the difference falls to 1/e. C-band, published
#: ranges: towns stay near 0.7, fields fall within weeks, forest is near the noise floor from the first pair on
#: (Sica et al. 2019, doi:10.1109/JSTARS.2019.2897137; Jacob et al. 2020, doi:10.1109/JSTARS.2020.2980846).
COVERS = {"town": (0.85, 0.65, 200.0), "field": (0.65, 0.2, 40.0), "forest": (0.3, 0.06, 10.0)}
SHARES = {"town": 0.45, "field": 0.35}


@dataclass(frozen=True, slots=True)
class StackConfig:
    """What is drawn; lengths in pixels of `posting_m`, rates toward the satellite (m/yr), spreads in metres."""

    height: int = 200
    width: int = 200
    posting_m: float = 20.0
    dates: int = 60
    every_days: int = 12
    neighbours: int = 3
    long_days: tuple[int, ...] = (48, 96)
    looks: float = 20.0
    fills: int = 6
    fill_rate: float = -0.02
    fill_px: int = 16
    slope_rate: float = -0.02
    slope_faster: float = -0.04
    slope_from: int = 40
    volcano_m3_per_yr: float = 0.0
    volcano_depth_m: float = 3000.0
    turbulence_m: float = 0.003
    outer_scale_m: float = 2000.0
    stratified_m_per_km: float = 0.005
    cycle_patches: int = 10
    missing: float = 0.02
    water: float = 0.05
    seed: int = 1


@dataclass(frozen=True, slots=True)
class StackTruth:
    """`displacement_m` and `air_m` (day, y, x); `cycles` (pair, y, x) int8; `coherent` ground (y, x).

    `label` (y, x): 0 still, 1.. the fills, -1 the slope.
    """

    displacement_m: FloatArray
    air_m: FloatArray
    label: NDArray[np.int16]
    cycles: NDArray[np.int8]
    coherent: BoolArray


def draw_stack(config: StackConfig) -> tuple[PairStack, StackTruth]:
    """A stack and its truth; the same configuration gives the same bits."""
    rng = np.random.default_rng(config.seed)
    shape = (config.height, config.width)
    height = 400.0 * _smooth(rng, shape, config.outer_scale_m / config.posting_m) + 300.0
    cover = _cover(rng, shape)
    depth = gaussian_filter(rng.standard_normal(shape), 8.0)
    wet = depth < np.quantile(depth, config.water)
    label, truth = _motion(rng, config, (cover == 0) & ~wet)
    days = [date(2024, 1, 5) + timedelta(days=config.every_days * i) for i in range(config.dates)]
    air = _atmosphere(rng, config, height)
    at = _network(config)
    displacement = np.empty((len(at), *shape), np.float32)
    coherence = np.empty_like(displacement)
    cycles = _cycles(rng, config, len(at))
    for k, (i, j) in enumerate(at):
        level = _coherence(cover, config.every_days * (j - i))
        noise = np.minimum(np.sqrt((1.0 - level**2) / (2.0 * config.looks * level**2)), np.pi / np.sqrt(3.0))
        noise *= rng.standard_normal(shape, dtype=np.float32) * np.float32(WAVELENGTH_M / (4.0 * np.pi))
        displacement[k] = truth[j] - truth[i] + air[j] - air[i] + noise + np.float32(WAVELENGTH_M / 2.0) * cycles[k]
        displacement[k, wet | (rng.random(shape) < config.missing)] = np.nan
        coherence[k] = level + np.float32(0.03) * rng.standard_normal(shape, dtype=np.float32)
    frame = Frame("EPSG:32654", (350_000.0, config.posting_m, 0.0, 3_960_000.0, 0.0, -config.posting_m), *shape)
    pairs = tuple(Pair(days[i], days[j], None, f"simulated {i}-{j}", "") for i, j in at)
    geometry = Geometry(WAVELENGTH_M, 39.0, -12.0, Direction.ASCENDING)
    stack = PairStack(frame, geometry, pairs, displacement, np.clip(coherence, 0.01, 0.99), height)
    return stack, StackTruth(truth, air, label, cycles, np.asarray((cover == 0) & ~wet))


def _smooth(rng: np.random.Generator, shape: tuple[int, int], length_px: float) -> FloatArray:
    """A field of unit spread whose power falls with the 8/3 power of the frequency beyond 1 / `length_px`."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    power = (1.0 / length_px**2 + fy**2 + fx**2) ** (-(8.0 / 3.0) / 2.0)
    power[0, 0] = 0.0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * np.sqrt(power), s=shape)
    return np.asarray(field / field.std(), np.float32)


def _cover(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int8]:
    """Index into `COVERS` (y, x) in patches of some hundred metres."""
    field = gaussian_filter(rng.standard_normal(shape), 12.0)
    town, fields = np.quantile(field, [SHARES["town"], SHARES["town"] + SHARES["field"]])
    cover: NDArray[np.int8] = (field > town).astype(np.int8) + (field > fields).astype(np.int8)
    return cover


def _coherence(cover: NDArray[np.int8], days: int) -> FloatArray:
    levels = [last + (first - last) * np.exp(-days / fall) for first, last, fall in COVERS.values()]
    found: FloatArray = np.array(levels, np.float32)[cover]
    return found


def _network(config: StackConfig) -> list[tuple[int, int]]:
    spans = {*range(1, config.neighbours + 1), *(days // config.every_days for days in config.long_days)}
    return [(i, i + span) for i in range(config.dates) for span in sorted(spans) if i + span < config.dates]


def _motion(rng: np.random.Generator, config: StackConfig, town: BoolArray) -> tuple[NDArray[np.int16], FloatArray]:
    """Labels and displacement: fills as squares on coherent ground, one slope, and a volcano under the middle."""
    shape = (config.height, config.width)
    label = np.zeros(shape, np.int16)
    side = max(1, round(np.sqrt(config.fill_px)))
    sides = [(n, side) for n in range(1, config.fills + 1)] + ([(-1, 2 * side)] if config.slope_rate else [])
    for name, size in sides:
        for _ in range(2000):
            row, col = (int(rng.integers(5, length - size - 5)) for length in shape)
            around = np.s_[row - 5 : row + size + 5, col - 5 : col + size + 5]
            if town[row : row + size, col : col + size].all() and not label[around].any():
                label[row : row + size, col : col + size] = name
                break
    years = np.arange(config.dates, dtype=np.float32) * np.float32(config.every_days / 365.25)
    later = np.maximum(0.0, years - years[min(config.slope_from, config.dates - 1)])
    moved = np.zeros((config.dates, *shape), np.float32)
    moved[:, label > 0] = (config.fill_rate * years)[:, None]
    moved[:, label < 0] = (config.slope_rate * years + (config.slope_faster - config.slope_rate) * later)[:, None]
    if config.volcano_m3_per_yr:
        rows, cols = np.mgrid[: shape[0], : shape[1]] * config.posting_m
        away = np.hypot(rows - rows.mean(), cols - cols.mean())
        depth = config.volcano_depth_m
        rate = config.volcano_m3_per_yr * 0.75 / np.pi * depth / (depth**2 + away**2) ** 1.5
        moved += (years[:, None, None] * rate * np.cos(np.radians(39.0))).astype(np.float32)
    return label, moved


def _atmosphere(rng: np.random.Generator, config: StackConfig, height: FloatArray) -> FloatArray:
    scale = config.outer_scale_m / config.posting_m
    layers = []
    for _ in range(config.dates):
        turbulent = config.turbulence_m * _smooth(rng, height.shape, scale)
        layers.append(turbulent + rng.normal(0.0, config.stratified_m_per_km) * (height - height.mean()) / 1000.0)
    return np.stack(layers).astype(np.float32)


def _cycles(rng: np.random.Generator, config: StackConfig, pairs: int) -> NDArray[np.int8]:
    """Patches of whole cycles, each in a pair of its own."""
    cycles = np.zeros((pairs, config.height, config.width), np.int8)
    for pair in rng.choice(pairs, size=min(config.cycle_patches, pairs), replace=False):
        row, col = rng.integers(0, config.height - 20), rng.integers(0, config.width - 20)
        tall, wide = rng.integers(6, 20, 2)
        cycles[pair, row : row + tall, col : col + wide] = rng.choice([-1, 1])
    return cycles
