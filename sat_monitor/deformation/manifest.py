"""A list of pairs for products without a layout of their own: GSI's files per pair, anybody's rasters.

`pairs.csv` in the folder, one row per pair. Needed: file, before, after (YYYY-MM-DD), quantity (a key of `QUANTITIES`) and
positive (toward or away: what a positive value means). Optional: coherence (a file), perpendicular_m, wavelength_m,
incidence_deg, heading_deg.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np

from sat_monitor.core.deformation import Geometry
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.headers import geometry_of
from sat_monitor.deformation.layouts import PairFile, Product
from sat_monitor.deformation.rasters import Layer

NAME = "pairs.csv"
NEEDED = ("file", "before", "after", "quantity", "positive")
#: Metres per unit of what a raster holds; phase depends on the wavelength.
QUANTITIES = {"phase_rad": None, "displacement_m": 1.0, "displacement_cm": 0.01, "displacement_mm": 0.001}
_TOWARD = {"toward": 1.0, "away": -1.0}


def read_manifest(path: Path) -> Product:
    """The product that `pairs.csv` describes; DeformationError E2210 names the row and what is wrong with it."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise DeformationError("E2210", f"{path.name} has no row")
    lacking = [name for name in NEEDED if name not in rows[0]]
    if lacking:
        raise DeformationError("E2210", f"{path.name} has no column {', '.join(lacking)}")
    geometry = _geometry(rows[0], path.name)
    files = [_file(path.parent, row, geometry, f"{path.name}, row {n}") for n, row in enumerate(rows, start=2)]
    return Product(tuple(files), geometry)


def _geometry(row: Mapping[str, str], where: str) -> Geometry:
    names = {"wavelength_m": "wavelength", "incidence_deg": "incidence_angle", "heading_deg": "heading"}
    header = {theirs: row[ours] for ours, theirs in names.items() if row.get(ours)}
    return geometry_of([header], needed=False, where=where)


def _file(folder: Path, row: Mapping[str, str], geometry: Geometry, where: str) -> PairFile:
    try:
        before, after = date.fromisoformat(row["before"]), date.fromisoformat(row["after"])
        unit, sign = QUANTITIES[row["quantity"]], _TOWARD[row["positive"]]
        perpendicular = float(row["perpendicular_m"]) if row.get("perpendicular_m") else None
    except (KeyError, ValueError, TypeError) as error:
        raise DeformationError("E2210", f"{where}: {error}") from error
    if before >= after:
        raise DeformationError("E2210", f"{where}: {before} does not lie before {after}")
    path = folder / row["file"]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DeformationError("E2210", f"{where}: {row['file']} lies outside of the folder")
    coherence = Layer(folder / row["coherence"]) if row.get("coherence") else None
    metres = unit if unit is not None else geometry.wavelength_m / (4.0 * np.pi)
    return PairFile(before, after, Layer(path), coherence, perpendicular, sign * metres)
