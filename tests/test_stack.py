"""Stacks: one track, ascending, `valid` apart from the values, corrected where a shift says so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sat_monitor.core.domain import INSTRUMENTS, Direction, Sensor, Track
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Window
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.cloud import clear_mask, ground_mask
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.register import Shift, shift_bands
from sat_monitor.imagery.sensors import SENSORS
from sat_monitor.imagery.stack import StackReader
from tests.imagery_world import fourier_shift
from tests.imagery_world import texture as fft_texture
from tests.scene_world import GRID, offer, raster


@pytest.fixture
def reader(tmp_path: Path) -> StackReader:
    return StackReader(Archive(tmp_path / "archive"), Profile(), 1 << 26)


def test_a_stack_holds_values_units_validity_and_clear_ground(reader: StackReader) -> None:
    bands = {name: values.copy() for name, values in raster().bands.items()}
    bands["B04"][:10] = np.nan
    bands["SCL"][40:50, 40:50] = 9.0
    scenes = [reader.archive.put_scene(offer(0), raster()), reader.archive.put_scene(offer(1), Raster(GRID, bands))]
    window = Window(5, 8, 60, 70)
    stack = reader.read(scenes, ("B04", "B08", "SCL", "B11"), GRID.window(window), {})
    assert stack["B04"].dims == ("time", "y", "x") and stack["B04"].shape == (2, 60, 70)
    assert stack["B04"].attrs["units"] == "surface reflectance, 0..1" and stack.attrs["pixel_m"] == 10.0
    assert stack["valid"].values[0].all() and not stack["valid"].values[1, :5].any()
    assert not stack["clear"].values[1, 33:47, 30:44].any() and stack["clear"].values[0].all()
    assert np.isnan(stack["B11"].values).all()
    assert np.array_equal(stack["B04"].values[1], bands["B04"][window.slices], equal_nan=True)
    assert (np.diff(stack["time"].values) > np.timedelta64(0)).all()


def test_what_may_not_be_compared_is_refused_with_both_sides(reader: StackReader) -> None:
    other = Track(39, Direction.ASCENDING)
    one = reader.archive.put_scene(offer(0, Sensor.S1), raster(Sensor.S1))
    two = reader.archive.put_scene(offer(1, Sensor.S1, track=other), raster(Sensor.S1, 1))
    optical = reader.archive.put_scene(offer(2), raster())
    coarse = replace(GRID, pixel_m=20.0)
    wide = reader.archive.put_scene(offer(3, Sensor.S1), raster(Sensor.S1, 2, coarse))
    for pair in ((one, two), (one, optical), (one, wide)):
        with pytest.raises(SceneReject, match="E1206") as caught:
            reader.read(pair, ("VV", "VH"), GRID, {})
        assert all(scene.id in str(caught.value) for scene in pair)
    three = reader.archive.put_scene(offer(4, Sensor.S1), raster(Sensor.S1, 3))
    with pytest.raises(SceneReject, match="E1206"):
        reader.read([three, one], ("VV", "VH"), GRID, {})


def test_a_shifted_scene_is_read_as_if_it_lay_on_its_reference(reader: StackReader) -> None:
    shift = Shift(0.4, -0.3, 0.02, True)
    moved = shift_bands(raster(Sensor.S1).bands, Shift(-0.4, 0.3, 0.02, True))
    scene = reader.archive.put_scene(offer(0, Sensor.S1), Raster(GRID, moved))
    inner = GRID.window(Window(10, 10, 50, 60))
    back = reader.read([scene], ("VV",), inner, {scene.id: shift})["VV"].values[0]
    plain = reader.read([scene], ("VV",), inner, {})["VV"].values[0]
    truth = raster(Sensor.S1).bands["VV"][10:60, 10:70]
    assert np.abs(back - truth).mean() < 0.4 * np.abs(plain - truth).mean()


def test_a_small_cache_reads_the_same(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    scenes = [archive.put_scene(offer(k, Sensor.S1), raster(Sensor.S1, k)) for k in range(6)]
    small, large = StackReader(archive, Profile(), 1), StackReader(archive, Profile(), 1 << 28)
    for _ in range(2):
        assert small.read(scenes, ("VV", "VH"), GRID, {}).equals(large.read(scenes, ("VV", "VH"), GRID, {}))


def test_cloud_and_shadow_grow_and_no_data_is_not_clear() -> None:
    scl = np.full((20, 20), 4.0, np.float32)
    scl[10, 10], scl[0, 0], scl[3, 3], scl[18, 2] = 8.0, 0.0, np.nan, 11.0
    clear = clear_mask(scl, 2)
    assert not clear[8:13, 8:13].any() and clear[7, 7] and not (clear[0, 0] or clear[3, 3] or clear[18, 2])
    assert clear[0, 1] and clear_mask(scl, 0)[10, 11]


def test_bright_soil_that_is_called_cloud_is_ground_and_cloud_is_not() -> None:
    scl = np.full((30, 30), 4.0, np.float32)
    scl[5:10, 5:10] = scl[20:25, 20:25] = 9.0
    bands = {
        n: np.full((30, 30), v, np.float32) for n, v in (("B02", 0.1), ("B04", 0.19), ("B08", 0.27), ("B11", 0.36))
    }
    for name, level in (("B02", 0.5), ("B04", 0.51), ("B08", 0.55), ("B11", 0.4)):
        bands[name][20:25, 20:25] = level
    clear = ground_mask({**bands, "SCL": scl}, 1)
    assert clear[5:10, 5:10].all() and not clear[19:26, 19:26].any()
    assert not ground_mask({"SCL": scl}, 1)[5:10, 5:10].any()


def test_times_out_of_order_are_refused_and_equal_times_go_by_id(reader: StackReader) -> None:
    one, two = (reader.archive.put_scene(offer(0, id=name), raster(seed=k)) for k, name in enumerate("ab"))
    assert reader.read([one, two], ("B04", "SCL"), GRID, {}).sizes["time"] == 2
    with pytest.raises(SceneReject, match="E1206"):
        reader.read([two, one], ("B04", "SCL"), GRID, {})


@pytest.mark.parametrize("sensor", INSTRUMENTS)
def test_every_band_carries_its_unit_and_the_stack_its_track(reader: StackReader, sensor: Sensor) -> None:
    scene = reader.archive.put_scene(offer(0, sensor), raster(sensor))
    bands = reader.archive.bands(scene)
    stack = reader.read([scene], bands, GRID, {})
    for band in bands:
        assert stack[band].attrs["units"] == SENSORS[sensor].band(band).unit
        assert stack[band].dtype == np.float32
    assert stack.attrs["track"] == ("46D" if sensor is Sensor.S1 else "")
    assert (stack.attrs["epsg"], stack.attrs["sensor"]) == (32654, sensor.value)
    assert stack["valid"].dtype == bool and ("clear" in stack) == (sensor is Sensor.S2)


def test_valid_is_what_the_needed_bands_hold_whatever_the_others_lack(reader: StackReader) -> None:
    bands = {name: values.copy() for name, values in raster().bands.items()}
    bands["B11"] = np.full(GRID.shape, np.nan, np.float32)
    bands["B08"][:7] = np.nan
    scene = reader.archive.put_scene(offer(), Raster(GRID, bands))
    valid = reader.read([scene], ("B04", "B08", "B11", "SCL"), GRID, {})["valid"].values[0]
    assert not valid[:7].any() and valid[7:].all()


def test_a_stack_of_bands_that_no_sensor_needs_is_valid_where_they_are(reader: StackReader) -> None:
    short = np.full(GRID.shape, 0.2, np.float32)
    short[:9] = np.nan
    scene = reader.archive.put_scene(offer(), Raster(GRID, {**raster().bands, "B11": short}))
    valid = reader.read([scene], ("B11",), GRID, {})["valid"].values[0]
    assert not valid[:9].any() and valid[9:].all()


def test_beyond_the_scene_a_stack_is_nan_and_not_valid(reader: StackReader) -> None:
    scene = reader.archive.put_scene(offer(0, Sensor.S1), raster(Sensor.S1))
    stack = reader.read([scene], ("VV", "VH"), GRID.window(Window(-4, -6, 20, 20)), {})
    outside = np.ones((20, 20), bool)
    outside[4:, 6:] = False
    assert np.isnan(stack["VV"].values[0][outside]).all()
    assert np.array_equal(stack["valid"].values[0], ~outside)


def test_clear_ground_follows_from_the_bands_asked_not_from_what_was_read_before(reader: StackReader) -> None:
    soil = {"B02": 0.10, "B04": 0.20, "B08": 0.28, "B11": 0.36}
    bands = {name: np.full(GRID.shape, level, np.float32) for name, level in soil.items()}
    scene = reader.archive.put_scene(offer(), Raster(GRID, {**bands, "SCL": np.full(GRID.shape, 9.0, np.float32)}))
    few, all_bands = ("B04", "B08", "SCL"), (*soil, "SCL")
    for _ in range(2):
        assert not reader.read([scene], few, GRID, {})["clear"].values.any()
        assert reader.read([scene], all_bands, GRID, {})["clear"].values.all()


def test_what_was_read_once_is_read_from_the_cache_and_is_the_same(reader: StackReader) -> None:
    scenes = [reader.archive.put_scene(offer(k), raster(seed=k)) for k in range(3)]
    first = reader.read(scenes, ("B04", "B08", "SCL"), GRID, {})
    first["B04"].values[:] = -1.0
    for path in reader.archive.root.rglob("*.tif"):
        path.unlink()
    again = reader.read(scenes, ("B04", "B08", "SCL"), GRID, {})
    assert np.array_equal(again["B04"].values[2], raster(seed=2).bands["B04"])


def test_a_new_edition_of_a_scene_is_never_served_from_what_was_read_of_the_old_one(reader: StackReader) -> None:
    old = reader.archive.put_scene(offer(), raster(seed=1))
    reader.read([old], ("B04", "B08", "SCL"), GRID, {})
    for path in reader.archive.root.rglob("*.tif"):
        path.unlink()
    new = Archive(reader.archive.root.with_name("later")).put_scene(offer(), raster(seed=2))
    assert new.id == old.id and new.pixels_sha256 != old.pixels_sha256
    shutil.copytree(reader.archive.root.with_name("later"), reader.archive.root, dirs_exist_ok=True)
    assert np.array_equal(
        reader.read([new], ("B04", "B08", "SCL"), GRID, {})["B04"].values[0], raster(seed=2).bands["B04"]
    )


def test_a_damaged_file_stops_its_stack_with_a_number(reader: StackReader) -> None:
    scene = reader.archive.put_scene(offer(), raster())
    [path] = reader.archive.root.rglob("*.tif")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(SceneReject, match="E1102"):
        reader.read([scene], ("B04", "SCL"), GRID, {})


def test_a_shift_below_the_noise_or_not_measured_leaves_every_pixel_alone(reader: StackReader) -> None:
    scene = reader.archive.put_scene(offer(0, Sensor.S1), raster(Sensor.S1))
    for shift in (Shift(0.04, 0.04, 0.02, True), Shift(0.4, 0.4, 0.5, False)):
        values = reader.read([scene], ("VV",), GRID, {scene.id: shift})["VV"].values[0]
        assert np.array_equal(values, raster(Sensor.S1).bands["VV"])


def test_blocks_of_a_corrected_scene_fit_together(reader: StackReader) -> None:
    scene = reader.archive.put_scene(offer(0, Sensor.S1), raster(Sensor.S1))
    shifts = {scene.id: Shift(0.3, -0.4, 0.02, True)}
    whole = reader.read([scene], ("VV",), GRID.window(Window(8, 8, 40, 60)), shifts)["VV"].values[0]
    left = reader.read([scene], ("VV",), GRID.window(Window(8, 8, 40, 25)), shifts)["VV"].values[0]
    right = reader.read([scene], ("VV",), GRID.window(Window(8, 33, 40, 35)), shifts)["VV"].values[0]
    assert np.abs(np.hstack([left, right]) - whole).max() < 0.01 * whole.mean()


def test_a_corrected_scene_equals_the_unshifted_one_inside(reader: StackReader) -> None:
    smooth = (0.2 + 0.02 * fft_texture(128, 3)).astype(np.float32)
    grid = replace(GRID, height=128, width=128)
    smooth = gaussian_filter(smooth, 1.0, mode="wrap")
    moved = {name: fourier_shift(smooth, 0.35, -0.3) for name in ("VV", "VH")}
    one = reader.archive.put_scene(offer(0, Sensor.S1), Raster(grid, {"VV": smooth, "VH": smooth}))
    two = reader.archive.put_scene(offer(1, Sensor.S1), Raster(grid, moved))
    inner = grid.window(Window(8, 8, 112, 112))
    stack = reader.read([one, two], ("VV",), inner, {two.id: Shift(0.35, -0.3, 0.02, True)})["VV"].values
    plain = reader.read([one, two], ("VV",), inner, {})["VV"].values
    assert np.std(stack[1] - stack[0]) < 0.1 * np.std(plain[1] - plain[0])
    assert np.array_equal(stack[0], plain[0])
