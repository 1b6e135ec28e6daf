"""Rows as files that catalogues take: GeoJSON (RFC 7946), CSV, STAC 1.1 and DCAT in JSON-LD."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from shapely.geometry import box, mapping

from sat_monitor.core.clock import iso
from sat_monitor.opendata.facts import ReleasedFact
from sat_monitor.opendata.rows import Row, Rows
from sat_monitor.tickets.geojson import collection
from sat_monitor.tickets.text import csv_cell, json_text

STAC_VERSION = "1.1.0"
#: The world, where nothing is published yet: STAC wants an extent.
_NOWHERE = (-180.0, -90.0, 180.0, 90.0)
_TITLE = "盛土候補の確認結果 / findings at candidate fills"
_TEXT = (
    "衛星画像から見つけた候補を職員が確認し、終えた案件の集計。個人、所有者、地番を含まない。"
    " / Closed cases at places that satellite images pointed to, as people found them; no person, owner or parcel."
)
_CREDIT = "contains modified Copernicus Sentinel data"


@dataclass(frozen=True, slots=True)
class Edition:
    """What the office says of the data: who publishes, under which licence (SPDX id), where it will lie, when it was made."""

    publisher: str
    licence: str
    base_url: str
    made_at: datetime

    def link(self, name: str) -> str:
        """Where a file will lie; relative where no address was given."""
        return f"{self.base_url.rstrip('/')}/{name}" if self.base_url else f"./{name}"


@dataclass(frozen=True, slots=True)
class Span:
    """What the facts cover: bounds (west, south, east, north; degrees), first and last day; None where there are none."""

    bounds: tuple[float, float, float, float] | None
    first: date | None
    last: date | None
    simulated: bool


def span_of(facts: Sequence[ReleasedFact], rows: Rows) -> Span:
    """The span of what is published: bounds of the rows, never of the outlines behind them."""
    shapes = [row.geometry.bounds for row in rows.rows if row.geometry is not None]
    bounds = None
    if shapes:
        west, south, east, north = zip(*shapes, strict=True)
        bounds = (min(west), min(south), max(east), max(north))
    seen, closed = [fact.seen_on for fact in facts], [fact.closed_on for fact in facts]
    simulated = any(fact.simulated for fact in facts)
    return Span(bounds, min(seen, default=None), max(closed, default=None), simulated)


def geojson(rows: Rows) -> bytes:
    """The rows as a FeatureCollection; a place that is not known has no geometry (RFC 7946 3.2)."""
    if not rows.rows:
        return b'{"type": "FeatureCollection", "features": []}\n'
    return collection([_feature(row) for row in rows.rows]).encode()


def _feature(row: Row) -> dict[str, object]:
    shape = None if row.geometry is None else mapping(row.geometry)
    return {"type": "Feature", "id": row.id, "geometry": shape, "properties": dict(row.columns)}


def table(rows: Rows) -> bytes:
    """The rows as CSV (RFC 4180, UTF-8) without geometry; no cell is a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(rows.rows[0].columns if rows.rows else [rows.by.value])
    for row in rows.rows:
        writer.writerow([csv_cell(v) if isinstance(v, str) else "" if v is None else v for v in row.columns.values()])
    return buffer.getvalue().encode()


def stac(files: Mapping[str, bytes], span: Span, edition: Edition, left_out: int) -> dict[str, bytes]:
    """A static STAC catalogue of one collection with one item, by path."""
    assets = {name: _asset(f"../{name}") for name in files}
    bounds = list(span.bounds or _NOWHERE)
    shared = {"stac_version": STAC_VERSION}
    catalogue = {
        **shared, "type": "Catalog", "id": "sat-monitor-open-data", "title": _title(span), "description": _TEXT,
        "links": [*_links("./catalog.json", "./catalog.json"), _link("child", "./findings/collection.json")],
    }  # fmt: skip
    provider = {"name": json_text(edition.publisher), "roles": ["producer", "licensor", "host"]}
    interval = [_start(span.first), _start(span.last)]
    collection_ = {
        **shared, "type": "Collection", "id": "findings", "title": _title(span), "description": f"{_TEXT} {_CREDIT}.",
        "license": json_text(edition.licence), "providers": [provider],
        "extent": {"spatial": {"bbox": [bounds]}, "temporal": {"interval": [interval]}},
        "links": [*_links("../catalog.json", "./collection.json"), _link("item", "./findings.json")], "assets": assets,
    }  # fmt: skip
    item = {
        **shared, "type": "Feature", "stac_extensions": [], "id": "findings", "collection": "findings",
        "geometry": None if span.bounds is None else mapping(box(*span.bounds)),
        **({} if span.bounds is None else {"bbox": bounds}),
        "properties": {**_moment(span, edition), "title": _title(span), "facts_left_out": left_out},
        "links": [*_links("../catalog.json", "./findings.json"), _link("collection", "./collection.json")],
        "assets": assets,
    }  # fmt: skip
    documents: dict[str, dict[str, Any]] = {
        "catalog.json": catalogue,
        "findings/collection.json": collection_,
        "findings/findings.json": item,
    }
    return {name: _text(plain) for name, plain in documents.items()}


def dcat(files: Mapping[str, bytes], span: Span, edition: Edition, left_out: int) -> bytes:
    """The dataset and its distributions after DCAT 3 (W3C), JSON-LD."""
    bounds = span.bounds or _NOWHERE
    dataset = {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
            "spdx": "http://spdx.org/rdf/terms#", "xsd": "http://www.w3.org/2001/XMLSchema#",
            "locn": "http://www.w3.org/ns/locn#", "gsp": "http://www.opengis.net/ont/geosparql#",
        },
        "@type": "dcat:Dataset",
        "@id": edition.link("dcat.jsonld"),
        "dct:title": _title(span),
        "dct:description": f"{_TEXT} {_CREDIT}. Facts left out for small groups: {left_out}.",
        "dct:publisher": {"@type": "foaf:Organization", "foaf:name": json_text(edition.publisher)},
        "dct:license": _licence(edition.licence),
        "dct:modified": {"@type": "xsd:dateTime", "@value": iso(edition.made_at)},
        "dct:language": ["ja", "en"],
        "dcat:keyword": ["盛土", "衛星画像", "earthworks", "Sentinel-1", "Sentinel-2"],
        "dct:spatial": {"@type": "dct:Location", "dcat:bbox": {"@type": "gsp:wktLiteral", "@value": box(*bounds).wkt}},
        "dct:temporal": {"@type": "dct:PeriodOfTime", **_period(span)},
        "dcat:distribution": [_distribution(name, content, edition) for name, content in files.items()],
    }  # fmt: skip
    return _text(dataset)


#: Media type of a file by its ending.
_TYPES = {"geojson": "application/geo+json", "csv": "text/csv"}


def _asset(link: str) -> dict[str, Any]:
    return {"href": link, "type": _TYPES[link.rsplit(".", 1)[1]], "roles": ["data"]}


def _distribution(name: str, content: bytes, edition: Edition) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    checksum = {"spdx:algorithm": "spdx:checksumAlgorithm_sha256", "spdx:checksumValue": digest}
    return {
        "@type": "dcat:Distribution",
        "dct:title": name,
        "dcat:downloadURL": edition.link(name),
        "dcat:accessURL": edition.link(name),
        "dcat:mediaType": _TYPES[name.rsplit(".", 1)[1]],
        "dct:license": _licence(edition.licence),
        "dcat:byteSize": len(content),
        "spdx:checksum": {"@type": "spdx:Checksum", **checksum},
    }


def _licence(name: str) -> str:
    return f"https://spdx.org/licenses/{json_text(name)}"


def _title(span: Span) -> str:
    return f"[模擬データ / simulated] {_TITLE}" if span.simulated else _TITLE


def _period(span: Span) -> dict[str, Any]:
    days = {"dcat:startDate": span.first, "dcat:endDate": span.last}
    return {k: {"@type": "xsd:date", "@value": day.isoformat()} for k, day in days.items() if day is not None}


def _moment(span: Span, edition: Edition) -> dict[str, Any]:
    if span.first is None:
        return {"datetime": iso(edition.made_at)}
    return {"datetime": None, "start_datetime": _start(span.first), "end_datetime": _start(span.last)}


def _start(day: date | None) -> str | None:
    return None if day is None else iso(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _links(root: str, own: str) -> list[dict[str, str]]:
    up = [] if root == own else [_link("parent", root if own != "./findings.json" else "./collection.json")]
    return [_link("root", root), _link("self", own), *up]


def _link(rel: str, href: str) -> dict[str, str]:
    kind = "application/geo+json" if href.endswith("findings.json") else "application/json"
    return {"rel": rel, "href": href, "type": kind}


def _text(plain: Mapping[str, Any]) -> bytes:
    return (json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
