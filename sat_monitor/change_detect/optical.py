"""Optical detector: each pixel against its own robust seasonal baseline, towards bare or worked ground.

METHOD 3, 5, 6, 7. NDVI falls and, where a short-wave infrared band exists, the soil index rises when ground is
laid bare; both are read along that one direction, so that greening never scores. A scene's haze and BRDF offset is
levelled as a line of the expected value, and the scene's own bulk may widen a sigma but never sharpen it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sat_monitor.change_detect.calibration import bulk_spread, resistant_line, sampled
from sat_monitor.change_detect.cover import BANDS, cover_of
from sat_monitor.change_detect.detector import BlockScores, Calibration, IntArray
from sat_monitor.change_detect.fallow import Bands, Lines, Spells, layers_of, spells_of
from sat_monitor.change_detect.optical_kernel import Ladder, Series, normalised_difference, seasonal_residual
from sat_monitor.change_detect.suspect import LAYER
from sat_monitor.change_detect.veil import veiled
from sat_monitor.change_detect.windows import day_numbers, optical_history
from sat_monitor.core.domain import BoolArray, FloatArray, Layer, Scene, Sensor
from sat_monitor.core.profile import OpticalSettings, Profile
from sat_monitor.imagery.cloud import suspect_bright

#: Pixels of all samples together from which a scene is calibrated.
SAMPLE_PIXELS = 10_000
#: Spread of expected values below which a slope of the scene offset cannot be told from noise.
_MIN_SPREAD = 0.1
#: Haze dims a scene and never greens it: what is greener than its season is taken off by no more than this, or early
#: crops, carried on along the line, would make roofs look bare.
_MOST_GREENING = 0.1


@dataclass(frozen=True, slots=True)
class _Index:
    """A spectral index: name, the sign that points to bare ground, its value on bare ground."""

    name: str
    towards_bare: float
    bare: float


@dataclass(frozen=True, slots=True)
class _Residual:
    """Observed, expected and standard deviation of one index, (y, x), index units."""

    index: _Index
    observed: FloatArray
    expected: FloatArray
    sd: FloatArray


class OpticalDetector:
    """Sentinel-2 NDVI and soil index against the season; see `Detector` for the contract."""

    name = "optical"
    version = "5"
    sensor = Sensor.S2
    score_unit = "sigma"

    def bands(self, scene: Scene, available: Sequence[str]) -> tuple[str, ...]:
        """Red, near infrared (B08, else B8A), SCL and, where they exist, B11 and, to tell cloud from soil, blue."""
        infrared = "B08" if "B08" in available else "B8A"
        return ("B04", infrared, "SCL", *(name for name in ("B11", "B02") if name in available))

    def history(self, scene: Scene, looks: Sequence[Scene], earliest_frozen: int, profile: Profile) -> list[Scene]:
        """All looks of the look-back that are old enough."""
        return optical_history(scene, looks, profile.imagery.look_back_days, profile.reference.near_days)

    def calibrate(self, samples: Sequence[xr.Dataset], frozen: Sequence[IntArray], profile: Profile) -> Calibration:
        """Season of the whole scene, offsets of the tested look, correlation of the indices, and the bulk spread."""
        step = 1 + math.isqrt((sum(freeze.size for freeze in frozen) - 1) // SAMPLE_PIXELS)
        samples = [stack.isel(y=slice(None, None, step), x=slice(None, None, step)) for stack in samples]
        frozen = [np.ascontiguousarray(freeze[::step, ::step]) for freeze in frozen]
        blocks = [_indices(stack, profile.optical) for stack in samples]
        season = {index.name: _season([b[index] for b in blocks], samples[0]) for index in blocks[0]}
        residuals = [
            [_residual(stack, series, index, season[index.name], freeze, profile)[0] for index, series in block.items()]
            for stack, block, freeze in zip(samples, blocks, frozen, strict=True)
        ]
        arrays: dict[str, NDArray[np.float64]] = {f"season_{name}": s for name, s in season.items()}
        standard: list[FloatArray] = []
        for i, index in enumerate(blocks[0]):
            expected = sampled([r[i].expected for r in residuals])
            change = sampled([_towards_bare(r[i]) for r in residuals])
            arrays[f"offset_{index.name}"] = line = np.array(resistant_line(change, expected, _MIN_SPREAD))
            standard.append((change - _offset(line, expected)) / sampled([r[i].sd for r in residuals]))
        correlation = _correlation(standard)
        arrays["correlation"] = np.array([correlation])
        arrays["spread"] = np.array([max(1.0, bulk_spread(_combined(standard, correlation)))])
        return Calibration(arrays)

    def score(self, stack: xr.Dataset, frozen: IntArray, calibration: Calibration, profile: Profile) -> BlockScores:
        """Sigma of the departure towards bare ground; layers carry what the evidence and the inspector need."""
        arrays, settings = calibration.arrays, profile.optical
        correlation, spread = float(arrays["correlation"][0]), np.float32(arrays["spread"][0])
        standard: list[FloatArray] = []
        contrast: list[FloatArray] = []
        residuals: list[_Residual] = []
        stack, suspect = _with_suspect(_without_veil(stack, settings), settings)
        indices = _indices(stack, settings)
        for index, series in indices.items():
            residual, depth = _residual(stack, series, index, arrays[f"season_{index.name}"], frozen, profile)
            offset = _offset(arrays[f"offset_{index.name}"], residual.expected)
            standard.append(np.asarray((_towards_bare(residual) - offset) / residual.sd, np.float32))
            reach = (index.bare - residual.expected) * index.towards_bare
            contrast.append(np.asarray(np.maximum(reach, 0.0) / residual.sd, np.float32))
            residuals.append(residual)
        student = _combined(standard, correlation) / spread
        score = _student_to_normal(student, depth)
        valid = np.isfinite(score)
        full = _combined(contrast, correlation) / spread
        layers = _layers(residuals, full, valid, settings)
        cover = cover_of({name: stack[name].values[-1] for name in BANDS if name in stack}, settings)
        bare = (layers["bare"].values > 0.5) & ~cover.water
        # Where the ground lies bare the conversion is whole: there its score is on the scale of the score itself, which a
        # short history compresses. Elsewhere it stays above that scale, so that a part of a conversion says less.
        sigma = np.asarray(np.where(bare, _student_to_normal(full, depth), full), np.float32)
        layers["contrast"] = Layer(_where(valid, sigma), "sigma")
        flags: dict[str, FloatArray | BoolArray] = {
            "bare": bare,
            "water": cover.water,
            "hard": cover.hard,
            LAYER: suspect,
        }
        layers |= {name: Layer(_where(valid, flag), "1") for name, flag in flags.items()}
        habit = layers_of(_spells(stack, indices, frozen, profile), stack["B04"].values[-1])
        units = {"bare_spell": "days"}
        layers |= {name: Layer(_where(valid, plane), units.get(name, "1")) for name, plane in habit.items()}
        return BlockScores(score, valid, depth, layers)


def _without_veil(stack: xr.Dataset, settings: OpticalSettings) -> xr.Dataset:
    """The stack with what thin cloud or shadow covers in its tested look taken for not clear."""
    hidden = veiled(stack, settings)
    if not hidden.any():
        return stack
    clear = stack["clear"].values.copy()
    clear[-1] &= ~hidden
    return stack.assign(clear=(stack["clear"].dims, clear))


def _with_suspect(stack: xr.Dataset, settings: OpticalSettings) -> tuple[xr.Dataset, FloatArray]:
    """The stack with suspect bright ground of its tested look taken for clear, and where that is, (y, x) 0 or 1."""
    if "SCL" not in stack:
        return stack, np.zeros(stack["valid"].shape[1:], np.float32)
    clear = stack["clear"].values
    radius = max(1, round(settings.surroundings_m / float(stack.attrs["pixel_m"])))
    suspect = suspect_bright({"SCL": stack["SCL"].values[-1]}, clear[-1], radius)
    if suspect.any():
        clear = clear.copy()
        clear[-1] |= suspect
        stack = stack.assign(clear=(stack["clear"].dims, clear))
    return stack, suspect.astype(np.float32)


def _indices(stack: xr.Dataset, settings: OpticalSettings) -> dict[_Index, FloatArray]:
    infrared = stack["B08"].values if "B08" in stack else stack["B8A"].values
    usable = stack["valid"].values & stack["clear"].values
    indices = {_Index("ndvi", -1.0, settings.bare_ndvi): _ratio(infrared, stack["B04"].values, usable)}
    if "B11" in stack:
        # Normalised difference soil index (Rogers and Kearney, 2004): short-wave against near infrared.
        indices[_Index("ndsi_soil", 1.0, settings.bare_soil_index)] = _ratio(stack["B11"].values, infrared, usable)
    return indices


def _ratio(a: FloatArray, b: FloatArray, usable: BoolArray) -> FloatArray:
    out = np.empty(a.shape, np.float32)
    normalised_difference(a.ravel(), b.ravel(), np.ascontiguousarray(usable).ravel(), out.ravel())
    return out


def _season(blocks: Sequence[FloatArray], stack: xr.Dataset) -> NDArray[np.float64]:
    """Cosine and sine of the scene-wide median of each reference look, shrunk to none; (2)."""
    days = day_numbers(stack["time"].values)[:-1]
    medians = np.array([_median_or_nan(np.concatenate([b[k].ravel() for b in blocks])) for k in range(days.size)])
    good = np.isfinite(medians)
    if good.sum() < 4:
        return np.zeros(2)
    angle = 2.0 * np.pi * days[good] / 365.25
    rows = np.column_stack([np.ones(angle.size), np.cos(angle), np.sin(angle)])
    normal = rows.T @ rows + np.diag([1e-4, 0.3, 0.3])
    return np.asarray(np.linalg.solve(normal, rows.T @ medians[good])[1:])


def _median_or_nan(values: FloatArray) -> float:
    good = values[np.isfinite(values)]
    return float(np.median(good)) if good.size > 0.1 * values.size else float("nan")


def _residual(
    stack: xr.Dataset,
    series: FloatArray,
    index: _Index,
    season: NDArray[np.float64],
    frozen: IntArray,
    profile: Profile,
) -> tuple[_Residual, NDArray[np.int16]]:
    optical = profile.optical
    ladder = Ladder(
        season, optical.harmonic_years, optical.trend_years, optical.max_trend_per_year,
        optical.noise_floor, optical.scene_sd, optical.min_looks,
    )  # fmt: skip
    out = np.empty((3, *frozen.shape), np.float32)
    depth = np.empty(frozen.shape, np.int16)
    days = day_numbers(stack["time"].values)
    seasonal_residual(
        Series(np.ascontiguousarray(series), days, profile.reference.near_days), frozen, ladder, out, depth
    )
    return _Residual(index, out[0], out[1], out[2]), depth


def _towards_bare(residual: _Residual) -> FloatArray:
    return (residual.observed - residual.expected) * np.float32(residual.index.towards_bare)


def _combined(parts: Sequence[FloatArray], correlation: float) -> FloatArray:
    """Sum of equally weighted parts, scaled to the variance of one for the given correlation."""
    if len(parts) == 1:
        return parts[0]
    return (parts[0] + parts[1]) / np.float32(np.sqrt(2.0 + 2.0 * correlation))


def _correlation(standard: Sequence[FloatArray]) -> float:
    if len(standard) == 1:
        return 0.0
    good = np.isfinite(standard[0]) & np.isfinite(standard[1])
    if good.sum() < 100:
        return 1.0
    ranks = [np.clip(s[good], -3.0, 3.0) for s in standard]
    return float(np.clip(np.nan_to_num(np.corrcoef(ranks[0], ranks[1])[0, 1], nan=1.0), 0.0, 1.0))


def _offset(line: NDArray[np.float64], expected: FloatArray) -> FloatArray:
    """What haze, BRDF and an early season add to a whole scene, toward bare ground, at each expected value."""
    offset, slope = line
    return np.asarray(np.maximum(offset + slope * expected, -_MOST_GREENING), np.float32)


def _student_to_normal(t: FloatArray, depth: NDArray[np.int16]) -> FloatArray:
    """Normal quantile of a Student t with looks - 3 degrees of freedom (Wallace, 1959)."""
    nu = np.maximum(depth - 3, 4).astype(np.float32)
    quantile = (8.0 * nu + 1.0) / (8.0 * nu + 3.0) * np.sqrt(nu * np.log1p(t * t / nu))
    return np.asarray(np.copysign(quantile, t), np.float32)


def _spells(stack: xr.Dataset, indices: Mapping[_Index, FloatArray], frozen: IntArray, profile: Profile) -> Spells:
    """Bare spells of the looks that serve as reference of each pixel."""
    series = [values[:-1] for values in indices.values()]
    soil = series[1] if len(series) > 1 else series[0][:0]
    days = day_numbers(stack["time"].values)
    newest = (np.minimum(frozen, days[-1]) - profile.reference.near_days).astype(np.int32)
    lines = Lines(profile.optical.worked_ndvi, profile.optical.worked_soil_index)
    return spells_of(Bands(series[0], soil, stack["B04"].values[:-1]), days[:-1], newest, lines)


def _layers(
    residuals: Sequence[_Residual], contrast: FloatArray, valid: BoolArray, settings: OpticalSettings
) -> dict[str, Layer]:
    ndvi = residuals[0]
    full = np.maximum(ndvi.expected - settings.bare_ndvi, 0.05)
    planes = {
        "ndvi": ndvi.observed,
        "ndvi_expected": ndvi.expected,
        "converted_fraction": np.clip((ndvi.expected - ndvi.observed) / full, 0.0, 1.0),
    }
    bare = ndvi.observed < settings.worked_ndvi
    if len(residuals) > 1:
        bare &= residuals[1].observed > settings.worked_soil_index
        planes["soil_index"] = residuals[1].observed
    planes["bare"] = bare.astype(np.float32)
    layers = {name: Layer(_where(valid, values), "1") for name, values in planes.items()}
    return {**layers, "contrast": Layer(_where(valid, contrast), "sigma")}


def _where(valid: BoolArray, values: FloatArray | BoolArray) -> FloatArray:
    return np.where(valid, values, np.float32(np.nan)).astype(np.float32)
