"""What farmland does by itself: other fields of the same look tell, forest and roads lend nothing, overdue ground stands out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sat_monitor.change_detect.fields import (
    ODD_ECHO,
    ODD_SHARE,
    Since,
    field_chance,
    optical_habit,
    radar_habit,
)
from sat_monitor.core.domain import ChangeMap, Layer
from sat_monitor.core.grid import Grid

SHAPE = (60, 60)
GRID = Grid(32654, 380_000.0, 3_960_000.0, 10.0, SHAPE[1], SHAPE[0])
DAY = 20_000
NONE = np.zeros(SHAPE, np.int32)
HERE = (30, 30)


def look(score: np.ndarray | float, before: np.ndarray | float = 0.3, bare: np.ndarray | float = 0.0) -> ChangeMap:
    """An optical look: score (sigma), share of earlier bare looks, bare ground now; seen everywhere."""
    planes = {"bare_before": before, "bare_spell": 60.0, "bare": bare, "soil_index": 0.0}
    layers = {name: Layer(np.broadcast_to(np.float32(plane), SHAPE), "1") for name, plane in planes.items()}
    scores = np.broadcast_to(np.float32(score), SHAPE)
    return ChangeMap("o@4", "s", (), GRID, scores, "sigma", np.ones(SHAPE, bool), np.ones(SHAPE, np.int16), layers)


def only_here(value: float, elsewhere: float = 0.0) -> np.ndarray:
    plane = np.full(SHAPE, elsewhere, np.float32)
    plane[HERE] = value
    return plane


def since(behind: int = 0, bare: int = 0) -> Since:
    """Spells that began so many days ago; 0: none."""
    return Since(*(np.full(SHAPE, DAY - days if days else 0, np.int32) for days in (behind, bare)))


def chance(before: np.ndarray | float) -> np.ndarray:
    return field_chance(look(0.0, before), np.zeros(SHAPE, np.float32))


def test_ground_that_lies_bare_at_times_is_a_field_and_forest_and_roads_are_none() -> None:
    assert chance(0.3) == pytest.approx(1.0)
    assert chance(0.0) == pytest.approx(0.0) and chance(0.95) == pytest.approx(0.0)
    meadow, wood = chance(only_here(0.0, elsewhere=0.3))[HERE], chance(only_here(0.3))[0, 0]
    assert meadow > 0.5 and wood == 0.0


def test_soil_brighter_than_the_fields_own_is_explained_only_by_fields_that_show_it_too() -> None:
    wet_day = only_here(1.1, elsewhere=0.75)
    fields, plain = chance(0.3), look(6.0, bare=1.0)
    strange = replace(plain, layers={**plain.layers, "soil_ratio": Layer(wet_day, "1")})
    known, told = (optical_habit(seen, fields, since(), DAY).usual for seen in (plain, strange))
    assert told[HERE] < 0.5 * known[HERE] and told[0, 0] == known[0, 0]
    everywhere = replace(plain, layers={**plain.layers, "soil_ratio": Layer(np.full(SHAPE, 1.5, np.float32), "1")})
    assert optical_habit(everywhere, fields, since(), DAY).usual[HERE] == known[HERE]


def test_bare_ground_is_usual_where_it_always_was() -> None:
    road = look(6.0, 0.9, bare=1.0)
    usual = optical_habit(road, chance(0.9), since(), DAY).usual
    np.testing.assert_allclose(usual, 0.9, rtol=1e-5)


def test_ground_that_was_not_seen_or_has_no_short_wave_band_keeps_what_was_known() -> None:
    known = np.full(SHAPE, 0.4, np.float32)
    plain = look(0.0)
    np.testing.assert_array_equal(field_chance(replace(plain, valid=np.zeros(SHAPE, bool)), known), known)
    bandless = replace(plain, layers={n: layer for n, layer in plain.layers.items() if n != "soil_index"})
    np.testing.assert_array_equal(field_chance(bandless, known), known)
    np.testing.assert_allclose(optical_habit(bandless, known, since(), DAY).usual, ODD_SHARE)


def test_one_field_behind_its_season_is_rarer_than_many() -> None:
    field = np.ones(SHAPE, np.float32)
    alone = optical_habit(look(only_here(5.0)), field, since(), DAY).usual[HERE]
    among_many = optical_habit(look(5.0), field, since(), DAY).usual[HERE]
    assert ODD_SHARE <= alone < 0.05 < 0.8 < among_many


def test_forest_has_no_habit_however_the_fields_are() -> None:
    field = only_here(0.0, elsewhere=1.0)
    habit = optical_habit(look(5.0), field, since(), DAY)
    assert habit.usual[HERE] == pytest.approx(ODD_SHARE) and habit.weight[HERE] == 1.0 > habit.weight[0, 0]


def test_a_field_that_lies_bare_when_all_others_are_green_is_overdue_and_one_in_spring_is_not() -> None:
    field = np.ones(SHAPE, np.float32)
    summer = look(only_here(5.0), bare=only_here(1.0))
    spring = look(5.0, bare=1.0)
    old, young = since(behind=150, bare=150), since(behind=20, bare=20)
    overdue, waiting = (optical_habit(summer, field, spell, DAY) for spell in (old, young))
    assert overdue.usual[HERE] <= 0.1 + 1e-6 < waiting.usual[HERE] + 0.1
    assert overdue.weight[HERE] == 1.0 > waiting.weight[HERE]
    many = optical_habit(spring, field, old, DAY)
    assert many.usual[HERE] > 0.8 and many.weight[HERE] < 1.0


def test_radar_says_little_of_a_field_and_what_it_says_of_forest_is_bounded() -> None:
    field = only_here(1.0)
    habit = radar_habit(look(only_here(6.0)), field, np.zeros(SHAPE, bool))
    assert habit.usual[HERE] >= 0.15 and habit.usual[0, 0] == pytest.approx(ODD_ECHO)
    again = radar_habit(look(only_here(6.0)), field, np.ones(SHAPE, bool))
    assert again.usual[HERE] >= 0.6
