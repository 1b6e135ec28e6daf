"""kill -9 at any moment: the next night recovers, the history verifies, and the result is that of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from tests.night_world import AOI_ID, FROM, LAST, Place, build, copied

COMMAND = [sys.executable, "-m", "sat_monitor", "night", "--aoi", AOI_ID, "--from", str(FROM), "--to", str(LAST)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return build(tmp_path_factory.mktemp("kills") / "home")


@pytest.fixture(scope="module")
def undisturbed(filled: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = copied(filled, tmp_path_factory.mktemp("undisturbed") / "home")
    assert night(place, None) == 0
    return place


def night(place: Place, kill_after_s: float | None) -> int:
    """Run the night as a process; exit code, or -9 where it was killed after so many seconds."""
    process = subprocess.Popen(
        [*COMMAND, "--home", str(place.home.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(kill_after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait(30)


def campaign(filled: Place, undisturbed: Place, folder: Path, seed: int) -> int:
    """Kill nights at random until one ends; returns how many were killed."""
    draw, kills = random.Random(seed), 0
    place = copied(filled, folder / "home")
    while (code := night(place, draw.uniform(2.0, 12.0))) != 0:
        assert code == -signal.SIGKILL
        kills += 1
        if place.home.database.is_file():
            assert verify(place.home).ok
    assert verify(place.home).ok
    assert place.sites() == undisturbed.sites()
    assert place.valid_tickets() == undisturbed.valid_tickets()
    for ticket in place.valid_tickets():
        assert (place.home.ticket(ticket) / "ticket.pdf").is_file()
    return kills


@pytest.mark.slow
def test_a_night_that_is_killed_again_and_again_ends_as_if_it_had_not_been(
    filled: Place, undisturbed: Place, tmp_path: Path
) -> None:
    assert campaign(filled, undisturbed, tmp_path, seed=4) >= 1


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 160))
def test_sixty_campaigns_of_random_kills(filled: Place, undisturbed: Place, tmp_path: Path, seed: int) -> None:
    assert campaign(filled, undisturbed, tmp_path, seed) >= 0
