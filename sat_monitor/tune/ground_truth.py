"""What is known of the ground, and how well a table of sites agrees with it: truth of a simulation, verdicts of people.

Truth is whole: ground that it does not name is unchanged. Verdicts are a sample: each row carries the probability with
which it was drawn, and what could not be reached or seen says nothing.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import shapely
from shapely import STRtree
from shapely.errors import ShapelyError
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.casework import IS_EARTHWORK
from sat_monitor.core.domain import AOI, Site
from sat_monitor.core.errors import SatMonitorError, UsageError
from sat_monitor.core.grid import reproject
from sat_monitor.sites.lifecycle import SiteTable
from sat_monitor.tickets.labels import Label
from sat_monitor.tune.compare import Alarm, Level, Span, alarms_of
from sat_monitor.tune.weighted import Share, share_of

#: What a verdict may say: works of the watched kind found, not found, and nothing; those of tickets among them.
VERDICTS: Mapping[str, bool | None] = {
    "works": True,
    "no_works": False,
    **{verdict.value: says for verdict, says in IS_EARTHWORK.items()},
}
#: Name of what an installation's own people found.
OWN = "own verdicts"
#: The day from which a true change may be found, by the first of these properties that is there.
_BEGUN = ("begun_on", "cleared_on", "filled_on")
#: How far a place given as a point may lie from the outline of its site, m: a hand-held receiver and one pixel.
_REACH_M = 20.0


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """Ground of which something is known, metres of the AOI's EPSG; `weight` = 1 / inclusion probability."""

    name: str
    ground: BaseGeometry
    works: bool
    weight: float = 1.0
    begun: date | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Places of an AOI; `whole` says that what they do not name is known to be unchanged."""

    source: str
    places: tuple[KnownPlace, ...]
    whole: bool

    @property
    def column(self) -> str:
        """How the columns of its figures begin."""
        return "truth" if self.whole else "own_verdicts" if self.source == OWN else "verdicts"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """User's and producer's accuracy of the alarms of one level; None where there is nothing to judge by."""

    users: Share | None
    producers: Share | None


def read_truth(path: Path, aoi: AOI) -> Knowledge:
    """The true works of a GeoJSON file in lon/lat, those of other AOIs left out.

    Properties: `aoi`, `begun_on` (or `cleared_on`, `filled_on`; a day). Raises UsageError E2002, SatMonitorError E1605.
    """
    try:
        features = json.loads(_text(path))["features"]
        places = [
            _true_place(f, n, aoi) for n, f in enumerate(features) if f["properties"].get("aoi", aoi.id) == aoi.id
        ]
    except (ValueError, LookupError, TypeError, AttributeError, ShapelyError) as error:
        raise SatMonitorError("E1605", f"{path.name}: {error!r}") from error
    return Knowledge(path.name, tuple(places), whole=True)


def _true_place(feature: Mapping[str, Any], number: int, aoi: AOI) -> KnownPlace:
    properties = feature["properties"]
    begun = next((date.fromisoformat(properties[key]) for key in _BEGUN if properties.get(key)), None)
    ground = reproject(shape(feature["geometry"]), 4326, aoi.grid.epsg)
    return KnownPlace(str(properties.get("id", feature.get("id", number))), ground, True, begun=begun)


def read_verdicts(path: Path, aoi: AOI, sites: Sequence[Site]) -> Knowledge:
    """The verdicts of a CSV file on places of `aoi`; rows that name another AOI in a column `aoi` are left out.

    Columns: `site` (an id of `sites`) or `lon` and `lat` (and `radius_m`, else 20 m); `verdict` (see `VERDICTS`); `inclusion_probability`, above 0
    and at most 1. Raises UsageError E2002, SatMonitorError E1605 with the line.
    """
    outlines = {site.id: site.outline for site in sites}
    places = []
    for number, row in enumerate(csv.DictReader(_text(path).splitlines()), start=2):
        if (row.get("aoi") or aoi.id) != aoi.id:
            continue
        try:
            place = _judged(row, f"{path.name}:{number}", aoi, outlines)
        except (ValueError, KeyError, TypeError) as error:
            raise SatMonitorError("E1605", f"{path.name}, line {number}: {error}") from error
        if place is not None:
            places.append(place)
    return Knowledge(path.name, tuple(places), whole=False)


def labelled(labels: Sequence[Label]) -> Knowledge:
    """The verdicts of an installation's own tickets, draws and finds on an AOI; those that say nothing are left out."""
    places = [
        KnownPlace(label.case_id, label.outline, label.is_earthwork, 1.0 / label.chance)
        for label in labels
        if label.is_earthwork is not None
    ]
    return Knowledge(OWN, tuple(places), whole=False)


def _judged(row: Mapping[str, str], name: str, aoi: AOI, outlines: Mapping[str, BaseGeometry]) -> KnownPlace | None:
    verdict, chance = row["verdict"].strip(), float(row["inclusion_probability"])
    if verdict not in VERDICTS:
        raise ValueError(f"verdict {verdict!r} is none of {', '.join(VERDICTS)}")
    if not 0.0 < chance <= 1.0:
        raise ValueError(f"inclusion_probability {chance} is not above 0 and at most 1")
    site = (row.get("site") or "").strip()
    if site and site not in outlines:
        raise ValueError(f"site {site!r} is not in the store")
    works = VERDICTS[verdict]
    if works is None:
        return None
    if site:
        return KnownPlace(site, outlines[site], works, 1.0 / chance)
    point = reproject(Point(float(row["lon"]), float(row["lat"])), 4326, aoi.grid.epsg)
    return KnownPlace(name, point.buffer(float(row.get("radius_m") or _REACH_M)), works, 1.0 / chance)


def accuracy_of(table: SiteTable, known: Knowledge, level: Level, span: Span) -> Accuracy:
    """How the alarms of a level agree with what is known of the ground.

    Producer's accuracy: the weighted share of places with works (begun within `span`, where that is known) on which an
    alarm was raised by its end. User's accuracy: of alarms raised within `span` the share on true works, where the truth is
    whole; else of judged places under such an alarm the weighted share with works.
    """
    reached = [alarm for alarm in alarms_of(table) if alarm.reached(level) is not None]
    raised = [alarm for alarm in reached if span.holds(alarm.reached(level))]
    sought = [p for p in known.places if p.works and (p.begun is None or span.first <= p.begun <= span.last)]
    producers = share_of(_met([p.ground for p in sought], _ground(reached)), [p.weight for p in sought])
    if known.whole:
        works = [p.ground for p in known.places if p.works and (p.begun is None or p.begun <= span.last)]
        right = _met(_ground(raised), works)
        return Accuracy(share_of(right, [1.0] * len(right)), producers)
    under = _met([p.ground for p in known.places], _ground(raised))
    judged = [place for place, is_under in zip(known.places, under, strict=True) if is_under]
    return Accuracy(share_of([p.works for p in judged], [p.weight for p in judged]), producers)


def _ground(alarms: Sequence[Alarm]) -> list[BaseGeometry]:
    return [alarm.site.outline for alarm in alarms]


def _met(shapes: Sequence[BaseGeometry], others: Sequence[BaseGeometry]) -> list[bool]:
    """Whether each of `shapes` shares ground with one of `others`."""
    tree = STRtree(others)
    met = []
    for one in shapes:
        near = [others[i] for i in tree.query(one, predicate="intersects")]
        met.append(any(shapely.area(shapely.intersection(one, other)) > 0.0 for other in near))
    return met


def _text(path: Path) -> str:
    if not path.is_file():
        raise UsageError("E2002", str(path))
    return path.read_text(encoding="utf-8-sig")
