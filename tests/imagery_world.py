"""Small scenes, files and catalogues for the tests of imagery: at most 200 pixels a side, nothing outside tmp_path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from scipy import fft
from shapely.geometry import box

from sat_monitor.core.domain import AOI, Direction, FloatArray, Scene, Sensor, Track
from sat_monitor.core.errors import SatMonitorError
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer

GRID = Grid(32654, 339_000.0, 3_953_000.0, 10.0, 96, 80)
AT = datetime(2026, 5, 1, 1, 30, 31, tzinfo=UTC)
TRACK = Track(46, Direction.DESCENDING)
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def aoi_on(grid: Grid = GRID, aoi_id: str = "plot") -> AOI:
    """An AOI whose outline is its whole grid."""
    return AOI(aoi_id, "試験", "Test", grid.footprint_lonlat, grid)


def noise(shape: tuple[int, int], seed: int) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0, 1.0, shape).astype(np.float32)


def optical_raster(grid: Grid = GRID, seed: int = 1, **bands: FloatArray) -> Raster:
    """Reflectance of green ground, all clear; `bands` replace or add."""
    levels = {"B02": 0.04, "B04": 0.05, "B08": 0.35, "B11": 0.2}
    values = {name: (level + 0.005 * noise(grid.shape, seed + k)) for k, (name, level) in enumerate(levels.items())}
    return Raster(grid, {**values, "SCL": np.full(grid.shape, 4.0, np.float32), **bands})


def sar_raster(grid: Grid = GRID, seed: int = 1) -> Raster:
    """Fully developed speckle of 4.4 looks, gamma0, linear power."""
    rng = np.random.default_rng(seed)
    bands = {"VV": 0.1, "VH": 0.02}
    return Raster(grid, {n: (m * rng.gamma(4.4, 1 / 4.4, grid.shape)).astype(np.float32) for n, m in bands.items()})


def offer(sensor: Sensor = Sensor.S2, day: int = 0, **changes: Any) -> Offer:
    """An offer of AOI `plot`, `day` days after the first of May."""
    track = TRACK if sensor is Sensor.S1 else None
    platform = "sentinel-1a" if sensor is Sensor.S1 else "sentinel-2b"
    made = Offer(f"{sensor.value}-{day:03d}", "plot", sensor, platform, AT + timedelta(days=day), track, "test", "")
    return replace(made, **changes)


def archived(archive: Archive, sensor: Sensor, days: range, grid: Grid = GRID) -> list[Scene]:
    """One scene per day of `days`, each with its own pixels."""
    make = sar_raster if sensor is Sensor.S1 else optical_raster
    return [archive.put_scene(offer(sensor, day), make(grid, 10 * day + 1)) for day in days]


def write_tiff(path: Path, grid: Grid = GRID, bands: Mapping[str, FloatArray] | None = None, **profile: Any) -> Path:
    """A GeoTIFF as others write them: described bands, `profile` as rasterio takes it."""
    planes = dict(sar_raster(grid).bands) if bands is None else dict(bands)
    plain = {
        "driver": "GTiff",
        "count": len(planes),
        "dtype": "float32",
        "crs": f"EPSG:{grid.epsg}",
        "transform": grid.affine,
        "height": grid.height,
        "width": grid.width,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **{**plain, **profile}) as file:
        for number, (name, values) in enumerate(planes.items(), start=1):
            file.write(values.astype(file.dtypes[number - 1]), number)
            file.set_band_description(number, name)
    return path


def foreign_item(identity: str, assets: Mapping[str, Any], grid: Grid = GRID, **properties: Any) -> dict[str, Any]:
    """A STAC item of Sentinel-2 as another archive would write it; a property of None is left out."""
    plain = {"datetime": "2026-05-01T01:30:31Z", "platform": "sentinel-2a", "constellation": "sentinel-2"}
    kept = {key: value for key, value in {**plain, **properties}.items() if value is not None}
    footprint = grid.footprint_lonlat
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identity,
        "bbox": list(footprint.bounds),
        "geometry": json.loads(json.dumps(box(*footprint.bounds).__geo_interface__)),
        "properties": kept,
        "links": [],
        "assets": dict(assets),
    }


def foreign_catalogue(root: Path, *items: Mapping[str, Any] | str) -> Path:
    """A catalogue with one JSON file per item; text is written as it is."""
    root.mkdir(parents=True, exist_ok=True)
    links = []
    for number, item in enumerate(items):
        name = f"item{number}.json"
        (root / name).write_text(item if isinstance(item, str) else json.dumps(item), encoding="utf-8")
        links.append({"rel": "item", "href": f"./{name}"})
    catalogue = {"type": "Catalog", "stac_version": "1.0.0", "id": "foreign", "description": "foreign", "links": links}
    (root / "catalog.json").write_text(json.dumps(catalogue), encoding="utf-8")
    return root


def per_band_assets(root: Path, folder: str, raster: Raster) -> dict[str, Any]:
    """One undescribed GeoTIFF per band below `root`/`folder`, keyed by band name."""
    for name, values in raster.bands.items():
        write_tiff(root / folder / f"{name}.tif", raster.grid, {name: values}, nodata=np.nan)
    return {name: {"href": f"./{folder}/{name}.tif", "type": "image/tiff"} for name in raster.bands}


def texture(side: int, seed: int) -> FloatArray:
    """Ground-like texture (y, x) of zero mean and unit variance: amplitude falls with frequency to the power 1.2."""
    rng = np.random.default_rng(seed)
    spectrum = fft.rfft2(rng.normal(size=(side, side)))
    radius = np.hypot(fft.fftfreq(side)[:, None], fft.rfftfreq(side)[None, :])
    radius[0, 0] = 1.0
    picture = fft.irfft2(spectrum * radius**-1.2, (side, side))
    return ((picture - picture.mean()) / picture.std()).astype(np.float32)


def fourier_shift(picture: FloatArray, dy_px: float, dx_px: float) -> FloatArray:
    """The picture with its content moved down and right, exactly and cyclically."""
    fy, fx = fft.fftfreq(picture.shape[0])[:, None], fft.rfftfreq(picture.shape[1])[None, :]
    phase = np.exp(-2j * np.pi * (fy * dy_px + fx * dx_px))
    return fft.irfft2(fft.rfft2(picture) * phase, picture.shape).astype(np.float32)


def cloud_gaps(picture: FloatArray, share: float, seed: int) -> FloatArray:
    """The picture with NaN under smooth blobs that hide `share` of it."""
    blobs = texture(picture.shape[0], seed)
    return np.where(blobs < np.quantile(blobs, share), np.float32(np.nan), picture).astype(np.float32)


class raises_code:  # noqa: N801
    """Like pytest.raises, for a numbered error: `with raises_code("E1211"):`."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._raises = pytest.raises(SatMonitorError)

    def __enter__(self) -> pytest.ExceptionInfo[SatMonitorError]:
        self.info = self._raises.__enter__()
        return self.info

    def __exit__(self, *what: Any) -> bool:
        swallowed = self._raises.__exit__(*what)
        if swallowed:
            assert self.info.value.code == self._code, self.info.value.message
        return bool(swallowed)
