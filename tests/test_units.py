"""Formulas of dB, area and reflectance against textbook values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sat_monitor.core.units import (
    DB_PER_NEPER,
    db_to_power,
    dn_to_reflectance,
    edge_area_error_m2,
    pixel_area_m2,
    power_to_db,
    speckle_sd_db,
)

POWERS = hnp.arrays(np.float32, st.integers(1, 30), elements=st.floats(2.0**-20, 2.0**10, width=32))


@pytest.mark.parametrize(("power", "db"), [(1.0, 0.0), (2.0, 3.0103), (0.5, -3.0103), (10.0, 10.0), (0.01, -20.0)])
def test_decibels_have_their_textbook_values(power: float, db: float) -> None:
    assert power_to_db(power) == pytest.approx(db, abs=1e-4)
    assert db_to_power(db) == pytest.approx(power, rel=1e-4)


@given(POWERS)
def test_power_survives_decibels_and_keeps_its_order(power: np.ndarray) -> None:
    db = power_to_db(power)
    assert db.dtype == np.float32 and db_to_power(db).dtype == np.float32
    assert db_to_power(db) == pytest.approx(power, rel=1e-5)
    assert np.array_equal(db[np.argsort(power, kind="stable")], np.sort(db))


@given(POWERS, st.floats(-30.0, 30.0))
def test_a_gain_in_decibels_is_added(power: np.ndarray, gain_db: float) -> None:
    gained = power_to_db((power * np.float32(db_to_power(gain_db))).astype(np.float32))
    assert gained == pytest.approx(power_to_db(power) + gain_db, abs=1e-4)


@pytest.mark.parametrize("nothing", [0.0, -0.001, float("nan")])
def test_no_backscatter_has_no_decibels(nothing: float) -> None:
    assert np.isnan(power_to_db(nothing))
    assert np.array_equal(np.isnan(power_to_db(np.array([nothing, 1.0], np.float32))), [True, False])


def test_speckle_of_one_look_spreads_as_in_the_textbook() -> None:
    # Ulaby, Moore and Fung: 5.57 dB for one look of Rayleigh fading.
    assert speckle_sd_db(1.0) == pytest.approx(5.57, abs=0.01)
    assert speckle_sd_db(4.4) == pytest.approx(2.2, abs=0.1)


@pytest.mark.parametrize("enl", [1.0, 4.4, 25.0])
def test_drawn_speckle_spreads_as_the_formula_says(enl: float) -> None:
    drawn = np.random.default_rng(1).standard_gamma(enl, 200_000) / enl
    assert speckle_sd_db(enl) == pytest.approx(float(power_to_db(drawn.astype(np.float32)).std()), rel=0.01)


def test_many_looks_spread_like_their_inverse_root() -> None:
    assert speckle_sd_db(400.0) == pytest.approx(DB_PER_NEPER / np.sqrt(400.0), rel=0.002)


def test_areas_have_the_values_of_the_method() -> None:
    assert pixel_area_m2(10.0) == 100.0 and pixel_area_m2(20.0) == 400.0
    # METHOD 13: about 270 m2 at 500 m2, whose square is 22 m wide.
    assert edge_area_error_m2(4 * 22.4, 3.0) == pytest.approx(270.0, abs=2.0)


def test_reflectance_takes_the_offset_once() -> None:
    dn = np.array([0.0, 1000.0, 4500.0], np.float32)
    assert dn_to_reflectance(dn, 0.0) == pytest.approx([0.0, 0.1, 0.45])
    assert dn_to_reflectance(dn, -1000.0) == pytest.approx([-0.1, 0.0, 0.35])
    assert dn_to_reflectance(dn, 0.0).dtype == np.float32
