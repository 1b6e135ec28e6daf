"""DIST-ALERT products: what is read of them, and that the evidence counts a status once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.change_detect.alerts import SUPPORT, alert_map, news
from sat_monitor.change_detect.evidence import EvidenceState, empty_state, told, update
from sat_monitor.core.domain import ChangeMap, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.dist_alert import dist_alert_scenes
from sat_monitor.imagery.importer import import_scenes
from sat_monitor.night import NightRequest, run_night
from sat_monitor.store.store import Store
from tests.imagery_world import GRID, write_tiff
from tests.night_world import CLOCK, quiet
from tests.ticket_world import scene

COARSE = Grid(32654, 338_970.0, 3_953_010.0, 30.0, 40, 36)
PROFILE = Profile()
FIRE = Path(__file__).resolve().parents[2] / "shared/data/chile_fire_alerts"
CODES = st.integers(0, 8)


def product(folder: Path, status: np.ndarray | int, day: str = "20240123", made: str = "20251007", **how: str) -> Path:
    kind, layer = how.get("kind", "S1"), how.get("layer", "GEN-DIST-STATUS")
    name = f"OPERA_L3_DIST-ALERT-{kind}_T54SUE_{day}T232836Z_{made}T173137Z_S1A_30_v0.1_{layer}.tif"
    values = np.broadcast_to(np.asarray(status, np.float32), COARSE.shape)
    return write_tiff(folder / name, COARSE, {"": values}, dtype="uint8", nodata=255)


def told_by(status: int, sensor: Sensor = Sensor.DIST_S1, band: str = "GEN") -> ChangeMap:
    one = replace(scene("2024-01-23", sensor), grid=GRID)
    return alert_map(one, {band: np.full(GRID.shape, status, np.float32)}, PROFILE.sha256)


def after(state: EvidenceState, change: ChangeMap, sensor: Sensor = Sensor.DIST_S1) -> EvidenceState:
    """The state after a product, as the fold moves it."""
    return update(state, news(change, told(state, sensor)), sensor, 19_800, PROFILE)[0]


def fresh() -> EvidenceState:
    return empty_state(GRID.shape, PROFILE.evidence, GRID.pixel_m)


def gained(state: EvidenceState) -> float:
    return float((state.log_odds - fresh().log_odds).mean())


def test_a_product_becomes_a_scene_on_the_grid_that_is_asked_for(tmp_path: Path) -> None:
    status = np.zeros(COARSE.shape)
    status[10:13, 20:22], status[0, 0] = 6, 255
    product(tmp_path, status)
    product(tmp_path, 1, layer="GEN-DIST-COUNT")
    [found] = dist_alert_scenes(tmp_path, "plot", GRID).scenes
    offer = found.offer
    assert (offer.id, offer.sensor, offer.platform) == (
        "dist-s1_T54SUE_20240123T232836",
        Sensor.DIST_S1,
        "opera-dist-s1",
    )
    assert offer.acquired_at == datetime(2024, 1, 23, 23, 28, 36, tzinfo=UTC) and offer.track is None
    values = found.load().bands["GEN"]
    # The tile begins one coarse pixel left of and above the grid, which has pixels of a third of its size.
    assert found.grid == GRID and (values == 6).sum() == 6 * 9 and (values[29:38, 57:63] == 6).all()


def test_the_newest_issue_counts_and_both_layers_of_hls_make_one_scene(tmp_path: Path) -> None:
    product(tmp_path, 1, kind="HLS", made="20250101")
    product(tmp_path, 5, kind="HLS")
    product(tmp_path, 6, kind="HLS", layer="VEG-DIST-STATUS")
    [found] = dist_alert_scenes(tmp_path, "plot").scenes
    assert found.grid == COARSE and {n: float(v.max()) for n, v in found.load().bands.items()} == {"GEN": 5, "VEG": 6}


def test_what_is_no_status_is_refused_with_a_number(tmp_path: Path) -> None:
    product(tmp_path, 77)
    product(tmp_path, 1, day="20240230")
    write_tiff(tmp_path / "else.tif", COARSE, {"": np.zeros(COARSE.shape, np.float32)})
    finding = dist_alert_scenes(tmp_path, "plot")
    assert not finding.scenes and sorted(r.code for r in finding.rejected) == ["E1203", "E1206", "E1209"]


def test_a_tile_that_lies_elsewhere_is_no_scene_of_the_aoi(tmp_path: Path) -> None:
    product(tmp_path, 6)
    far = replace(GRID, x0=GRID.x0 + 90_000.0)
    [found] = dist_alert_scenes(tmp_path, "plot", far).scenes
    with pytest.raises(SceneReject, match="E1208"):
        Archive(tmp_path / "archive").put_scene(found.offer, found.load())


@given(st.lists(CODES, min_size=1, max_size=8))
def test_a_field_is_moved_by_the_newest_status_and_by_no_other(codes: list[int]) -> None:
    state = fresh()
    for code in codes:
        state = after(state, told_by(code))
    last = PROFILE.evidence.alert_share * SUPPORT[Sensor.DIST_S1, "GEN"][codes[-1]]
    assert gained(state) == pytest.approx(last, abs=1e-4)


def test_a_product_that_says_it_again_is_no_look_and_the_two_products_add() -> None:
    once = after(fresh(), told_by(6))
    again = news(told_by(6), told(once, Sensor.DIST_S1))
    assert not again.valid.any() and not update(once, again, Sensor.DIST_S1, 19_900, PROFILE)[1].any()
    both = after(once, told_by(6, Sensor.DIST_HLS), Sensor.DIST_HLS)
    assert gained(both) == pytest.approx(PROFILE.evidence.alert_share * (1.1 + 2.7), abs=1e-4)


def test_alerts_alone_never_reach_an_alarm_from_the_prior() -> None:
    most = PROFILE.evidence.alert_share * sum(max(SUPPORT[s, "GEN"]) for s in (Sensor.DIST_S1, Sensor.DIST_HLS))
    assert float(fresh().log_odds.max()) + most < PROFILE.evidence.outline_score


def test_no_data_is_not_no_alert(tmp_path: Path) -> None:
    product(tmp_path, np.where(np.arange(COARSE.width) < 20, 255, 0))
    [found] = dist_alert_scenes(tmp_path, "plot", GRID).scenes
    one = replace(scene("2024-01-23", Sensor.DIST_S1), grid=GRID)
    change = alert_map(one, found.load().bands, PROFILE.sha256)
    state = after(after(fresh(), told_by(6)), change)
    gain = state.log_odds - fresh().log_odds
    assert (
        not change.valid[:, :50].any() and np.allclose(gain[:, :50], 0.55, atol=1e-4) and np.allclose(gain[:, 60:], 0.0)
    )


def test_a_night_takes_products_that_were_imported_as_looks(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    product(tmp_path / "in", 4, day="20240123")
    product(tmp_path / "in", np.where(np.arange(COARSE.width) < 20, 6, 4), day="20240204")
    registry, inbox = AoiRegistry(home.aoi), Archive(home.inbox)
    report = import_scenes(dist_alert_scenes, tmp_path / "in", "plot", registry, inbox, quiet)
    assert report.aoi_made and len(report.imported) == 2 and not report.rejected
    night = run_night(NightRequest(home, ("plot",), date(2024, 1, 1), date(2024, 3, 1), PROFILE), CLOCK, quiet)
    assert not any(aoi.problems for aoi in night.aois)
    with Store(home.database, CLOCK) as store:
        looks = [look.scene_id for look in store.looks("plot")]
    first, second = (Archive(home.archive).change_map("plot", scene_id, "dist-s1@1") for scene_id in looks)
    assert first.valid.all() and np.allclose(first.score, 0.9)
    assert second.valid[:, :20].all() and np.allclose(second.score[:, :20], 1.1) and not second.valid[:, 20:].any()


@pytest.mark.skipif(not FIRE.is_dir(), reason="reference data chile_fire_alerts is not there")
def test_ten_products_of_a_fire_are_read_and_open_no_site(tmp_path: Path) -> None:
    home = Home(tmp_path)
    report = import_scenes(dist_alert_scenes, FIRE, "fire", AoiRegistry(home.aoi), Archive(home.inbox), quiet)
    assert len(report.imported) == 10 and not report.rejected
    night = run_night(NightRequest(home, ("fire",), date(2024, 1, 1), date(2024, 6, 1), PROFILE), CLOCK, quiet)
    assert sum(aoi.confirmed for aoi in night.aois) == 0 and not any(aoi.problems for aoi in night.aois)
    with Store(home.database, CLOCK) as store:
        assert len(store.looks("fire")) == 10
