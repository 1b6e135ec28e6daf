"""Open STAC catalogues: where they are, what they call collections and bands, and how their links become addresses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sat_monitor.core.clock import parse_iso
from sat_monitor.core.domain import Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.fetch import Answer, Door
from sat_monitor.imagery.items import FileFacts, file_facts
from sat_monitor.imagery.service import Question

ELEVATION = "elevation"
#: What catalogues call the asset of a band; the first that an item has counts. B8A only where there is no B08.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "B02": ("B02", "B02_10m", "blue"),
    "B03": ("B03", "B03_10m", "green"),
    "B04": ("B04", "B04_10m", "red"),
    "B08": ("B08", "B08_10m", "nir"),
    "B8A": ("B8A", "B8A_20m", "nir08"),
    "B11": ("B11", "B11_20m", "swir16"),
    "B12": ("B12", "B12_20m", "swir22"),
    "SCL": ("SCL", "SCL_20m", "scl"),
    "VV": ("vv", "VV"),
    "VH": ("vh", "VH"),
    ELEVATION: ("data", "elevation", "dem"),
}
#: A signature that ends sooner is renewed before a file is asked for.
_SIGNATURE_LEFT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class StacSite:
    """One STAC API: `hosts` may send files; `sign_url` hands out signatures per collection, "" = none are needed."""

    name: str
    url: str
    hosts: frozenset[str]
    collections: Mapping[Sensor, str] = field(default_factory=dict)
    elevation: str = ""
    sign_url: str = ""


EARTH_SEARCH = StacSite(
    "earth-search",
    "https://earth-search.aws.element84.com/v1",
    frozenset(
        {
            "earth-search.aws.element84.com",
            "sentinel-cogs.s3.us-west-2.amazonaws.com",
            "e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com",
            "copernicus-dem-30m.s3.amazonaws.com",
        }
    ),
    {Sensor.S2: "sentinel-2-l2a"},
    elevation="cop-dem-glo-30",
)
PLANETARY_COMPUTER = StacSite(
    "planetary-computer",
    "https://planetarycomputer.microsoft.com/api/stac/v1",
    frozenset(
        {
            "planetarycomputer.microsoft.com",
            "sentinel2l2a01.blob.core.windows.net",
            "sentinel1euwestrtc.blob.core.windows.net",
            "elevationeuwest.blob.core.windows.net",
        }
    ),
    {Sensor.S1: "sentinel-1-rtc", Sensor.S2: "sentinel-2-l2a"},
    elevation="cop-dem-glo-30",
    sign_url="https://planetarycomputer.microsoft.com/api/sas/v1/token",
)
STAC_SITES = {site.name: site for site in (EARTH_SEARCH, PLANETARY_COMPUTER)}


@dataclass(frozen=True, slots=True)
class Link:
    """The file of one band: its address without signature, and what the catalogue promises of its bytes and place.

    `epsg` and `transform` (six numbers of a north-up affine transform) are None where the catalogue says nothing.
    """

    band: str
    href: str
    promised: FileFacts
    epsg: int | None = None
    transform: tuple[float, ...] | None = None


def links_of(item: Mapping[str, Any], bands: Iterable[str]) -> list[Link]:
    """The files of those of `bands` that an item has; raises SceneReject E1104 where its assets are none."""
    links = {}
    for band in bands:
        if band == "B8A" and "B08" in links:
            continue
        try:
            asset = next((item["assets"][key] for key in ALIASES[band] if key in item["assets"]), None)
            if asset is not None:
                links[band] = Link(band, _address(str(asset["href"])), _promised(asset), *_place(item, asset))
        except (KeyError, TypeError, ValueError) as error:
            what = f"{item.get('id')}: asset {band} is not STAC: {error!r}"
            raise SceneReject("E1104", what, "nothing of this scene", str(item.get("id"))) from error
    return list(links.values())


def _address(href: str) -> str:
    """Buckets are asked over https."""
    parts = urlsplit(href)
    return f"https://{parts.netloc}.s3.amazonaws.com{parts.path}" if parts.scheme == "s3" else href


def _place(item: Mapping[str, Any], asset: Mapping[str, Any]) -> tuple[int | None, tuple[float, ...] | None]:
    """EPSG code and transform of an asset: its own words, or else those of the item."""
    said = {**item["properties"], **asset}
    code = str(said.get("proj:code") or said.get("proj:epsg") or "").removeprefix("EPSG:")
    # An item's transform is that of one of its assets, nobody says which.
    transform = asset.get("proj:transform")
    return int(code) if code else None, tuple(float(n) for n in transform[:6]) if transform else None


def _promised(asset: Mapping[str, Any]) -> FileFacts:
    """Without the folder: a path may hold an account."""
    facts = file_facts(asset)
    return replace(facts, href=urlsplit(facts.href).path.rpartition("/")[2])


class Signatures:
    """Addresses as a site wants them: with a signature per collection, kept until shortly before it ends."""

    def __init__(self, site: StacSite, door: Door) -> None:
        self._site = site
        self._door = door
        self._known: dict[str, tuple[str, datetime]] = {}

    def signed(self, href: str, collection: str) -> str:
        """The address to ask; raises ServiceError where no signature is to be had."""
        if not self._site.sign_url:
            return href
        token, until = self._known.get(collection, ("", None))
        if until is None or until - self._door.now() < _SIGNATURE_LEFT:
            question = Question(f"{self._site.sign_url}/{collection}", media=("application/json",), most_bytes=1 << 16)
            token, until = self._known[collection] = self._door.ask(question, _signature)
        return f"{href}{'&' if urlsplit(href).query else '?'}{token}"


def _signature(answer: Answer) -> tuple[str, datetime]:
    try:
        plain = json.loads(answer.content())
        return str(plain["token"]), parse_iso(str(plain["msft:expiry"]))
    except (ValueError, KeyError, TypeError) as error:
        raise SceneReject("E1104", f"not a signature: {type(error).__name__}", "nothing of this scene") from None
