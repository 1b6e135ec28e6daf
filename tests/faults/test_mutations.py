"""Ten thousand damaged files: each ends as a number, or decodes to exactly the pixels, grid and names of the original."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.errors import RasterioError

from sat_monitor.core.domain import Sensor
from sat_monitor.core.errors import ERRORS, SceneReject
from sat_monitor.imagery.asked import read_answer
from sat_monitor.imagery.evalscripts import RECIPES, Recipe
from sat_monitor.imagery.files import file_sha256
from sat_monitor.imagery.geotiff import GeoTiff, open_geotiff, read_geotiff
from sat_monitor.imagery.items import FileFacts
from sat_monitor.imagery.tiff_layout import read_layout
from tests.faults.mutate import ANSWER_GRID, DAMAGES, answer, asked, mutate
from tests.imagery_world import sar_raster, write_tiff

FILES = 10_000
S1, S2 = RECIPES[Sensor.S1], RECIPES[Sensor.S2]
#: (a) files whose sha256 is promised; (b) answers that promise nothing.
HASHED: dict[str, dict[str, Any]] = {
    "plain": {},
    "cog": {"driver": "COG", "blocksize": 128, "compress": "zstd"},
    "lzw": {"compress": "lzw", "nodata": -9999.0},
}
ANSWERS: dict[str, tuple[Recipe, dict[str, Any]]] = {
    "strips": (S2, {}),
    "strips of differences": (S2, {"predictor": 2, "blockysize": 8}),
    "tiles by band": (S2, {"tiled": True, "blockxsize": 16, "blockysize": 16, "interleave": "band"}),
    "big endian BigTIFF": (S2, {"BIGTIFF": "YES", "ENDIANNESS": "BIG"}),
    "floats": (S1, {}),
    "floats of differences": (S1, {"predictor": 3}),
}


@dataclass(frozen=True)
class Base:
    """A whole file, how it is read, what it decodes to, and whole files that answer other questions."""

    content: bytes
    read: Callable[[Path], GeoTiff]
    truth: GeoTiff
    others: Mapping[str, bytes]


def other_files(folder: Path, recipe: Recipe, profile: Mapping[str, Any]) -> dict[str, bytes]:
    """Valid files: another size, CRS, place, pixel, type, number of bands, and one with a stranger's extras."""
    write = partial(answer, folder / "other.tif", recipe)
    grids = {
        "one row more": replace(ANSWER_GRID, height=41),
        "one column less": replace(ANSWER_GRID, width=47),
        "turned": replace(ANSWER_GRID, height=48, width=40),
        "other zone": replace(ANSWER_GRID, epsg=32653),
        "one pixel east": replace(ANSWER_GRID, x0=ANSWER_GRID.x0 + 10.0),
        "half a pixel south": replace(ANSWER_GRID, y0=ANSWER_GRID.y0 - 5.0),
        "finer pixels": replace(ANSWER_GRID, pixel_m=9.999),
    }
    extras: dict[str, dict[str, Any]] = {
        "fewer bands": {"count": len(recipe.bands) - 1},
        "other type": {"dtype": "float64"},
        "a no-data value": {"nodata": 800.0},
        "no place": {"crs": None},
        "uncompressed": {"compress": None, "predictor": 1},
    }
    files = {name: write(grid, **profile).read_bytes() for name, grid in grids.items()}
    return files | {name: write(**{**profile, **extra}).read_bytes() for name, extra in extras.items()}


def answer_base(folder: Path, name: str) -> Base:
    recipe, profile = ANSWERS[name]
    path = answer(folder / "base.tif", recipe, **profile)
    read = partial(read_answer, asked=asked(recipe))
    others = other_files(folder, recipe, {k: v for k, v in profile.items() if k != "predictor"})
    return Base(path.read_bytes(), read, read(path), others)


def hashed_base(folder: Path, name: str) -> Base:
    path = write_tiff(folder / "base.tif", ANSWER_GRID, **HASHED[name])
    facts = FileFacts("base.tif", file_sha256(path), path.stat().st_size)
    read = partial(read_geotiff, promised=facts, names=("VV", "VH"))
    other = write_tiff(folder / "other.tif", ANSWER_GRID, sar_raster(ANSWER_GRID, 2).bands, **HASHED[name])
    return Base(path.read_bytes(), read, read(path), {"other pixels": other.read_bytes()})


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Base]:
    folder = tmp_path_factory.mktemp("bases")
    answers = {f"answer: {name}": answer_base(folder, name) for name in ANSWERS}
    return answers | {f"hashed: {name}": hashed_base(folder, name) for name in HASHED}


def outcome(path: Path, base: Base, content: bytes) -> str:
    """A number, "the same", or "WRONG"; any other exception passes through."""
    path.write_bytes(content)
    try:
        found = base.read(path)
    except SceneReject as reject:
        assert reject.code in ERRORS
        return reject.code
    truth = base.truth
    same = found.grid == truth.grid and list(found.bands) == list(truth.bands)
    same = same and all(np.array_equal(found.bands[b], truth.bands[b], equal_nan=True) for b in truth.bands)
    return "the same" if same else "WRONG"


def campaign(path: Path, bases: Mapping[str, Base], seeds: range) -> tuple[dict[str, Counter[str]], list[str]]:
    """Outcomes by way of damage, and what must not be: other pixels, or a damaged file whose hash was promised."""
    names = sorted(bases)
    by_damage: dict[str, Counter[str]] = {}
    wrong = []
    for seed in seeds:
        name = names[seed % len(names)]
        base = bases[name]
        damage, content = mutate(base.content, seed, base.others)
        found = outcome(path, base, content)
        by_damage.setdefault(damage.split(":")[0], Counter())[found] += 1
        if found == "WRONG" or (found == "the same" and name.startswith("hashed") and content != base.content):
            wrong.append(f"{name}, {damage}, seed {seed}: {found}")
    return by_damage, wrong


def show(title: str, counts: Counter[str]) -> None:
    print(f"{title}: {counts.total()} files, {dict(sorted(counts.items()))}")


@pytest.mark.slow
def test_no_wrong_pixel_of_ten_thousand_damaged_files_is_accepted(tmp_path: Path, bases: dict[str, Base]) -> None:
    by_damage, wrong = campaign(tmp_path / "a.tif", bases, range(FILES))
    for damage, counts in sorted(by_damage.items()):
        show(damage, counts)
    total = sum(by_damage.values(), Counter[str]())
    show("all", total)
    assert not wrong
    assert total.total() == FILES and {"E1101", "E1102", "E1103", "E1104", "E1105", "E1201", "E1203", "E1207"} < set(
        total
    )
    assert all(counts.total() > FILES // 100 for counts in by_damage.values())


@pytest.mark.soak
def test_no_wrong_pixel_of_many_more_damaged_files_is_accepted(tmp_path: Path, bases: dict[str, Base]) -> None:
    by_damage, wrong = campaign(tmp_path / "a.tif", bases, range(FILES, 20 * FILES))
    show("all", sum(by_damage.values(), Counter[str]()))
    assert not wrong


def test_without_these_checks_wrong_pixels_are_accepted(tmp_path: Path, bases: dict[str, Base]) -> None:
    def decoded(path: Path) -> GeoTiff:
        with open_geotiff(path) as file:
            if file.count != len(S2.bands):
                raise SceneReject("E1203", "another number of bands")
            return GeoTiff(ANSWER_GRID, dict(zip(S2.bands, file.read().astype(np.float32), strict=True)), {})

    base = replace(bases["answer: strips"], read=decoded)
    accepted = Counter[str]()
    for seed in range(400):
        with contextlib.suppress(RasterioError):
            accepted[outcome(tmp_path / "a.tif", base, DAMAGES["flip bits"](base.content, random.Random(seed)))] += 1
    assert accepted["WRONG"] > 5


def outside_streams(path: Path) -> list[int]:
    """Positions of all bytes that are no pixel: header, directory, values, gaps."""
    _, [picture] = read_layout(path)
    inside = {at for block in picture.blocks() for at in range(block.start, block.end)}
    return [at for at in range(path.stat().st_size) if at not in inside]


def altered(content: bytes, at: int, byte: int) -> bytes:
    return content[:at] + bytes([byte]) + content[at + 1 :]


def tried(folder: Path, name: str, positions: Sequence[int], masks: Sequence[int]) -> Counter[str]:
    """Outcomes of an answer with one byte altered, by every one of `masks` at every position."""
    base = answer_base(folder, name)
    content = base.content
    counts: Counter[str] = Counter()
    for at in positions:
        for mask in masks:
            found = outcome(folder / "a.tif", base, altered(content, at, content[at] ^ mask))
            counts[found] += 1
            if found == "WRONG":
                print(f"{name}: byte {at}, {content[at]} ^ {mask}: other pixels")
    show(name, counts)
    return counts


def positions(folder: Path, name: str) -> tuple[list[int], list[int]]:
    """All bytes outside the pixels, and some hundred inside."""
    recipe, profile = ANSWERS[name]
    path = answer(folder / "b.tif", recipe, **profile)
    outside = outside_streams(path)
    size = path.stat().st_size
    return outside, sorted(set(range(0, size, size // 100)) - set(outside))


SINGLE_BITS = [1 << bit for bit in range(8)]
LONGER = {"tiles by band", "big endian BigTIFF"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.soak] if name in LONGER else []) for name in ANSWERS]
)
def test_no_single_bit_outside_the_pixels_makes_them_wrong(tmp_path: Path, name: str) -> None:
    outside, _ = positions(tmp_path, name)
    counts = tried(tmp_path, name, outside, SINGLE_BITS)
    assert counts["WRONG"] == 0 and counts["the same"] > 0


@pytest.mark.parametrize("name", ANSWERS)
def test_no_single_bit_inside_the_pixels_makes_them_wrong(tmp_path: Path, name: str) -> None:
    _, inside = positions(tmp_path, name)
    counts = tried(tmp_path, name, inside, SINGLE_BITS)
    assert counts["WRONG"] == 0 and counts["the same"] < counts.total() / 50


@pytest.mark.soak
@pytest.mark.parametrize("name", ANSWERS)
def test_no_single_byte_outside_the_pixels_makes_them_wrong(tmp_path: Path, name: str) -> None:
    outside, _ = positions(tmp_path, name)
    assert tried(tmp_path, name, outside, range(1, 256))["WRONG"] == 0
