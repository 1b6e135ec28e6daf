"""What the archive writes really is a cloud-optimised GeoTIFF, and the same every time."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sat_monitor.core.errors import SatMonitorError
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery import cog
from sat_monitor.imagery.cog import Plane, read_cog, write_cog
from sat_monitor.imagery.tiff_layout import read_layout
from tests.imagery_world import GRID, noise, raises_code

ROOT = Path(__file__).resolve().parents[1]


def planes(grid: Grid, count: int = 2) -> dict[str, Plane]:
    values = {f"layer_{k}": noise(grid.shape, k) for k in range(count)}
    for plane in values.values():
        plane[:3, :4] = np.nan
    return {name: Plane(plane, f"unit {name}") for name, plane in values.items()}


@pytest.mark.parametrize("shape", [(1, 1), (64, 200), (96, 80), (520, 530), (700, 130)])
def test_a_file_is_tiled_with_overviews_where_it_is_large_and_nothing_lies_beside_it(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    grid = replace(GRID, height=shape[0], width=shape[1])
    path = tmp_path / "a.tif"
    write_cog(path, grid, planes(grid))
    with rasterio.open(path) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert all(side % 16 == 0 for block in file.block_shapes for side in block)
        assert file.profile["tiled"] or max(shape) <= 128
        assert bool(file.overviews(1)) == (max(shape) > 512)
        assert file.descriptions == ("layer_0", "layer_1") and file.units == ("unit layer_0", "unit layer_1")
        assert np.isnan(file.nodatavals).all() and set(file.dtypes) == {"float32"}
        assert file.crs.to_epsg() == grid.epsg and file.transform == grid.affine and file.shape == shape
        assert file.compression.name == "zstd"
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_the_directories_of_a_file_come_before_its_pixels(tmp_path: Path) -> None:
    grid = replace(GRID, height=600, width=600)
    write_cog(tmp_path / "a.tif", grid, planes(grid))
    with rasterio.open(tmp_path / "a.tif") as file:
        first = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", 1))
        directories = [int(file.get_tag_item("IFD_OFFSET", "TIFF", 1))]
        directories += [int(file.get_tag_item("IFD_OFFSET", "TIFF", 1, ovr=k)) for k in range(len(file.overviews(1)))]
        overview = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", 1, ovr=0))
    assert max(directories) < overview < first


def test_the_same_planes_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        write_cog(tmp_path / name, GRID, planes(GRID))
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_every_value_comes_back_to_the_bit_by_window_and_in_the_order_asked(tmp_path: Path) -> None:
    given = planes(GRID, 3)
    write_cog(tmp_path / "a.tif", GRID, given)
    window = Window(1, 2, 50, 61)
    read = read_cog(tmp_path / "a.tif", ["layer_2", "layer_0"], window)
    assert list(read) == ["layer_2", "layer_0"]
    for name, values in read.items():
        assert values.dtype == np.float32
        assert np.array_equal(values, given[name].values[window.slices], equal_nan=True)


def test_extreme_values_survive(tmp_path: Path) -> None:
    grid = replace(GRID, height=1, width=4)
    values = np.array([[0.0, -9999.0, 3.4e38, 1e-38]], np.float32)
    write_cog(tmp_path / "a.tif", grid, {"x": Plane(values, "1")})
    assert np.array_equal(read_cog(tmp_path / "a.tif", ["x"], Window(0, 0, 1, 4))["x"], values)


def test_a_band_that_is_not_there_is_refused_and_named(tmp_path: Path) -> None:
    write_cog(tmp_path / "a.tif", GRID, planes(GRID))
    with raises_code("E1203") as info:
        read_cog(tmp_path / "a.tif", ["layer_0", "layer_9"], Window(0, 0, 1, 1))
    assert "layer_9" in info.value.message


def test_a_file_that_does_not_decode_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"not a picture" * 40)
    with raises_code("E1105"):
        read_cog(tmp_path / "a.tif", ["layer_0"], Window(0, 0, 1, 1))


def test_a_disk_that_refuses_is_e1302_and_the_older_file_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("not a folder")
    with pytest.raises(SatMonitorError) as info:
        write_cog(folder / "a.tif", GRID, planes(GRID))
    assert info.value.code == "E1302"
    assert folder.read_text() == "not a folder"


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from sat_monitor.core.errors import SatMonitorError
from sat_monitor.imagery import cog
from sat_monitor.imagery.cog import write_cog
from tests.imagery_world import GRID
from tests.test_cog import planes

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, size = Path(sys.argv[1]), int(sys.argv[2])
for room in [*range(0, size, size // 25), size - 5, size - 1]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        write_cog(path, GRID, planes(GRID))
    except SatMonitorError as error:
        assert error.code == "E1302", error
    else:
        raise AssertionError(f"a file of {size} bytes fitted into {room}")
    assert not list(path.parent.iterdir()), room
"""


def test_a_disk_that_fills_up_anywhere_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    write_cog(tmp_path / "a.tif", GRID, planes(GRID))
    size = (tmp_path / "a.tif").stat().st_size
    (tmp_path / "full").mkdir()
    words = [sys.executable, "-c", FULL_DISK, str(tmp_path / "full" / "a.tif"), str(size)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def pad_before_directory(path: Path) -> None:
    """Move everything after the preamble back, as a directory that is written twice does, and mend what points there."""
    _, directories = read_layout(path)
    [picture], content = directories, bytearray(path.read_bytes())
    gap = picture.end - picture.start
    starts = next(tag for tag in picture.tags if tag.number == 324)
    moved = [n + gap for n in picture.integers[324]]
    struct.pack_into(f"<{len(moved)}I", content, starts.start, *moved)
    for entry, tag in enumerate(picture.tags):
        if not tag.inside:
            struct.pack_into("<I", content, picture.start + 2 + 12 * entry + 8, tag.start + gap)
    struct.pack_into("<I", content, 4, picture.start + gap)
    path.write_bytes(content[: picture.start] + bytes(gap) + content[picture.start :])


@pytest.mark.parametrize("lost", ["a pixel", "the order", "the first try", "a name", "everything"])
def test_a_file_that_the_disk_did_not_keep_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    write = cog._write

    def loses(path: Path, grid: Grid, wanted: dict[str, Plane]) -> None:
        kept = dict(wanted)
        if lost == "a pixel":
            first = kept["layer_0"]
            values = first.values.copy()
            values[-1, -1] = np.nan
            kept["layer_0"] = replace(first, values=values)
        if lost == "a name":
            kept = {name.upper(): plane for name, plane in kept.items()}
        write(path, grid, kept)
        if lost == "the order":
            with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
                file.update_tags(later="a directory that moves to the end " * 20)
        if lost == "the first try":
            pad_before_directory(path)
        if lost == "everything":
            path.write_bytes(path.read_bytes()[:100])

    monkeypatch.setattr(cog, "_write", loses)
    with raises_code("E1302"):
        write_cog(tmp_path / "a.tif", GRID, planes(GRID))
    assert not list(tmp_path.iterdir())
