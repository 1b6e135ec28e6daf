"""Sites for a handheld: KML 2.2 outlines for map apps, GPX 1.1 way points for receivers; lon/lat, WGS 84."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from shapely import force_2d
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from sat_monitor.tickets.text import clean, lead_wording

_KML = "http://www.opengis.net/kml/2.2"
_GPX = "http://www.topografix.com/GPX/1/1"
#: Outline in magenta as on the pages, aabbggrr.
_LINE, _FILL = "ffd400d4", "33d400d4"
#: What a person in the field reads of a site, in this order.
_TOLD = ("kind", "status", "area_m2", "area_error_m2", "start_earliest", "start_latest", "first_confirmed_at")


@dataclass(frozen=True, slots=True)
class Placemark:
    """A site by name, its outline in lon/lat, and its exported properties."""

    name: str
    outline: BaseGeometry
    properties: Mapping[str, object]

    @property
    def told(self) -> str:
        """The properties a person reads, as one text."""
        known = ((name, self.properties.get(name)) for name in _TOLD)
        return _safe("; ".join(f"{name} {value}" for name, value in known if value is not None), 500)

    @property
    def point(self) -> tuple[str, str]:
        """Lon and lat of a point on the site, to a centimetre."""
        inside = self.outline.representative_point()
        return f"{inside.x:.7f}", f"{inside.y:.7f}"


def kml(sites: Iterable[Placemark]) -> bytes:
    """A KML document with a placemark per site: outline, point to steer to, what a person reads, all properties."""
    root = Xml.Element("kml", xmlns=_KML)
    document = Xml.SubElement(root, "Document")
    _text(document, "name", "sat_monitor")
    style = Xml.SubElement(document, "Style", id="site")
    line = Xml.SubElement(style, "LineStyle")
    _text(line, "color", _LINE)
    _text(line, "width", "2")
    _text(Xml.SubElement(style, "PolyStyle"), "color", _FILL)
    for site in sites:
        mark = Xml.SubElement(document, "Placemark")
        _text(mark, "name", _safe(site.name))
        _text(mark, "description", site.told)
        _text(mark, "styleUrl", "#site")
        data = Xml.SubElement(mark, "ExtendedData")
        for name, value in site.properties.items():
            if value is not None:
                _text(Xml.SubElement(data, "Data", name=name), "value", _safe(str(value)))
        both = Xml.SubElement(mark, "MultiGeometry")
        _text(Xml.SubElement(both, "Point"), "coordinates", ",".join(site.point))
        for polygon in _polygons(site.outline):
            _polygon(both, polygon)
    return _bytes(root)


def gpx(sites: Iterable[Placemark]) -> bytes:
    """A GPX document with a way point per site, on the site itself."""
    root = Xml.Element("gpx", xmlns=_GPX, version="1.1", creator="sat_monitor")
    for site in sites:
        lon, lat = site.point
        point = Xml.SubElement(root, "wpt", lat=lat, lon=lon)
        _text(point, "name", _safe(site.name))
        _text(point, "desc", site.told)
        _text(point, "type", _safe(str(site.properties.get("kind", ""))))
    return _bytes(root)


def _polygon(parent: Xml.Element, polygon: Polygon) -> None:
    drawn = Xml.SubElement(parent, "Polygon")
    for tag, ring in (
        ("outerBoundaryIs", polygon.exterior),
        *(("innerBoundaryIs", hole) for hole in polygon.interiors),
    ):
        line = Xml.SubElement(Xml.SubElement(drawn, tag), "LinearRing")
        _text(line, "coordinates", " ".join(f"{x:.7f},{y:.7f}" for x, y in ring.coords))


def _polygons(outline: BaseGeometry) -> list[Polygon]:
    parts = getattr(force_2d(outline), "geoms", [force_2d(outline)])
    return [part for part in parts if isinstance(part, Polygon)]


def _text(parent: Xml.Element, tag: str, text: str) -> None:
    Xml.SubElement(parent, tag).text = text


def _safe(text: str, limit: int = 200) -> str:
    """Text without what XML cannot hold or a lead must not say; the writer escapes the rest."""
    return lead_wording(clean(text, limit))


def _bytes(root: Xml.Element) -> bytes:
    Xml.indent(root)
    return bytes(Xml.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"
