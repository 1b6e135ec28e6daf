"""What a page says of law, registers and surroundings: every figure, no finding, and nothing that a layer smuggles in."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from sat_monitor.core.profile import Profile
from sat_monitor.core.surroundings import Municipality, Permit, PermitState, RoadPoint, Surroundings
from sat_monitor.sites.law import check
from sat_monitor.sites.priority import rank
from sat_monitor.tickets.records import TicketRequest
from sat_monitor.tickets.text import forbidden_words
from sat_monitor.tickets.ticket import render_ticket
from tests.law_world import LAYER, around, flow, permit, zone
from tests.ticket_world import HOSTILE, request


def asked(surroundings: Surroundings) -> TicketRequest:
    """The usual request, judged among `surroundings`."""
    made = request()
    legal = check(made.site, None, surroundings)
    ranking = rank(made.site, None, surroundings, legal, Profile())
    return replace(made, surroundings=surroundings, legal=legal, ranking=ranking)


def page(made: TicketRequest, folder: Path, lang: str = "ja") -> str:
    render_ticket(made, folder, lang)
    reader = PdfReader(io.BytesIO((folder / "ticket.pdf").read_bytes()))
    assert len(reader.pages) == 2
    return "".join(reader.pages[0].extract_text().split())


def test_the_page_asks_the_questions_of_the_law_and_names_what_was_looked_up(tmp_path: Path) -> None:
    made = asked(
        replace(
            around(permit(0.45), flow_path=flow()),
            municipality=Municipality("13201", "八王子市", True, ("町田市",)),
            place_name="模擬橋",
            road=RoadPoint(0.0, 0.0, 90.0, 181.0, "模擬道"),
        )
    )
    text = page(made, tmp_path)
    wanted = [
        "八王子市(町田市との境界付近・要確認)", "模擬橋", "模擬道候補まで90m、方位181°",
        "宅地造成等工事規制区域:盛土又は切土の面積が500m²を超える(許可、第12条第1項)", "99%超超える見込み",
        "指定日2024-07-31:区域指定より前に開始", "盛土規制法の許可1", "範囲の45%だけを覆う", "800m下流に土石流の警戒区域",
        "900m下流に家屋", "盛土の高さが2mを超えるか",
    ]  # fmt: skip
    missing = [word for word in wanted if word not in text]
    assert not missing, (missing, text)
    assert forbidden_words(text) == [] and "未取込" not in text


def test_what_was_not_asked_is_said_and_no_line_of_the_law_is_shown(tmp_path: Path) -> None:
    text = page(asked(Surroundings()), tmp_path)
    assert "規制区域データ(A56)は未取込" in text and "台帳は未取込" in text
    assert "第12条" not in text and "第30条" not in text


def test_outside_the_zones_is_another_thing_than_not_asked(tmp_path: Path) -> None:
    text = page(asked(replace(around(), zones=())), tmp_path)
    assert "取り込んだ規制区域(A56)の外" in text and "(A56)は未取込" not in text
    assert "後回しの理由:取り込んだ規制区域の外" in text


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_hostile_layers_print_as_text_on_one_page(tmp_path: Path, lang: str) -> None:
    bad = (HOSTILE + "違反 無許可 =HYPERLINK( {number} ") * 2_000
    entry = Permit(bad, bad, None, None, PermitState.UNDATED, 0.5, 0.0, replace(LAYER, version=bad))
    surroundings = replace(
        around(*[entry] * 40),
        municipality=Municipality(bad, bad, True, (bad,) * 9),
        place_name=bad,
        zones=(replace(zone(), authority=bad),),
        road=RoadPoint(0.0, 0.0, 90.0, 181.0, bad),
        flow=replace(flow(), zone_name=bad),
    )
    text = page(asked(surroundings), tmp_path, lang)
    assert forbidden_words(text) == [] and "\u202e" not in text and "\x00" not in text
