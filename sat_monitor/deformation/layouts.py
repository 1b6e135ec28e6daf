"""How producers lay out their unwrapped pairs: one row of a table each. A new product is one row.

Phase grows with the distance to the satellite in all of them (GAMMA's convention, which HyP3 and LiCSAR keep), so the
displacement toward the satellite is -wavelength / (4 pi) times the phase.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sat_monitor.core.deformation import Geometry
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.headers import geometry_of, mean_perpendicular, number_of, read_header

_DAYS = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T\d{6}Z?)?[-_](?:[A-Z]+_)?(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True)
class PairFile:
    """The files of one pair; a raster's value times `metres_per_unit` is displacement toward the satellite (m)."""

    before: date
    after: date
    path: Path
    coherence: Path | None
    perpendicular_m: float | None
    metres_per_unit: float


@dataclass(frozen=True, slots=True)
class Product:
    """The pairs of a folder and how the radar looked."""

    files: tuple[PairFile, ...]
    geometry: Geometry


@dataclass(frozen=True, slots=True)
class Layout:
    """One producer's files: glob of the unwrapped phase, how the coherence of a pair is found, which headers there are.

    `coherence` maps the file of a pair to the file of its coherence; `headers` are globs below the folder; `frequency`
    says that these must state the radar frequency; `perpendicular` gives the baseline (m) of a pair's file, if known.
    """

    name: str
    phase: str
    coherence: Callable[[Path], Path]
    headers: tuple[str, ...]
    frequency: bool
    perpendicular: Callable[[Path, Path], float | None]


def days_of(path: Path) -> tuple[date, date]:
    """The two UTC days in a file's name, earlier first; DeformationError E2202 where there are none."""
    match = _DAYS.search(path.name)
    try:
        if match is None:
            raise ValueError("two dates YYYYMMDD are not in it")
        numbers = [int(group) for group in match.groups()]
        before, after = date(*numbers[:3]), date(*numbers[3:])
        if before >= after:
            raise ValueError(f"{before} does not lie before {after}")
    except ValueError as error:
        raise DeformationError("E2202", f"the name of {path.name}: {error}") from error
    return before, after


def product_of(folder: Path) -> Product:
    """The pairs of a folder in the first known layout; DeformationError E2201 where none is, E2202, E2203."""
    for layout in LAYOUTS:
        paths = sorted(folder.rglob(layout.phase))
        if paths:
            break
    else:
        known = "; ".join(f"{layout.name} {layout.phase}" for layout in LAYOUTS)
        raise DeformationError("E2201", f"{folder} holds no unwrapped pairs ({known})")
    headers = [read_header(path) for pattern in layout.headers for path in sorted(folder.rglob(pattern))]
    geometry = geometry_of(headers, layout.frequency, str(folder))
    metres = -geometry.wavelength_m / (4.0 * math.pi)
    return Product(tuple(
        PairFile(*days_of(path), path, layout.coherence(path), layout.perpendicular(folder, path), metres) for path in paths
    ), geometry)  # fmt: skip


def _gamma_coherence(path: Path) -> Path:
    return path.with_name(re.sub(r"_eqa_unw\.tif$", "_flat_eqa_cc.tif", path.name))


def _gamma_baseline(root: Path, path: Path) -> float | None:
    before, after = days_of(path)
    tables = sorted(root.rglob(f"{before:%Y%m%d}-{after:%Y%m%d}*_bperp.par"))
    return mean_perpendicular(tables[0]) if tables else None


def _hyp3_baseline(_: Path, path: Path) -> float | None:
    text = path.with_name(path.name.replace("_unw_phase.tif", ".txt"))
    return number_of(read_header(text), "baseline") if text.is_file() else None


def _licsar_baseline(root: Path, path: Path) -> float | None:
    """LiCSAR lists baselines per date against its primary: `primary date perpendicular days` a line."""
    tables = sorted(root.rglob("baselines"))
    if not tables:
        return None
    rows = [line.split() for line in tables[0].read_text(encoding="utf-8").splitlines()]
    by_day = {row[1]: float(row[2]) for row in rows if len(row) >= 3}
    before, after = (f"{day:%Y%m%d}" for day in days_of(path))
    return by_day[after] - by_day[before] if before in by_day and after in by_day else None


#: Known layouts, the more specific first.
LAYOUTS = (
    Layout(
        "HyP3",
        "*_unw_phase.tif",
        lambda path: path.with_name(path.name.replace("_unw_phase.tif", "_corr.tif")),
        ("*.txt",),
        False,
        _hyp3_baseline,
    ),
    Layout(
        "LiCSAR",
        "*.geo.unw.tif",
        lambda path: path.with_name(path.name.replace(".geo.unw.tif", ".geo.cc.tif")),
        ("metadata.txt",),
        False,
        _licsar_baseline,
    ),
    Layout("GAMMA or PyRate", "*_unw.tif", _gamma_coherence, ("*mli.par", "*slc.par"), True, _gamma_baseline),
)
