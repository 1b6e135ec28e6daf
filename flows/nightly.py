"""The nightly flow: observe -> detect -> publish per AOI. Prefect is the alarm clock and the window, not the ledger.

Task arguments are ids and dates, never pixels; nothing is cached or persisted here: the store decides what is owed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect import Task, flow, get_run_logger, task
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from sat_monitor import night
from sat_monitor.core.clock import japan_day, system_clock
from sat_monitor.core.errors import SatMonitorError
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile, parse_profile
from sat_monitor.detect import Detected
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.night import NightRequest
from sat_monitor.observe import Observed
from sat_monitor.publish import Published
from sat_monitor.report import AoiReport, NightReport

#: Waits between the tries of a step that failed for a temporary reason, seconds.
RETRY_WAITS_S = [60.0, 300.0, 900.0]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def is_temporary(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a failed step may succeed later: the error's own row says so; anything unknown is final."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, SatMonitorError) and error.temporary


def _step(name: str) -> Callable[[Callable[_P, _R]], Task[_P, _R]]:
    """A task with the retries of a night: nothing is cached or persisted."""
    return task(
        name=name,
        retries=len(RETRY_WAITS_S),
        retry_delay_seconds=RETRY_WAITS_S,
        retry_condition_fn=is_temporary,
        persist_result=False,
        cache_policy=NO_CACHE,
    )


@_step("observe")
def observe(request: NightRequest, aoi_id: str) -> Observed:
    """Archive what the sources list and the store does not hold."""
    return night.observe(request, aoi_id, system_clock, _log())


@_step("detect")
def detect(request: NightRequest, aoi_id: str) -> Detected:
    """Compute the owed looks."""
    return night.detect(request, aoi_id, system_clock, _log())


@_step("publish")
def publish(request: NightRequest, aoi_id: str) -> Published:
    """Render what is due."""
    return night.publish(request, aoi_id, system_clock, _log())


@flow(name="nightly", persist_result=False, validate_parameters=True)
def nightly(
    home: str, aoi_ids: list[str] | None = None, first: date | None = None, last: date | None = None,
    profile_path: str | None = None, lang: str = "ja",
) -> str:  # fmt: skip
    """One night over the AOIs (all that have imagery where None); returns the path of the report.

    One failed AOI does not fail the others; the flow fails where none could be run.
    """
    place = Home(Path(home))
    profile = parse_profile(Path(profile_path).read_text(encoding="utf-8")) if profile_path else Profile()
    ids = tuple(aoi_ids) if aoi_ids else night.watched_aois(place)
    until = last or japan_day(system_clock()) - timedelta(days=1)
    request = NightRequest(place, ids, first, until, profile, lang)
    reports: list[AoiReport] = []
    failed: list[str] = []
    for aoi_id in ids:
        try:
            reports.append(_run_aoi(request, aoi_id))
        except Exception as error:  # one AOI never stops the others; the report names it
            failed.append(night.failure(aoi_id, error))
    report = night.close(request, tuple(reports), tuple(failed), system_clock)
    _show(report, place)
    if failed and not reports:
        raise RuntimeError("; ".join(failed))
    return str(report.path)


def _run_aoi(request: NightRequest, aoi_id: str) -> AoiReport:
    AoiRegistry(request.home.aoi).get(aoi_id)
    observed = observe(request, aoi_id)
    detected = detect(request, aoi_id)
    published = publish(request, aoi_id)
    return night.account(request, aoi_id, (observed, detected, published), system_clock)


def _log() -> Callable[[str], None]:
    return get_run_logger().info


def _show(report: NightReport, home: Home) -> None:
    """The night report as artifacts: markdown, table and one overview picture per AOI."""
    create_markdown_artifact(report.to_markdown(), key="night-report", description="Night report")
    create_table_artifact([aoi.row() for aoi in report.aois], key="night-accounting", description="Accounting")
    for aoi in report.aois:
        if aoi.overview is not None:
            picture = (home.reports / aoi.overview).resolve()
            create_image_artifact(picture.as_uri(), key=f"overview-{aoi.aoi}".replace("_", "-"), description=aoi.aoi)
