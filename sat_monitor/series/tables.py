"""Tables of point time series, read into typed records; the layouts are told by their columns.

Times are UTC. Rows without an id or a readable time are skipped and counted, never silently lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

Values = NDArray[np.float64]
Times = NDArray[np.datetime64]

#: Power below which backscatter is noise of the instrument; keeps the logarithm finite.
_LEAST_POWER = 1e-5
_UNSEEN_STATUS = 255
#: Largest cover, %; DIST-ALERT writes 200 where it did not look for the season's lowest.
_FULL_COVER = 100.0
_IDS = ("site_id", "ID", "id")


@dataclass(frozen=True, slots=True)
class Backscatter:
    """Sentinel-1 of one point and one track, in time order: `at` (look), mean VV and VH of its cells (look), dB."""

    track: str
    at: Times
    vv_db: Values
    vh_db: Values


@dataclass(frozen=True, slots=True)
class Cover:
    """OPERA DIST-ALERT-HLS of one point, clear looks in time order, all (look).

    `cover`, `loss` against the season's lowest of three years, and that lowest cover `season_low` (NaN where it was not
    looked for), %; `anomaly` the distance of the spectrum from those of the same season, NaN where unknown.
    """

    at: Times
    cover: Values
    loss: Values
    season_low: Values
    anomaly: Values


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """OPERA DIST-ALERT-S1 of one point in time order: `at` and status code 0 to 8 of each look that saw it."""

    at: Times
    status: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reflectance:
    """Sentinel-2 of points that share their dates: `bands` by name (look, point), reflectance, and SCL classes.

    The points are the pixels of a raster of `shape` (rows, columns), row by row.
    """

    points: tuple[str, ...]
    at: Times
    bands: Mapping[str, NDArray[np.float32]]
    shape: tuple[int, int] = (1, 1)
    pixel_m: float = 10.0


@dataclass(slots=True)
class PointSeries:
    """All that is known of one point."""

    backscatter: list[Backscatter] = field(default_factory=list)
    cover: list[Cover] = field(default_factory=list)
    status: list[AlertStatus] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    """Series by point id, in the order of the file, and how many of its rows could not be used."""

    points: Mapping[str, PointSeries]
    skipped: int


def read_backscatter(path: Path) -> Table:
    """Sentinel-1 series: site_id, burst_id (or track), datetime_utc, vv_* and vh_* of each cell, linear gamma0."""
    rows, skipped = _rows(path, "datetime_utc", ("vv_", "vh_"))
    names = [str(name) for name in rows]
    track = next((name for name in ("burst_id", "track") if name in names), None)
    points: dict[str, PointSeries] = {}
    for (point, name), group in rows.groupby(["point", track] if track else ["point", "point"], sort=False):
        looks = group.sort_values("at", kind="stable")
        levels = [_mean_db(looks[[c for c in names if c.startswith(p)]].to_numpy(float)) for p in ("vv_", "vh_")]
        seen = np.isfinite(levels[0]) & np.isfinite(levels[1])
        skipped += int((~seen).sum())
        series = Backscatter(str(name), looks["at"].to_numpy()[seen], levels[0][seen], levels[1][seen])
        points.setdefault(str(point), PointSeries()).backscatter.append(series)
    return Table(points, skipped)


def read_cover(path: Path) -> Table:
    """DIST-ALERT-HLS series: ID, SensingTime, VEG-IND, VEG-ANOM, VEG-HIST, GEN-ANOM."""
    rows, skipped = _rows(path, "SensingTime", ("VEG-IND", "VEG-ANOM", "VEG-HIST", "GEN-ANOM"))
    known = rows["VEG-IND"].notna() & rows["VEG-ANOM"].notna()
    points = {}
    for point, looks in _by_point(rows[known]):
        low = looks["VEG-HIST"].to_numpy(float)
        series = Cover(
            looks["at"].to_numpy(),
            looks["VEG-IND"].to_numpy(float),
            looks["VEG-ANOM"].to_numpy(float),
            np.where(low <= _FULL_COVER, low, np.nan),
            looks["GEN-ANOM"].to_numpy(float),
        )
        points[point] = PointSeries(cover=[series])
    return Table(points, skipped + int((~known).sum()))


def read_status(path: Path) -> Table:
    """DIST-ALERT-S1 status series: ID, date, labels; 255 is no data, which is not "no change"."""
    rows, skipped = _rows(path, "date", ("labels",))
    seen = rows["labels"].notna() & (rows["labels"] != _UNSEEN_STATUS)
    points = {
        point: PointSeries(status=[AlertStatus(looks["at"].to_numpy(), looks["labels"].to_numpy(np.int64))])
        for point, looks in _by_point(rows[seen])
    }
    return Table(points, skipped)


def read_reflectance(path: Path) -> list[Reflectance]:
    """Sentinel-2 series of points: a table (id, datetime_utc, B02 ..., SCL) or a cube (NetCDF), every pixel a point."""
    if path.suffix in {".nc", ".nc4"}:
        from sat_monitor.series.cube import reflectance_of_cube

        return [reflectance_of_cube(path)]
    rows, _ = _rows(path, "datetime_utc", ("B04", "B08", "SCL"))
    names = [name for name in rows if name in {"B02", "B03", "B04", "B08", "B11", "B12", "SCL"}]
    scale = 1e-4 if float(rows["B08"].median()) > 10.0 else 1.0
    series = []
    for point, looks in _by_point(rows.dropna(subset=["SCL"])):
        values = {n: looks[[n]].to_numpy(np.float32) * np.float32(1.0 if n == "SCL" else scale) for n in names}
        series.append(Reflectance((point,), looks["at"].to_numpy(), values))
    return series


def _rows(path: Path, time: str, needed: tuple[str, ...]) -> tuple[pd.DataFrame, int]:
    """Rows of a CSV (also .gz) with `point` (text) and `at` (UTC), and how many had neither; E2002, E2003."""
    import pandas as pd

    if not path.is_file():
        raise UsageError("E2002", str(path))
    try:
        rows = pd.read_csv(path, dtype=dict.fromkeys(_IDS, str))
    except (ValueError, OSError, EOFError) as error:
        raise UsageError("E2003", f"{path.name}: {error}") from error
    identity = next((name for name in _IDS if name in rows), None)
    columns = [str(name) for name in rows]
    lacking = [c for c in (time, *needed) if not any(name == c or name.startswith(c) for name in columns)]
    if identity is None or lacking:
        wanted = [*(["/".join(_IDS)] if identity is None else []), *lacking]
        raise UsageError("E2003", f"{path.name} lacks {', '.join(wanted)}; it has {', '.join(columns)}")
    at = pd.to_datetime(rows[time], utc=True, errors="coerce", format="mixed").dt.tz_localize(None)
    rows = rows.assign(point=rows[identity], at=at)
    usable = rows["point"].notna() & at.notna()
    return rows[usable], int((~usable).sum())


def _by_point(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for point, looks in rows.groupby("point", sort=False):
        yield str(point), looks.sort_values("at", kind="stable")


def _mean_db(power: Values) -> Values:
    """Mean over the cells (look, cell) of the level in dB, (look): the geometric mean, which one bright cell moves little."""
    level = 10.0 * np.log10(np.maximum(power, _LEAST_POWER))
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(power)
        total = np.where(seen, level, 0.0).sum(axis=1)
        return np.asarray(total / np.where(seen.any(axis=1), seen.sum(axis=1), np.nan))
