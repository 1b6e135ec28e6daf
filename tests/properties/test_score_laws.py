"""Laws of scores: a sigma is a sigma on ground that does not change, and a rain day makes no site (METHOD 2 and 6)."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_monitor.change_detect.detector import Detector
from sat_monitor.change_detect.optical import OpticalDetector
from sat_monitor.change_detect.sar import SarDetector
from sat_monitor.core.domain import INSTRUMENTS, FloatArray, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import Profile
from tests.field_world import GRID, Told, change_of, fold_of, scene_of, told_to
from tests.stacks import SIDE, STACKS, sar_stack, score

DETECTORS: dict[Sensor, Detector] = {Sensor.S1: SarDetector(), Sensor.S2: OpticalDetector()}
#: Nominal shares above 2.3 and 3.1 sigma.
NOMINAL = {line: 1.0 - NormalDist().cdf(line) for line in (2.3, 3.1)}
#: Levels of open ground, forest and town, linear gamma0, in three bands of rows.
LEVELS = (0.06, 0.15, 0.4)
COVER = np.broadcast_to((np.arange(SIDE) * len(LEVELS) // SIDE)[:, None], (SIDE, SIDE))


def unchanged(sensor: Sensor, **ground: float) -> FloatArray:
    """Scores of ground that does not change, several places pooled: neighbours say nearly the same, one place says little."""
    parts = []
    for seed in range(4):
        block = score(DETECTORS[sensor], STACKS[sensor](seed=seed, side=128, **ground)).block
        parts.append(block.score[block.valid])
    return np.concatenate(parts)


@pytest.mark.parametrize("sensor", INSTRUMENTS)
def test_nominal_and_actual_false_alarm_rates_agree_within_a_factor_of_two(sensor: Sensor) -> None:
    scores = unchanged(sensor)
    for line, nominal in NOMINAL.items():
        assert nominal / 2.0 <= (scores > line).mean() <= nominal * 2.0


@pytest.mark.parametrize(("sensor", "restless"), [(Sensor.S1, 0.0), (Sensor.S2, 0.03)])
def test_ground_quieter_than_the_priors_alarms_less_often_never_more(sensor: Sensor, restless: float) -> None:
    scores = unchanged(sensor, restless=restless)
    for line, nominal in NOMINAL.items():
        assert (scores > line).mean() <= nominal


def of_three_covers(seed: int, gains_db: tuple[float, ...]) -> xr.Dataset:
    """A stack of open ground, forest and town on whose tested look each has gained `gains_db`."""
    stack = sar_stack(seed=seed)
    half = np.where(np.arange(SIDE)[:, None] < SIDE // 2, 0.06, 0.15)  # the levels that `sar_stack` gives
    for band in ("VV", "VH"):
        values = stack[band].values
        values *= (np.array(LEVELS)[COVER] / half).astype(np.float32)
        values[-1] *= (10.0 ** (np.array(gains_db)[COVER] / 10.0)).astype(np.float32)
    return stack


gains = st.tuples(*[st.floats(0.0, 3.0)] * len(LEVELS))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), gains)
def test_a_fortnight_of_rain_makes_no_site(seed: int, gains_db: tuple[float, ...]) -> None:
    """Three looks in a row after rain, each cover up by as much as 3 dB: no patch, so no site, hit or ticket."""
    grid = Grid(GRID.epsg, GRID.x0, GRID.y0, GRID.pixel_m, SIDE, SIDE)
    fold = fold_of(Profile(), grid=grid)
    for number in range(3):
        block = score(SarDetector(), of_three_covers(seed + number, gains_db)).block
        scene = scene_of(number, Sensor.S1, grid)
        bare = np.zeros(grid.shape, np.float32)
        told_to(fold, [Told(scene, change_of(scene, block.score, block.valid, bare))])
    assert fold.table.sites == {}


def test_ground_that_did_change_in_such_a_fortnight_is_found() -> None:
    """The law above would hold for a detector that sees nothing."""
    grid = Grid(GRID.epsg, GRID.x0, GRID.y0, GRID.pixel_m, SIDE, SIDE)
    fold = fold_of(Profile(), grid=grid)
    for number in range(6):
        stack = of_three_covers(number, (2.0, 1.0, 0.0))
        for band, fall_db in (("VV", -4.5), ("VH", -6.0)):
            stack[band].values[-1, 30:42, 28:40] *= np.float32(10 ** (fall_db / 10.0))
        block = score(SarDetector(), stack).block
        scene = scene_of(number, Sensor.S1, grid)
        told_to(fold, [Told(scene, change_of(scene, block.score, block.valid, np.zeros(grid.shape, np.float32)))])
    assert len(fold.table.sites) == 1
