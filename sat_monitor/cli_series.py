"""The `series` command: detectors and evidence on tables of points."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sat_monitor.cli_common import DEGRADED, DONE, ProfileOption, Progress, profile_of
from sat_monitor.core.errors import UsageError

_Files = list[Path]


def series(
    out: Annotated[Path, typer.Option("--out", help="CSV of alarms that is written")],
    s1: Annotated[_Files, typer.Option("--s1", help="Sentinel-1 backscatter of points (CSV)")] = [],  # noqa: B006
    dist_hls: Annotated[_Files, typer.Option("--dist-hls", help="OPERA DIST-ALERT-HLS of points (CSV)")] = [],  # noqa: B006
    dist_s1: Annotated[_Files, typer.Option("--dist-s1", help="OPERA DIST-ALERT-S1 status of points (CSV)")] = [],  # noqa: B006
    s2: Annotated[_Files, typer.Option("--s2", help="Sentinel-2 of points (CSV) or a cube (NetCDF)")] = [],  # noqa: B006
    plot: Annotated[Path | None, typer.Option("--plot", help="folder for a figure of each point")] = None,
    profile: ProfileOption = None,
) -> None:
    """Alarms on point time series: what the evidence says of each point, day by day, without labels.

    Several tables of the same points are fused. Exit code 1 where rows of a table could not be used.
    """
    from sat_monitor.series.job import SeriesFiles, run_series

    files = SeriesFiles(tuple(s1), tuple(dist_hls), tuple(dist_s1), tuple(s2))
    if not files.any:
        raise UsageError("E2001", "give at least one of --s1, --dist-hls, --dist-s1, --s2")
    with Progress() as progress:
        done = run_series(files, out, plot, profile_of(profile), progress)
    print(f"{done.points} points, {done.rows} rows, {done.alarmed} with an alarm: {out}")
    if done.skipped:
        print(f"{done.skipped} rows had no id, no time or no value and were left out", file=sys.stderr)
    raise typer.Exit(DEGRADED if done.skipped else DONE)
