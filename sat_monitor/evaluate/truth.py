"""What people say happened, from their files: GeoJSON with outlines, or CSV with points."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.casework import IS_EARTHWORK
from sat_monitor.core.errors import UsageError
from sat_monitor.core.grid import reproject
from sat_monitor.evaluate.records import Truth

#: Radius of an entry that is given as a point without `radius_m`, m.
POINT_RADIUS_M = 30.0


class Verdict(StrEnum):
    """What somebody found on the ground; UNREACHED is no negative (METHOD 23)."""

    EARTHWORK = "earthwork"
    NONE = "none"
    UNREACHED = "unreached"


#: What a verdict of the work on tickets says, as a verdict of a list.
SAYS: Mapping[bool | None, Verdict] = {True: Verdict.EARTHWORK, False: Verdict.NONE, None: Verdict.UNREACHED}
_WORDS: Mapping[str, Verdict] = {
    **dict.fromkeys(("earthwork", "fill", "cut", "corrected", "盛土", "是正済"), Verdict.EARTHWORK),
    **dict.fromkeys(("none", "quiet", "no", "なし", "該当なし"), Verdict.NONE),
    **dict.fromkeys(("unreached", "unseen", "unknown", "未確認", "確認不能"), Verdict.UNREACHED),
    **{word.value: SAYS[says] for word, says in IS_EARTHWORK.items()},
}
#: Names under which files give a day, the first that is there counts.
_BEGAN = ("cleared_on", "began_on", "first_seen_on", "first_seen")
_MOVED = ("filled_on", "moved_on")
_ENDED = ("ready_on", "ended_on", "end")


def read_truth(path: Path, aoi: str, epsg: int) -> list[tuple[Truth, Verdict]]:
    """The rows of a truth file or an office's list, outlines in metres of `epsg`.

    GeoJSON features with properties, or CSV rows with lon and lat (and radius_m), all in EPSG:4326. Needed are id and a
    first day (cleared_on, began_on or first_seen_on); optional filled_on, ready_on or ended_on, kind, area_m2, verdict
    (earthwork where absent), inclusion_probability, aoi (rows of other areas are left out). Raises UsageError E2002 or E2004.
    """
    entries = [
        _entry(f"{path.name}, entry {number}", row, outline, epsg)
        for number, (row, outline) in enumerate(read_rows(path), start=1)
        if row.get("aoi") in (None, "", aoi)
    ]
    twice = [id_ for id_, count in Counter(truth.id for truth, _ in entries).items() if count > 1]
    if twice:
        raise UsageError("E2004", f"{path.name}: {', '.join(twice)} more than once")
    return entries


def read_rows(path: Path) -> list[tuple[Mapping[str, Any], BaseGeometry]]:
    """Properties and geometry (lon/lat) of a GeoJSON file, or of a CSV file with lon and lat; UsageError E2002, E2004.

    CSV may be in UTF-8 or, as older office software writes it, in CP932.
    """
    if not path.is_file():
        raise UsageError("E2002", str(path))
    return _csv_rows(path) if path.suffix.lower() == ".csv" else _geojson_rows(path)


def _geojson_rows(path: Path) -> list[tuple[Mapping[str, Any], BaseGeometry]]:
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return [({"id": f.get("id"), **(f.get("properties") or {})}, shape(f["geometry"])) for f in features]
    except (ValueError, KeyError, TypeError, AttributeError, ShapelyError) as error:
        raise UsageError("E2004", f"{path}: not a GeoJSON FeatureCollection ({error!r})") from error


def _csv_rows(path: Path) -> list[tuple[Mapping[str, Any], BaseGeometry]]:
    rows = list(csv.DictReader(io.StringIO(_text(path), newline="")))
    try:
        return [(row, Point(float(row["lon"]), float(row["lat"]))) for row in rows]
    except (KeyError, ValueError) as error:
        raise UsageError("E2004", f"{path}: columns lon and lat hold the place of each row ({error!r})") from error


def _text(path: Path) -> str:
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "cp932"):
        with suppress(UnicodeDecodeError):
            return content.decode(encoding)
    raise UsageError("E2004", f"{path}: neither UTF-8 nor CP932")


def _entry(where: str, row: Mapping[str, Any], outline: BaseGeometry, epsg: int) -> tuple[Truth, Verdict]:
    if not row.get("id"):
        raise UsageError("E2004", f"{where}: no id")
    began = day_of(where, row, _BEGAN)
    if began is None:
        raise UsageError("E2004", f"{where}: none of {', '.join(_BEGAN)}")
    word = str(row.get("verdict") or "earthwork").strip().lower()
    if word not in _WORDS:
        raise UsageError("E2004", f"{where}: verdict {word!r}; known are {', '.join(_WORDS)}")
    probability = _number(where, row, "inclusion_probability", 1.0)
    if not 0.0 < probability <= 1.0:
        raise UsageError("E2004", f"{where}: inclusion_probability {probability}; it lies above 0 and up to 1")
    ground = placed(where, row, outline, epsg)
    truth = Truth(
        id=str(row["id"]),
        kind=str(row.get("kind") or word),
        outline=ground,
        began_on=began,
        moved_on=day_of(where, row, _MOVED) or began,
        ended_on=day_of(where, row, _ENDED),
        area_m2=_number(where, row, "area_m2", float(ground.area)),
        is_earthwork=_WORDS[word] is Verdict.EARTHWORK,
        weight=1.0 / probability,
    )
    return truth, _WORDS[word]


def placed(where: str, row: Mapping[str, Any], outline: BaseGeometry, epsg: int) -> BaseGeometry:
    """An outline (lon/lat) in metres of `epsg`; a point becomes a disc of `radius_m`. UsageError E2004, told with `where`."""
    west, south, east, north = outline.bounds if not outline.is_empty else (999.0,) * 4
    if not (-180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
        raise UsageError("E2004", f"{where}: {outline.bounds} is no place in lon/lat")
    metric = reproject(outline, 4326, epsg)
    if outline.geom_type not in ("Polygon", "MultiPolygon"):
        metric = metric.buffer(_number(where, row, "radius_m", POINT_RADIUS_M))
    return metric if metric.is_valid else metric.buffer(0.0)


def day_of(where: str, row: Mapping[str, Any], names: tuple[str, ...]) -> date | None:
    """The day in the first of `names` that a row fills, None where none is; UsageError E2004, told with `where`."""
    text = next((str(row[name]) for name in names if row.get(name)), None)
    try:
        return None if text is None else date.fromisoformat(text[:10].replace("/", "-"))
    except ValueError as error:
        raise UsageError("E2004", f"{where}: {text!r} is no day such as 2026-04-01") from error


def _number(where: str, row: Mapping[str, Any], name: str, default: float) -> float:
    value = row.get(name)
    try:
        return default if value in (None, "") else float(str(value))
    except ValueError as error:
        raise UsageError("E2004", f"{where}: {name} {value!r} is no number") from error
