"""The weekly flow of deformation: stacks that came since are inverted, and the ground that moves is listed.

What is owed follows from hashes: a motion says of which stack it is. Running twice does nothing the second time.
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from sat_monitor.core.home import Home
from sat_monitor.deformation.job import WeekReport, owed_areas, week_of_area
from sat_monitor.motion import take_motion


@task(name="invert", persist_result=False, cache_policy=NO_CACHE)
def invert_area(home: str, aoi_id: str) -> WeekReport:
    """Invert one area's stack and list what moves; moving ground becomes sites and tickets of the area."""
    report = week_of_area(Home(Path(home)), aoi_id)
    take_motion(Home(Path(home)), aoi_id)
    return report


@flow(name="deformation", persist_result=False, validate_parameters=True)
def deformation(home: str) -> list[str]:
    """All areas that are owed an inversion; returns the paths of their lists of moving areas.

    One failed area does not fail the others; the flow fails where none could be inverted.
    """
    log = get_run_logger()
    reports: list[WeekReport] = []
    failed: list[str] = []
    for aoi_id in owed_areas(Home(Path(home))):
        try:
            reports.append(invert_area(home, aoi_id))
        except Exception as error:  # one area never stops the others
            failed.append(f"{aoi_id}: {error}")
            log.error("%s", failed[-1])
    rows = [{"aoi": one.aoi, "measured": f"{one.measured_share:.1%}", "moving": one.moving, "faster": one.faster}
            for one in reports]  # fmt: skip
    create_table_artifact(rows, key="deformation", description="Ground that moves; the rest was measured or not seen")
    if failed and not reports:
        raise RuntimeError("; ".join(failed))
    return [str(one.path) for one in reports]
