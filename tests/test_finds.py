"""Finds become cases, verdicts become labels, and both readers of labels understand them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from sat_monitor.audit import verify
from sat_monitor.core.casework import CaseState, CaseStep, Origin, Verdict
from sat_monitor.core.domain import AOI
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home
from sat_monitor.evaluate.truth import Verdict as Listed
from sat_monitor.evaluate.truth import read_truth
from sat_monitor.evaluate.verdicts import COLUMNS, read_labels, truths_of, write_labels
from sat_monitor.finds import Finds, import_finds
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import Move
from sat_monitor.tickets.labels import Label
from sat_monitor.tune.ground_truth import OWN, labelled, read_verdicts
from tests.case_world import HAND, desk, put_sites, walked
from tests.store_world import AOI as NAME
from tests.store_world import MovingClock, night, site
from tests.test_desk_draw import area
from tests.ticket_world import HOSTILE

ROWS = """id,by,found_on,lon,lat,radius_m,verdict,memo
P-1,patrol,2025-06-20,139.2400,35.6800,40,improper_fill_suspected,Mr Yamada told us
P-2,巡回,2025/06/21,139.2450,35.6800,,nothing_found,
C-1,citizen,2025-06-22,139.2500,35.6800,,,
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sat_monitor.db"
    night(path)
    return path


@pytest.fixture
def aoi() -> AOI:
    return area()


def taken_in(path: Path, aoi: AOI, text: str, name: str = "finds.csv", encoding: str = "utf-8") -> Finds:
    file = path.with_name(name)
    file.write_bytes(text.encode(encoding))
    with desk(path) as at:
        return import_finds(at, file, aoi, HAND)


def labels(path: Path) -> list[Label]:
    with Store(path, MovingClock(), read_only=True) as store:
        return read_labels(store, NAME)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_finds_become_cases_and_those_with_a_verdict_labels_of_chance_one(path: Path, aoi: AOI, encoding: str) -> None:
    found = taken_in(path, aoi, ROWS, encoding=encoding)
    states = {case.origin: case.state for case in found.opened}
    assert len(found.opened) == 3 and states == {
        Origin.PATROL: CaseState.INSPECTED,
        Origin.CITIZEN: CaseState.CANDIDATE,
    }
    by_verdict = {label.verdict: label for label in labels(path)}
    assert set(by_verdict) == {Verdict.IMPROPER_FILL_SUSPECTED, Verdict.NOTHING_FOUND}
    fill = by_verdict[Verdict.IMPROPER_FILL_SUSPECTED]
    assert (fill.chance, fill.is_earthwork, fill.seen_on) == (1.0, True, date(2025, 6, 20))
    assert fill.outline.area == pytest.approx(3.14 * 40**2, rel=0.02)
    assert verify(Home(path.parent)).ok


def test_what_a_citizen_told_goes_the_way_of_every_candidate(path: Path, aoi: AOI) -> None:
    told = next(case for case in taken_in(path, aoi, ROWS).opened if case.origin is Origin.CITIZEN)
    with desk(path) as at:
        assert walked(at, told.id, CaseStep.RECOMMEND).state is CaseState.RECOMMENDED
        assert "C-1" in str(next(iter(at.history(told))).reason)


def test_the_same_file_again_changes_nothing_and_rows_of_other_areas_are_counted(path: Path, aoi: AOI) -> None:
    taken_in(path, aoi, ROWS)
    again = taken_in(path, aoi, ROWS)
    assert (len(again.opened), again.known, again.elsewhere) == (0, 3, 0)
    other = taken_in(path, aoi, "id,by,found_on,lon,lat,aoi\nX,patrol,2025-06-20,139.24,35.68,oshima\n", "other.csv")
    assert (len(other.opened), other.known, other.elsewhere) == (0, 0, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("P-1,", ","), ("2025-06-20", "June"), ("2025-06-20", ""), ("139.2400", "999"), ("139.2400", "east"),
        ("citizen", "police"), ("nothing_found", "guilty"), ("40", "wide"),
    ],
)  # fmt: skip
def test_one_bad_row_keeps_the_whole_file_out(path: Path, aoi: AOI, old: str, new: str) -> None:
    with pytest.raises(UsageError, match="E2004"):
        taken_in(path, aoi, ROWS.replace(old, new, 1))
    with desk(path) as at:
        assert at.cases() == []


def test_outlines_come_from_geojson_and_no_free_text_of_the_file_is_kept(path: Path, aoi: AOI) -> None:
    square = [[139.24, 35.68], [139.241, 35.68], [139.241, 35.681], [139.24, 35.681], [139.24, 35.68]]
    properties = {"id": "P-9", "by": "patrol", "found_on": "2025-06-20", "memo": "Mr Yamada", "aoi": NAME}
    feature = {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [square]}}
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    [case] = taken_in(path, aoi, text, "finds.geojson").opened
    assert case.outline.area == pytest.approx(90.5 * 110.9, rel=0.01)
    taken_in(path, aoi, ROWS)
    assert b"Yamada" not in path.read_bytes()


def test_hostile_names_of_finds_are_neutral(path: Path, aoi: AOI) -> None:
    text = json.dumps(HOSTILE.replace('"', "'").replace("\r\n", " ").replace("\x00", ""))
    row = f"id,by,found_on,lon,lat\n{text},patrol,2025-06-20,139.24,35.68\n".encode("utf-8", "surrogatepass")
    file = path.with_name("x.csv")
    file.write_bytes(row.replace(b"\xed\xa0\x80", b""))
    with desk(path) as at:
        [case] = import_finds(at, file, aoi, HAND).opened
        [opened] = at.history(case)
    assert opened.reason and not set(opened.reason) & set("\u202e\u200f\x00")


@pytest.fixture
def judged(path: Path, aoi: AOI) -> Path:
    """Two finds, a ticket that was visited, a watched site that could not be reached."""
    taken_in(path, aoi, ROWS)
    put_sites(path, site(), site("site-2"))
    with desk(path) as at:
        walked(at, "ticket-1", CaseStep.CLOSE)
        walked(at, "site-2", CaseStep.INSPECT)
        at.step("site-2", Move(CaseStep.VERDICT, {"verdict": "could_not_reach"}), HAND)
    return path


def test_labels_as_truth_are_weighted_and_what_nobody_reached_is_no_negative(judged: Path) -> None:
    rows = {truth.id: (truth, says) for truth, says in truths_of(labels(judged))}
    kinds = sorted((says.value, truth.is_earthwork) for truth, says in rows.values())
    assert kinds == [("earthwork", True), ("earthwork", True), ("none", False), ("unreached", False)]
    drawn = replace(next(label for label in labels(judged) if label.is_earthwork), chance=0.02)
    assert truths_of([drawn])[0][0].weight == pytest.approx(50.0)
    known = labelled([*labels(judged), drawn])
    assert not known.whole and known.source == OWN and known.column == "own_verdicts"
    assert sorted(place.weight for place in known.places) == pytest.approx([1.0, 1.0, 1.0, 50.0])


@pytest.mark.parametrize("suffix", [".csv", ".geojson"])
def test_exported_labels_are_what_the_readers_of_lists_read(judged: Path, aoi: AOI, suffix: str) -> None:
    known = labels(judged)
    out = write_labels([replace(label, chance=0.25) for label in known], judged.with_name(f"labels{suffix}"))
    back = {truth.id: (truth, says) for truth, says in read_truth(out, NAME, aoi.grid.epsg)}
    for truth, says in truths_of(known):
        got, listed = back[truth.id]
        assert listed is says and got.kind == truth.kind and got.began_on == truth.began_on
        assert got.weight == 4.0 and got.outline.area == pytest.approx(truth.outline.area, rel=0.02)
        assert got.outline.intersection(truth.outline).area == pytest.approx(truth.outline.area, rel=0.05)
    assert {says for _, says in back.values()} == set(Listed)


def test_exported_labels_are_what_tune_reads(judged: Path, aoi: AOI) -> None:
    out = write_labels(labels(judged), judged.with_name("labels.csv"))
    with Store(judged, MovingClock(), read_only=True) as store:
        known = read_verdicts(out, aoi, store.sites(NAME))
    own = labelled(labels(judged))
    assert sorted(place.works for place in known.places) == sorted(place.works for place in own.places)
    grounds = sorted(place.ground.area for place in known.places)
    assert grounds == pytest.approx(sorted(place.ground.area for place in own.places), rel=0.02)


def test_a_label_of_a_site_that_no_longer_follows_keeps_its_ground(judged: Path, aoi: AOI) -> None:
    put_sites(judged)
    kept = labels(judged)
    assert len(kept) == 4 and {label.site_id for label in kept} == {None}
    out = write_labels(kept, judged.with_name("labels.csv"))
    assert len(read_verdicts(out, aoi, []).places) == 3


def test_the_columns_of_an_export_are_as_documented_and_another_suffix_is_refused(judged: Path) -> None:
    out = write_labels(labels(judged), judged.with_name("labels.csv"))
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 4
    assert write_labels([], judged.with_name("none.csv")).read_text(encoding="utf-8").strip() == ",".join(COLUMNS)
    with pytest.raises(UsageError, match="E2001"):
        write_labels([], judged.with_name("labels.xlsx"))
