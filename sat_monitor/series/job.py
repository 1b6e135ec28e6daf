"""The whole job of `sat-monitor series`: tables in, a CSV of alarms and figures out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sat_monitor.core.profile import Profile
from sat_monitor.imagery.files import write_whole
from sat_monitor.series.alarms import Alarm, Trace, alarms_of, joined, trace_of
from sat_monitor.series.tables import (
    PointSeries,
    Table,
    read_backscatter,
    read_cover,
    read_reflectance,
    read_status,
)

#: Columns of the file of alarms; `profile` is the sha256 of the settings that made them.
COLUMNS = ("id", "alarm_date", "score", "confirmed", "kind", "profile")


@dataclass(frozen=True, slots=True)
class SeriesFiles:
    """The tables to read, each of its own layout; those of the same points are fused."""

    s1: tuple[Path, ...] = ()
    dist_hls: tuple[Path, ...] = ()
    dist_s1: tuple[Path, ...] = ()
    s2: tuple[Path, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is any file at all."""
        return bool(self.s1 or self.dist_hls or self.dist_s1 or self.s2)


@dataclass(frozen=True, slots=True)
class SeriesDone:
    """How many points and rows were written, how many points ever had an alarm, how many input rows were left out."""

    points: int
    rows: int
    alarmed: int
    skipped: int


def run_series(
    files: SeriesFiles, out: Path, plot: Path | None, profile: Profile, progress: Callable[[str], None]
) -> SeriesDone:
    """Write the alarms of all points to `out`, and a figure of each to the folder `plot`."""
    tables = _tables(files)
    points = joined([table.points for table in tables])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = rows = alarmed = 0
    for point, trace, series in _traces(points, files, profile):
        alarms = alarms_of(point, trace, profile)
        writer.writerows(_row(alarm, profile) for alarm in alarms)
        count, rows, alarmed = count + 1, rows + len(alarms), alarmed + any(alarm.confirmed for alarm in alarms)
        if plot is not None:
            from sat_monitor.series.plot import draw_point

            draw_point(plot, point, series, trace, alarms)
        if count % 500 == 0:
            progress(f"{count} points")
    write_whole(out, text.getvalue().encode())
    return SeriesDone(count, rows, alarmed, sum(table.skipped for table in tables))


def _tables(files: SeriesFiles) -> list[Table]:
    readers = ((read_backscatter, files.s1), (read_cover, files.dist_hls), (read_status, files.dist_s1))
    return [reader(path) for reader, paths in readers for path in paths]


def _traces(
    points: dict[str, PointSeries], files: SeriesFiles, profile: Profile
) -> Iterator[tuple[str, Trace, PointSeries]]:
    """Every point with its trace; a point that has Sentinel-2 of its own leans on radar as support."""
    told: set[str] = set()
    for path in files.s2:
        from sat_monitor.series.reflectance import reflectance_traces

        for series in read_reflectance(path):
            for point, trace in reflectance_traces(series, profile):
                told.add(point)
                known = points.get(point, PointSeries())
                yield point, trace_of(known, profile, trace) or trace, known
    for point, known in points.items():
        found = trace_of(known, profile) if point not in told else None
        if found is not None:
            yield point, found, known


def _row(alarm: Alarm, profile: Profile) -> tuple[str, str, str, int, str, str]:
    day = alarm.day.isoformat()
    return alarm.point, day, f"{alarm.score:.4f}", int(alarm.confirmed), alarm.kind.value, profile.sha256[:12]
