"""The schedule: every night at 02:30 and deformation on Mondays at 04:30 Asia/Tokyo, served by one command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sat_monitor.core.errors import SatMonitorError
from sat_monitor.core.home import Home

CRON, WEEKLY_CRON = "30 2 * * *", "30 4 * * 1"
TIME_ZONE = "Asia/Tokyo"
DEPLOYMENT, WEEKLY_DEPLOYMENT = "nightly", "deformation"
#: How long a server may take to start and to stop, seconds.
_START_S, _STOP_S = 120.0, 20.0
_API = "PREFECT_API_URL"


def serve(home: Home) -> None:
    """Serve the nightly and the weekly deployment until stopped.

    The server is that of PREFECT_API_URL. Where that is not set, one is started on loopback beside it, for a temporary
    server in Prefect's own process schedules nothing; its address is written to `<home>/prefect/api.url`.
    Raises SatMonitorError E1301 where it does not come up.
    """
    for name, value in prefect_environment(home).items():
        os.environ.setdefault(name, value)
    if _API in os.environ:
        _serve(home)
        return
    with own_server(home) as api:
        os.environ[_API] = api
        print(f"Prefect server: {api.removesuffix('/api')}", flush=True)
        _serve(home)


def prefect_environment(home: Home) -> dict[str, str]:
    """Settings that keep Prefect's own state below `home`, in a folder that is made, and its reports at home.

    To be set before prefect is imported, and for a server that is started by hand.
    """
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }


@contextmanager
def own_server(home: Home) -> Iterator[str]:
    """A Prefect server on a free port of loopback; yields the address of its API and stops it at the end."""
    port = _free_port()
    api = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, **prefect_environment(home), "PREFECT_SERVER_UI_API_URL": api}
    log = _folder(home) / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        try:
            _wait(server, api, log)
            (_folder(home) / "api.url").write_text(api, encoding="utf-8")
            yield api
        finally:
            server.terminate()
            try:
                server.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _serve(home: Home) -> None:
    from prefect import serve
    from prefect.schedules import Cron

    from flows.deformation import deformation
    from flows.nightly import nightly

    parameters = {"home": str(home.root.resolve())}
    # Prefect types these as coroutines too: they are, but only within a running loop.
    serve(
        nightly.to_deployment(  # type: ignore[arg-type]
            name=DEPLOYMENT, schedule=Cron(CRON, timezone=TIME_ZONE), parameters=parameters,
            description="Observe, detect, publish: what is owed, every night",
        ),
        deformation.to_deployment(  # type: ignore[arg-type]
            name=WEEKLY_DEPLOYMENT, schedule=Cron(WEEKLY_CRON, timezone=TIME_ZONE), parameters=parameters,
            description="Invert the stacks that came since, list the ground that moves",
        ),
    )  # fmt: skip


def _wait(server: subprocess.Popen[bytes], api: str, log: Path) -> None:
    until = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{api}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    raise SatMonitorError("E1301", f"the Prefect server did not start; see {log}", "nothing was scheduled")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _folder(home: Home) -> Path:
    return (home.root / "prefect").resolve()
