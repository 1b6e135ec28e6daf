"""FolderSource: a static STAC catalogue of GeoTIFFs on disk, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.clock import parse_iso
from sat_monitor.core.domain import AOI
from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.archive import check_id
from sat_monitor.imagery.geotiff import crop, read_geotiff
from sat_monitor.imagery.items import OWN, FileFacts, file_facts, sensor_of, track_of
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.sensors import SENSORS, check_bands
from sat_monitor.imagery.source import Listing, Offer

_NOTHING = "nothing of this scene"
_EARLIEST_YEAR = 2014


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of an item: its path, what is promised of it and the bands that it holds, None = those it names."""

    path: Path
    facts: FileFacts
    bands: tuple[str, ...] | None


class FolderSource:
    """Lists the items of the catalogue at `root` and hands out their pixels on an AOI's grid."""

    remote = False

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.name = f"folder:{root.name}"

    def listing(self, aoi: AOI, start: datetime, end: datetime) -> Listing:
        """Offers acquired in [start, end) that meet the AOI, sorted; items that cannot be read are named."""
        area = box(*aoi.grid.footprint_lonlat.bounds)
        offers: list[Offer] = []
        unreadable: list[SceneReject] = []
        for path in self._items(unreadable):
            try:
                offer = self._offer(path, aoi, area)
                if offer is not None and start <= offer.acquired_at < end:
                    offers.append(offer)
            except SceneReject as reject:
                unreadable.append(reject)
        return Listing(tuple(sorted(offers, key=lambda o: o.order)), tuple(unreadable))

    def fetch(self, offer: Offer, aoi: AOI) -> Raster:
        """The offer's bands on whole pixels of the AOI grid; raises SceneReject with a number."""
        parts = [crop(read_geotiff(p.path, p.facts, p.bands), aoi.grid) for p in self._parts(offer)]
        grids = {part.grid for part in parts}
        if len(grids) != 1:
            raise SceneReject("E1206", f"{offer.id}: its files lie on {len(grids)} different grids", _NOTHING, offer.id)
        bands = {name: values for part in parts for name, values in part.bands.items()}
        check_bands(offer.sensor, bands, offer.id)
        return Raster(grids.pop(), bands)

    def _items(self, unreadable: list[SceneReject]) -> Iterator[Path]:
        """Item files in the order of the links; a catalogue that cannot be read is added to `unreadable`."""
        todo, seen = [self.root / "catalog.json"], set()
        while todo:
            path = todo.pop()
            if path in seen or not path.is_file():
                continue
            seen.add(path)
            try:
                links = self._links(path)
            except SceneReject as reject:
                unreadable.append(reject)
                continue
            yield from (target for rel, target in links if rel == "item")
            todo += [target for rel, target in links if rel == "child"]

    def _links(self, path: Path) -> list[tuple[str, Path]]:
        """Kind and file of the links of a catalogue to children and items; one that leaves the folder is passed over."""
        with _well_formed(path):
            wanted = [link for link in _load(path)["links"] if link.get("rel") in ("child", "item")]
            targets = [(str(link["rel"]), self._inside(path, link["href"])) for link in wanted]
        return [(rel, target) for rel, target in targets if target is not None]

    def _inside(self, base: Path, href: str) -> Path | None:
        """The file that a relative href means, or None where it is a URL, absolute or outside the catalogue."""
        if urlparse(href).scheme or href.startswith("/"):
            return None
        target = (base.parent / href).resolve()
        return target if target.is_relative_to(self.root) else None

    def _offer(self, path: Path, aoi: AOI, area: BaseGeometry) -> Offer | None:
        """The offer of an item file, None where it is not meant for the AOI; SceneReject where it cannot be read."""
        with _well_formed(path):
            item = _load(path)
            return _offer(item, path, aoi, self.root) if _meets(item, aoi, area) else None

    def _parts(self, offer: Offer) -> list[_Part]:
        item_path = self.root / offer.href
        parts = []
        with _well_formed(item_path):
            for key, asset in _load(item_path)["assets"].items():
                if "image/tiff" not in str(asset.get("type", "image/tiff")):
                    continue
                path = self._inside(item_path, asset["href"])
                if path is None:
                    what = f"{offer.id}: {asset['href']!r} leaves the catalogue"
                    raise SceneReject("E1104", what, _NOTHING, offer.id)
                parts.append(_Part(path, file_facts(asset), _asset_bands(key, asset, offer)))
        if not parts:
            raise SceneReject("E1203", f"{offer.id} has no GeoTIFF asset", _NOTHING, offer.id)
        return parts


def _asset_bands(key: str, asset: dict[str, Any], offer: Offer) -> tuple[str, ...] | None:
    """Band names of an asset: as it lists them, else its key where that is a band of the sensor."""
    listed = tuple(str(band["name"]) for band in asset.get("bands") or asset.get("eo:bands") or [] if "name" in band)
    if listed:
        return listed
    return (key,) if key in SENSORS[offer.sensor].names else None


@contextmanager
def _well_formed(path: Path) -> Iterator[None]:
    """Within it, JSON of an unexpected shape is a SceneReject E1104 that names the file."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise SceneReject("E1104", f"{path.name} is not STAC: {error!r}", _NOTHING, path.stem) from error


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SceneReject("E1104", f"{path.name}: {error}", _NOTHING, path.stem) from error
    return content


def _meets(item: dict[str, Any], aoi: AOI, area: BaseGeometry) -> bool:
    """Whether an item is meant for the AOI: by name where the item names one, else by its bounding box."""
    own = item["properties"].get(f"{OWN}aoi")
    if own is not None:
        return bool(own == aoi.id)
    bbox = item.get("bbox")
    if not bbox:
        return False
    # With heights it is west, south, lowest, east, north, highest.
    west, south, east, north = bbox if len(bbox) == 4 else (*bbox[:2], *bbox[3:5])
    return bool(box(west, south, east, north).intersects(area))


def _offer(item: dict[str, Any], path: Path, aoi: AOI, root: Path) -> Offer:
    identity, properties = str(item.get("id", path.stem)), item["properties"]
    check_id(identity)
    acquired_at = _time(properties.get("datetime"), identity)
    try:
        sensor, track = sensor_of(properties), track_of(properties)
    except ValueError as error:
        raise SceneReject("E1203", f"{identity}: {error}", _NOTHING, identity) from error
    if SENSORS[sensor].has_tracks and track is None:
        raise SceneReject("E1206", f"{identity} names no relative orbit and direction", _NOTHING, identity)
    return Offer(
        id=identity,
        aoi=aoi.id,
        sensor=sensor,
        platform=str(properties.get("platform", "")),
        acquired_at=acquired_at,
        track=track,
        source_id=str(properties.get(f"{OWN}source_id", f"folder:{root.name}")),
        href=path.relative_to(root).as_posix(),
        processing_baseline=properties.get(f"{OWN}processing_baseline") or properties.get("s2:processing_baseline"),
        simulated=bool(properties.get(f"{OWN}simulated", False)),
    )


def _time(text: object, identity: str) -> datetime:
    try:
        moment = parse_iso(str(text))
    except ValueError as error:
        raise SceneReject("E1209", f"{identity}: datetime {text!r}", _NOTHING, identity) from error
    if moment.year < _EARLIEST_YEAR:
        raise SceneReject("E1209", f"{identity}: acquired {text}, before the sensors flew", _NOTHING, identity)
    return moment
