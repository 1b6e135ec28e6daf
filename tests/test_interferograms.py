"""Readers of unwrapped stacks: metres toward the satellite whatever the producer, and a number for every bad input."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from numpy.typing import NDArray
from pyproj import CRS

from sat_monitor.core.domain import Direction
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.interferograms import read_stack

SHAPE = (7, 9)
GAMMA = "radar_frequency:   5.4050005e+09   Hz\nheading:  -12.27  degrees\nincidence_angle:  39.7  degrees\n"
WAVELENGTH_M = 299_792_458.0 / 5.4050005e9
PAIRS = (("20240101", "20240113"), ("20240113", "20240125"), ("20240101", "20240125"))


def raster(path: Path, values: NDArray[np.float32], crs: str | None = "EPSG:32654", x0: float = 300_000.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    transform = rasterio.Affine(20.0, 0.0, x0, 0.0, -20.0, 3_950_000.0)
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, height=values.shape[0], width=values.shape[1],
        crs=crs, transform=transform,
    ) as target:  # fmt: skip
        target.write(values, 1)


def phase(number: int) -> NDArray[np.float32]:
    values = np.full(SHAPE, 0.5 + number, np.float32)
    values[0, 0] = 0.0
    return values


@pytest.fixture
def gamma(tmp_path: Path) -> Path:
    for number, (one, other) in enumerate(PAIRS):
        raster(tmp_path / f"crop_{one}-{other}_VV_eqa_unw.tif", phase(number))
        raster(tmp_path / f"crop_{one}-{other}_VV_flat_eqa_cc.tif", np.full(SHAPE, 0.6, np.float32))
    (tmp_path / "r20240101_VV_8rlks_mli.par").write_text(GAMMA, encoding="utf-8")
    return tmp_path


def test_phase_becomes_metres_toward_the_satellite_and_zero_is_no_data(gamma: Path) -> None:
    stack = read_stack(gamma)

    assert [(pair.before, pair.after) for pair in stack.pairs] == [
        (date(2024, 1, 1), date(2024, 1, 13)), (date(2024, 1, 1), date(2024, 1, 25)),
        (date(2024, 1, 13), date(2024, 1, 25)),
    ]  # fmt: skip
    assert stack.displacement_m[0, 3, 3] == pytest.approx(-WAVELENGTH_M / (4 * np.pi) * 0.5)
    assert np.isnan(stack.displacement_m[:, 0, 0]).all()
    assert stack.coherence is not None
    assert stack.coherence[0, 3, 3] == pytest.approx(0.6)
    assert stack.geometry.direction is Direction.ASCENDING
    assert stack.geometry.wavelength_m == pytest.approx(WAVELENGTH_M)


def disp_s1(folder: Path, before: str, after: str, metres: float, quality: bool = True) -> Path:
    """A product laid out as OPERA's: displacement in metres toward the satellite, a recommended mask, a phase quality."""
    path = folder / f"OPERA_L3_DISP-S1_IW_F11116_VV_{before}T084200Z_{after}T084200Z_v1.0_20250101T000000Z.nc"
    values = np.full(SHAPE, metres, np.float32)
    values[0, 1] = np.nan
    mask = np.ones(SHAPE, np.uint8)
    mask[0, 0] = 0
    layers = {"displacement": values, "recommended_mask": mask}
    if quality:
        layers["estimated_phase_quality"] = np.full(SHAPE, 0.8, np.float32)
    to = {"grid_mapping": "spatial_ref"}
    product = xr.Dataset(
        {name: (("y", "x"), layer, to) for name, layer in layers.items()},
        {"y": 3_950_000.0 - 30.0 * (np.arange(SHAPE[0]) + 0.5), "x": 300_000.0 + 30.0 * (np.arange(SHAPE[1]) + 0.5)},
    )
    product["spatial_ref"] = ((), 0, CRS.from_epsg(32654).to_cf() | {"GeoTransform": "300000 30 0 3950000 0 -30"})
    product.to_netcdf(path, engine="netcdf4")
    return path


def test_disp_s1_is_read_as_it_comes_metres_toward_the_satellite_where_it_may_be_used(tmp_path: Path) -> None:
    disp_s1(tmp_path, "20240101", "20240113", -0.02)
    disp_s1(tmp_path, "20240101", "20240125", -0.05)

    stack = read_stack(tmp_path)

    assert [(pair.before, pair.after) for pair in stack.pairs] == [
        (date(2024, 1, 1), date(2024, 1, 13)), (date(2024, 1, 1), date(2024, 1, 25)),
    ]  # fmt: skip
    np.testing.assert_allclose(stack.displacement_m[:, 3, 3], (-0.02, -0.05))
    assert np.isnan(stack.displacement_m[:, 0, :2]).all()
    assert stack.coherence is not None
    assert stack.coherence[0, 3, 3] == pytest.approx(0.8)
    assert stack.frame.crs == "EPSG:32654"
    np.testing.assert_allclose(stack.frame.transform, (300_000.0, 30.0, 0.0, 3_950_000.0, 0.0, -30.0))


def test_disp_s1_of_different_versions_is_refused_not_weighed_in_two_ways(tmp_path: Path) -> None:
    disp_s1(tmp_path, "20240101", "20240113", -0.02)
    disp_s1(tmp_path, "20240101", "20240125", -0.05, quality=False)

    with pytest.raises(DeformationError, match="E2206"):
        read_stack(tmp_path)


def test_a_disp_s1_file_that_broke_off_is_refused_by_name(tmp_path: Path) -> None:
    path = disp_s1(tmp_path, "20240101", "20240113", -0.02)
    path.write_bytes(path.read_bytes()[:3000])

    with pytest.raises(DeformationError, match=r"E2206.*DISP-S1"):
        read_stack(tmp_path)


def test_hyp3_and_licsar_are_read_with_their_baselines(tmp_path: Path) -> None:
    hyp3, licsar = tmp_path / "hyp3", tmp_path / "licsar"
    name = "S1AA_20240101T084200_20240113T084200_VVP012_INT80_G_ueF_A1B2"
    raster(hyp3 / name / f"{name}_unw_phase.tif", phase(0))
    raster(hyp3 / name / f"{name}_corr.tif", np.full(SHAPE, 0.4, np.float32))
    (hyp3 / name / f"{name}.txt").write_text("Baseline: 41.5\nHeading: -166.0\n", encoding="utf-8")
    raster(licsar / "20240101_20240113" / "20240101_20240113.geo.unw.tif", phase(0))
    raster(licsar / "20240101_20240113" / "20240101_20240113.geo.cc.tif", np.full(SHAPE, 102.0, np.float32))
    (licsar / "baselines").write_text("20240101 20240101 0.0 0\n20240101 20240113 -17.0 12\n", encoding="utf-8")

    ours, theirs = read_stack(hyp3), read_stack(licsar)

    assert ours.pairs[0].perpendicular_m == 41.5
    assert ours.geometry.direction is Direction.DESCENDING
    assert theirs.pairs[0].perpendicular_m == -17.0
    assert theirs.coherence is not None
    assert theirs.coherence[0, 3, 3] == pytest.approx(0.4)


def listed(
    folder: Path, *rows: str, header: str = "file,before,after,quantity,positive,coherence,wavelength_m"
) -> Path:
    (folder / "pairs.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def test_a_list_of_pairs_says_unit_and_sign(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif", "c.tif"):
        raster(tmp_path / name, phase(0))
    listed(
        tmp_path,
        "a.tif,2024-01-01,2024-01-13,displacement_cm,away,,0.24",
        "b.tif,2024-01-13,2024-01-25,displacement_mm,toward,,0.24",
        "c.tif,2024-01-01,2024-01-25,phase_rad,away,,0.24",
    )

    stack = read_stack(tmp_path)

    cm, both, mm = stack.displacement_m[:, 3, 3]
    assert (cm, mm) == (pytest.approx(-0.005), pytest.approx(0.0005))
    assert both == pytest.approx(-0.24 / (4 * np.pi) * 0.5)
    assert stack.coherence is None
    assert stack.geometry.wavelength_m == 0.24


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a.tif,2024-01-01,2024-13-01,displacement_m,away,,", "month"),
        ("a.tif,2024-01-13,2024-01-01,displacement_m,away,,", "does not lie before"),
        ("a.tif,2024-01-01,2024-01-13,feet,away,,", "feet"),
        ("a.tif,2024-01-01,2024-01-13,displacement_m,up,,", "up"),
        ("../a.tif,2024-01-01,2024-01-13,displacement_m,away,,", "outside"),
        ("a.tif", "row 2"),
    ],
)
def test_a_bad_row_of_the_list_is_named(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(DeformationError, match="E2210") as refused:
        read_stack(listed(tmp_path, row))
    assert said in refused.value.message


def test_a_list_without_rows_or_columns_is_refused(tmp_path: Path) -> None:
    for folder in (listed(tmp_path), listed(tmp_path, "a.tif,2024-01-01", header="file,before")):
        with pytest.raises(DeformationError, match="E2210"):
            read_stack(folder)


def test_a_file_of_the_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeformationError, match="E2206"):
        read_stack(listed(tmp_path, "a.tif,2024-01-01,2024-01-13,displacement_m,away,,"))


def nothing_there(folder: Path) -> None:
    for path in folder.glob("*.tif"):
        path.unlink()


def days_turned(folder: Path) -> None:
    raster(folder / "crop_20240125-20240113_VV_eqa_unw.tif", phase(0))


def no_days(folder: Path) -> None:
    raster(folder / "crop_a_eqa_unw.tif", phase(0))


def a_day_that_is_none(folder: Path) -> None:
    raster(folder / "crop_20240131-20240231_VV_eqa_unw.tif", phase(0))


def no_header(folder: Path) -> None:
    (folder / "r20240101_VV_8rlks_mli.par").unlink()


def twice(folder: Path) -> None:
    raster(folder / "again_20240101-20240113_VV_eqa_unw.tif", phase(0))


def another_size(folder: Path) -> None:
    raster(folder / "crop_20240113-20240125_VV_eqa_unw.tif", np.ones((6, 9), np.float32))


def another_crs(folder: Path) -> None:
    raster(folder / "crop_20240113-20240125_VV_eqa_unw.tif", phase(1), crs="EPSG:32653")


def elsewhere(folder: Path) -> None:
    raster(folder / "crop_20240113-20240125_VV_eqa_unw.tif", phase(1), x0=300_020.0)


def no_crs(folder: Path) -> None:
    raster(folder / "crop_20240101-20240113_VV_eqa_unw.tif", phase(0), crs=None)


def damaged(folder: Path) -> None:
    (folder / "crop_20240113-20240125_VV_eqa_unw.tif").write_bytes(b"II*\0 and nothing more")


def one_coherence_gone(folder: Path) -> None:
    (folder / "crop_20240113-20240125_VV_flat_eqa_cc.tif").unlink()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (nothing_there, "E2201"), (no_days, "E2202"), (days_turned, "E2202"), (a_day_that_is_none, "E2202"),
        (no_header, "E2203"), (twice, "E2204"), (another_size, "E2205"), (another_crs, "E2205"), (elsewhere, "E2205"),
        (no_crs, "E2205"), (damaged, "E2206"), (one_coherence_gone, "E2206"),
    ],
)  # fmt: skip
def test_a_bad_stack_is_refused_whole_and_by_number(gamma: Path, spoil: Callable[[Path], None], code: str) -> None:
    spoil(gamma)

    with pytest.raises(DeformationError) as refused:
        read_stack(gamma)

    assert refused.value.code == code
