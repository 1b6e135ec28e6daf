"""No sequence of steps leaves the table, and the events alone give the rows."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from shapely.geometry import box

from sat_monitor.casework import CaseDesk
from sat_monitor.core.casework import Case, CaseState, CaseStep, Origin, Verdict
from sat_monitor.core.errors import CaseError
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import TRANSITIONS, Ground, Move, allowed, new_case, replay, take
from tests.case_world import HAND
from tests.store_world import MovingClock, night

AT = datetime(2025, 7, 2, tzinfo=UTC)
days = st.dates(date(2025, 1, 1), date(2025, 12, 31)).map(date.isoformat)
DETAILS: dict[str, st.SearchStrategy[Any]] = {
    "image": st.tuples(days, days).map(list),
    "assignee": st.text(max_size=5),
    "inspected_on": days | st.text(max_size=5),
    "verdict": st.sampled_from([v.value for v in Verdict]) | st.text(max_size=5),
    "photo": st.just("a" * 64),
    "authority": st.text(max_size=5),
    "reopened_as": st.just("0123456789ab"),
}


@st.composite
def moves(draw: st.DrawFn) -> Move:
    """A step, mostly with what its row asks for, sometimes with anything."""
    step = draw(st.sampled_from(CaseStep))
    asked = next(row.details for row in TRANSITIONS if row.step is step)
    names = draw(st.just(asked) | st.lists(st.sampled_from(sorted(DETAILS)), unique=True, max_size=2).map(tuple))
    return Move(step, {name: draw(DETAILS[name]) for name in names})


def fresh() -> Case:
    return new_case("c", Origin.RANKED, Ground("tama", 32654, box(0, 0, 30, 30), date(2025, 1, 1)))


@settings(max_examples=300, deadline=None)
@given(st.lists(moves(), max_size=40))
def test_no_sequence_of_steps_leaves_the_states_and_ways_of_the_table(sequence: list[Move]) -> None:
    case, ways = fresh(), {(r.step, s): r.ends or s for r in TRANSITIONS for s in r.begins}
    for move in sequence:
        try:
            after = take(case, move, AT)
        except CaseError:
            continue
        assert after.state is ways[(move.step, case.state)] and after.version == case.version + 1
        assert after.state in CaseState and move.step in allowed(case.state)
        if after.state in (CaseState.RECOMMENDED, CaseState.ORDERED, CaseState.CORRECTED):
            assert after.verdict in (Verdict.IMPROPER_FILL_SUSPECTED, Verdict.BEYOND_PERMIT)
            assert after.inspected_on is not None
        if after.state is CaseState.CLOSED:
            assert after.verdict is not None
        case = after


class Desks(RuleBasedStateMachine):
    """Two people at one database, each with a connection of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        night(self.folder / "db", range(1, 2))
        self.stores = [Store(self.folder / "db", MovingClock()).__enter__() for _ in range(2)]
        self.desks = [CaseDesk(store, AoiRegistry(self.folder)) for store in self.stores]

    def teardown(self) -> None:
        for store in self.stores:
            store.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @rule(
        who=st.integers(0, 1),
        ident=st.sampled_from(["ticket-1", "site-2"]),
        move=moves(),
        seen=st.none() | st.integers(0, 9),
    )
    def step(self, who: int, ident: str, move: Move, seen: int | None) -> None:
        before = self.desks[who].find(ident)
        try:
            after = self.desks[who].step(ident, move, HAND, seen)
        except CaseError as error:
            assert error.code in ("E1810", "E1811", "E1812")
            assert self.desks[1 - who].find(ident) == before
            return
        assert seen in (None, 0 if before is None else before.version)
        assert self.desks[1 - who].find(ident) in (after, None) or after.ended

    @invariant()
    def events_give_rows(self) -> None:
        told = replay(self.stores[0].events())
        assert sorted(told.values(), key=lambda case: case.id) == self.stores[1].cases()


TestDesks = Desks.TestCase
TestDesks.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
