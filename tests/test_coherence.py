"""Coherence as evidence: a lasting gain is idle bare ground, repeated loss on bare ground is work; forest says nothing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from sat_monitor.core.deformation import Pair, PairStack
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.coherence import Activity, coherence_change, work_areas
from sat_monitor.deformation.place import pixel_area_m2
from tests.insar_world import sinking, stack_of


def stack(pairs: int = 12) -> PairStack:
    """Pairs of 12 days over ground (10, 10): row 0 becomes idle, row 1 is at work, the rest stays as it was."""
    rng = np.random.default_rng(2)
    coherence = np.clip(rng.normal(0.45, 0.03, (pairs, 10, 10)), 0, 1).astype(np.float32)
    coherence[-6:, 0] += 0.3
    coherence[-4:, 1] = 0.2
    days = [date(2025, 1, 1) + timedelta(days=12 * n) for n in range(pairs + 1)]
    made = stack_of(sinking((10, 10)))
    listed = tuple(Pair(one, other, 0.0, "", "") for one, other in itertools.pairwise(days))
    return replace(made, pairs=listed, displacement_m=np.zeros_like(coherence), coherence=coherence)


def test_a_gain_is_idle_ground_and_repeated_loss_on_bare_ground_is_work() -> None:
    bare = np.zeros((10, 10), bool)
    bare[:3] = True
    found = coherence_change(stack(), bare, None)
    assert (found.classes[0] == Activity.IDLE_BARE).all() and (found.classes[1] == Activity.AT_WORK).all()
    assert (found.classes[2:] == Activity.UNCHANGED).all()
    assert [area.area for area in work_areas(found, stack().frame)] == [
        pytest.approx(10 * pixel_area_m2(stack().frame))
    ]
    assert found.gain[0].mean() == pytest.approx(0.3, abs=0.05)


def test_without_a_layer_of_bare_ground_nothing_is_called_work_and_forest_says_nothing() -> None:
    forest = np.zeros((10, 10), bool)
    forest[0] = True
    found = coherence_change(stack(), None, forest)
    assert (
        not (found.classes == Activity.AT_WORK).any() and not found.classes[0].any() and np.isnan(found.gain[0]).all()
    )


def test_too_few_short_pairs_are_told() -> None:
    with pytest.raises(DeformationError, match=r"E2207.*8 are needed"):
        coherence_change(stack(5), None, None)
    with pytest.raises(DeformationError, match="E2207"):
        coherence_change(replace(stack(), coherence=None), None, None)
