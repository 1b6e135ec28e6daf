"""The `sat-monitor` command: thin, heavy imports lazy.

Exit codes: 0 done, 1 done but degraded (something deferred or rejected), 2 wrong use, 3 could not run.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sat_monitor import __version__
from sat_monitor.cli_cases import case_text, desk_of, finds_app, labels_app, tickets_app
from sat_monitor.cli_common import (
    COULD_NOT_RUN,
    DEFAULT_HOME,
    DEGRADED,
    DONE,
    WRONG_USE,
    AoiOption,
    DateOption,
    Format,
    FromOption,
    HomeOption,
    JsonOption,
    Lang,
    LangOption,
    ProfileOption,
    Progress,
    ToOption,
    print_rows,
    profile_of,
    registry_of,
    store_of,
)  # fmt: skip
from sat_monitor.cli_data import import_app, sources_app
from sat_monitor.cli_deformation import deformation_app, import_interferograms
from sat_monitor.cli_delivery import deliver, digest, outbox_app
from sat_monitor.cli_evaluate import evaluate_app
from sat_monitor.cli_network import network_app, pair, train
from sat_monitor.cli_opendata import opendata
from sat_monitor.cli_overlays import overlays_app
from sat_monitor.cli_series import series
from sat_monitor.cli_tune import profile_app, tune_app
from sat_monitor.core.clock import japan_day, system_clock
from sat_monitor.core.errors import AoiError, ProfileError, SatMonitorError, UsageError
from sat_monitor.core.home import Home

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
aoi_app, sites_app, audit_app = (typer.Typer(no_args_is_help=True) for _ in range(3))
app.add_typer(aoi_app, name="aoi", help="Areas of interest.")
app.add_typer(import_app, name="import", help="Bring scenes from files into the inbox.")
app.add_typer(sources_app, name="sources", help="Services that scenes are fetched from.")
app.add_typer(sites_app, name="sites", help="What the satellites say.")
app.add_typer(tickets_app, name="tickets", help="Leads for the field.")
app.add_typer(finds_app, name="finds", help="What patrols and citizens found.")
app.add_typer(labels_app, name="labels", help="Verdicts as labels of the ground.")
app.add_typer(evaluate_app, name="evaluate", help="Accuracy with intervals.")
app.add_typer(tune_app, name="tune", help="What another profile would have found.")
app.add_typer(profile_app, name="profile", help="Profiles that nights may use.")
app.add_typer(overlays_app, name="overlays", help="Layers of other offices: zones, registers, hazards.")
app.add_typer(audit_app, name="audit", help="The history and its proof.")
import_app.command("interferograms")(import_interferograms)
app.add_typer(deformation_app, name="deformation", help="Ground that moves, from interferograms.")
app.command()(series)
app.command()(pair)
app.command()(train)
app.add_typer(network_app, name="network", help="Versions of the change network.")
app.command()(deliver)
app.command()(digest)
app.command()(opendata)
app.add_typer(outbox_app, name="outbox", help="What is on its way to people.")

_WRONG_USE_ERRORS = (UsageError, AoiError, ProfileError)


def main() -> None:
    """Run the command and leave with its exit code."""
    try:
        app(standalone_mode=True)
    except SatMonitorError as error:
        print(error.message, file=sys.stderr)
        sys.exit(WRONG_USE if isinstance(error, _WRONG_USE_ERRORS) else COULD_NOT_RUN)
    except Exception as error:
        if os.environ.get("SAT_MONITOR_DEBUG"):
            raise
        failure = SatMonitorError("E1301", f"{type(error).__name__}: {error}", "everything committed before")
        print(failure.message, file=sys.stderr)
        sys.exit(COULD_NOT_RUN)


@app.command()
def demo(
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
    service: Annotated[bool, typer.Option("--service", help="fetch from a stand-in service on loopback")] = False,
) -> None:  # fmt: skip
    """Simulated Tama window and an island, a season of nights, tickets; nothing leaves this machine."""
    from sat_monitor.demo import run_demo
    from sat_monitor.demo_service import run_service_demo

    with Progress() as progress:
        report = (run_service_demo if service else run_demo)(Home(home), progress, lang.value)
    print("\n".join(report.lines))
    raise typer.Exit(DEGRADED if report.night.degraded else DONE)


@app.command()
def night(
    home: HomeOption = DEFAULT_HOME, aoi: AoiOption = None, day: DateOption = None,
    start: FromOption = None, end: ToOption = None,
    profile: ProfileOption = None, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Observe, detect, publish: compute what is owed. Without a date: up to yesterday in Japan."""
    from sat_monitor.night import NightRequest, run_night, watched_aois

    first, last = _days(day, start, end)
    ids = (registry_of(home).get(aoi).id,) if aoi else watched_aois(Home(home))
    request = NightRequest(Home(home), ids, first, last, profile_of(profile), lang.value)
    with Progress() as progress:
        report = run_night(request, system_clock, progress)
    print(report.to_markdown())
    print(f"Report: {report.path}")
    if report.failed and not report.aois:
        raise typer.Exit(COULD_NOT_RUN)
    raise typer.Exit(DEGRADED if report.degraded else DONE)


def _days(day: datetime | None, start: datetime | None, end: datetime | None) -> tuple[date | None, date]:
    """First (None = since the last night) and last day."""
    if day is not None and (start is not None or end is not None):
        raise UsageError("E2001", "--date excludes --from and --to")
    if day is not None:
        return day.date(), day.date()
    last = end.date() if end else japan_day(system_clock()) - timedelta(days=1)
    first = start.date() if start else None
    if first is not None and first > last:
        raise UsageError("E2001", f"--from {first} is after --to {last}")
    return first, last


@app.command()
def schedule(home: HomeOption = DEFAULT_HOME) -> None:
    """Serve the nightly deployment: 02:30 Asia/Tokyo, until stopped."""
    from flows.schedule import serve

    serve(Home(home))


@app.command()
def doctor(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Versions, disk, database, font, GDAL, credentials present or not."""
    from sat_monitor.doctor import examine

    findings = examine(Home(home))
    print_rows([{"what": f.what, "found": f.found, "ok": f.ok} for f in findings], as_json, "doctor")
    raise typer.Exit(DONE if all(f.ok for f in findings) else DEGRADED)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@aoi_app.command("list")
def aoi_list(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """All AOIs."""
    print_rows([_aoi_row(a) for a in registry_of(home).list()], as_json, "AOIs")


@aoi_app.command("show")
def aoi_show(aoi_id: str, home: HomeOption = DEFAULT_HOME) -> None:
    """One AOI as GeoJSON."""
    from sat_monitor.imagery.aois import aoi_geojson

    print(aoi_geojson(registry_of(home).get(aoi_id)))


@aoi_app.command("add")
def aoi_add(
    path: Path, aoi_id: Annotated[str, typer.Option("--id")], home: HomeOption = DEFAULT_HOME,
    name_ja: Annotated[str, typer.Option("--name-ja")] = "", name_en: Annotated[str, typer.Option("--name-en")] = "",
) -> None:  # fmt: skip
    """Add an AOI from a GeoJSON outline in lon/lat."""
    from sat_monitor.imagery.aois import aoi_from_outline, read_outline

    if not path.is_file():
        raise UsageError("E2002", str(path))
    made = aoi_from_outline(aoi_id, read_outline(path), name_ja or aoi_id, name_en or aoi_id)
    print_rows([_aoi_row(registry_of(home).add(made))], False, "added")


def _aoi_row(aoi: Any) -> dict[str, Any]:
    grid = aoi.grid
    size = f"{grid.width} x {grid.height} px of {grid.pixel_m:g} m"
    return {"id": aoi.id, "name_ja": aoi.name_ja, "name_en": aoi.name_en, "grid": f"EPSG:{grid.epsg} {size}"}


@sites_app.command("list")
def sites_list(home: HomeOption = DEFAULT_HOME, aoi: AoiOption = None, as_json: JsonOption = False) -> None:
    """All sites, highest evidence first."""
    from sat_monitor.sites.groups import groups_by_site
    from sat_monitor.tickets.geojson import site_properties

    with store_of(home) as store:
        sites = [site for site in store.sites(aoi) if site.merged_into is None]
    works, ranked = groups_by_site(sites), sorted(sites, key=lambda s: -s.score_max)
    print_rows([site_properties(s, works.get(s.id)) for s in ranked], as_json, "sites")


@sites_app.command("show")
def sites_show(site_id: str, home: HomeOption = DEFAULT_HOME) -> None:
    """One site as GeoJSON."""
    from sat_monitor.sites.groups import groups_by_site
    from sat_monitor.tickets.exports import site_geojson

    with store_of(home) as store:
        site = store.site(site_id)
        works = groups_by_site(store.sites(site.aoi))
    print(site_geojson(site, registry_of(home).get(site.aoi), works.get(site.id)))


@sites_app.command("export")
def sites_export(
    out: Annotated[Path, typer.Option("--out")], home: HomeOption = DEFAULT_HOME, aoi: AoiOption = None,
    fmt: Annotated[Format, typer.Option("--format")] = Format.GEOJSON,
) -> None:  # fmt: skip
    """All sites of an AOI (or of all) in one file."""
    _export(home, aoi, fmt, out, ticketed=False)


@tickets_app.command("list")
def tickets_list(home: HomeOption = DEFAULT_HOME, aoi: AoiOption = None, as_json: JsonOption = False) -> None:
    """All tickets, highest priority first."""
    with store_of(home) as store:
        tickets = sorted(store.tickets(aoi), key=lambda t: (-t.priority, t.id))
        states = {case.id: case.state.value for case in store.cases(aoi)}
    rows = [{**_ticket_row(ticket), "state": states.get(ticket.id, "candidate")} for ticket in tickets]
    print_rows(rows, as_json, "tickets")


@tickets_app.command("show")
def tickets_show(ticket_id: str, home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA) -> None:
    """One ticket or case: where its page lies, what was done with it, by whom and why, and what may be done next."""
    with desk_of(home) as desk, store_of(home) as store:
        case = desk.find(ticket_id)
        work = {"state": "candidate", "version": 0} if case is None else case_text(desk, case, lang)
        ticket = next((t for t in store.tickets() if t.id == ticket_id), None)
    page = {} if ticket is None else {**_ticket_row(ticket), "folder": str(Home(home).ticket(ticket))}
    print(json.dumps({**page, "case": work}, ensure_ascii=False, indent=1))


@tickets_app.command("export")
def tickets_export(
    out: Annotated[Path, typer.Option("--out")], home: HomeOption = DEFAULT_HOME, aoi: AoiOption = None,
    fmt: Annotated[Format, typer.Option("--format")] = Format.GEOJSON,
) -> None:  # fmt: skip
    """The sites of all open tickets in one file."""
    _export(home, aoi, fmt, out, ticketed=True)


def _export(home: Path, aoi: str | None, fmt: Format, out: Path, ticketed: bool) -> None:
    from sat_monitor.sites.groups import works_groups
    from sat_monitor.tickets.exports import export_sites

    registry = registry_of(home)
    if aoi is not None:
        registry.get(aoi)
    with store_of(home) as store:
        sites = store.sites(aoi)
        opened = {t.site_id for t in store.tickets(aoi) if t.withdrawn_reason is None}
    chosen = [site for site in sites if not ticketed or site.id in opened]
    aois = {site.aoi: registry.get(site.aoi) for site in chosen}
    print(export_sites(chosen, aois, out, fmt.value, works_groups(sites)))


def _ticket_row(ticket: Any) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "site": ticket.site_id,
        "aoi": ticket.aoi,
        "priority": round(ticket.priority, 1),
        "opened_on": japan_day(ticket.opened_at).isoformat(),
        "reasons": ", ".join(ticket.reasons),
        "withdrawn": ticket.withdrawn_reason,
    }


@audit_app.command("verify")
def audit_verify(
    home: HomeOption = DEFAULT_HOME,
    head: Annotated[str | None, typer.Option("--head", help="SEQ:SHA as printed on a page")] = None,
    files: Annotated[bool, typer.Option("--files", help="check every archived file too")] = False,
) -> None:
    """Walk the history chain; names the first bad seq."""
    from sat_monitor.audit import parse_head, verify
    from sat_monitor.imagery.archive import Archive

    places = Home(home)
    if not places.database.is_file():
        raise UsageError("E2002", f"{places.database}: no night has run here yet")
    report = verify(places, None if head is None else parse_head(head))
    print("\n".join(report.lines()))
    damaged = Archive(places.archive).damaged() if files else []
    for path in damaged:
        print(f"E1102 {path}: not the archived bytes", file=sys.stderr)
    raise typer.Exit(DONE if report.ok and not damaged else COULD_NOT_RUN)
