"""Bright ground that the classification calls cloud: counted, then seen with a lower weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sat_monitor.change_detect.evidence import empty_state, update
from sat_monitor.change_detect.suspect import LAYER, admitted, counted, suspect_in, weight
from sat_monitor.core.domain import ChangeMap, FloatArray, Layer, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.cloud import clear_mask, suspect_bright

SIDE = 80
RADIUS = 30
GRID = Grid(32654, 350_000.0, 3_950_000.0, 10.0, SIDE, SIDE)
PLACE = (slice(38, 42), slice(38, 42))


def classes(background: float = 4.0) -> FloatArray:
    return np.full((SIDE, SIDE), background, np.float32)


def suspect(scl: FloatArray) -> np.ndarray:
    return suspect_bright({"SCL": scl}, clear_mask(scl, 2), RADIUS)


@pytest.mark.parametrize("scl", [8, 9, 10])
def test_a_small_cloud_amid_clear_ground_is_suspect_with_its_buffer(scl: int) -> None:
    look = classes()
    look[PLACE] = scl
    found = suspect(look)
    assert found[36:44, 36:44].all() and found.sum() == 64


@pytest.mark.parametrize("scl", [0, 3, 11])
def test_shadow_snow_and_gaps_are_never_suspect(scl: int) -> None:
    look = classes()
    look[PLACE] = scl
    assert not suspect(look).any()


def test_a_cloud_with_its_field_or_its_shadow_around_is_no_suspect() -> None:
    for other in (9, 3):
        look = classes()
        look[PLACE] = 9
        look[20:34, 10:70] = other
        assert not suspect(look)[PLACE].any()


def test_what_lies_in_the_buffer_of_a_real_cloud_stays_hidden() -> None:
    look = classes()
    look[PLACE] = 9
    look[:, 45:] = 9
    assert not suspect(look)[PLACE].any()


def change(score: float = 6.0, flagged: bool = True) -> ChangeMap:
    values = np.full(GRID.shape, score, np.float32)
    flags = np.zeros(GRID.shape, np.float32)
    flags[PLACE] = float(flagged)
    ones = np.ones(GRID.shape, np.float32)
    layers = {LAYER: Layer(flags, "1"), "contrast": Layer(8.0 * ones, "sigma"), "bare": Layer(ones, "1")}
    layers |= {"ndvi": Layer(0.2 * ones, "1"), "ndvi_expected": Layer(0.8 * ones, "1")}
    layers |= {"converted_fraction": Layer(ones, "1"), "bare_before": Layer(0.0 * ones, "1")}
    valid = np.ones(GRID.shape, bool)
    return ChangeMap("optical@1", "s", (), GRID, values, "sigma", valid, np.full(GRID.shape, 30, np.int16), layers)


def test_suspect_ground_is_seen_from_the_third_look_on_and_the_rest_always() -> None:
    profile = Profile()
    state = empty_state(GRID.shape, profile.evidence, GRID.pixel_m)
    seen = []
    for day in range(3):
        look = admitted(change(), state.suspect_looks, profile.optical)
        seen.append(bool(look.valid[PLACE].all()))
        assert look.valid[0, 0] and np.array_equal(np.isfinite(look.score), look.valid)
        state, _ = update(state, look, Sensor.S2, 20_000 + 5 * day, profile)
    assert seen == [False, False, True]
    assert (state.suspect_looks[PLACE] == 3).all() and state.suspect_looks.sum() == 3 * 16


def test_a_look_at_suspect_ground_weighs_less_than_one_at_clear_ground() -> None:
    profile = Profile()
    state = replace(
        empty_state(GRID.shape, profile.evidence, GRID.pixel_m), suspect_looks=np.full(GRID.shape, 5, np.int16)
    )
    _, ratio = update(state, change(), Sensor.S2, 20_000, profile)
    assert 0.0 < ratio[PLACE].max() < ratio[0, 0]
    assert ratio[40, 40] == pytest.approx(profile.optical.suspect_weight * ratio[0, 0])
    assert (weight(change(flagged=False), profile.optical) == 1.0).all()


def test_a_map_without_the_layer_has_no_suspect_ground() -> None:
    look = replace(change(), layers={})
    looks = np.zeros(GRID.shape, np.int16)
    assert not suspect_in(look).any() and admitted(look, looks, Profile().optical) is look
    assert not counted(looks, look).any()
