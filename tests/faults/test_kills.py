"""kill -9 at any moment of a night that fetches: the next night ends as if it had never happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from tests.faults.fault_night import ROOT, Scenario, State, check_recovered, environment, scenario, state_of

#: The soak's moments come in so many parts, so that several workers share them.
MOMENTS, PARTS = 60, 6


@dataclass(frozen=True)
class Bench:
    """The scenario, the state after an undisturbed night, and how long one takes, seconds."""

    scenario: Scenario
    expected: State
    lasts_s: float


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp("kills")
    with scenario(root) as made:
        made.run(made.copy(root / "warm"))
        home = made.copy(root / "undisturbed")
        begun = time.monotonic()
        assert made.run(home) == 0
        yield Bench(made, state_of(home), time.monotonic() - begun)


def killed(bench: Bench, folder: Path, after_s: float) -> str:
    """Kill a night after so many seconds; what is wrong after the next one, empty where nothing is."""
    home = bench.scenario.copy(folder / "home")
    process = subprocess.Popen(
        bench.scenario.command(home), cwd=ROOT, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        code = process.wait(after_s)
        assert code == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
    assert verify(home).ok
    different = check_recovered(bench.scenario, home, bench.expected)
    return f"after {after_s:.2f} s: {different}" if different else ""


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.55, 0.75, 0.92])
def test_a_night_that_was_killed_leaves_no_trace(bench: Bench, tmp_path: Path, share: float) -> None:
    assert killed(bench, tmp_path, share * bench.lasts_s) == ""


@pytest.mark.slow
def test_a_night_that_is_killed_again_and_again_ends_as_if_it_had_not_been(bench: Bench, tmp_path: Path) -> None:
    home = bench.scenario.copy(tmp_path / "home")
    draw = random.Random(4)
    for _ in range(3):
        process = subprocess.Popen(
            bench.scenario.command(home), cwd=ROOT, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(draw.uniform(0.4, 0.9) * bench.lasts_s)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        assert verify(home).ok
    assert check_recovered(bench.scenario, home, bench.expected) == ""


def test_two_nights_at_once_are_one_night(bench: Bench, tmp_path: Path) -> None:
    home = bench.scenario.copy(tmp_path / "home")
    command = bench.scenario.command(home)
    both = [
        subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[1].decode() for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes
    assert all(code == 0 or "E1701" in text or "E1705" in text for code, text in zip(codes, told, strict=True))
    assert check_recovered(bench.scenario, home, bench.expected) == ""


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_sixty_random_moments(bench: Bench, tmp_path: Path, part: int) -> None:
    draw = random.Random(1000)
    moments = [draw.uniform(0.3, 1.0) * bench.lasts_s for _ in range(MOMENTS)]
    wrong = [killed(bench, tmp_path, after_s) for after_s in moments[part::PARTS]]
    assert [text for text in wrong if text] == []
