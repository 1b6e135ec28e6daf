"""Work on a ticket: the table, what a step needs, who is told, and rows that the events explain."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import fields
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from sat_monitor.casework import CaseDesk, Hand
from sat_monitor.core.casework import (
    IS_EARTHWORK,
    Case,
    CaseState,
    CaseStep,
    Origin,
    Verdict,
    case_from_plain,
    case_to_plain,
)
from sat_monitor.core.errors import CaseError, StoreError, TicketError
from sat_monitor.core.home import Home
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.store.ledger import canonical_json
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import BEGINS, STEP_TO, TRANSITIONS, Move, allowed, replay
from sat_monitor.tickets.words import LANGUAGES, load_case_words
from tests.case_world import HAND, LINE, desk, walked
from tests.store_world import AOI, MovingClock, dump, execute, night, opened, site, ticket
from tests.ticket_world import HOSTILE

TICKET = "ticket-1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sat_monitor.db"
    night(path)
    return path


def test_every_state_has_a_way_in_and_every_state_but_the_ends_a_way_on() -> None:
    assert set(STEP_TO) | set(BEGINS.values()) == set(CaseState)
    assert {row.step for row in TRANSITIONS} == set(CaseStep)
    assert [state for state in CaseState if not set(allowed(state)) - {CaseStep.REOPEN}] == [
        CaseState.CLOSED,
        CaseState.HANDED_OVER,
    ]
    pairs = [(row.step, state) for row in TRANSITIONS for state in row.begins]
    assert len(pairs) == len(set(pairs))


def test_every_state_can_be_reached_from_the_candidate_and_ended() -> None:
    ways = {(state, row.ends or state) for row in TRANSITIONS for state in row.begins}

    def reached(start: CaseState) -> set[CaseState]:
        known, queue = {start}, deque([start])
        while queue:
            here = queue.popleft()
            new = {b for a, b in ways if a is here} - known
            known |= new
            queue.extend(new)
        return known

    assert reached(CaseState.CANDIDATE) == set(CaseState)
    assert all(CaseState.CLOSED in reached(s) for s in CaseState if s is not CaseState.HANDED_OVER)


def test_every_code_has_words_in_both_languages_and_every_verdict_says_what_it_means() -> None:
    for lang in LANGUAGES:
        words = load_case_words(lang)
        assert set(words.section("state")) == {s.value for s in CaseState}
        assert set(words.section("step")) == {s.value for s in CaseStep} | {"opened"}
        assert set(words.section("verdict")) == {v.value for v in Verdict}
        assert set(words.section("origin")) == {o.value for o in Origin}
    assert set(IS_EARTHWORK) == set(Verdict)
    assert IS_EARTHWORK[Verdict.COULD_NOT_REACH] is None is IS_EARTHWORK[Verdict.COULD_NOT_SEE]


def test_a_case_goes_the_whole_way_and_every_step_is_an_event_with_actor_and_reason(path: Path) -> None:
    with desk(path) as at:
        case = walked(at, TICKET, CaseStep.CLOSE)
        history = list(at.history(case))
        assert at.words(case.assignee) == "Suzuki Ichiro"
    assert (case.id, case.state, case.origin, case.chance) == (TICKET, CaseState.CLOSED, Origin.RANKED, 1.0)
    assert case.verdict is Verdict.IMPROPER_FILL_SUSPECTED and case.version == 1 + len(LINE)
    assert [one.step for one in history] == ["opened", *(step.value for step, _ in LINE)]
    assert {(one.by, one.reason) for one in history} == {(HAND.actor, HAND.reason)}


def test_a_case_comes_back_from_its_plain_form_with_every_field(path: Path) -> None:
    with desk(path) as at:
        case = walked(at, TICKET, CaseStep.VERDICT)
    plain = case_to_plain(case)
    assert plain.keys() == {field.name for field in fields(Case)}
    assert case_from_plain(json.loads(canonical_json(plain))) == case


@pytest.mark.parametrize("step", [s for s in CaseStep if s is not CaseStep.DESK_CHECK])
def test_a_step_that_the_table_does_not_allow_is_refused_and_leaves_nothing(path: Path, step: CaseStep) -> None:
    before = dump(path)
    with desk(path) as at, pytest.raises(CaseError, match=rf"E1810.*{step} of {TICKET} in state candidate.*desk-check"):
        at.step(TICKET, Move(step, {}), HAND)
    assert dump(path) == before


@pytest.mark.parametrize(
    ("until", "move"),
    [
        (CaseStep.ISSUE, Move(CaseStep.ASSIGN, {})),
        (CaseStep.ISSUE, Move(CaseStep.ASSIGN, {"assignee": " \r\n\x00"})),
        (CaseStep.ASSIGN, Move(CaseStep.INSPECT, {"inspected_on": "the tenth"})),
        (CaseStep.INSPECT, Move(CaseStep.RECOMMEND, {})),
        (CaseStep.INSPECT, Move(CaseStep.CLOSE, {})),
        (CaseStep.INSPECT, Move(CaseStep.VERDICT, {"verdict": "guilty"})),
        (CaseStep.DESK_CHECK, Move(CaseStep.REQUEST_IMAGE, {"image": ["2025-07-02", "2025-07-01"]})),
        (CaseStep.DESK_CHECK, Move(CaseStep.ISSUE, {"verdict": "natural"})),
    ],
)
def test_a_step_without_what_it_needs_is_refused(path: Path, until: CaseStep, move: Move) -> None:
    with desk(path) as at:
        case = walked(at, TICKET, until)
        with pytest.raises(CaseError, match="E1812"):
            at.step(TICKET, move, HAND)
        assert at.find(TICKET) == case


@pytest.mark.parametrize("hand", [Hand("", "why"), Hand("who", "\u202e\x00 ")])
def test_nobody_acts_without_a_name_and_a_reason(path: Path, hand: Hand) -> None:
    before = dump(path)
    with desk(path) as at, pytest.raises(CaseError, match="E1812"):
        at.step(TICKET, Move(CaseStep.DESK_CHECK, {}), hand)
    assert dump(path) == before


def test_only_a_verdict_that_asks_for_it_leads_to_a_recommendation(path: Path) -> None:
    with desk(path) as at:
        walked(at, TICKET, CaseStep.INSPECT)
        for code in Verdict:
            at.step(TICKET, Move(CaseStep.VERDICT, {"verdict": code.value}), HAND)
            if code in (Verdict.IMPROPER_FILL_SUSPECTED, Verdict.BEYOND_PERMIT):
                continue
            with pytest.raises(CaseError, match="E1812"):
                at.step(TICKET, Move(CaseStep.RECOMMEND, {}), HAND)


def test_the_desk_closes_what_it_can_explain_and_not_what_somebody_must_put_right(path: Path) -> None:
    with desk(path) as at:
        walked(at, TICKET, CaseStep.DESK_CHECK)
        at.step(TICKET, Move(CaseStep.VERDICT, {"verdict": "permitted_beyond_scope"}), HAND)
        with pytest.raises(CaseError, match="E1812"):
            at.step(TICKET, Move(CaseStep.CLOSE, {}), HAND)
        at.step(TICKET, Move(CaseStep.VERDICT, {"verdict": "public_works"}), HAND)
        assert at.step(TICKET, Move(CaseStep.CLOSE, {}), HAND).state is CaseState.CLOSED


def test_a_place_that_could_not_be_reached_is_visited_again(path: Path) -> None:
    with desk(path) as at:
        walked(at, TICKET, CaseStep.INSPECT)
        at.step(TICKET, Move(CaseStep.VERDICT, {"verdict": "could_not_reach"}), HAND)
        again = at.step(TICKET, Move(CaseStep.ASSIGN, {"assignee": "Tanaka"}), HAND)
        assert again.state is CaseState.ASSIGNED
        assert at.step(TICKET, Move(CaseStep.INSPECT, {"inspected_on": "2025-07-20"}), HAND).verdict


def test_an_ended_case_is_taken_up_once_as_a_new_one_that_knows_the_old_one(path: Path) -> None:
    with desk(path) as at:
        walked(at, TICKET, CaseStep.DESK_CHECK)
        ended = at.step(TICKET, Move(CaseStep.HAND_OVER, {"authority": "Hachioji City"}), HAND)
        assert at.words(ended.authority) == "Hachioji City"
        new = at.reopen(TICKET, HAND)
        old = at.find(TICKET)
        assert old is not None and old.state is CaseState.HANDED_OVER and old.reopened_as == new.id != old.id
        assert (new.reopens, new.origin, new.state) == (old.id, Origin.REOPENED, CaseState.DESK_CHECK)
        assert new.outline == old.outline and new.verdict is None
        with pytest.raises(CaseError, match=r"E1812.*already taken up"):
            at.reopen(TICKET, HAND)


def test_one_site_has_one_open_case_whichever_name_it_is_called_by(path: Path) -> None:
    with desk(path) as at:
        by_ticket = at.step(TICKET, Move(CaseStep.DESK_CHECK, {}), HAND)
        assert at.step("site-1", Move(CaseStep.ISSUE, {}), HAND).id == by_ticket.id
        watched = at.step("site-2", Move(CaseStep.DESK_CHECK, {}), HAND)
        assert watched.id not in (TICKET, "site-2") and watched.site_id == "site-2"
        with pytest.raises(TicketError, match="E1801"):
            at.step("nowhere", Move(CaseStep.DESK_CHECK, {}), HAND)


def test_who_looked_at_an_older_version_is_told(path: Path) -> None:
    with desk(path) as at:
        with pytest.raises(CaseError, match="E1811"):
            at.step(TICKET, Move(CaseStep.DESK_CHECK, {}), HAND, seen=1)
        first = at.step(TICKET, Move(CaseStep.DESK_CHECK, {}), HAND, seen=0)
        at.step(TICKET, Move(CaseStep.ISSUE, {}), HAND, seen=first.version)
        with pytest.raises(CaseError, match=r"E1811.*version 3, you looked at 2"):
            at.step(TICKET, Move(CaseStep.HAND_OVER, {"authority": "x"}), HAND, seen=first.version)


def test_of_two_people_at_once_one_is_told_and_the_other_kept(path: Path) -> None:
    with desk(path) as at:
        looked_at = walked(at, TICKET, CaseStep.ISSUE).version
    ready, outcomes = threading.Barrier(2), []

    def act(name: str) -> None:
        with Store(path, MovingClock()) as store:
            own = CaseDesk(store, AoiRegistry(path.parent))
            ready.wait()
            try:
                move = Move(CaseStep.ASSIGN, {"assignee": name})
                outcomes.append(own.words(own.step(TICKET, move, Hand(name, "mine"), looked_at).assignee))
            except CaseError as error:
                outcomes.append(error.code)

    people = [threading.Thread(target=act, args=(name,)) for name in ("Sato", "Suzuki")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert "E1811" in outcomes and {"Sato", "Suzuki"} & set(outcomes)
    with desk(path) as at:
        case = at.find(TICKET)
        assert case is not None and case.version == looked_at + 1 and at.words(case.assignee) in outcomes
    assert verify(Home(path.parent)).ok


def test_people_work_while_a_night_holds_the_lease(path: Path) -> None:
    with opened(path) as (store, lease), desk(path) as at:
        at.step(TICKET, Move(CaseStep.DESK_CHECK, {}), HAND)
        with store.transaction(lease) as transaction:
            transaction.put_sites(AOI, [site()])
    assert verify(Home(path.parent)).ok


def test_a_ticket_that_somebody_works_on_is_withdrawn_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "sat_monitor.db"
    with opened(path) as (store, lease), store.transaction(lease) as transaction:
        transaction.put_sites(AOI, [site()])
        transaction.put_tickets(AOI, [ticket(), ticket("ticket-2")])
    with desk(path) as at:
        at.step(TICKET, Move(CaseStep.DESK_CHECK, {}), HAND)
    with opened(path) as (store, lease):
        with store.transaction(lease) as transaction:
            transaction.put_tickets(AOI, [])
        assert [t.id for t in store.tickets() if t.withdrawn_reason] == [TICKET]
        assert len(store.tickets()) == 1


def test_the_events_alone_give_the_rows(path: Path) -> None:
    with desk(path) as at:
        walked(at, TICKET, CaseStep.CLOSE)
        walked(at, "site-2", CaseStep.ASSIGN)
        at.reopen(TICKET, HAND)
        rows = at.cases()
    with Store(path, MovingClock(), read_only=True) as store:
        told = replay(store.events())
        assert sorted(told.values(), key=lambda case: case.id) == rows and len(rows) == 3


def test_names_reasons_and_offices_are_in_no_event_and_can_be_erased(path: Path) -> None:
    with desk(path) as at:
        case = walked(at, TICKET, CaseStep.ASSIGN, Hand("Sato Hanako", "the neighbour Mr Yamada called"))
    with Store(path, MovingClock()) as store:
        bodies = "".join(event.body for event in store.events())
        assert not [w for w in ("Sato", "Yamada", "Suzuki") if w in bodies or w in canonical_json(case_to_plain(case))]
        assert case.assignee is not None
        with store.casework() as writing:
            assert writing.forget_person(case.assignee)
    with desk(path) as at:
        assert at.words(case.assignee) is None and at.find(TICKET) == case
    assert verify(Home(path.parent)).ok


def test_hostile_text_is_neutral_wherever_it_is_typed(path: Path) -> None:
    hand = Hand(HOSTILE, HOSTILE + "x" * 1_000_000)
    with desk(path) as at:
        case = walked(at, TICKET, CaseStep.ISSUE, hand)
        case = at.step(TICKET, Move(CaseStep.ASSIGN, {"assignee": HOSTILE}), hand)
        texts = [at.words(case.assignee), *(t for one in at.history(case) for t in (one.by, one.reason))]
    for text in texts:
        assert text and len(text) <= 4000
        assert not set(text) & set("\x00\r\n\u202e\u200f\ud800")
        text.encode()


def test_a_row_changed_behind_the_stores_back_is_found(path: Path) -> None:
    with desk(path) as at:
        walked(at, TICKET, CaseStep.ISSUE)
    assert verify(Home(path.parent)).ok and verify(Home(path.parent)).cases == 1
    execute(path, "UPDATE cases SET plain = replace(plain, 'field_ticket', 'closed')")
    report = verify(Home(path.parent))
    assert not report.ok and any(TICKET in line for line in report.lines())
    execute(path, "DELETE FROM cases")
    assert not verify(Home(path.parent)).ok


def test_a_reader_cannot_write(path: Path) -> None:
    with Store(path, MovingClock(), read_only=True) as store, pytest.raises(StoreError):
        CaseDesk(store, AoiRegistry(path.parent)).step(TICKET, Move(CaseStep.DESK_CHECK, {}), HAND)
