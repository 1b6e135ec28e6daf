"""How producers lay out their unwrapped pairs: one row of a table each. A new product is one row.

Where they give phase it grows with the distance to the satellite (GAMMA's convention, which HyP3 and LiCSAR keep), so the
displacement toward the satellite is -wavelength / (4 pi) times the phase. OPERA gives metres, positive toward it.
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
from sat_monitor.deformation.rasters import Layer

_DAYS = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T\d{6}Z?)?[-_](?:[A-Z]+_)?(\d{4})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True)
class PairFile:
    """The layers of one pair; a value times `metres_per_unit` is displacement toward the satellite (m).

    Where there is a layer `usable`, pixels that are zero in it are not to be used.
    """

    before: date
    after: date
    values: Layer
    coherence: Layer | None
    perpendicular_m: float | None
    metres_per_unit: float
    usable: Layer | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """The pairs of a folder and how the radar looked."""

    files: tuple[PairFile, ...]
    geometry: Geometry


@dataclass(frozen=True, slots=True)
class Layout:
    """One producer's files: glob of the pairs, how the coherence of a pair is found, which headers there are.

    `coherence` maps the file of a pair to the layer of its coherence; `headers` are globs below the folder; `frequency`
    says that these must state the radar frequency; `perpendicular` gives the baseline (m) of a pair's file, if known.
    Files hold unwrapped phase, or in their variable `displacement` metres toward the satellite, usable where the
    variable `usable` is not zero.
    """

    name: str
    pairs: str
    coherence: Callable[[Path], Layer]
    headers: tuple[str, ...]
    frequency: bool
    perpendicular: Callable[[Path, Path], float | None]
    displacement: str = ""
    usable: str = ""

    def pair(self, folder: Path, path: Path, wavelength_m: float) -> PairFile:
        """The pair that the file at `path` holds; DeformationError E2202 where its name states no days."""
        before, after = days_of(path)
        metres = 1.0 if self.displacement else -wavelength_m / (4.0 * math.pi)
        usable = Layer(path, self.usable) if self.usable else None
        values = Layer(path, self.displacement)
        return PairFile(before, after, values, self.coherence(path), self.perpendicular(folder, path), metres, usable)


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
        paths = sorted(folder.rglob(layout.pairs))
        if paths:
            break
    else:
        known = "; ".join(f"{layout.name} {layout.pairs}" for layout in LAYOUTS)
        raise DeformationError("E2201", f"{folder} holds no unwrapped pairs ({known})")
    headers = [read_header(path) for pattern in layout.headers for path in sorted(folder.rglob(pattern))]
    geometry = geometry_of(headers, layout.frequency, str(folder))
    return Product(tuple(layout.pair(folder, path, geometry.wavelength_m) for path in paths), geometry)


def _beside(ending: str, other: str) -> Callable[[Path], Layer]:
    """The file beside another whose name ends otherwise."""
    return lambda path: Layer(path.with_name(path.name.removesuffix(ending) + other))


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
        _beside("_unw_phase.tif", "_corr.tif"),
        ("*.txt",),
        False,
        _hyp3_baseline,
    ),
    Layout(
        "LiCSAR",
        "*.geo.unw.tif",
        _beside(".geo.unw.tif", ".geo.cc.tif"),
        ("metadata.txt",),
        False,
        _licsar_baseline,
    ),
    Layout(
        "OPERA DISP-S1",
        "OPERA_L3_DISP-S1_*.nc",
        lambda path: Layer(path, "estimated_phase_quality"),
        (),
        False,
        lambda *_: None,
        displacement="displacement",
        usable="recommended_mask",
    ),
    Layout(
        "GAMMA or PyRate",
        "*_unw.tif",
        _beside("_eqa_unw.tif", "_flat_eqa_cc.tif"),
        ("*mli.par", "*slc.par"),
        True,
        _gamma_baseline,
    ),
)
