"""Imports: foreign scenes become offers of the inbox, on the grid of their AOI, which is made where it does not exist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sat_monitor.core.domain import AOI
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.aois import AoiRegistry, aoi_from_grids
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.geotiff import GeoTiff, crop
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A scene that an importer found: its offer, its own grid and how to load its bands."""

    offer: Offer
    grid: Grid
    load: Callable[[], Raster]


@dataclass(frozen=True, slots=True)
class Finding:
    """All that an importer found below a path: scenes, and what it could not use."""

    scenes: tuple[Found, ...]
    rejected: tuple[SceneReject, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did; `aoi` is None where nothing was usable."""

    aoi: AOI | None
    aoi_made: bool
    imported: tuple[str, ...]
    rejected: tuple[SceneReject, ...]


Importer = Callable[[Path, str], Finding]


def import_scenes(
    importer: Importer, path: Path, aoi_id: str, registry: AoiRegistry, inbox: Archive, progress: Progress = print
) -> ImportReport:
    """Bring what `importer` finds at `path` into the inbox; one bad scene stops nothing and is named with its number.

    Raises AoiError where the AOI cannot be made.
    """
    finding = importer(path, aoi_id)
    made = not registry.has(aoi_id) and bool(finding.scenes)
    if made:
        registry.add(aoi_from_grids(aoi_id, _common_grids(finding.scenes)))
    if not registry.has(aoi_id):
        return ImportReport(None, False, (), finding.rejected)
    aoi = registry.get(aoi_id)
    imported: list[str] = []
    rejected = list(finding.rejected)
    with inbox.batch():
        inbox.list_again(aoi_id)
        for number, found in enumerate(finding.scenes, start=1):
            try:
                inbox.put_scene(found.offer, _on_grid(found, aoi))
                imported.append(found.offer.id)
            except SceneReject as reject:
                rejected.append(reject)
                progress(f"{aoi_id}: {reject.message}")
            if number % 25 == 0 or number == len(finding.scenes):
                progress(f"{aoi_id}: {number}/{len(finding.scenes)} scenes read")
    return ImportReport(aoi, made, tuple(imported), tuple(rejected))


def _common_grids(scenes: Sequence[Found]) -> list[Grid]:
    """The grids of the CRS and pixels that most scenes have; a stray one is rejected later, not built upon."""
    kinds = [_pixels(found.grid) for found in scenes]
    usual = max(sorted(set(kinds)), key=kinds.count)
    return sorted({found.grid for found in scenes if _pixels(found.grid) == usual}, key=repr)


def _pixels(grid: Grid) -> tuple[int, float, float, float]:
    """What grids that share pixels have in common: EPSG code, pixel (m) and the corner within it, 0..1."""
    x, y = (round(corner / grid.pixel_m % 1.0, 3) % 1.0 for corner in (grid.x0, grid.y0))
    return grid.epsg, grid.pixel_m, x, y


def _on_grid(found: Found, aoi: AOI) -> Raster:
    raster = found.load()
    part = crop(GeoTiff(raster.grid, raster.bands, {}), aoi.grid)
    return Raster(part.grid, part.bands)
