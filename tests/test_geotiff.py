"""GeoTIFFs from elsewhere: good ones decode to the same numbers, bad ones end as a number."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.files import file_sha256
from sat_monitor.imagery.geotiff import GeoTiff, check_bytes, crop, read_geotiff
from sat_monitor.imagery.items import FileFacts
from tests.imagery_world import GRID, noise, raises_code, sar_raster, write_tiff

SMALL = replace(GRID, height=64, width=64)


@pytest.mark.parametrize(
    "profile",
    [
        {},
        {"compress": "deflate", "predictor": 3},
        {"compress": "zstd", "tiled": True, "blockxsize": 32, "blockysize": 32},
        {"interleave": "pixel"},
        {"BIGTIFF": "YES"},
        {"ENDIANNESS": "BIG"},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_a_file_decodes_to_its_numbers_however_it_is_laid_out(tmp_path: Path, profile: dict[str, Any]) -> None:
    raster = sar_raster(SMALL)
    tiff = read_geotiff(write_tiff(tmp_path / "a.tif", SMALL, raster.bands, **profile))
    assert tiff.grid == SMALL and list(tiff.bands) == ["VV", "VH"]
    for name, values in raster.bands.items():
        assert tiff.bands[name].dtype == np.float32
        assert np.array_equal(tiff.bands[name], values)


@pytest.mark.parametrize("nodata", [0.0, -9999.0, float("nan"), 255.0, -3.4028234663852886e38])
def test_whatever_is_declared_as_no_data_becomes_nan(tmp_path: Path, nodata: float) -> None:
    values = sar_raster(SMALL).bands["VV"].copy()
    values[10:20] = nodata
    tiff = read_geotiff(write_tiff(tmp_path / "a.tif", SMALL, {"VV": values}, nodata=nodata))
    assert np.isnan(tiff.bands["VV"][10:20]).all()
    assert np.array_equal(np.delete(tiff.bands["VV"], range(10, 20), 0), np.delete(values, range(10, 20), 0))


def test_the_least_number_of_a_double_as_no_data_becomes_nan_without_a_warning(tmp_path: Path) -> None:
    least = float(np.finfo(np.float64).min)
    values = sar_raster(SMALL).bands["VV"].astype(np.float64)
    values[3] = least
    path = write_tiff(tmp_path / "a.tif", SMALL, {"VV": values}, nodata=least, dtype="float64")
    assert np.isnan(read_geotiff(path).bands["VV"][3]).all()


def test_undeclared_infinities_become_nan_and_undeclared_zeros_stay(tmp_path: Path) -> None:
    values = sar_raster(SMALL).bands["VV"].copy()
    values[0], values[1], values[2] = np.inf, -np.inf, 0.0
    read = read_geotiff(write_tiff(tmp_path / "a.tif", SMALL, {"VV": values})).bands["VV"]
    assert np.isnan(read[:2]).all() and (read[2] == 0.0).all()


def test_bands_are_called_as_asked_or_as_the_file_describes_them(tmp_path: Path) -> None:
    bands = sar_raster(SMALL).bands
    path = write_tiff(tmp_path / "a.tif", SMALL, bands)
    swapped = read_geotiff(path, names=("VH", "VV")).bands
    assert np.array_equal(swapped["VV"], bands["VV"]), "the file's own descriptions win over the order of the names"
    assert list(read_geotiff(path, names=("B04", "B08")).bands) == ["B04", "B08"]


@pytest.mark.parametrize("names", [("VV",), ("VV", "VH", "HH"), ("VV", "VV")])
def test_names_that_do_not_fit_the_bands_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = write_tiff(tmp_path / "a.tif", SMALL)
    with raises_code("E1203"):
        read_geotiff(path, names=names)


def test_a_file_that_names_no_bands_needs_names(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", SMALL, {"": sar_raster(SMALL).bands["VV"]})
    with raises_code("E1203"):
        read_geotiff(path)


@pytest.mark.parametrize("names", [None, ("VV",), ("HH",)])
def test_complex_numbers_are_no_backscatter(tmp_path: Path, names: tuple[str, ...] | None) -> None:
    path = write_tiff(tmp_path / "a.tif", SMALL, {"VV": noise(SMALL.shape, 1)}, dtype="complex64")
    with raises_code("E1203"):
        read_geotiff(path, names=names)


def geographic(path: Path) -> Path:
    return write_tiff(path, SMALL, crs="EPSG:4326", transform=Affine(1e-4, 0, 139.0, 0, -1e-4, 35.7))


def without_crs(path: Path) -> Path:
    return write_tiff(path, SMALL, crs=None)


def without_code(path: Path) -> Path:
    return write_tiff(path, SMALL, crs="+proj=tmerc +lat_0=36 +lon_0=139.83 +k=0.99 +x_0=7 +datum=WGS84 +units=m")


@pytest.mark.parametrize("write", [geographic, without_crs, without_code])
def test_a_file_without_a_metric_epsg_code_is_refused(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "a.tif")
    with raises_code("E1201"):
        read_geotiff(path)


@pytest.mark.parametrize(
    "transform",
    [
        Affine(10.0, 0, GRID.x0, 0, 10.0, GRID.y0),
        Affine(10.0, 0, GRID.x0, 0, -20.0, GRID.y0),
        Affine(10.0, 1.0, GRID.x0, 1.0, -10.0, GRID.y0),
    ],
    ids=["south up", "oblong", "rotated"],
)
def test_pixels_that_are_not_north_up_squares_are_refused(tmp_path: Path, transform: Affine) -> None:
    path = write_tiff(tmp_path / "a.tif", SMALL, transform=transform)
    with raises_code("E1202"):
        read_geotiff(path)


def test_a_file_that_says_nothing_of_its_place_is_refused_without_a_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):
        path = write_tiff(tmp_path / "a.tif", SMALL, crs=None, transform=None)
    with raises_code("E1201"):
        read_geotiff(path)


def test_a_promised_hash_or_size_is_held(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", SMALL)
    size, sha256 = path.stat().st_size, file_sha256(path)
    check_bytes(path, FileFacts("a.tif", sha256, size))
    check_bytes(path, FileFacts("a.tif", None, None))
    with raises_code("E1101"):
        check_bytes(path, FileFacts("a.tif", None, size + 1))
    with raises_code("E1102"):
        check_bytes(path, FileFacts("a.tif", "0" * 64, size))


def test_a_header_that_claims_a_planet_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:32654", "transform": GRID.affine}
    with rasterio.open(path, "w", **profile, width=50_000, height=50_000, SPARSE_OK="TRUE", tiled=True):
        pass
    with raises_code("E1104"):
        read_geotiff(path, names=("VV",))


def tiff_on(grid: Grid) -> GeoTiff:
    return GeoTiff(grid, dict(sar_raster(grid).bands), {})


@pytest.mark.parametrize("window", [Window(5, 6, 20, 30), Window(-7, -9, 40, 40), Window(80, 70, 50, 50)], ids=str)
def test_a_crop_keeps_the_common_part_where_it_lies(window: Window) -> None:
    tiff = tiff_on(GRID)
    target = GRID.window(window)
    part = crop(tiff, target)
    row, col = GRID.offset(part.grid)
    height, width = part.grid.shape
    assert target.overlaps(part.grid) and part.grid.bounds[0] >= target.bounds[0]
    assert part.grid.bounds[3] <= target.bounds[3]
    assert np.array_equal(part.bands["VV"], tiff.bands["VV"][row : row + height, col : col + width])


def test_a_crop_onto_another_crs_other_pixels_or_other_ground_is_refused() -> None:
    tiff = tiff_on(SMALL)
    for code, target in {
        "E1201": replace(SMALL, epsg=32653),
        "E1202": replace(SMALL, x0=SMALL.x0 + 5.0),
        "E1208": replace(SMALL, x0=SMALL.x0 + 640.0),
    }.items():
        with raises_code(code):
            crop(tiff, target)
