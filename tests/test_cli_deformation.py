"""Interferograms from the command line: import, invert, export, plot; and what is said where nothing was measured."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from typer.testing import CliRunner, Result

from sat_monitor.cli import app
from sat_monitor.core.deformation import Frame, Geometry
from sat_monitor.core.errors import DeformationError
from sat_monitor.core.home import Home
from sat_monitor.deformation.job import extended
from sat_monitor.deformation.place import footprint, pixel_at
from sat_monitor.deformation.shelf import get_motion, write_layer
from tests.insar_world import DAYS, sinking, stack_of

RUNNER = CliRunner()
GAMMA = "radar_frequency: 5.4050005e+09 Hz\nheading: -12.27\nincidence_angle: 39.7\n"


def run(*words: str) -> Result:
    return RUNNER.invoke(app, list(words), catch_exceptions=False)


@pytest.fixture
def producer(tmp_path: Path) -> Path:
    """A folder as GAMMA leaves it, in radians, with a hole."""
    folder = tmp_path / "gamma"
    stack = stack_of(sinking())
    stack.displacement_m[:, 12:, 12:] = np.nan
    for pair, layer in zip(stack.pairs, stack.displacement_m, strict=True):
        name = f"crop_{pair.before:%Y%m%d}-{pair.after:%Y%m%d}_VV"
        radians = np.nan_to_num(-4 * np.pi / 0.0554658 * (layer + np.float32(0.001)))
        write_layer(folder / f"{name}_eqa_unw.tif", stack.frame, radians, ["phase"])
        write_layer(folder / f"{name}_flat_eqa_cc.tif", stack.frame, np.full(layer.shape, 0.7, np.float32), ["cc"])
    (folder / "r20240101_VV_8rlks_mli.par").write_text(GAMMA, encoding="utf-8")
    return folder


def test_from_pairs_to_velocity_on_the_grid_of_the_input(producer: Path, tmp_path: Path) -> None:
    home, out = str(tmp_path / "home"), tmp_path / "out"

    taken = run("import", "interferograms", str(producer), "--aoi", "slope", "--home", home)
    inverted = run("deformation", "invert", "--aoi", "slope", "--home", home)
    exported = run("deformation", "export", "--aoi", "slope", "--home", home, "--out", str(out))

    assert (taken.exit_code, inverted.exit_code, exported.exit_code) == (0, 0, 0)
    assert "made from the data" in taken.stdout
    assert "no measurement is not the same as stable" in inverted.stdout
    with (
        rasterio.open(out / "velocity_los_m_per_yr.tif") as source,
        rasterio.open(next(producer.glob("*_unw.tif"))) as given,
    ):
        assert (source.transform, source.crs, source.shape) == (given.transform, given.crs, given.shape)
        velocity = source.read(1)
    assert velocity[3, 3] == pytest.approx(-0.05, abs=1e-4)
    assert np.isnan(velocity[14, 14])
    with rasterio.open(out / "displacement_los_m.tif") as source:
        assert source.descriptions == tuple(map(str, DAYS))
    torn = run("deformation", "gradients", "--aoi", "slope", "--home", home, "--out", str(tmp_path / "gradient.tif"))
    with rasterio.open(tmp_path / "gradient.tif") as source:
        assert torn.exit_code == 0 and source.shape == velocity.shape
    assert "features" in json.loads((tmp_path / "gradient.geojson").read_text(encoding="utf-8"))
    assert "slope" in [row["id"] for row in json.loads(run("aoi", "list", "--home", home, "--json").stdout)]


def test_a_point_is_drawn_and_tabled_and_the_unmeasured_one_is_refused(producer: Path, tmp_path: Path) -> None:
    home, picture = str(tmp_path / "home"), tmp_path / "point.png"
    run("import", "interferograms", str(producer), "--aoi", "slope", "--home", home)
    run("deformation", "invert", "--aoi", "slope", "--home", home)
    frame = stack_of(sinking()).frame
    west, south, east, north = footprint(frame).bounds
    lon, lat = west + (east - west) * 4.5 / 18, north - (north - south) * 4.5 / 16
    assert pixel_at(frame, lon, lat) == (4, 4)

    words = ["deformation", "plot", "--aoi", "slope", "--home", home, "--out", str(picture)]
    assert run(*words, "--at", f"{lon},{lat}").exit_code == 0
    rows = list(csv.DictReader(picture.with_suffix(".csv").read_text(encoding="utf-8").splitlines()))
    assert [row["day"] for row in rows] == [str(day) for day in DAYS]
    assert float(rows[-1]["displacement_los_m"]) == pytest.approx(-0.05 * 108 / 365.25, abs=1e-4)
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 800
    assert run(*words).exit_code == 0

    for place in (f"{east - 1e-5},{south + 1e-5}", "0,0"):
        with pytest.raises(DeformationError, match="E2209"):
            run(*words, "--at", place)


def test_new_pairs_are_added_and_the_result_is_that_of_the_whole_stack(producer: Path, tmp_path: Path) -> None:
    later, homes = tmp_path / "later", [Home(tmp_path / "whole"), Home(tmp_path / "grown")]
    run("import", "interferograms", str(producer), "--aoi", "slope", "--home", str(homes[0].root))
    run("deformation", "invert", "--aoi", "slope", "--home", str(homes[0].root))
    later.mkdir()
    shutil.copy(producer / "r20240101_VV_8rlks_mli.par", later)
    for path in producer.glob(f"*-{DAYS[-1]:%Y%m%d}_VV_*.tif"):
        shutil.move(path, later / path.name)
    run("import", "interferograms", str(producer), "--aoi", "slope", "--home", str(homes[1].root))

    words = ["deformation", "update", str(later), "--aoi", "slope", "--home", str(homes[1].root)]
    assert run(*words).exit_code == 0

    whole, grown = (get_motion(home.motion("slope")) for home in homes)
    assert grown.days == whole.days == DAYS
    np.testing.assert_array_equal(grown.displacement_m, whole.displacement_m)
    with pytest.raises(DeformationError, match="E2204"):
        run(*words)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"frame": Frame("EPSG:32654", (0.0, 20.0, 0.0, 0.0, 0.0, -20.0), 16, 18)}, "E2205"),
        ({"geometry": Geometry(0.24)}, "E2205"), ({"coherence": None}, "E2206"), ({}, "E2204"),
    ],
)  # fmt: skip
def test_pairs_that_do_not_fit_the_kept_ones_are_refused(change: dict[str, Any], code: str) -> None:
    stack = stack_of(sinking())

    with pytest.raises(DeformationError, match=code):
        extended(stack, replace(stack, **change))


def test_what_is_not_there_is_said_by_number(tmp_path: Path) -> None:
    home = str(tmp_path / "home")

    for command in (
        ["invert"],
        ["export", "--out", str(tmp_path)],
        ["plot", "--out", str(tmp_path / "a.png")],
        ["gradients", "--out", "g.tif"],
    ):
        with pytest.raises(DeformationError, match="E2207"):
            run("deformation", *command, "--aoi", "slope", "--home", home)
    assert not Home(Path(home)).motion("slope").exists()


def test_pairs_to_order_are_listed() -> None:
    listed = run("deformation", "pairs", "--from", "2026-01-01", "--to", "2026-06-01", "--json")

    rows = json.loads(listed.stdout)
    assert {"before": "2026-01-01", "after": "2026-02-18", "days": 48} in rows
    assert max(row["days"] for row in rows) <= 108
