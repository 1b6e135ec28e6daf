"""Which facts may leave the house: cases that people closed with a verdict that says something, and no person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from shapely.geometry.base import BaseGeometry

from sat_monitor.core.casework import IS_EARTHWORK, Case, CaseState, Verdict
from sat_monitor.core.clock import japan_day
from sat_monitor.core.grid import reproject
from sat_monitor.core.surroundings import Municipality
from sat_monitor.tickets.place import mesh_code


@dataclass(frozen=True, slots=True)
class ReleasedFact:
    """What people found at one place: nothing of who found it, who owns it or what was written.

    `outline` in lon/lat; `seen_on` is the UTC day by which the change was there; `mesh` is the 1 km mesh, None outside
    Japan; `municipality` None where no layer names it.
    """

    case_id: str
    aoi: str
    verdict: Verdict
    seen_on: date
    closed_on: date
    area_m2: float
    outline: BaseGeometry
    mesh: str | None
    municipality: Municipality | None
    simulated: bool

    @property
    def earthwork(self) -> bool:
        """Whether earth was moved there, lawfully or not."""
        return bool(IS_EARTHWORK[self.verdict])


def released_facts(
    cases: Iterable[Case],
    municipality_of: Callable[[Case], Municipality | None],
    simulated: frozenset[str],
) -> tuple[ReleasedFact, ...]:
    """The facts of the cases that may be released, by case id; `simulated` are the areas of simulated scenes."""
    released = (case for case in cases if is_releasable(case))
    facts = (_fact(case, municipality_of(case), case.aoi in simulated) for case in released)
    return tuple(sorted(facts, key=lambda fact: fact.case_id))


def is_releasable(case: Case) -> bool:
    """Whether a case is closed, was not taken up again, and its verdict says whether earth was moved.

    What was handed over to another authority is theirs to release.
    """
    told = case.verdict is not None and IS_EARTHWORK[case.verdict] is not None
    return case.state is CaseState.CLOSED and case.reopened_as is None and told


def _fact(case: Case, municipality: Municipality | None, simulated: bool) -> ReleasedFact:
    if case.verdict is None:
        raise ValueError(f"case {case.id} has no verdict")
    outline = reproject(case.outline, case.epsg, 4326)
    centre = outline.representative_point()
    return ReleasedFact(
        case_id=case.id,
        aoi=case.aoi,
        verdict=case.verdict,
        seen_on=case.seen_on,
        closed_on=japan_day(case.changed_at),
        area_m2=float(case.outline.area),
        outline=outline,
        mesh=mesh_code(centre.x, centre.y),
        municipality=municipality,
        simulated=simulated,
    )
