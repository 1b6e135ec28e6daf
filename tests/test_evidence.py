"""The evidence field and the patches cut from it: laws of METHOD 9 and 11."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sat_monitor.change_detect.evidence import (
    EvidenceState,
    empty_state,
    log_likelihood_ratio,
    prior_log_odds,
    surely_quiet,
    update,
)
from sat_monitor.change_detect.fields import Habit
from sat_monitor.change_detect.patches import FieldLook, PatchMeans, cut_patches, kind_of
from sat_monitor.change_detect.windows import NEVER
from sat_monitor.core.domain import INSTRUMENTS, ChangeMap, Kind, Layer, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import EvidenceSettings, PatchSettings, Profile

GRID = Grid(32654, 340_000.0, 3_950_000.0, 10.0, 30, 34)
PROFILE = Profile()
DAY = 20_000
SEEDS = st.integers(0, 10_000)


def change(score: np.ndarray, sensor: Sensor = Sensor.S1, valid: np.ndarray | None = None) -> ChangeMap:
    seen = np.ones(GRID.shape, bool) if valid is None else valid
    layers = {}
    if sensor is Sensor.S2:
        units = {
            "ndvi": "1",
            "ndvi_expected": "1",
            "contrast": "sigma",
            "converted_fraction": "1",
            "bare": "1",
            "bare_before": "1",
        }
        levels = {
            "ndvi": 0.3,
            "ndvi_expected": 0.78,
            "contrast": 12.0,
            "converted_fraction": 0.8,
            "bare": 1.0,
            "bare_before": 0.0,
        }
        layers = {n: Layer(np.where(seen, levels[n], np.nan).astype(np.float32), units[n]) for n in units}
    score = np.where(seen, score, np.nan).astype(np.float32)
    return ChangeMap("d@1", "s", (), GRID, score, "sigma", seen, np.full(GRID.shape, 20, np.int16), layers)


def fresh() -> EvidenceState:
    return empty_state(GRID.shape, PROFILE.evidence, GRID.pixel_m)


def field(seed: int) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(GRID.shape), 2.0)
    return (noise / noise.std() * 3.0).astype(np.float32)


def looked(seed: int) -> FieldLook:
    """A field after one look, with random log-odds and that look's ratio."""
    ratio = field(seed + 1)
    state = replace(fresh(), log_odds=field(seed))
    return FieldLook(state, GRID, change(field(seed + 2)), ratio, (0, 0), DAY)


def test_the_prior_follows_from_the_stated_base_rate() -> None:
    low, high = (prior_log_odds(EvidenceSettings(base_rate_per_km2_year=rate), 10.0) for rate in (0.5, 5.0))
    assert high - low == pytest.approx(np.log(10.0)) and high < -5.0


@given(st.sampled_from(INSTRUMENTS), SEEDS)
@settings(max_examples=25)
def test_a_look_never_says_more_than_its_caps(sensor: Sensor, seed: int) -> None:
    look = change(field(seed) * 9, sensor)
    ratio = log_likelihood_ratio(look, sensor, PROFILE.evidence)
    bare = look.layers["bare"].values > 0.5 if "bare" in look.layers else np.zeros(ratio.shape, bool)
    most = np.where(bare, PROFILE.evidence.max_gain_bare, PROFILE.evidence.max_gain)
    assert (ratio <= most + 1e-6).all() and ratio.min() >= -PROFILE.evidence.max_loss - 1e-6


def test_a_quiet_radar_look_is_weaker_contradiction_than_a_quiet_optical_one() -> None:
    quiet = np.zeros(GRID.shape)
    radar, optical = (log_likelihood_ratio(change(quiet, s), s, PROFILE.evidence) for s in (Sensor.S1, Sensor.S2))
    assert optical.max() < radar.min() < 0.0


@pytest.mark.parametrize("sensor", INSTRUMENTS)
def test_a_blind_look_changes_nothing(sensor: Sensor) -> None:
    state = replace(fresh(), log_odds=field(3))
    after, ratio = update(state, change(field(1) * 5, sensor, np.zeros(GRID.shape, bool)), sensor, DAY, PROFILE)
    assert not ratio.any()
    for part in fields(EvidenceState):
        assert np.array_equal(getattr(after, part.name), getattr(state, part.name))


@given(st.sampled_from(INSTRUMENTS), SEEDS)
@settings(max_examples=25)
def test_what_a_look_did_not_see_stays_and_more_score_never_means_less_evidence(sensor: Sensor, seed: int) -> None:
    valid = field(seed) > 0
    state = replace(fresh(), log_odds=field(seed + 1))
    one, _ = update(state, change(np.full(GRID.shape, 1.0), sensor, valid), sensor, DAY, PROFILE)
    two, _ = update(state, change(np.full(GRID.shape, 4.0), sensor, valid), sensor, DAY, PROFILE)
    assert np.array_equal(one.log_odds[~valid], state.log_odds[~valid])
    assert (two.log_odds >= one.log_odds).all()
    assert two.log_odds[valid].max(initial=0.0) <= PROFILE.evidence.max_score


def test_nine_changes_in_ten_would_have_been_found_on_a_look_that_is_surely_quiet() -> None:
    # Contrast 12: converted ground scores 7.2 with a spread of sqrt(10).
    rng = np.random.default_rng(3)
    drawn = rng.normal(7.2, np.sqrt(10.0), GRID.shape)
    assert surely_quiet(change(drawn, Sensor.S2), Sensor.S2).mean() == pytest.approx(0.1, abs=0.03)
    assert surely_quiet(change(np.zeros(GRID.shape), Sensor.S2), Sensor.S2).all()
    assert not surely_quiet(change(np.zeros(GRID.shape)), Sensor.S1).any()
    blind = np.zeros(GRID.shape, bool)
    assert not surely_quiet(change(np.zeros(GRID.shape), Sensor.S2, blind), Sensor.S2).any()


def test_looks_of_worked_ground_raise_an_alarm_and_freeze_the_reference_and_greening_over_hardly_counts() -> None:
    state = fresh()
    for k in range(6):
        state, _ = update(state, change(np.full(GRID.shape, 8.0), Sensor.S2), Sensor.S2, DAY + 5 * k, PROFILE)
    assert state.log_odds.min() > PROFILE.evidence.alarm_score
    assert (state.frozen_day != NEVER).all() and (state.bare == 1.0).all()
    peak = state.log_odds.copy()
    for k in range(10):
        state, _ = update(state, change(np.zeros(GRID.shape), Sensor.S2), Sensor.S2, DAY + 60 + 5 * k, PROFILE)
    assert (state.log_odds > PROFILE.evidence.outline_score).all()
    assert (peak - state.log_odds <= 10 * PROFILE.evidence.max_loss * PROFILE.evidence.recovery_weight + 1e-4).all()


@given(SEEDS, st.floats(0.0, 9.0), st.floats(0.0, 9.0))
@settings(max_examples=30)
def test_raising_the_alarm_only_clears_hits_and_never_moves_an_outline(seed: int, one: float, two: float) -> None:
    low, high = sorted((one, two))
    watched = np.ones(GRID.shape, bool)
    loose, strict = (
        cut_patches(looked(seed), watched, Profile.model_validate({"evidence": {"alarm_score": alarm}}))
        for alarm in (low, high)
    )
    assert [replace(c, hit=False) for c in loose] == [replace(c, hit=False) for c in strict]
    assert {c.anchor for c in strict if c.hit} <= {c.anchor for c in loose if c.hit}


@given(SEEDS)
@settings(max_examples=30)
def test_patches_lie_apart_inside_what_is_watched_and_are_large_enough(seed: int) -> None:
    watched = field(seed + 7) > -3.0
    found = cut_patches(looked(seed), watched, PROFILE)
    assert len({c.anchor for c in found}) == len(found)
    for candidate in found:
        assert watched[candidate.anchor] and candidate.outline.is_valid
        assert candidate.area_m2 >= PROFILE.patches.min_area_m2 and candidate.area_error_m2 > 0
        assert candidate.score_max >= candidate.score_mean > PROFILE.evidence.outline_score
        assert not any(candidate.outline.overlaps(other.outline) for other in found if other is not candidate)


@given(SEEDS)
@settings(max_examples=20)
def test_a_scene_of_part_of_the_field_cuts_whole_patches(seed: int) -> None:
    whole = looked(seed)
    part = (slice(6, 26), slice(5, 29))
    small = ChangeMap("d@1", "s", (), GRID, whole.change.score[part], "sigma", whole.change.valid[part],
                      whole.change.depth_looks[part], {})  # fmt: skip
    narrow = FieldLook(whole.state, GRID, small, whole.ratio[part], (6, 5), DAY)
    watched = np.ones(GRID.shape, bool)
    outlines = {c.anchor: c.outline for c in cut_patches(whole, watched, PROFILE)}
    for candidate in cut_patches(narrow, watched, PROFILE):
        assert outlines[candidate.anchor].equals(candidate.outline)


@pytest.mark.parametrize(
    ("means", "kind"),
    [
        (PatchMeans(0.9, 0.8, 0.0, 5.0, 30), Kind.EARTHWORK),
        (PatchMeans(0.2, 0.8, 0.0, 5.0, 30), Kind.VEGETATION_LOSS),
        (PatchMeans(0.9, 0.8, 0.0, 0.0, 30), Kind.CHANGE),
        (PatchMeans(0.9, 0.1, 0.0, 5.0, 30), Kind.CHANGE),
        (PatchMeans(0.9, 0.8, 0.4, 5.0, 30), Kind.CHANGE),
        (PatchMeans(0.9, 0.8, 0.4, 5.0, 200), Kind.EARTHWORK),
        (PatchMeans(0.9, 0.8, 0.4, 5.0, 30, hard=1.0), Kind.CHANGE),
        (PatchMeans(0.9, 0.8, 0.4, 5.0, 200, hard=1.0), Kind.CONSTRUCTION),
        (PatchMeans(0.9, 0.8, 0.4, 5.0, 30, water=1.0), Kind.WATER),
    ],
)
def test_kinds_tell_worked_ground_from_felling_from_fallow_fields(means: PatchMeans, kind: Kind) -> None:
    assert kind_of(means, PatchSettings()) is kind


@pytest.mark.parametrize("usual", [0.1, 0.3, 0.6])
def test_bare_ground_where_it_is_usual_supports_by_no_more_than_its_rarity(usual: float) -> None:
    plain = EvidenceSettings(optical_temper=1.0, max_gain=10.0, max_gain_bare=10.0, max_loss=10.0)
    bare = change(np.full(GRID.shape, 9.0), Sensor.S2)
    habit = Habit(np.full(GRID.shape, usual, np.float32), np.ones(GRID.shape, np.float32))
    never, usually = (log_likelihood_ratio(bare, Sensor.S2, plain, share)[0, 0] for share in (None, habit))
    assert 0.0 < usually <= -np.log(usual) + 1e-5 < never
    quiet = replace(bare, score=np.zeros(GRID.shape, np.float32))
    assert log_likelihood_ratio(quiet, Sensor.S2, plain, habit)[0, 0] < 0.0


def test_what_a_winter_wood_looked_like_says_nothing_without_a_short_wave_band() -> None:
    look = change(np.full(GRID.shape, 9.0), Sensor.S2)
    planes = {"bare_before": 0.5, "bare_spell": 100.0, "soil_index": 0.1}
    known = {name: Layer(np.full(GRID.shape, value, np.float32), "1") for name, value in planes.items()}
    leafless = {name: layer for name, layer in known.items() if name != "soil_index"}
    plain, field_, wood = (
        update(fresh(), replace(look, layers={**look.layers, **more}), Sensor.S2, DAY, PROFILE)[1][0, 0]
        for more in ({}, known, leafless)
    )
    assert field_ < wood == plain
