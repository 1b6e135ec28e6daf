"""What the people of an installation found, as truth that accuracy is judged by (METHOD 23)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sat_monitor.core.errors import UsageError
from sat_monitor.core.grid import reproject
from sat_monitor.evaluate.records import Truth
from sat_monitor.evaluate.truth import SAYS, Verdict
from sat_monitor.imagery.files import write_whole
from sat_monitor.store.store import Store
from sat_monitor.tickets.geojson import collection, feature, lonlat_outline
from sat_monitor.tickets.labels import DELIVERED, DRAWN, Label, labels_of, ranked_sites
from sat_monitor.tickets.text import csv_cell, json_text

#: Columns of exported labels in order: those that `evaluate inventory` and `tune --verdicts` read, and where they come from.
COLUMNS = (
    "id",
    "aoi",
    "site",
    "lon",
    "lat",
    "radius_m",
    "first_seen_on",
    "verdict",
    "says",
    "inclusion_probability",
    "origin",
)


def read_labels(store: Store, aoi: str | None = None) -> list[Label]:
    """The labels that the work on tickets of an AOI (of all where None) has brought, by case id."""
    cases, events = store.cases(aoi), [*store.events(family=DRAWN), *store.events(family=DELIVERED)]
    labels = labels_of(cases, events, ranked_sites(cases, store.tickets(aoi), events))
    sites = {site.id for site in store.sites(aoi)}
    # Of a site that no longer follows from the looks the ground is left, and what was found there.
    return [label if label.site_id in sites else replace(label, site_id=None) for label in labels]


def truths_of(labels: Sequence[Label]) -> list[tuple[Truth, Verdict]]:
    """Labels as rows of a list, weighted by the inverse of their chance; the area is that of the outline."""
    return [(_truth(label), SAYS[label.is_earthwork]) for label in labels]


def _truth(label: Label) -> Truth:
    return Truth(
        id=label.case_id,
        kind=label.verdict.value,
        outline=label.outline,
        began_on=label.seen_on,
        moved_on=label.seen_on,
        ended_on=None,
        area_m2=float(label.outline.area),
        is_earthwork=label.is_earthwork is True,
        weight=1.0 / label.chance,
    )


def write_labels(labels: Sequence[Label], path: Path) -> Path:
    """Write labels as .csv (points) or .geojson (outlines), lon/lat; UsageError E2001 for another suffix."""
    if path.suffix not in (".csv", ".geojson"):
        raise UsageError("E2001", f"--out {path.name}: .csv or .geojson")
    return write_whole(path, (_csv(labels) if path.suffix == ".csv" else _geojson(labels)).encode())


def _csv(labels: Sequence[Label]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for label in labels:
        row = _properties(label)
        writer.writerow([csv_cell(value) if isinstance(value, str) else value for value in map(row.get, COLUMNS)])
    return file.getvalue()


def _geojson(labels: Sequence[Label]) -> str:
    return collection(
        [feature(lonlat_outline(label.outline, label.epsg), _properties(label), label.case_id) for label in labels]
    )


def _properties(label: Label) -> dict[str, object]:
    lonlat = reproject(label.outline.representative_point(), label.epsg, 4326).centroid
    return {
        "id": json_text(label.case_id),
        "aoi": json_text(label.aoi),
        "site": json_text(label.site_id or ""),
        "lon": round(lonlat.x, 7),
        "lat": round(lonlat.y, 7),
        # A circle of the same area where an outline cannot be written.
        "radius_m": round(math.sqrt(label.outline.area / math.pi), 1),
        "first_seen_on": label.seen_on.isoformat(),
        "verdict": label.verdict.value,
        "says": SAYS[label.is_earthwork].value,
        "inclusion_probability": label.chance,
        "origin": label.origin.value,
    }
