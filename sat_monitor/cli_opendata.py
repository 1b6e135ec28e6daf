"""The command that writes open data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sat_monitor.cli_common import DEFAULT_HOME, HomeOption
from sat_monitor.core.clock import system_clock
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home


class Grouping(StrEnum):
    """What a row of open data stands for; an outline only where it is asked for by name."""

    MUNICIPALITY = "municipality"
    MESH = "mesh"
    OUTLINE = "outline"


def opendata(
    out: Annotated[Path, typer.Option("--out", help="folder to write into")],
    publisher: Annotated[str, typer.Option("--publisher", help="office that publishes")],
    home: HomeOption = DEFAULT_HOME,
    by: Annotated[Grouping, typer.Option("--by", help="what a row stands for")] = Grouping.MUNICIPALITY,
    fewest: Annotated[int, typer.Option("--fewest", min=1, help="groups of less facts are left out and counted")] = 1,
    licence: Annotated[str, typer.Option("--licence", help="SPDX id")] = "CC-BY-4.0",
    base_url: Annotated[str, typer.Option("--base-url", help="where the files will lie; relative links without")] = "",
) -> None:
    """Write closed, releasable facts as a STAC catalogue with GeoJSON, CSV and DCAT metadata: counts, and no person."""
    from sat_monitor.opendata.describing import Edition
    from sat_monitor.opendata.job import release
    from sat_monitor.opendata.rows import By
    from sat_monitor.store.store import Store

    place = Home(home)
    if not place.database.is_file():
        raise UsageError("E2002", f"{place.database}: no night has run here yet")
    edition = Edition(publisher, licence, base_url, system_clock())
    with Store(place.database, system_clock, read_only=True) as store:
        written = release(place, store, edition, out, (By(by.value), fewest))
    print("\n".join(str(path) for path in written.files))
    print(f"{written.facts} facts, {written.left_out} left out for small groups")
