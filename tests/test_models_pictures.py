"""Contrast of pictures, and how it is joined with the network: no stretch moves it, and fitted terms are those that made it."""

from __future__ import annotations

import numpy as np
import pytest

from sat_monitor.models.bands import Pair, Side, empty_optical, empty_radar, levelled
from sat_monitor.models.pictures import INFRARED, VISIBLE, Sample, contrast, fitted, joined, kind_of

SQUARE = (slice(20, 32), slice(24, 40))


def pair_of(before: np.ndarray, after: np.ndarray) -> Pair:
    """A pair of red, green and blue pictures."""
    shape = before.shape[1], before.shape[2]
    sides = []
    for values in levelled(before, after, ("B04", "B03", "B02")):
        optical = empty_optical(shape)
        optical[[2, 1, 0]] = values
        sides.append(Side(optical, empty_radar(shape)))
    return Pair(sides[0], sides[1], np.full(shape, np.nan, np.float32))


def pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    before = rng.gamma(4.0, 12.0, (3, 64, 64)).astype(np.float32)
    after = before + rng.normal(0.0, 4.0, before.shape).astype(np.float32)
    after[:, SQUARE[0], SQUARE[1]] += 120.0
    return before, after


def test_what_changed_stands_out_and_the_rest_lies_about_zero() -> None:
    sharp = contrast(pair_of(*pictures()))
    inside = np.zeros(sharp.shape, bool)
    inside[SQUARE] = True
    assert float(np.median(sharp[~inside])) == pytest.approx(0.0, abs=0.15)
    assert float(np.median(sharp[inside])) > 3.0


def test_no_stretch_of_a_picture_moves_its_contrast() -> None:
    before, after = pictures()
    plain, stretched = contrast(pair_of(before, after)), contrast(pair_of(before * 0.3 + 9.0, after * 0.45 + 20.0))
    assert float(np.abs(plain - stretched).max()) < 0.05


def test_where_nothing_was_seen_there_is_no_contrast_and_the_network_stands_alone() -> None:
    pair = pair_of(*pictures())
    pair.after.optical[:, :8] = np.nan
    sharp = contrast(pair)
    assert np.isnan(sharp[:8]).all() and np.isfinite(sharp[9:]).all()
    probability = np.full(sharp.shape, 0.3, np.float32)
    found = joined(probability, sharp, (1.0, 1.0, 0.0))
    assert (found[:8] == np.float32(0.3)).all() and found[SQUARE].min() > 0.5


def test_fitted_terms_are_those_that_made_the_truth() -> None:
    rng = np.random.default_rng(5)
    odds, sharp = rng.normal(0.0, 2.0, 200_000), rng.normal(0.0, 1.0, 200_000)
    chance = 1.0 / (1.0 + np.exp(-(0.8 * odds + 1.5 * sharp - 1.0)))
    found = fitted([Sample(odds, sharp, rng.random(200_000) < chance)])
    assert found == pytest.approx((0.8, 1.5, -1.0), abs=0.05)


def test_a_pair_with_infrared_is_told_from_one_without() -> None:
    pair = pair_of(*pictures())
    assert kind_of(pair) == VISIBLE
    pair.after.optical[3] = 0.2
    assert kind_of(pair) == INFRARED
