"""A real Prefect server on loopback: the deployment is served, and a scheduled run appears for 02:30 in Japan."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sat_monitor.core.clock import TOKYO
from sat_monitor.core.home import Home

pytestmark = pytest.mark.slow
PATIENCE_S = 150


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ask(api: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{api}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait_for(what: str, question: Any) -> Any:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            answer = question()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            answer = None
        if answer:
            return answer
        time.sleep(1.0)
    raise AssertionError(f"{what}: nothing within {PATIENCE_S} s")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str], Path]]:
    """API address, environment and home of a fresh server."""
    from flows.schedule import prefect_environment

    root = tmp_path_factory.mktemp("prefect")
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, **prefect_environment(Home(root / "home")), "PREFECT_API_URL": api}
    environment["PREFECT_SERVER_UI_API_URL"] = api
    environment["PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS"] = "2"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (root / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for("the server", lambda: urllib.request.urlopen(f"{api}/health", timeout=5).status == 200)
            yield api, environment, root
        finally:
            stop(process)


def test_a_scheduled_run_appears_for_half_past_two_in_japan(server: tuple[str, dict[str, str], Path]) -> None:
    api, environment, root = server
    command = [sys.executable, "-m", "sat_monitor", "schedule", "--home", str(root / "home")]
    with (root / "serve.log").open("wb") as log:
        serving = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            question = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "limit": 5}
            runs = wait_for("a scheduled run", lambda: ask(api, "flow_runs/filter", question))
        finally:
            stop(serving)
    starts = [datetime.fromisoformat(run["expected_start_time"]) for run in runs]
    assert {start.astimezone(TOKYO).strftime("%H:%M") for start in starts} == {"02:30"}
    assert {run["parameters"]["home"] for run in runs} == {str((root / "home").resolve())}
