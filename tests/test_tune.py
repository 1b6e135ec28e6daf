"""What-if: the nights' own profile replays to the nights' own sites, others change what they must, and nothing is written."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from sat_monitor.core.clock import japan_day
from sat_monitor.core.errors import ProfileError, SatMonitorError, UsageError
from sat_monitor.core.profile import Profile
from sat_monitor.simulate.world import truth_geojson
from sat_monitor.store.store import Store
from sat_monitor.tune.compare import Fate, Level, Span, alarms_of, tickets_opened
from sat_monitor.tune.ground_truth import Knowledge, accuracy_of, read_truth, read_verdicts
from sat_monitor.tune.picture import draw_curve, draw_map
from sat_monitor.tune.replay import StoredNights, differing, moves_reference, read_nights, replay
from sat_monitor.tune.sweep import profiles_over, sweep
from sat_monitor.tune.what_if import WhatIf, compare_profiles, span_of, write_rows
from tests.night_world import AOI_ID, CLOCK, LAST, Place, build, copied, quiet

STRICT = Profile.model_validate({"name": "strict", "evidence": {"alarm_score": 8.5}, "lifecycle": {"confirm_hits": 6}})
EAGER = Profile.model_validate({"name": "eager", "evidence": {"alarm_score": 0.5}, "lifecycle": {"confirm_hits": 1}})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = build(tmp_path_factory.mktemp("tune") / "home")
    place.night()
    return place


@pytest.fixture(scope="module")
def nights(finished: Place) -> StoredNights:
    return read_nights(finished.home, AOI_ID)


@pytest.fixture(scope="module")
def truth(finished: Place, nights: StoredNights, tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    path = tmp_path_factory.mktemp("truth") / "truth.geojson"
    path.write_text(json.dumps(truth_geojson(finished.world)), encoding="utf-8")
    return read_truth(path, nights.aoi)


def compared(nights: StoredNights, new: Profile, *known: Knowledge) -> WhatIf:
    whole = Span(date(2025, 1, 1), LAST)
    return compare_profiles(nights, (nights.profile, new), whole, known, quiet)


def test_the_nights_own_profile_replays_to_the_sites_and_tickets_of_the_store(nights: StoredNights) -> None:
    [table] = replay(nights, [nights.profile], None, quiet)
    assert table.sites == {site.id: site for site in nights.sites} and table.sites
    valid = {t.id: t for t in nights.tickets if t.withdrawn_reason is None}
    assert {i: t for i, t in table.tickets.items() if t.withdrawn_reason is None} == valid and valid
    assert nights.explains(table)


def test_a_store_that_says_something_else_is_told(nights: StoredNights) -> None:
    [strict] = replay(nights, [STRICT], None, quiet)
    assert not nights.explains(strict)


def test_a_profile_against_itself_gains_and_loses_nothing(nights: StoredNights) -> None:
    found = compared(nights, nights.profile)
    assert found.agrees is True
    assert found.places and all(p.fate(level) in (Fate.KEPT, Fate.NONE) for p in found.places for level in Level)


def test_a_stricter_profile_only_loses_and_the_way_back_only_gains(nights: StoredNights) -> None:
    strict = compared(nights, STRICT)
    back = compare_profiles(nights, (STRICT, nights.profile), strict.span, (), quiet)
    lost, gained = ([place.fate(Level.CONFIRMED) for place in what_if.places] for what_if in (strict, back))
    assert lost.count(Fate.LOST) == gained.count(Fate.GAINED) > 0
    assert Fate.GAINED not in lost and Fate.LOST not in gained
    assert back.agrees is None and strict.agrees is True


def test_several_profiles_in_one_pass_end_as_each_alone(nights: StoredNights, monkeypatch: pytest.MonkeyPatch) -> None:
    together = replay(nights, [STRICT, EAGER], None, quiet)
    monkeypatch.setattr("sat_monitor.tune.replay._FIELD_BYTES", 1)
    assert together == replay(nights, [STRICT, EAGER], None, quiet)


def test_a_replay_to_a_day_is_what_the_nights_knew_on_that_day(
    finished: Place, nights: StoredNights, tmp_path: Path
) -> None:
    """Truncating the input after a day leaves everything up to it unchanged: the law of causality, end to end."""
    middle = date(2026, 8, 1)
    [cut] = replay(nights, [nights.profile], middle, quiet)
    fresh = build(tmp_path / "home")
    fresh.night(last=middle)
    assert cut.sites == {site.id: site for site in fresh.sites()} and cut.sites
    assert compared(nights, STRICT).agrees is True
    assert compare_profiles(nights, (nights.profile, STRICT), Span(middle, middle), (), quiet).agrees is None


def test_a_what_if_changes_no_byte_of_the_home(finished: Place, nights: StoredNights) -> None:
    def state() -> tuple[dict[str, str], int]:
        files = [
            p for p in sorted(finished.home.root.rglob("*")) if p.is_file() and not p.name.endswith(("-wal", "-shm"))
        ]
        hashes = {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
        with Store(finished.home.database, CLOCK, read_only=True) as store:
            return hashes, sum(1 for _ in store.events())

    before = state()
    found = compared(read_nights(finished.home, AOI_ID), EAGER)
    draw_map(found, Level.TICKET)
    assert state() == before
    assert tickets_opened(found.tables[1], found.span) >= tickets_opened(found.tables[0], found.span) > 0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sar": {"enl": 5.0}}, "sar.enl 5.0 .*4.4"),
        ({"optical": {"min_looks": 9}, "evidence": {"alarm_score": 4.0}}, "optical.min_looks"),
        ({"reference": {"near_days": 100}}, "reference.near_days"),
        ({"imagery": {"max_shift_px": 0.4}}, "imagery.max_shift_px"),
    ],
)
def test_settings_of_the_scores_are_refused_by_name(
    nights: StoredNights, changes: dict[str, dict[str, float]], named: str
) -> None:
    with pytest.raises(ProfileError, match=f"E1603.*{named}"):
        compared(nights, Profile.model_validate(changes))


def test_settings_that_freeze_reference_windows_are_noted_and_the_alarm_is_not_one(nights: StoredNights) -> None:
    wider = Profile.model_validate({"evidence": {"outline_score": -1.0}})
    assert moves_reference(nights, wider) == differing(nights.profile, wider) == ["evidence.outline_score"]
    assert any(line.startswith("NOTE: evidence.outline_score") for line in compared(nights, wider).lines)
    assert moves_reference(nights, STRICT) == []


def test_a_look_that_is_owed_stops_the_replay(finished: Place, tmp_path: Path) -> None:
    place = copied(finished, tmp_path / "home")
    with Store(place.home.database, CLOCK) as store, store.lease("test", 60) as lease:
        look = store.looks(AOI_ID)[-1]
        with store.transaction(lease) as transaction:
            transaction.put_look(look, "0" * 64)
    with pytest.raises(SatMonitorError, match="E1604"):
        read_nights(place.home, AOI_ID)


def test_a_change_map_that_is_gone_stops_the_replay(finished: Place, tmp_path: Path) -> None:
    place = copied(finished, tmp_path / "home")
    nights = read_nights(place.home, AOI_ID)
    folder = place.home.archive / AOI_ID / "changes"
    newest = next(path for path in sorted(folder.glob("*/*.json")) if nights.looks[-1].scene.id in path.name)
    newest.unlink()
    with pytest.raises(SatMonitorError, match=r"E1604.*no change map"):
        replay(nights, [nights.profile], None, quiet)


def test_an_unapproved_profile_stops_a_night_but_not_a_what_if(finished: Place, nights: StoredNights) -> None:
    from sat_monitor.night import NightRequest, run_night

    with pytest.raises(ProfileError, match="E1602"):
        run_night(NightRequest(finished.home, (AOI_ID,), None, LAST, EAGER), CLOCK, quiet)
    assert compared(nights, EAGER).places


def test_truth_gives_accuracy_with_intervals(nights: StoredNights, truth: Knowledge) -> None:
    found = compared(nights, STRICT, truth)
    accuracy = accuracy_of(found.tables[0], truth, Level.TICKET, found.span)
    assert accuracy.producers is not None and accuracy.producers.value == 1.0  # the one fill has its ticket
    assert accuracy.producers.low < 0.5  # and one fill proves little
    assert any("producer's accuracy of ticket by truth.geojson: 1.00" in line for line in found.lines)


def test_what_could_not_be_reached_or_seen_is_no_negative(nights: StoredNights, tmp_path: Path) -> None:
    alarm = alarms_of(replay(nights, [nights.profile], None, quiet)[0])[0]
    rows = [
        (alarm.site.id, "works", 1.0),
        (alarm.site.id, "could_not_reach", 1.0),
        (alarm.site.id, "could_not_see", 0.1),
    ]
    known = read_verdicts(verdicts(tmp_path, rows), nights.aoi, nights.sites)
    assert [place.works for place in known.places] == [True]


def test_a_verdict_of_low_ground_weighs_as_much_as_the_ground_it_stands_for(
    nights: StoredNights, tmp_path: Path
) -> None:
    """One alarm with works, drawn for sure; and works on quiet ground, drawn with 1 in 10: 1 of 11 were found."""
    [table] = replay(nights, [nights.profile], None, quiet)
    site = next(a.site for a in alarms_of(table) if a.ticket_at)
    corner = nights.aoi.grid.to_lonlat(nights.aoi.grid.x0 + 40.0, nights.aoi.grid.y0 - 40.0)
    path = tmp_path / "verdicts.csv"
    path.write_text(
        "site,lon,lat,verdict,inclusion_probability\n"
        f"{site.id},,,works,1\n,{corner[0]},{corner[1]},works,0.1\n", encoding="utf-8",
    )  # fmt: skip
    known = read_verdicts(path, nights.aoi, nights.sites)
    accuracy = accuracy_of(table, known, Level.TICKET, Span(date(2025, 1, 1), LAST))
    assert accuracy.producers is not None and accuracy.producers.value == pytest.approx(1 / 11)
    assert accuracy.users is not None and accuracy.users.value == 1.0 and accuracy.users.rows == 1


def verdicts(folder: Path, rows: list[tuple[str, str, float]]) -> Path:
    path = folder / "verdicts.csv"
    lines = ["site,verdict,inclusion_probability", *(f"{site},{verdict},{p}" for site, verdict, p in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("nowhere", "works", 1.0), "not in the store"),
        (("SITE", "yes", 1.0), "'yes' is none of"),
        (("SITE", "works", 0.0), "not above 0"),
        (("SITE", "works", 1.5), "at most 1"),
        (("", "works", 1.0), "lon"),
    ],
)
def test_a_verdict_that_cannot_be_used_is_named_by_its_line(
    nights: StoredNights, tmp_path: Path, row: tuple[str, str, float], said: str
) -> None:
    path = verdicts(tmp_path, [(row[0].replace("SITE", nights.sites[0].id), row[1], row[2])])
    with pytest.raises(SatMonitorError, match=f"E1605.*line 2.*{said}"):
        read_verdicts(path, nights.aoi, nights.sites)


def test_a_sweep_draws_a_falling_curve(nights: StoredNights, truth: Knowledge, tmp_path: Path) -> None:
    varied = profiles_over(nights.profile, "lifecycle.confirm_hits", "1, 3,8,20")
    rows = sweep(nights, varied, Span(date(2025, 1, 1), LAST), (truth,), quiet)
    sites = [int(str(row["confirmed_sites"])) for row in rows]
    assert sites == sorted(sites, reverse=True) and sites[0] > sites[-1]
    with write_rows(rows, tmp_path / "curve.csv").open(encoding="utf-8", newline="") as file:
        assert [row["value"] for row in csv.DictReader(file)] == ["1", "3", "8", "20"]
    assert draw_curve(rows, "lifecycle.confirm_hits", "x").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("setting", "values", "code"),
    [
        ("evidence.nothing", "1", "E2001"),
        ("alarm_score", "1", "E2001"),
        ("evidence.alarm_score", " , ", "E2001"),
        ("evidence.alarm_score", "3,99", "E1601"),
        ("evidence.alarm_score", "high", "E1601"),
        ("evidence.outline_score", "4", "E1601"),  # above the alarm
    ],
)
def test_a_sweep_refuses_what_no_profile_may_hold(setting: str, values: str, code: str) -> None:
    with pytest.raises((UsageError, ProfileError), match=code):
        profiles_over(Profile(), setting, values)


def test_the_map_shows_the_area_with_what_is_lost_and_is_the_same_every_time(
    nights: StoredNights, tmp_path: Path
) -> None:
    found = compared(nights, STRICT)
    drawn = draw_map(found, Level.CONFIRMED)
    assert drawn == draw_map(found, Level.CONFIRMED)
    path = tmp_path / "map.png"
    path.write_bytes(drawn)
    colours = {colour for _, colour in Image.open(path).convert("RGB").getcolors(maxcolors=1 << 24) or ()}
    assert (0, 200, 255) in colours


def test_rows_are_written_as_csv_or_json_and_nothing_else(nights: StoredNights, tmp_path: Path) -> None:
    rows = compared(nights, STRICT).rows
    assert json.loads(write_rows(rows, tmp_path / "a.json").read_text(encoding="utf-8")) == rows
    with pytest.raises(UsageError, match="E2001"):
        write_rows(rows, tmp_path / "a.xlsx")


def test_a_span_reaches_from_the_first_look_to_the_last_and_never_backwards(nights: StoredNights) -> None:
    days = [japan_day(look.scene.acquired_at) for look in nights.looks]
    assert span_of(nights, None, None) == Span(days[0], days[-1])
    with pytest.raises(UsageError, match="E2001"):
        span_of(nights, days[-1], days[0])
