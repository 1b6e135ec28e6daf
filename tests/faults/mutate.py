"""Whole answers of an image service, and a seeded corruptor: one way of damage at a time, as disks and proxies do it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.asked import Asked
from sat_monitor.imagery.evalscripts import Recipe
from tests.imagery_world import noise, sar_raster

ANSWER_GRID = Grid(32654, 339_000.0, 3_953_000.0, 10.0, 40, 48)

HTML = b"<!DOCTYPE html><html><head><title>503</title></head><body>Service Unavailable</body></html>\n" * 8
JSON = b'{"error": {"status": 429, "reason": "Too Many Requests", "message": "rate limit exceeded"}}\n' * 8
VRT = (
    b'<VRTDataset rasterXSize="48" rasterYSize="40"><SRS>EPSG:32654</SRS><VRTRasterBand dataType="UInt16" band="1">'
    b'<SimpleSource><SourceFilename relativeToVRT="1">base.tif</SourceFilename></SimpleSource></VRTRasterBand>'
    b"</VRTDataset>\n"
)
MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+", b"\x89PNG", b"\x1f\x8b\x08\x00", b"PK\x03\x04", b"\x00" * 4)

Mutation = Callable[[bytes, random.Random], bytes]


def asked(recipe: Recipe, grid: Grid = ANSWER_GRID) -> Asked:
    """The question that `answer` answers."""
    return Asked(grid, recipe.bands, recipe.dtype, None, recipe.ranges)


def planes(recipe: Recipe, grid: Grid = ANSWER_GRID) -> dict[str, FloatArray]:
    """Quiet ground, seen everywhere: a constant mask is what a wrong decode finds easiest to pass."""
    rows, columns = np.mgrid[: grid.height, : grid.width]
    fixed = {
        "SCL": np.where(rows // 8 % 2 == columns // 12 % 2, 4.0, 5.0),
        "CLP": np.clip(20.0 * np.abs(noise(grid.shape, 7)), 0.0, 255.0).round(),
        "dataMask": np.ones(grid.shape),
        "shadowMask": (noise(grid.shape, 8) > 2.0) * 1.0,
        "localIncidenceAngle": 38.0 + noise(grid.shape, 9),
        **sar_raster(grid).bands,
    }
    made = {
        b: fixed[b] if b in fixed else (800 + 60 * noise(grid.shape, k)).round() for k, b in enumerate(recipe.bands)
    }
    return {band: values.astype(np.float32) for band, values in made.items()}


def answer(
    path: Path, recipe: Recipe, grid: Grid = ANSWER_GRID, bands: Mapping[str, FloatArray] | None = None, **changes: Any
) -> Path:
    """A deflate GeoTIFF without names of bands, as an image service sends it; `changes` as rasterio takes them."""
    values = np.stack(list((bands or planes(recipe, grid)).values())).astype(recipe.dtype)
    profile = {
        "driver": "GTiff", "count": len(values), "dtype": recipe.dtype, "crs": f"EPSG:{grid.epsg}",
        "transform": grid.affine, "height": grid.height, "width": grid.width, "compress": "deflate", "zlevel": 1,
    }  # fmt: skip
    with rasterio.open(path, "w", **{**profile, **changes}) as file:
        file.write(values.astype(file.dtypes[0])[: file.count])
    return path


def _range(content: bytes, rng: random.Random) -> tuple[int, int]:
    """A range that is as often short as long: [start, end), at least one byte where there is one."""
    length = max(1, int(len(content) ** rng.random()))
    start = rng.randrange(max(1, len(content) - length + 1))
    return start, start + length


def _replaced(content: bytes, start: int, part: bytes) -> bytes:
    return content[:start] + part + content[start + len(part) :]


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def zero_tail(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + bytes(len(content) - start)


def zero_range(content: bytes, rng: random.Random) -> bytes:
    start, end = _range(content, rng)
    return _replaced(content, start, bytes(end - start))


def _flips(content: bytes, rng: random.Random, below: int) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        damaged[rng.randrange(below)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def flip_bits(content: bytes, rng: random.Random) -> bytes:
    return _flips(content, rng, len(content))


def flip_bits_of_the_header(content: bytes, rng: random.Random) -> bytes:
    return _flips(content, rng, min(600, len(content)))


def random_range(content: bytes, rng: random.Random) -> bytes:
    start, end = _range(content, rng)
    return _replaced(content, start, rng.randbytes(end - start))


def random_bytes_of_the_header(content: bytes, rng: random.Random) -> bytes:
    return _replaced(content, rng.randrange(min(600, len(content))), rng.randbytes(rng.randint(1, 4)))


def swap_ranges(content: bytes, rng: random.Random) -> bytes:
    start, end = _range(content[: len(content) // 2], rng)
    other = rng.randrange(end, len(content) - (end - start) + 1)
    first, second = content[start:end], content[other : other + end - start]
    return _replaced(_replaced(content, start, second), other, first)


def copy_range(content: bytes, rng: random.Random) -> bytes:
    start, end = _range(content, rng)
    return _replaced(content, rng.randrange(len(content) - (end - start) + 1), content[start:end])


def repeat_range(content: bytes, rng: random.Random) -> bytes:
    start, end = _range(content, rng)
    return content[:end] + content[start:]


def insert_bytes(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.randbytes(rng.choice((1, 2, 3, 4, 512, 4096))) + content[at:]


def delete_bytes(content: bytes, rng: random.Random) -> bytes:
    start, end = _range(content, rng)
    return content[:start] + content[end:]


def wrong_magic(content: bytes, rng: random.Random) -> bytes:
    return _replaced(content, 0, rng.choice([magic for magic in MAGICS if magic != content[:4]]))


def wrong_header(content: bytes, rng: random.Random) -> bytes:
    return _replaced(content, 0, rng.randbytes(rng.choice((2, 4, 8, 16))))


def vrt_named_tif(content: bytes, rng: random.Random) -> bytes:
    return VRT + b" " * rng.randrange(1000)


def stub(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.choice((0, 1, 8, 96))]


def error_page(content: bytes, rng: random.Random) -> bytes:
    return rng.choice((HTML, JSON))[: rng.randrange(90, 700)]


def page_after_the_start(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))] + HTML


def text_line_ends(content: bytes, rng: random.Random) -> bytes:
    return content.replace(b"\n", b"\r\n")


def seven_bits(content: bytes, rng: random.Random) -> bytes:
    return bytes(value & 0x7F for value in content)


DAMAGES: Mapping[str, Mutation] = {
    mutation.__name__.replace("_", " "): mutation
    for mutation in (
        cut, zero_tail, zero_range, flip_bits, flip_bits_of_the_header, random_range, random_bytes_of_the_header,
        swap_ranges, copy_range, repeat_range, insert_bytes, delete_bytes, wrong_magic, wrong_header, vrt_named_tif,
        stub, error_page, page_after_the_start, text_line_ends, seven_bits,
    )
}  # fmt: skip


def mutate(content: bytes, seed: int, others: Mapping[str, bytes]) -> tuple[str, bytes]:
    """(way of damage, damaged content); `others` are whole files that answer other questions."""
    rng = random.Random(seed)
    names = [*DAMAGES, "another file"]
    name = names[rng.randrange(len(names))]
    if name == "another file":
        other = rng.choice(sorted(others))
        return f"another file: {other}", others[other]
    return name, DAMAGES[name](content, rng)
