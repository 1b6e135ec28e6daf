"""How usual bare ground is: spells are counted as a plain loop counts them, and fields do not pass for works."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_monitor.change_detect.fallow import (
    ODD_SHARE,
    Lines,
    layers_of,
    spells_of,
    stays_on_fields,
    usual_share,
)
from sat_monitor.core.domain import ChangeMap, Layer
from sat_monitor.core.grid import Grid

SHAPE = (40, 40)
GRID = Grid(32654, 380_000.0, 3_960_000.0, 10.0, SHAPE[1], SHAPE[0])
LINES = Lines(0.3, -0.05)
NEVER = np.iinfo(np.int32).max
DAY = 20_000
STAYS = 0.8


def habit(before: np.ndarray, stays: np.ndarray | float = STAYS, spell: np.ndarray | float = 60.0) -> ChangeMap:
    """A look over ground of that habit, seen everywhere."""
    planes = {"bare_before": before, "bare_stays": stays, "bare_spell": spell}
    layers = {name: Layer(np.broadcast_to(np.float32(plane), SHAPE), "1") for name, plane in planes.items()}
    seen = np.ones(SHAPE, bool)
    return ChangeMap("o@1", "s", (), GRID, np.ones(SHAPE, np.float32), "sigma", seen, np.ones(SHAPE, np.int16), layers)


def spell_of(days: int) -> np.ndarray:
    return np.full(SHAPE, DAY - days, np.int32)


@given(st.lists(st.sampled_from("gb-s"), min_size=1, max_size=30), st.integers(0, 30))
@settings(max_examples=60)
def test_spells_are_counted_as_a_plain_loop_counts_them(looks: list[str], last: int) -> None:
    """g: green, b: bare, -: cloud, s: low NDVI without the soil's short-wave signal."""
    values = {"g": (0.7, -0.3), "b": (0.15, 0.1), "-": (np.nan, np.nan), "s": (0.15, -0.3)}
    ndvi, soil = (np.array([[[values[look][i]]] for look in looks], np.float32) for i in (0, 1))
    days = np.arange(len(looks), dtype=np.int32) * 5 + 1
    found = spells_of(ndvi, soil, days, np.full((1, 1), days[0] + 5 * last, np.int32), LINES)
    clear = [(int(day), look == "b") for day, look in zip(days, looks, strict=True) if look != "-"]
    clear = [(day, bare) for day, bare in clear if day <= days[0] + 5 * last]
    after = [now for (_, was), (_, now) in pairwise(clear) if was]
    longest, since = 0, None
    for day, bare in clear:
        longest = max(longest, day - since) if since is not None else longest
        since = (since if since is not None else day) if bare else None
    assert (found.looks[0, 0], found.bare[0, 0]) == (len(clear), sum(bare for _, bare in clear))
    assert (found.after[0, 0], found.again[0, 0], found.longest[0, 0]) == (len(after), sum(after), longest)


def test_a_scene_says_how_long_its_fields_stay_bare() -> None:
    days = np.arange(60, dtype=np.int32) * 5
    short = np.where(np.arange(60) % 6 < 2, 0.1, 0.7).astype(np.float32)[:, None, None] * np.ones(
        (1, 20, 20), np.float32
    )
    long = np.where(np.arange(60) % 30 < 12, 0.1, 0.7).astype(np.float32)[:, None, None] * np.ones(
        (1, 20, 20), np.float32
    )
    nothing, all_days = np.zeros((0, 20, 20), np.float32), np.full((20, 20), NEVER, np.int32)
    stays = [stays_on_fields([spells_of(ndvi, nothing, days, all_days, LINES)]) for ndvi in (short, long)]
    assert stays[0] == pytest.approx(0.5, abs=0.05) and stays[1] == pytest.approx(11 / 12, abs=0.05)
    kept = layers_of(spells_of(long, nothing, days, all_days, LINES), stays[1])
    assert kept["bare_before"][0, 0] == pytest.approx(0.4) and kept["bare_spell"][0, 0] == 60.0


def test_a_field_in_its_usual_spell_explains_itself_and_forest_never_does() -> None:
    field = usual_share(habit(np.full(SHAPE, 0.3)), spell_of(30), DAY)
    forest = usual_share(habit(np.zeros(SHAPE)), spell_of(30), DAY)
    np.testing.assert_allclose(field, STAYS, rtol=1e-6)
    np.testing.assert_allclose(forest, ODD_SHARE, rtol=1e-6)
    begins = usual_share(habit(np.full(SHAPE, 0.3)), np.zeros(SHAPE, np.int32), DAY)
    np.testing.assert_allclose(begins, 0.3, rtol=1e-6)


def test_a_spell_older_than_any_before_is_no_habit() -> None:
    ages = [30, 100, 110, 400]
    usual = [float(usual_share(habit(np.full(SHAPE, 0.3)), spell_of(age), DAY)[5, 5]) for age in ages]
    assert usual[0] == usual[1] == pytest.approx(STAYS) and usual[2] == usual[3] <= 0.2 + 1e-6


def test_a_field_that_clouds_always_hid_shares_the_habit_of_its_surroundings() -> None:
    among_fields, in_forest = np.full(SHAPE, 0.3), np.zeros(SHAPE)
    among_fields[20, 20] = 0.0
    shares = [float(usual_share(habit(b), spell_of(20), DAY)[20, 20]) for b in (among_fields, in_forest)]
    assert shares[0] > 10 * shares[1]


def test_roads_and_roofs_are_no_fields_and_lend_no_habit() -> None:
    town = np.full(SHAPE, 0.95)
    town[20, 20] = 0.0
    assert usual_share(habit(town), spell_of(20), DAY)[20, 20] == pytest.approx(ODD_SHARE)


def test_ground_that_was_not_seen_lends_nothing() -> None:
    look = habit(np.full(SHAPE, 0.3))
    hidden = ChangeMap(
        look.detector,
        look.scene_id,
        (),
        GRID,
        look.score,
        "sigma",
        np.zeros(SHAPE, bool),
        look.depth_looks,
        look.layers,
    )
    np.testing.assert_allclose(usual_share(hidden, spell_of(20), DAY), ODD_SHARE, rtol=1e-6)
