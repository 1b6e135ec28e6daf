"""Nights that fetch: the accounting closes, outages and late scenes catch up, and re-issues take their place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from sat_monitor.core.clock import fixed_clock, system_clock
from sat_monitor.core.home import Home
from sat_monitor.imagery.archive import Archive
from sat_monitor.night import NightRequest, run_night
from sat_monitor.standin import faults
from sat_monitor.standin.holdings import Holding
from sat_monitor.standin.server import Rule
from sat_monitor.store.store import Store
from sat_monitor.store.usage import Quota, UsageMeter
from tests.night_world import AOI_ID, CLOCK, FROM, LAST, Place, later, quiet
from tests.service_nights import (
    PROFILE,
    Season,
    fetching,
    fresh,
    night_clock,
    reissued,
    same,
    season_editions,
    show,
)
from tests.service_world import CLIENT, PROCESS, SEARCH, World, world


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Season:
    return Season.make(tmp_path_factory.mktemp("season") / "provider")


@pytest.fixture(scope="module")
def undisturbed(season: Season, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One night at which everything was there, editions included."""
    place = season.home(tmp_path_factory.mktemp("undisturbed") / "home")
    with fetching(season, place) as run:
        report = run([*season.products(), *(reissued(p) for p in season_editions(season))])
    assert not report.aois[0].problems and report.aois[0].superseded == 2
    return place


@pytest.fixture
def hub(season: Season, tmp_path: Path) -> Iterator[World]:
    with world(season.holdings(season.products()), tmp_path / "fetch") as running:
        yield running


def night(hub: World, place: Place, first: date = FROM, last: date = LAST) -> object:
    request = NightRequest(place.home, (AOI_ID,), first, last, PROFILE, sources=(hub.source(),))
    return run_night(request, CLOCK, quiet).aois[0]


def test_a_night_that_fetches_closes_its_accounts_and_finds_the_fill(undisturbed: Place) -> None:
    report = (undisturbed.home.reports / f"night-{FROM}_{LAST}.md").read_text()
    assert "The accounting closes" in report and "every 5 days" in report and "every 12 days" in report
    [fill] = undisturbed.world.fills
    sites = {site.id: site for site in undisturbed.sites()}
    assert any(sites[t.site_id].outline.intersects(fill.outline) for t in undisturbed.valid_tickets())
    assert verify(undisturbed.home).ok


def test_a_second_night_asks_the_catalogue_only_and_changes_nothing(
    season: Season, undisturbed: Place, tmp_path: Path
) -> None:
    place = fresh(undisturbed, tmp_path / "home")
    before = place.dump()
    everything = [*season.products(), *(reissued(p) for p in season_editions(season))]
    with world(season.holdings(everything), tmp_path / "fetch") as hub:
        aoi = night(hub, place)
        assert hub.processed() == 0
    assert aoi.closes and aoi.new_scenes == 0 and aoi.looks_computed == 0  # type: ignore[attr-defined]
    assert place.dump() == before


def known(season: Season, day: date) -> list[Holding]:
    """What the provider lists on the night of a day."""
    night_at = night_clock(day)()
    return [p for p in season.products() if p.made_at < night_at]


@pytest.fixture(scope="module")
def weeks(season: Season, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Place]:
    """A home three weeks before the end of the season, and the same after a few more nights that all went well."""
    place = season.home(tmp_path_factory.mktemp("weeks") / "home")
    first = later(LAST, -21)
    with fetching(season, place) as run:
        run(known(season, first), first, night_clock(first))
    after = fresh(place, tmp_path_factory.mktemp("after") / "home")
    with fetching(season, after) as run:
        for day in (later(LAST, -14), later(LAST, -7), LAST):
            run(known(season, day), day, night_clock(day))
    return place, after


@pytest.mark.parametrize("nights", range(1, 15))
def test_an_outage_of_some_nights_leaves_no_trace(
    season: Season, weeks: tuple[Place, Place], tmp_path: Path, nights: int
) -> None:
    place = fresh(weeks[0], tmp_path / "home")
    with world(season.holdings([]), tmp_path / "fetch") as hub:
        hub.stand_in.rules[:] = [Rule("", faults.status(503), 999)]
        for day in (later(LAST, -k) for k in range(nights, 0, -1)):
            request = NightRequest(place.home, (AOI_ID,), FROM, day, PROFILE, sources=(hub.source(),))
            report = run_night(request, night_clock(day), quiet)
            assert report.degraded and "E1903" in report.to_markdown() and not report.failed
        hub.stand_in.rules.clear()
        show(hub, season, known(season, LAST))
        request = NightRequest(place.home, (AOI_ID,), FROM, LAST, PROFILE, sources=(hub.source(),))
        run_night(request, night_clock(LAST), quiet)
    assert same(place, weeks[1]) and place.dump_truth() == weeks[1].dump_truth()


def test_a_scene_that_comes_late_recomputes_what_came_after_it(season: Season, tmp_path: Path) -> None:
    products = season.products()
    late = next(p for p in products if p.scene.acquired_at.date() >= later(FROM, 30))
    place = season.home(tmp_path / "home")
    with fetching(season, place) as run:
        run([p for p in products if p is not late])
        [aoi] = run(products).aois
    after = [p for p in products if p.scene.acquired_at >= late.scene.acquired_at]
    assert aoi.new_scenes == 1 and aoi.looks_computed == len(after)


def test_a_new_edition_takes_the_place_of_the_old_which_stays_for_the_auditor(season: Season, tmp_path: Path) -> None:
    products, [_, edition] = season.products(), season_editions(season)
    place = season.home(tmp_path / "home")
    with fetching(season, place) as run:
        run(products)
        with Store(place.home.database, CLOCK) as store:
            before = {scene.id: scene for scene in store.scenes(AOI_ID)}
        [aoi] = run([*products, reissued(edition)]).aois
        again = run([*products, reissued(edition)]).aois[0]
    assert aoi.closes and aoi.superseded == 1 and aoi.new_scenes == 1 and again.new_scenes == 0
    with Store(place.home.database, CLOCK) as store:
        after = {scene.id: scene for scene in store.scenes(AOI_ID)}
        events = [event for event in store.events() if event.kind == "scene.superseded"]
    [changed] = [i for i in after if after[i].pixels_sha256 != before[i].pixels_sha256]
    assert len(events) == 1 and before[changed].pixels_sha256 in events[0].body
    older = place.home.archive / AOI_ID / "superseded" / f"{changed}_{before[changed].pixels_sha256[:12]}"
    assert len(list(older.iterdir())) == 2 and not Archive(place.home.archive).damaged()


def test_an_older_edition_that_is_listed_later_changes_nothing(season: Season, tmp_path: Path) -> None:
    products, [_, edition] = season.products(), season_editions(season)
    place = season.home(tmp_path / "home")
    newer = [p for p in products if p is not edition] + [reissued(edition)]
    with fetching(season, place) as run:
        run(newer)
        before = place.dump()
        [aoi] = run(list(products)).aois
    assert aoi.looks_computed == 0 and place.dump() == before


def test_a_new_edition_that_is_no_good_leaves_the_old_one_in_use(season: Season, hub: World, tmp_path: Path) -> None:
    products, [_, edition] = season.products(), season_editions(season)
    place = season.home(tmp_path / "home")
    night(hub, place)
    before = place.sites()
    show(hub, season, [*products, reissued(edition)])
    hub.stand_in.rules.append(Rule(PROCESS, faults.page(b"<html>", "text/html"), 99))
    aoi = night(hub, place)
    assert aoi.deferred == 1 and aoi.closes and place.sites() == before  # type: ignore[attr-defined]


def test_a_quota_that_ends_in_the_night_defers_the_rest_and_the_next_month_catches_up(
    season: Season, undisturbed: Place, hub: World, tmp_path: Path
) -> None:
    place = season.home(tmp_path / "home")
    show(hub, season, [*season.products(), *(reissued(p) for p in season_editions(season))])
    moment = datetime(2026, 9, 21, tzinfo=UTC)
    place.home.root.mkdir(exist_ok=True)
    for month in range(9):
        clock = fixed_clock(moment + timedelta(days=31 * month))
        meter = UsageMeter(place.home.database, clock, {"hub": Quota(requests=60)})
        source = hub.source(hub.door(meter=meter))
        [aoi] = run_night(
            NightRequest(place.home, (AOI_ID,), FROM, LAST, PROFILE, sources=(source,)), CLOCK, quiet
        ).aois
        assert aoi.closes and max(use.requests for use in meter.usage()) <= 60
        if not aoi.deferred:
            break
        assert any("E1902" in problem for problem in aoi.problems)
    assert month > 1 and same(place, undisturbed)


def test_a_catalogue_that_is_down_stops_neither_detection_nor_the_report(
    season: Season, hub: World, tmp_path: Path
) -> None:
    place = season.home(tmp_path / "home")
    hub.stand_in.rules.append(Rule(SEARCH, faults.status(500), 99))
    aoi = night(hub, place)
    assert aoi.expected == 0 and aoi.closes and aoi.degraded  # type: ignore[attr-defined]
    assert any("E1903" in problem for problem in aoi.problems)  # type: ignore[attr-defined]


def test_a_damaged_file_waits_for_a_service_that_is_down_and_is_then_restored(
    season: Season, undisturbed: Place, tmp_path: Path
) -> None:
    place = fresh(undisturbed, tmp_path / "home")
    image = place.image(-40)
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 4
    image.write_bytes(bytes(content))
    everything = [*season.products(), *(reissued(p) for p in season_editions(season))]
    extra = reissued(season.products()[-30])
    with world(season.holdings([*everything, extra]), tmp_path / "fetch") as hub:
        hub.stand_in.rules.append(Rule(PROCESS, faults.status(503), 999, after=1))
        night(hub, place)
        assert {s.id for s in place.sites()} == {s.id for s in undisturbed.sites()}
        hub.stand_in.rules.clear()
        aoi = night(hub, place)
    assert not aoi.deferred and aoi.looks_computed > 0  # type: ignore[attr-defined]
    assert not Archive(place.home.archive).damaged() and verify(place.home).ok


def test_a_track_that_falls_silent_raises_the_alarm(season: Season, tmp_path: Path) -> None:
    products = [p for p in season.products() if p.scene.track is None or p.scene.acquired_at.date() < later(LAST, -40)]
    place = season.home(tmp_path / "home")
    with fetching(season, place) as run:
        [aoi] = run(products).aois
    silent = [problem for problem in aoi.problems if problem.startswith("E1304")]
    assert len(silent) == 2 and all("usual is one in 12" in text for text in silent) and aoi.degraded


def test_no_secret_is_in_the_database_the_reports_or_the_archive(season: Season, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    place = season.home(home.root)
    with world(season.holdings(season.products()[-60:]), home.root / "fetch") as hub:
        hub.stand_in.rules += [Rule(PROCESS, faults.status(code), 1, after=code % 7) for code in (401, 429, 500, 403)]
        night(hub, place)
        tokens = [token for answerer in hub.stand_in.answerers for token in answerer.tokens]  # type: ignore[attr-defined]
        assert tokens
    for path in home.root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [s for s in (*CLIENT, *tokens) if s.encode() in content], path


def test_the_clock_of_quotas_is_that_of_the_world(undisturbed: Place) -> None:
    assert UsageMeter(undisturbed.home.database, system_clock, {}).usage() == []
