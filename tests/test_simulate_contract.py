"""The world contract measures what it says, and the default world keeps it beside real imagery."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.units import speckle_sd_db
from sat_monitor.imagery.opera_rtc import opera_rtc_scenes
from sat_monitor.simulate.contract import (
    Measure,
    OpticalSample,
    RadarSample,
    Row,
    averaged,
    contract,
    event_measures,
    longest_gap_days,
    optical_measures,
    radar_measures,
    sample_world,
    table,
)
from sat_monitor.simulate.world import World, build_world, spec_of
from tests.sim_world import busy, config

REAL = Path(__file__).resolve().parents[2] / "shared/data/opera_rtc_s1/T137-292320-IW2"


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(spec_of(config(400), 11))


def values(measures: tuple[Measure, ...]) -> dict[str, float]:
    return {measure.name: measure.value for measure in measures}


def test_looks_and_spread_of_pure_speckle_are_those_of_its_gamma_distribution() -> None:
    rng = np.random.default_rng(2)
    forest = [
        0.13 * rng.standard_gamma(10.0, (40, 60, 60)) / 10.0,
        0.04 * rng.standard_gamma(10.0, (40, 60, 60)) / 10.0,
    ]
    found = values(radar_measures(RadarSample(*(band.astype(np.float32) for band in forest))))
    assert set(found) == {f"forest {b} {n}" for b in ("VV", "VH") for n in
                          ("level", "temporal spread", "levelled spread", "looks")}  # fmt: skip
    for band in ("VV", "VH"):
        assert found[f"forest {band} looks"] == pytest.approx(10.0, rel=0.08)
        assert found[f"forest {band} levelled spread"] == pytest.approx(speckle_sd_db(10.0), rel=0.04)


def test_a_move_of_whole_looks_counts_in_the_spread_and_not_in_the_levelled_spread() -> None:
    rng = np.random.default_rng(2)
    steps = 10.0 ** (rng.normal(0.0, 2.0, (30, 1, 1)) / 10.0)
    bands = [level * steps * rng.standard_gamma(12.0, (30, 40, 40)) / 12.0 for level in (0.07, 0.011)]
    found = values(radar_measures(RadarSample(*(band.astype(np.float32) for band in bands))))
    assert found["field VV temporal spread"] > found["field VV levelled spread"] + 0.5
    assert found["field VV levelled spread"] == pytest.approx(speckle_sd_db(12.0), rel=0.05)


def test_missed_cloud_and_shadow_are_counted_as_they_were_put_in() -> None:
    rng = np.random.default_rng(4)
    days = np.tile(np.arange(105, 320, 5), 3)
    shape = (days.size, 20, 20)
    blue, red, infrared = (np.full(shape, v, np.float32) for v in (0.03, 0.03, 0.4))
    hazy, dark = rng.random(shape) < 0.1, rng.random(shape) < 0.06
    blue[hazy], infrared[dark] = 0.1, 0.1
    scl = np.full(shape, 4.0, np.float32)
    scl[rng.random(shape) < 0.3] = 9.0
    found = values(optical_measures(OpticalSample(days, scl, blue, red, infrared)))
    assert found["cloud called clear"] == pytest.approx(0.1, abs=0.01)
    assert found["shadow called clear"] == pytest.approx(0.06, abs=0.01)
    assert found["cloud and shadow share"] == pytest.approx(0.3, abs=0.01)
    assert found["forest summer NDVI spread"] == pytest.approx(0.0, abs=1e-3)


def test_the_longest_gap_runs_between_clear_looks_and_to_the_end() -> None:
    days = [date(2026, 1, 1) + timedelta(days=5 * n) for n in range(10)]
    clear = np.ones((10, 1, 1), bool)
    clear[3:6] = False
    assert longest_gap_days(days, clear) == 20.0
    clear[3:] = False
    assert longest_gap_days(days, clear) == 35.0


def test_means_over_blocks_keep_the_level_and_pass_on_no_data() -> None:
    power = np.arange(36, dtype=np.float32).reshape(1, 6, 6)
    power[0, 0, 0] = np.nan
    small = averaged(power, 3)
    assert small.shape == (1, 2, 2) and np.isnan(small[0, 0, 0])
    assert small[0, 1, 1] == power[0, 3:, 3:].mean()


def test_events_are_counted_per_km2_and_year_by_size_and_kind() -> None:
    world = busy()
    found = values(event_measures(world))
    km2, open_years = 2.56**2, (730 - 200 - 60) / 365.25
    assert found["earthworks"] == pytest.approx(len(world.fills) / km2 / open_years, rel=0.01)
    sizes = sum(value for name, value in found.items() if name.startswith("earthworks of"))
    kinds = sum(value for name, value in found.items() if name.startswith("events of kind"))
    assert sizes == len(world.fills) and kinds == len(world.fills) + len(world.confusers)


def test_a_row_tells_whether_two_figures_differ_by_more_than_a_share() -> None:
    rows = (
        Row(Measure("a", 1.2, "dB"), 1.0),
        Row(Measure("b", 1.3, "dB"), 1.0),
        Row(Measure("c", 9.0, "dB", False), 1.0),
    )
    assert [row.within(0.25) for row in rows] == [True, False, True]
    lines = table((*rows, Row(Measure("d", 1.0, "dB"), None)))
    assert "off by more than 25%" in lines[2] and "off by" not in lines[1] + lines[3] + lines[4]
    assert "other place" in lines[3]


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="reference pack opera_rtc_s1 is not there")
def test_spread_and_looks_of_forest_field_and_town_lie_within_a_quarter_of_real_imagery(world: World) -> None:
    rasters = [found.load().bands for found in opera_rtc_scenes(REAL, "real").scenes]
    real = values(radar_measures(RadarSample(*(np.stack([r[band] for r in rasters]) for band in ("VV", "VH")))))
    rows = contract(world, sample_world(world, 96), real)
    compared = [row for row in rows if row.real is not None and row.world.comparable]
    assert len(compared) == 18
    assert not [table((row,))[1] for row in compared if not row.within(0.25)]
