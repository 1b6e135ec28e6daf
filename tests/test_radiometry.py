"""Reflectance: the offset of baseline 04.00 is applied exactly once, and dark ground proves it."""

from __future__ import annotations

import numpy as np
import pytest

from sat_monitor.imagery.radiometry import baseline_of, check_dark_ground, offset_of, reflectance
from tests.imagery_world import raises_code


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("05.11", (5, 11)),
        ("N0400", (4, 0)),
        ("0214", (2, 14)),
        ("04.00", (4, 0)),
        ("02.9", (2, 9)),
        (None, ()),
        ("", ()),
        ("new", ()),
    ],
)
def test_baselines_are_numbers(text: str | None, numbers: tuple[int, ...]) -> None:
    assert baseline_of(text) == numbers


@pytest.mark.parametrize(
    ("applied", "baseline", "offset"),
    [
        (False, (4, 0), -1000.0), (False, (5, 11), -1000.0), (False, (3, 1), 0.0), (False, (), 0.0),
        (True, (4, 0), 0.0), (True, (5, 11), 0.0), (True, (3, 1), 0.0),
    ],
)  # fmt: skip
def test_the_offset_is_owed_once(applied: bool, baseline: tuple[int, ...], offset: float) -> None:
    assert offset_of({"earthsearch:boa_offset_applied": applied}, baseline) == offset


def test_no_data_is_missing_whatever_the_offset() -> None:
    values = reflectance(np.array([[0, 1, 1000, 11_000]], np.uint16), -1000.0)
    np.testing.assert_allclose(values, [[np.nan, -0.0999, 0.0, 1.0]], atol=1e-6)
    assert values.dtype == np.float32


def scene(red: float, share: float = 0.9) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    ground = np.clip(rng.normal(red, 0.008, (200, 200)), 0.0, 1.0).astype(np.float32)
    classes = np.where(rng.random((200, 200)) < share, 4.0, 5.0).astype(np.float32)
    return {"B04": ground, "SCL": classes}


def test_dark_ground_that_is_dark_passes() -> None:
    check_dark_ground(scene(0.05), "one")


@pytest.mark.parametrize("red", [0.15, -0.05])
def test_an_offset_left_in_or_taken_twice_is_refused(red: float) -> None:
    with raises_code("E1204"):
        check_dark_ground(scene(red), "one")


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_little_vegetation_proves_nothing(share: float) -> None:
    check_dark_ground(scene(0.2, share), "one")


def test_scenes_without_red_or_classes_prove_nothing() -> None:
    check_dark_ground({"VV": np.ones((3, 3), np.float32)}, "one")
