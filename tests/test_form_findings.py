"""Findings filled into the form of a GeoPackage come back as events; what is refused keeps no other row back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from shapely.geometry import Point

from sat_monitor.casework import CaseDesk, Hand
from sat_monitor.core.casework import CaseState, CaseStep, Verdict
from sat_monitor.core.clock import system_clock
from sat_monitor.core.errors import UsageError
from sat_monitor.form_findings import import_form_findings
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import Move
from sat_monitor.tickets.exports import export_sites
from sat_monitor.tickets.qfield import FIELDS
from tests.night_world import AOI_ID, build
from tests.test_photos import jpeg

HAND = Hand("Sato Hanako", "form of the tablet")


def filled(file: Path, *rows: dict[str, object]) -> None:
    """Adds rows as a tablet does."""
    frame = gpd.GeoDataFrame(
        [{name: row.get(name) for name in FIELDS} for row in rows], geometry=[Point(139.3, 35.7)] * len(rows), crs=4326
    )
    frame["visited_at"] = pd.to_datetime(frame["visited_at"], utc=True)
    frame["height_m"] = frame["height_m"].astype("float64")
    pyogrio.write_dataframe(frame, file, layer="findings", driver="GPKG", append=True)


def test_rows_of_the_form_become_visits_verdicts_and_photos(tmp_path: Path) -> None:
    place = build(tmp_path / "home")
    place.night()
    home = place.home
    with Store(home.database, system_clock) as store:
        desk = CaseDesk(store, AoiRegistry(home.aoi))
        ticket = store.tickets(AOI_ID)[0]
        site = store.site(ticket.site_id)
        for move in (
            Move(CaseStep.DESK_CHECK, {}), Move(CaseStep.ISSUE, {}), Move(CaseStep.ASSIGN, {"assignee": "Suzuki"}),
        ):  # fmt: skip
            desk.step(ticket.id, move, HAND)
        aoi = AoiRegistry(home.aoi).get(AOI_ID)
        file = export_sites([site], {AOI_ID: aoi}, tmp_path / "tickets.gpkg", "qfield")
        (tmp_path / "a.jpg").write_bytes(jpeg())
        good = {
            "site_id": site.id, "visited_at": "2026-09-19T16:30:00Z", "officer": "Suzuki", "height_m": 2.5,
            "verdict": "improper_fill_suspected", "remarks": "=HYPERLINK(1) <svg>", "photo": "a.jpg",
        }  # fmt: skip
        filled(
            file, {"site_id": "nowhere", "visited_at": "2026-09-20T01:00:00Z"}, good, {**good, "verdict": "nonsense"}
        )

        found = import_form_findings(desk, file, home.blobs, HAND)
        assert (found.taken, found.known, found.refused) == (1, 0, 2)
        assert "E1801" in found.lines[0] and "E2001" in found.lines[2]
        case = desk.find(ticket.id)
        assert case is not None and case.state is CaseState.INSPECTED
        assert case.verdict is Verdict.IMPROPER_FILL_SUSPECTED and len(desk.photos(case)) == 1
        told = list(desk.history(case))
        assert told[-1].by == "Suzuki" and "2.5 m high" in str(told[-1].reason)
        inspected = [str(one) for one in store.events() if "inspected_on" in one.body]
        assert any("2026-09-20" in one for one in inspected), "half past one in Japan is the next day"

        head = store.head()
        again = import_form_findings(desk, file, home.blobs, HAND)
        assert (again.taken, again.known, again.refused) == (0, 1, 2) and store.head() == head


def test_a_file_without_the_form_is_refused(tmp_path: Path) -> None:
    place = build(tmp_path / "home")
    with Store(place.home.database, system_clock) as store:
        desk = CaseDesk(store, AoiRegistry(place.home.aoi))
        with pytest.raises(UsageError, match="E2002"):
            import_form_findings(desk, tmp_path / "none.gpkg", tmp_path, HAND)
        (tmp_path / "text.gpkg").write_text("no database", encoding="utf-8")
        with pytest.raises(UsageError, match="E2003"):
            import_form_findings(desk, tmp_path / "text.gpkg", tmp_path, HAND)
        with closing(sqlite3.connect(tmp_path / "other.gpkg")) as database, database:
            database.execute("CREATE TABLE findings (site_id TEXT)")
        with pytest.raises(UsageError, match="lacks"):
            import_form_findings(desk, tmp_path / "other.gpkg", tmp_path, HAND)
