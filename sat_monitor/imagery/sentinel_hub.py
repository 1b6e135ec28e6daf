"""Sentinel Hub and the Copernicus Data Space: catalogue search and images straight onto the AOI grid.

The `sentinelhub` package writes the requests; every byte goes through the door (fetch.py). Its defaults are not ours:
gamma0 is flattened by terrain and orthorectified on the Copernicus DEM, in linear power; optical values are digital
numbers that the service has brought to one radiometric offset.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from shapely import from_wkt, to_wkt, union_all
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.domain import AOI, FloatArray, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.imagery.asked import Asked, read_answer
from sat_monitor.imagery.evalscripts import RECIPES, evalscript
from sat_monitor.imagery.fetch import Answer, Door, Errand
from sat_monitor.imagery.listings import Catalogue, listing_of
from sat_monitor.imagery.paging import Page, all_items
from sat_monitor.imagery.processing_units import processing_units, watched_tiles
from sat_monitor.imagery.products import Acquisition
from sat_monitor.imagery.radiometry import SCALE, check_dark_ground
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.service import Question
from sat_monitor.imagery.source import Listing, Offer

#: Pixels a side of one request. The service takes 2,500; small ones fit an outline better and need less memory.
TILE_PX = 640
_PAGE = 100
#: Added to both ends of a pass, for tiles of one pass differ by seconds; the next pass is an hour away.
_AROUND = timedelta(seconds=30)
_TAR = ("application/x-tar", "application/tar")
_NOTHING = "nothing of this scene"
_MEMBERS = {"default.tif", "userdata.json"}
_METADATA_BYTES = 1 << 16


Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class HubSite:
    """One deployment: where its APIs and its tokens are."""

    name: str
    base_url: str
    token_url: str
    hosts: frozenset[str]


COPERNICUS = HubSite(
    "copernicus",
    "https://sh.dataspace.copernicus.eu",
    "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token",
    frozenset({"sh.dataspace.copernicus.eu", "identity.dataspace.copernicus.eu"}),
)
SENTINEL_HUB = HubSite(
    "sentinel-hub",
    "https://services.sentinel-hub.com",
    "https://services.sentinel-hub.com/auth/realms/main/protocol/openid-connect/token",
    frozenset({"services.sentinel-hub.com"}),
)
SITES = {site.name: site for site in (COPERNICUS, SENTINEL_HUB)}


@dataclass(frozen=True, slots=True)
class _Pass:
    """What an offer's href says: the time range of a pass (UTC) and where on Earth its products lie (lon/lat)."""

    start: datetime
    end: datetime
    footprint: BaseGeometry

    @classmethod
    def of(cls, acquisition: Acquisition) -> _Pass:
        footprint = union_all([product.footprint for product in acquisition.products])
        return cls(acquisition.start, acquisition.end, footprint.convex_hull)

    def href(self) -> str:
        return json.dumps([iso(self.start), iso(self.end), to_wkt(self.footprint, rounding_precision=5)])

    @classmethod
    def parse(cls, href: str) -> _Pass:
        start, end, footprint = json.loads(href)
        return cls(parse_iso(start), parse_iso(end), from_wkt(footprint))


class SentinelHubSource:
    """Scenes of one account, by catalogue search and Process API."""

    remote = True

    def __init__(
        self,
        site: HubSite,
        sensors: Sequence[Sensor],
        door: Door,
        progress: Callable[[str], None] = lambda text: None,
        simulated: bool = False,
    ) -> None:
        self.name = f"sentinel-hub:{site.name}"
        self._site = site
        self._sensors = tuple(sensors)
        self._door = door
        self._progress = progress
        self._simulated = simulated

    def listing(self, aoi: AOI, start: datetime, end: datetime) -> Listing:
        """Passes of [start, end) that meet the AOI; raises ServiceError where the catalogue fails or does not add up."""
        items = {sensor: all_items(self._pages(aoi, sensor, (start, end)), self.name) for sensor in self._sensors}
        catalogue = Catalogue(self.name, lambda acquisition: _Pass.of(acquisition).href(), self._simulated)
        return listing_of(items, catalogue, aoi, (start, end), self._door.now())

    def fetch(self, offer: Offer, aoi: AOI) -> Raster:
        """The pass on the AOI grid, from tiles; raises SceneReject with a number, ServiceError E19xx."""
        recipe, where = RECIPES[offer.sensor], _Pass.parse(offer.href)
        planes = {band: np.zeros(aoi.grid.shape, np.float32) for band in recipe.bands}
        errands = []
        for window in watched_tiles(aoi, TILE_PX):
            grid = aoi.grid.window(window)
            if grid.footprint_lonlat.intersects(where.footprint):
                question, proof = self._question(offer, where, grid)
                errands.append(
                    Errand(
                        question,
                        _tile_check(
                            Asked(grid, recipe.bands, recipe.dtype, None, recipe.ranges), proof, window, planes
                        ),
                    )
                )
        if not errands:
            raise SceneReject("E1208", f"{offer.id} does not meet the AOI", _NOTHING, offer.id)
        self._door.ask_all(errands, lambda done, total: self._told(offer, done, total))
        bands = _BANDS[offer.sensor](planes)
        check_dark_ground(bands, offer.id)
        return Raster(aoi.grid, bands)

    def _told(self, offer: Offer, done: int, total: int) -> None:
        if total > 1:
            self._progress(f"{offer.aoi}: {offer.id}: tile {done}/{total}")

    def _pages(self, aoi: AOI, sensor: Sensor, window: tuple[datetime, datetime]) -> Iterator[Page]:
        url, params = _search(self._site.base_url, sensor, aoi.grid.footprint_lonlat.bounds, window)
        start: int | None = None
        while True:
            body = json.dumps(params if start is None else {**params, "next": start}).encode()
            headers = {"Content-Type": "application/json"}
            media = ("application/json", "application/geo+json")
            page = self._door.ask(Question(url, "POST", headers, body, media, most_bytes=64 << 20), _page)
            yield page
            start = page.next_start
            if start is None or not page.items:
                return

    def _question(self, offer: Offer, where: _Pass, grid: Grid) -> tuple[Question, str]:
        """The request for one tile, and the proof that its answer must carry."""
        recipe = RECIPES[offer.sensor]
        url, headers, payload = _process(self._site.base_url, offer, (where.start - _AROUND, where.end + _AROUND), grid)
        proof = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        body = json.dumps({**payload, "evalscript": evalscript(recipe, proof)}).encode()
        units = processing_units(grid.height, grid.width, recipe)
        raw = grid.height * grid.width * len(recipe.bands) * np.dtype(recipe.dtype).itemsize
        return Question(url, "POST", headers, body, _TAR, units, most_bytes=2 * raw + (1 << 20)), proof


def _page(answer: Answer) -> Page:
    """A page of the catalogue; SceneReject E1104 where it is none."""
    try:
        plain = json.loads(answer.content())
        context = plain.get("context") or {}
        after = context.get("next")
        matched = plain.get("numberMatched", context.get("matched"))
        return Page(tuple(plain["features"]), matched, None if after is None else int(after))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SceneReject("E1104", f"not a page of a catalogue: {error!r}", "nothing of this listing") from error


def _tile_check(asked: Asked, proof: str, window: Window, planes: dict[str, FloatArray]) -> Callable[[Answer], None]:
    """A check that decodes one tile and puts it into its place in `planes`."""

    def check(answer: Answer) -> None:
        image = _unpacked(answer.path, proof)
        for band, values in read_answer(image, asked).bands.items():
            planes[band][window.slices] = values

    return check


def _unpacked(path: Path, proof: str) -> Path:
    """The image of an answer, beside it; raises SceneReject E1104 not the two files that were asked for, E1207."""
    image = path.with_name("default.tif")
    try:
        with tarfile.open(path, "r:") as tar:
            members = {member.name: member for member in tar.getmembers()}
            if set(members) != _MEMBERS or not all(member.isreg() for member in members.values()):
                raise SceneReject("E1104", f"the answer holds {sorted(members)[:5]}", _NOTHING)
            metadata = tar.extractfile(members["userdata.json"])
            echo = json.loads(metadata.read(_METADATA_BYTES)) if metadata else {}
            if echo.get("request") != proof:
                raise SceneReject(
                    "E1207", f"the answer is to request {str(echo.get('request'))[:12]}, not {proof[:12]}", _NOTHING
                )
            source = tar.extractfile(members["default.tif"])
            if source is None or members["default.tif"].size > path.stat().st_size:
                raise SceneReject("E1104", "the answer holds no image", _NOTHING)
            with image.open("wb") as target:
                while part := source.read(1 << 20):
                    target.write(part)
    except (tarfile.TarError, ValueError, AttributeError, EOFError) as error:
        raise SceneReject("E1104", f"not the archive that was asked for: {error!r}", _NOTHING) from error
    return image


def _sar(planes: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """gamma0 in linear power; missing where the mask says so, in radar shadow, and where there is no power."""
    seen = (planes["dataMask"] > 0) & (planes["shadowMask"] == 0)
    missing = np.float32(np.nan)
    bands = {band: np.where(seen & (planes[band] > 0), planes[band], missing) for band in ("VV", "VH")}
    return {**bands, "angle": np.where(planes["dataMask"] > 0, planes["localIncidenceAngle"], missing)}


def _optical(planes: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Reflectance, classes, and cloud probability 0..1; in place, for a scene may be a gigabyte."""
    missing = planes["dataMask"] == 0
    bands = {band: values for band, values in planes.items() if band != "dataMask"}
    for band, values in bands.items():
        if band != "SCL":
            np.divide(values, np.float32(255.0 if band == "CLP" else SCALE), out=values)
        values[missing] = np.nan
    return bands


_BANDS: dict[Sensor, Callable[[dict[str, FloatArray]], dict[str, FloatArray]]] = {Sensor.S1: _sar, Sensor.S2: _optical}


def _search(
    base_url: str, sensor: Sensor, bounds: Bounds, window: tuple[datetime, datetime]
) -> tuple[str, dict[str, Any]]:
    """Address and body of a catalogue search, as the package writes them."""
    from sentinelhub import CRS, BBox, SentinelHubCatalog

    catalog = SentinelHubCatalog(config=_config(base_url))
    times = (iso(window[0]), iso(window[1]))
    search = catalog.search(_collection(base_url, sensor, None), time=times, bbox=BBox(bounds, CRS.WGS84), limit=_PAGE)
    return search.url, dict(search.params)


def _process(
    base_url: str, offer: Offer, window: tuple[datetime, datetime], grid: Grid
) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Address, headers and body (but for the script) of an image request, as the package writes them."""
    from sentinelhub import CRS, BBox, MimeType, ResamplingType, SentinelHubRequest

    direction = offer.track.direction.value if offer.track else None
    data = SentinelHubRequest.input_data(
        _collection(base_url, offer.sensor, direction),
        time_interval=(iso(window[0].replace(microsecond=0)), iso(window[1].replace(microsecond=0))),
        upsampling=ResamplingType.NEAREST,
        downsampling=ResamplingType.NEAREST,
        other_args={"processing": _PROCESSING[offer.sensor]},
    )
    request = SentinelHubRequest(
        evalscript="",
        input_data=[data],
        responses=[
            SentinelHubRequest.output_response("default", MimeType.TIFF),
            SentinelHubRequest.output_response("userdata", MimeType.JSON),
        ],
        bbox=BBox(grid.bounds, CRS(str(grid.epsg))),
        size=(grid.width, grid.height),
        config=_config(base_url),
    )
    download = request.download_list[0]
    return str(download.url), dict(download.headers), json.loads(json.dumps(download.post_values))


_PROCESSING: dict[Sensor, dict[str, Any]] = {
    Sensor.S1: {"backCoeff": "GAMMA0_TERRAIN", "orthorectify": True, "demInstance": "COPERNICUS_30"},
    # The service knows the baseline of every tile of a mosaic, so it applies the offset; nobody else does.
    Sensor.S2: {"harmonizeValues": True},
}


def _config(base_url: str) -> Any:
    """The package's settings without credentials: it only writes requests here, it sends none."""
    from sentinelhub import SHConfig

    return SHConfig(use_defaults=True, sh_base_url=base_url)


@lru_cache(maxsize=64)
def _collection(base_url: str, sensor: Sensor, direction: str | None) -> Any:
    """The package's collection at one deployment; its own address beats the settings, so each has its own definition."""
    from sentinelhub import DataCollection

    known = {
        (Sensor.S1, None): DataCollection.SENTINEL1_IW,
        (Sensor.S1, "ascending"): DataCollection.SENTINEL1_IW_ASC,
        (Sensor.S1, "descending"): DataCollection.SENTINEL1_IW_DES,
        (Sensor.S2, None): DataCollection.SENTINEL2_L2A,
    }[sensor, direction]
    if known.service_url == base_url:
        return known
    name = f"{known.name}_{hashlib.sha256(base_url.encode()).hexdigest()[:12]}"
    return known.define_from(name, service_url=base_url)
