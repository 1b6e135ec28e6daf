"""Commands about where scenes come from: imports of files, and the services of sources.toml."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sat_monitor.cli_common import (
    COULD_NOT_RUN,
    DEFAULT_HOME,
    DEGRADED,
    DONE,
    AoiNeeded,
    AoiOption,
    HomeOption,
    JsonOption,
    Progress,
    print_rows,
    registry_of,
)
from sat_monitor.core.clock import system_clock
from sat_monitor.core.errors import SatMonitorError, SceneReject, UsageError
from sat_monitor.core.home import Home

if TYPE_CHECKING:
    from sat_monitor.core.domain import AOI
    from sat_monitor.imagery.elevation import Heights

import_app = typer.Typer(no_args_is_help=True)
sources_app = typer.Typer(no_args_is_help=True)


@import_app.command("opera-rtc")
def import_opera_rtc(path: Path, aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME) -> None:
    """OPERA RTC-S1 GeoTIFFs: several bursts and dates in one folder."""
    from sat_monitor.imagery.opera_rtc import opera_rtc_scenes

    _import(opera_rtc_scenes, path, aoi, home)


@import_app.command("s2-cube")
def import_s2_cube(path: Path, aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME) -> None:
    """A NetCDF cube of Sentinel-2 Level-2A with SCL."""
    from sat_monitor.imagery.s2_cube import s2_cube_scenes

    _import(s2_cube_scenes, path, aoi, home)


@import_app.command("stac")
def import_stac(path: Path, aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME) -> None:
    """A static STAC catalogue of GeoTIFFs (its folder); the AOI must exist."""
    from sat_monitor.imagery.stac_folder import stac_scenes

    registry = registry_of(home)
    _import(lambda folder, aoi_id: stac_scenes(folder, registry.get(aoi_id)), path, aoi, home)


@import_app.command("dist-alert")
def import_dist_alert(path: Path, aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME) -> None:
    """OPERA DIST-ALERT products (S1, HLS): what their status layers say becomes a part of the evidence."""
    from sat_monitor.imagery.dist_alert import dist_alert_scenes

    registry = registry_of(home)
    grid = registry.get(aoi).grid if registry.has(aoi) else None
    _import(lambda folder, aoi_id: dist_alert_scenes(folder, aoi_id, grid), path, aoi, home)


@import_app.command("dem")
def import_dem(
    aoi: Annotated[str, typer.Option("--aoi", help="AOI id, or all that are watched: all")],
    path: Annotated[Path | None, typer.Argument(help="GeoTIFF, GSI XML or ZIP, or a folder of them")] = None,
    site: Annotated[str | None, typer.Option("--site", help="STAC site instead: earth-search, ...")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """An elevation model: height, slope and aspect become layers of the AOI's archive."""
    from sat_monitor.imagery.terrain import put_terrain, terrain_of
    from sat_monitor.night import watched_aois

    if (path is None) == (site is None):
        raise UsageError("E2001", "give either a path or --site")
    if path is not None and not path.exists():
        raise UsageError("E2002", str(path))
    place, degraded = Home(home), False
    for area in [registry_of(home).get(name) for name in (watched_aois(place) if aoi == "all" else [aoi])]:
        with Progress() as progress:
            parts, rejected, sha256 = _elevation(path, site, area, place, progress)
            origin = path.name if path else str(site)
            terrain = terrain_of(parts, area, origin, sha256)
            put_terrain(place.archive, area.id, terrain, system_clock())
        degraded |= bool(rejected)
        for reject in rejected:
            print(reject.message, file=sys.stderr)
        print(f"AOI {area.id}: height, slope and aspect from {origin}, known in {terrain.known_fraction:.1%}")
    raise typer.Exit(DEGRADED if degraded else DONE)


def _elevation(
    path: Path | None, site: str | None, area: AOI, home: Home, progress: Progress
) -> tuple[list[Heights], list[SceneReject], str]:
    from sat_monitor.imagery.elevation import read_elevation
    from sat_monitor.imagery.stac_elevation import fetch_elevation
    from sat_monitor.services import open_elevation_site

    if path is not None:
        return read_elevation(path, area, progress)
    parts, sha256 = fetch_elevation(*open_elevation_site(str(site), home), home.answers, area, progress)
    return parts, [], sha256


def _import(importer: Callable[[Path, str], Any], path: Path, aoi: str, home: Path) -> None:
    from sat_monitor.imagery.archive import Archive
    from sat_monitor.imagery.importer import import_scenes

    if not path.exists():
        raise UsageError("E2002", str(path))
    with Progress() as progress:
        report = import_scenes(importer, path, aoi, registry_of(home), Archive(Home(home).inbox), progress)
    made = " (made from the data)" if report.aoi_made else ""
    print(f"AOI {aoi}{made}: {len(report.imported)} scenes imported, {len(report.rejected)} rejected")
    for reject in report.rejected:
        print(reject.message, file=sys.stderr)
    if not report.imported:
        raise typer.Exit(COULD_NOT_RUN)
    raise typer.Exit(DEGRADED if report.rejected else DONE)


@sources_app.command("list")
def sources_list(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """The services of sources.toml, and what their accounts have used this month."""
    from sat_monitor.imagery.sources import read_sources
    from sat_monitor.store.usage import UsageMeter

    place, month = Home(home), f"{system_clock():%Y-%m}"
    known = UsageMeter(place.database, system_clock, {}).usage() if place.database.is_file() else []
    used = {use.account: use for use in known if use.month == month}
    rows = [
        {
            "kind": one.kind,
            "site": one.site,
            "sensors": " ".join(one.sensors),
            "month": month,
            "requests": used[one.account].requests if one.account in used else 0,
            "of": one.monthly_requests,
            "processing units": round(used[one.account].units, 1) if one.account in used else 0.0,
            "of units": one.monthly_units,
        }
        for one in read_sources(place).source
    ]
    print_rows(rows, as_json, "sources")


@sources_app.command("check")
def sources_check(aoi: AoiOption = None, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Log in and ask every catalogue for the last 60 days of an AOI (the first watched one where none is named)."""
    from sat_monitor.imagery.cadence import Seen, cadences
    from sat_monitor.night import watched_aois
    from sat_monitor.services import open_sources

    place, now = Home(home), system_clock()
    area = registry_of(home).get(aoi or watched_aois(place)[0])
    rows, failed = [], False
    for source in open_sources(place):
        try:
            offers = source.listing(area, now - timedelta(days=60), now).offers
        except SatMonitorError as error:
            failed = True
            rows.append({"source": source.name, "aoi": area.id, "answer": error.message})
            continue
        rhythms = cadences(Seen(o.sensor, o.platform, o.track, o.acquired_at) for o in offers)
        rows += [{"source": source.name, "aoi": area.id, "answer": rhythm.text} for rhythm in rhythms]
        if not rhythms:
            rows.append({"source": source.name, "aoi": area.id, "answer": "nothing listed"})
    print_rows(rows, as_json, "sources")
    raise typer.Exit(COULD_NOT_RUN if failed else DONE)
