"""Metadata beside interferograms: `key: value` headers of GAMMA, and the text files of HyP3 and LiCSAR."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from sat_monitor.core.deformation import Geometry
from sat_monitor.core.domain import Direction
from sat_monitor.core.errors import DeformationError

SPEED_OF_LIGHT = 299_792_458.0
#: Centre frequency of Sentinel-1 (Hz), for products that do not state it (ESA: Sentinel-1 product definition).
SENTINEL1_HZ = 5.405e9
_LINE = re.compile(r"^\s*([^:=]+?)\s*[:=]\s*(.+?)\s*$")
_BPERP_COLUMNS = 9


def read_header(path: Path) -> dict[str, str]:
    """The `key: value` (or `key=value`) lines of a text file, keys in lower case."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {match[1].lower(): match[2] for match in map(_LINE.match, lines) if match}


def number_of(header: Mapping[str, str], *names: str) -> float | None:
    """First number of the first of `names` that the header has."""
    for name in names:
        for word in header.get(name, "").split():
            try:
                return float(word)
            except ValueError:
                break
    return None


def geometry_of(headers: Iterable[Mapping[str, str]], needed: bool, where: str) -> Geometry:
    """The geometry that the headers state together.

    `needed` says that the product's headers must state the radar frequency: DeformationError E2203 where they do not.
    A heading between -90 and 90 degrees flies north: ascending.
    """
    merged: dict[str, str] = {}
    for header in headers:
        merged = {**header, **merged}
    frequency = number_of(merged, "radar_frequency")
    wavelength = number_of(merged, "wavelength", "radar_wavelength")
    if frequency is None and wavelength is None:
        if needed:
            raise DeformationError("E2203", f"{where}: no header states radar_frequency")
        frequency = SENTINEL1_HZ
    if wavelength is None:
        wavelength = SPEED_OF_LIGHT / float(frequency or SENTINEL1_HZ)
    heading = number_of(merged, "heading", "heading_deg")
    direction = None
    if heading is not None:
        heading = (heading + 180.0) % 360.0 - 180.0
        direction = Direction.ASCENDING if abs(heading) < 90.0 else Direction.DESCENDING
    incidence = number_of(merged, "incidence_angle", "avg_incidence_angle", "average_incidence_angle")
    return Geometry(wavelength, incidence, heading, direction)


def mean_perpendicular(path: Path) -> float | None:
    """Mean perpendicular baseline (m) of a GAMMA `*_bperp.par` table; None where it holds no row."""
    rows = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    found = []
    for row in rows:
        if len(row) == _BPERP_COLUMNS:
            try:
                found.append([float(word) for word in row][7])
            except ValueError:
                continue
    return sum(found) / len(found) if found else None
