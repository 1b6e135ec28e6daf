"""Items of a catalogue as the offers of a source: one per pass, with what could not be read beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sat_monitor.core.domain import AOI, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.product_items import product_of
from sat_monitor.imagery.products import Acquisition, Product, acquisitions
from sat_monitor.imagery.source import Listing, Offer


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Who lists: the source's name, how it writes down what to fetch, and whether its scenes are simulated."""

    source_id: str
    href: Callable[[Acquisition], str]
    simulated: bool


def listing_of(
    items: Mapping[Sensor, Iterable[Mapping[str, Any]]],
    catalogue: Catalogue,
    aoi: AOI,
    window: tuple[datetime, datetime],
    now: datetime,
) -> Listing:
    """The passes of [start, end) in `items` that meet the AOI; items that lie or contradict each other are named."""
    offers: list[Offer] = []
    unreadable: list[SceneReject] = []
    for sensor, found in items.items():
        products = []
        for item in found:
            try:
                products.append(product_of(item, sensor, now))
            except SceneReject as reject:
                unreadable.append(reject)
        meeting = [p for p in products if p.footprint.intersects(aoi.grid.footprint_lonlat)]
        passes, ambiguous = acquisitions(meeting, aoi.id)
        unreadable += ambiguous
        offers += [_offer(aoi, catalogue, one) for one in passes if window[0] <= one.start < window[1]]
    return Listing(tuple(sorted(offers, key=lambda o: o.order)), tuple(unreadable))


def _offer(aoi: AOI, catalogue: Catalogue, acquisition: Acquisition) -> Offer:
    first: Product = acquisition.products[0]
    baselines = sorted({".".join(f"{n:02d}" for n in p.baseline) for p in acquisition.products if p.baseline})
    return Offer(
        id=acquisition.id,
        aoi=aoi.id,
        sensor=first.sensor,
        platform=first.platform,
        acquired_at=acquisition.start,
        track=first.track,
        source_id=catalogue.source_id,
        href=catalogue.href(acquisition),
        processing_baseline=" ".join(baselines) or None,
        simulated=catalogue.simulated,
        issue=acquisition.issue,
        superseded=acquisition.superseded,
    )
