"""Clear ground from the scene classification."""

from __future__ import annotations

import numpy as np
import pytest

from sat_monitor.core.domain import FloatArray
from sat_monitor.imagery.cloud import bright_soil, clear_mask, cloud_fraction, ground_mask

CLASSES = {0: False, 1: False, 2: True, 3: False, 4: True, 5: True, 6: True, 7: True, 8: False, 9: False, 10: False}


def filled(value: float, side: int = 21) -> FloatArray:
    return np.full((side, side), value, np.float32)


@pytest.mark.parametrize(("scl", "clear"), [*CLASSES.items(), (11, False), (float("nan"), False), (99, False)])
def test_each_class_is_clear_or_not(scl: float, clear: bool) -> None:
    assert (clear_mask(filled(scl), 0) == clear).all()


@pytest.mark.parametrize("buffer_px", [0, 1, 3])
@pytest.mark.parametrize("scl", [3, 8, 9, 10])
def test_cloud_and_shadow_grow_by_the_buffer_to_all_sides(scl: int, buffer_px: int) -> None:
    classes = filled(4)
    classes[10, 10] = scl
    hidden = ~clear_mask(classes, buffer_px)
    expected = np.zeros_like(hidden)
    expected[10 - buffer_px : 11 + buffer_px, 10 - buffer_px : 11 + buffer_px] = True
    assert np.array_equal(hidden, expected)


@pytest.mark.parametrize("scl", [0, 1, 11, float("nan")])
def test_gaps_snow_and_saturation_hide_themselves_only(scl: float) -> None:
    classes = filled(4)
    classes[10, 10] = scl
    assert (~clear_mask(classes, 3)).sum() == 1


def test_the_buffer_never_leaks_into_another_time() -> None:
    classes = np.stack([filled(4), filled(9), filled(4)])
    clear = clear_mask(classes, 3)
    assert clear[0].all() and not clear[1].any() and clear[2].all()


def look(scl: float, **levels: float) -> dict[str, FloatArray]:
    return {"SCL": filled(scl), **{band: filled(level) for band, level in levels.items()}}


SOIL = {"B02": 0.10, "B04": 0.20, "B08": 0.28, "B11": 0.36}
CLOUD = {"B02": 0.50, "B04": 0.49, "B08": 0.52, "B11": 0.35}


def test_bright_bare_soil_that_scl_calls_cloud_is_ground_and_a_cloud_is_not() -> None:
    for scl in (8, 9, 10):
        assert ground_mask(look(scl, **SOIL), 2).all()
        assert not ground_mask(look(scl, **CLOUD), 2).any()


def test_soil_does_not_lift_a_shadow_snow_or_a_gap() -> None:
    for scl in (0, 3, 11):
        assert not ground_mask(look(scl, **SOIL), 0).any()


def test_soil_amid_a_cloud_stays_under_its_buffer() -> None:
    bands = look(9, **CLOUD)
    for band, level in SOIL.items():
        bands[band][10, 10] = level
    assert not ground_mask(bands, 2).any()
    assert ground_mask(bands, 0).sum() == 1


def test_without_the_bands_of_soil_the_classification_is_taken_at_its_word() -> None:
    bands = look(9, **{name: level for name, level in SOIL.items() if name != "B11"})
    assert not ground_mask(bands, 0).any()


def test_missing_and_zero_reflectance_is_no_soil_and_no_warning() -> None:
    assert not bright_soil(look(9, B02=0.0, B04=0.0, B08=0.0, B11=0.0)).any()
    assert not bright_soil(look(9, B02=np.nan, B04=0.2, B08=0.2, B11=0.3)).any()


def test_the_cloud_fraction_is_of_the_observed_pixels() -> None:
    classes = filled(4, 10)
    classes[:5] = 0.0
    classes[5] = 9.0
    classes[6, :5] = np.nan
    assert cloud_fraction(classes) == pytest.approx(10 / 45)
    assert cloud_fraction(filled(0)) == 1.0
    assert cloud_fraction(filled(4)) == 0.0
