"""Inference over an area: no seams, no answer where nothing was seen, the same bits every time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sat_monitor.models.bands import Pair, Side
from sat_monitor.models.infer import Predictor, Runtime, Tiling
from sat_monitor.models.labelled_chips import cities, labelled_pair
from sat_monitor.models.siamese import ANSWERS, Siamese, Widths, parameters
from sat_monitor.models.weights import Network, shipped_network
from tests.test_models_weights import card

SMALL = Widths((8, 8, 12, 12), (8, 8, 8, 8), (8, 8, 8, 8))


def area(height: int, width: int, seed: int = 0) -> Pair:
    rng = np.random.default_rng(seed)

    def smooth(low: float, high: float, planes: int) -> np.ndarray:
        coarse = rng.uniform(low, high, (planes, height // 8 + 2, width // 8 + 2))
        fine = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
        return (fine * rng.uniform(0.8, 1.2, fine.shape)).astype(np.float32)

    sides = [Side(smooth(0.02, 0.3, 6), smooth(-18.0, -4.0, 4)) for _ in range(2)]
    return Pair(sides[0], sides[1], np.full((height, width), 8.0, np.float32))


def seeded(widths: Widths = SMALL) -> Siamese:
    torch.manual_seed(3)
    return Siamese(widths).eval()


def small() -> Network:
    return Network(seeded(), card())


def test_the_network_has_at_most_three_million_parameters() -> None:
    assert parameters(Siamese()) <= 3_000_000


def test_an_area_of_any_size_gets_an_answer_for_each_pixel() -> None:
    found = Predictor.of(small(), Runtime.FLOAT32).detect(area(70, 45))
    assert found.conversion.shape == (70, 45)
    for plane in (found.conversion, found.loss, found.change):
        assert ((plane >= 0.0) & (plane <= 1.0)).all()
    assert (found.uncertainty > 0.0).all()


def test_where_nothing_was_seen_there_is_no_answer() -> None:
    pair = area(64, 64)
    for side in (pair.before, pair.after):
        side.optical[:, 10:20, 30:40] = np.nan
    pair.after.radar[:, 10:20, 30:40] = np.nan
    found = Predictor.of(small(), Runtime.FLOAT32).detect(pair)
    assert np.isnan(found.conversion[10:20, 30:40]).all()
    assert np.isfinite(found.conversion).sum() == 64 * 64 - 100


@pytest.mark.parametrize("shift", [16, 48, 112])
def test_moving_the_tiles_changes_no_pixel_by_more_than_two_hundredths(shift: int) -> None:
    network = shipped_network()
    predictor = Predictor.of(network, Runtime.FLOAT32)
    pair = area(400, 336, 5)
    still, moved = (predictor.detect(pair, Tiling(288, shift=by)) for by in (0, shift))
    whole = predictor.detect(pair)
    assert np.abs(still.conversion - moved.conversion).max() <= 0.02
    assert np.abs(still.conversion - whole.conversion).max() <= 0.02


def test_no_seam_shows_on_a_real_picture(shared_data: Callable[[str], Path]) -> None:
    pair = labelled_pair(cities(shared_data("landsat_pairs"))["taizhou"]).pair
    predictor = Predictor.of(shipped_network(), Runtime.FLOAT32)
    tiled, whole = predictor.detect(pair, Tiling(288, shift=48)), predictor.detect(pair)
    assert np.nanmax(np.abs(tiled.conversion - whole.conversion)) <= 0.02


def test_the_same_pair_gives_the_same_bits() -> None:
    predictor, pair = Predictor.of(small(), Runtime.FLOAT32), area(64, 64)
    one, two = predictor.detect(pair), predictor.detect(pair)
    assert np.array_equal(one.conversion, two.conversion)


def test_folding_batch_norm_changes_nothing_that_matters() -> None:
    network, pair = seeded(), area(64, 64)
    from sat_monitor.models.batches import batch_of
    from sat_monitor.models.chips import Chip
    from sat_monitor.models.siamese import probabilities

    nothing = np.zeros((ANSWERS, 64, 64), np.float32)
    batch = batch_of([Chip(pair, nothing, nothing, "test")])
    with torch.inference_mode():
        plain = probabilities(
            network(batch.optical, batch.radar, batch.slope), torch.ones(ANSWERS), torch.zeros(ANSWERS)
        )[0, 0].numpy()
    found = Predictor.of(Network(network, card()), Runtime.FLOAT32).detect(pair)
    np.testing.assert_allclose(found.conversion, plain, atol=1e-5)


def test_bfloat16_stays_near_the_reference() -> None:
    network, pair = shipped_network(), area(128, 128, 2)
    found = [Predictor.of(network, r).detect(pair) for r in Runtime]
    assert np.abs(found[0].conversion - found[1].conversion).mean() < 0.01


def test_the_order_of_tracks_hardly_matters() -> None:
    network, pair = shipped_network(), area(128, 128, 4)
    predictor = Predictor.of(network, Runtime.FLOAT32)
    swapped = replace(
        pair,
        before=Side(pair.before.optical, np.roll(pair.before.radar, 2, axis=0)),
        after=Side(pair.after.optical, np.roll(pair.after.radar, 2, axis=0)),
    )
    assert np.abs(predictor.detect(pair).conversion - predictor.detect(swapped).conversion).mean() < 0.05


@pytest.mark.parametrize("wrong", [{"side": 100}, {"margin": 20}, {"shift": 8}, {"side": 128, "margin": 64}])
def test_tiles_off_the_cells_of_the_network_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        Tiling(**wrong)
