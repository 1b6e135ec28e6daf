"""`sat-monitor schedule` alone: a real Prefect server on loopback, and a scheduled run appears for 02:30 in Japan."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sat_monitor.core.clock import TOKYO

pytestmark = pytest.mark.slow
PATIENCE_S = 150


def ask(api: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{api}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait_for(what: str, question: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            answer = question()
        except (urllib.error.URLError, ConnectionError, TimeoutError, FileNotFoundError):
            answer = None
        if answer:
            return answer
        time.sleep(1.0)
    raise AssertionError(f"{what}: nothing within {PATIENCE_S} s")


def test_a_scheduled_run_appears_for_half_past_two_in_japan(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-m", "sat_monitor", "schedule", "--home", str(home)]
    with (tmp_path / "serve.log").open("wb") as log:
        serving = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            address = home / "prefect" / "api.url"
            api = wait_for("the server", lambda: address.read_text(encoding="utf-8"))
            question = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "limit": 50}
            runs = wait_for("a scheduled run", lambda: ask(api, "flow_runs/filter", question))
        finally:
            serving.send_signal(signal.SIGINT)
            try:
                serving.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(serving.pid, signal.SIGKILL)
                serving.wait(10)
    starts = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
    times = {start.astimezone(TOKYO).strftime("%H:%M") for start in starts}
    assert "02:30" in times
    assert times <= {"02:30", "04:30"}
    assert {run["parameters"]["home"] for run in runs} == {str(home.resolve())}
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{api}/health", timeout=5)
