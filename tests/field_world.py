"""Change maps of a small made-up place and their fold: noise, squares that change for good, and what clouds hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from shapely.geometry import box

from sat_monitor.core.domain import AOI, ChangeMap, FloatArray, Layer, Look, Scene, Sensor
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.core.profile import Profile
from sat_monitor.fold import ChainedLook, DetectedLook, LookFold
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.stack import StackReader
from sat_monitor.scoring import Bench

SIDE = 20
GRID = Grid(32654, 339_000.0, 3_952_000.0, 10.0, SIDE, SIDE)
DAY0 = datetime(2026, 4, 1, 1, 30, tzinfo=UTC)
#: Score (sigma) that full conversion gives on an optical look of the place.
CONTRAST = 8.0
#: NDVI of its green and of its bare ground.
GREEN, BARE = 0.85, 0.18


@dataclass(frozen=True, repr=False)
class Told:
    """A scene with the change map that its detector would have made."""

    scene: Scene
    change: ChangeMap


def scene_of(number: int, sensor: Sensor, grid: Grid = GRID) -> Scene:
    at = DAY0 + timedelta(days=4 * number)
    nothing = "0" * 64
    return Scene(
        f"{sensor.value}-{number:03d}", "w", sensor, "X", at, None, grid, 1.0, None, "test", nothing, nothing, nothing
    )


def change_of(scene: Scene, score: FloatArray, valid: np.ndarray, bare: FloatArray) -> ChangeMap:
    """A map of `score` (y, x), sigma; `bare` (y, x) 0..1 is what an optical look sees of worked ground."""
    layers = {}
    if scene.sensor is Sensor.S2:
        planes = {
            "contrast": (np.full(score.shape, CONTRAST), "sigma"),
            "converted_fraction": (np.clip(score / CONTRAST, 0.0, 1.0), "1"),
            "bare": (bare, "1"),
            "bare_before": (np.zeros(score.shape), "1"),
            "ndvi": (GREEN - (GREEN - BARE) * np.clip(score / CONTRAST, 0.0, 1.0), "1"),
            "ndvi_expected": (np.full(score.shape, GREEN), "1"),
        }
        layers = {name: Layer(values.astype(np.float32), unit) for name, (values, unit) in planes.items()}
    shown = np.where(valid, score, np.nan).astype(np.float32)
    depth = np.full(score.shape, 20, np.int16)
    return ChangeMap(f"{scene.sensor.value}@1", scene.id, (), scene.grid, shown, "sigma", valid, depth, layers)


def tell(seed: int, looks: int, events: int) -> list[Told]:
    """`looks` change maps of both sensors; `events` squares change, each from some look on, and stay."""
    rng = np.random.default_rng(seed)
    places = [_square(looks, rng) for _ in range(events)]
    told = []
    for number in range(looks):
        scene = scene_of(number, Sensor.S1 if rng.random() < 0.4 else Sensor.S2)
        score = rng.normal(0.0, 1.1, GRID.shape)
        bare = np.zeros(GRID.shape)
        for square, since, strength in places:
            if number >= since:
                score[square] += strength * (3.5 if scene.sensor is Sensor.S1 else 0.6 * CONTRAST)
                bare[square] = 1.0
        valid = np.ones(GRID.shape, bool)
        top, left = rng.integers(0, SIDE, 2)
        valid[top : top + int(rng.integers(0, SIDE)), left : left + int(rng.integers(0, SIDE))] = False
        told.append(Told(scene, change_of(scene, score.astype(np.float32), valid, bare.astype(np.float32))))
    return told


def _square(looks: int, rng: np.random.Generator) -> tuple[tuple[slice, slice], int, float]:
    """Where a change lies, the first look that shows it, and how plainly, as a share of a full conversion."""
    size = int(rng.integers(2, 6))
    row, col = (int(v) for v in rng.integers(0, SIDE - size, 2))
    since, strength = int(rng.integers(0, max(1, looks // 2))), float(rng.uniform(0.5, 1.1))
    return (slice(row, row + size), slice(col, col + size)), since, strength


worlds = st.builds(tell, st.integers(0, 2**32 - 1), st.integers(4, 14), st.integers(0, 6))


def fold_of(profile: Profile, scenes: Sequence[Scene] = (), grid: Grid = GRID) -> LookFold:
    """An empty fold of the place, all of it watched; it reads and writes no file."""
    ground = box(grid.x0, grid.y0 - grid.height * grid.pixel_m, grid.x0 + grid.width * grid.pixel_m, grid.y0)
    archive = Archive(Path("nowhere"))
    aoi = AOI("w", "", "", reproject(ground, grid.epsg, 4326), grid)
    watched = np.ones(grid.shape, bool)
    return LookFold(Bench(aoi, archive, StackReader(archive, profile, 0), profile, watched), scenes, Path("nowhere"))


def told_to(fold: LookFold, world: Sequence[Told]) -> list[DetectedLook]:
    """What each look of `world` did to `fold`, in their order."""
    return [fold.looked(ChainedLook(told.scene, ""), told.change) for told in world]


def looks_of(done: Sequence[DetectedLook]) -> list[Look]:
    return [each.look for each in done]
