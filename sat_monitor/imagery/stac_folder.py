"""Importer of a static STAC catalogue of GeoTIFFs: its items become scenes of an AOI that exists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sat_monitor.core.domain import AOI
from sat_monitor.imagery.folder import FolderSource
from sat_monitor.imagery.importer import Finding, Found

_ALWAYS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


def stac_scenes(path: Path, aoi: AOI) -> Finding:
    """All scenes of the catalogue in the folder `path` (or whose catalog.json is `path`) that meet the AOI."""
    source = FolderSource(path if path.is_dir() else path.parent)
    listing = source.listing(aoi, *_ALWAYS)
    scenes = [Found(offer, aoi.grid, lambda offer=offer: source.fetch(offer, aoi)) for offer in listing.offers]  # type: ignore[misc]
    return Finding(tuple(scenes), listing.unreadable)
