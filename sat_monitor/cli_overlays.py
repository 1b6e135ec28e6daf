"""`sat-monitor overlays`: layers of other offices as versions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sat_monitor.cli_common import DEFAULT_HOME, HomeOption, JsonOption, print_rows
from sat_monitor.core.clock import iso, system_clock
from sat_monitor.core.errors import OverlayError
from sat_monitor.core.home import Home

if TYPE_CHECKING:
    from sat_monitor.overlays.importing import Imported

overlays_app = typer.Typer(no_args_is_help=True)

SourceOption = Annotated[str, typer.Option("--source", help="who made it and where it was had, in words")]
LicenceOption = Annotated[str, typer.Option("--licence", help="its licence, as it is to be printed")]
AsOfOption = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="day whose state it shows")]
EpsgOption = Annotated[int | None, typer.Option("--epsg", help="coordinate system where the file does not name it")]
MappingOption = Annotated[Path | None, typer.Option("--mapping", help="TOML that names the columns")]


@overlays_app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(help="what it shows; `overlays list --kinds` names them")],
    path: Annotated[Path, typer.Argument(help="GeoJSON, GeoPackage, Shapefile, zip of one of them, or CSV")],
    source: SourceOption, licence: LicenceOption, as_of: AsOfOption = None, epsg: EpsgOption = None,
    mapping: MappingOption = None, home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Take in a layer as a new version; the next night uses the newest of each kind and states it."""
    from sat_monitor.overlays.importing import Origin, import_overlay
    from sat_monitor.overlays.mapping import read_mapping

    reading = read_mapping(mapping)
    reading = reading if epsg is None else reading.model_copy(update={"epsg": epsg})
    origin = Origin(source, licence, as_of.date() if as_of else None)
    one = import_overlay(Home(home), _kind(kind), path, origin, reading, system_clock)
    print(f"{one.layer.kind} {one.layer.version}: {one.entries} entries, {one.repaired} shapes repaired, "
          f"{one.left_out} left out, sha256 {one.layer.sha256}")  # fmt: skip


@overlays_app.command("list")
def list_(
    home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False,
    kinds: Annotated[bool, typer.Option("--kinds", help="the kinds that there are, and the columns they read")] = False,
) -> None:  # fmt: skip
    """The imported versions; the last of each kind is in use."""
    from sat_monitor.overlays.importing import versions
    from sat_monitor.overlays.kinds import LAYERS

    if kinds:
        rows = [
            {"kind": kind.value, "needs": " ".join(row.needed),
             "reads": "; ".join(f"{field}: {', '.join(names)}" for field, names in row.names.items())}
            for kind, row in LAYERS.items()
        ]  # fmt: skip
        print_rows(rows, as_json, "kinds")
        return
    print_rows([_row(one) for one in versions(Home(home))], as_json, "overlays")


@overlays_app.command("show")
def show(kind: str, version: str | None = None, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """One version, the newest where none is named, after its file was checked."""
    from sat_monitor.overlays.importing import layer_path, newest, record_of

    place, name = Home(home), _kind(kind).value
    chosen = version or newest(place).get(name)
    if chosen is None:
        raise OverlayError("E1407", f"no version of {name} was imported")
    one = record_of(place, name, chosen)
    print_rows([{**_row(one), "file": str(layer_path(place, one))}], as_json, name)


def _kind(name: str) -> Any:
    from sat_monitor.overlays.kinds import LayerKind

    try:
        return LayerKind(name)
    except ValueError as error:
        known = ", ".join(kind.value for kind in LayerKind)
        raise typer.BadParameter(f"{name!r} is none of {known}") from error


def _row(one: Imported) -> dict[str, Any]:
    return {
        "kind": one.layer.kind, "version": one.layer.version, "entries": one.entries, "repaired": one.repaired,
        "left out": one.left_out, "as of": str(one.layer.as_of or ""), "source": one.layer.source,
        "licence": one.layer.licence, "imported": iso(one.imported_at), "sha256": one.layer.sha256,
    }  # fmt: skip
