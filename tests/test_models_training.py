"""Chips and training: truth goes with its pixels, the same seed gives the same bits, a stopped run goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sat_monitor.models.bands import Answer, Pair, Side
from sat_monitor.models.batches import batch_of, drawn, padded
from sat_monitor.models.blends import Material, blended, outline, scenery
from sat_monitor.models.chip_store import fingerprint, load_chips, save_chips
from sat_monitor.models.chips import Chip, Sight, as_picture, coarser, keeping, random_crop, turned
from sat_monitor.models.losses import LossKind, loss_of
from sat_monitor.models.siamese import ANSWERS, Widths
from sat_monitor.models.train import TrainingSettings, train
from sat_monitor.models.validation import Scores, calibration_error, quality, temperature_of

SMALL = Widths((8, 8, 8, 8), (8, 8, 8, 8), (8, 8, 8, 8))


def chip(seed: int = 0, side: int = 160, geometry: bool = True) -> Chip:
    """Dark plants, and a bright square of soil in the later picture; its truth."""
    rng = np.random.default_rng(seed)
    row, col = rng.integers(20, side - 50, 2)
    truth = np.zeros((ANSWERS, side, side), np.float32)
    truth[:, row : row + 24, col : col + 24] = 1.0
    before = rng.normal(0.05, 0.01, (6, side, side)).astype(np.float32)
    after = np.where(truth[0] > 0, np.float32(0.25), before).astype(np.float32)
    echo = rng.normal(-9.0, 1.0, (4, side, side)).astype(np.float32)
    pair = Pair(Side(before, echo), Side(after, echo.copy()), np.zeros((side, side), np.float32))
    return Chip(pair, truth, np.ones_like(truth), f"test {seed}", geometry)


@pytest.mark.parametrize("geometry", [True, False])
def test_a_turned_chip_keeps_truth_on_its_pixels(geometry: bool) -> None:
    for seed in range(8):
        found = turned(chip(3, geometry=geometry), np.random.default_rng(seed))
        changed = found.pair.after.optical[0] - found.pair.before.optical[0] > 0.1
        assert np.array_equal(changed, found.truth[0] > 0.5)


def test_a_mirror_swaps_ascending_and_descending_looks() -> None:
    one = chip(1)
    one.pair.before.radar[:2] = -20.0
    seen = {float(turned(one, np.random.default_rng(seed)).pair.before.radar[0, 0, 0] == -20.0) for seed in range(12)}
    assert seen == {0.0, 1.0}


def test_chips_with_known_geometry_never_turn_upside_down() -> None:
    one = chip(1)
    one.pair.before.optical[:, 0] = 0.9
    for seed in range(12):
        assert (turned(one, np.random.default_rng(seed)).pair.before.optical[:, 0] == np.float32(0.9)).all()


def test_a_crop_a_pad_and_larger_pixels_agree_with_their_truth() -> None:
    cut = random_crop(chip(2), 64, np.random.default_rng(1))
    assert cut.pair.shape == (64, 64) and cut.truth.shape == (ANSWERS, 64, 64)
    wide = padded(cut, 80)
    assert not wide.weight[:, 64:].any() and np.isnan(wide.pair.before.optical[:, 64:]).all()
    large = coarser(chip(2), 2)
    assert large.pair.shape == (80, 80)
    assert large.truth.mean() == pytest.approx(chip(2).truth.mean())


@pytest.mark.parametrize("sight", list(Sight))
def test_a_chip_never_loses_all_it_sees(sight: Sight) -> None:
    both = chip(1)
    blind = replace(
        both,
        pair=replace(
            both.pair,
            before=Side(both.pair.before.optical, np.full((4, 160, 160), np.nan, np.float32)),
            after=Side(both.pair.after.optical, np.full((4, 160, 160), np.nan, np.float32)),
        ),
    )
    assert keeping(both, sight).pair.seen.all()
    assert keeping(blind, sight).pair.seen.all()


def test_a_picture_of_a_chip_still_shows_its_change() -> None:
    found = as_picture(chip(5), np.random.default_rng(2))
    difference = found.pair.after.optical[2] - found.pair.before.optical[2]
    assert float(np.median(difference[found.truth[0] > 0.5])) > 3 * float(
        np.abs(difference[found.truth[0] < 0.5]).mean()
    )


def test_chips_come_back_from_the_disk(tmp_path: Path) -> None:
    written = save_chips([chip(1), chip(2)], tmp_path, "world-1")
    first, second = load_chips(written)
    np.testing.assert_allclose(first.pair.after.optical, chip(1).pair.after.optical, rtol=1e-3)
    assert np.array_equal(second.truth, chip(2).truth) and second.source == "test 2"
    before = fingerprint(written)
    save_chips([chip(3), chip(2)], tmp_path, "world-1")
    assert fingerprint(written) != before


def test_blended_events_are_where_the_pictures_differ() -> None:
    rng = np.random.default_rng(0)
    picture = rng.normal(60, 6, (3, 260, 260)).astype(np.float32)
    picture[:, :90] += 120.0
    built = np.zeros((260, 260), bool)
    built[:90] = True
    place = scenery([picture, picture], [{Material.BUILT: built}] * 2)
    blends = [blended(place, 128, np.random.default_rng(seed), conversions=1.0) for seed in range(6)]
    inside, outside = [], []
    for found in blends:
        difference = np.abs(found.after - found.before).mean(axis=0)
        changed = found.truth[Answer.CONVERSION] > 0.9
        inside += list(difference[changed & (found.weight[Answer.CONVERSION] > 0)])
        outside += list(difference[found.truth[Answer.CONVERSION] == 0])
    assert np.median(inside) > 4 * np.median(outside)


@pytest.mark.parametrize("seed", range(20))
def test_an_outline_is_a_part_of_each_pixel(seed: int) -> None:
    shape = outline(64, np.random.default_rng(seed))
    assert shape.shape == (64, 64) and shape.min() >= 0.0 and shape.max() <= 1.0


@pytest.mark.parametrize("kind", list(LossKind))
def test_a_loss_falls_towards_the_truth_and_ignores_what_nobody_knows(kind: LossKind) -> None:
    truth = torch.zeros(1, ANSWERS, 8, 8)
    truth[:, :, :4] = 1.0
    weight = torch.ones_like(truth)
    weight[:, :, :, 6:] = 0.0
    good, bad = (truth * 2 - 1) * 4, (1 - truth * 2) * 4
    assert loss_of(kind, good, truth, weight) < loss_of(kind, torch.zeros_like(truth), truth, weight)
    assert loss_of(kind, torch.zeros_like(truth), truth, weight) < loss_of(kind, bad, truth, weight)
    elsewhere = good.clone()
    elsewhere[:, :, :, 6:] = -elsewhere[:, :, :, 6:]
    assert torch.equal(loss_of(kind, good, truth, weight), loss_of(kind, elsewhere, truth, weight))


def test_quality_and_calibration_of_known_scores() -> None:
    rng = np.random.default_rng(1)
    probability = rng.uniform(0, 1, 200_000)
    logits = np.log(probability / (1 - probability)).astype(np.float32)
    honest = Scores(logits, rng.random(200_000) < probability)
    assert calibration_error(honest.probability(), honest.truth) < 0.01
    assert temperature_of([honest]) == pytest.approx(1.0, abs=0.08)
    loud = Scores(logits * 2, honest.truth)
    assert temperature_of([loud]) == pytest.approx(2.0, abs=0.15)
    assert quality(honest).users == pytest.approx(0.75, abs=0.01)
    perfect = Scores(np.array([3.0, -3.0], np.float32), np.array([True, False]))
    assert quality(perfect).f1 == 1.0 and quality(perfect).average_precision == 1.0


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return save_chips([chip(n) for n in range(4)], tmp_path / "chips", "world-1")


SHORT = TrainingSettings(steps=6, batch=2, every=3, shares={"world": 1.0}, widths=SMALL, bfloat16=False)


def test_the_same_seed_gives_the_same_bits(files: list[Path], tmp_path: Path) -> None:
    one, two = (train(files, files[:1], SHORT, tmp_path / name) for name in ("a", "b"))
    assert one.course == two.course
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, two.network.state_dict()[name])


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(files: list[Path], tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(line: str) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        train(files, files[:1], SHORT, tmp_path / "stopped", stop)
    said: list[str] = []
    resumed = train(files, files[:1], SHORT, tmp_path / "stopped", said.append)
    whole = train(files, files[:1], SHORT, tmp_path / "whole")
    assert len(said) == 1 and resumed.course == whole.course
    for name, value in resumed.network.state_dict().items():
        assert torch.equal(value, whole.network.state_dict()[name])


def test_training_learns_what_the_chips_show(files: list[Path], tmp_path: Path) -> None:
    course = train(files, files[:1], replace(SHORT, steps=40, every=20), tmp_path / "learns").course
    assert course[1].loss < 0.9 * course[0].loss


def test_drawn_chips_are_of_one_size_and_depend_on_their_number_alone(files: list[Path]) -> None:
    one, two = (drawn({"world": files}, {"world": 1.0}, np.random.default_rng([1, 5])) for _ in range(2))
    assert np.array_equal(one.truth, two.truth)
    batch = batch_of([drawn({"world": files}, {"world": 1.0}, np.random.default_rng([1, n])) for n in range(6)])
    assert batch.optical.shape == (6, 2, 12, 128, 128) and batch.truth.shape == (6, ANSWERS, 128, 128)
