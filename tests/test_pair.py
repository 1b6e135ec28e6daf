"""`sat-monitor pair` on files of all sorts: PNG and GeoTIFF, 8 and 16 bits, optical and radar, and what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio import Affine
from typer.testing import CliRunner

from sat_monitor.cli import app
from sat_monitor.core.errors import NetworkError
from sat_monitor.models.infer import Runtime
from sat_monitor.models.weights import shipped_network
from sat_monitor.pair import PairRequest, detect_pair

#: Reflectance of forest, field and fresh soil in blue, green, red, near infrared and two short-wave bands.
FOREST, FIELD, SOIL = (
    (0.025, 0.045, 0.03, 0.28, 0.13, 0.06), (0.045, 0.075, 0.07, 0.26, 0.20, 0.12), (0.11, 0.15, 0.20, 0.29, 0.36, 0.31),
)  # fmt: skip
FILLED = (slice(40, 56), slice(60, 80))


def scene(seed: int, filled: bool) -> np.ndarray:
    """Six bands (6, 128, 128) of hills and fields, with or without a fill."""
    rng = np.random.default_rng(11)
    fields = rng.random((16, 16)).repeat(8, axis=0).repeat(8, axis=1) > 0.6
    values = np.where(fields, np.array(FIELD)[:, None, None], np.array(FOREST)[:, None, None])
    if filled:
        values[:, FILLED[0], FILLED[1]] = np.array(SOIL)[:, None, None]
    texture = rng.normal(1.0, 0.1, (128, 128))
    noise = np.random.default_rng(seed).normal(0.0, 0.003, values.shape)
    return np.clip(values * texture + noise, 0.001, 1.0)


def png(path: Path, values: np.ndarray, gain: float) -> Path:
    rgb = np.clip(values[[2, 1, 0]] * gain * 255.0, 1, 255).astype(np.uint8)
    Image.fromarray(rgb.transpose(1, 2, 0)).save(path)
    return path


def tiff(path: Path, values: np.ndarray, dtype: str, crs: str | None = "EPSG:32654") -> Path:
    place = {"crs": crs, "transform": Affine(10, 0, 350_000, 0, -10, 3_950_000)} if crs else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", dtype=dtype, count=len(values), height=128, width=128, **place
        ) as file:
            file.write(values.astype(dtype))
    return path


def stands_out(probability: np.ndarray) -> bool:
    """Whether the fill is told from everything else."""
    inside = np.zeros(probability.shape, bool)
    inside[FILLED] = True
    return float(np.nanmedian(probability[inside])) > 0.5 > float(np.nanpercentile(probability[~inside], 97))


def test_two_pictures_of_other_stretch_show_the_fill(tmp_path: Path) -> None:
    before, after = png(tmp_path / "a.png", scene(1, False), 2.5), png(tmp_path / "b.png", scene(2, True), 3.2)
    out = tmp_path / "change.tif"
    result = CliRunner().invoke(app, ["pair", str(before), str(after), "--out", str(out)])
    assert result.exit_code == 0, result.output
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(out) as file:
            assert file.descriptions == ("conversion", "vegetation_loss", "any_change", "uncertainty")
            assert file.crs is None
            found, tags = file.read(1), file.tags()
    assert stands_out(found)
    assert tags["NETWORK_SHA256"] == shipped_network().card.sha256 and "a.png:" in tags["INPUTS"]


def test_six_bands_of_16_bits_keep_their_georeference(tmp_path: Path) -> None:
    before = tiff(tmp_path / "a.tif", scene(1, False) * 10_000, "uint16")
    after = tiff(tmp_path / "b.tif", scene(2, True) * 10_000, "uint16")
    for radiometry in ("picture", "reflectance"):
        out = tmp_path / f"{radiometry}.tif"
        arguments = ["pair", str(before), str(after), "--out", str(out), "--radiometry", radiometry]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        with rasterio.open(out) as file:
            assert file.crs.to_epsg() == 32654 and file.transform.c == 350_000
            assert stands_out(file.read(1))


def test_bands_that_the_network_does_not_know_are_passed_over(tmp_path: Path) -> None:
    seven = np.concatenate([scene(1, False), scene(1, False)[:1]]), np.concatenate([scene(2, True), scene(2, True)[:1]])
    paths = [tiff(tmp_path / f"{n}.tif", values * 10_000, "uint16") for n, values in enumerate(seven)]
    names = ("B02", "B03", "B04", "B08", "B11", "B12", "B01")
    result = detect_pair(PairRequest(*paths, bands=names), shipped_network(), Runtime.FLOAT32)
    assert stands_out(result.detection.conversion)


def test_radar_alone_is_enough_for_an_answer_in_any_unit(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    level = np.full((2, 128, 128), 0.1) * np.array([1.0, 0.25])[:, None, None]
    before = level * rng.gamma(20.0, 1 / 20.0, level.shape)
    after = level * rng.gamma(20.0, 1 / 20.0, level.shape)
    linear = [tiff(tmp_path / f"p{n}.tif", v, "float32") for n, v in enumerate((before, after))]
    decibel = [tiff(tmp_path / f"d{n}.tif", 10 * np.log10(v), "float32") for n, v in enumerate((before, after))]
    found = [
        detect_pair(PairRequest(None, None, radar_before=a, radar_after=b), shipped_network(), Runtime.FLOAT32)
        for a, b in (linear, decibel)
    ]
    assert np.isfinite(found[0].detection.conversion).all()
    assert float(np.abs(found[0].detection.conversion - found[1].detection.conversion).mean()) < 0.05


def test_no_data_has_no_answer(tmp_path: Path) -> None:
    first, second = scene(1, False) * 10_000, scene(2, True) * 10_000
    second[:, :32] = 0
    paths = [tiff(tmp_path / f"{n}.tif", values, "uint16") for n, values in enumerate((first, second))]
    found = detect_pair(PairRequest(*paths), shipped_network(), Runtime.FLOAT32).detection
    assert np.isnan(found.conversion[:32]).all() and np.isfinite(found.conversion[32:]).all()


def test_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    before = png(tmp_path / "a.png", scene(1, False), 2.0)
    after = png(tmp_path / "b.png", scene(1, False)[:, :100], 2.0)
    with pytest.raises(NetworkError, match=r"128 x 128.*100 x 128"):
        detect_pair(PairRequest(before, after), shipped_network())


@pytest.mark.parametrize("count", [2, 5])
def test_bands_without_names_are_refused(tmp_path: Path, count: int) -> None:
    paths = [tiff(tmp_path / f"{n}.tif", scene(n, False)[:count] * 10_000, "uint16") for n in range(2)]
    with pytest.raises(NetworkError, match="name them with --bands"):
        detect_pair(PairRequest(*paths), shipped_network())


def test_bands_none_of_which_is_known_are_refused(tmp_path: Path) -> None:
    paths = [tiff(tmp_path / f"{n}.tif", scene(n, False)[:2] * 10_000, "uint16") for n in range(2)]
    with pytest.raises(NetworkError, match="B05, B06"):
        detect_pair(PairRequest(*paths, bands=("B05", "B06")), shipped_network())


def test_what_is_no_picture_is_refused_by_number(tmp_path: Path) -> None:
    good = png(tmp_path / "a.png", scene(1, False), 2.0)
    bad = tmp_path / "b.png"
    bad.write_bytes(b"not a picture")
    with pytest.raises(NetworkError, match="E2302"):
        detect_pair(PairRequest(good, bad), shipped_network())
    result = CliRunner().invoke(app, ["pair", str(good)])
    assert result.exit_code != 0
