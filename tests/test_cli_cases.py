"""The commands of the work on tickets, from a night's ticket to accuracy by the verdicts of people."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sat_monitor import cli
from tests.night_world import AOI_ID, build
from tests.test_photos import jpeg

WHO = ("--actor", "Sato Hanako", "--reason", "looked at from the road")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one night."""
    place = build(tmp_path_factory.mktemp("cases") / "home")
    place.night()
    return place.home.root


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path):
    """Run the command at the home; returns exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("SAT_MONITOR_HOME", str(home))
        monkeypatch.setattr(sys, "argv", ["sat-monitor", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def ticket(call) -> str:
    return str(json.loads(call("tickets", "list", "--json")[1])[0]["id"])


def test_a_ticket_is_worked_on_from_the_command_line(call, ticket: str, tmp_path: Path) -> None:
    assert json.loads(call("tickets", "show", ticket)[1])["case"] == {"state": "candidate", "version": 0}
    code, _, err = call("tickets", "assign", ticket, "--to", "Suzuki", *WHO)
    assert code == cli.COULD_NOT_RUN and "E1810" in err and "desk-check" in err
    code, out, _ = call("tickets", "desk-check", ticket, "--seen", "0", *WHO)
    assert code == cli.DONE and out == f"{ticket} version 2: desk_check (机上確認)\n"
    code, _, err = call("tickets", "advance", ticket, "--to", "field_ticket", "--seen", "1", *WHO)
    assert code == cli.COULD_NOT_RUN and "E1811" in err
    order = tmp_path / "order.geojson"
    days = ("--from", "2026-09-01", "--to", "2026-10-01")
    assert call("tickets", "request-image", ticket, *days, "--out", str(order), *WHO)[0] == cli.DONE
    [wanted] = json.loads(order.read_text(encoding="utf-8"))["features"]
    assert wanted["properties"]["from"] == "2026-09-01" and wanted["properties"]["reason"] == WHO[3]
    assert wanted["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert call("tickets", "advance", ticket, "--to", "field_ticket", *WHO)[0] == cli.DONE
    assert call("tickets", "assign", ticket, "--to", "Suzuki", *WHO)[0] == cli.DONE
    code, _, err = call("tickets", "inspect", ticket, "--on", "2999-01-01", *WHO)
    assert code == cli.WRONG_USE and "yet to come" in err
    assert call("tickets", "inspect", ticket, "--on", "2026-09-20", *WHO)[0] == cli.DONE
    photo = tmp_path / "a.jpg"
    photo.write_bytes(jpeg())
    code, out, _ = call("tickets", "photo", ticket, str(photo), *WHO)
    assert code == cli.DONE and "taken at: 2025-07-10T10:11:12+09:00" in out
    code, out, _ = call("tickets", "verdict", ticket, "improper_fill_suspected", "--lang", "en", *WHO)
    assert code == cli.DONE and "inspected (inspected), improper_fill_suspected (improper fill suspected)" in out
    for state in ("recommended", "ordered", "corrected", "closed"):
        assert call("tickets", "advance", ticket, "--to", state, *WHO)[0] == cli.DONE
    code, _, err = call("tickets", "advance", ticket, "--to", "candidate", *WHO)
    assert code == cli.WRONG_USE and "no step leads to candidate" in err
    shown = json.loads(call("tickets", "show", ticket)[1])["case"]
    assert shown["state"] == "closed" and shown["next"] == ["reopen"] and shown["assignee"] == "Suzuki"
    assert {(row["by"], row["reason"]) for row in shown["history"]} == {(WHO[1], WHO[3])}
    assert call("audit", "verify")[0] == cli.DONE


def test_listings_name_states_and_verdicts(call, ticket: str) -> None:
    listed = json.loads(call("tickets", "list", "--json")[1])
    assert {row["state"] for row in listed if row["id"] == ticket} == {"closed"}
    assert [row["id"] for row in json.loads(call("tickets", "cases", "--state", "closed", "--json")[1])] == [ticket]
    assert json.loads(call("tickets", "cases", "--state", "ordered", "--json")[1]) == []
    assert len(json.loads(call("tickets", "verdicts", "--json")[1])) == 13


def test_an_ended_case_is_reopened_and_handed_over(call, ticket: str) -> None:
    code, out, _ = call("tickets", "reopen", ticket, *WHO)
    new = out.split()[0]
    assert code == cli.DONE and new != ticket
    code, out, _ = call("tickets", "hand-over", new, "--authority", "八王子市", *WHO)
    assert code == cli.DONE and "handed_over" in out
    assert json.loads(call("tickets", "show", new)[1])["case"]["authority"] == "八王子市"


def test_a_draw_says_its_chances_and_opens_cases_at_the_desk(call) -> None:
    code, out, _ = call("tickets", "draw", "--aoi", AOI_ID, *WHO)
    assert code == cli.DONE and "inclusion probability" in out and "new cases: 1" in out
    assert "new cases: 0" in call("tickets", "draw", "--aoi", AOI_ID, *WHO)[1]


def test_finds_and_verdicts_feed_evaluate_and_tune(call, home: Path, tmp_path: Path) -> None:
    finds = tmp_path / "finds.csv"
    finds.write_text(
        "id,by,found_on,lon,lat,verdict\nP-1,patrol,2026-05-01,139.2227,35.6998,below_size\n", encoding="utf-8"
    )
    code, out, _ = call("finds", "import", str(finds), "--aoi", AOI_ID, *WHO)
    assert code == cli.DONE and "1 finds taken in, 1 of them with a verdict" in out
    out_csv = tmp_path / "labels.csv"
    assert call("labels", "export", "--aoi", AOI_ID, "--out", str(out_csv))[0] == cli.DONE
    code, text, _ = call("evaluate", "verdicts", "--aoi", AOI_ID)
    assert code == cli.DONE and "2 entries" in text and "user's accuracy" in text
    again = call("evaluate", "inventory", str(out_csv), "--aoi", AOI_ID)[1]
    assert [line for line in again.splitlines() if "accuracy" in line] == [
        line for line in text.splitlines() if "accuracy" in line
    ]
    profile = tmp_path / "p.toml"
    profile.write_text("[evidence]\nalarm_score = 4.0\n", encoding="utf-8")
    tune = ("tune", "--aoi", AOI_ID, "--profile", str(profile))
    own = call(*tune, "--own-verdicts")[1]
    exported = call(*tune, "--verdicts", str(out_csv))[1]
    figures = [line.split("accuracy of")[1] for line in own.splitlines() if "by own verdicts" in line]
    assert len(figures) == 4
    assert [f.replace("own verdicts", "labels.csv") for f in figures] == [
        line.split("accuracy of")[1] for line in exported.splitlines() if "by labels.csv" in line
    ]
    assert call("audit", "verify")[0] == cli.DONE
