"""Moving ground through the lifecycle: a site after enough inversions, one ticket with a change site that it touches."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import box, mapping

from sat_monitor.core.clock import system_clock
from sat_monitor.core.domain import AOI, Candidate, Kind, Look, Sensor, SiteStatus, StartInterval
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.deformation.invert import InvertOptions
from sat_monitor.deformation.job import invert_area, list_moving
from sat_monitor.deformation.shelf import put_stack
from sat_monitor.motion import commit_motion, motion_proof
from sat_monitor.sites.lifecycle import SiteTable, active, fold
from sat_monitor.store.store import Store
from tests.insar_world import sinking, stack_of

PROFILE = Profile()
GRID = Grid(32654, 340_000.0, 3_950_000.0, 10.0, 120, 120)
AREA = AOI("w", "試験区", "Test area", GRID.footprint_lonlat, GRID)
GROUND = box(340_300, 3_949_500, 340_500, 3_949_700)


def listed(home: Home, last: date, rate: float | None = -25.0, shift: float = 0.0) -> None:
    """Writes a list of one moving area, or of none."""
    outline = box(340_300 + shift, 3_949_500, 340_500 + shift, 3_949_700)
    series = [[str(last - timedelta(days=60 - 12 * n)), rate and rate * n / 30.0] for n in range(6)]
    row = {
        "velocity_mm_per_yr": rate, "std_mm_per_yr": 2.0, "last_rate_mm_per_yr": rate, "area_m2": 40_000, "faster": False,
        "since": None, "seen_from": "west", "series": series,
    }  # fmt: skip
    features = [{"type": "Feature", "geometry": mapping(reproject(outline, 32654, 4326)), "properties": row}]
    told = {"measured_share": 0.9, "last_day": str(last), "features": features if rate is not None else []}
    path = home.moving_areas("w")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told), encoding="utf-8")


def weeks(home: Home, count: int, **how: float) -> SiteTable:
    """The table after so many weekly lists."""
    with Store(home.database, system_clock) as store, store.lease("test", 600) as lease:
        for week in range(count):
            listed(home, date(2025, 1, 6) + timedelta(days=12 * week), **how)
            commit_motion((store, lease), home, AREA, PROFILE)
        return SiteTable({s.id: s for s in store.sites("w")}, {t.id: t for t in store.tickets("w")})


def test_ground_that_keeps_moving_becomes_a_site_with_a_ticket(tmp_path: Path) -> None:
    table = weeks(Home(tmp_path), PROFILE.lifecycle.confirm_hits)
    (site,) = active(table)
    assert site.kind is Kind.DEFORMATION and site.status is SiteStatus.TICKETED
    assert site.evidence["los_velocity_mm_per_yr"] == -25.0
    (ticket,) = table.tickets.values()
    assert ticket.site_id == site.id


def test_the_same_list_twice_changes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    weeks(home, 4)
    with Store(home.database, system_clock) as store, store.lease("test", 600) as lease:
        head = store.head()
        again = commit_motion((store, lease), home, AREA, PROFILE)
        assert again is not None and not again.new and store.head() == head


def test_an_inversion_that_sees_the_ground_and_finds_it_still_finishes_the_site(tmp_path: Path) -> None:
    home = Home(tmp_path)
    weeks(home, 4)
    with Store(home.database, system_clock) as store, store.lease("test", 600) as lease:
        for week in range(45):
            listed(home, date(2025, 3, 20) + timedelta(days=12 * week), rate=None)
            commit_motion((store, lease), home, AREA, PROFILE)
        (site,) = store.sites("w")
    assert site.status is SiteStatus.FINISHED


class Everything(dict[str, float]):
    """A look that saw every site whole."""

    def get(self, key: object, default: object = None) -> float:  # type: ignore[override]
        return 1.0


def change_look(day: int, hit: bool = True) -> Look:
    drawn = Candidate(
        GROUND, (45, 35), Kind.EARTHWORK, 2_000.0, 200.0, 6.0, 5.0, hit, StartInterval(None, date(2025, 1, 1))
    )
    at = datetime(2025, 1, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return Look(f"s2-{day}", "w", Sensor.S2, at, (drawn,), Everything())


def motion_look(day: int) -> Look:
    drawn = Candidate(
        GROUND.buffer(20.0), (45, 35), Kind.DEFORMATION, 50_000.0, 9_000.0, 9.0, 9.0, True, StartInterval(None, date(2024, 1, 1))
    )  # fmt: skip
    at = datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
    return Look(f"motion-{day}", "w", Sensor.S1, at, (drawn,), Everything(), interferometry=True)


@pytest.mark.parametrize("change_first", [True, False])
def test_a_change_site_and_moving_ground_that_touch_are_one_ticket(change_first: bool) -> None:
    first, second = (5, 200) if change_first else (200, 5)
    change = [change_look(first + 5 * n) for n in range(6)]
    motion = [motion_look(second + 12 * n) for n in range(6)]
    table = fold([*motion, *change], PROFILE)
    (site,) = active(table)
    assert site.kind is Kind.EARTHWORK and site.area_m2 == 2_000.0
    valid = [ticket for ticket in table.tickets.values() if ticket.withdrawn_reason is None]
    assert [ticket.site_id for ticket in valid] == [site.id]


def test_scenes_say_nothing_of_ground_that_only_moves() -> None:
    motion = [motion_look(12 * n) for n in range(6)]
    alone = fold(motion, PROFILE)
    quiet = [replace(change_look(100 + 5 * n), candidates=()) for n in range(60)]
    assert fold([*motion, *quiet], PROFILE).sites == alone.sites


def test_looks_in_any_order_give_the_same_sites() -> None:
    looks = [*(motion_look(12 * n) for n in range(5)), *(change_look(20 + 7 * n) for n in range(5))]
    wanted = fold(looks, PROFILE)
    rng = np.random.default_rng(3)
    for _ in range(5):
        rng.shuffle(looks)
        assert fold(looks, PROFILE) == wanted


def test_the_whole_way_from_a_stack_to_the_proof_on_a_ticket(tmp_path: Path) -> None:
    home = Home(tmp_path)
    put_stack(home.interferograms("w"), stack_of(sinking((60, 60))))
    invert_area(home, "w", InvertOptions())
    motion, areas = list_moving(home, "w")
    assert areas
    grid = Grid(32654, 300_000.0, 3_950_000.0, 10.0, 40, 40)
    aoi = replace(AREA, grid=grid, outline=grid.footprint_lonlat)
    proof = motion_proof(home, aoi, box(300_040, 3_949_880, 300_120, 3_949_960), grid)
    assert proof is not None and proof.mm_per_year == pytest.approx(-50.0, abs=3.0)
    assert proof.series[-1][0] == motion.days[-1]
    assert float(np.nanmin(proof.velocity)) == pytest.approx(-50.0, abs=1.5)
    assert motion_proof(home, aoi, box(300_300, 3_949_700, 300_390, 3_949_750), grid) is None
