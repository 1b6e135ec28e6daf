"""What the optical detector calls seen, bare, water and suspect, and what a fold takes from its looks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from sat_monitor.change_detect.detector import BlockScores
from sat_monitor.change_detect.evidence import empty_state, log_likelihood_ratio, update
from sat_monitor.change_detect.optical import OpticalDetector
from sat_monitor.change_detect.windows import day_number
from sat_monitor.core.domain import ChangeMap, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import Profile
from sat_monitor.fold import LookFold
from sat_monitor.imagery.relief import slope_and_aspect
from sat_monitor.imagery.terrain import Terrain
from tests.stacks import SIDE, SQUARE, change_square, optical_stack, score
from tests.ticket_world import scene

PROFILE = Profile()
GRID = Grid(32654, 350_000.0, 3_950_000.0, 10.0, SIDE, SIDE)


def block_of(stack: xr.Dataset) -> BlockScores:
    return score(OpticalDetector(), stack).block


def change_of(block: BlockScores) -> ChangeMap:
    return ChangeMap("o@2", "s", (), GRID, block.score, "sigma", block.valid, block.depth_looks, block.layers)


def test_blue_is_read_wherever_there_is_one() -> None:
    bands = OpticalDetector().bands(scene("2026-07-01", Sensor.S2), ("B02", "B03", "B04", "B08", "SCL"))
    assert bands == ("B04", "B08", "SCL", "B02")


def test_a_bright_fill_that_is_called_cloud_is_scored_and_marked() -> None:
    stack = change_square(optical_stack())
    stack["SCL"].values[-1][SQUARE] = 8.0
    stack["clear"].values[-1] = False
    # Elsewhere the mask of the reader stands: only the square and its buffer were hidden.
    stack["clear"].values[-1] = True
    rows, cols = SQUARE
    stack["clear"].values[-1, rows.start - 2 : rows.stop + 2, cols.start - 2 : cols.stop + 2] = False
    block = block_of(stack)
    assert (block.layers["suspect_bright"].values[SQUARE] == 1.0).all()
    assert np.median(block.score[SQUARE]) > 3.1 and block.layers["suspect_bright"].values[0, 0] == 0.0


def test_a_cloud_over_half_of_the_place_stays_hidden() -> None:
    stack = optical_stack()
    stack["SCL"].values[-1, : SIDE // 2] = 9.0
    stack["clear"].values[-1, : SIDE // 2] = False
    assert not block_of(stack).valid[: SIDE // 2].any()


def test_a_look_at_bare_ground_says_more_than_one_at_thinned_forest() -> None:
    bare, thinned = change_square(optical_stack()), optical_stack()
    for name in ("B04", "B08", "B11"):
        half = (change_square(optical_stack())[name].values[-1] + thinned[name].values[-1]) / 2.0
        thinned[name].values[-1] = half
    most = [
        float(log_likelihood_ratio(change_of(block_of(s)), Sensor.S2, PROFILE.evidence)[SQUARE].max())
        for s in (bare, thinned)
    ]
    assert most[0] > PROFILE.evidence.max_gain >= most[1]


def test_new_water_is_water_and_never_bare() -> None:
    stack = optical_stack()
    for name, level in (("B02", 0.03), ("B04", 0.03), ("B08", 0.02), ("B11", 0.01)):
        stack[name].values[-1][SQUARE] = level
    layers = block_of(stack).layers
    assert (layers["water"].values[SQUARE] == 1.0).all() and not layers["bare"].values[SQUARE].any()


def admitted(change: ChangeMap, at: str, terrain: Terrain | None = None, seen_before: bool = False) -> ChangeMap:
    look = replace(scene(at, Sensor.S2), grid=GRID)
    state = empty_state(GRID.shape, PROFILE.evidence, GRID.pixel_m)
    if seen_before:
        state, _ = update(state, change, Sensor.S2, day_number(look.acquired_at), PROFILE)
    fold = SimpleNamespace(_bench=SimpleNamespace(terrain=terrain, profile=PROFILE))
    return LookFold._admitted(fold, change, look, state)  # type: ignore[arg-type]


def test_a_second_scene_of_the_same_day_adds_nothing() -> None:
    change = change_of(block_of(optical_stack()))
    assert admitted(change, "2026-07-01").valid.all()
    assert not admitted(change, "2026-07-01", seen_before=True).valid.any()


@pytest.mark.parametrize(("at", "seen"), [("2026-12-21", False), ("2026-06-21", True)])
def test_a_north_slope_is_not_observed_in_winter_and_is_in_summer(at: str, seen: bool) -> None:
    # A slope of 35 degrees that falls to the north, above level ground.
    height = np.maximum(0.0, np.arange(SIDE + 2)[:, None] - 40.0) * 7.0 * np.ones((1, SIDE + 2))
    slope, aspect = slope_and_aspect(height.astype(np.float32), 10.0)
    terrain = Terrain(GRID, height[1:-1, 1:-1].astype(np.float32), slope, aspect, "test", "0" * 64)
    valid = admitted(change_of(block_of(optical_stack())), at, terrain).valid
    assert valid[50:].all() == seen and valid[:10].all()
    assert valid[50:].any() == seen
