from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from sat_monitor.core.domain import Kind, SiteStatus, StartInterval
from sat_monitor.core.errors import UsageError
from sat_monitor.core.resources import resource_folder
from sat_monitor.tickets.place import locate
from sat_monitor.tickets.records import SceneRole
from sat_monitor.tickets.text import forbidden_words, missing_glyphs
from sat_monitor.tickets.words import (
    LANGUAGES,
    evidence_lines,
    figure,
    load_words,
    municipality_text,
    reason_lines,
    start_text,
)
from tests.ticket_world import HOSTILE, TABLE, scene


def test_both_languages_have_the_same_keys() -> None:
    ja, en = (load_words(lang).table for lang in LANGUAGES)
    assert {s: list(ja[s]) for s in ja} == {s: list(en[s]) for s in en}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_kind_status_and_role_has_words(lang: str) -> None:
    words = load_words(lang)
    assert all(words.kind(kind) and words.of(f"kind_sentence.{kind.value}") for kind in Kind)
    assert all(words.status(status) for status in SiteStatus)
    assert all(words.of(f"role.{role.value}") for role in SceneRole)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_shipped_words_can_be_printed_and_prejudge_nothing(lang: str) -> None:
    text = (resource_folder("templates") / f"{lang}.toml").read_text(encoding="utf-8").replace("\n", "")
    assert missing_glyphs(text) == ""
    assert forbidden_words(text) == []


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="'fr' is not one of ja, en"):
        load_words("fr")


def test_paired_figures_share_a_line() -> None:
    lines = evidence_lines(load_words("ja"), {"ndvi_1": 0.21, "ndvi_expected_1": 0.784, "vv_change_dB": 3.14})
    assert [(line.label, line.value) for line in lines] == [
        ("植生指数 NDVI(平年 → 今回)", "0.78 → 0.21"),
        ("後方散乱 VV の変化", "+3.1 dB"),
    ]
    (line,) = evidence_lines(load_words("en"), {"ndvi_before": 0.78, "ndvi_after": 0.21})
    assert (line.label, line.value) == ("vegetation index NDVI (before → after)", "0.78 → 0.21")


def test_unknown_and_hostile_evidence_names_are_printed_harmlessly() -> None:
    (line,) = evidence_lines(load_words("ja"), {HOSTILE: float("nan")})
    assert line.value == "–"
    assert "\n" not in line.label


def test_shares_read_as_per_cent() -> None:
    (line,) = evidence_lines(load_words("en"), {"bare_share": 0.8})
    assert line.value == "80 %"


def test_a_negative_zero_has_no_sign_and_a_minus_is_a_minus() -> None:
    assert figure(-0.001, 2) == "0.00"
    assert figure(-1234.5, 1) == "−1,234.5"
    assert figure(float("inf"), 1) == "–"


def test_start_days_are_days_of_japan_where_the_scene_is_known() -> None:
    words = load_words("ja")
    evening = scene("2024-06-20", hour=20)  # 05:30 on the 21st in Japan
    known = StartInterval(None, date(2024, 6, 20))
    assert start_text(words, known, [evening]) == "2024-06-21 まで(以前は不明)"
    assert "2024-06-20(UTC)" in start_text(words, known, [])


def test_one_box_is_an_estimate_several_are_a_border_and_none_is_outside() -> None:
    words = load_words("ja")
    assert municipality_text(words, locate(139.27, 35.66, TABLE)) == "八王子市(外接矩形による推定・要確認)"
    assert municipality_text(words, locate(139.40, 35.70, TABLE)) == "立川市・八王子市(境界要確認)"
    assert municipality_text(words, locate(25.0, 45.0, TABLE)) == "対象外"


def test_reasons_have_words_and_unknown_codes_stay() -> None:
    words = load_words("ja")
    assert reason_lines(words, ("kind_earthwork", "unheard_of")) == ("種別が造成・裸地化", "unheard_of")
    assert reason_lines(words, ("large_area:1,240 m²",)) == ("面積が大きい(1,240 m²)",)


def test_words_are_frozen_values() -> None:
    words = load_words("ja")
    assert replace(words, lang="xx").table is words.table
