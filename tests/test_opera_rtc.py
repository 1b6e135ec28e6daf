"""OPERA RTC-S1 files: what their names say, and what may not be taken for gamma0."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.core.units import power_to_db
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.importer import import_scenes
from sat_monitor.imagery.opera_rtc import direction_of_pass, opera_rtc_scenes
from tests.imagery_world import GRID, sar_raster, write_tiff

ACQUIRED = "20220108T015818"


def name(band: str, acquired: str = ACQUIRED, made: str = "20250831T041332", burst: str = "T137-292318-IW1") -> str:
    return f"OPERA_L2_RTC-S1_{burst}_{acquired}Z_{made}Z_S1A_30_v1.0_{band}.tif"


def product(folder: Path, seed: int = 1, **named: str) -> None:
    for band, values in sar_raster(GRID, seed).bands.items():
        write_tiff(folder / name(band, **named), GRID, {"": values}, nodata=np.nan)


def codes(folder: Path) -> list[str]:
    return [reject.code for reject in opera_rtc_scenes(folder, "plot").rejected]


def test_a_product_becomes_an_offer_by_its_name(tmp_path: Path) -> None:
    product(tmp_path)
    finding = opera_rtc_scenes(tmp_path, "plot")
    [found] = finding.scenes
    offer = found.offer
    assert not finding.rejected and found.grid == GRID
    assert offer.id == "RTC-S1_T137-292318-IW1_20220108T015818_sentinel-1a"
    assert (offer.sensor, offer.platform, offer.aoi) == (Sensor.S1, "sentinel-1a", "plot")
    assert offer.acquired_at == datetime(2022, 1, 8, 1, 58, 18, tzinfo=UTC)
    assert offer.track == Track(137, Direction.DESCENDING)
    assert (offer.source_id, offer.processing_baseline, offer.simulated) == ("opera-rtc", "1.0", False)
    assert found.load().pixels_sha256 == sar_raster().pixels_sha256


def test_one_file_stands_for_its_folder(tmp_path: Path) -> None:
    product(tmp_path)
    assert len(opera_rtc_scenes(tmp_path / name("VH"), "plot").scenes) == 1


@pytest.mark.parametrize("hour_utc", range(24))
@pytest.mark.parametrize("lon", [-179.0, -118.0, 0.0, 139.0, 179.0])
def test_a_pass_before_local_noon_descends_and_one_after_it_ascends(hour_utc: int, lon: float) -> None:
    local = (hour_utc + lon / 15.0) % 24.0
    direction = direction_of_pass(datetime(2022, 1, 1, hour_utc, tzinfo=UTC), lon)
    assert direction is (Direction.DESCENDING if local < 12.0 else Direction.ASCENDING)


def test_the_newest_of_reissued_products_wins_whatever_the_order_of_files(tmp_path: Path) -> None:
    for seed, made in ((1, "20250831T041332"), (2, "20260102T000000"), (3, "20251231T235959")):
        product(tmp_path, seed, made=made)
    [found] = opera_rtc_scenes(tmp_path, "plot").scenes
    assert found.load().pixels_sha256 == sar_raster(GRID, 2).pixels_sha256


@pytest.mark.parametrize("missing", ["VV", "VH"])
def test_a_missing_polarisation_is_e1203_and_the_next_date_comes(tmp_path: Path, missing: str) -> None:
    product(tmp_path)
    product(tmp_path, acquired="20220120T015818")
    (tmp_path / name(missing)).unlink()
    finding = opera_rtc_scenes(tmp_path, "plot")
    assert [r.code for r in finding.rejected] == ["E1203"] and ACQUIRED in finding.rejected[0].scene_id
    assert [f.offer.acquired_at.day for f in finding.scenes] == [20]


@pytest.mark.parametrize("band", ["VV", "VH"])
def test_decibels_are_not_linear_power(tmp_path: Path, band: str) -> None:
    product(tmp_path)
    write_tiff(tmp_path / name(band), GRID, {"": power_to_db(sar_raster().bands[band])})
    assert codes(tmp_path) == ["E1206"]


def test_polarisations_on_different_grids_are_refused(tmp_path: Path) -> None:
    product(tmp_path)
    write_tiff(tmp_path / name("VH"), replace(GRID, x0=GRID.x0 + 10.0), {"": sar_raster().bands["VH"]})
    assert codes(tmp_path) == ["E1206"]


@pytest.mark.parametrize(
    "wrong", ["holiday.tif", "OPERA_L3_DIST-ALERT-S1_x.tif", name("HH"), name("VV").replace("_v1.0", "")]
)
def test_a_name_that_says_nothing_is_named(tmp_path: Path, wrong: str) -> None:
    product(tmp_path)
    write_tiff(tmp_path / wrong, GRID, {"": sar_raster().bands["VV"]})
    finding = opera_rtc_scenes(tmp_path, "plot")
    assert [r.code for r in finding.rejected] == ["E1203"] and len(finding.scenes) == 1


def test_masks_are_passed_over(tmp_path: Path) -> None:
    product(tmp_path)
    write_tiff(tmp_path / name("mask"), GRID, {"": sar_raster().bands["VV"]})
    assert codes(tmp_path) == []


@pytest.mark.parametrize("acquired", ["20221308T015818", "20220230T015818", "20220108T256060"])
def test_a_date_that_is_none_is_e1209(tmp_path: Path, acquired: str) -> None:
    product(tmp_path)
    product(tmp_path, acquired=acquired)
    finding = opera_rtc_scenes(tmp_path, "plot")
    assert {r.code for r in finding.rejected} == {"E1209"} and len(finding.scenes) == 1


def test_an_empty_folder_has_no_scenes(tmp_path: Path) -> None:
    assert opera_rtc_scenes(tmp_path, "plot").scenes == ()


def test_real_dates_come_in_whole_on_one_track(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    pack = shared_data("opera_rtc_s1") / "T137-292318-IW1"
    dates = sorted({path.name.split("_")[4] for path in pack.rglob("*_VV.tif")})[:3]
    for path in pack.rglob("*.tif"):
        if path.name.split("_")[4] in dates:
            (tmp_path / "data").mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / "data")
    inbox = Archive(tmp_path / "inbox")
    report = import_scenes(
        opera_rtc_scenes, tmp_path / "data", "ca", AoiRegistry(tmp_path / "aoi"), inbox, lambda _: None
    )
    scenes = inbox.scenes("ca")
    assert report.rejected == () and len(scenes) == 3 and report.aoi is not None
    assert {s.track for s in scenes} == {Track(137, Direction.ASCENDING)}
    assert {s.grid for s in scenes} == {report.aoi.grid}
    assert (report.aoi.grid.epsg, report.aoi.grid.pixel_m, report.aoi.grid.shape) == (32611, 30.0, (100, 100))
    for scene in scenes:
        vv = power_to_db(inbox.read(scene, ("VV",), scene.grid)["VV"])
        assert scene.valid_fraction > 0.9 and -25.0 < np.nanmedian(vv) < 0.0
