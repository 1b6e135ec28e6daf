"""Importer of OPERA RTC-S1 bursts: GeoTIFFs of VV and VH, linear gamma0, several bursts and dates in one folder."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.geotiff import read_geotiff
from sat_monitor.imagery.importer import Finding, Found
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer

_NAME = re.compile(
    r"OPERA_L2_RTC-S1_(?P<burst>T(?P<orbit>\d{3})-\d{6}-IW\d)_(?P<acquired>\d{8}T\d{6})Z_(?P<made>\d{8}T\d{6})Z"
    r"_(?P<platform>S1[A-D])_30_v(?P<version>[\d.]+)_(?P<band>VV|VH)\.tif"
)
_NOTHING = "nothing of this scene"


@dataclass(frozen=True, slots=True)
class _File:
    """One GeoTIFF by what its name says; `made` is the time of processing."""

    path: Path
    burst: str
    relative_orbit: int
    acquired: datetime
    made: str
    platform: str
    version: str
    band: str


def opera_rtc_scenes(path: Path, aoi_id: str) -> Finding:
    """The scenes below `path` (a folder, or one file with its sibling): one per burst and acquisition.

    Of re-issued products the newest is taken. Bad files are named in `rejected` (E1101 to E1105, E1201 to E1206).
    """
    files, rejected = _files(path)
    scenes: list[Found] = []
    for identity, products in sorted(_by_scene(files).items()):
        newest = max(products)
        try:
            scenes.append(_found(identity, aoi_id, products[newest]))
        except SceneReject as reject:
            rejected.append(SceneReject(reject.code, f"{identity}: {reject.what}", reject.kept, identity))
    return Finding(tuple(sorted(scenes, key=lambda f: f.offer.order)), tuple(rejected))


def _files(path: Path) -> tuple[list[_File], list[SceneReject]]:
    """Named files, and a reject for each GeoTIFF whose name says nothing; masks are passed over."""
    folder = path if path.is_dir() else path.parent
    files, rejected = [], []
    for candidate in sorted(folder.rglob("*.tif")):
        match = _NAME.fullmatch(candidate.name)
        if match is not None:
            try:
                files.append(_file(candidate, match))
            except ValueError as error:
                rejected.append(SceneReject("E1209", f"{candidate.name}: {error}", _NOTHING, candidate.stem))
        elif not candidate.name.endswith("_mask.tif"):
            what = f"{candidate.name} is not named as an OPERA RTC-S1 product"
            rejected.append(SceneReject("E1203", what, _NOTHING, candidate.stem))
    return files, rejected


def _file(path: Path, match: re.Match[str]) -> _File:
    acquired = datetime.strptime(match["acquired"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    orbit, platform = int(match["orbit"]), f"sentinel-{match['platform'][1:].lower()}"
    return _File(
        path, match["burst"], orbit, acquired, match["made"], platform, match["version"], match["band"]
    )  # fmt: skip


def _by_scene(files: Iterable[_File]) -> dict[str, dict[str, list[_File]]]:
    """Files by scene id, then by time of processing."""
    scenes: dict[str, dict[str, list[_File]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        identity = f"RTC-S1_{file.burst}_{file.acquired:%Y%m%dT%H%M%S}_{file.platform}"
        scenes[identity][file.made].append(file)
    return scenes


def _found(identity: str, aoi_id: str, files: list[_File]) -> Found:
    by_band = {file.band: file for file in files}
    if set(by_band) != {"VV", "VH"}:
        raise SceneReject("E1203", f"it has {sorted(by_band)}, not VV and VH", _NOTHING, identity)
    raster = _load(by_band)
    file = by_band["VV"]
    lon, _ = raster.grid.to_lonlat(*raster.grid.to_metres(raster.grid.height / 2, raster.grid.width / 2))
    offer = Offer(
        id=identity,
        aoi=aoi_id,
        sensor=Sensor.S1,
        platform=file.platform,
        acquired_at=file.acquired,
        track=Track(file.relative_orbit, direction_of_pass(file.acquired, lon)),
        source_id="opera-rtc",
        href=file.path.name,
        processing_baseline=file.version,
    )
    return Found(offer, raster.grid, lambda: raster)


def _load(by_band: dict[str, _File]) -> Raster:
    tiffs = {band: read_geotiff(file.path, names=(band,)) for band, file in sorted(by_band.items())}
    grids = {tiff.grid for tiff in tiffs.values()}
    if len(grids) != 1:
        raise SceneReject("E1206", f"VV and VH lie on different grids: {sorted(map(str, grids))}", _NOTHING)
    bands = {band: tiff.bands[band] for band, tiff in tiffs.items()}
    for band, values in bands.items():
        good = values[np.isfinite(values)]
        if good.size and np.median(good) <= 0.0:
            raise SceneReject("E1206", f"{band} is not linear power: its median is {np.median(good):.3g}", _NOTHING)
    return Raster(grids.pop(), bands)


def direction_of_pass(acquired_at: datetime, lon: float) -> Direction:
    """Flight direction from local solar time: Sentinel-1 flies dawn to dusk, ascending at about 18 h, descending at 6 h."""
    local_hour = (acquired_at.hour + acquired_at.minute / 60.0 + lon / 15.0) % 24.0
    return Direction.ASCENDING if local_hour >= 12.0 else Direction.DESCENDING
