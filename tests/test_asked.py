"""An answer is read where it is what was asked, and refused with its number where it is anything else."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from sat_monitor.core.domain import FloatArray, Sensor
from sat_monitor.imagery.asked import Asked, check_answer, read_answer
from sat_monitor.imagery.evalscripts import RECIPES, Recipe
from sat_monitor.imagery.files import file_sha256
from sat_monitor.imagery.items import FileFacts
from sat_monitor.imagery.tiff_layout import Directory, read_layout
from tests.faults.mutate import ANSWER_GRID, answer, asked, planes
from tests.imagery_world import raises_code

GRID = ANSWER_GRID
S1, S2 = RECIPES[Sensor.S1], RECIPES[Sensor.S2]


@pytest.mark.parametrize(
    "profile",
    [
        {},
        {"predictor": 2},
        {"blockysize": 7, "zlevel": 9},
        {"interleave": "band"},
        {"tiled": True, "blockxsize": 16, "blockysize": 32},
        {"BIGTIFF": "YES", "ENDIANNESS": "BIG"},
        {"photometric": "RGB"},
    ],
    ids=str,
)
@pytest.mark.parametrize("recipe", [S1, S2], ids=["floats", "integers"])
def test_an_answer_is_read_on_the_asked_grid_by_the_asked_names(
    tmp_path: Path, recipe: Recipe, profile: dict[str, Any]
) -> None:
    tiff = read_answer(answer(tmp_path / "a.tif", recipe, **profile), asked(recipe))
    truth = planes(recipe)
    assert tiff.grid == GRID and tuple(tiff.bands) == recipe.bands
    for band, values in tiff.bands.items():
        assert values.dtype == np.float32
        assert np.array_equal(values, truth[band].astype(recipe.dtype))


ELSEWHERE: dict[str, tuple[str, dict[str, Any]]] = {
    "another zone": ("E1201", {"crs": "EPSG:32653"}),
    "no place": ("E1201", {"crs": None}),
    "lon/lat": ("E1201", {"crs": "EPSG:4326"}),
    "a row more": ("E1207", {"height": 41}),
    "a column less": ("E1207", {"width": 47}),
    "turned": ("E1207", {"height": 48, "width": 40}),
    "a pixel east": ("E1207", {"transform": replace(GRID, x0=GRID.x0 + 10.0).affine}),
    "a millimetre south": ("E1207", {"transform": replace(GRID, y0=GRID.y0 - 0.001).affine}),
    "other pixels": ("E1207", {"transform": replace(GRID, pixel_m=10.00001).affine}),
    "south up": ("E1207", {"transform": Affine(10.0, 0, GRID.x0, 0, 10.0, GRID.y0)}),
    "rotated": ("E1207", {"transform": Affine(10.0, 0.001, GRID.x0, 0.001, -10.0, GRID.y0)}),
    "fewer bands": ("E1203", {"count": 8}),
    "signed": ("E1203", {"dtype": "int16"}),
    "floats": ("E1203", {"dtype": "float32"}),
    "another no-data value": ("E1203", {"nodata": 800.0}),
    "another compression": ("E1203", {"compress": "zstd"}),
    "inverted": ("E1203", {"photometric": "MINISWHITE"}),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_answer_to_another_question_is_refused(tmp_path: Path, name: str) -> None:
    code, changes = ELSEWHERE[name]
    path = answer(tmp_path / "a.tif", S2, **changes)
    with raises_code(code):
        check_answer(path, asked(S2))
    with raises_code(code):
        read_answer(path, asked(S2))


def edited(path: Path, edit: Callable[[rasterio.io.DatasetWriter], None]) -> Path:
    with rasterio.open(path, "r+") as file:
        edit(file)
    return path


def scaled(file: rasterio.io.DatasetWriter) -> None:
    file.scales = (2.0,) * file.count


def shifted(file: rasterio.io.DatasetWriter) -> None:
    file.offsets = (*(0.0,) * (file.count - 1), -1000.0)


def masked(file: rasterio.io.DatasetWriter) -> None:
    file.write_mask(np.zeros(file.shape, bool))


def with_overviews(file: rasterio.io.DatasetWriter) -> None:
    file.build_overviews([2])


def in_another_order(file: rasterio.io.DatasetWriter) -> None:
    file.descriptions = S2.bands[::-1]


@pytest.mark.parametrize("edit", [scaled, shifted, masked, with_overviews, in_another_order])
def test_whatever_could_alter_values_or_names_is_refused(tmp_path: Path, edit: Any) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = edited(answer(tmp_path / "a.tif", S2), edit)
    with raises_code("E1203"):
        read_answer(path, asked(S2))


def test_an_answer_that_names_its_bands_as_asked_is_read(tmp_path: Path) -> None:
    path = edited(answer(tmp_path / "a.tif", S2), lambda file: setattr(file, "descriptions", S2.bands))
    assert tuple(read_answer(path, asked(S2)).bands) == S2.bands


def directory(path: Path) -> Directory:
    return read_layout(path)[1][0]


def patched(path: Path, number: int, values: tuple[int, ...]) -> Path:
    """The file with other values in an integer tag of the same count."""
    [tag] = [tag for tag in directory(path).tags if tag.number == number]
    content = bytearray(path.read_bytes())
    struct.pack_into(f"<{tag.count}{'H' if tag.kind == 3 else 'I'}", content, tag.start, *values)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("tag", "value"), [(284, 3), (262, 3), (262, 0), (259, 5), (317, 3), (317, 0), (259, 34925)])
def test_a_tag_that_reads_the_same_bytes_otherwise_is_refused(tmp_path: Path, tag: int, value: int) -> None:
    path = patched(answer(tmp_path / "a.tif", S2), tag, (value,))
    with raises_code("E1105" if (tag, value) == (259, 5) else "E1203"):
        read_answer(path, asked(S2))


def test_blocks_that_overlap_are_refused(tmp_path: Path) -> None:
    path = answer(tmp_path / "a.tif", S2, blockysize=8)
    starts, lengths = directory(path).integers[273], directory(path).integers[279]
    for wrong in (
        (starts[0], starts[0], *starts[2:]),
        (starts[1] - lengths[0] + 1, *starts[1:]),
        (0, *starts[1:]),
        (directory(path).start, *starts[1:]),
    ):
        patched(path, 273, wrong)
        with raises_code("E1105"):
            check_answer(path, asked(S2))


def test_blocks_that_changed_places_are_refused(tmp_path: Path) -> None:
    path = answer(tmp_path / "a.tif", S2, blockysize=8)
    for tag in (273, 279):
        first, second, *rest = directory(path).integers[tag]
        patched(path, tag, (second, first, *rest))
    with raises_code("E1105"):
        check_answer(path, asked(S2))


def test_an_absent_block_is_refused(tmp_path: Path) -> None:
    path = answer(tmp_path / "a.tif", S2, blockysize=8)
    patched(path, 279, (0, *directory(path).integers[279][1:]))
    with raises_code("E1105"):
        read_answer(path, asked(S2))


@pytest.mark.parametrize("compress", [None, "lzw"])
def test_pixels_without_checksums_need_a_promised_hash(tmp_path: Path, compress: str | None) -> None:
    path = answer(tmp_path / "a.tif", S2, compress=compress)
    for promise in (None, FileFacts("a.tif", None, path.stat().st_size)):
        with raises_code("E1105"):
            read_answer(path, asked(S2), promise)
    promised = FileFacts("a.tif", file_sha256(path), None)
    assert np.array_equal(read_answer(path, asked(S2), promised).bands["B02"], planes(S2)["B02"])


@pytest.mark.parametrize(
    ("band", "value"),
    [("SCL", 12), ("dataMask", 2), ("CLP", 256), ("localIncidenceAngle", 181.0), ("VV", -0.1), ("VV", np.inf),
     ("dataMask", 0.5), ("dataMask", np.nan), ("shadowMask", 1e-40)],
)  # fmt: skip
def test_one_value_that_a_band_cannot_have_proves_a_wrong_decode(tmp_path: Path, band: str, value: float) -> None:
    recipe = S2 if band in S2.bands and value != 0.5 and np.isfinite(value) else S1
    bands = planes(recipe)
    bands[band][17, 23] = value
    with raises_code("E1105"):
        read_answer(answer(tmp_path / "a.tif", recipe, bands=bands), asked(recipe))


def test_nan_and_the_asked_no_data_value_are_missing(tmp_path: Path) -> None:
    bands = planes(S1)
    bands["VV"][3] = np.nan
    bands["VH"][5] = -9999.0
    path = answer(tmp_path / "a.tif", S1, bands=bands, nodata=-9999.0)
    tiff = read_answer(path, replace(asked(S1), nodata=-9999.0))
    assert np.isnan(tiff.bands["VV"][3]).all() and np.isnan(tiff.bands["VH"][5]).all()
    assert np.isfinite(tiff.bands["localIncidenceAngle"]).all()


def cloudy(recipe: Recipe) -> dict[str, FloatArray]:
    """All classes constant, which as differences is a first column and nothing more."""
    fixed = {"SCL": 9.0, "CLP": 255.0, "dataMask": 1.0, "shadowMask": 0.0}
    return {b: np.full(GRID.shape, fixed[b], np.float32) if b in fixed else v for b, v in planes(recipe).items()}


@pytest.mark.parametrize("layout", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}], ids=["strips", "tiles"])
@pytest.mark.parametrize(
    ("recipe", "truth", "lost"),
    [(S2, 1, 2), (S2, 2, 1), *((S1, truth, lost) for truth, lost in permutations((1, 2, 3), 2))],
    ids=lambda value: str(value) if isinstance(value, int) else value.dtype,
)
def test_a_predictor_that_is_lost_or_won_is_noticed_under_any_sky(
    tmp_path: Path, recipe: Recipe, truth: int, lost: int, layout: dict[str, Any]
) -> None:
    for name, bands in {"clear": planes(recipe), "cloudy": cloudy(recipe)}.items():
        path = answer(tmp_path / f"{name}.tif", recipe, bands=bands, predictor=truth, **layout)
        assert np.array_equal(read_answer(path, asked(recipe)).bands[recipe.bands[0]], bands[recipe.bands[0]])
        with raises_code("E1105"):
            read_answer(patched(path, 317, (lost,)), asked(recipe))


def test_a_sliver_of_data_at_the_edge_is_no_lost_predictor(tmp_path: Path) -> None:
    for column in (0, 30, 47):
        bands = {band: np.zeros(GRID.shape, np.float32) for band in S2.bands}
        for band, values in planes(S2).items():
            bands[band][5:9, column] = values[5:9, column]
        path = answer(tmp_path / f"{column}.tif", S2, bands=bands)
        assert read_answer(path, asked(S2)).bands["dataMask"].sum() == 4


def test_an_empty_answer_is_read(tmp_path: Path) -> None:
    bands = {band: np.zeros(GRID.shape, np.float32) for band in S2.bands}
    assert not read_answer(answer(tmp_path / "a.tif", S2, bands=bands), asked(S2)).bands["SCL"].any()


def test_a_question_without_ranges_is_answered_too(tmp_path: Path) -> None:
    question = Asked(GRID, S2.bands, S2.dtype)
    assert tuple(read_answer(answer(tmp_path / "a.tif", S2), question).bands) == S2.bands
