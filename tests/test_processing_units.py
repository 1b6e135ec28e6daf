"""What requests cost: the provider's own worked example, and tiles that neither overlap nor leave a gap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.domain import INSTRUMENTS, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.evalscripts import RECIPES, evalscript
from sat_monitor.imagery.processing_units import processing_units, scene_units, tiles, watched_tiles
from tests.imagery_world import aoi_on

TWO_BANDS = replace(RECIPES[Sensor.S1], charged=2, dtype="uint16")


@pytest.mark.parametrize(
    ("height", "width", "recipe", "units"),
    [
        # 2000 x 2000 px, two bands of 16 bits, orthorectified: (2000 / 512)^2 * 2/3 * 2.
        (2000, 2000, TWO_BANDS, 20.345),
        (512, 512, replace(TWO_BANDS, charged=3, orthorectified=False), 1.0),
        (512, 512, replace(TWO_BANDS, charged=3, orthorectified=False, dtype="float32"), 2.0),
        (512, 512, RECIPES[Sensor.S1], 4 / 3 * 2 * 2),
        (512, 512, RECIPES[Sensor.S2], 8 / 3),
        (1, 1, replace(TWO_BANDS, charged=1, orthorectified=False), 0.005),
        (10, 10, RECIPES[Sensor.S2], 0.01 * 8 / 3),
    ],
)
def test_units_follow_the_published_rule(height: int, width: int, recipe: object, units: float) -> None:
    assert processing_units(height, width, recipe) == pytest.approx(units, abs=0.001)  # type: ignore[arg-type]


@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 300))
def test_tiles_cover_a_grid_once_and_are_nearly_equal(height: int, width: int, most: int) -> None:
    counts = np.zeros((height, width), np.uint8)
    windows = tiles(Grid(32654, 0.0, 0.0, 10.0, height, width), most)
    for window in windows:
        counts[window.slices] += 1
    assert (counts == 1).all()
    assert max(max(w.height, w.width) for w in windows) <= most
    assert max(w.height for w in windows) - min(w.height for w in windows) <= 1


def test_tiles_that_nobody_watches_are_not_asked_for() -> None:
    aoi = aoi_on(Grid(32654, 339_000.0, 3_953_000.0, 10.0, 1000, 1000))
    corner = replace(aoi, outline=Grid(32654, 339_000.0, 3_953_000.0, 10.0, 100, 100).footprint_lonlat)
    assert len(watched_tiles(aoi, 250)) == 16 and len(watched_tiles(corner, 250)) == 1
    assert scene_units(corner, RECIPES[Sensor.S2], 250) == pytest.approx(scene_units(aoi, RECIPES[Sensor.S2], 250) / 16)


@pytest.mark.parametrize("sensor", INSTRUMENTS)
def test_the_script_names_every_band_and_the_proof(sensor: Sensor) -> None:
    recipe = RECIPES[sensor]
    script = evalscript(recipe, "ab" * 32)
    assert script.startswith("//VERSION=3") and f'request: "{"ab" * 32}"' in script
    assert all(f"sample.{band}" in script and f'"{band}"' in script for band in recipe.bands)
    assert f"bands: {len(recipe.bands)}" in script and script.count("{") == script.count("}")
    assert set(recipe.ranges) <= set(recipe.bands)
