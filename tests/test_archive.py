"""The archive: what goes in comes out, once, and nothing else ever does."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.domain import INSTRUMENTS, ChangeMap, Layer, Scene, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery import archive as archive_module
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.raster import Raster
from tests.imagery_world import GRID, archived, noise, offer, optical_raster, raises_code, sar_raster


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def image(archive: Archive, scene: Scene) -> Path:
    return archive.root / scene.aoi / "scenes" / scene.id / f"{scene.id}.tif"


def flip_byte(path: Path, position: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if position is None else position] ^= 0xFF
    path.write_bytes(content)


def change_map(scene: Scene, references: tuple[str, ...] = (), seed: int = 1) -> ChangeMap:
    score = noise(scene.grid.shape, seed)
    score[:5] = np.nan
    return ChangeMap(
        detector="sar@1",
        scene_id=scene.id,
        reference_ids=references,
        grid=scene.grid,
        score=score,
        score_unit="sigma",
        valid=np.isfinite(score),
        depth_looks=np.full(scene.grid.shape, 17, np.int16),
        layers={"vv_change_db": Layer(noise(scene.grid.shape, seed + 1), "dB")},
        depth_days=364,
        registration={"dy_px": 0.125, "dx_px": -0.25, "residual_px": 0.01},
        profile_sha256="ab" * 32,
    )


@pytest.mark.parametrize("sensor", INSTRUMENTS)
def test_every_field_of_a_scene_survives_the_disk(tmp_path: Path, sensor: Sensor) -> None:
    given = offer(sensor, source_id="somewhere else", processing_baseline="05.11", simulated=True)
    raster = sar_raster() if sensor is Sensor.S1 else optical_raster()
    kept = Archive(tmp_path).put_scene(given, raster)
    [read] = Archive(tmp_path).scenes("plot")
    for field in fields(Scene):
        assert getattr(read, field.name) == getattr(kept, field.name), field.name
    for name in ("id", "aoi", "sensor", "platform", "acquired_at", "track", "source_id", "simulated"):
        assert getattr(read, name) == getattr(given, name), name
    assert read.grid == raster.grid and read.pixels_sha256 == raster.pixels_sha256


@pytest.mark.parametrize("cloudy", range(1, 80, 7))
def test_a_cloud_fraction_is_read_back_to_the_last_bit(tmp_path: Path, cloudy: int) -> None:
    scl = np.full(GRID.shape, 4.0, np.float32)
    scl.ravel()[: cloudy * 7] = 9.0
    kept = Archive(tmp_path).put_scene(offer(), optical_raster(SCL=scl))
    assert Archive(tmp_path).scenes("plot") == [kept]
    assert kept.cloud_fraction == pytest.approx(cloudy * 7 / scl.size, rel=1e-12)


def test_microseconds_of_the_acquisition_survive(tmp_path: Path) -> None:
    at = offer().acquired_at.replace(microsecond=24)
    Archive(tmp_path).put_scene(offer(acquired_at=at), optical_raster())
    assert Archive(tmp_path).scenes("plot")[0].acquired_at == at


def test_the_same_scene_twice_changes_no_byte(tmp_path: Path) -> None:
    first = Archive(tmp_path).put_scene(offer(), optical_raster())
    before = files(tmp_path)
    assert Archive(tmp_path).put_scene(offer(), optical_raster()) == first
    assert files(tmp_path) == before


def test_other_pixels_under_a_known_id_are_refused_and_the_older_kept(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.put_scene(offer(), optical_raster(seed=1))
    before = files(tmp_path)
    with raises_code("E1211"):
        archive.put_scene(offer(), optical_raster(seed=2))
    assert files(tmp_path) == before


def test_the_same_values_on_another_grid_are_other_pixels(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.put_scene(offer(), optical_raster())
    with raises_code("E1211"):
        archive.put_scene(offer(), Raster(replace(GRID, x0=GRID.x0 + 10.0), optical_raster().bands))


@pytest.mark.parametrize(
    "hostile", ["", ".", "..", "../up", "a/b", "a\\b", "/etc/x", "a b", "x" * 201, "-rf", "é", "a\n"]
)
def test_an_id_that_is_no_file_name_is_refused_and_writes_nothing(tmp_path: Path, hostile: str) -> None:
    with raises_code("E1212"):
        Archive(tmp_path / "archive").put_scene(offer(id=hostile), optical_raster())
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_is_written_anew_by_the_same_scene(tmp_path: Path, damage: str) -> None:
    archive = Archive(tmp_path)
    scene = archive.put_scene(offer(), optical_raster())
    path = image(archive, scene)
    {
        "flip": lambda: flip_byte(path),
        "cut": lambda: path.write_bytes(path.read_bytes()[:1000]),
        "remove": path.unlink,
    }[damage]()
    assert Archive(tmp_path).damaged() == [path]
    healed = Archive(tmp_path).put_scene(offer(), optical_raster())
    assert Archive(tmp_path).damaged() == []
    read = Archive(tmp_path).read(healed, ["B04"], GRID)["B04"]
    assert np.array_equal(read, optical_raster().bands["B04"])


def test_a_scene_without_its_bands_or_without_a_pixel_is_refused(tmp_path: Path) -> None:
    archive, raster = Archive(tmp_path), optical_raster()
    with raises_code("E1203"):
        archive.put_scene(offer(), Raster(GRID, {"B04": raster.bands["B04"]}))
    with raises_code("E1203"):
        archive.put_scene(offer(), Raster(GRID, {**raster.bands, "VV": raster.bands["B04"]}))
    with raises_code("E1208"):
        archive.put_scene(offer(), Raster(GRID, {**raster.bands, "SCL": np.zeros(GRID.shape, np.float32)}))
    assert archive.scenes("plot") == []


def test_the_valid_fraction_counts_pixels_with_every_required_band(tmp_path: Path) -> None:
    red = optical_raster().bands["B04"].copy()
    red[:48] = np.nan
    scl = np.full(GRID.shape, 4.0, np.float32)
    scl[:, :40] = 0.0
    scene = Archive(tmp_path).put_scene(offer(), optical_raster(B04=red, SCL=scl))
    assert scene.valid_fraction == pytest.approx(0.25)


WINDOWS = [
    Window(0, 0, 96, 80),
    Window(10, 20, 30, 40),
    Window(-8, -8, 20, 20),
    Window(90, 70, 30, 30),
    Window(-10, -10, 200, 200),
    Window(40, -30, 1, 31),
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_window_holds_the_scene_where_it_lies_and_nan_elsewhere(tmp_path: Path, window: Window) -> None:
    archive, raster = Archive(tmp_path), optical_raster()
    scene = archive.put_scene(offer(), raster)
    read = archive.read(scene, ["B08", "B04"], GRID.window(window))
    for name in ("B08", "B04"):
        padded = np.pad(raster.bands[name], 300, constant_values=np.nan)
        expected = padded[window.row + 300 :, window.col + 300 :][: window.height, : window.width]
        assert read[name].dtype == np.float32
        assert np.array_equal(read[name], expected, equal_nan=True)


@pytest.mark.parametrize("window", [Window(-50, 0, 50, 20), Window(96, 80, 5, 5), Window(0, 500, 9, 9)], ids=str)
def test_a_window_outside_the_scene_is_all_nan(tmp_path: Path, window: Window) -> None:
    archive = Archive(tmp_path)
    [scene] = archived(archive, Sensor.S1, range(1))
    assert np.isnan(archive.read(scene, ["VV"], GRID.window(window))["VV"]).all()


@pytest.mark.parametrize(
    "grid",
    [
        replace(GRID, x0=GRID.x0 + 5.0),
        replace(GRID, y0=GRID.y0 - 2.5),
        replace(GRID, pixel_m=20.0),
        replace(GRID, epsg=32653),
    ],
    ids=["half a pixel east", "quarter south", "20 m", "other zone"],
)
def test_a_grid_that_does_not_share_the_scenes_pixels_is_refused(tmp_path: Path, grid: Grid) -> None:
    archive = Archive(tmp_path)
    [scene] = archived(archive, Sensor.S1, range(1))
    with raises_code("E1206"):
        archive.read(scene, ["VV"], grid)


def test_a_band_that_a_scene_does_not_hold_is_refused(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    scene = archive.put_scene(offer(), optical_raster())
    assert archive.bands(scene) == ("B02", "B04", "B08", "B11", "SCL")
    with raises_code("E1203"):
        archive.read(scene, ["B12"], GRID)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99])
def test_one_flipped_byte_anywhere_is_found_at_first_use(tmp_path: Path, share: float) -> None:
    archive = Archive(tmp_path)
    scene = archive.put_scene(offer(), optical_raster())
    path = image(archive, scene)
    flip_byte(path, int(share * path.stat().st_size))
    with raises_code("E1102") as info:
        Archive(tmp_path).read(scene, ["B04"], GRID)
    assert isinstance(info.value, SceneReject) and info.value.scene_id == scene.id


def test_a_file_that_is_gone_is_a_numbered_reject(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    scene = archive.put_scene(offer(), optical_raster())
    image(archive, scene).unlink()
    with raises_code("E1102"):
        archive.read(scene, ["B04"], GRID)


def test_a_file_is_hashed_once_per_process_however_often_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = archived(Archive(tmp_path), Sensor.S1, range(2))
    hashed: list[Path] = []
    real = archive_module.file_sha256
    monkeypatch.setattr(archive_module, "file_sha256", lambda path: hashed.append(path) or real(path))
    archive = Archive(tmp_path)
    for scene in [*scenes, *scenes]:
        archive.read(scene, ["VV"], GRID.window(Window(0, 0, 8, 8)))
    assert len(hashed) == len(set(hashed)) == 2


def test_scenes_are_listed_in_time_order_by_aoi_and_sensor(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    optical = archived(archive, Sensor.S2, range(3))
    radar = archived(archive, Sensor.S1, range(1, 3))
    archive.put_scene(offer(aoi="elsewhere"), optical_raster(seed=7))
    assert archive.scenes("plot") == sorted([*optical, *radar], key=lambda s: s.order)
    assert archive.scenes("plot", Sensor.S1) == radar
    assert [s.aoi for s in archive.scenes("elsewhere")] == ["elsewhere"]
    assert archive.scenes("nowhere") == []


def test_a_change_map_comes_back_as_it_was_put(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    first, tested = archived(archive, Sensor.S1, range(2))
    given = change_map(tested, (first.id,))
    archive.put_change_map("plot", given, tested)
    read = Archive(tmp_path).change_map("plot", tested.id, "sar@1")
    plain = {f.name for f in fields(ChangeMap)} - {"score", "valid", "depth_looks", "layers"}
    for name in plain:
        assert getattr(read, name) == getattr(given, name), name
    for name in ("score", "valid", "depth_looks"):
        assert np.array_equal(getattr(read, name), getattr(given, name), equal_nan=name == "score"), name
        assert getattr(read, name).dtype == getattr(given, name).dtype
    assert {n: layer.unit for n, layer in read.layers.items()} == {"vv_change_db": "dB"}
    assert np.array_equal(read.layers["vv_change_db"].values, given.layers["vv_change_db"].values)


def test_a_recomputed_change_map_takes_the_place_of_the_older(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    [scene] = archived(archive, Sensor.S1, range(1))
    archive.put_change_map("plot", change_map(scene, seed=1), scene)
    before = files(tmp_path)
    archive.put_change_map("plot", change_map(scene, seed=1), scene)
    assert files(tmp_path) == before
    archive.put_change_map("plot", change_map(scene, seed=2), scene)
    read = archive.change_map("plot", scene.id, "sar@1")
    assert np.array_equal(read.score, change_map(scene, seed=2).score, equal_nan=True)


@pytest.mark.parametrize("changed", [{"reference_ids": ("s1-000",)}, {"profile_sha256": "cd" * 32}])
def test_a_change_map_of_the_same_pixels_keeps_the_newest_account_of_them(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    archive = Archive(tmp_path)
    _, tested = archived(archive, Sensor.S1, range(2))
    for given in (change_map(tested), replace(change_map(tested), **changed)):
        archive.put_change_map("plot", given, tested)
    read = archive.change_map("plot", tested.id, "sar@1")
    assert {name: getattr(read, name) for name in changed} == changed


def test_a_change_map_that_is_absent_damaged_or_gone_says_so(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    [scene] = archived(archive, Sensor.S1, range(1))
    with pytest.raises(KeyError):
        archive.change_map("plot", scene.id, "sar@1")
    archive.put_change_map("plot", change_map(scene), scene)
    [path] = (tmp_path / "plot" / "changes").rglob("*.tif")
    flip_byte(path)
    with raises_code("E1102"):
        archive.change_map("plot", scene.id, "sar@1")
    path.unlink()
    with raises_code("E1102"):
        archive.change_map("plot", scene.id, "sar@1")
    archive.put_change_map("plot", change_map(scene), scene)
    assert archive.change_map("plot", scene.id, "sar@1").depth_days == 364


def test_a_batch_writes_the_collections_once_and_the_same(tmp_path: Path) -> None:
    archived(Archive(tmp_path / "one"), Sensor.S2, range(3))
    archive = Archive(tmp_path / "two")
    with archive.batch(), archive.batch():
        archived(archive, Sensor.S2, range(3))
        assert not list((tmp_path / "two").rglob("collection.json"))
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_batch_that_fails_still_lists_what_was_archived(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with pytest.raises(RuntimeError), archive.batch():
        archived(archive, Sensor.S2, range(1))
        raise RuntimeError
    collection = json.loads((tmp_path / "plot" / "scenes" / "collection.json").read_text())
    assert [link["href"] for link in collection["links"] if link["rel"] == "item"] == ["./s2-000/s2-000.json"]


def test_what_a_killed_writer_left_unlisted_is_listed_again(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archived(archive, Sensor.S2, range(3))
    listed = (tmp_path / "plot" / "scenes" / "collection.json").read_bytes()
    (tmp_path / "plot" / "scenes" / "collection.json").write_bytes(b"{}")
    (tmp_path / "catalog.json").unlink()
    Archive(tmp_path).list_again("plot")
    assert (tmp_path / "plot" / "scenes" / "collection.json").read_bytes() == listed
    assert (tmp_path / "catalog.json").is_file()
