"""Facts as rows of a table: counts by municipality or mesh; single outlines only where the office asks for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shapely import union_all
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.casework import IS_EARTHWORK, Verdict
from sat_monitor.opendata.facts import ReleasedFact
from sat_monitor.tickets.geojson import lonlat_outline
from sat_monitor.tickets.place import mesh_bounds, municipalities
from sat_monitor.tickets.text import json_text, lead_wording

#: Areas are published to so many m2: a figure to the square metre would tell one parcel from another.
_ROUND_M2 = 100.0


class By(StrEnum):
    """What one row stands for."""

    MUNICIPALITY = "municipality"
    MESH = "mesh"
    OUTLINE = "outline"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: id, where it lies in lon/lat (None = not known), and its columns."""

    id: str
    geometry: BaseGeometry | None
    columns: Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows by id; `left_out` facts are of groups too small to be published."""

    by: By
    rows: tuple[Row, ...]
    left_out: int


def rows_of(facts: Sequence[ReleasedFact], by: By, fewest: int) -> Rows:
    """Group the facts; a group of less than `fewest` facts is left out and counted."""
    groups: dict[str, list[ReleasedFact]] = {}
    for fact in facts:
        groups.setdefault(_key(fact, by), []).append(fact)
    kept = {key: group for key, group in groups.items() if len(group) >= fewest}
    rows = tuple(_row(key, kept[key], by) for key in sorted(kept))
    return Rows(by, rows, len(facts) - sum(len(group) for group in kept.values()))


def _key(fact: ReleasedFact, by: By) -> str:
    if by is By.OUTLINE:
        return fact.case_id
    if by is By.MESH:
        return fact.mesh or "unknown"
    return "unknown" if fact.municipality is None else json_text(fact.municipality.code) or "unknown"


def _row(key: str, group: Sequence[ReleasedFact], by: By) -> Row:
    verdicts = Counter(fact.verdict for fact in group)
    municipality = next((fact.municipality for fact in group if fact.municipality is not None), None)
    columns: dict[str, str | int | float | bool | None] = {by.value if by is not By.OUTLINE else "case": key}
    if by is By.MUNICIPALITY:
        columns["name"] = None if municipality is None else lead_wording(json_text(municipality.name))
    columns |= {
        "facts": len(group),
        "earthworks": sum(fact.earthwork for fact in group),
        **({f"verdict_{v.value}": verdicts[v] for v in _TELLING} if by is not By.MESH else {}),
        "earthworks_m2": round(sum(f.area_m2 for f in group if f.earthwork) / _ROUND_M2) * _ROUND_M2,
        "first_seen_month": min(fact.seen_on for fact in group).strftime("%Y-%m"),
        "last_closed_month": max(fact.closed_on for fact in group).strftime("%Y-%m"),
        "simulated": any(fact.simulated for fact in group),
    }
    return Row(key, _geometry(key, group, by), columns)


#: Verdicts that a released fact can have.
_TELLING = tuple(verdict for verdict in Verdict if IS_EARTHWORK[verdict] is not None)


def _geometry(key: str, group: Sequence[ReleasedFact], by: By) -> BaseGeometry | None:
    """The mesh, the centre of the municipality, or the outline itself; None where it is not known."""
    if by is By.OUTLINE:
        return lonlat_outline(union_all([fact.outline for fact in group]), 4326)
    if by is By.MESH:
        return None if key == "unknown" else lonlat_outline(box(*mesh_bounds(key)), 4326)
    return next((Point(one.lon, one.lat) for one in municipalities() if one.code == key), None)
