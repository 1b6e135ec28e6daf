from __future__ import annotations

import pytest

from sat_monitor.tickets.text import (
    clean,
    csv_cell,
    file_stem,
    forbidden_words,
    lead_wording,
    missing_glyphs,
    printable,
)
from tests.ticket_world import HOSTILE


def test_clean_text_is_one_line_without_invisible_characters() -> None:
    text = clean(HOSTILE)
    assert "\n" not in text and "\r" not in text and "\x00" not in text
    assert not any(c in text for c in "\ud800\u202e\u200f")
    text.encode("utf-8")


def test_clean_text_is_cut_even_when_a_megabyte_comes_in() -> None:
    assert len(clean("あ" * 1_000_000, 60)) == 60


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1"])
def test_a_formula_in_a_cell_becomes_text(start: str) -> None:
    assert csv_cell(start).startswith("'")


def test_the_font_holds_the_names_of_tokyo_and_what_it_lacks_is_shown_as_geta() -> None:
    assert missing_glyphs("奥多摩町檜原村神津島村御蔵島村青ヶ島村あきる野市端緒違法性未確認±²→≦") == ""
    assert printable("𠮷野") == "〓野"


def test_prejudging_words_are_masked_and_the_one_allowed_compound_stays() -> None:
    text = "違反 違法 無許可 不適正 illegal violation 候補・違法性未確認"
    masked = lead_wording(text)
    assert forbidden_words(text) and not forbidden_words(masked)
    assert "候補・違法性未確認" in masked


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "", "a/b", ".hidden", "\x00", "票"])
def test_a_file_stem_never_leaves_its_folder(name: str) -> None:
    stem = file_stem(name)
    assert stem and "/" not in stem and not stem.startswith(".")
