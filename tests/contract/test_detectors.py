"""The contract that every detector of the table keeps: causality, validity, units, determinism, calibration."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.change_detect.detector import Detector, detector_id
from sat_monitor.change_detect.windows import NEVER
from sat_monitor.core.domain import Sensor
from sat_monitor.core.profile import Profile
from sat_monitor.scoring import DETECTORS
from tests.stacks import SIDE, SQUARE, STACKS, change_square, score
from tests.ticket_world import scene

EVERY = pytest.mark.parametrize("detector", DETECTORS.values(), ids=detector_id)


def stack_of(detector: Detector, **changes: object):  # type: ignore[no-untyped-def]
    return STACKS[detector.sensor](**changes)


@EVERY
def test_a_row_of_the_table_names_itself_and_its_unit(detector: Detector) -> None:
    assert DETECTORS[detector.sensor] is detector
    assert detector_id(detector) == f"{detector.name}@{detector.version}"
    assert detector.score_unit in ("sigma", "probability", "m")


@EVERY
def test_worked_ground_is_found_and_the_rest_is_not(detector: Detector) -> None:
    block = score(detector, change_square(stack_of(detector))).block
    inside = np.zeros((SIDE, SIDE), bool)
    inside[SQUARE[0].start + 3 : SQUARE[0].stop - 3, SQUARE[1].start + 3 : SQUARE[1].stop - 3] = True
    outside = np.ones((SIDE, SIDE), bool)
    outside[SQUARE[0].start - 4 : SQUARE[0].stop + 4, SQUARE[1].start - 4 : SQUARE[1].stop + 4] = False
    assert np.median(block.score[inside]) > 3.1
    assert (block.score[outside & block.valid] > 2.3).mean() < 0.03


@EVERY
def test_ground_that_did_not_change_hardly_ever_scores(detector: Detector) -> None:
    scores = np.concatenate([score(detector, stack_of(detector, seed=s)).block.score.ravel() for s in range(6)])
    good = scores[np.isfinite(scores)]
    assert (good > 2.3).mean() < 0.03 and (good > 3.1).mean() < 0.005


@EVERY
def test_scores_are_nan_exactly_where_they_are_not_valid(detector: Detector) -> None:
    stack = stack_of(detector)
    stack["valid"].values[-1, :9] = False
    stack["valid"].values[:-2, :, :7] = False
    block = score(detector, stack).block
    assert np.array_equal(np.isfinite(block.score), block.valid)
    assert not block.valid[:9].any() and not block.valid[:, :7].any() and block.valid[20:, 20:].all()
    for layer in block.layers.values():
        assert not np.isfinite(layer.values[~block.valid]).any()


@EVERY
def test_every_array_has_the_shape_of_the_block_and_every_layer_a_unit(detector: Detector) -> None:
    block = score(detector, stack_of(detector)).block
    assert block.score.dtype == np.float32 and block.valid.dtype == bool and block.depth_looks.dtype == np.int16
    for values in (block.score, block.valid, block.depth_looks, *(layer.values for layer in block.layers.values())):
        assert values.shape == (SIDE, SIDE)
    assert block.layers and all(layer.unit for layer in block.layers.values())


@EVERY
def test_the_same_stack_gives_the_same_bits(detector: Detector) -> None:
    one, two = (score(detector, change_square(stack_of(detector))).block for _ in range(2))
    assert np.array_equal(one.score, two.score, equal_nan=True)
    assert all(np.array_equal(one.layers[n].values, two.layers[n].values, equal_nan=True) for n in one.layers)


def bits(detector: Detector) -> str:
    """A hash of everything that a detector says of a changed stack with a gap."""
    stack = change_square(stack_of(detector))
    stack["valid"].values[3, :9, :9] = False
    block = score(detector, stack).block
    values = [block.score, block.depth_looks, *(block.layers[name].values for name in sorted(block.layers))]
    return hashlib.sha256(b"".join(part.tobytes() for part in values)).hexdigest()


@EVERY
@pytest.mark.slow
def test_a_process_that_compiles_and_one_that_finds_the_compiled_code_give_the_same_bits(
    detector: Detector, tmp_path: Path
) -> None:
    program = f"import tests.contract.test_detectors as t; print(t.bits(t.DETECTORS[t.Sensor.{detector.sensor.name}]))"
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", program]
    compiles, finds = (
        subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )
    assert compiles == finds == f"{bits(detector)}\n"


@EVERY
def test_what_is_too_young_is_never_a_reference(detector: Detector) -> None:
    profile = Profile()
    tested = scene("2026-07-01", detector.sensor)
    looks = [scene(str(date(2026, 7, 1) - timedelta(days=lag)), detector.sensor) for lag in range(1200, 0, -10)]
    ages = [(tested.acquired_at - s.acquired_at).days for s in detector.history(tested, looks, int(NEVER), profile)]
    assert min(ages) >= min(profile.reference.near_days, profile.reference.exclusion_days)
    assert len(ages) > 20 and ages == sorted(ages, reverse=True)


@EVERY
def test_a_frozen_pixel_keeps_the_reference_of_its_first_signs(detector: Detector) -> None:
    stack = stack_of(detector)
    frozen = np.full((SIDE, SIDE), NEVER, np.int32)
    tested = int(stack["time"].values[-1].astype("datetime64[D]").astype(int))
    frozen[:, : SIDE // 2] = tested - 90
    late = stack.copy(deep=True)
    for band in late.data_vars:
        if late[band].dtype == np.float32 and band != "SCL":
            late[band].values[-4:-1, :, : SIDE // 2] *= 2.0
    calibration = score(detector, stack).calibration
    one, two = (detector.score(s, frozen, calibration, Profile()) for s in (stack, late))
    inner = (slice(None), slice(0, SIDE // 2 - 4))
    assert np.array_equal(one.score[inner], two.score[inner], equal_nan=True)
    assert (one.depth_looks[inner] < one.depth_looks[:, SIDE // 2 + 4 :].max()).all()


@EVERY
def test_too_short_a_history_is_not_assessed(detector: Detector) -> None:
    stack = stack_of(detector, lags=(100, 112, 124))
    assert not score(detector, stack).block.valid.any()


@EVERY
def test_what_a_whole_scene_shares_is_not_change(detector: Detector) -> None:
    stack = stack_of(detector)
    bands = ("VV", "VH") if detector.sensor is Sensor.S1 else ("B04",)
    for band in bands:
        stack[band].values[-1] = stack[band].values[-1] * 1.4 if "V" in band else stack[band].values[-1] + 0.01
    block = score(detector, stack).block
    assert (block.score[block.valid] > 3.1).mean() < 0.01


def test_greening_never_scores() -> None:
    detector, stack = DETECTORS[Sensor.S2], STACKS[Sensor.S2]()
    stack["B04"].values[-1][SQUARE] *= 0.4
    stack["B08"].values[-1][SQUARE] *= 1.3
    assert np.nanmax(score(detector, stack).block.score[SQUARE]) < 1.0
