"""A disk that fails and a process that dies at a durable system call: the next night ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.fault_night import Scenario, State, check_recovered, scenario, state_of
from tests.faults.syscalls import FAULTS, Point, counting, counts, injecting, points, refusal

#: The soak's points come in so many parts, so that several workers share them.
PARTS = 10


@dataclass(frozen=True)
class Bench:
    """The scenario, the state after an undisturbed night, and how often it made each call."""

    scenario: Scenario
    expected: State
    found: dict[str, int]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    if (why := refusal()) is not None:
        pytest.skip(why)
    root = tmp_path_factory.mktemp("syscalls")
    with scenario(root) as made:
        # The first run fills every cache; the second is counted.
        made.run(made.copy(root / "warm"))
        home = made.copy(root / "undisturbed")
        assert made.run(home, *counting(root / "calls.log")) == 0
        yield Bench(made, state_of(home), counts(root / "calls.log"))


def trial(bench: Bench, folder: Path, point: Point, fault: str) -> str:
    """What is wrong after one refused call and one good night; empty where nothing is."""
    home = bench.scenario.copy(folder / "home")
    bench.scenario.run(home, *injecting(point, fault))
    different = check_recovered(bench.scenario, home, bench.expected)
    return f"{fault} at {point}: {different}" if different else ""


def test_the_night_under_test_writes_renames_and_syncs(bench: Bench) -> None:
    assert bench.found["fsync"] > 5 and bench.found["pwrite64"] + bench.found["write"] > 20
    assert bench.found["rename"] + bench.found["renameat"] + bench.found["renameat2"] > 3
    assert not bench.expected.stray and len(bench.expected.events) > 5


def test_points_are_spread_evenly_and_are_not_too_many() -> None:
    found = {"write": 900, "fsync": 40, "rename": 3, "unlink": 0}
    chosen = points(found, 50)
    assert len(chosen) <= 50 and {p.call for p in chosen} == {"write", "fsync", "rename"}
    whens = [p.when for p in chosen if p.call == "write"]
    assert whens[0] == 1 and whens[-1] == 900 and max(b - a for a, b in pairwise(whens)) < 30


@pytest.mark.slow
@pytest.mark.parametrize("call", ["fsync", "write"])
@pytest.mark.parametrize("fault", FAULTS)
def test_one_refused_call_of_each_kind(bench: Bench, tmp_path: Path, fault: str, call: str) -> None:
    assert trial(bench, tmp_path, Point(call, bench.found[call] // 2), fault) == ""


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("fault", FAULTS)
def test_every_refused_call(bench: Bench, tmp_path: Path, fault: str, part: int) -> None:
    wrong = [trial(bench, tmp_path, point, fault) for point in points(bench.found)[part::PARTS]]
    assert [text for text in wrong if text] == []
