"""The elevation model of an open STAC catalogue, as far as it covers an AOI."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from sat_monitor.core.domain import AOI
from sat_monitor.core.errors import SceneReject, ServiceError
from sat_monitor.imagery.elevation import Heights, read_heights
from sat_monitor.imagery.fetch import Door
from sat_monitor.imagery.paging import all_items
from sat_monitor.imagery.part_copy import RemoteTiff, copy_ground
from sat_monitor.imagery.stac_search import search
from sat_monitor.imagery.stac_sites import ELEVATION, Signatures, StacSite, links_of

_TYPES = ("float32", "float64", "int16", "int32")


def fetch_elevation(
    site: StacSite, door: Door, scratch: Path, aoi: AOI, progress: Callable[[str], None] = lambda text: None
) -> tuple[list[Heights], str]:
    """The elevation models of a site near an AOI, and a hash of them.

    Raises ServiceError E1912 where the site has none, E19xx where it does not answer as it should, SceneReject as
    `copy_ground` and `read_heights`.
    """
    if not site.elevation:
        raise ServiceError("E1912", f"site {site.name!r} names no elevation model", "nothing was fetched")
    bounds = aoi.grid.footprint_lonlat.bounds
    items = all_items(search(door, site.url, collections=[site.elevation], bbox=bounds), site.name)
    signatures = Signatures(site, door)
    links = [link for item in items for link in links_of(item, [ELEVATION])]
    if len(links) < len(items):
        raise SceneReject("E1203", f"{len(items) - len(links)} items of {site.elevation} have no heights", "nothing")
    files = [
        RemoteTiff(signatures.signed(link.href, site.elevation), link.promised, _TYPES, link.epsg, link.transform)
        for link in links
    ]
    scratch.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    parts = []
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        told = f"{aoi.id}: elevation model of {site.name}"
        paths = copy_ground(door, files, aoi.grid, Path(folder), lambda n, of: progress(f"{told}: part {n}/{of}"))
        for link, path in zip(links, paths, strict=True):
            heights = read_heights(path, aoi.grid) if path else None
            if heights is not None:
                parts.append(heights)
                digest.update(f"{link.promised.href} {heights.transform}\n".encode() + heights.height.tobytes())
    return parts, digest.hexdigest()
