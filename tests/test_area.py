"""Areas of patches: pixel parts add up, and the error is that of the Monte Carlo that it stands for (METHOD 13)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_monitor.change_detect.area import conversion, patch_area
from sat_monitor.core.domain import ChangeMap, Layer
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import PatchSettings

SETTINGS = PatchSettings()
NOTHING = np.zeros((14, 14), bool)


def square(side_m: float, offset_m: float) -> np.ndarray:
    """Share of each 10 m pixel that a square covers, (y, x); its corner lies `offset_m` inside pixel (3, 3)."""
    edges = np.arange(15) * 10.0
    first, last = 30.0 + offset_m, 30.0 + offset_m + side_m
    along = np.clip(np.minimum(edges[1:], last) - np.maximum(edges[:-1], first), 0.0, None) / 10.0
    return np.outer(along, along).astype(np.float32)


@given(st.floats(18.0, 90.0), st.floats(0.0, 9.9))
@settings(max_examples=60)
def test_a_square_between_pixels_has_its_own_area_although_its_patch_is_another(side_m: float, offset_m: float) -> None:
    share = square(side_m, offset_m)
    found = patch_area(share, share > 0.4, NOTHING, 10.0, SETTINGS)
    assert found.area_m2 == pytest.approx(side_m**2, rel=1e-4)


def test_the_interior_tells_what_a_wholly_converted_pixel_shows() -> None:
    share = square(80.0, 4.0)
    pale = patch_area(0.7 * share, share > 0.4, NOTHING, 10.0, SETTINGS)
    assert pale.area_m2 == pytest.approx(6400.0, rel=0.02)
    small = square(22.0, 4.0)
    assert patch_area(0.7 * small, small > 0.4, NOTHING, 10.0, SETTINGS).area_m2 == pytest.approx(0.7 * 484.0, rel=1e-3)


def test_ground_of_another_patch_is_not_counted_twice() -> None:
    share = square(40.0, 5.0)
    others = np.zeros_like(NOTHING)
    others[:, 7:] = True
    patch = (share > 0.4) & ~others
    assert patch_area(share, patch, others, 10.0, SETTINGS).area_m2 == pytest.approx(
        100.0 * share[:, :7].sum(), rel=0.02
    )


def test_without_optical_looks_every_pixel_counts_whole() -> None:
    patch = square(40.0, 0.0) > 0.5
    assert patch_area(np.zeros((14, 14), np.float32), patch, NOTHING, 10.0, SETTINGS).area_m2 == 1600.0


@pytest.mark.parametrize("side_m", [22.0, 45.0, 80.0])
def test_the_error_is_that_of_a_monte_carlo_over_end_member_noise_and_edge(side_m: float) -> None:
    rng = np.random.default_rng(4)
    share = square(side_m, 3.0)
    patch = share > 0.4
    inner = int(patch_area(share, patch, NOTHING, 10.0, SETTINGS).area_m2 > 0) * max(round(side_m / 10.0) - 2, 0) ** 2
    drawn = []
    for _ in range(4000):
        member = 1.0 + rng.normal(0.0, SETTINGS.end_member_sd / np.sqrt(1.0 + inner))
        noise = rng.normal(0.0, SETTINGS.fraction_sd, np.count_nonzero(patch))
        edge = 4.0 * side_m * rng.normal(0.0, SETTINGS.edge_error_m)
        drawn.append((100.0 * share.sum() + 100.0 * noise.sum()) / member + edge)
    assert patch_area(share, patch, NOTHING, 10.0, SETTINGS).error_m2 == pytest.approx(np.std(drawn), rel=0.25)


def test_a_conversion_is_signed_and_none_where_nothing_grew_or_nothing_was_seen() -> None:
    grid = Grid(32654, 0.0, 100.0, 10.0, 1, 4)
    expected = np.array([[0.78, 0.78, 0.20, 0.78]], np.float32)
    observed = np.array([[0.48, 0.84, 0.10, 0.18]], np.float32)
    layers = {"ndvi": Layer(observed, "1"), "ndvi_expected": Layer(expected, "1")}
    seen = np.array([[True, True, True, False]])
    change = ChangeMap("d@1", "s", (), grid, observed, "sigma", seen, np.ones((1, 4), np.int16), layers)
    assert conversion(change, 0.18)[0] == pytest.approx([0.5 / 1.1, -0.1 / 1.22, 0.0, 0.0], abs=1e-5)


@given(st.floats(0.0, 1.0))
def test_mixed_ground_gives_its_share_back(share: float) -> None:
    red, infrared = 0.02 + share * (0.18 - 0.02), 0.34 + share * (0.252 - 0.34)
    bare = (0.252 - 0.18) / 0.432
    observed = np.full((1, 1), (infrared - red) / (infrared + red), np.float32)
    layers = {"ndvi": Layer(observed, "1"), "ndvi_expected": Layer(np.full((1, 1), 0.32 / 0.36, np.float32), "1")}
    grid, seen = Grid(32654, 0.0, 100.0, 10.0, 1, 1), np.ones((1, 1), bool)
    change = ChangeMap("d@1", "s", (), grid, observed, "sigma", seen, np.ones((1, 1), np.int16), layers)
    assert conversion(change, bare)[0, 0] == pytest.approx(share, abs=1e-3)
