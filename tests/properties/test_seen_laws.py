"""Laws of what an optical look sees: suspicion is counted causally, a lower sun never lights more ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_monitor.change_detect.suspect import LAYER, admitted, counted
from sat_monitor.core.domain import Layer
from sat_monitor.core.profile import OpticalSettings
from sat_monitor.imagery.illumination import Sun, cast_shadow
from tests.test_suspect import GRID, change

SETTINGS = OpticalSettings()


@given(st.lists(st.booleans(), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_a_place_is_hidden_exactly_on_its_first_suspect_looks_whatever_comes_later(flags: list[bool]) -> None:
    looks, suspect = np.zeros(GRID.shape, np.int16), 0
    for flag in flags:
        layer = Layer(np.full(GRID.shape, float(flag), np.float32), "1")
        look = replace(change(), layers={LAYER: layer})
        suspect += flag
        assert admitted(look, looks, SETTINGS).valid.all() == (not flag or suspect >= SETTINGS.suspect_looks)
        looks = counted(looks, look)
    assert (looks == suspect).all()


@given(st.integers(0, 2**31), st.floats(0.0, 359.9), st.floats(5.0, 60.0), st.floats(1.0, 25.0))
@settings(max_examples=40, deadline=None)
def test_a_lower_sun_leaves_every_shadow_and_may_add_some(seed: int, azimuth: float, high: float, less: float) -> None:
    height = np.random.default_rng(seed).gamma(1.0, 20.0, (24, 31)).astype(np.float32)
    above, below = (cast_shadow(height, 10.0, Sun(e, azimuth)) for e in (high, max(1.0, high - less)))
    assert (below | ~above).all()


@given(st.integers(0, 2**31), st.floats(5.0, 60.0))
@settings(max_examples=30, deadline=None)
def test_shadows_turn_with_the_terrain(seed: int, elevation: float) -> None:
    height = np.random.default_rng(seed).gamma(1.0, 20.0, (20, 20)).astype(np.float32)
    south = cast_shadow(height, 10.0, Sun(elevation, 180.0))
    # A quarter turn to the left takes what lay in the south to the east.
    east = cast_shadow(np.ascontiguousarray(np.rot90(height)), 10.0, Sun(elevation, 90.0))
    assert np.array_equal(np.rot90(south), east)
