"""The inversion: what it gives back, what missing pairs, loops and parts of a network do, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.deformation import Pair
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.invert import PRIOR, InvertOptions, commonest, invert, invert_block
from sat_monitor.deformation.network import Network, pairs_to_order
from sat_monitor.deformation.shelf import INDEX, get_motion, get_stack, put_motion, put_stack
from tests.insar_world import DAYS, WAVELENGTH_M, sinking, stack_of

PLAIN = InvertOptions(weighted=False, loops=False, corrections=False, referenced=False, min_coherence=0.0)


@given(missing=st.floats(0.0, 0.3), seed=st.integers(0, 2**16))
def test_any_pattern_of_missing_pairs_gives_back_the_curve_where_the_days_stay_tied(missing: float, seed: int) -> None:
    curve = sinking()
    stack = stack_of(curve)
    gone = np.random.default_rng(seed).random(stack.displacement_m.shape) < missing
    stack.displacement_m[gone] = np.nan
    steps = [k for k, pair in enumerate(stack.pairs) if pair.days == 12]
    stack.displacement_m[steps] = stack_of(curve).displacement_m[steps]

    motion = invert(stack, PLAIN)

    np.testing.assert_allclose(motion.displacement_m, curve, atol=1e-5)
    np.testing.assert_allclose(motion.velocity_m_per_yr[3, 3], -0.05, atol=1e-4)


def test_the_kernel_is_a_dense_solution_with_its_variances() -> None:
    days = [date(2024, 1, 1) + timedelta(days=12 * n + n % 3) for n in range(9)]
    net = Network.of([Pair(days[i], days[j], None, "", "") for i in range(9) for j in range(i + 1, min(i + 4, 9))])
    rng = np.random.default_rng(1)
    pairs = rng.normal(0.0, 0.01, (len(net.first), 300)).astype(np.float32)
    weights = rng.uniform(0.5, 5.0, pairs.shape).astype(np.float32)
    pairs[rng.random(pairs.shape) < 0.15] = np.nan
    found, short = (invert_block(pairs, weights, net, variances=each) for each in (True, False))
    np.testing.assert_array_equal(found.displacement, short.displacement)
    step = np.diff(net.years) / np.median(np.diff(net.years))
    slope = np.linalg.pinv(np.stack([np.ones_like(net.years), net.years], axis=1))[1, 1:]
    ties = (np.eye(8) - np.eye(8, k=-1)) / step[:, None]
    for n in (0, 150, 299):
        good = np.isfinite(pairs[:, n])
        w = np.where(good, weights[:, n], 0.0).astype(np.float64)
        normal = net.design.T @ (w[:, None] * net.design) + PRIOR * w.mean() * ties.T @ ties
        inverse = np.linalg.inv(normal)
        solution = inverse @ net.design.T @ (w * np.where(good, pairs[:, n], 0.0))
        np.testing.assert_allclose(found.displacement[1:, n], solution, atol=1e-6)
        np.testing.assert_allclose(found.variance[1:, n], np.diag(inverse), rtol=1e-4)
        np.testing.assert_allclose(found.misfit[3, n], slope @ inverse @ slope, rtol=1e-4)


def test_a_pixel_with_too_few_pairs_is_not_measured_rather_than_stable() -> None:
    stack = stack_of(sinking())
    stack.displacement_m[3:, 8, 8] = np.nan

    motion = invert(stack, PLAIN)

    assert np.isnan(motion.displacement_m[:, 8, 8]).all()
    assert np.isnan(motion.velocity_m_per_yr[8, 8])
    assert np.isfinite(motion.velocity_m_per_yr[8, 9])


def test_a_network_in_two_parts_is_said_and_spanned_by_the_least_velocity() -> None:
    stack = stack_of(sinking(), cut=5)

    motion = invert(stack, PLAIN)

    assert Network.of(stack.pairs).rank == len(DAYS) - 2
    assert any("falls into 2 parts" in remark for remark in motion.remarks)
    steps = np.diff(motion.displacement_m[:, 3, 3])
    assert abs(steps[4]) < abs(steps[3]) / 2


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_whole_cycle_in_one_pair_is_repaired(sign: int) -> None:
    curve = sinking()
    stack = stack_of(curve)
    middle = next(k for k, pair in enumerate(stack.pairs) if pair.before == DAYS[4] and pair.days == 24)
    stack.displacement_m[middle, 4:9, 4:9] += np.float32(sign * WAVELENGTH_M / 2)

    motion = invert(stack, replace(PLAIN, loops=True))

    np.testing.assert_allclose(motion.displacement_m, curve, atol=1e-5)
    assert any("25 unwrapping errors repaired, 0 pairs" in remark for remark in motion.remarks)


def test_half_a_cycle_is_never_repaired_as_one() -> None:
    stack = stack_of(sinking())
    stack.displacement_m[7, 8, 8] += np.float32(0.55 * WAVELENGTH_M / 2)

    motion = invert(stack, replace(PLAIN, loops=True))

    assert any(" 0 unwrapping errors repaired" in remark for remark in motion.remarks)


def test_least_absolute_misfits_resist_one_wild_pair() -> None:
    curve = sinking()
    stack = stack_of(curve)
    stack.displacement_m[9] += np.float32(0.02)

    plain, robust = invert(stack, PLAIN), invert(stack, replace(PLAIN, robust=True))

    assert np.abs(robust.displacement_m - curve).max() < np.abs(plain.displacement_m - curve).max() / 4


def test_the_reference_is_stable_ground_and_offsets_of_pairs_do_not_matter() -> None:
    curve = sinking()
    stack = stack_of(curve)
    stack.displacement_m[:] += np.random.default_rng(1).normal(0, 0.05, (len(stack.pairs), 1, 1)).astype(np.float32)

    motion = invert(stack)

    assert motion.reference is not None
    assert curve[:, *motion.reference].max() == curve[:, *motion.reference].min() == 0.0
    np.testing.assert_allclose(motion.displacement_m, curve, atol=1e-4)


@pytest.mark.parametrize("reference", [(99, 0), (0, -1), (8, 8)])
def test_a_reference_without_a_measurement_is_refused(reference: tuple[int, int]) -> None:
    stack = stack_of(sinking())
    stack.displacement_m[:, 5:12, 5:12] = np.nan

    with pytest.raises(DeformationError, match="E2208"):
        invert(stack, InvertOptions(reference=reference))


def test_a_frame_that_was_hardly_measured_has_no_reference() -> None:
    stack = stack_of(sinking())
    stack.displacement_m[:, ::2] = np.nan

    with pytest.raises(DeformationError, match="E2208"):
        invert(stack)


def test_the_commonest_value_is_the_dense_one_and_not_the_middle() -> None:
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(0.1, 0.001, 400), rng.uniform(-1.0, 0.0, 600)]).astype(np.float32)

    assert commonest(values) == pytest.approx(0.1, abs=0.003)


def test_pairs_to_order_tie_all_days_and_hold_long_ones() -> None:
    days = [date(2026, 1, 1) + timedelta(days=12 * i) for i in range(20)]

    found = pairs_to_order(days)

    network = Network.of([Pair(one, other, None, "", "") for one, other in found])
    assert network.rank == len(days) - 1
    assert {12, 24, 36, 48, 96} <= {(other - one).days for one, other in found}


def test_what_is_kept_is_what_was_had(tmp_path: Path) -> None:
    stack = stack_of(sinking())
    motion = invert(stack)

    sha256 = put_stack(tmp_path / "stack", stack)
    put_motion(tmp_path / "motion", motion, sha256)
    again, back = get_stack(tmp_path / "stack"), get_motion(tmp_path / "motion")

    assert (again.pairs, again.frame, again.geometry) == (stack.pairs, stack.frame, stack.geometry)
    np.testing.assert_array_equal(again.displacement_m, stack.displacement_m)
    assert (back.days, back.reference, back.remarks) == (motion.days, motion.reference, motion.remarks)
    np.testing.assert_array_equal(back.velocity_m_per_yr, motion.velocity_m_per_yr)


def test_a_kept_file_that_was_changed_is_not_used(tmp_path: Path) -> None:
    put_stack(tmp_path, stack_of(sinking()))
    with (tmp_path / "displacement_m.tif").open("ab") as file:
        file.write(b"\0")

    with pytest.raises(DeformationError, match="E2207"):
        get_stack(tmp_path)
    (tmp_path / INDEX).unlink()
    with pytest.raises(DeformationError, match="E2207"):
        get_stack(tmp_path)


def test_mexico_city_sinks_as_a_plain_solution_says(shared_data: Callable[[str], Path]) -> None:
    from sat_monitor.deformation.interferograms import read_stack

    stack = read_stack(shared_data("insar_mexico_city"))
    network = Network.of(stack.pairs)
    assert (network.rank, len(network.triangles)) == (12, 24)
    common = np.isfinite(stack.displacement_m).all(axis=0)
    plain = np.linalg.lstsq(network.design, stack.displacement_m[:, common].astype(np.float64), rcond=None)[0]

    bare = invert(stack, PLAIN)
    motion = invert(stack)

    assert np.abs(bare.displacement_m[1:, common] - plain).max() < 1e-4
    assert float(np.sqrt(np.nanmean(motion.residual_m**2))) <= 1.5e-3
    assert any(" 0 unwrapping errors repaired" in remark for remark in motion.remarks)
    low, high = np.nanpercentile(motion.velocity_m_per_yr * 1e3, [1, 99])
    assert -307 < low - high < -277


def test_the_velocity_without_corrections_is_kept_and_the_difference_told() -> None:
    curve = sinking((24, 24))
    years = np.array([(day - DAYS[0]).days / 365.25 for day in DAYS], np.float32)
    tilt = np.linspace(-0.004, 0.004, 24, dtype=np.float32)
    stack = stack_of(curve + years[:, None, None] * tilt)
    wide = replace(stack, frame=replace(stack.frame, transform=(300_000.0, 2000.0, 0.0, 3_950_000.0, 0.0, -2000.0)))

    small, large = invert(stack, InvertOptions(min_coherence=0.0)), invert(wide, InvertOptions(min_coherence=0.0))

    left, raw = large.velocity_m_per_yr[20], large.velocity_uncorrected_m_per_yr[20]
    assert np.ptp(left) < 1e-4
    assert np.ptp(raw) == pytest.approx(0.008, rel=0.02)
    assert sum("without corrections" in remark for remark in large.remarks) == 1
    np.testing.assert_array_equal(small.velocity_uncorrected_m_per_yr, small.velocity_m_per_yr)
    assert not any("without corrections" in remark for remark in small.remarks)
