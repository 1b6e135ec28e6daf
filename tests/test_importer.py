"""Imports: the AOI is made from what comes, and one bad scene stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.importer import Finding, Found, Importer, ImportReport, import_scenes
from sat_monitor.imagery.raster import Raster
from tests.imagery_world import GRID, aoi_on, offer, optical_raster, raises_code

Bring = Callable[..., ImportReport]


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Import what a list of (day, grid) or rejects stands for into one inbox."""

    def run(*wanted: tuple[int, Grid] | SceneReject, aoi_id: str = "plot") -> ImportReport:
        registry, inbox = AoiRegistry(tmp_path / "aoi"), Archive(tmp_path / "inbox")
        return import_scenes(importer(*wanted), tmp_path, aoi_id, registry, inbox, lambda _: None)

    return run


def importer(*wanted: tuple[int, Grid] | SceneReject) -> Importer:
    scenes = [w for w in wanted if isinstance(w, tuple)]
    rejects = tuple(w for w in wanted if isinstance(w, SceneReject))

    def find(_: Path, aoi_id: str) -> Finding:
        return Finding(tuple(found(day, grid, aoi_id) for day, grid in scenes), rejects)

    return find


def found(day: int, grid: Grid, aoi_id: str = "plot") -> Found:
    return Found(offer(day=day, aoi=aoi_id), grid, lambda: optical_raster(grid, 1 + day))


def codes(report: ImportReport) -> list[str]:
    return sorted(reject.code for reject in report.rejected)


def test_the_aoi_is_made_from_the_footprint_of_the_data(bring: Bring) -> None:
    report = bring((0, GRID), (1, GRID))
    assert report.aoi_made and report.aoi is not None and report.aoi.grid == GRID
    assert report.aoi.outline.equals_exact(GRID.footprint_lonlat, 1e-12)
    assert report.imported == ("s2-000", "s2-001") and not report.rejected


def test_several_footprints_make_one_aoi_that_holds_them_each_on_its_own_grid(bring: Bring, tmp_path: Path) -> None:
    east = replace(GRID, x0=GRID.x0 + 600.0, y0=GRID.y0 - 400.0)
    report = bring((0, GRID), (1, east), (2, GRID))
    assert report.aoi is not None
    assert report.aoi.grid == replace(GRID, height=GRID.height + 40, width=GRID.width + 60)
    assert [s.grid for s in Archive(tmp_path / "inbox").scenes("plot")] == [GRID, east, GRID]


def test_the_same_import_again_changes_nothing(bring: Bring, tmp_path: Path) -> None:
    bring((0, GRID), (1, GRID))
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    report = bring((0, GRID), (1, GRID))
    assert not report.aoi_made and report.imported == ("s2-000", "s2-001")
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_an_aoi_that_exists_is_kept_and_scenes_are_cropped_to_it(bring: Bring, tmp_path: Path) -> None:
    small = replace(GRID, x0=GRID.x0 + 100.0, height=40, width=30)
    AoiRegistry(tmp_path / "aoi").add(aoi_on(small))
    report = bring((0, GRID))
    assert not report.aoi_made and report.aoi is not None and report.aoi.grid == small
    inbox = Archive(tmp_path / "inbox")
    [scene] = inbox.scenes("plot")
    assert scene.grid == small
    assert np.array_equal(inbox.read(scene, ("B04",), small)["B04"], optical_raster().bands["B04"][:40, 10:40])


STRAYS = {
    "another zone": (replace(GRID, epsg=32653), "E1201"),
    "other pixels": (replace(GRID, pixel_m=20.0), "E1202"),
    "half a pixel off": (replace(GRID, x0=GRID.x0 + 5.0), "E1202"),
    "a third of a pixel south": (replace(GRID, y0=GRID.y0 - 10.0 / 3.0), "E1202"),
}


@pytest.mark.parametrize("stray", STRAYS)
def test_a_stray_scene_is_rejected_and_the_others_make_the_aoi(bring: Bring, stray: str) -> None:
    grid, code = STRAYS[stray]
    report = bring((0, grid), (1, GRID), (2, GRID))
    assert codes(report) == [code] and report.imported == ("s2-001", "s2-002")
    assert report.aoi is not None and report.aoi.grid == GRID


def test_what_the_importer_could_not_use_is_reported_with_the_rest(bring: Bring) -> None:
    report = bring((0, GRID), SceneReject("E1103", "x"))
    assert codes(report) == ["E1103"] and report.imported == ("s2-000",)


def test_nothing_usable_makes_no_aoi(bring: Bring, tmp_path: Path) -> None:
    report = bring(SceneReject("E1103", "x"))
    assert report == ImportReport(None, False, (), report.rejected) and codes(report) == ["E1103"]
    assert not AoiRegistry(tmp_path / "aoi").has("plot")


def test_a_footprint_too_large_or_a_bad_id_is_refused_before_any_scene(bring: Bring, tmp_path: Path) -> None:
    with raises_code("E1503"):
        bring((0, GRID), (1, replace(GRID, x0=GRID.x0 + 400_000.0, y0=GRID.y0 + 400_000.0)))
    with raises_code("E1506"):
        bring((0, GRID), aoi_id="Bad Id")
    assert not (tmp_path / "inbox").exists()


def test_a_scene_that_fails_to_load_is_named_and_the_next_comes(tmp_path: Path) -> None:
    def fails() -> Raster:
        raise SceneReject("E1105", "unreadable")

    def find(_: Path, __: str) -> Finding:
        return Finding((replace(found(0, GRID), load=fails), found(1, GRID)), ())

    said: list[str] = []
    registry, inbox = AoiRegistry(tmp_path / "aoi"), Archive(tmp_path / "inbox")
    report = import_scenes(find, tmp_path, "plot", registry, inbox, said.append)
    assert codes(report) == ["E1105"] and report.imported == ("s2-001",)
    assert any("E1105" in line for line in said) and any("2/2" in line for line in said)
