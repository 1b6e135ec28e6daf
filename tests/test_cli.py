"""The command: exit codes, listings, exports, and errors that say what to do."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import geopandas as gpd
import pytest
from shapely.geometry import Polygon, mapping

from sat_monitor import cli
from tests.night_world import AOI_ID, LAST, build


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one night."""
    place = build(tmp_path_factory.mktemp("cli") / "home")
    place.night()
    return place.home.root


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command; returns exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sat-monitor", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


def test_a_night_without_anything_owed_is_done_and_prints_its_accounting(home: Path, call) -> None:
    days = ("--from", "2026-06-01", "--to", LAST.isoformat())
    code, out, _ = call("night", "--aoi", AOI_ID, *days, "--home", str(home))
    assert code == cli.DONE
    assert "The accounting closes" in out and f"| {AOI_ID} |" in out


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (("night", "--aoi", "nowhere"), "E1504"),
        (("night", "--date", "2026-01-01", "--to", "2026-01-02"), "E2001"),
        (("night", "--from", "2026-02-01", "--to", "2026-01-02"), "E2001"),
        (("import", "s2-cube", "missing.nc", "--aoi", "x"), "E2002"),
        (("import", "stac", ".", "--aoi", "nowhere"), "E1504"),
        (("night", "--profile", "missing.toml"), "E2002"),
        (("sites", "list"), "E2002"),
        (("audit", "verify"), "E2002"),
    ],
)
def test_wrong_use_leaves_with_two_and_a_number(arguments: tuple[str, ...], number: str, tmp_path: Path, call) -> None:
    code, _, err = call(*arguments, "--home", str(tmp_path))
    assert code == cli.WRONG_USE
    assert number in err and "Do: " in err


def test_a_profile_that_contradicts_itself_is_refused_with_both_values(tmp_path: Path, call) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text("[evidence]\noutline_score = 4.5\nalarm_score = 2.5\n", encoding="utf-8")
    code, _, err = call("night", "--profile", str(profile), "--home", str(tmp_path))
    assert code == cli.WRONG_USE and "4.5" in err and "2.5" in err and "E1601" in err


def test_an_import_of_nothing_usable_could_not_run(tmp_path: Path, call) -> None:
    bad = tmp_path / "cube.nc"
    bad.write_bytes(b"<html>" * 400)
    code, _, err = call("import", "s2-cube", str(bad), "--aoi", "x", "--home", str(tmp_path / "home"))
    assert code == cli.COULD_NOT_RUN and "E1104" in err


def test_listings_are_json_for_machines(home: Path, call) -> None:
    code, out, _ = call("tickets", "list", "--json", "--home", str(home))
    [ticket, *_] = json.loads(out)
    assert code == 0 and ticket["aoi"] == AOI_ID
    code, out, _ = call("tickets", "show", ticket["id"], "--home", str(home))
    assert (Path(json.loads(out)["folder"]) / "ticket.pdf").is_file()
    code, out, _ = call("sites", "list", "--json", "--home", str(home), "--aoi", AOI_ID)
    assert {"id", "kind", "status", "first_confirmed_at"} <= set(json.loads(out)[0])
    code, out, _ = call("sites", "show", ticket["site"], "--home", str(home))
    assert json.loads(out)["features"][0]["id"] == ticket["site"]
    code, out, _ = call("aoi", "list", "--json", "--home", str(home))
    assert {"tama", "oshima", AOI_ID} <= {row["id"] for row in json.loads(out)}


@pytest.mark.parametrize("fmt", ["geojson", "gpkg", "csv"])
def test_sites_and_tickets_are_exported(fmt: str, home: Path, tmp_path: Path, call) -> None:
    counts = {}
    for what in ("sites", "tickets"):
        out = tmp_path / f"{what}.{fmt}"
        code, _, _ = call(what, "export", "--aoi", AOI_ID, "--format", fmt, "--out", str(out), "--home", str(home))
        assert code == 0
        counts[what] = len(gpd.read_file(out))
    assert counts["sites"] >= counts["tickets"] > 0


def test_an_outline_becomes_an_aoi_and_a_crossed_one_does_not(tmp_path: Path, call) -> None:
    good, bad = tmp_path / "good.geojson", tmp_path / "bad.geojson"
    good.write_text(json.dumps(mapping(Polygon([(-70.7, -33.5), (-70.6, -33.5), (-70.6, -33.4), (-70.7, -33.4)]))))
    bad.write_text(json.dumps(mapping(Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]))))
    assert call("aoi", "add", str(good), "--id", "santiago", "--home", str(tmp_path))[0] == 0
    code, out, _ = call("aoi", "show", "santiago", "--home", str(tmp_path))
    assert json.loads(out)["features"][0]["properties"]["grid"]["epsg"] == 32719
    code, _, err = call("aoi", "add", str(bad), "--id", "bow", "--home", str(tmp_path))
    assert code == cli.WRONG_USE and "E1502" in err


def test_a_changed_digit_in_one_event_body_is_found_with_its_seq(home: Path, tmp_path: Path, call) -> None:
    code, out, _ = call("audit", "verify", "--home", str(home))
    assert code == 0 and "verified" in out
    head = next(line.split()[1] for line in out.splitlines() if line.startswith("head"))
    assert call("audit", "verify", "--head", head, "--home", str(home))[0] == 0
    broken = tmp_path / "home"
    broken.mkdir()
    with sqlite3.connect(home / "sat_monitor.db") as source, sqlite3.connect(broken / "sat_monitor.db") as copy:
        source.backup(copy)
        copy.execute("DROP TRIGGER events_no_update")
        seq, body = copy.execute("SELECT seq, body FROM events WHERE kind = 'look.recorded' LIMIT 1").fetchone()
        digit = next(i for i, letter in enumerate(body) if letter.isdigit())
        changed = body[:digit] + str((int(body[digit]) + 1) % 10) + body[digit + 1 :]
        copy.execute("UPDATE events SET body = ? WHERE seq = ?", (changed, seq))
    code, out, _ = call("audit", "verify", "--home", str(broken))
    assert code == cli.COULD_NOT_RUN and f"seq {seq}" in out


def test_every_archived_file_can_be_checked(home: Path, call) -> None:
    assert call("audit", "verify", "--files", "--home", str(home))[0] == 0


def test_the_doctor_looks_at_everything_and_prints_no_secret(home: Path, call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SH_CLIENT_SECRET", "canary-4711")
    code, out, _ = call("doctor", "--json", "--home", str(home))
    found = {row["what"]: row for row in json.loads(out)}
    assert {"disk", "database", "font", "GDAL", "credentials", "torch", "prefect"} <= set(found)
    assert code == 0 and "canary" not in out and all(row["ok"] for row in found.values())


def test_a_profile_is_tried_refused_approved_and_used(home: Path, tmp_path: Path, call) -> None:
    profile, picture, table = tmp_path / "new.toml", tmp_path / "map.png", tmp_path / "places.csv"
    profile.write_text('name = "new"\n[lifecycle]\nconfirm_hits = 4\n', encoding="utf-8")
    here = ("--home", str(home))
    code, out, _ = call(
        "tune", "--profile", str(profile), "--aoi", AOI_ID, "--map", str(picture), "--out", str(table), *here
    )
    assert code == cli.DONE and "tickets per week" in out and "no ticket was opened" in out
    assert picture.read_bytes().startswith(b"\x89PNG") and table.read_text(encoding="utf-8").startswith("place,")
    night = ("night", "--aoi", AOI_ID, "--profile", str(profile), "--date", LAST.isoformat(), *here)
    code, _, err = call(*night)
    assert code == cli.WRONG_USE and "E1602" in err and "profile approve" in err
    code, out, _ = call("profile", "approve", str(profile), "--by", "Sato Hanako", "--reason", "tried on June", *here)
    assert code == cli.DONE and "approved: new" in out
    assert call(*night)[0] == cli.DONE
    told = json.loads(call("profile", "list", "--json", *here)[1])
    assert [row["what"] for row in told] == ["shipped", "approved", "loaded"]
    assert (told[1]["by"], told[1]["reason"]) == ("Sato Hanako", "tried on June")


def test_a_sweep_prints_a_row_per_value(home: Path, tmp_path: Path, call) -> None:
    out_file, figure = tmp_path / "curve.csv", tmp_path / "curve.png"
    code, out, _ = call(
        "tune", "sweep", "--setting", "evidence.alarm_score", "--values", "3,8", "--aoi", AOI_ID,
        "--out", str(out_file), "--figure", str(figure), "--home", str(home),
    )  # fmt: skip
    assert code == cli.DONE and "evidence.alarm_score: 2" in out
    assert len(out_file.read_text(encoding="utf-8").splitlines()) == 3 and figure.is_file()


@pytest.mark.parametrize(
    "arguments", [("tune", "--aoi", AOI_ID), ("tune", "--profile", "x.toml"), ("profile", "list"), ("tune", "sweep")]
)
def test_a_what_if_without_what_it_needs_is_wrong_use(arguments: tuple[str, ...], tmp_path: Path, call) -> None:
    assert call(*arguments, "--home", str(tmp_path))[0] == cli.WRONG_USE
