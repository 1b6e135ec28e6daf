"""Open water, hard surfaces and soil by their spectra."""

from __future__ import annotations

import numpy as np
import pytest

from sat_monitor.change_detect.cover import cover_of
from sat_monitor.change_detect.patches import PatchMeans, kind_of
from sat_monitor.core.domain import Kind
from sat_monitor.core.profile import OpticalSettings, PatchSettings

#: Reflectance of B02, B04, B08, B11.
SPECTRA = {
    "forest": (0.02, 0.02, 0.40, 0.18),
    "dry grass": (0.07, 0.13, 0.24, 0.30),
    "loam": (0.075, 0.14, 0.215, 0.295),
    "wet dark loam": (0.03, 0.05, 0.08, 0.10),
    "red clay": (0.05, 0.16, 0.235, 0.29),
    "pond": (0.04, 0.03, 0.02, 0.01),
    "muddy water": (0.08, 0.09, 0.06, 0.02),
    "concrete": (0.24, 0.28, 0.32, 0.33),
    "asphalt": (0.09, 0.105, 0.125, 0.14),
    "panels": (0.05, 0.046, 0.10, 0.14),
    "panels over soil": (0.058, 0.068, 0.127, 0.16),
    "burnt ground": (0.035, 0.05, 0.09, 0.16),
    "felled wood": (0.055, 0.09, 0.19, 0.25),
    "wood in the shade": (0.022, 0.025, 0.09, 0.05),
    "shadow": (0.02, 0.015, 0.05, 0.03),
}
WATER, HARD = {"pond", "muddy water"}, {"concrete", "asphalt", "panels", "panels over soil"}


@pytest.mark.parametrize("with_b11", [True, False])
@pytest.mark.parametrize("name", SPECTRA)
def test_each_spectrum_is_what_it_is(name: str, with_b11: bool) -> None:
    levels = dict(zip(("B02", "B04", "B08", "B11"), SPECTRA[name], strict=True))
    bands = {band: np.full((2, 2), level, np.float32) for band, level in levels.items() if with_b11 or band != "B11"}
    cover = cover_of(bands, OpticalSettings())
    assert cover.water.all() == (name in WATER) and cover.hard.all() == (name in HARD and with_b11)


def test_without_blue_and_b11_nothing_is_hard_and_nothing_known_is_nothing() -> None:
    red, infrared = np.float32([[0.28, np.nan]]), np.float32([[0.32, np.nan]])
    cover = cover_of({"B04": red, "B8A": infrared}, OpticalSettings())
    assert not cover.hard.any() and not cover.water.any()


def means(**changes: float) -> PatchMeans:
    usual = {"bare": 1.0, "fraction": 0.9, "bare_before": 0.0, "optical_gain": 5.0, "days": 60.0}
    return PatchMeans(**{**usual, **changes})


def test_kinds_follow_from_what_the_looks_showed() -> None:
    settings = PatchSettings()
    assert kind_of(means(), settings) is Kind.EARTHWORK
    assert kind_of(means(hard=0.9), settings) is Kind.CONSTRUCTION
    assert kind_of(means(hard=0.5), settings) is Kind.EARTHWORK
    assert kind_of(means(bare=0.0, water=0.9), settings) is Kind.WATER
    assert kind_of(means(bare=0.2), settings) is Kind.VEGETATION_LOSS
    assert kind_of(means(bare_before=0.4), settings) is Kind.CHANGE
    assert kind_of(means(optical_gain=0.0, hard=1.0), settings) is Kind.CHANGE
