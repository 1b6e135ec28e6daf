"""A stand-in of an open STAC catalogue: item search, files in ranges, signatures where a site wants them, a DEM."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import rasterio
from affine import Affine
from rasterio.io import MemoryFile
from shapely.geometry import box, mapping

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.domain import FloatArray, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.standin.holdings import Holding, Holdings, item_of
from sat_monitor.standin.server import Asked, Reply, json_reply

Bounds = tuple[float, float, float, float]
SEARCH, FILES, TOKEN = "/stac/search", "/files/", "/sas/"
ELEVATION = "dem"
_FEATURES = {"type": "FeatureCollection"}
_SINCE_OFFSET = (4, 0)
_ALWAYS = "2000-01-01T00:00:00Z/2100-01-01T00:00:00Z"
_NO_POWER = -32768.0
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(frozen=True)
class Habits:
    """How a site names and serves: asset by band, collection by sensor, and whether it took the offset away already.

    `ranges` = it sends parts of files; `checksums` = its items promise sha256 and size; `signed` = files need a token;
    `compress` is GDAL's word; `page` is the most items per page.
    """

    assets: Mapping[str, str]
    collections: Mapping[str, Sensor]
    offset_applied: bool = False
    ranges: bool = True
    checksums: bool = False
    signed: bool = False
    compress: str = "DEFLATE"
    page: int = 100


EARTH_SEARCH_LIKE = Habits(
    {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16", "B12": "swir22", "SCL": "scl"},
    {"sentinel-2-l2a": Sensor.S2},
    offset_applied=True,
)
PLANETARY_LIKE = Habits(
    {**{band: band for band in ("B02", "B03", "B04", "B08", "B11", "B12", "SCL")}, "VV": "vv", "VH": "vh"},
    {"sentinel-2-l2a": Sensor.S2, "sentinel-1-rtc": Sensor.S1},
    signed=True,
)
_COARSE = frozenset({"B11", "B12", "SCL"})


@dataclass(eq=False)
class OpenStac:
    """Answers under /stac, /files and /sas; `heights` are its elevation model: (y, x) m, bounds in degrees."""

    holdings: Holdings
    habits: Habits = EARTH_SEARCH_LIKE
    heights: tuple[FloatArray, Bounds] | None = None
    tokens: set[str] = field(default_factory=set)

    def answer(self, asked: Asked) -> Reply | None:
        """The reply to a request, None where it is not one of this service."""
        if asked.path == SEARCH:
            return self._search(asked)
        if asked.path.startswith(TOKEN):
            return self._token()
        return self._file(asked) if asked.path.startswith(FILES) else None

    def _token(self) -> Reply:
        token = f"sig={secrets.token_urlsafe(12)}"
        self.tokens.add(token)
        return json_reply({"token": token, "msft:expiry": iso(datetime.now(UTC) + timedelta(hours=1))})

    def _search(self, asked: Asked) -> Reply:
        body = json.loads(asked.body)
        base = f"http://{asked.headers['host']}"
        found = self._matching(body, base)
        first, limit = int(body.get("token", 0)), min(int(body.get("limit", 10)), self.habits.page)
        links = []
        if first + limit < len(found):
            further = {**body, "token": str(first + limit)}
            links.append({"rel": "next", "href": base + SEARCH, "method": "POST", "body": further})
        features = found[first : first + limit]
        return json_reply({**_FEATURES, "features": features, "numberMatched": len(found), "links": links})

    def _matching(self, body: Mapping[str, Any], base: str) -> list[dict[str, Any]]:
        collection = body["collections"][0]
        if collection == ELEVATION and self.heights is not None:
            return [self._elevation_item(self.heights[1], base)]
        start, end = (
            parse_iso(text) for text in body.get("datetime", "2000-01-01T00:00:00Z/2100-01-01T00:00:00Z").split("/")
        )
        area = box(*body.get("bbox", (-180.0, -90.0, 180.0, 90.0)))
        return [
            self._item(h, collection, base) for h in self.holdings.products()
            if h.scene.sensor is self.habits.collections[collection] and start <= h.scene.acquired_at <= end
            and h.scene.grid.footprint_lonlat.intersects(area) and h.name in body.get("ids", [h.name])
        ]  # fmt: skip

    def _item(self, holding: Holding, collection: str, base: str) -> dict[str, Any]:
        item = item_of(holding, collection)
        if self.habits.offset_applied and holding.scene.sensor is Sensor.S2:
            item["properties"]["earthsearch:boa_offset_applied"] = True
        held = self.holdings.archive.bands(holding.scene)
        for band, name in self.habits.assets.items():
            if band in held:
                grid = _grid_of(holding, band)
                item["assets"][name] = {
                    "href": f"{base}{FILES}{holding.name}/{band}.tif", "type": "image/tiff",
                    "proj:epsg": grid.epsg, "proj:transform": list(grid.affine)[:6],
                }  # fmt: skip
                if self.habits.checksums:
                    content = self._content(holding.name, band)
                    checksum = f"1220{hashlib.sha256(content).hexdigest()}"
                    item["assets"][name] |= {"file:checksum": checksum, "file:size": len(content)}
        return item

    def _elevation_item(self, bounds: Bounds, base: str) -> dict[str, Any]:
        return {
            "type": "Feature", "stac_version": "1.0.0", "id": "height", "collection": ELEVATION, "links": [],
            "geometry": mapping(box(*bounds)), "bbox": list(bounds),
            "properties": {"datetime": "2021-04-22T00:00:00Z", "proj:epsg": 4326},
            "assets": {"data": {"href": f"{base}{FILES}height/{ELEVATION}.tif", "type": "image/tiff"}},
        }  # fmt: skip

    def _file(self, asked: Asked) -> Reply:
        if self.habits.signed and not self.tokens & {f"sig={v}" for v in parse_qs(asked.query).get("sig", [])}:
            return Reply(403, {"Content-Type": "application/xml"}, b"<Error/>")
        name, _, file = asked.path.removeprefix(FILES).partition("/")
        content = self._content(name, file.removesuffix(".tif"))
        headers = {"Content-Type": "image/tiff", "ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'}
        part = _RANGE.fullmatch(asked.headers.get("range", ""))
        if not self.habits.ranges or part is None:
            return Reply(200, headers, content)
        start, end = int(part[1]), min(int(part[2]) + 1, len(content))
        return Reply(206, headers | {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}, content[start:end])

    @lru_cache(maxsize=64)  # noqa: B019
    def _content(self, name: str, band: str) -> bytes:
        if band == ELEVATION and self.heights is not None:
            values, (west, south, east, north) = self.heights
            rows, cols = values.shape
            transform = Affine((east - west) / cols, 0.0, west, 0.0, (south - north) / rows, north)
            return cog_bytes(values, transform, 4326, self.habits.compress, None)
        holding = self.holdings.get(name)
        if holding is None:
            raise KeyError(name)
        scene = holding.scene
        plane = self.holdings.pixels(holding, (band,), scene.grid)[band]
        if scene.sensor is Sensor.S1:
            known = np.where(np.isfinite(plane), plane, np.float32(_NO_POWER))
            return cog_bytes(known, scene.grid.affine, scene.grid.epsg, self.habits.compress, _NO_POWER)
        if band in _COARSE:
            plane = plane[::2, ::2]
        grid = _grid_of(holding, band)
        return cog_bytes(self._numbers(plane, band, holding), grid.affine, grid.epsg, self.habits.compress, 0)

    def _numbers(self, plane: FloatArray, band: str, holding: Holding) -> np.ndarray:
        if band == "SCL":
            return np.nan_to_num(plane).astype(np.uint8)
        versions = tuple(int(part) for part in holding.baseline.split("."))
        offset = 1000.0 if versions >= _SINCE_OFFSET and not self.habits.offset_applied else 0.0
        return np.where(np.isfinite(plane), np.clip(np.rint(plane * 1e4) + offset, 1, 65_535), 0).astype(np.uint16)


def _grid_of(holding: Holding, band: str) -> Grid:
    """The grid of a band's file: 20 m where the satellite sees no finer."""
    grid = holding.scene.grid
    if holding.scene.sensor is Sensor.S1 or band not in _COARSE:
        return grid
    return Grid(grid.epsg, grid.x0, grid.y0, 2 * grid.pixel_m, -(-grid.height // 2), -(-grid.width // 2))


def cog_bytes(values: np.ndarray, transform: Affine, epsg: int, compress: str, nodata: float | None) -> bytes:
    """A cloud-optimised GeoTIFF of one band (y, x), as open archives keep them."""
    profile = {
        "driver": "COG", "dtype": values.dtype, "count": 1, "height": values.shape[0], "width": values.shape[1],
        "crs": rasterio.CRS.from_epsg(epsg), "transform": transform, "compress": compress,
        "blocksize": 256, "overviews": "NONE", "nodata": nodata,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(values, 1)
        return bytes(memory.read())
