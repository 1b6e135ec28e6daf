from __future__ import annotations

import io
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import geopandas
import pytest
from pypdf import PdfReader

from sat_monitor.core.domain import Sensor, WorksGroup
from sat_monitor.core.errors import TicketError, UsageError
from sat_monitor.tickets.page import build_page
from sat_monitor.tickets.place import geo_code, geo_uri, locate
from sat_monitor.tickets.records import RenderedTicket, SceneRole, SceneUse
from sat_monitor.tickets.text import forbidden_words
from sat_monitor.tickets.ticket import render_ticket, render_tickets
from sat_monitor.tickets.words import load_words
from tests.ticket_world import HOSTILE, TABLE, aoi, request, scene, site, snapshot

FILES = [
    "after.jpg",
    "before.jpg",
    "location.jpg",
    "score.jpg",
    "ticket.geojson",
    "ticket.html",
    "ticket.json",
    "ticket.pdf",
]


def _page(folder: Path) -> str:
    reader = PdfReader(io.BytesIO((folder / "ticket.pdf").read_bytes()))
    assert len(reader.pages) == 2
    width, height = (float(v) for v in reader.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)
    return "".join(reader.pages[0].extract_text().split())


def test_a_ticket_folder_holds_page_pictures_and_data(tmp_path: Path) -> None:
    rendered = render_ticket(request(), tmp_path / "t")
    assert [path.name for path in rendered.files] == FILES
    assert all(path.is_file() for path in rendered.files)
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == FILES


def test_the_page_says_all_that_an_inspector_needs(tmp_path: Path) -> None:
    render_ticket(request(), tmp_path)
    text = _page(tmp_path)
    wanted = [
        "候補地点現地確認票", "候補・違法性未確認", "端緒", "t-9f8e7d6c", "s-0123456789", "87",
        "八王子市(外接矩形による推定・要確認)", "139.270000", "35.660000", "EPSG:6677", "−37,575", "−51,005", "53393291",
        "1,240m²±270m²", "2024-05-02より後、2024-06-21まで", "0.78→0.21", "+3.1dB", "99%超",
        "規模要件の確認事項(衛星推定・確率・誤差)", "30cm", "A56", "s2-2023-05-02", "s2-2024-06-20",
        "ab" * 32, "41:" + "cd" * 32, "コードを読むと地図アプリで位置が開きます", "containsmodifiedCopernicusSentineldata2023–2024",
    ]  # fmt: skip
    missing = [word for word in wanted if word not in text]
    assert not missing, text
    assert forbidden_words(text) == []
    assert "模擬" not in text


def test_the_english_page_says_the_same(tmp_path: Path) -> None:
    render_ticket(request(), tmp_path, "en")
    text = _page(tmp_path)
    for word in ("legalitynotverified", "候補・違法性未確認", "t-9f8e7d6c", "Hachioji", "1,240m²±270m²", "0.78→0.21"):
        assert word in text
    assert forbidden_words(text) == []


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_simulated_data_is_marked_on_the_page_and_in_the_data(tmp_path: Path, lang: str) -> None:
    render_ticket(request(simulated=True), tmp_path, lang)
    text = _page(tmp_path)
    assert "模擬データ" in text and "simulated" in text.lower()
    assert "Copernicus" not in text
    feature = json.loads((tmp_path / "ticket.geojson").read_text(encoding="utf-8"))["features"][0]
    assert feature["properties"]["simulated"] is True


def test_every_picture_of_simulated_data_carries_the_mark(tmp_path: Path) -> None:
    from PIL import Image

    render_ticket(request(simulated=True), tmp_path / "s")
    render_ticket(replace(request(simulated=True), before=None), tmp_path / "m")
    render_ticket(request(), tmp_path / "r")
    for name in ("before.jpg", "after.jpg", "score.jpg", "location.jpg"):
        marked, real = (Image.open(tmp_path / f / name).convert("RGB").getpixel((4, 60)) for f in ("s", "r"))
        assert isinstance(marked, tuple) and isinstance(real, tuple)
        assert marked[0] > 230 and 170 < marked[1] < 210 and marked[2] < 40, (name, marked)
        assert not (real[0] > 230 and 170 < real[1] < 210 and real[2] < 40), (name, real)
    missing = Image.open(tmp_path / "m" / "before.jpg").convert("RGB").getpixel((4, 60))
    assert isinstance(missing, tuple) and missing[2] < 40


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    first = render_ticket(request(), tmp_path / "a")
    second = render_ticket(request(), tmp_path / "b")
    assert first.pdf_sha256 == second.pdf_sha256
    assert [p.read_bytes() for p in first.files] == [p.read_bytes() for p in second.files]


@pytest.mark.parametrize("sensor", [Sensor.S1, Sensor.S2])
def test_the_page_stays_light(tmp_path: Path, sensor: Sensor) -> None:
    rendered = render_ticket(request(sensor=sensor), tmp_path)
    assert (rendered.folder / "ticket.pdf").stat().st_size <= 600_000


def test_hostile_text_is_neutral_and_each_page_stays_one_page(tmp_path: Path) -> None:
    bad = HOSTILE + "違反 無許可 "
    made = request()
    made = replace(
        made,
        aoi=aoi(name_ja=bad * 5_000, name_en=bad),
        ticket=replace(made.ticket, reasons=(bad,) * 30, withdrawn_reason=bad),
        evidence={f"{bad}{i}": 1.0 for i in range(40)},
        software=bad,
        profile_sha256=bad,
        after=replace(made.after, label=bad, scene=replace(made.after.scene, id=bad, platform=bad, file_sha256=bad)),
        scenes=tuple(SceneUse(SceneRole.REFERENCE, replace(scene("2023-05-02"), id=f"{i}{bad}")) for i in range(60)),
    )
    render_ticket(made, tmp_path)
    text = _page(tmp_path)
    assert "#import" in text and "<svg" in text  # shown as text, not run
    assert forbidden_words(text) == []
    assert "\u202e" not in text and "\x00" not in text
    for name in ("ticket.geojson", "ticket.json"):
        json.loads((tmp_path / name).read_bytes().decode("utf-8"))


def test_a_page_without_before_picture_history_or_figures_still_prints(tmp_path: Path) -> None:
    made = replace(request(), before=None, chain_head=None, scenes=(), evidence={}, place=locate(25.0, 45.0, TABLE))
    made = replace(made, ticket=replace(made.ticket, reasons=()))
    render_ticket(made, tmp_path)
    text = _page(tmp_path)
    assert "対象外" in text and "画像なし" in text and "openstreetmap" in text


def test_geojson_of_a_ticket_is_a_lead_in_lon_lat(tmp_path: Path) -> None:
    render_ticket(request(), tmp_path)
    table = geopandas.read_file(tmp_path / "ticket.geojson")
    row = table.iloc[0]
    assert (row["kind"], row["status"], row["note"]) == ("earthwork", "ticketed", "候補・違法性未確認")
    assert table.first_confirmed_at.notna().all()
    back = table.to_crs(32654).geometry.iloc[0]
    assert back.symmetric_difference(site().outline).area < 1.0
    ring = json.loads((tmp_path / "ticket.geojson").read_text(encoding="utf-8"))["features"][0]["geometry"][
        "coordinates"
    ][0]
    doubled = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring))
    assert doubled > 0  # counter-clockwise (RFC 7946)


def test_each_scene_is_listed_once_in_its_first_role() -> None:
    made = request()
    doubled = replace(made, scenes=(*made.scenes, SceneUse(SceneRole.REFERENCE, made.after.scene)))
    assert [(use.role.value, use.scene.id) for use in doubled.listed_scenes] == [
        ("before", "s2-2024-05-02"),
        ("after", "s2-2024-06-20"),
        ("reference", "s2-2023-05-02"),
    ]


def test_a_ticket_of_another_site_is_refused(tmp_path: Path) -> None:
    made = request()
    with pytest.raises(TicketError, match="s-other, not of s-0123456789"):
        render_ticket(replace(made, ticket=replace(made.ticket, site_id="s-other")), tmp_path)
    assert not any(tmp_path.iterdir())


def test_tickets_in_a_row_come_in_order_and_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    made = request()
    foreign = replace(made, before=replace(made.after, grid=replace(made.after.grid, epsg=3035)))
    crowded = replace(made, site=replace(made.site, id="s-2"), ticket=replace(made.ticket, id="t-2", site_id="s-2"))
    jobs = [(made, tmp_path / "0"), (foreign, tmp_path / "1"), (crowded, tmp_path / "2")]
    found = list(render_tickets(jobs))
    assert [one is wanted for (one, _), (wanted, _) in zip(found, jobs, strict=True)] == [True] * 3
    first, failed, last = (outcome for _, outcome in found)
    assert isinstance(failed, TicketError) and failed.code == "E1206"
    assert not (tmp_path / "1").exists()
    assert isinstance(first, RenderedTicket) and isinstance(last, RenderedTicket)
    assert first.pdf_sha256 == render_ticket(made, tmp_path / "alone").pdf_sha256 != last.pdf_sha256


def test_an_unknown_language_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        render_ticket(request(), tmp_path, "fr")
    assert not any(tmp_path.iterdir())


def test_a_picture_on_another_grid_is_refused(tmp_path: Path) -> None:
    made = request()
    foreign = replace(made.before or snapshot(scene("2024-05-02")), grid=replace(made.after.grid, epsg=3035))
    with pytest.raises(TicketError, match="E1206"):
        render_ticket(replace(made, before=foreign), tmp_path)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_page_tells_of_the_works_group_and_is_silent_without_one(lang: str) -> None:
    group = WorksGroup("works-s-0123456789", ("s-0123456789", "s-other"), 1620.0, 400.0)
    words = load_words(lang)
    with_group = build_page(request(group=group), words, {}, ()).facts
    assert any("1,620" in line.value and "2" in line.value for line in with_group)
    assert words.of("label.works_group") not in {line.label for line in build_page(request(), words, {}, ()).facts}


def test_the_code_on_the_page_is_that_of_the_place() -> None:
    code = geo_code(139.27, 35.66)
    assert geo_uri(139.27, 35.66) == "geo:35.660000,139.270000"
    assert code == geo_code(139.2700000004, 35.66) != geo_code(139.270001, 35.66)
    assert b"<script" not in code and b"href" not in code


@pytest.mark.parametrize(
    ("lang", "wanted"),
    [
        ("ja", ["公道から", "身分証明書", "台帳", "30cmを超える", "規模未満", "見えず", "見取図", "備考"]),
        ("en", ["Fromthepublicroad", "identitycard", "registers", "above30cm", "belowsize", "couldnotsee", "Sketch"]),
    ],
)
def test_the_second_page_is_the_sheet_for_the_visit(tmp_path: Path, lang: str, wanted: list[str]) -> None:
    render_ticket(request(), tmp_path, lang)

    text = "".join(PdfReader(tmp_path / "ticket.pdf").pages[1].extract_text().split())

    assert [word for word in wanted if word not in text] == []
    assert "t-9f8e7d6c" in text and "41:" + "cd" * 32 in text
    assert forbidden_words(text) == []
