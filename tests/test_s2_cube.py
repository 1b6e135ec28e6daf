"""Sentinel-2 cubes: one scene per time, the same whichever way the cube is laid out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

from sat_monitor.core.domain import Sensor
from sat_monitor.imagery.importer import Finding
from sat_monitor.imagery.s2_cube import s2_cube_scenes
from tests.imagery_world import GRID, optical_raster

TIMES = np.array(["2020-05-01T01:30:31", "2020-05-06T01:30:29", "2020-05-11T01:30:31"], "datetime64[ns]")


def cube(times: Any = TIMES, upright: bool = True, factor: float = 1.0, short: bool = False) -> xr.Dataset:
    """A cube of `optical_raster(seed = position)`."""
    rasters = [optical_raster(GRID, 1 + 9 * k) for k in range(len(times))]
    y = GRID.y0 - GRID.pixel_m * (np.arange(GRID.height) + 0.5)
    x = GRID.x0 + GRID.pixel_m * (np.arange(GRID.width) + 0.5)
    data = {}
    for name in rasters[0].bands:
        values = np.stack([r.bands[name] * (1.0 if name == "SCL" else factor) for r in rasters])
        data[name.replace("B0", "B") if short else name] = (("time", "y", "x"), values.astype(np.float32))
    made = xr.Dataset(data, {"time": times, "y": y, "x": x})
    made["spatial_ref"] = ((), 0, {"crs_wkt": CRS.from_epsg(GRID.epsg).to_wkt()})
    return made if upright else made.isel(y=slice(None, None, -1))


def found(made: xr.Dataset, folder: Path) -> Finding:
    path = folder / "cube.nc"
    made.to_netcdf(path, engine="netcdf4")
    return s2_cube_scenes(path, "plot")


def code(finding: Finding) -> str:
    assert finding.scenes == ()
    [reject] = finding.rejected
    return reject.code


@pytest.mark.parametrize("upright", [True, False], ids=["north first", "south first"])
@pytest.mark.parametrize("short", [True, False], ids=["B2", "B02"])
@pytest.mark.parametrize("factor", [1.0, 10_000.0], ids=["reflectance", "numbers"])
def test_every_layout_gives_the_same_scenes(tmp_path: Path, upright: bool, short: bool, factor: float) -> None:
    finding = found(cube(upright=upright, factor=factor, short=short), tmp_path)
    assert not finding.rejected and len(finding.scenes) == 3
    for k, scene in enumerate(finding.scenes):
        expected, raster = optical_raster(GRID, 1 + 9 * k), scene.load()
        assert scene.grid == raster.grid == GRID
        assert set(raster.bands) == set(expected.bands)
        for name, values in expected.bands.items():
            assert np.allclose(raster.bands[name], values, rtol=1e-5), name


def test_both_orders_of_rows_give_the_same_pixels_to_the_bit(tmp_path: Path) -> None:
    one, two = found(cube(), tmp_path), found(cube(upright=False), tmp_path)
    assert [s.load().pixels_sha256 for s in one.scenes] == [s.load().pixels_sha256 for s in two.scenes]


def test_an_offer_says_what_a_cube_can_say(tmp_path: Path) -> None:
    offer = found(cube(), tmp_path).scenes[0].offer
    assert offer.id == "plot_S2_20200501T013031"
    assert (offer.sensor, offer.track, offer.source_id) == (Sensor.S2, None, "s2-cube")
    assert offer.acquired_at == datetime(2020, 5, 1, 1, 30, 31, tzinfo=UTC)


def test_scenes_are_sorted_whatever_the_order_of_times(tmp_path: Path) -> None:
    days = [s.offer.acquired_at.day for s in found(cube(TIMES[[2, 0, 1]]), tmp_path).scenes]
    assert days == [1, 6, 11]


def test_a_date_twice_keeps_the_first_and_names_the_second(tmp_path: Path) -> None:
    finding = found(cube(TIMES[[0, 0, 1]]), tmp_path)
    assert [r.code for r in finding.rejected] == ["E1211"] and len(finding.scenes) == 2
    assert finding.scenes[0].load().pixels_sha256 == optical_raster(GRID, 1).pixels_sha256


def test_a_time_that_is_missing_is_named_and_the_others_come(tmp_path: Path) -> None:
    times = TIMES.copy()
    times[1] = np.datetime64("NaT")
    finding = found(cube(times), tmp_path)
    assert [r.code for r in finding.rejected] == ["E1209"] and len(finding.scenes) == 2


def test_times_that_are_no_times_are_e1209(tmp_path: Path) -> None:
    assert code(found(cube(np.array([1, 2, 3])), tmp_path)) == "E1209"


def test_unseen_pixels_are_nan_in_every_band_and_classes_stay(tmp_path: Path) -> None:
    made = cube()
    made["SCL"].values[0, :10] = 0.0
    raster = found(made, tmp_path).scenes[0].load()
    assert np.isnan(raster.bands["B04"][:10]).all() and np.isfinite(raster.bands["B04"][10:]).all()
    assert (raster.bands["SCL"][:10] == 0).all()


def test_a_cube_without_a_red_value_is_read_without_a_warning(tmp_path: Path) -> None:
    made = cube()
    made["B04"].values[:] = np.nan
    assert np.isnan(found(made, tmp_path).scenes[0].load().bands["B04"]).all()


@pytest.mark.parametrize("band", ["B04", "B08", "SCL"])
def test_a_cube_without_a_needed_band_is_e1203(tmp_path: Path, band: str) -> None:
    assert code(found(cube().drop_vars(band), tmp_path)) == "E1203"


def test_a_cube_without_a_crs_or_with_degrees_is_e1201(tmp_path: Path) -> None:
    assert code(found(cube().drop_vars("spatial_ref"), tmp_path)) == "E1201"
    for text in (CRS.from_epsg(4326).to_wkt(), "no crs at all", ""):
        made = cube()
        made["spatial_ref"].attrs["crs_wkt"] = text
        assert code(found(made, tmp_path)) == "E1201"


def without_axis(made: xr.Dataset) -> xr.Dataset:
    return made.drop_vars("x")


def uneven(made: xr.Dataset) -> xr.Dataset:
    return made.isel(x=[0, 1, 2, 4, 5])


def oblong(made: xr.Dataset) -> xr.Dataset:
    return made.assign_coords(y=made["y"] * 2.0)


def backwards(made: xr.Dataset) -> xr.Dataset:
    return made.isel(x=slice(None, None, -1))


def one_row(made: xr.Dataset) -> xr.Dataset:
    return made.isel(y=[0])


@pytest.mark.parametrize("spoil", [without_axis, uneven, oblong, backwards, one_row])
def test_axes_that_are_no_grid_of_squares_are_e1202(tmp_path: Path, spoil: Callable[[xr.Dataset], xr.Dataset]) -> None:
    assert code(found(spoil(cube()), tmp_path)) == "E1202"


def test_what_is_no_netcdf_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "cube.nc"
    assert code(s2_cube_scenes(path, "plot")) == "E1103"
    for content, expected in ((b"", "E1103"), (b"\x89HDF" * 20, "E1103"), (b"<html>Not found</html>" * 80, "E1104")):
        path.write_bytes(content)
        assert code(s2_cube_scenes(path, "plot")) == expected


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_cube_cut_anywhere_is_e1101(tmp_path: Path, share: float) -> None:
    path = tmp_path / "cube.nc"
    cube().to_netcdf(path, engine="netcdf4")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert code(s2_cube_scenes(path, "plot")) == "E1101"


def test_the_real_cube_is_the_same_mirrored(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    path = shared_data("s2_romania") / "sentinel2_cube_subset_romania_20m.nc"
    with xr.open_dataset(path, engine="netcdf4") as real:
        mirrored = real.isel(time=slice(0, 4), y=slice(None, None, -1)).load()
    (tmp_path / "real").mkdir()
    mirrored.to_netcdf(tmp_path / "mirrored.nc", engine="netcdf4")
    plain, flipped = s2_cube_scenes(path, "ro"), s2_cube_scenes(tmp_path / "mirrored.nc", "ro")
    assert not plain.rejected and not flipped.rejected and len(plain.scenes) == 140
    for one, two in zip(plain.scenes, flipped.scenes, strict=False):
        assert one.offer.id == two.offer.id and one.grid == two.grid
        assert one.load().pixels_sha256 == two.load().pixels_sha256
    first = plain.scenes[0]
    assert first.grid.epsg == 3035 and np.nanmax(first.load().bands["B04"]) < 2.0
