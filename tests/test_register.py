"""Registration: known sub-pixel shifts are found, noise is not, and what is moved comes to lie where it belongs."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sat_monitor.core.domain import FloatArray, Sensor
from sat_monitor.core.profile import ImagerySettings
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.register import (
    UNMEASURED,
    Shift,
    check_shift,
    clear_scenes,
    estimate_shift,
    needs_correction,
    shift_bands,
)
from tests.imagery_world import archived, cloud_gaps, fourier_shift, noise, raises_code, texture

SIDE = 192
SETTINGS = ImagerySettings()
#: What is corrected is at most half a pixel long; a little more must be told from it.
lengths, angles = st.floats(0.0, 0.6), st.floats(0.0, 2.0 * np.pi)


@lru_cache(maxsize=4)
def ground(seed: int) -> FloatArray:
    return texture(SIDE, seed)


def optical(picture: FloatArray, seed: int) -> FloatArray:
    """Reflectance of textured ground with sensor noise."""
    return (0.2 + 0.05 * picture + 0.005 * noise(picture.shape, seed)).astype(np.float32)


def sar_db(picture: FloatArray, seed: int) -> FloatArray:
    """Backscatter in dB, multi-looked and speckled to an ENL of 20: what despeckling leaves."""
    speckle = np.random.default_rng(seed).gamma(20.0, 1 / 20.0, picture.shape)
    return (-12.0 + 2.5 * picture + 10.0 * np.log10(speckle)).astype(np.float32)


@settings(max_examples=40)
@given(length=lengths, angle=angles)
def test_a_shift_of_an_optical_look_is_found_through_clouds_to_a_tenth_of_a_pixel(length: float, angle: float) -> None:
    dy, dx = length * np.sin(angle), length * np.cos(angle)
    reference = cloud_gaps(optical(ground(1), 2), 0.3, 90)
    moving = cloud_gaps(optical(fourier_shift(ground(1), dy, dx), 3), 0.1, 91)
    shift = estimate_shift(reference, moving)
    assert shift.measured
    assert abs(shift.dy_px - dy) < 0.1 and abs(shift.dx_px - dx) < 0.1


@settings(max_examples=40)
@given(length=lengths, angle=angles)
def test_a_shift_of_a_speckled_look_is_found_through_gaps_to_a_tenth_of_a_pixel(length: float, angle: float) -> None:
    dy, dx = length * np.sin(angle), length * np.cos(angle)
    reference = cloud_gaps(sar_db(ground(2), 4), 0.3, 92)
    moving = sar_db(fourier_shift(ground(2), dy, dx), 5)
    shift = estimate_shift(reference, moving)
    assert shift.measured
    assert abs(shift.dy_px - dy) < 0.1 and abs(shift.dx_px - dx) < 0.1


@pytest.mark.parametrize(("dy", "dx"), [(3.0, -2.0), (-5.4, 4.7), (7.0, 0.3)])
def test_a_shift_of_several_pixels_is_found_as_well(dy: float, dx: float) -> None:
    shift = estimate_shift(optical(ground(1), 2), optical(fourier_shift(ground(1), dy, dx), 3))
    assert shift.measured
    assert abs(shift.dy_px - dy) < 0.1 and abs(shift.dx_px - dx) < 0.1


def test_the_shift_back_is_the_shift_with_the_other_sign() -> None:
    one, two = optical(ground(1), 2), optical(fourier_shift(ground(1), 0.4, -0.3), 3)
    there, back = estimate_shift(one, two), estimate_shift(two, one)
    assert there.dy_px == pytest.approx(-back.dy_px, abs=0.02)
    assert there.dx_px == pytest.approx(-back.dx_px, abs=0.02)


def test_brightness_and_contrast_do_not_move_a_scene() -> None:
    one, two = optical(ground(1), 2), optical(fourier_shift(ground(1), 0.25, 0.5), 3)
    plain, hazy = estimate_shift(one, two), estimate_shift(one, (0.3 + 0.4 * two).astype(np.float32))
    assert hazy.dy_px == pytest.approx(plain.dy_px, abs=0.01) and hazy.dx_px == pytest.approx(plain.dx_px, abs=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_pictures_that_share_nothing_have_no_shift(seed: int) -> None:
    assert not estimate_shift(noise((SIDE, SIDE), seed), noise((SIDE, SIDE), seed + 100)).measured
    assert not estimate_shift(texture(SIDE, seed + 10), texture(SIDE, seed + 200)).measured


@pytest.mark.parametrize(
    ("reference", "moving"),
    [
        (np.full((SIDE, SIDE), np.nan, np.float32), texture(SIDE, 1)),
        (np.zeros((SIDE, SIDE), np.float32), texture(SIDE, 1)),
        (np.zeros((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)),
        (texture(40, 1), texture(40, 1)),
    ],
    ids=["unseen", "flat against ground", "flat", "too small"],
)
def test_where_there_is_nothing_to_see_nothing_is_measured(reference: FloatArray, moving: FloatArray) -> None:
    shift = estimate_shift(reference, moving)
    assert not shift.measured and (shift.dy_px, shift.dx_px) == (0.0, 0.0) and shift.figures == {}


def test_more_than_half_a_pixel_is_refused_and_less_or_the_unsure_is_not() -> None:
    check_shift(Shift(0.3, 0.3, 0.01, True), SETTINGS, "a")
    check_shift(Shift(0.4, 0.4, 0.1, True), SETTINGS, "a")
    check_shift(Shift(3.0, 3.0, 0.01, False), SETTINGS, "a")
    check_shift(UNMEASURED, SETTINGS, "a")
    for shift in (Shift(0.6, 0.0, 0.01, True), Shift(0.4, -0.4, 0.01, True), Shift(0.0, -2.0, 0.1, True)):
        with raises_code("E1210") as info:
            check_shift(shift, SETTINGS, "scene-7")
        assert "scene-7" in info.value.message and f"{shift.length_px:.2f}" in info.value.message


def test_only_a_measured_shift_above_the_noise_is_corrected() -> None:
    assert needs_correction(Shift(0.2, 0.0, 0.02, True), SETTINGS)
    assert not needs_correction(Shift(0.05, 0.05, 0.02, True), SETTINGS)
    assert not needs_correction(Shift(0.2, 0.0, 0.2, False), SETTINGS)
    assert not needs_correction(None, SETTINGS)


@pytest.mark.parametrize(("dy", "dx"), [(0.3, -0.4), (0.5, 0.0), (-0.2, 0.2)])
def test_a_moved_look_comes_back_to_where_it_was(dy: float, dx: float) -> None:
    smooth = (0.2 + 0.02 * ndimage.gaussian_filter(ground(1), 1.0, mode="wrap")).astype(np.float32)
    moved = fourier_shift(smooth, dy, dx)
    back = shift_bands({"B04": moved}, Shift(dy, dx, 0.01, True))["B04"]
    inner = (slice(8, -8), slice(8, -8))
    assert back.dtype == np.float32
    assert np.std(back[inner] - smooth[inner]) < 0.1 * np.std(moved[inner] - smooth[inner])
    left = estimate_shift(smooth, back)
    assert left.measured and left.length_px < 0.03


def test_a_whole_pixel_moves_exactly_and_classes_stay_classes() -> None:
    classes = np.random.default_rng(1).integers(0, 12, (40, 40)).astype(np.float32)
    values = noise((40, 40), 2)
    moved = shift_bands({"SCL": np.roll(classes, 1, 0), "B04": np.roll(values, 1, 0)}, Shift(1.0, 0.0, 0.0, True))
    assert np.array_equal(moved["SCL"][:-1], classes[:-1])
    assert np.allclose(moved["B04"][3:-4], values[3:-4], atol=1e-5)
    halved = shift_bands({"SCL": classes}, Shift(0.4, -0.4, 0.0, True))["SCL"]
    assert set(np.unique(halved)) <= set(np.unique(classes))


def test_gaps_grow_by_a_pixel_and_never_vanish_or_ring() -> None:
    values = np.full((40, 40), 0.3, np.float32)
    values[15:20, 15:20] = np.nan
    moved = shift_bands({"B04": values}, Shift(0.3, 0.3, 0.0, True))["B04"]
    assert np.isnan(moved[15:20, 15:20]).all()
    assert np.isnan(moved).sum() <= 9 * 9
    assert np.nanmax(np.abs(moved - 0.3)) < 0.03


def test_an_edge_does_not_make_power_negative() -> None:
    power = np.full((40, 40), 0.001, np.float32)
    power[20:] = 1.0
    moved = shift_bands({"VV": power}, Shift(0.5, 0.0, 0.0, True))["VV"]
    assert moved.min() >= np.float32(0.001)


def test_a_look_of_nothing_stays_nothing() -> None:
    assert np.isnan(shift_bands({"VV": np.full((20, 20), np.nan, np.float32)}, Shift(0.3, 0.3, 0.0, True))["VV"]).all()


def test_references_are_the_first_whole_and_clear_scenes(tmp_path: Path) -> None:
    scenes = archived(Archive(tmp_path), Sensor.S2, range(5))
    cloudy = [replace(s, cloud_fraction=0.5) for s in scenes[:2]]
    partial = [replace(s, valid_fraction=0.3) for s in scenes[2:3]]
    assert clear_scenes([*reversed(scenes[3:]), *partial, *cloudy], 3) == scenes[3:]
    assert clear_scenes([*cloudy, *partial], 3) == cloudy[:1]
    assert clear_scenes(scenes, 2) == scenes[:2]
    assert clear_scenes([], 2) == []
