"""What all commands share: options, exit codes, progress, listings."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sat_monitor.core.clock import system_clock
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home

if TYPE_CHECKING:
    from sat_monitor.core.profile import Profile
    from sat_monitor.imagery.aois import AoiRegistry
    from sat_monitor.store.store import Store

DONE, DEGRADED, WRONG_USE, COULD_NOT_RUN = 0, 1, 2, 3


class Format(StrEnum):
    """Export formats."""

    GEOJSON = "geojson"
    GPKG = "gpkg"
    QFIELD = "qfield"
    CSV = "csv"
    KML = "kml"
    GPX = "gpx"


class Lang(StrEnum):
    """Languages of the pages."""

    JA = "ja"
    EN = "en"


HomeOption = Annotated[Path, typer.Option("--home", envvar="SAT_MONITOR_HOME", help="folder of the state")]
AoiOption = Annotated[str | None, typer.Option("--aoi", help="AOI id")]
AoiNeeded = Annotated[str, typer.Option("--aoi", help="AOI id; made from the data where it does not exist")]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable")]
LangOption = Annotated[Lang, typer.Option("--lang", help="language of the pages")]
ProfileOption = Annotated[Path | None, typer.Option("--profile", help="profile TOML; the shipped one where absent")]
_DAY = ["%Y-%m-%d"]
DateOption = Annotated[datetime | None, typer.Option("--date", formats=_DAY, help="one day in Japan")]
FromOption = Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="first day in Japan")]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="last day in Japan")]
DEFAULT_HOME = Path("var")


class Progress(AbstractContextManager["Progress"]):
    """One moving line on a terminal, plain lines elsewhere; on stderr, so that stdout stays data."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._status = self._console.status("...") if self._console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, text: str) -> None:
        """Show one line of progress."""
        if self._status is not None:
            self._status.update(text)
        else:
            print(text, file=sys.stderr, flush=True)


def registry_of(home: Path) -> AoiRegistry:
    """The AOIs of an installation."""
    from sat_monitor.imagery.aois import AoiRegistry

    return AoiRegistry(Home(home).aoi)


def store_of(home: Path) -> Store:
    """The store of an installation; UsageError E2002 where no night has run."""
    from sat_monitor.store.store import Store

    path = Home(home).database
    if not path.is_file():
        raise UsageError("E2002", f"{path}: no night has run here yet")
    return Store(path, system_clock)


def profile_of(path: Path | None) -> Profile:
    """The profile of a TOML file, the shipped one where there is none; E2002, E1601."""
    from sat_monitor.core.profile import Profile, parse_profile

    if path is None:
        return Profile()
    if not path.is_file():
        raise UsageError("E2002", str(path))
    return parse_profile(path.read_text(encoding="utf-8"))


def print_rows(rows: Sequence[dict[str, Any]], as_json: bool, title: str) -> None:
    """A listing as a table for people or as JSON."""
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    table = Table(title=f"{title}: {len(rows)}")
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)
