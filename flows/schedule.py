"""The schedule: every night at 02:30 Asia/Tokyo, served by one process."""

from __future__ import annotations

import os

from sat_monitor.core.home import Home

CRON = "30 2 * * *"
TIME_ZONE = "Asia/Tokyo"
DEPLOYMENT = "nightly"


def prefect_environment(home: Home) -> dict[str, str]:
    """Settings that keep Prefect's own state below `home`, in a folder that is made, and its reports at home.

    To be set before prefect is imported, and for a server that is started by hand.
    """
    folder = (home.root / "prefect").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }


def serve(home: Home) -> None:
    """Serve the nightly deployment until stopped; the server is that of PREFECT_API_URL, else one of this process."""
    for name, value in prefect_environment(home).items():
        os.environ.setdefault(name, value)
    from prefect.schedules import Cron

    from flows.nightly import nightly

    nightly.serve(
        name=DEPLOYMENT,
        schedule=Cron(CRON, timezone=TIME_ZONE),
        parameters={"home": str(home.root.resolve())},
        description="Observe, detect, publish: what is owed, every night",
    )
