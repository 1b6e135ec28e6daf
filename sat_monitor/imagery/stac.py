"""Scenes of an open STAC catalogue: found with pystac-client, copied through the door, put onto the grid by odc-stac.

Neither library opens a connection: pages and files come through the door (fetch.py), and what odc-stac reads is a local
copy of the part that is needed, described by its own header instead of by the catalogue.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from sat_monitor.core.clock import iso
from sat_monitor.core.domain import AOI, FloatArray, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.fetch import Door
from sat_monitor.imagery.listings import Catalogue, listing_of
from sat_monitor.imagery.onto_grid import onto_grid
from sat_monitor.imagery.paging import all_items
from sat_monitor.imagery.part_copy import RemoteTiff, copy_ground
from sat_monitor.imagery.product_items import product_of
from sat_monitor.imagery.products import Acquisition
from sat_monitor.imagery.radiometry import check_dark_ground, offset_of, reflectance
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.sensors import CLASS, GAMMA0, REFLECTANCE, SENSORS
from sat_monitor.imagery.source import Listing, Offer
from sat_monitor.imagery.stac_search import search
from sat_monitor.imagery.stac_sites import ALIASES, Signatures, StacSite, links_of

_NOTHING = "nothing of this scene"
#: Sample types in which open archives keep bands, by the unit that they have here.
_TYPES = {GAMMA0: ("float32", "float64"), REFLECTANCE: ("uint16", "int16"), CLASS: ("uint8", "uint16")}
Item = Mapping[str, Any]


class StacSource:
    """Scenes of one STAC API."""

    remote = True

    def __init__(
        self,
        site: StacSite,
        sensors: Sequence[Sensor],
        door: Door,
        scratch: Path,
        progress: Callable[[str], None] = lambda text: None,
        simulated: bool = False,
    ) -> None:
        self.name = f"stac:{site.name}"
        self._site = site
        self._sensors = tuple(sensors)
        self._door = door
        self._scratch = scratch
        self._progress = progress
        self._simulated = simulated
        self._signatures = Signatures(site, door)

    def listing(self, aoi: AOI, start: datetime, end: datetime) -> Listing:
        """Passes of [start, end) that meet the AOI; raises ServiceError where the catalogue fails or does not add up."""
        bounds = aoi.grid.footprint_lonlat.bounds
        items = {
            sensor: self._items(self._site.collections[sensor], bbox=bounds, datetime=f"{iso(start)}/{iso(end)}")
            for sensor in self._sensors
        }
        catalogue = Catalogue(self.name, self._href, self._simulated)
        return listing_of(items, catalogue, aoi, (start, end), self._door.now())

    def fetch(self, offer: Offer, aoi: AOI) -> Raster:
        """The pass on the AOI grid, mosaicked from its items; raises SceneReject with a number, ServiceError E19xx."""
        items = self._still_listed(offer)
        first = SENSORS[offer.sensor].required[0][0]
        bands: dict[str, FloatArray] = {}
        for number, item in enumerate(items, start=1):
            told = _Told(self._progress, f"{offer.aoi}: {offer.id}: item {number}/{len(items)}")
            fresh = self._item_bands(item, offer, aoi.grid, told)
            if fresh is not None:
                _fill(bands, fresh, first)
        if not bands:
            raise SceneReject("E1208", f"{offer.id} does not meet the AOI", _NOTHING, offer.id)
        check_dark_ground(bands, offer.id)
        return Raster(aoi.grid, bands)

    def _items(self, collection: str, **query: Any) -> list[dict[str, Any]]:
        return all_items(search(self._door, self._site.url, collections=[collection], **query), self.name)

    def _href(self, acquisition: Acquisition) -> str:
        names = [product.name for product in acquisition.products]
        return json.dumps([self._site.collections[acquisition.products[0].sensor], names])

    def _still_listed(self, offer: Offer) -> list[Item]:
        """The items of an offer as the catalogue has them now, for signed addresses end; largest first.

        Raises SceneReject E1207 where one is gone or has become one of another time.
        """
        collection, names = json.loads(offer.href)
        found = {str(item.get("id")): item for item in self._items(collection, ids=names)}
        if missing := sorted(set(names) - set(found)):
            raise SceneReject("E1207", f"{self.name} lists {', '.join(missing)} no more", _NOTHING, offer.id)
        products = {name: product_of(found[name], offer.sensor, self._door.now()) for name in names}
        if min(product.start for product in products.values()) != offer.acquired_at:
            raise SceneReject("E1207", f"{offer.id}: its items are of another time by now", _NOTHING, offer.id)
        ordered = sorted(names, key=lambda name: (-products[name].footprint.area, name))
        return [found[name] for name in ordered]

    def _item_bands(self, item: Item, offer: Offer, grid: Grid, told: _Told) -> dict[str, FloatArray] | None:
        """Bands of one item on the grid in the units of the sensor table; None where it does not lie on it."""
        collection, _ = json.loads(offer.href)
        links = links_of(item, [band for band in SENSORS[offer.sensor].names if band in ALIASES])
        if missing := [c for c in SENSORS[offer.sensor].required if not set(c) & {link.band for link in links}]:
            raise SceneReject("E1203", f"{item['id']} has no asset for {missing}", _NOTHING, offer.id)
        files = [
            RemoteTiff(
                self._signatures.signed(link.href, collection),
                link.promised,
                _TYPES[SENSORS[offer.sensor].band(link.band).unit],
                link.epsg,
                link.transform,
            )
            for link in links
        ]
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            paths = copy_ground(self._door, files, grid, Path(folder), told)
            copies = {link.band: path for link, path in zip(links, paths, strict=True) if path is not None}
            if len(copies) < len(links):
                return None
            values = onto_grid(copies, grid)
        if offer.sensor is Sensor.S1:
            return {band: _power(plane) for band, plane in values.items()}
        offset = offset_of(item["properties"], product_of(item, offer.sensor, self._door.now()).baseline)
        return {b: _classes(plane) if b == "SCL" else reflectance(plane, offset) for b, plane in values.items()}


class _Told:
    """Says how far a copy is."""

    def __init__(self, progress: Callable[[str], None], what: str) -> None:
        self._progress = progress
        self._what = what

    def __call__(self, done: int, total: int) -> None:
        self._progress(f"{self._what}: part {done}/{total}")


def _fill(bands: dict[str, FloatArray], fresh: Mapping[str, FloatArray], first: str) -> None:
    """Put an item below those that are there: a pixel is taken whole from one item."""
    if not bands:
        bands.update(fresh)
        return
    if set(bands) != set(fresh):
        raise SceneReject("E1203", f"items of one pass have bands {sorted(bands)} and {sorted(fresh)}", _NOTHING)
    empty = np.isnan(bands[first]) & ~np.isnan(fresh[first])
    for band, values in fresh.items():
        bands[band][empty] = values[empty]


def _power(values: FloatArray) -> FloatArray:
    """Linear power; missing where there is none."""
    return np.where(values > 0, values, np.float32(np.nan)).astype(np.float32)


def _classes(values: FloatArray) -> FloatArray:
    """Classes; 0 is no data."""
    return np.where(values == 0, np.float32(np.nan), values).astype(np.float32)
