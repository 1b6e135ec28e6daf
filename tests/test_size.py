"""What an area with its error says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.size import area_interval_m2, exceeds_probability


def test_the_probability_of_exceeding_is_a_half_at_the_limit_and_a_step_without_error() -> None:
    assert exceeds_probability(500.0, 100.0, 500.0) == pytest.approx(0.5)
    assert exceeds_probability(600.0, 100.0, 500.0) == pytest.approx(0.8413, abs=1e-4)
    assert [exceeds_probability(area, 0.0, 500.0) for area in (499.0, 500.0, 501.0)] == [0.0, 0.0, 1.0]


@given(st.floats(0.0, 1e5), st.floats(0.0, 1e4), st.floats(0.1, 0.99))
def test_an_interval_holds_its_area_and_a_surer_one_is_wider(area: float, error: float, level: float) -> None:
    narrow, wide = area_interval_m2(area, error, level), area_interval_m2(area, error, level + 0.009)
    assert 0.0 <= wide.low_m2 <= narrow.low_m2 <= area <= narrow.high_m2 <= wide.high_m2


def test_a_ninety_per_cent_interval_leaves_five_per_cent_on_either_side() -> None:
    interval = area_interval_m2(2000.0, 300.0)
    assert exceeds_probability(2000.0, 300.0, interval.high_m2) == pytest.approx(0.05)
    assert exceeds_probability(2000.0, 300.0, interval.low_m2) == pytest.approx(0.95)
