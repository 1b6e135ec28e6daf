"""Whole nights on a small simulated place: idempotent, independent of arrival order, never stopped by one bad scene."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from shapely.geometry import mapping

from sat_monitor.audit import verify
from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.profile import Profile
from sat_monitor.night import NightRequest, run_night
from sat_monitor.store.store import Store
from tests.night_world import (
    AOI_ID,
    CLOCK,
    FROM,
    LAST,
    Place,
    bring_back,
    build,
    copied,
    day_of,
    keep_scenes,
    later,
    quiet,
    small_aoi,
)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home with a full inbox; nothing has run."""
    return build(tmp_path_factory.mktemp("night") / "home")


@pytest.fixture(scope="session")
def finished(filled: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The same after one night over the whole season; tests that change it take a copy."""
    place = copied(filled, tmp_path_factory.mktemp("finished") / "home")
    place.night()
    return place


def test_a_simulated_fill_becomes_a_ticket_on_paper(finished: Place) -> None:
    [fill] = finished.world.fills
    tickets = finished.valid_tickets()
    sites = {site.id: site for site in finished.sites()}
    assert any(sites[ticket.site_id].outline.intersects(fill.outline) for ticket in tickets)
    for ticket in tickets:
        folder = finished.home.ticket(ticket)
        assert (folder / "ticket.pdf").read_bytes().startswith(b"%PDF")
        assert json.loads((folder / "ticket.geojson").read_text())["features"][0]["properties"]["simulated"] is True


def test_a_second_night_over_the_same_days_changes_nothing_but_run_tables(finished: Place) -> None:
    before = finished.dump()
    report = finished.night()
    assert finished.dump() == before
    assert report.aois[0].looks_computed == 0
    assert not report.degraded


def test_leads_wait_until_somebody_takes_them_and_then_go_with_the_night(finished: Place, tmp_path: Path) -> None:
    place = copied(finished, tmp_path / "home")
    first = place.night()
    assert {p.lead.ticket_id for p in first.delivery.waiting} == {ticket.id for ticket in place.valid_tickets()}
    assert f"ticket {first.delivery.waiting[0].lead.ticket_id}" in first.path.read_text(encoding="utf-8")
    sink = f'[[sink]]\nname = "share"\nkind = "folder"\npath = "{tmp_path / "share"}"\ntakes = ["ticket"]\n'
    (place.home.root / "delivery.toml").write_text(sink, encoding="utf-8")
    second = place.night()
    assert 1 <= len(second.delivery.sent) <= 5
    assert not second.degraded
    for ticket_id in (p.lead.ticket_id for p in second.delivery.chosen):
        folder = tmp_path / "share" / ticket_id
        assert (folder / "ticket.pdf").read_bytes().startswith(b"%PDF")
        facts = json.loads((folder / "message.json").read_text(encoding="utf-8"))
        assert facts["simulated"] is True
        assert facts["rank"] > 0.0
    before = place.dump()
    place.night()
    assert place.dump() == before
    assert verify(place.home).ok


def test_the_accounting_closes(finished: Place) -> None:
    [aoi] = finished.night().aois
    assert aoi.expected == aoi.processed + aoi.deferred + aoi.rejected + aoi.superseded > 200
    assert aoi.closes


def test_scenes_in_another_order_give_the_same_sites_and_the_same_valid_tickets(
    filled: Place, finished: Place, tmp_path: Path
) -> None:
    place = copied(filled, tmp_path / "home")
    # Every third scene of the season arrives after all the others, some of them after tickets were delivered.
    keep_scenes(place, lambda name: day_of(name) < FROM or day_of(name).toordinal() % 3 != 0, tmp_path / "late")
    place.night()
    bring_back(place, tmp_path / "late")
    place.night()
    assert place.sites() == finished.sites()
    assert place.valid_tickets() == finished.valid_tickets()


def test_nights_one_after_the_other_say_what_one_long_night_says(
    filled: Place, finished: Place, tmp_path: Path
) -> None:
    place = copied(filled, tmp_path / "home")
    for days in (30, 61, 92, 150):
        place.night(FROM, min(LAST, later(FROM, days)))
    assert place.sites() == finished.sites()
    assert place.valid_tickets() == finished.valid_tickets()


def test_cutting_the_input_after_a_day_changes_nothing_before_it(
    filled: Place, finished: Place, tmp_path: Path
) -> None:
    place = copied(filled, tmp_path / "home")
    cut = date(2026, 8, 10)
    place.night(FROM, cut)
    early = {t.id: t for t in place.valid_tickets()}
    known = {t.id: t for t in finished.valid_tickets() if t.opened_at.date() < cut}
    assert {i: (t.site_id, t.opened_at) for i, t in early.items() if t.opened_at.date() < cut} == {
        i: (t.site_id, t.opened_at) for i, t in known.items()
    }


def test_a_flipped_byte_in_an_archived_file_is_found_when_it_is_next_used_and_mended_from_its_source(
    filled: Place, finished: Place, tmp_path: Path
) -> None:
    place = copied(filled, tmp_path / "home")
    place.night(FROM, date(2026, 8, 1))
    image = place.image(40)
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 0xFF
    image.write_bytes(content)
    report = place.night()
    assert any("E1102" in problem and "fetched again" in problem for problem in report.aois[0].problems)
    assert bytearray(image.read_bytes()) != content
    assert place.sites() == finished.sites()
    assert verify(place.home).ok


def test_a_damaged_file_without_a_source_leaves_the_history_and_the_night_goes_on(
    filled: Place, tmp_path: Path
) -> None:
    place = copied(filled, tmp_path / "home")
    place.night(FROM, date(2026, 7, 1))
    image = place.image(40)
    image.write_bytes(image.read_bytes()[:-7])
    shutil.rmtree(place.home.inbox / AOI_ID / "scenes" / image.stem)
    [aoi] = place.night(FROM, date(2026, 7, 20)).aois
    assert any("E1102" in problem and "does not hold it" in problem for problem in aoi.problems)
    assert aoi.looks_computed > 0
    assert place.night(FROM, date(2026, 7, 20)).aois[0].looks_computed == 0


def test_one_bad_scene_never_stops_the_night(filled: Place, tmp_path: Path) -> None:
    place = copied(filled, tmp_path / "home")
    images = sorted((place.home.inbox / AOI_ID / "scenes").glob("*/*.tif"))
    images[-1].write_bytes(b"<html>busy</html>" * 40)
    images[-2].write_bytes(images[-2].read_bytes()[:2000])
    images[-3].write_bytes(b"")
    report = place.night(date(2026, 9, 1), LAST)
    [aoi] = report.aois
    assert aoi.deferred == 3 and aoi.rejected == 0 and aoi.closes and report.degraded
    assert aoi.looks_computed > 0
    assert {code for code in ("E1101", "E1103", "E1104") if any(code in p for p in aoi.problems)} == {
        "E1101",
        "E1103",
        "E1104",
    }


def test_one_failed_aoi_does_not_fail_the_others(finished: Place) -> None:
    request = NightRequest(finished.home, ("nowhere", AOI_ID), FROM, LAST, Profile())
    report = run_night(request, CLOCK, quiet)
    assert [aoi.aoi for aoi in report.aois] == [AOI_ID]
    assert "E1504" in report.failed[0]


def test_a_changed_profile_makes_every_look_owed_again_and_is_in_the_history(finished: Place, tmp_path: Path) -> None:
    place = copied(finished, tmp_path / "home")
    stricter = Profile.model_validate({"name": "strict", "lifecycle": {"confirm_hits": 6}})
    report = place.night(profile=stricter)
    assert report.aois[0].looks_computed > 20
    with Store(place.home.database, CLOCK) as store:
        assert store.has_profile(stricter.sha256)
        kinds = [event.kind for event in store.events()]
    assert kinds.count("profile.shipped") == 1 and kinds.count("profile.loaded") == 1
    confirmed = {site.id for site in place.sites() if site.first_confirmed_at}
    assert confirmed <= {site.id for site in finished.sites() if site.first_confirmed_at}


def test_the_printed_head_is_in_the_chain(finished: Place) -> None:
    from sat_monitor.audit import parse_head

    ticket = finished.valid_tickets()[0]
    record = json.loads((finished.home.ticket(ticket) / "ticket.json").read_text())
    assert verify(finished.home, parse_head(record["chain_head"])).ok


def test_two_nights_at_once_are_refused(finished: Place) -> None:
    from sat_monitor.core.errors import StoreError

    with (
        Store(finished.home.database, fixed_clock(CLOCK())) as store,
        store.lease("other", 600),
        pytest.raises(StoreError, match="E1701"),
    ):
        finished.night()


@pytest.mark.parametrize("damaged", [False, True])
def test_ground_that_moves_under_a_fill_is_a_ground_of_its_rank(filled: Place, tmp_path: Path, damaged: bool) -> None:
    place = copied(filled, tmp_path / "home")
    outline = mapping(small_aoi().outline)
    row = {"velocity_mm_per_yr": -25.0, "faster": True}
    listed = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": outline, "properties": row}]}
    path = place.home.moving_areas(AOI_ID)
    path.parent.mkdir(parents=True)
    path.write_text("{" if damaged else json.dumps(listed), encoding="utf-8")

    report = place.night()

    with Store(place.home.database, CLOCK) as store:
        bodies = [json.loads(event.body) for event in store.events() if event.kind == "ticket.delivered"]
    assert bodies
    if damaged:
        assert "E2207" in report.to_markdown()
        assert not any("grounds" in body for body in bodies)
    else:
        assert all({"ground_moves", "ground_accelerates"} <= {code for code, _ in body["grounds"]} for body in bodies)
