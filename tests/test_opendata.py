"""Open data: what leaves the house, in forms that catalogues take, and nothing that points to a person."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pystac
import pystac.validation
import pytest
from shapely.geometry import Polygon, box, shape
from typer.testing import CliRunner

from sat_monitor.cli import app
from sat_monitor.core.casework import CaseState, CaseStep, Verdict
from sat_monitor.core.home import Home
from sat_monitor.core.surroundings import Municipality
from sat_monitor.opendata.describing import Edition
from sat_monitor.opendata.facts import ReleasedFact, is_releasable, released_facts
from sat_monitor.opendata.job import facts_of, write_release
from sat_monitor.opendata.rows import By
from sat_monitor.store.store import Store
from sat_monitor.tickets.place import mesh_bounds, mesh_code
from tests.case_world import HAND, desk, walked
from tests.store_world import NOW, MovingClock

EDITION = Edition("東京都", "CC-BY-4.0", "https://data.example.jp/fill", datetime(2026, 4, 1, tzinfo=UTC))
HACHIOJI = Municipality("13201", "八王子市", False)
HOSTILE = ["=HYPERLINK(\"x\")", "<svg onload=1>", "a\r\nb", "\0", "\u202eabc", "\ud800", "x" * 1_000_000]  # fmt: skip


def fact(number: int = 0, **changes: object) -> ReleasedFact:
    lon, lat = 139.3 + 0.02 * (number % 3), 35.65
    outline = box(lon, lat, lon + 0.001, lat + 0.001)
    made = ReleasedFact(
        f"case-{number}", "tama", Verdict.IMPROPER_FILL_SUSPECTED, date(2025, 5, 1 + number), date(2025, 9, 1),
        3480.5, outline, mesh_code(lon, lat), HACHIOJI, False,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def features(folder: Path) -> list[dict]:  # type: ignore[type-arg]
    return json.loads((folder / "findings.geojson").read_text(encoding="utf-8"))["features"]  # type: ignore[no-any-return]


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "findings.csv").read_bytes().decode())))


@pytest.mark.parametrize("by", By)
@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_catalogue_is_stac_and_its_links_lead_to_files(tmp_path: Path, by: By, count: int) -> None:
    write_release(tuple(fact(n) for n in range(count)), EDITION, tmp_path, (by, 1))
    catalogue = pystac.Catalog.from_file(str(tmp_path / "catalog.json"))
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.rglob("*.json")]
    assert [bool(pystac.validation.validate_dict(plain)) for plain in documents] == [True] * 3
    [collection] = catalogue.get_children()
    [item] = collection.get_items()
    assert isinstance(collection, pystac.Collection)
    assert collection.license == "CC-BY-4.0"
    for asset in (*collection.assets.values(), *item.assets.values()):
        assert Path(str(asset.get_absolute_href())).is_file()
    for path in tmp_path.rglob("*.json"):
        for link in json.loads(path.read_text(encoding="utf-8"))["links"]:
            assert (path.parent / link["href"]).is_file(), (path, link)


@pytest.mark.parametrize("by", By)
def test_the_geojson_is_rfc_7946_and_the_csv_says_the_same(tmp_path: Path, by: By) -> None:
    write_release(tuple(fact(n) for n in range(7)), EDITION, tmp_path, (by, 1))
    plain = json.loads((tmp_path / "findings.geojson").read_text(encoding="utf-8"))
    assert plain["type"] == "FeatureCollection"
    assert "crs" not in plain
    for feature in plain["features"]:
        assert {"type", "id", "geometry", "properties"} == set(feature)
        drawn = shape(feature["geometry"])
        assert drawn.is_valid
        if isinstance(drawn, Polygon):
            assert drawn.exterior.is_ccw
        west, south, east, north = drawn.bounds
        assert -180 <= west <= east <= 180
        assert -90 <= south <= north <= 90
    told = [{k: "" if v is None else str(v) for k, v in f["properties"].items()} for f in plain["features"]]
    assert rows(tmp_path) == told
    assert sum(int(row["facts"]) for row in told) == 7


@pytest.mark.parametrize("by", [By.MUNICIPALITY, By.MESH])
def test_by_default_no_outline_and_no_case_leaves_the_house(tmp_path: Path, by: By) -> None:
    one = fact(0)
    write_release((one,), EDITION, tmp_path, (by, 1))
    text = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file())
    assert "case-0" not in text
    for x, y in one.outline.exterior.coords:  # type: ignore[attr-defined]
        assert f"{x:.4f}" not in text or f"{y:.4f}" not in text
    assert "3480" not in text
    if by is By.MESH:
        assert "improper" not in text


def test_small_groups_are_left_out_and_counted(tmp_path: Path) -> None:
    written = write_release(tuple(fact(n) for n in range(7)), EDITION, tmp_path, (By.MESH, 3))
    assert (written.facts, written.left_out) == (3, 4)
    assert [f["properties"]["facts"] for f in features(tmp_path)] == [3]
    assert "left out for small groups: 4" in (tmp_path / "dcat.jsonld").read_text(encoding="utf-8")


def test_dcat_names_publisher_licence_time_place_and_each_file_with_its_hash(tmp_path: Path) -> None:
    import hashlib

    write_release((fact(0), fact(1)), EDITION, tmp_path, (By.MUNICIPALITY, 1))
    dataset = json.loads((tmp_path / "dcat.jsonld").read_text(encoding="utf-8"))
    assert dataset["@type"] == "dcat:Dataset"
    assert dataset["dct:publisher"]["foaf:name"] == "東京都"
    assert dataset["dct:license"].endswith("/CC-BY-4.0")
    assert dataset["dct:temporal"]["dcat:startDate"]["@value"] == "2025-05-01"
    assert dataset["dct:temporal"]["dcat:endDate"]["@value"] == "2025-09-01"
    assert "POLYGON" in dataset["dct:spatial"]["dcat:bbox"]["@value"]
    for one in dataset["dcat:distribution"]:
        content = (tmp_path / one["dct:title"]).read_bytes()
        assert one["dcat:byteSize"] == len(content)
        assert one["spdx:checksum"]["spdx:checksumValue"] == hashlib.sha256(content).hexdigest()
        assert one["dcat:downloadURL"] == f"https://data.example.jp/fill/{one['dct:title']}"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("by", By)
def test_hostile_text_of_layers_and_options_is_neutral(tmp_path: Path, by: By, text: str) -> None:
    town = Municipality(text, text, False)
    edition = Edition(text, text, "", EDITION.made_at)
    write_release((fact(0, municipality=town),), edition, tmp_path, (by, 1))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes().decode()
            assert not any(c in content for c in "\0\u202e")
            assert len(content) < 50_000
    for row in csv.reader(io.StringIO((tmp_path / "findings.csv").read_bytes().decode())):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    assert len(features(tmp_path)) == 1


def test_simulated_facts_say_so_everywhere(tmp_path: Path) -> None:
    write_release((fact(0, simulated=True),), EDITION, tmp_path, (By.MUNICIPALITY, 1))
    for name in ("catalog.json", "findings/collection.json", "findings/findings.json", "dcat.jsonld"):
        assert "simulated" in (tmp_path / name).read_text(encoding="utf-8")
    assert features(tmp_path)[0]["properties"]["simulated"] is True


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    facts = tuple(fact(n) for n in range(5))
    for name in ("a", "b"):
        write_release(facts, EDITION, tmp_path / name, (By.MESH, 1))
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


@pytest.mark.parametrize(("lon", "lat"), [(139.3, 35.65), (142.19, 27.09), (139.7671, 35.6812), (123.0, 24.4)])
def test_a_mesh_holds_the_places_that_bear_its_code(lon: float, lat: float) -> None:
    code = mesh_code(lon, lat)
    assert code is not None
    west, south, east, north = mesh_bounds(code)
    assert west <= lon < east
    assert south <= lat < north
    assert mesh_code((west + east) / 2, (south + north) / 2) == code
    with pytest.raises(ValueError, match="8 digits"):
        mesh_bounds("5339")


def test_only_closed_cases_that_say_something_are_released(tmp_path: Path) -> None:
    with desk(tmp_path / "sat_monitor.db") as at:
        open_case = walked(at, "ticket-1", CaseStep.VERDICT)
        assert not is_releasable(open_case)
        closed = at_end(at)
    assert is_releasable(closed)
    assert not is_releasable(replace(closed, verdict=Verdict.COULD_NOT_SEE))
    assert not is_releasable(replace(closed, reopened_as="other"))
    assert not is_releasable(replace(closed, state=CaseState.HANDED_OVER))
    [one] = released_facts([closed, open_case], lambda _: None, frozenset())
    assert (one.verdict, one.municipality, one.simulated) == (Verdict.IMPROPER_FILL_SUSPECTED, None, False)


def at_end(at):  # type: ignore[no-untyped-def]
    from sat_monitor.tickets.case import Move

    for step in (CaseStep.RECOMMEND, CaseStep.ORDER, CaseStep.CORRECT, CaseStep.CLOSE):
        case = at.step("ticket-1", Move(step, {}), HAND)
    return case


def test_the_command_writes_the_closed_cases_of_the_store_without_names(tmp_path: Path) -> None:
    with desk(tmp_path / "sat_monitor.db") as at:
        walked(at, "ticket-1", CaseStep.CLOSE)
    words = ["opendata", "--home", str(tmp_path), "--out", str(tmp_path / "out"), "--publisher", "東京都"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "1 facts" in result.output
    [row] = rows(tmp_path / "out")
    assert (row["municipality"], row["earthworks"], row["verdict_improper_fill_suspected"]) == ("unknown", "1", "1")
    text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert "Sato" not in text
    assert "Suzuki" not in text
    with Store(tmp_path / "sat_monitor.db", MovingClock(NOW), read_only=True) as store:
        assert len(facts_of(Home(tmp_path), store)) == 1
