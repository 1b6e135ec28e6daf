"""A home with two sites and a ticket for tests of work on tickets; every number is stated in store_world."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sat_monitor.casework import CaseDesk, Hand
from sat_monitor.core.casework import Case, CaseStep
from sat_monitor.core.domain import Site
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import Move
from tests.store_world import AOI, NOW, MovingClock, night, opened, site

HAND = Hand("Sato Hanako", "seen from the public road")
#: A straight line through the table, from the candidate to the end.
LINE: tuple[tuple[CaseStep, dict[str, Any]], ...] = (
    (CaseStep.DESK_CHECK, {}),
    (CaseStep.REQUEST_IMAGE, {"image": ["2025-07-02", "2025-07-20"]}),
    (CaseStep.ISSUE, {}),
    (CaseStep.ASSIGN, {"assignee": "Suzuki Ichiro"}),
    (CaseStep.INSPECT, {"inspected_on": "2025-07-10"}),
    (CaseStep.VERDICT, {"verdict": "improper_fill_suspected"}),
    (CaseStep.RECOMMEND, {}),
    (CaseStep.ORDER, {}),
    (CaseStep.CORRECT, {}),
    (CaseStep.CLOSE, {}),
)


@contextmanager
def desk(path: Path, clock: MovingClock | None = None) -> Iterator[CaseDesk]:
    """The desk of a database after a night; AOI `tama` ships with the project."""
    if not path.exists():
        night(path)
    with Store(path, clock or MovingClock(NOW + timedelta(hours=9))) as store:
        yield CaseDesk(store, AoiRegistry(path.parent / "aoi"))


def walked(at: CaseDesk, ident: str, until: CaseStep, hand: Hand = HAND) -> Case:
    """The case after the straight line up to and with a step."""
    case = None
    for step, details in LINE:
        case = at.step(ident, Move(step, details), hand)
        if step is until:
            break
    assert case is not None
    return case


def put_sites(path: Path, *sites: Site) -> None:
    """Make `sites` those of the area."""
    with opened(path) as (store, lease), store.transaction(lease) as transaction:
        transaction.put_sites(AOI, list(sites))


def far_site(number: int) -> Site:
    """A site of the watch list, each on ground of its own."""
    from shapely.affinity import translate

    one = site(f"far-{number:03}")
    return replace(one, outline=translate(one.outline, xoff=100.0 * number, yoff=-5000.0))
