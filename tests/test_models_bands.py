"""What the network sees: unseen is a mask and no number, and pictures of any stretch come to one level."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_monitor.models.bands import (
    OPTICAL,
    Pair,
    Side,
    empty_optical,
    empty_radar,
    encoded,
    encoded_cells,
    levelled,
)
from sat_monitor.models.siamese import cells


def pair_of(optical: np.ndarray, radar: np.ndarray | None = None) -> Pair:
    shape = optical.shape[1], optical.shape[2]
    echoes = empty_radar(shape) if radar is None else radar
    return Pair(Side(optical, echoes), Side(optical.copy(), echoes.copy()), np.full(shape, 10.0, np.float32))


def picture(seed: int, bands: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.gamma(4.0, 0.02, (bands, 40, 40)).astype(np.float32)


def test_what_is_not_seen_is_zero_and_masked() -> None:
    optical = np.full((6, 8, 8), 0.1, np.float32)
    optical[2, 3, 4] = np.nan
    found = encoded(pair_of(optical))
    assert found.optical.shape == (2, 12, 8, 8) and found.radar.shape == (2, 8, 8, 8) and found.slope.shape == (2, 8, 8)
    assert found.optical[0, 2, 3, 4] == 0.0 and found.optical[0, 8, 3, 4] == 0.0
    assert found.optical[0, 8].sum() == 63 and not found.radar.any()
    assert np.isfinite(found.optical).all()


def test_a_pair_is_seen_where_one_channel_is_on_both_dates() -> None:
    before, after = empty_optical((4, 4)), empty_optical((4, 4))
    before[0, 0, 0], after[0, 0, 0] = 0.1, 0.1
    before[1, 1, 1], after[2, 1, 1] = 0.1, 0.1
    pair = Pair(Side(before, empty_radar((4, 4))), Side(after, empty_radar((4, 4))), np.zeros((4, 4), np.float32))
    assert pair.seen.sum() == 1 and pair.seen[0, 0]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    gain=st.floats(0.3, 300.0),
    offset=st.floats(-50.0, 50.0),
    later_gain=st.floats(0.5, 2.0),
)
def test_any_stretch_of_a_picture_gives_the_same_level(
    seed: int, gain: float, offset: float, later_gain: float
) -> None:
    first = picture(seed)
    second = first + np.random.default_rng(seed + 1).normal(0, 0.002, first.shape).astype(np.float32)
    bands = ("B04", "B03", "B02")
    plain = levelled(first, second, bands)
    stretched = levelled(first * gain + offset, (second * gain + offset) * later_gain, bands)
    for one, other in zip(plain, stretched, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_what_changed_does_not_move_the_level_of_what_stayed() -> None:
    first = picture(5)
    second = first.copy()
    second[:, :12, :12] += 0.4
    before, after = levelled(first, second, ("B04", "B03", "B02"))
    stayed = np.abs(after - before)[:, 14:, 14:]
    assert float(stayed.max()) < 1e-3
    assert float((after - before)[:, :12, :12].min()) > 0.1


def test_a_band_without_spread_is_unseen() -> None:
    first = picture(1)
    first[1] = 7.0
    before, after = levelled(first, first.copy(), ("B04", "B03", "B02"))
    assert np.isnan(before[1]).all() and np.isnan(after[1]).all() and np.isfinite(before[0]).all()


def test_unknown_band_names_are_refused() -> None:
    with pytest.raises(ValueError, match="B99"):
        levelled(picture(1, 1), picture(2, 1), ("B99",))
    assert len(OPTICAL) == 6


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_cells_are_the_planes_four_pixels_at_a_time(threads: int) -> None:
    rng = np.random.default_rng(0)
    optical = rng.uniform(-0.1, 1.2, (6, 37, 21)).astype(np.float32)
    optical[:, 3:9, 4:6] = np.nan
    pair = pair_of(optical)
    planes, found = encoded(pair), encoded_cells(pair, 16, threads)
    for name in ("optical", "radar", "slope"):
        wide = np.zeros((*np.atleast_3d(getattr(planes, name)).shape[:-2], 48, 32), np.float32)
        wide[..., :37, :21] = getattr(planes, name)
        wanted = cells(torch.from_numpy(wide if wide.ndim == 4 else wide[None])).permute(0, 2, 3, 1).numpy()
        assert np.array_equal(getattr(found, name), wanted)
