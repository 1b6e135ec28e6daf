"""Registration: known shifts are found to a tenth of a pixel, and what shares nothing is not measured."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from sat_monitor.core.errors import SceneReject
from sat_monitor.core.profile import ImagerySettings
from sat_monitor.imagery.register import UNMEASURED, Shift, check_shift, clear_scenes, estimate_shift, shift_bands
from tests.scene_world import texture
from tests.ticket_world import scene

SHAPE = (200, 180)


def moved(picture: np.ndarray, dy: float, dx: float) -> np.ndarray:
    """Content moved down by dy and right by dx, by Fourier shift."""
    return np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(picture), (dy, dx))).real


@pytest.mark.parametrize(("dy", "dx"), [(0.0, 0.0), (0.3, -0.2), (-0.5, 0.5), (1.4, 0.6), (-3.0, 2.0)])
@pytest.mark.parametrize("clouds", [False, True])
def test_a_known_shift_is_found_to_a_tenth_of_a_pixel(dy: float, dx: float, clouds: bool) -> None:
    ground = texture(SHAPE, 1)
    one, two = ground.copy(), moved(ground, dy, dx) + 0.1 * texture(SHAPE, 2, 0.5)
    if clouds:
        one[texture(SHAPE, 3, 12.0) > 1.0] = np.nan
        two[texture(SHAPE, 4, 12.0) > 1.0] = np.nan
    shift = estimate_shift(one.astype(np.float32), two.astype(np.float32))
    assert shift.measured
    assert (shift.dy_px, shift.dx_px) == pytest.approx((dy, dx), abs=0.1)
    assert shift.residual_px < 0.1


def test_speckled_pictures_of_the_same_ground_are_measured_too() -> None:
    ground = texture(SHAPE, 1, 2.0)
    one, two = (ground + 0.6 * np.random.default_rng(s).standard_normal(SHAPE) for s in (5, 6))
    shift = estimate_shift(one.astype(np.float32), moved(two, 0.4, -0.3).astype(np.float32))
    assert shift.measured and (shift.dy_px, shift.dx_px) == pytest.approx((0.4, -0.3), abs=0.15)


@pytest.mark.parametrize("seed", range(5))
def test_pictures_that_share_nothing_are_not_measured(seed: int) -> None:
    one, two = texture(SHAPE, 10 + seed, 0.8), texture(SHAPE, 50 + seed, 0.8)
    assert not estimate_shift(one.astype(np.float32), two.astype(np.float32)).measured


def test_too_little_in_common_is_not_measured() -> None:
    picture = texture((60, 60)).astype(np.float32)
    assert estimate_shift(picture, picture) == UNMEASURED
    nothing = np.full(SHAPE, np.nan, np.float32)
    assert estimate_shift(nothing, nothing) == UNMEASURED


def test_more_than_half_a_pixel_is_refused_and_an_unmeasured_shift_is_not() -> None:
    settings = ImagerySettings()
    check_shift(Shift(0.3, 0.3, 0.02, True), settings, "s")
    check_shift(Shift(0.0, 0.0, 9.0, False), settings, "s")
    with pytest.raises(SceneReject, match=r"E1210.*0\.71 px.*0\.5 px") as caught:
        check_shift(Shift(0.5, 0.5, 0.02, True), settings, "s")
    assert caught.value.scene_id == "s"


def test_correction_undoes_a_shift_and_keeps_gaps_classes_and_sign() -> None:
    ground = (0.2 + 0.05 * texture(SHAPE, 1, 2.5)).astype(np.float32)
    late = moved(ground, 0.4, -0.3).astype(np.float32)
    late[50:60, 50:60] = np.nan
    classes = np.where(texture(SHAPE, 2) > 0, 4.0, 5.0).astype(np.float32)
    back = shift_bands({"B04": late, "SCL": classes}, Shift(0.4, -0.3, 0.01, True))
    inner = (slice(10, 40), slice(10, -10))
    assert np.abs(back["B04"][inner] - ground[inner]).max() < 0.004
    assert np.isnan(back["B04"][52:58, 52:58]).all() and np.isfinite(back["B04"][inner]).all()
    assert set(np.unique(back["SCL"])) <= {4.0, 5.0}
    assert np.nanmin(back["B04"]) >= np.nanmin(late)


def test_references_are_the_first_whole_and_clear_scenes() -> None:
    from dataclasses import replace

    scenes = [replace(scene(f"2025-0{m}-01"), cloud_fraction=c) for m, c in ((1, 0.8), (2, 0.05), (3, 0.0), (4, 0.5))]
    assert [s.id for s in clear_scenes(scenes, 5)] == ["s2-2025-02-01", "s2-2025-03-01"]
    assert [s.id for s in clear_scenes(scenes[:1], 5)] == ["s2-2025-01-01"]
    assert clear_scenes(list(reversed(scenes)), 5) == clear_scenes(scenes, 5)
