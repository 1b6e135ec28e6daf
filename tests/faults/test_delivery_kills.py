"""kill -9 at any moment of a delivery: nothing is lost, and what arrives twice arrives under the same id."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from sat_monitor.core.profile import Profile, render_profile
from sat_monitor.core.profile_delivery import DeliverySettings
from tests.delivery_world import Mailbox, folder_sink, mail_server, mail_sink, post
from tests.faults.fault_night import ROOT, environment

#: Where in the conversation with the server the process dies: before the message was taken, after it but before the
#: answer, shortly after the answer (around the commit), or at a moment that has nothing to do with the server.
STAGES = ("rcpt", "data", "taken", "answered", "any")


@dataclass
class Killer:
    """Kills a process when the mail server reaches a stage of its n-th message."""

    draw: random.Random
    stage: str = ""
    after: int = 0
    pid: int = 0
    seen: int = field(default=0)

    def at(self, stage: str) -> None:
        """Called by the server."""
        wanted = "taken" if self.stage == "answered" else self.stage
        if stage != wanted or not self.pid:
            return
        self.seen += 1
        if self.seen <= self.after:
            return
        if self.stage == "answered":
            threading.Timer(self.draw.uniform(0.0, 0.03), self._kill).start()
        else:
            self._kill()

    def _kill(self) -> None:
        pid, self.pid = self.pid, 0
        if pid:
            os.kill(pid, signal.SIGKILL)


def campaign(root: Path, kills: int, tickets: int) -> None:
    """Kill so many deliveries, then let one end; count what arrived."""
    place = post(root, tickets)
    killer = Killer(random.Random(kills))
    profile = root / "profile.toml"
    wide = DeliverySettings(area_per_week=1000, municipality_per_week=1000)
    profile.write_text(render_profile(Profile(delivery=wide)), encoding="utf-8")
    command = [sys.executable, "-m", "sat_monitor", "deliver", "--home", str(root), "--profile", str(profile)]
    with mail_server(Mailbox(at=killer.at)) as box:
        place.sinks(mail_sink(box), folder_sink(takes=["ticket"]))
        done = 0
        while done < kills:
            assert (root / "sat_monitor.db").is_file()
            done += _killed(command, killer, STAGES[done % len(STAGES)])
            assert len(box.taken) - len(set(box.ids)) <= done
        last = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
        assert last.returncode == 0, last.stdout + last.stderr
    expected = {f"<ticket-{number:03}@city.test>" for number in range(tickets)}
    assert set(box.ids) == expected
    assert len(box.ids) - tickets <= kills
    by_id: dict[str, set[bytes]] = {}
    for identity, raw in zip(box.ids, box.taken, strict=True):
        by_id.setdefault(identity, set()).add(raw)
    assert all(len(different) == 1 for different in by_id.values()), "the same id is the same message"
    folders = [path for path in (root / "out").iterdir() if path.is_dir()]
    assert len(folders) == tickets
    assert not list((root / "out").rglob("*.part"))
    assert all((folder / "message.txt").is_file() and (folder / "ticket.pdf").is_file() for folder in folders)
    with place.store() as store:
        assert not [row for row in store.outbox_due() if row.sink.startswith("to:")]
    assert verify(place.home).ok


def _killed(command: list[str], killer: Killer, stage: str) -> bool:
    """Run a delivery that is killed at a stage; whether it was (one that found nothing to send ends by itself)."""
    killer.stage, killer.after, killer.seen = stage, killer.draw.randint(0, 1), 0
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    killer.pid = process.pid
    if stage == "any":
        time.sleep(killer.draw.uniform(0.2, 2.0))
        process.kill()
    code = process.wait(60)
    killer.pid = 0
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.slow
def test_five_kills_during_delivery_lose_nothing(tmp_path: Path) -> None:
    campaign(tmp_path, kills=5, tickets=14)


@pytest.mark.soak
def test_a_hundred_kills_during_delivery_lose_nothing(tmp_path: Path) -> None:
    campaign(tmp_path, kills=100, tickets=220)
