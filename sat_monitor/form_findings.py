"""Findings that an inspector filled into the form of a GeoPackage come back: a visit, a verdict and a photo per row.

Each row stands alone: one that is refused is told with its number, and the others are taken. A row that was taken before
is passed over, so that a file may be read again after it was corrected.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sat_monitor.casework import CaseDesk, Hand
from sat_monitor.core.casework import CaseStep, Verdict
from sat_monitor.core.clock import japan_day
from sat_monitor.core.errors import SatMonitorError, UsageError
from sat_monitor.tickets.case import Move
from sat_monitor.tickets.qfield import FIELDS, FINDINGS

_MARK = "sat_monitor_taken"
#: The triggers of a GeoPackage's spatial index name these; none is called where only a mark changes.
_SPATIAL = ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")


@dataclass(frozen=True, slots=True)
class FindingsTaken:
    """Rows that were taken, passed over for they were taken before, and refused, each with a line of text."""

    taken: int
    known: int
    refused: int
    lines: tuple[str, ...]


def import_form_findings(desk: CaseDesk, file: Path, blobs: Path, hand: Hand) -> FindingsTaken:
    """Takes every new row of the form; photos are looked for beside the file. Rows taken are marked in the file.

    Raises UsageError E2002 without a file, E2003 where it is no GeoPackage with the form.
    """
    if not file.is_file():
        raise UsageError("E2002", str(file))
    taken = known = refused = 0
    lines = []
    with closing(sqlite3.connect(file)) as database, database:
        for name in _SPATIAL:
            database.create_function(name, 1, lambda _: None)
        rows = _rows(database, file)
        for number, row in rows:
            if row[_MARK]:
                known += 1
                continue
            try:
                lines.append(f"row {number}: {_take(desk, row, file.parent, blobs, hand)}")
            except SatMonitorError as error:
                refused += 1
                lines.append(f"row {number}: {error.message}")
                continue
            taken += 1
            database.execute(f'UPDATE "{FINDINGS}" SET "{_MARK}" = 1 WHERE rowid = ?', [number])
    return FindingsTaken(taken, known, refused, tuple(lines))


def _rows(database: sqlite3.Connection, file: Path) -> list[tuple[int, dict[str, Any]]]:
    """Rows of the form by their number, with the mark of those taken."""
    names = [*FIELDS, _MARK]
    try:
        columns = {row[1] for row in database.execute(f'PRAGMA table_info("{FINDINGS}")')}
        missing = sorted(FIELDS.keys() - columns)
        if missing:
            raise UsageError("E2003", f"{file.name}: layer {FINDINGS} lacks {', '.join(missing)}")
        if _MARK not in columns:
            database.execute(f'ALTER TABLE "{FINDINGS}" ADD COLUMN "{_MARK}" INTEGER')
        listed = ", ".join(f'"{name}"' for name in names)
        found = database.execute(f'SELECT rowid, {listed} FROM "{FINDINGS}" ORDER BY rowid').fetchall()
    except sqlite3.DatabaseError as error:
        raise UsageError("E2003", f"{file.name}: {error}") from error
    return [(int(row[0]), dict(zip(names, row[1:], strict=True))) for row in found]


def _take(desk: CaseDesk, row: Mapping[str, Any], beside: Path, blobs: Path, hand: Hand) -> str:
    """One row into the history: the visit, the verdict, the photo; returns what was done."""
    ident, verdict = str(row["site_id"] or "").strip(), _verdict(row["verdict"])
    reason = "; ".join(text for text in (_told(row), hand.reason) if text)
    signed = Hand(str(row["officer"] or "").strip() or hand.actor, reason)
    case = desk.step(ident, Move(CaseStep.INSPECT, {"inspected_on": _day(row["visited_at"])}), signed)
    if verdict is not None:
        case = desk.step(case.id, Move(CaseStep.VERDICT, {"verdict": verdict.value}), signed)
    if row["photo"]:
        case, _ = desk.add_photo(case.id, beside / str(row["photo"]), blobs, signed)
    return f"{case.id} version {case.version}: {case.state.value}{'' if verdict is None else f', {verdict.value}'}"


def _told(row: Mapping[str, Any]) -> str:
    height = "" if row["height_m"] is None else f"{float(row['height_m']):g} m high"
    return ", ".join(text for text in (height, str(row["remarks"] or "").strip()) if text)


def _verdict(value: object) -> Verdict | None:
    if value in (None, ""):
        return None
    try:
        return Verdict(str(value))
    except ValueError as error:
        raise UsageError("E2001", f"{value!r} is no verdict; see `sat-monitor tickets verdicts`") from error


def _day(value: object) -> str:
    """The day in Japan of a time of the form, ISO; times without a zone are UTC, as the form writes them."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise UsageError("E2001", f"visited_at {value!r} is no time") from error
    return japan_day(at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
