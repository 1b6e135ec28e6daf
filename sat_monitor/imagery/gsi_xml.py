"""Elevation of the Geospatial Information Authority of Japan: mesh files in its XML (JPGIS GML), single or zipped.

Written to the file specification of 基盤地図情報 (FGD_GMLSchema), DEM5A to DEM10B: a mesh is a rectangle in longitude
and latitude, its cells follow row by row from the north-west; cells before the start point and after the last one that
is listed were not measured.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import SceneReject

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

#: Datums by the ending of the reference system's name: EPSG codes of longitude and latitude.
_DATUMS = {"jgd2000.bl": 4612, "jgd2011.bl": 6668, "jgd2024.bl": 6668}
#: Heights that stand for none.
_NONE_BELOW = -9990.0
#: Cells and bytes that no mesh has.
_MOST_CELLS, _MOST_BYTES = 4_000_000, 256 << 20
_DECLARATION = re.compile(rb"\s*<\?xml[^>]*?encoding=[\"']([A-Za-z0-9._-]+)[\"'][^>]*\?>")
_KEPT = "the layers that were there"


@dataclass(frozen=True, slots=True)
class Mesh:
    """One mesh: heights (y, x) m above sea level, NaN = not measured; bounds west, south, east, north in degrees."""

    name: str
    epsg: int
    bounds: tuple[float, float, float, float]
    height: FloatArray

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell, degrees."""
        west, south, east, north = self.bounds
        rows, cols = self.height.shape
        return (east - west) / cols, (north - south) / rows


def read_meshes(path: Path) -> Iterator[Mesh]:
    """The meshes of an XML file or of all XML files in a ZIP; raises SceneReject E1104 not such a file, E1105 damaged."""
    if path.suffix.lower() != ".zip":
        with path.open("rb") as file:
            yield read_mesh(file, path.name)
        return
    try:
        with zipfile.ZipFile(path) as bundle:
            for name in sorted(n for n in bundle.namelist() if n.lower().endswith(".xml")):
                if bundle.getinfo(name).file_size > _MOST_BYTES:
                    raise SceneReject("E1104", f"{path.name}: {name} is larger than any mesh", _KEPT)
                with bundle.open(name) as file:
                    yield read_mesh(file, name)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise SceneReject("E1105", f"{path.name}: {error}", _KEPT) from error


def read_mesh(file: IO[bytes], name: str) -> Mesh:
    """The mesh of one XML file; raises SceneReject E1104 where it is none, E1201 an unknown datum, E1105 damaged."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(_plain(file.read()))
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise SceneReject("E1104", f"{name} is not XML: {error}", _KEPT) from error
    try:
        return _mesh(root, name)
    except (ValueError, IndexError) as error:
        raise SceneReject("E1105", f"{name}: {error}", _KEPT) from error


def _plain(content: bytes) -> bytes | str:
    """The XML in an encoding that the parser knows: older files are in one of several bytes a character."""
    declared = _DECLARATION.match(content)
    if declared is None or declared[1].lower() in (b"utf-8", b"ascii"):
        return content
    return content[declared.end() :].decode(declared[1].decode("ascii").replace("Shift_JIS", "cp932"))


def _mesh(root: Element, name: str) -> Mesh:
    envelope = _one(root, "Envelope")
    datum = str(envelope.get("srsName", "")).rpartition(":")[2].lower()
    if datum not in _DATUMS:
        raise SceneReject("E1201", f"{name} is in {envelope.get('srsName')!r}", _KEPT)
    south, west = _numbers(_one(envelope, "lowerCorner"), float)
    north, east = _numbers(_one(envelope, "upperCorner"), float)
    low, high = (_numbers(_one(root, part), int) for part in ("low", "high"))
    cols, rows = (int(last - first) + 1 for first, last in zip(low, high, strict=True))
    if not (west < east and south < north and 0 < cols * rows <= _MOST_CELLS and cols > 0):
        raise ValueError(f"{cols} x {rows} cells in {(west, south, east, north)}")
    order = _one(root, "sequenceRule").get("order", "+x-y")
    if order != "+x-y":
        raise ValueError(f"cells in order {order}, expected +x-y")
    first_col, first_row = _numbers(_one(root, "startPoint"), int)
    heights = _heights(_one(root, "tupleList").text or "")
    start = int(first_row) * cols + int(first_col)
    if start + len(heights) > cols * rows:
        raise ValueError(f"{len(heights)} heights from cell {start} on, {cols * rows} cells")
    plane = np.full(cols * rows, np.nan, np.float32)
    plane[start : start + len(heights)] = heights
    return Mesh(name, _DATUMS[datum], (west, south, east, north), plane.reshape(rows, cols))


def _heights(text: str) -> FloatArray:
    """Heights of `kind,height` lines; kinds are for people, a height below all ground says that there is none."""
    lines = text.split()
    values = np.array([float(line.rpartition(",")[2]) for line in lines], np.float32)
    return np.where(values < _NONE_BELOW, np.float32(np.nan), values).astype(np.float32)


def _one(root: Element, tag: str) -> Element:
    """The only element of a local name; versions of the schema differ in their namespaces."""
    found = [element for element in root.iter() if element.tag.rpartition("}")[2] == tag]
    if len(found) != 1:
        raise ValueError(f"{len(found)} elements {tag}, expected one")
    return found[0]


def _numbers(element: Element, kind: Any) -> tuple[float, float]:
    first, second = (kind(part) for part in (element.text or "").split())
    return first, second
