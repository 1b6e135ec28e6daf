"""Accuracy end to end: a tiny world, an installation against a truth file and an office's list, through the command."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from shapely.geometry import Point

from sat_monitor import cli
from sat_monitor.change_detect.detector import detector_id
from sat_monitor.change_detect.evidence import empty_state
from sat_monitor.core.domain import ChangeMap, Layer, Sensor
from sat_monitor.core.errors import ProfileError, UsageError
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.core.profile import Profile
from sat_monitor.evaluate.home import History, Outcome, evaluate_inventory, evaluate_raster, read_history
from sat_monitor.evaluate.replay import Ablation, two_looks, without_evidence
from sat_monitor.evaluate.text import campaign_lines, inventory_lines, plain
from sat_monitor.evaluate.truth import read_truth
from sat_monitor.evaluate.world import WHOLE, Campaign, CampaignRequest, found_sites, run_campaign
from sat_monitor.evaluate.worlds import first_look, seeds_of
from sat_monitor.imagery.archive import Archive
from sat_monitor.masks import draw_mask
from sat_monitor.scoring import DETECTORS
from sat_monitor.simulate.config import WorldConfig, parse_world
from sat_monitor.simulate.world import truth_geojson
from tests.accuracy_world import site
from tests.night_world import AOI_ID, Place, build, quiet
from tests.site_world import CONFIRMING, only
from tests.site_world import run as run_looks

PLAN = """
name = "tiny"
seeds = [2]
first = 2025-02-01
last = 2026-09-20
[place]
side_px = 72
[events]
quiet_days = 400
confusers_per_earthwork = 1.0
earthworks_per_km2_year = 5.0
"""


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    """One world of 72 x 72 pixels with one fill."""
    request = CampaignRequest(parse_world(PLAN), 1, Profile(), (Ablation.OPTICAL, Ablation.EVIDENCE))
    return run_campaign(request, quiet)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home after one night."""
    made = build(tmp_path_factory.mktemp("evaluate") / "home")
    made.night()
    return made


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sat-monitor", "evaluate", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def test_a_tiny_world_is_built_replayed_and_compared(campaign: Campaign) -> None:
    figures = campaign.pooled()
    assert campaign.held.worlds == 1
    assert campaign.held.kinds["fill"] == 1
    assert figures.lists[0].producers.total == 1
    assert figures.km2 == pytest.approx(0.5184)
    (truth,) = campaign.variants[WHOLE][0].truths
    assert truth.truth.kind == "fill" and truth.truth.slope_deg is not None
    assert truth.found or truth.missed
    assert set(truth.seen_days) == {"s1", "s2"} and truth.seen_days["s2"] > 0
    (blind,) = campaign.variants["without optical"][0].truths
    assert blind.seen_days == {"s1": truth.seen_days["s1"], "s2": 0}
    assert not truth.found or (truth.confirmed_on or date.min) >= truth.truth.began_on


@pytest.mark.soak
def test_worlds_side_by_side_are_the_worlds_one_after_the_other() -> None:
    short = PLAN.replace("seeds = [2]", "seeds = [2, 3]").replace("2026-09-20", "2026-02-20")
    plan = parse_world(short.replace("quiet_days = 400", "quiet_days = 200"))
    alone, together = (run_campaign(CampaignRequest(plan, 2, Profile(), jobs=jobs), quiet) for jobs in (1, 2))
    assert alone.held == together.held and alone.contract == together.contract
    assert plain(alone.variants) == plain(together.variants)


def test_without_optical_looks_no_site_has_any(campaign: Campaign) -> None:
    sites = campaign.variants["without optical"][0].sites
    assert {s.site.sensors for s in sites} <= {"s1"}


def test_without_evidence_the_two_look_rule_finds_other_sites(campaign: Campaign) -> None:
    ours, theirs = ({s.site.id for s in campaign.variants[v][0].sites} for v in (WHOLE, "without evidence"))
    assert ours != theirs


def test_the_printed_campaign_says_that_it_is_simulated_and_never_overall_accuracy(campaign: Campaign) -> None:
    text = "\n".join(campaign_lines(campaign))
    assert text.startswith("模擬データ")
    assert "ablations" in text and "per 100 km2 and month" in text and "at 0.3 per km2 and year" in text
    assert "overall" not in text.lower()
    assert "world contract of tiny-2" in text and "true cloud share" in text
    json.dumps(plain(campaign.variants), allow_nan=False)


def test_the_two_look_rule_needs_two_usable_looks_in_a_row() -> None:
    profile = Profile()
    settings = profile.evidence
    state = empty_state((1, 1), settings, 10.0)
    reached = []
    for number, score in enumerate([4.0, None, 4.0, 1.0, 4.0]):
        change = one_pixel(score)
        state, _ = two_looks(state, change, Sensor.S1, 20_000 + number, profile)
        reached.append(float(state.log_odds[0, 0]) > settings.outline_score)
    # The second exceedance counts across a look that saw nothing; a quiet look ends it.
    assert reached == [False, False, True, False, False]
    assert without_evidence(profile).lifecycle.confirm_hits == 1


def one_pixel(score: float | None) -> ChangeMap:
    grid = Grid(32654, 0.0, 10.0, 10.0, 1, 1)
    value = np.full((1, 1), np.nan if score is None else score, np.float32)
    layers: dict[str, Layer] = {}
    return ChangeMap("sar@1", "x", (), grid, value, "sigma", np.isfinite(value), np.ones((1, 1), np.int16), layers)


def test_a_plan_is_bounded_and_seeds_go_on_after_its_own() -> None:
    assert list(seeds_of(parse_world("seeds = [7, 9]"), 4)) == [7, 9, 10, 11]
    assert list(seeds_of(parse_world("seeds = [7, 9]"), 1)) == [7]
    with pytest.raises(ProfileError, match="side_px"):
        parse_world("[place]\nside_px = 3")
    with pytest.raises(UsageError, match="looks begin on"):
        first_look(parse_world("[events]\nquiet_days = 2000"))
    assert first_look(WorldConfig()) == date(2025, 10, 1)


def with_site(place: Place) -> History:
    """The history of the home, with one confirmed site on the fill, whatever the detection made of it."""
    history, fill = read_history(place.home, AOI_ID, Profile()), place.world.fills[0]
    confirmed = fill.cleared_on + timedelta(days=20)
    found = replace(site("known", 0, 0, 0), outline=fill.outline, first_seen_on=fill.cleared_on, confirmed_on=confirmed)
    scope = replace(history.scope, first=min(history.scope.first, fill.cleared_on))
    return replace(history, scope=scope, sites=(found,))


def well_seen(place: Place, history: History) -> Point:
    """The place (lon, lat) off the fill that most looks saw."""
    archive, grid = Archive(place.home.archive), history.aoi.grid
    maps = [(look.scene_id, detector_id(DETECTORS[look.sensor])) for look in history.looks]
    count = sum(archive.change_map(AOI_ID, *name).valid.astype(int) for name in maps)
    near = draw_mask(place.world.fills[0].outline.buffer(80.0), grid)
    count[near.slices] = np.where(near.mask, -1, count[near.slices])
    smooth = ndimage.uniform_filter(count.astype(float), 7)
    row, col = np.unravel_index(int(np.argmax(smooth)), smooth.shape)
    point = reproject(Point(*grid.to_metres(row + 0.5, col + 0.5)), grid.epsg, 4326)
    assert isinstance(point, Point)
    return point


def test_an_installation_against_the_truth_of_its_world(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "truth.geojson"
    path.write_text(json.dumps(truth_geojson(place.world)), encoding="utf-8")
    matched = evaluate_raster(with_site(place), path)
    assert [t.found for t in matched.truths] == [True]
    assert matched.truths[0].truth.area_m2 == pytest.approx(place.world.fills[0].area_m2, rel=0.01)
    assert matched.truths[0].truth.moved_on == place.world.fills[0].filled_on
    assert [(s.earthwork, s.cause) for s in matched.sites] == [(True, "fill")]


def test_an_offices_list_tells_found_missed_unseen_and_outside_apart(place: Place, tmp_path: Path) -> None:
    history = with_site(place)
    fill = reproject(place.world.fills[0].outline.centroid, place.world.grid.epsg, 4326)
    seen, began, last = well_seen(place, history), place.world.fills[0].cleared_on, history.scope.last
    rows = [
        f"known,{fill.x},{fill.y},{began},,盛土,1.0",
        f"quiet,{seen.x},{seen.y},{began},,none,0.1",
        f"missed,{seen.x},{seen.y},{began},,fill,0.5",
        f"unseen,{seen.x},{seen.y},{last},,fill,0.5",
        f"nobody,{seen.x},{seen.y},{began},,確認不能,1.0",
        f"far,0.0,0.0,{began},,fill,1.0",
    ]
    path = tmp_path / "list.csv"
    path.write_text("id,lon,lat,first_seen_on,end,verdict,inclusion_probability\n" + "\n".join(rows), encoding="utf-8")
    inventory = evaluate_inventory(history, path, Archive(place.home.archive))
    got = {e.truth.id: e.outcome for e in inventory.entries}
    assert got == {
        "known": Outcome.FOUND, "quiet": Outcome.MISSED, "missed": Outcome.MISSED, "unseen": Outcome.NOT_SEEN,
        "nobody": Outcome.LEFT_OUT, "far": Outcome.OUTSIDE,
    }  # fmt: skip
    # One found, one missed that stands for two.
    assert inventory.producers.value == pytest.approx(1.0 / 3.0)
    assert inventory.users.value == 1.0
    assert inventory.lag.median == 20.0
    assert any("known: found" in line for line in inventory_lines(inventory))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("id,lon\n1,2\n", "lon and lat"),
        ("id,lon,lat,verdict\na,139,35,fill\n", "first_seen_on"),
        ("id,lon,lat,first_seen_on,verdict\na,139,35,2026-01-01,perhaps\n", "perhaps"),
        ("id,lon,lat,first_seen_on\na,139,35,soon\n", "soon"),
        ("id,lon,lat,first_seen_on\na,139,935,2026-01-01\n", "lon/lat"),
        ("id,lon,lat,first_seen_on,inclusion_probability\na,139,35,2026-01-01,0\n", "inclusion_probability"),
        ("id,lon,lat,first_seen_on\n,139,35,2026-01-01\n", "no id"),
        ("id,lon,lat,first_seen_on\na,139,35,2026-01-01\na,139,36,2026-01-01\n", "more than once"),
    ],
)
def test_a_list_that_cannot_be_read_names_its_row(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=f"E2004.*{what}"):
        read_truth(path, "a", 32654)


def test_a_broken_geojson_is_refused_by_number(tmp_path: Path) -> None:
    path = tmp_path / "truth.geojson"
    path.write_text('{"type": "FeatureCollection"}', encoding="utf-8")
    with pytest.raises(UsageError, match="E2004"):
        read_truth(path, "a", 32654)


def test_a_withdrawn_ticket_is_no_ticket() -> None:
    table, _ = run_looks(CONFIRMING)
    (ticket,), known = table.tickets.values(), only(table)
    assert found_sites([known], [ticket], {}, Profile())[0].ticketed_on == ticket.opened_at.date()
    assert found_sites([known], [replace(ticket, withdrawn_reason="merged")], {}, Profile())[0].ticketed_on is None
    assert found_sites([known], [], {known.scene_ids[0]: Sensor.S2}, Profile())[0].sensors == "s2"


def test_the_command_writes_a_page_of_figures(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, page = tmp_path / "truth.geojson", tmp_path / "page"
    truth.write_text(json.dumps(truth_geojson(place.world)), encoding="utf-8")
    where = ("--aoi", AOI_ID, "--truth", str(truth), "--home", str(place.home.root))
    code, out, _ = run(monkeypatch, capsys, "raster", *where, "--figures", str(page))
    assert code == 0 and "producer's accuracy" in out
    text = (page / "index.md").read_text(encoding="utf-8")
    for name in ("by_size", "lag", "precision_recall", "reliability"):
        assert f"({name}.png)" in text
        with Image.open(page / f"{name}.png") as picture:
            assert len(picture.convert("L").getcolors() or ()) > 10
    first = {p.name: p.read_bytes() for p in page.iterdir()}
    code, out, _ = run(monkeypatch, capsys, "raster", *where, "--figures", str(page), "--json")
    assert json.loads(out)["figures"]["lists"][0]["name"] == "watch list"
    assert first == {p.name: p.read_bytes() for p in page.iterdir()}


def test_wrong_use_of_the_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, capsys, "world", "--without", "luck")[0] == 2
    code, _, err = run(monkeypatch, capsys, "world", "--config", str(tmp_path / "none.toml"))
    assert code == 2 and "E2002" in err
    code, _, err = run(monkeypatch, capsys, "raster", "--aoi", "x", "--truth", "t", "--home", str(tmp_path))
    assert code == 2 and "no night has run" in err
