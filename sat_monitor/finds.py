"""Finds of patrols and citizens: places that people told of, taken in as cases, so that what was missed is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.geometry.base import BaseGeometry

from sat_monitor.casework import CaseDesk, Hand, case_id
from sat_monitor.core.casework import Case, Origin, Verdict
from sat_monitor.core.domain import AOI
from sat_monitor.core.errors import UsageError
from sat_monitor.evaluate.truth import day_of, placed, read_rows
from sat_monitor.tickets.case import Ground, found_case, new_case

_BY = {"patrol": Origin.PATROL, "巡回": Origin.PATROL, "citizen": Origin.CITIZEN, "通報": Origin.CITIZEN}
_FOUND = ("found_on", "first_seen_on")


@dataclass(frozen=True, slots=True)
class Finds:
    """What an import brought: the new cases, and how many rows were known already or lie in other areas."""

    opened: tuple[Case, ...]
    known: int
    elsewhere: int

    @property
    def lines(self) -> list[str]:
        """The import as people read it."""
        judged = sum(case.verdict is not None for case in self.opened)
        return [
            f"{len(self.opened)} finds taken in, {judged} of them with a verdict; {len(self.opened) - judged} wait for the desk",
            f"{self.known} known before, {self.elsewhere} of other areas",
        ]


def import_finds(desk: CaseDesk, path: Path, aoi: AOI, hand: Hand) -> Finds:
    """Take in the finds of a file that lie in an area; a row that was taken in before changes nothing.

    CSV with lon and lat (and radius_m), or GeoJSON, in EPSG:4326, with `id`, `found_on` and `by` (patrol or citizen);
    optional `verdict` (a code of `Verdict`: the place was inspected on that day) and `aoi`. Free text and names in
    other columns are not read. All rows are read before the first is written. Raises UsageError E2002, E2004.
    """
    rows, elsewhere = [], 0
    for number, (row, outline) in enumerate(read_rows(path), start=1):
        if row.get("aoi") in (None, "", aoi.id):
            # The office's own number of a find is typed text like its reason: kept apart, to be found and erased there.
            said = Hand(hand.actor, f"{row.get('id')}: {hand.reason}")
            rows.append((_find(f"{path.name}, entry {number}", row, outline, aoi), said))
        else:
            elsewhere += 1
    opened = [desk.open(case, said) for case, said in rows]
    new = tuple(case for case in opened if case is not None)
    return Finds(new, len(rows) - len(new), elsewhere)


def _find(where: str, row: Mapping[str, Any], outline: BaseGeometry, aoi: AOI) -> Case:
    name, by, word = (str(row.get(key) or "").strip() for key in ("id", "by", "verdict"))
    if not name:
        raise UsageError("E2004", f"{where}: no id")
    if by not in _BY:
        raise UsageError("E2004", f"{where}: by {by!r}; known are {', '.join(_BY)}")
    found_on = day_of(where, row, _FOUND)
    if found_on is None:
        raise UsageError("E2004", f"{where}: no found_on")
    if word and word not in set(Verdict):
        raise UsageError("E2004", f"{where}: verdict {word!r}; known are {', '.join(Verdict)}")
    ground = Ground(aoi.id, aoi.grid.epsg, placed(where, row, outline, aoi.grid.epsg), found_on)
    identity = case_id("find", aoi.id, name)
    return found_case(identity, _BY[by], ground, Verdict(word)) if word else new_case(identity, _BY[by], ground)
