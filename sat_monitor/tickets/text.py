"""Text from outside, made harmless: for the page, for CSV cells, for file names."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

#: The mark that Japanese type-setting uses for a missing glyph (geta).
MISSING_GLYPH = "〓"
#: Words that a lead must not say before a verdict (METHOD 24); 違法性未確認 is the one allowed compound.
_FORBIDDEN = re.compile(
    r"違反|違法(?!性未確認)|無許可|不適正|\billegal(?:ly)?\b|\bviolat\w*|\bunpermitted\b|\bunauthori[sz]ed\b",
    re.IGNORECASE,
)
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def font_folder() -> Path:
    """The folder of the packaged Japanese font (IPAexGothic of matplotlib-fontja); the package is not imported."""
    spec = importlib.util.find_spec("matplotlib_fontja")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("package matplotlib_fontja is not installed: it carries the Japanese font")
    return Path(spec.origin).parent / "fonts"


def font_file() -> Path:
    """The TrueType file that pages and pictures are set in."""
    return font_folder() / "ipaexg.ttf"


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(font_file(), lazy=True) as font:
        return frozenset(font.getBestCmap())


def missing_glyphs(text: str) -> str:
    """The characters of `text` that the font cannot show, in order, each once."""
    return "".join(dict.fromkeys(c for c in text if ord(c) not in _glyphs()))


def clean(text: str, limit: int = 200) -> str:
    """`text` on one line without control, bidirectional, private and surrogate characters, at most `limit` long.

    Line breaks and tabs become spaces; the result is NFC, so that a decomposed kana finds its glyph.
    """
    spaced = "".join(" " if c in "\r\n\t\v\f\x85\u2028\u2029" else c for c in text[: 4 * limit])
    kept = "".join(c for c in spaced if unicodedata.category(c) not in _DROPPED_CATEGORIES)
    line = " ".join(unicodedata.normalize("NFC", kept).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def printable(text: str, limit: int = 200) -> str:
    """`clean` text in which every character has a glyph: a missing one is shown as 〓, never as an empty box."""
    line = clean(text, limit)
    absent = set(missing_glyphs(line))
    return "".join(MISSING_GLYPH if c in absent else c for c in line)


def lead_wording(text: str) -> str:
    """`text` with words that prejudge a verdict masked by ○○: a ticket is a lead (METHOD 24)."""
    return _FORBIDDEN.sub("○○", text)


def forbidden_words(text: str) -> list[str]:
    """The prejudging words in `text`, in order; empty for a proper lead."""
    return _FORBIDDEN.findall(text)


def csv_cell(text: str) -> str:
    """`clean` text for a CSV cell: a leading formula sign gets an apostrophe, so that no spreadsheet runs it."""
    line = clean(text, 1000)
    return "'" + line if line.startswith(_FORMULA_START) else line


def json_text(text: str) -> str:
    """`text` for JSON: lone surrogates and control characters removed, so that any reader accepts the file."""
    return clean(text, 1000)


def file_stem(text: str) -> str:
    """A file or folder name made of `text`: ASCII letters, digits, dot, dash and underscore; never empty or hidden."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", clean(text, 120)).lstrip(".")
    return stem or "_"
