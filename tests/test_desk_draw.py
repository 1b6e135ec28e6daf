"""The random desk checks: repeatable, nested, with the probability that they state; and the labels that come of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom
from shapely.geometry import box

from sat_monitor.audit import verify
from sat_monitor.casework import CaseDesk
from sat_monitor.core.casework import CaseState, CaseStep, Origin, Verdict
from sat_monitor.core.domain import AOI
from sat_monitor.core.grid import Grid
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.desk_draw import DeskDraw, draw_desk_checks
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import Move
from sat_monitor.tickets.desk_sample import cell_outline, draw, quiet_cells, random_number_due
from sat_monitor.tickets.labels import Label, labels_of, ranked_sites
from tests.case_world import HAND, desk, far_site, put_sites, walked
from tests.store_world import AOI as NAME
from tests.store_world import MovingClock, night, site

NAMES = [f"u{number}" for number in range(40)]
GRID = Grid(32654, 340_000.0, 3_950_000.0, 10.0, 95, 120)


def test_every_unit_is_drawn_with_the_stated_probability() -> None:
    trials, number = 4000, 6
    counts = dict.fromkeys(NAMES, 0)
    for seed in range(trials):
        one = draw(NAMES, number, seed, "tama")
        assert one.chance == number / len(NAMES) and len(set(one.drawn)) == number
        for name in one.drawn:
            counts[name] += 1
    low, high = binom.ppf([1e-5, 1 - 1e-5], trials, number / len(NAMES))
    assert all(low <= count <= high for count in counts.values())


def test_a_draw_is_repeatable_whatever_the_order_and_a_larger_one_holds_it() -> None:
    small, large = draw(NAMES, 5, 7, "tama"), draw(reversed(NAMES), 9, 7, "tama")
    assert draw(reversed(NAMES), 5, 7, "tama") == small
    assert large.drawn[:5] == small.drawn
    assert draw(NAMES, 5, 8, "tama") != small != draw(NAMES, 5, 7, "oshima")
    assert draw(NAMES, 99, 7, "tama").chance == 1.0 and draw([], 3, 7, "tama").chance == 0.0


@pytest.mark.parametrize(
    ("ranked", "share", "due"), [(0, 0.1, 0), (1, 0.1, 1), (9, 0.1, 1), (10, 0.1, 2), (90, 0.1, 10), (50, 0.0, 0)]
)
def test_the_draw_is_its_share_of_all_desk_checks(ranked: int, share: float, due: int) -> None:
    assert random_number_due(ranked, share) == due
    assert due >= share * (ranked + due) > due - 1


def test_quiet_cells_are_whole_watched_and_touched_by_no_site() -> None:
    watched = np.ones(GRID.shape, bool)
    watched[:10] = False
    watched[15, 15] = False
    touched = box(*GRID.to_metres(35.2, 45.1), *GRID.to_metres(34.8, 45.3))
    cells = quiet_cells(GRID, watched, [touched], 100.0)
    assert len(cells) == 9 * 12 - 12 - 1 - 1
    assert not {"quiet-10-0-0", "quiet-10-1-1", "quiet-10-3-4"} & set(cells)
    outline = cell_outline(GRID, "quiet-10-3-5")
    assert outline.area == 10_000.0 and outline.bounds == (340_500.0, 3_949_600.0, 340_600.0, 3_949_700.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A home with twenty sites of the watch list and two more, of which one has a delivered ticket."""
    path = tmp_path / "sat_monitor.db"
    night(path)
    put_sites(path, site(), site("site-2"), *(far_site(number) for number in range(20)))
    return path


def area() -> AOI:
    """The area around the sites of the store's world, 4 km wide."""
    grid = Grid(32654, 338_500.0, 3_951_000.0, 10.0, 800, 400)
    return AOI(NAME, "多摩", "Tama", grid.footprint_lonlat, grid)


def drawn(path: Path, share: float = 0.1, seed: int = 1) -> DeskDraw:
    profile = Profile.model_validate({"cases": {"random_share": share, "seed": seed}})
    with Store(path, MovingClock()) as store:
        return draw_desk_checks(store, MovingClock(), area(), profile, HAND)


def labels(path: Path) -> dict[str, Label]:
    with Store(path, MovingClock(), read_only=True) as store:
        cases, tickets = store.cases(), store.tickets()
        by_rank = ranked_sites(cases, tickets, store.events())
        return {label.case_id: label for label in labels_of(cases, store.events(), by_rank)}


def close(at: CaseDesk, case_id: str, verdict: Verdict) -> None:
    at.step(case_id, Move(CaseStep.VERDICT, {"verdict": verdict.value}), HAND)
    at.step(case_id, Move(CaseStep.CLOSE, {}), HAND)


def ranked_checks(path: Path, number: int) -> None:
    with desk(path) as at:
        for one in range(number):
            walked(at, f"far-{one:03}", CaseStep.DESK_CHECK)


def test_before_any_desk_check_nothing_is_due_and_nothing_is_written(path: Path) -> None:
    before = path.read_bytes()
    assert drawn(path).opened == ()
    assert path.read_bytes() == before


def test_a_tenth_of_the_desk_checks_is_drawn_from_what_nobody_chose(path: Path) -> None:
    ranked_checks(path, 10)
    found = drawn(path, 0.3)
    assert found.ranked == 10 and len(found.opened) == 5
    origins = [case.origin for case in found.opened]
    assert (origins.count(Origin.LOW_RANK), origins.count(Origin.QUIET)) == (3, 2)
    # 22 sites less 10 chosen and one whose ticket was delivered.
    assert found.low_rank.units == 11 and found.quiet.units > 2000
    for case in found.opened:
        assert case.state is CaseState.DESK_CHECK
        assert case.chance == (3 / 11 if case.origin is Origin.LOW_RANK else 2 / found.quiet.units)
        assert case.site_id not in {"site-1", *(f"far-{n:03}" for n in range(10))}
    assert verify(Home(path.parent)).ok


def test_a_second_draw_of_the_same_desk_changes_nothing_and_a_larger_one_adds(path: Path) -> None:
    ranked_checks(path, 10)
    first = drawn(path, 0.3)
    assert drawn(path, 0.3).opened == ()
    more = drawn(path, 0.5)
    assert len(more.opened) == 5 and set(more.low_rank.drawn) > set(first.low_rank.drawn)


def test_the_history_tells_how_to_repeat_a_draw(path: Path) -> None:
    ranked_checks(path, 10)
    found = drawn(path, 0.3)
    with Store(path, MovingClock(), read_only=True) as store:
        [body] = [json.loads(event.body) for event in store.events(family="desk.drawn")]
        sites = [s.id for s in store.sites(NAME)]
    lower = [name for name in sites if name not in {"site-1", *(f"far-{n:03}" for n in range(10))}]
    assert body["low_rank"]["of"] == len(lower)
    again = draw(lower, len(body["low_rank"]["drawn"]), body["seed"], body["aoi"])
    assert list(again.drawn) == body["low_rank"]["drawn"] == list(found.low_rank.drawn)
    assert HAND.actor not in json.dumps(body)


def test_a_label_has_the_chance_of_the_largest_draw_since(path: Path) -> None:
    ranked_checks(path, 10)
    first = drawn(path, 0.3)
    with desk(path) as at:
        for case in first.opened:
            close(at, case.id, Verdict.NOTHING_FOUND)
        close(at, "far-000", Verdict.PUBLIC_WORKS)
    before = labels(path)
    more = drawn(path, 0.5)
    after = labels(path)
    assert set(before) == set(after) and len(after) == 6
    for case in first.opened:
        draw_before, draw_after = ((d.low_rank if case.origin is Origin.LOW_RANK else d.quiet) for d in (first, more))
        assert before[case.id].chance == draw_before.chance < after[case.id].chance == draw_after.chance
        assert after[case.id].is_earthwork is False
    by_rank = next(label for label in after.values() if label.site_id == "far-000")
    assert by_rank.chance == 1.0 and by_rank.is_earthwork is True


def test_weights_of_a_drawn_stratum_add_up_to_its_size(path: Path) -> None:
    ranked_checks(path, 10)
    found = drawn(path, 0.5)
    with desk(path) as at:
        for case in found.opened:
            close(at, case.id, Verdict.NATURAL)
    for origin, units in ((Origin.LOW_RANK, found.low_rank.units), (Origin.QUIET, found.quiet.units)):
        assert sum(1 / label.chance for label in labels(path).values() if label.origin is origin) == pytest.approx(
            units
        )


def test_drawn_ground_whose_ticket_is_delivered_later_has_chance_one(path: Path) -> None:
    ranked_checks(path, 10)
    found = drawn(path, 0.3)
    case = next(case for case in found.opened if case.origin is Origin.LOW_RANK)
    with desk(path) as at:
        close(at, case.id, Verdict.BELOW_SIZE)
        assert labels(path)[case.id].chance < 1.0
        walked(at, str(case.site_id), CaseStep.DESK_CHECK)
    assert labels(path)[case.id].chance == 1.0


def test_a_first_guess_is_no_label_and_who_could_not_tell_does_not_hide_who_could(path: Path) -> None:
    with desk(path) as at:
        case = walked(at, "ticket-1", CaseStep.DESK_CHECK)
        at.step(case.id, Move(CaseStep.VERDICT, {"verdict": "agriculture"}), HAND)
        assert labels(path) == {}
        close(at, case.id, Verdict.AGRICULTURE)
        again = at.reopen(case.id, HAND)
        close(at, again.id, Verdict.COULD_NOT_SEE)
        [label] = labels(path).values()
        assert label.verdict is Verdict.AGRICULTURE
        third = at.reopen(again.id, HAND)
        close(at, third.id, Verdict.PUBLIC_WORKS)
        [label] = labels(path).values()
        assert label.verdict is Verdict.PUBLIC_WORKS and label.is_earthwork


def test_the_areas_of_the_project_have_quiet_ground(tmp_path: Path) -> None:
    from sat_monitor.imagery.aois import detection_mask

    aoi = AoiRegistry(tmp_path).get("hachijo")
    cells = quiet_cells(aoi.grid, detection_mask(aoi, 500.0), [], 100.0)
    assert 5_000 < len(cells) < 20_000 and len(set(cells)) == len(cells)


def test_a_site_that_was_merged_is_not_drawn(path: Path) -> None:
    put_sites(path, *(replace(far_site(n), merged_into="far-000" if n else None) for n in range(20)))
    with desk(path) as at:
        walked(at, "far-000", CaseStep.DESK_CHECK)
    assert drawn(path, 0.5).low_rank.units == 0
