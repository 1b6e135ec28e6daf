"""Scene-wide statistics: what a third of the pixels did does not move them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.change_detect.calibration import MIN_SAMPLE, bulk_spread, resistant_line, sampled
from sat_monitor.core.domain import FloatArray

SEEDS = st.integers(0, 10_000)


def ground(seed: int, pixels: int = 3000) -> tuple[FloatArray, FloatArray, np.random.Generator]:
    """Levels of some pixels and noise on them."""
    rng = np.random.default_rng(seed)
    level, noise = rng.uniform(-8.0, 8.0, pixels), rng.normal(0.0, 0.5, pixels)
    return level.astype(np.float32), noise.astype(np.float32), rng


@given(SEEDS, st.floats(-3.0, 3.0), st.floats(-0.5, 0.5))
def test_a_line_is_found_under_noise_gaps_and_a_quarter_of_changed_pixels(
    seed: int, offset: float, slope: float
) -> None:
    level, noise, rng = ground(seed)
    change = np.float32(offset) + np.float32(slope) * level + noise
    change[rng.random(change.size) < 0.1] = np.nan
    changed = rng.random(change.size) < 0.25
    change[changed] += rng.choice([-1.0, 1.0], int(changed.sum())) * 9.0
    found = resistant_line(change, level, 2.0)
    assert found == pytest.approx((offset, slope), abs=0.15)


@given(SEEDS, st.floats(-9.0, 9.0))
def test_what_the_whole_scene_gains_is_all_in_the_offset(seed: int, gain: float) -> None:
    level, noise, _ = ground(seed)
    offset, slope = resistant_line(noise, level, 2.0)
    moved, same = resistant_line(noise + np.float32(gain), level, 2.0)
    assert moved - offset == pytest.approx(gain, abs=1e-5) and same == pytest.approx(slope, abs=1e-5)


def test_levels_that_hardly_differ_give_no_slope() -> None:
    level, noise, _ = ground(1)
    assert resistant_line(noise, level * np.float32(1e-3), 2.0)[1] == 0.0


def test_too_few_pixels_give_nothing() -> None:
    level, noise, _ = ground(1, MIN_SAMPLE)
    noise[0] = np.nan
    assert resistant_line(noise, level, 2.0) == (0.0, 0.0)
    assert bulk_spread(noise) == 1.0 and bulk_spread(np.full(500, np.nan, np.float32)) == 1.0


@given(SEEDS, st.floats(0.2, 5.0))
def test_the_spread_of_the_bulk_is_its_standard_deviation_whatever_a_tenth_does(seed: int, sd: float) -> None:
    rng = np.random.default_rng(seed)
    standard = rng.normal(0.0, sd, 4000).astype(np.float32)
    assert bulk_spread(standard) == pytest.approx(sd, rel=0.1)
    standard[:400] = 1e6
    assert bulk_spread(standard) == pytest.approx(sd, rel=0.25)


def test_blocks_of_any_shape_become_one_row_of_all_their_pixels() -> None:
    blocks = [np.full((2, 3), 1.0, np.float32), np.full((4, 1), 2.0, np.float32)]
    assert sampled(blocks).tolist() == [1.0] * 6 + [2.0] * 4
