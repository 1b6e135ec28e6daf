"""The compiled seasonal fit against the same robust ridge regression written plainly in numpy, float64."""

from __future__ import annotations

import numpy as np
import pytest

from sat_monitor.change_detect.optical_kernel import Ladder, Series, design, seasonal_residual
from sat_monitor.change_detect.windows import NEVER
from sat_monitor.core.domain import FloatArray

TESTED = 20_000
NEAR = 90
LADDER = Ladder(np.array([0.1, 0.05]), 1.5, 3.0, 0.03, 0.03, 0.02, 8)
SHAPE = (7, 300)


def reference(y: FloatArray, rows: np.ndarray, at: np.ndarray, span_years: float) -> tuple[float, float]:
    """Expected value of the tested look and the standard deviation of its difference, by Huber reweighting."""
    prior = np.array([0.0, *LADDER.season, 0.0])
    season_sd = 0.06 if span_years < LADDER.harmonic_years else 0.2
    trend_sd = LADDER.trend_sd if span_years >= LADDER.trend_years else 1e-4
    precision = np.array([1e-4, season_sd**-2, season_sd**-2, trend_sd**-2])
    sd, weight = 0.1, np.ones(y.size)
    for _ in range(3):
        normal = (rows * weight[:, None]).T @ rows + np.diag(precision) * sd**2
        coefficients = np.linalg.solve(normal, rows.T @ (weight * y) + precision * sd**2 * prior)
        residual = y - rows @ coefficients
        sd = max(LADDER.noise_floor, 1.4826 * np.median(abs(residual)) * np.sqrt(y.size / max(1.0, y.size - 3.0)))
        weight = np.minimum(1.0, (1.5 * sd / np.maximum(abs(residual), 1e-12)) ** 2)
    spread = at @ np.linalg.solve(normal, at)
    return float(at @ coefficients), float(np.sqrt(sd**2 * (1.0 + spread) + LADDER.scene_sd**2))


def ground(looks: int, span_days: int, cloud: float) -> Series:
    """Seasonal ground of uneven noise with clouds that were seen and clouds that were not."""
    rng = np.random.default_rng(looks)
    oldest, newest = TESTED - span_days, TESTED - NEAR + 1
    days = np.sort(rng.choice(np.arange(oldest, newest), looks, replace=False))
    days = np.r_[days, TESTED].astype(np.int32)
    season = 0.6 + 0.15 * np.cos(2 * np.pi * days / 365.25 - 1.0)
    values = season[:, None, None] + rng.normal(0.0, 0.05, (looks + 1, *SHAPE)) * rng.uniform(0.3, 2.0, SHAPE)
    values -= (rng.random(values.shape) < 0.07) * rng.uniform(0.1, 0.6, values.shape)
    values[rng.random(values.shape) < cloud] = np.nan
    return Series(values.astype(np.float32), days, NEAR)


@pytest.mark.parametrize(("looks", "span_days", "cloud"), [(60, 1200, 0.1), (149, 1600, 0.6), (20, 400, 0.3)])
def test_the_fast_fit_is_the_plain_one_to_a_ten_thousandth_of_a_sigma(looks: int, span_days: int, cloud: float) -> None:
    series = ground(looks, span_days, cloud)
    frozen = np.full(SHAPE, NEVER, np.int32)
    frozen[:, 100:150] = TESTED - 120
    out, depth = np.empty((3, *SHAPE), np.float32), np.empty(SHAPE, np.int16)
    seasonal_residual(series, frozen, LADDER, out, depth)
    rows = design(series.days, TESTED - 1.5 * 365.25)
    assessed = 0
    for y, x in np.ndindex(SHAPE):
        column, newest = series.values[:, y, x].astype(np.float64), min(TESTED, frozen[y, x]) - NEAR
        good = np.isfinite(column[:-1]) & (series.days[:-1] <= newest)
        assert depth[y, x] == good.sum()
        if good.sum() < LADDER.min_looks or np.isnan(column[-1]):
            assert np.isnan(out[1:, y, x]).all()
            continue
        assessed += 1
        span = (newest - series.days[:-1][good].min()) / 365.25
        expected, sd = reference(column[:-1][good], rows[:-1][good], rows[-1], span)
        assert out[0, y, x] == series.values[-1, y, x]
        assert abs(out[1, y, x] - expected) < 1e-4 * sd
        assert abs(out[2, y, x] / sd - 1.0) < 1e-5
    assert assessed > 0.3 * frozen.size


def test_pixels_do_not_depend_on_their_neighbours() -> None:
    series = ground(40, 1200, 0.7)
    frozen = np.full(SHAPE, NEVER, np.int32)
    whole, part = np.empty((3, *SHAPE), np.float32), np.empty((3, 2, 5), np.float32)
    seasonal_residual(series, frozen, LADDER, whole, np.empty(SHAPE, np.int16))
    corner = Series(np.ascontiguousarray(series.values[:, 3:5, 291:296]), series.days, NEAR)
    seasonal_residual(corner, frozen[:2, :5], LADDER, part, np.empty((2, 5), np.int16))
    assert np.array_equal(whole[:, 3:5, 291:296], part, equal_nan=True)


def test_ground_that_was_never_seen_is_not_assessed() -> None:
    series = ground(12, 900, 0.0)
    series.values[:-1, :, :80] = np.nan
    out, depth = np.empty((3, *SHAPE), np.float32), np.empty(SHAPE, np.int16)
    seasonal_residual(series, np.full(SHAPE, NEVER, np.int32), LADDER, out, depth)
    assert (depth[:, :80] == 0).all() and np.isnan(out[1, :, :80]).all()
    assert np.isfinite(out[1:, :, 80:]).all()
