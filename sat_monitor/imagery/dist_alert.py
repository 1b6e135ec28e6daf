"""Importer of OPERA DIST-ALERT products (S1 and HLS): their status layers, GeoTIFFs of one tile and date each."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rasterio.warp import Resampling, reproject

from sat_monitor.core.domain import FloatArray, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.geotiff import read_geotiff
from sat_monitor.imagery.importer import Finding, Found
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer

_NAME = re.compile(
    r"OPERA_L3_DIST-ALERT-(?P<product>S1|HLS)_(?P<tile>T\w{5})_(?P<acquired>\d{8}T\d{6})Z_(?P<made>\d{8}T\d{6})Z"
    r"_(?P<platform>\w+?)_30_v(?P<version>[\d.]+)_(?P<layer>[A-Z-]+)\.tif"
)
_SENSORS = {"S1": Sensor.DIST_S1, "HLS": Sensor.DIST_HLS}
_LAYERS = {
    (Sensor.DIST_S1, "GEN-DIST-STATUS"): "GEN",
    (Sensor.DIST_HLS, "GEN-DIST-STATUS"): "GEN",
    (Sensor.DIST_HLS, "VEG-DIST-STATUS"): "VEG",
}
_UNSEEN = 255.0
_NOTHING = "nothing of this product"


@dataclass(frozen=True, slots=True)
class _File:
    """One status layer by what its name says; `made` is the time of processing."""

    path: Path
    sensor: Sensor
    tile: str
    acquired: datetime
    made: str
    version: str
    band: str

    @property
    def scene_id(self) -> str:
        return f"{self.sensor.value}_{self.tile}_{self.acquired:%Y%m%dT%H%M%S}"


def dist_alert_scenes(path: Path, aoi_id: str, onto: Grid | None = None) -> Finding:
    """The products below `path` (a folder, or one file with its siblings): one scene per tile and acquisition.

    With `onto` they are brought onto that grid, nearest pixel. Of re-issued products the newest is taken. Layers other
    than the status are passed over; bad files are named in `rejected` (E1101 to E1105, E1201 to E1209).
    """
    files, rejected = _files(path)
    by_scene: dict[str, dict[str, list[_File]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        by_scene[file.scene_id][file.made].append(file)
    scenes: list[Found] = []
    for identity, products in sorted(by_scene.items()):
        try:
            scenes.append(_found(identity, aoi_id, products[max(products)], onto))
        except SceneReject as reject:
            rejected.append(SceneReject(reject.code, f"{identity}: {reject.what}", reject.kept, identity))
    return Finding(tuple(sorted(scenes, key=lambda f: f.offer.order)), tuple(rejected))


def _files(path: Path) -> tuple[list[_File], list[SceneReject]]:
    files, rejected = [], []
    for candidate in sorted((path if path.is_dir() else path.parent).rglob("*.tif")):
        if (match := _NAME.fullmatch(candidate.name)) is None:
            what = f"{candidate.name} is not named as an OPERA DIST-ALERT product"
            rejected.append(SceneReject("E1203", what, _NOTHING, candidate.stem))
            continue
        sensor = _SENSORS[match["product"]]
        if (band := _LAYERS.get((sensor, match["layer"]))) is None:
            continue
        try:
            acquired = datetime.strptime(match["acquired"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        except ValueError as error:
            rejected.append(SceneReject("E1209", f"{candidate.name}: {error}", _NOTHING, candidate.stem))
            continue
        files.append(_File(candidate, sensor, match["tile"], acquired, match["made"], match["version"], band))
    return files, rejected


def _found(identity: str, aoi_id: str, files: list[_File], onto: Grid | None) -> Found:
    tiffs = {file.band: read_geotiff(file.path, names=(file.band,)) for file in sorted(files, key=lambda f: f.band)}
    grids = {tiff.grid for tiff in tiffs.values()}
    if len(grids) != 1:
        raise SceneReject("E1206", f"its layers lie on different grids: {sorted(map(str, grids))}", _NOTHING)
    raster = Raster(grids.pop(), {band: _codes(tiff.bands[band], band) for band, tiff in tiffs.items()})
    raster = raster if onto is None else _moved(raster, onto)
    first = files[0]
    platform = f"opera-{first.sensor.value}"
    offer = Offer(
        id=identity,
        aoi=aoi_id,
        sensor=first.sensor,
        platform=platform,
        acquired_at=first.acquired,
        track=None,
        source_id="dist-alert",
        href=first.path.name,
        processing_baseline=first.version,
    )
    return Found(offer, raster.grid, lambda: raster)


def _codes(values: FloatArray, band: str) -> FloatArray:
    """Status codes, (y, x), NaN without data; raises SceneReject E1206 where the layer holds something else."""
    status = np.where(values == _UNSEEN, np.float32(np.nan), values).astype(np.float32)
    known = status[np.isfinite(status)]
    if known.size and (known.min() < 0 or known.max() > 8 or (known % 1).any()):
        what = f"{band} holds values from {known.min():g} to {known.max():g}, which are no status codes (0 to 8)"
        raise SceneReject("E1206", what, _NOTHING)
    return status


def _moved(raster: Raster, grid: Grid) -> Raster:
    """The nearest pixel of `raster` for each of `grid`, NaN outside."""
    bands = {}
    for name, values in raster.bands.items():
        bands[name] = np.full(grid.shape, np.nan, np.float32)
        reproject(
            values, bands[name], src_transform=raster.grid.affine, src_crs=f"EPSG:{raster.grid.epsg}",
            src_nodata=np.nan, dst_transform=grid.affine, dst_crs=f"EPSG:{grid.epsg}", dst_nodata=np.nan,
            resampling=Resampling.nearest,
        )  # fmt: skip
    return Raster(grid, bands)
