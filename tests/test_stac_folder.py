"""Importing a static STAC catalogue into an AOI that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from sat_monitor.core.domain import Sensor
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.stac_folder import stac_scenes
from tests.imagery_world import (
    GRID,
    aoi_on,
    archived,
    foreign_catalogue,
    foreign_item,
    optical_raster,
    per_band_assets,
    raises_code,
)


@pytest.mark.parametrize("name", ["", "catalog.json"])
def test_an_archive_is_found_by_its_folder_or_its_catalogue(tmp_path: Path, name: str) -> None:
    scenes = archived(Archive(tmp_path), Sensor.S1, range(3))
    finding = stac_scenes(tmp_path / name, aoi_on())
    assert [f.offer.id for f in finding.scenes] == [s.id for s in scenes]
    # Each is loaded by its own loader, not by the last one's.
    assert [f.load().pixels_sha256 for f in finding.scenes] == [s.pixels_sha256 for s in scenes]
    assert {f.grid for f in finding.scenes} == {GRID}


def test_foreign_items_of_any_year_come_and_broken_ones_are_named(tmp_path: Path) -> None:
    assets = per_band_assets(tmp_path, "a", optical_raster())
    items = [foreign_item(f"y{year}", assets, datetime=f"{year}-05-01T00:00:00Z") for year in (2015, 2026, 2090)]
    finding = stac_scenes(foreign_catalogue(tmp_path, *items, "{"), aoi_on())
    assert [f.offer.id for f in finding.scenes] == ["y2015", "y2026", "y2090"]
    assert [r.code for r in finding.rejected] == ["E1104"]


def test_a_picture_that_is_gone_is_a_number_when_it_is_loaded(tmp_path: Path) -> None:
    assets = per_band_assets(tmp_path, "a", optical_raster())
    (tmp_path / "a" / "B04.tif").unlink()
    [found] = stac_scenes(foreign_catalogue(tmp_path, foreign_item("a", assets)), aoi_on()).scenes
    with raises_code("E1101"):
        found.load()


def test_a_folder_without_a_catalogue_has_no_scenes(tmp_path: Path) -> None:
    assert stac_scenes(tmp_path, aoi_on()).scenes == ()
