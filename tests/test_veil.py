"""Cloud, snow and shadow that the classification missed, and what they must not take with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from sat_monitor.change_detect.veil import veiled
from sat_monitor.core.profile import OpticalSettings
from tests.stacks import SIDE, SQUARE, change_square, optical_stack

SETTINGS = OpticalSettings()
BANDS = ("B02", "B04", "B08", "B11")


def changed(how: Callable[[xr.Dataset], None]) -> np.ndarray:
    stack = optical_stack()
    how(stack)
    return veiled(stack, SETTINGS)


def test_ground_that_did_not_change_is_not_veiled() -> None:
    assert not veiled(optical_stack(), SETTINGS).any()


def test_worked_ground_is_never_taken_for_cloud_or_shadow() -> None:
    assert not veiled(change_square(optical_stack()), SETTINGS).any()


def test_thin_cloud_over_the_neighbourhood_hides_all_that_it_covers() -> None:
    def cloud(stack: xr.Dataset) -> None:
        for band in BANDS:
            stack[band].values[-1] += 0.05

    assert changed(cloud).all()


def test_a_fill_under_a_clear_sky_is_seen_where_its_neighbour_is_a_cloud_shadow() -> None:
    def shadow(stack: xr.Dataset) -> None:
        for band in BANDS:
            stack[band].values[-1, :16, :16] *= 0.3

    hidden = changed(shadow)
    assert hidden[:16, :16].all() and not hidden[20:, 20:].any()


def test_new_water_is_no_shadow() -> None:
    def pond(stack: xr.Dataset) -> None:
        for band, level in zip(BANDS, (0.03, 0.03, 0.02, 0.01), strict=True):
            stack[band].values[-1][SQUARE] = level

    assert not changed(pond)[SQUARE].any()


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_snow_and_thick_cloud_are_too_bright_to_be_ground(level: float) -> None:
    def white(stack: xr.Dataset) -> None:
        for band in BANDS:
            stack[band].values[-1][SQUARE] = level

    hidden = changed(white)
    assert hidden[SQUARE].all() and hidden.sum() < SIDE * SIDE / 4


def test_without_looks_of_the_season_only_brightness_speaks() -> None:
    stack = optical_stack(lags=(150, 160, 170, 180, 190))
    stack["B02"].values[-1] += 0.1
    assert not veiled(stack, SETTINGS).any()
