"""Items of a STAC catalogue as products: what they say of themselves, or else what their names say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.clock import parse_iso
from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.products import Product
from sat_monitor.imagery.radiometry import baseline_of
from sat_monitor.imagery.sensors import SENSORS

_NOTHING = "nothing of this scene"
#: The first satellite flew in 2014; a clock may be a day off.
_EARLIEST, _LATEST = datetime(2014, 4, 3, tzinfo=UTC), timedelta(days=1)
_SAR_NAME = re.compile(r"S1[A-D]_IW_GRD._1S.._(?P<start>\d{8}T\d{6})_(?P<end>\d{8}T\d{6})_(?P<absolute>\d{6})_")
_MSI_NAME = re.compile(
    r"S2[A-D]_MSIL2A_\d{8}T\d{6}_N(?P<baseline>\d{4})_R(?P<orbit>\d{3})_T(?P<tile>\d{2}[A-Z]{3})_(?P<made>\d{8}T\d{6})"
)
#: Relative orbit = (absolute - offset) mod 175 + 1, by satellite (ESA, Sentinel-1 user guide; S1C from its first cycle).
_ORBIT_OFFSETS = {"sentinel-1a": 73, "sentinel-1b": 27, "sentinel-1c": 172}
_ORBITS = 175
_MADE = ("processing:datetime", "s2:generation_time", "updated", "created")


def product_of(item: Mapping[str, Any], sensor: Sensor, now: datetime) -> Product:
    """The product of an item; raises SceneReject E1104 not an item, E1206 no orbit, E1209 no possible time."""
    name = str(item.get("id", ""))
    try:
        return _product(name, item["properties"], _footprint(item), sensor, now)
    except (LookupError, TypeError, ValueError, AttributeError, ShapelyError) as error:
        raise SceneReject("E1104", f"{name or 'an item'} is not STAC: {error!r}", _NOTHING, name) from error


def _product(
    name: str, properties: Mapping[str, Any], footprint: BaseGeometry, sensor: Sensor, now: datetime
) -> Product:
    sar, msi = _SAR_NAME.match(name), _MSI_NAME.match(name)
    start, end = _times(properties, sar, name, now)
    platform = str(properties.get("platform", "")).lower()
    if not platform.startswith(SENSORS[sensor].constellation):
        raise SceneReject("E1203", f"{name} is of platform {platform!r}, asked was {sensor.value}", _NOTHING, name)
    orbit = _orbit(properties, sar, msi, platform)
    return Product(
        name=name,
        sensor=sensor,
        platform=platform,
        orbit=orbit,
        track=_track(properties, orbit, name) if SENSORS[sensor].has_tracks else None,
        start=start,
        end=end,
        footprint=footprint,
        tile=_tile(properties, msi),
        baseline=_baseline(properties, msi),
        made_at=_made_at(properties, msi),
    )


def _footprint(item: Mapping[str, Any]) -> BaseGeometry:
    if item.get("geometry"):
        return shape(item["geometry"]).buffer(0)
    bbox = item["bbox"]
    return box(*(bbox if len(bbox) == 4 else (*bbox[:2], *bbox[3:5])))


def _times(
    properties: Mapping[str, Any], sar: re.Match[str] | None, name: str, now: datetime
) -> tuple[datetime, datetime]:
    at = properties.get("datetime")
    start, end = properties.get("start_datetime") or at, properties.get("end_datetime") or at
    try:
        times = (_stamp(sar["start"]), _stamp(sar["end"])) if sar else (_moment(start), _moment(end))
    except ValueError as error:
        raise SceneReject("E1209", f"{name}: datetime {at!r}", _NOTHING, name) from error
    if not _EARLIEST <= times[0] <= times[1] or times[1] > now + _LATEST:
        raise SceneReject("E1209", f"{name}: acquired {times[0]} to {times[1]}", _NOTHING, name)
    return times


def _moment(text: object) -> datetime:
    """A time of a catalogue; a leap second is the second before it, for no clock here knows it."""
    return parse_iso(re.sub(r"(T\d\d:\d\d:)60", r"\g<1>59", str(text)))


def _stamp(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _orbit(
    properties: Mapping[str, Any], sar: re.Match[str] | None, msi: re.Match[str] | None, platform: str
) -> int | None:
    told = properties.get("sat:relative_orbit")
    if told is not None:
        return int(told)
    if msi:
        return int(msi["orbit"])
    absolute = properties.get("sat:absolute_orbit") or (sar["absolute"] if sar else None)
    if absolute is None or platform not in _ORBIT_OFFSETS:
        return None
    return (int(absolute) - _ORBIT_OFFSETS[platform]) % _ORBITS + 1


def _track(properties: Mapping[str, Any], orbit: int | None, name: str) -> Track:
    try:
        direction = Direction(str(properties.get("sat:orbit_state", "")).lower())
    except ValueError:
        direction = None
    if orbit is None or direction is None:
        raise SceneReject("E1206", f"{name} names no relative orbit and direction", _NOTHING, name)
    return Track(orbit, direction)


def _tile(properties: Mapping[str, Any], msi: re.Match[str] | None) -> str:
    code = str(properties.get("grid:code", ""))
    return code.removeprefix("MGRS-") or str(properties.get("s2:mgrs_tile", "")) or (msi["tile"] if msi else "")


def _baseline(properties: Mapping[str, Any], msi: re.Match[str] | None) -> tuple[int, ...]:
    told = properties.get("s2:processing_baseline") or properties.get("processing:version")
    if told:
        return baseline_of(str(told))
    return (int(msi["baseline"][:2]), int(msi["baseline"][2:])) if msi else ()


def _made_at(properties: Mapping[str, Any], msi: re.Match[str] | None) -> datetime | None:
    for name in _MADE:
        if properties.get(name):
            try:
                return _moment(properties[name])
            except ValueError:
                continue
    return _stamp(msi["made"]) if msi else None
