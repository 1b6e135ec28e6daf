"""Curves on tickets: every point is on the picture, and the same points give the same bytes."""

from __future__ import annotations

import io
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sat_monitor.tickets.curve import Curve, CurvePoint, draw_curve


def blue(content: bytes) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    return np.argwhere((abs(pixels - (11, 87, 164)) < 24).all(axis=2))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 900), st.floats(-1e5, 1e5), st.floats(0, 1e4)), min_size=1, max_size=30))
def test_any_points_fit_the_picture(rows: list[tuple[int, float, float]]) -> None:
    points = tuple(CurvePoint(date(2024, 1, 1) + timedelta(days=d), v, e) for d, v, e in sorted(rows))
    found = blue(draw_curve(Curve("title (mm)", points)))
    assert len(found) > 20
    assert found[:, 0].min() > 40 and found[:, 0].max() < 350 and found[:, 1].min() > 100


def test_a_rising_value_rises_on_the_picture() -> None:
    points = tuple(CurvePoint(date(2024, 1, 1) + timedelta(days=30 * n), 100.0 * n) for n in range(8))
    found = blue(draw_curve(Curve("area", points)))
    left, right = found[found[:, 1] < 400], found[found[:, 1] > 800]
    assert left[:, 0].mean() > right[:, 0].mean() + 100


def test_the_same_curve_gives_the_same_bytes_and_no_point_is_refused() -> None:
    curve = Curve("x" * 500 + "\ud800", (CurvePoint(date(2024, 1, 1), 0.0),), ((date(2024, 3, 1), "mark"),), "模擬")
    assert draw_curve(curve) == draw_curve(curve)
    with pytest.raises(ValueError, match="a point"):
        draw_curve(Curve("empty", ()))
