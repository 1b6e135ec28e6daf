"""Importers: OPERA RTC-S1 files and Sentinel-2 cubes, made here, and the real packs where they lie beside the checkout."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

from sat_monitor.core.domain import Direction, Sensor
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.importer import Importer, ImportReport, import_scenes
from sat_monitor.imagery.opera_rtc import direction_of_pass, opera_rtc_scenes
from sat_monitor.imagery.s2_cube import s2_cube_scenes
from tests.scene_world import GRID, raster, write_tiff

NAME = "OPERA_L2_RTC-S1_T137-29231{burst}-IW1_2022010{day}T015818Z_2025083{made}T041332Z_S1A_30_v1.0_{band}.tif"


def brought(importer: Importer, path: Path, tmp_path: Path) -> ImportReport:
    return import_scenes(
        importer, path, "w", AoiRegistry(tmp_path / "aoi"), Archive(tmp_path / "inbox"), lambda _: None
    )


def burst(folder: Path, day: int, made: int = 0, seed: int = 0, number: int = 8, grid=GRID) -> list[Path]:  # type: ignore[no-untyped-def]
    folder.mkdir(exist_ok=True)
    bands = raster(Sensor.S1, seed, grid).bands
    return [
        write_tiff(folder / NAME.format(burst=number, day=day, made=made, band=band), values[None], grid)
        for band, values in bands.items()
    ]


def test_one_scene_per_burst_and_acquisition_on_an_aoi_of_their_footprint(tmp_path: Path) -> None:
    from dataclasses import replace

    far = replace(GRID, x0=GRID.x0 + 30_000.0)
    for day in (1, 2):
        burst(tmp_path / "data", day, number=8)
        burst(tmp_path / "data", day, number=9, grid=far)
    report = brought(opera_rtc_scenes, tmp_path / "data", tmp_path)
    assert report.aoi_made and len(report.imported) == 4 and not report.rejected
    assert report.aoi is not None and report.aoi.grid.width == 3000 + GRID.width
    assert {scene.grid for scene in Archive(tmp_path / "inbox").scenes("w")} == {GRID, far}


def test_the_newest_of_a_reissued_product_is_taken(tmp_path: Path) -> None:
    burst(tmp_path / "data", 1, made=0, seed=1)
    burst(tmp_path / "data", 1, made=1, seed=2)
    brought(opera_rtc_scenes, tmp_path / "data", tmp_path)
    inbox = Archive(tmp_path / "inbox")
    [scene] = inbox.scenes("w")
    assert np.array_equal(inbox.read(scene, ("VV",), GRID)["VV"], raster(Sensor.S1, 2).bands["VV"])


def test_bad_opera_files_are_named_and_the_good_ones_come(tmp_path: Path) -> None:
    burst(tmp_path / "data", 1)
    burst(tmp_path / "data", 2)[0].unlink()
    for path in burst(tmp_path / "data", 3):
        path.write_bytes(path.read_bytes()[:4000])
    for path, values in zip(burst(tmp_path / "data", 4), raster(Sensor.S1).bands.values(), strict=True):
        write_tiff(path, (10 * np.log10(values))[None])
    write_tiff(tmp_path / "data" / "holiday.tif", raster(Sensor.S1).bands["VV"][None])
    report = brought(opera_rtc_scenes, tmp_path / "data", tmp_path)
    assert len(report.imported) == 1
    assert sorted(row.code for row in report.rejected) == ["E1101", "E1203", "E1203", "E1206"]


@pytest.mark.parametrize(
    ("hour", "lon", "direction"),
    [(2, -118.0, Direction.ASCENDING), (14, -118.0, Direction.DESCENDING), (8, 139.0, Direction.ASCENDING),
     (20, 139.0, Direction.DESCENDING)],
)  # fmt: skip
def test_the_direction_follows_from_local_solar_time(hour: int, lon: float, direction: Direction) -> None:
    assert direction_of_pass(datetime(2022, 1, 1, hour, tzinfo=UTC), lon) is direction


def cube(dates: int = 4, north_up: bool = True, scale: float = 10_000.0) -> xr.Dataset:
    y = GRID.y0 - 10.0 * (np.arange(GRID.height) + 0.5)
    x = GRID.x0 + 10.0 * (np.arange(GRID.width) + 0.5)
    rows = slice(None) if north_up else slice(None, None, -1)
    planes = [raster(seed=k).bands for k in range(dates)]
    names = {"B4": "B04", "B8": "B08", "SCL": "SCL"}
    data = {
        name: (("time", "y", "x"), np.stack([p[band][rows] * (1.0 if name == "SCL" else scale) for p in planes]))
        for name, band in names.items()
    }
    times = np.datetime64("2019-05-01", "ns") + np.arange(dates) * np.timedelta64(5, "D")
    made = xr.Dataset(data, {"time": times, "y": y[rows], "x": x})
    made["spatial_ref"] = ((), 0, {"spatial_ref": CRS.from_epsg(32654).to_wkt()})
    return made


def saved(made: xr.Dataset, path: Path) -> Path:
    made.to_netcdf(path, engine="netcdf4")
    return path


@pytest.mark.parametrize("north_up", [True, False])
@pytest.mark.parametrize("scale", [10_000.0, 1.0])
def test_both_row_orders_and_both_scales_give_the_same_scenes(tmp_path: Path, north_up: bool, scale: float) -> None:
    report = brought(s2_cube_scenes, saved(cube(4, north_up, scale), tmp_path / "c.nc"), tmp_path)
    assert len(report.imported) == 4 and report.aoi is not None and report.aoi.grid == GRID
    inbox = Archive(tmp_path / "inbox")
    for number, scene in enumerate(inbox.scenes("w")):
        assert scene.acquired_at == datetime(2019, 5, 1 + 5 * number, tzinfo=UTC)
        found = inbox.read(scene, ("B04", "SCL"), GRID)
        assert np.allclose(found["B04"], raster(seed=number).bands["B04"], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda c: c.drop_vars("spatial_ref"), "E1201"),
        (lambda c: c.drop_vars("SCL"), "E1203"),
        (lambda c: c.assign_coords(x=c.x.values**1.01), "E1202"),
        (lambda c: c.isel(y=slice(0, 1)), "E1202"),
    ],
)
def test_a_cube_that_cannot_be_used_is_one_reject(
    tmp_path: Path, change: Callable[[xr.Dataset], xr.Dataset], code: str
) -> None:
    report = brought(s2_cube_scenes, saved(change(cube()), tmp_path / "c.nc"), tmp_path)
    assert report.aoi is None and [row.code for row in report.rejected] == [code]


@pytest.mark.parametrize(("keep", "code"), [(0, "E1103"), (0.5, "E1101")])
def test_an_empty_and_a_cut_cube_are_told_apart(tmp_path: Path, keep: float, code: str) -> None:
    path = saved(cube(), tmp_path / "c.nc")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    assert [row.code for row in brought(s2_cube_scenes, path, tmp_path).rejected] == [code]


def test_a_date_that_comes_twice_and_one_without_data_are_rejected_and_the_rest_come(tmp_path: Path) -> None:
    made = cube(4)
    made["SCL"].values[2] = 0.0
    made = made.assign_coords(time=[made.time.values[0], made.time.values[0], *made.time.values[2:]])
    report = brought(s2_cube_scenes, saved(made, tmp_path / "c.nc"), tmp_path)
    assert sorted(row.code for row in report.rejected) == ["E1208", "E1211"] and len(report.imported) == 2


def test_the_real_bursts_come_in(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    report = brought(opera_rtc_scenes, shared_data("opera_rtc_s1"), tmp_path)
    assert len(report.imported) == 63 and not report.rejected
    scenes = Archive(tmp_path / "inbox").scenes("w")
    assert {scene.track.id for scene in scenes if scene.track} == {"137A"} and len({s.grid for s in scenes}) == 3


def test_the_real_cube_comes_in(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    path = shared_data("s2_romania") / "sentinel2_cube_subset_romania_20m.nc"
    report = brought(s2_cube_scenes, path, tmp_path)
    assert len(report.imported) == 140 and report.aoi is not None
    assert (report.aoi.grid.epsg, report.aoi.grid.pixel_m, report.aoi.grid.shape) == (3035, 20.0, (50, 50))
