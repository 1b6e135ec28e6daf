"""Deflated pixels vouch for themselves; whatever their streams lose or gain is found."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sat_monitor.core.domain import Sensor
from sat_monitor.imagery.evalscripts import RECIPES
from sat_monitor.imagery.geotiff import read_geotiff
from sat_monitor.imagery.tiff_layout import is_whole, read_layout
from sat_monitor.imagery.tiff_streams import check_streams
from tests.faults.mutate import ANSWER_GRID, answer, planes
from tests.imagery_world import raises_code, write_tiff

S1, S2 = RECIPES[Sensor.S1], RECIPES[Sensor.S2]
LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {},
    "short strips": {"blockysize": 7},
    "strips by band": {"interleave": "band"},
    "tiles": {"tiled": True, "blockxsize": 32, "blockysize": 16},
    "tiles by band": {"tiled": True, "blockxsize": 16, "blockysize": 16, "interleave": "band"},
    "differences": {"predictor": 2},
    "BigTIFF": {"BIGTIFF": "YES"},
    "big endian": {"ENDIANNESS": "BIG"},
    "adobe deflate": {"compress": "deflate", "zlevel": 9},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("recipe", [S1, S2], ids=["floats", "integers"])
def test_whole_streams_vouch_for_their_pixels(tmp_path: Path, recipe: Any, layout: str) -> None:
    assert check_streams(answer(tmp_path / "a.tif", recipe, **LAYOUTS[layout]))


@pytest.mark.parametrize("compress", [None, "lzw", "zstd", "packbits"])
def test_what_has_no_checksum_is_not_vouched_for(tmp_path: Path, compress: str | None) -> None:
    assert not check_streams(answer(tmp_path / "a.tif", S2, compress=compress))


def test_a_picture_with_overviews_and_a_mask_is_vouched_for(tmp_path: Path) -> None:
    grid = replace(ANSWER_GRID, height=300, width=300)
    path = write_tiff(tmp_path / "a.tif", grid, planes(S1, grid), driver="COG", compress="deflate", blocksize=128)
    assert len(read_layout(path)[1]) > 1 and check_streams(path)


def test_absent_blocks_are_not_vouched_for(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint16", "width": 64, "height": 64, "compress": "deflate"}
    with rasterio.open(path, "w", **profile, transform=ANSWER_GRID.affine, crs="EPSG:32654", SPARSE_OK="TRUE"):
        pass
    assert not check_streams(path)


def rewritten(path: Path, number: int, content: bytes) -> None:
    """Let block `number` of `path` be `content`, appended to the file."""
    _, [picture] = read_layout(path)
    tags = {tag.number: tag for tag in picture.tags}
    whole = bytearray(path.read_bytes())
    for tag, value in ((273, len(whole)), (279, len(content))):
        size = (tags[tag].end - tags[tag].start) // tags[tag].count
        at = tags[tag].start + number * size
        whole[at : at + size] = value.to_bytes(size, "little")
    path.write_bytes(bytes(whole) + content)


def stream(path: Path, number: int) -> bytes:
    _, [picture] = read_layout(path)
    block = picture.blocks()[number]
    return path.read_bytes()[block.start : block.end]


def one_sample_altered(content: bytes) -> bytes:
    """A well-formed stream whose checksum is that of other samples."""
    samples = bytearray(zlib.decompress(content))
    samples[100] ^= 1
    return zlib.compress(bytes(samples))[:-4] + content[-4:]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "checksum": one_sample_altered,
    "no checksum": lambda content: content[:-4],
    "half": lambda content: content[: len(content) // 2],
    "one sample less": lambda content: zlib.compress(zlib.decompress(content)[:-2]),
    "one sample more": lambda content: zlib.compress(zlib.decompress(content) + b"\0\0"),
    "a bomb": lambda content: zlib.compress(bytes(100_000_000)),
    "bytes after the end": lambda content: content + b"ab",
    "many zeros after the end": lambda content: content + bytes(8),
    "another stream after the end": lambda content: content + content,
    "no header": lambda content: content[2:],
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("number", [0, 4])
def test_a_stream_that_is_not_exactly_its_samples_is_refused(tmp_path: Path, number: int, damage: str) -> None:
    path = answer(tmp_path / "a.tif", S2, blockysize=8)
    rewritten(path, number, DAMAGES[damage](stream(path, number)))
    assert is_whole(path)
    with raises_code("E1105"):
        check_streams(path)
    with raises_code("E1105"):
        read_geotiff(path, names=S2.bands)


def test_a_byte_that_makes_a_stream_even_is_padding(tmp_path: Path) -> None:
    path = answer(tmp_path / "a.tif", S2, blockysize=8)
    rewritten(path, 2, stream(path, 2) + b"\0")
    assert check_streams(path)


def test_a_stream_beyond_the_end_is_truncated(tmp_path: Path) -> None:
    path = answer(tmp_path / "a.tif", S2)
    path.write_bytes(path.read_bytes()[:-1])
    with raises_code("E1101"):
        check_streams(path)


def test_blocks_that_are_not_those_of_the_picture_are_refused(tmp_path: Path) -> None:
    path = answer(tmp_path / "a.tif", S2, blockysize=8)
    content = bytearray(path.read_bytes())
    _, [picture] = read_layout(path)
    [rows] = [tag.start for tag in picture.tags if tag.number == 278]
    for height in (0, 1, 7, 9, 10, 40):
        content[rows : rows + 2] = height.to_bytes(2, "little")
        path.write_bytes(content)
        with raises_code("E1105"):
            check_streams(path)


def test_a_position_that_no_file_can_have_is_truncated(tmp_path: Path) -> None:
    path = answer(tmp_path / "a.tif", S2, BIGTIFF="YES")
    content = path.read_bytes()
    for position in (1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        path.write_bytes(content[:8] + position.to_bytes(8, "little") + content[16:])
        assert not is_whole(path)


def test_the_samples_of_all_blocks_are_the_picture(tmp_path: Path) -> None:
    path = answer(tmp_path / "a.tif", S2, blockysize=7)
    _, [picture] = read_layout(path)
    samples = b"".join(zlib.decompress(stream(path, number)) for number in range(len(picture.blocks())))
    found = np.frombuffer(samples, "<u2").reshape(40, 48, 9)
    assert np.array_equal(found, np.stack(list(planes(S2).values()), axis=-1).astype(np.uint16))
