"""Platforms that lie elsewhere: corrected where enough of their scenes agree, refused where a scene strays from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.domain import Scene, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import ImagerySettings
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.register import Shift
from sat_monitor.registration import Registrar
from tests.imagery_world import fourier_shift, offer, raises_code, texture

GROUND = Grid(32654, 339_000.0, 3_953_000.0, 10.0, 256, 256)
DB = 3.0 * texture(256, 7) - 12.0


def scene(archive: Archive, day: int, platform: str, place: tuple[float, float]) -> Scene:
    """A SAR look of the ground at a place (dy, dx), pixels, with its own speckle."""
    speckle = np.random.default_rng(day).gamma(40.0, 1 / 40.0, DB.shape)
    vv = (10.0 ** (fourier_shift(DB, *place) / 10.0) * speckle).astype(np.float32)
    return archive.put_scene(offer(Sensor.S1, day, platform=platform), Raster(GROUND, {"VV": vv, "VH": 0.2 * vv}))


def shifts(tmp_path: Path, scenes: Sequence[Scene], **settings: float) -> dict[str, Shift]:
    registrar = Registrar(Archive(tmp_path), ImagerySettings(**settings), tmp_path / "book.json")
    return registrar.shifts(scenes[-1], scenes[:-1], scenes[:-1])


def season(tmp_path: Path, others: Sequence[tuple[float, float]]) -> list[Scene]:
    """Six looks of S1A, then some of S1C at the given places."""
    archive = Archive(tmp_path)
    first = [scene(archive, 12 * k, "sentinel-1a", (0.02 * k, 0.0)) for k in range(6)]
    later = [scene(archive, 72 + 12 * k, "sentinel-1c", place) for k, place in enumerate(others)]
    return [*first, *later]


def test_a_platform_that_lies_elsewhere_is_brought_home(tmp_path: Path) -> None:
    scenes = season(tmp_path, [(1.5, -2.0), (1.45, -2.05), (1.55, -1.95)])
    found = shifts(tmp_path, scenes)
    assert set(found) == {s.id for s in scenes}
    for one in scenes[6:]:
        assert (found[one.id].dy_px, found[one.id].dx_px) == (
            pytest.approx(1.45, abs=0.15),
            pytest.approx(-2.0, abs=0.1),
        )


def test_two_scenes_do_not_make_a_platform(tmp_path: Path) -> None:
    scenes = season(tmp_path, [(1.5, -2.0), (1.5, -2.0)])
    with raises_code("E1210"):
        shifts(tmp_path, scenes)


def test_scenes_that_do_not_agree_make_no_platform(tmp_path: Path) -> None:
    with raises_code("E1210"):
        shifts(tmp_path, season(tmp_path, [(1.5, -2.0), (-2.0, 1.0), (0.0, 2.5), (3.0, 0.0)]))


def test_a_scene_that_lies_neither_at_home_nor_where_its_platform_does_is_refused(tmp_path: Path) -> None:
    scenes = season(tmp_path, [(1.5, -2.0), (1.5, -2.0), (1.5, -2.0), (-1.0, 2.0)])
    with raises_code("E1210"):
        shifts(tmp_path, scenes)


def test_a_platform_that_was_put_right_is_used_as_it_lies(tmp_path: Path) -> None:
    scenes = season(tmp_path, [(1.5, -2.0), (1.5, -2.0), (1.5, -2.0), (0.05, 0.0)])
    assert shifts(tmp_path, scenes)[scenes[-1].id].length_px < 0.2


def test_a_platform_that_lies_too_far_is_refused(tmp_path: Path) -> None:
    scenes = season(tmp_path, [(1.5, -2.0)] * 4)
    with raises_code("E1210"):
        shifts(tmp_path, scenes, max_platform_shift_px=2.0)


def test_a_scene_that_shows_nothing_lies_where_its_platform_does(tmp_path: Path) -> None:
    scenes = season(tmp_path, [(1.5, -2.0)] * 3)
    flat = Raster(GROUND, {"VV": np.full(GROUND.shape, 0.1, np.float32), "VH": np.full(GROUND.shape, 0.02, np.float32)})
    noise = np.random.default_rng(1).gamma(1.0, 1.0, GROUND.shape).astype(np.float32)
    sea = Raster(GROUND, {band: (values * noise).astype(np.float32) for band, values in flat.bands.items()})
    calm = Archive(tmp_path).put_scene(offer(Sensor.S1, 200, platform="sentinel-1c"), sea)
    found = shifts(tmp_path, [*scenes, calm])[calm.id]
    assert (found.dy_px, found.dx_px) == (pytest.approx(1.45, abs=0.15), pytest.approx(-2.0, abs=0.1))


def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    scenes = season(tmp_path, [(1.5, -2.0)] * 3)
    registrar = Registrar(Archive(tmp_path), ImagerySettings(), tmp_path / "another.json")
    assert registrar.shifts(scenes[-1], scenes[:-1][::-1], scenes[:-1][::-1]) == shifts(tmp_path, scenes)
