"""A stand-in of Sentinel Hub: tokens, catalogue search and images, for the requests that this project makes."""

from __future__ import annotations

import io
import json
import re
import secrets
import tarfile
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import numpy as np
from rasterio.io import MemoryFile
from shapely.geometry import box

from sat_monitor.core.clock import parse_iso
from sat_monitor.core.domain import FloatArray, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.evalscripts import RECIPES, Recipe
from sat_monitor.standin.holdings import Holding, Holdings, cloud_probability, item_of
from sat_monitor.standin.server import Asked, Reply, json_reply

COLLECTIONS = {"sentinel-1-grd": Sensor.S1, "sentinel-2-l2a": Sensor.S2}
#: The largest image that the service makes, pixels a side.
MOST_PX = 2500
#: The angle under which every pixel of the stand-in is seen, degrees.
ANGLE = 38.0
_PROOF = re.compile(r'request: "([0-9a-f]{64})"')


class Hub:
    """Answers under /token, /api/v1/catalog/1.0.0/search and /api/v1/process."""

    def __init__(
        self, holdings: Holdings, client: tuple[str, str], page: int | None = None, token_s: float = 600.0
    ) -> None:
        self.holdings = holdings
        self._client = client
        self._page = page
        self._token_s = token_s
        self.tokens: set[str] = set()

    def answer(self, asked: Asked) -> Reply | None:
        """The reply to a request, None where it is not one of this service."""
        if asked.path == "/token":
            return self._token(asked)
        if asked.path not in ("/api/v1/catalog/1.0.0/search", "/api/v1/process"):
            return None
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return json_reply({"error": {"reason": "Unauthorized", "code": "COMMON_UNAUTHORIZED"}}, 401)
        body = json.loads(asked.body)
        return self._process(body) if asked.path.endswith("process") else self._search(body)

    def _token(self, asked: Asked) -> Reply:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != self._client:
            return json_reply({"error": "invalid_client"}, 401)
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return json_reply({"access_token": token, "expires_in": self._token_s, "token_type": "Bearer"})

    def _search(self, body: dict[str, Any]) -> Reply:
        sensor = COLLECTIONS[body["collections"][0]]
        start, end = (parse_iso(text) for text in body["datetime"].split("/"))
        area = box(*body["bbox"])
        found = [
            h for h in self.holdings.products()
            if h.scene.sensor is sensor and start <= h.scene.acquired_at <= end
            and h.scene.grid.footprint_lonlat.intersects(area)
        ]  # fmt: skip
        limit = min(int(body.get("limit", 10)), self._page or 100)
        first = int(body.get("next", 0))
        page = found[first : first + limit]
        context: dict[str, Any] = {"limit": limit, "returned": len(page)}
        if first + limit < len(found):
            context["next"] = first + limit
        items = [item_of(h, body["collections"][0]) for h in page]
        return json_reply({"type": "FeatureCollection", "features": items, "context": context})

    def _process(self, body: dict[str, Any]) -> Reply:
        data, output = body["input"]["data"][0], body["output"]
        width, height = int(output["width"]), int(output["height"])
        proof = _PROOF.search(body["evalscript"])
        if max(width, height) > MOST_PX or proof is None or len(output["responses"]) != 2:
            return json_reply({"error": {"reason": "Bad Request", "code": "RENDERER_EXCEPTION"}}, 400)
        west, _, east, north = body["input"]["bounds"]["bbox"]
        epsg = int(body["input"]["bounds"]["properties"]["crs"].rpartition("/")[2])
        grid = Grid(epsg, west, north, (east - west) / width, height, width)
        recipe = RECIPES[COLLECTIONS[data["type"]]]
        planes = self._planes(self._matching(data, grid), recipe, grid)
        image = tiff_bytes(np.stack([planes[band] for band in recipe.bands]).astype(recipe.dtype), grid)
        return Reply(200, {"Content-Type": "application/x-tar"}, tar_bytes(image, {"request": proof[1]}))

    def _matching(self, data: dict[str, Any], grid: Grid) -> list[Holding]:
        """Products that the filters let through, those that count first: as the service does, newest on top."""
        wanted, window = COLLECTIONS[data["type"]], data["dataFilter"]["timeRange"]
        start, end = parse_iso(window["from"]), parse_iso(window["to"]) + timedelta(seconds=1)
        direction = data["dataFilter"].get("orbitDirection", "").lower()
        found = [
            h for h in self.holdings.products()
            if h.scene.sensor is wanted and start <= h.scene.acquired_at <= end and h.scene.grid.overlaps(grid)
            and (h.scene.track is None or not direction or h.scene.track.direction.value == direction)
        ]  # fmt: skip
        return sorted(found, key=lambda h: (h.baseline, h.made_at), reverse=True)

    def _planes(self, holdings: list[Holding], recipe: Recipe, grid: Grid) -> dict[str, FloatArray]:
        planes = {band: np.zeros(grid.shape, np.float32) for band in recipe.bands}
        for holding in reversed(holdings):
            fresh = self._image(holding, grid)
            seen = fresh["dataMask"] > 0
            for band in recipe.bands:
                planes[band][seen] = fresh[band][seen]
        return planes

    def _image(self, holding: Holding, grid: Grid) -> dict[str, FloatArray]:
        if holding.scene.sensor is Sensor.S1:
            planes = self.holdings.pixels(holding, ("VV", "VH"), grid)
            seen = np.isfinite(planes["VV"]) & np.isfinite(planes["VH"])
            fixed = {
                "localIncidenceAngle": np.full(grid.shape, ANGLE, np.float32),
                "shadowMask": np.zeros(grid.shape, np.float32),
            }
            return {**{b: np.nan_to_num(v) for b, v in planes.items()}, **fixed, "dataMask": seen.astype(np.float32)}
        spectral = ("B02", "B03", "B04", "B08", "B11", "B12")
        planes = self.holdings.pixels(holding, (*spectral, "SCL"), grid)
        seen = np.isfinite(planes["B04"]) & (planes["SCL"] > 0)
        numbers = {b: np.clip(np.rint(np.nan_to_num(planes[b]) * 10_000.0), 0, 65_535) for b in spectral}
        scl = np.nan_to_num(planes["SCL"])
        return {**numbers, "SCL": scl, "CLP": cloud_probability(scl), "dataMask": seen.astype(np.float32)}


def tiff_bytes(values: np.ndarray, grid: Grid) -> bytes:
    """A deflate GeoTIFF of `values` (band, y, x), as the service sends them."""
    profile = {
        "driver": "GTiff", "dtype": values.dtype, "count": values.shape[0], "height": grid.height, "width": grid.width,
        "crs": f"EPSG:{grid.epsg}", "transform": grid.affine, "compress": "deflate", "zlevel": 1,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(values)
        return bytes(memory.read())


def tar_bytes(image: bytes, metadata: dict[str, Any]) -> bytes:
    """The archive of image and metadata that answers a request for both."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in (("default.tif", image), ("userdata.json", json.dumps(metadata).encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
