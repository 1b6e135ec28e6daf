"""What a stand-in provider holds: simulated scenes as products that may be late, listed twice or issued again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from shapely.geometry import mapping

from sat_monitor.core.clock import iso
from sat_monitor.core.domain import FloatArray, Scene, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.archive import Archive

#: A slice of a SAR pass lasts so long.
_SLICE = timedelta(seconds=25)
_CLOUDS = (8, 9, 10)
_ORBIT_OFFSETS = {"sentinel-1a": 73, "sentinel-1b": 27, "sentinel-1c": 172, "sentinel-1d": 0}
#: Relative orbit of the simulated optical passes.
OPTICAL_ORBIT = 31


@dataclass(frozen=True, slots=True)
class Holding:
    """One product of a scene: its name, when and by which baseline it was made; `gain` alters an issue's pixels."""

    name: str
    scene: Scene
    made_at: datetime
    baseline: str
    gain: float = 1.0

    @property
    def end(self) -> datetime:
        """When the product ends."""
        return self.scene.acquired_at + (_SLICE if self.scene.sensor is Sensor.S1 else timedelta())


class Holdings:
    """The products of one provider, by name, read from an archive of simulated scenes."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._products: dict[str, Holding] = {}

    def add(self, holding: Holding) -> Holding:
        """List one more product."""
        self._products[holding.name] = holding
        return holding

    def add_scenes(self, scenes: Iterable[Scene]) -> None:
        """List the first issue of each scene."""
        for scene in scenes:
            self.add(first_issue(scene))

    def remove(self, name: str) -> None:
        """List a product no more."""
        del self._products[name]

    def products(self) -> list[Holding]:
        """All products, by time and name."""
        return sorted(self._products.values(), key=lambda h: (h.scene.acquired_at, h.name))

    def get(self, name: str) -> Holding | None:
        """The product of a name."""
        return self._products.get(name)

    def pixels(self, holding: Holding, bands: tuple[str, ...], grid: Grid) -> dict[str, FloatArray]:
        """Bands of a product on `grid`, (y, x) float32, NaN where it has none; units as in the sensor table."""
        planes = self.archive.read(holding.scene, bands, grid)
        if holding.gain == 1.0:
            return planes
        gain = np.float32(holding.gain)
        return {band: plane if band == "SCL" else (plane * gain).astype(np.float32) for band, plane in planes.items()}


def first_issue(scene: Scene) -> Holding:
    """The product of a scene as it first appears, three hours after it was acquired."""
    return issue_of(scene, scene.acquired_at + timedelta(hours=3), scene.processing_baseline or "003.80")


def issue_of(scene: Scene, made_at: datetime, baseline: str, gain: float = 1.0) -> Holding:
    """A product of a scene, named as the provider names its products, AOI included."""
    at, satellite = f"{scene.acquired_at:%Y%m%dT%H%M%S}", f"S{scene.platform[9:].upper()}"
    if scene.sensor is Sensor.S2:
        tile = f"54{_letters(scene.aoi)}"
        name = (
            f"{satellite}_MSIL2A_{at}_N{baseline.replace('.', '')}_R{OPTICAL_ORBIT:03d}_T{tile}_{made_at:%Y%m%dT%H%M%S}"
        )
    else:
        end = f"{scene.acquired_at + _SLICE:%Y%m%dT%H%M%S}"
        orbit = scene.track.relative_orbit if scene.track else 1
        absolute = 175 * 300 + orbit - 1 + _ORBIT_OFFSETS[scene.platform]
        name = f"{satellite}_IW_GRDH_1SDV_{at}_{end}_{absolute:06d}_{_letters(scene.aoi)}{made_at:%m%d%H}_COG"
    return Holding(name, scene, made_at, baseline, gain)


def item_of(holding: Holding, collection: str) -> dict[str, Any]:
    """The STAC item of a product, without assets."""
    scene = holding.scene
    footprint = scene.grid.footprint_lonlat
    properties: dict[str, Any] = {
        "datetime": iso(scene.acquired_at),
        "platform": scene.platform,
        "constellation": scene.platform[:10],
        "created": iso(holding.made_at),
        "sat:relative_orbit": OPTICAL_ORBIT if scene.track is None else scene.track.relative_orbit,
    }
    if scene.track is not None:
        properties |= {
            "start_datetime": iso(scene.acquired_at),
            "end_datetime": iso(holding.end),
            "sat:orbit_state": scene.track.direction.value,
            "sar:instrument_mode": "IW",
        }
    else:
        properties["s2:processing_baseline"] = holding.baseline
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": holding.name,
        "collection": collection,
        "geometry": mapping(footprint),
        "bbox": list(footprint.bounds),
        "properties": properties,
        "links": [],
        "assets": {},
    }


def cloud_probability(scl: FloatArray) -> FloatArray:
    """Cloud probability (y, x), 0..255, as it might stand beside a classification."""
    return np.where(np.isin(scl, _CLOUDS), np.float32(230.0), np.float32(12.0)).astype(np.float32)


def _letters(aoi: str) -> str:
    """Three capitals that stand for an AOI, in the place of a tile."""
    number = sum(ord(letter) * (k + 1) for k, letter in enumerate(aoi))
    return "".join(chr(ord("A") + number // 26**k % 26) for k in range(3))
