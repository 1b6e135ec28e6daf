"""Figures and states in words, Japanese or English; the words themselves are data (reports/templates/*.toml)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sat_monitor.core.clock import japan_day
from sat_monitor.core.domain import Kind, Scene, SiteStatus, StartInterval
from sat_monitor.core.errors import UsageError
from sat_monitor.core.resources import resource_folder
from sat_monitor.tickets.place import Place
from sat_monitor.tickets.text import lead_wording, printable

LANGUAGES = ("ja", "en")
#: Unit suffix of an evidence name -> (unit as printed, decimals); "1" and "share" have no unit of their own.
_UNITS = {
    "db": ("dB", 1),
    "sigma": ("σ", 1),
    "nats": ("nat", 1),
    "log_odds": ("", 1),
    "m2": ("m²", 0),
    "mm_per_yr": ("mm/yr", 1),
    "m": ("m", 1),
    "class": ("", 0),
    "1": ("", 2),
}
#: Endings of quantities that people read as per cent.
_SHARES = ("share", "fraction", "probability")
#: Ends of names that belong on one line, first -> second: NDVI 0.78 -> 0.21.
_PAIRS = (("_before", "_after"), ("_expected", ""))


@dataclass(frozen=True, slots=True)
class Line:
    """A label with its value, both ready to print."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Words:
    """The strings of one language; `of("kind.earthwork")` looks one up."""

    lang: str
    table: Mapping[str, Mapping[str, Any]]

    def of(self, key: str, **values: object) -> str:
        """The string of `section.name` with {places} filled; KeyError where the table lacks it."""
        section, name = key.split(".", 1)
        text = str(self.table[section][name])
        for place, value in values.items():
            text = text.replace("{" + place + "}", str(value))
        return text

    def items(self, key: str) -> tuple[str, ...]:
        """The strings of a list such as `checks.items`."""
        section, name = key.split(".", 1)
        return tuple(str(item) for item in self.table[section][name])

    def section(self, name: str) -> dict[str, str]:
        """All strings of a section that are not lists."""
        return {key: value for key, value in self.table[name].items() if isinstance(value, str)}

    def maybe(self, key: str) -> str | None:
        """The string of `section.name`, or None."""
        section, name = key.split(".", 1)
        found = self.table.get(section, {}).get(name)
        return None if found is None else str(found)

    def kind(self, kind: Kind) -> str:
        """A site kind in words."""
        return self.of(f"kind.{kind.value}")

    def status(self, status: SiteStatus) -> str:
        """A site status in words."""
        return self.of(f"status.{status.value}")


@lru_cache(maxsize=4)
def load_words(lang: str) -> Words:
    """The words of `ja` or `en` from the templates folder; another language is a UsageError (E2001)."""
    return _load(lang, f"{lang}.toml")


@lru_cache(maxsize=4)
def load_case_words(lang: str) -> Words:
    """The words of the work on tickets, verdicts among them: nothing that a lead may say. UsageError as `load_words`."""
    return _load(lang, f"case_{lang}.toml")


@lru_cache(maxsize=4)
def load_delivery_words(lang: str) -> Words:
    """The words of messages and digests: leads, as on pages. UsageError as `load_words`."""
    return _load(lang, f"delivery_{lang}.toml")


def _load(lang: str, name: str) -> Words:
    if lang not in LANGUAGES:
        raise UsageError("E2001", f"language {lang!r} is not one of {', '.join(LANGUAGES)}")
    with (resource_folder("templates") / name).open("rb") as file:
        return Words(lang, tomllib.load(file))


def figure(value: float, digits: int) -> str:
    """A number with `digits` decimals, a true minus sign and thousands separators; NaN and infinity as a dash."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if text.strip("-0.,") else text.lstrip("-")


def area_text(words: Words, area_m2: float, error_m2: float) -> str:
    """An area with its standard error, both rounded to the ten square metres that a 10 m pixel can bear."""
    return words.of("text.area", area=figure(round(area_m2, -1), 0), error=figure(round(error_m2, -1), 0))


def probability_text(words: Words, probability: float) -> str:
    """A probability as whole per cent, never 0 % or 100 %."""
    if probability > 0.99:
        return words.of("text.probability_high")
    if probability < 0.01:
        return words.of("text.probability_low")
    return words.of("text.probability_value", p=figure(100.0 * probability, 0))


def municipality_text(words: Words, place: Place) -> str:
    """The municipality with its caveat: boxes only, so one is an estimate and several are to be checked."""
    names = [m.name_ja if words.lang == "ja" else m.name_en for m in place.municipalities]
    if not names:
        return words.of("text.municipality_none")
    key = "municipality_one" if len(names) == 1 else "municipality_many"
    return words.of(f"text.{key}", names=words.of("text.municipality_joint").join(names))


def place_lines(words: Words, place: Place) -> tuple[Line, ...]:
    """Municipality, lon/lat, plane coordinates and mesh code, each with its label."""
    eastern = place.lon >= 0 and place.lat >= 0
    lonlat = "text.lonlat" if eastern else "text.lonlat_plain"
    return (
        Line(words.of("label.municipality"), municipality_text(words, place)),
        Line(words.of("label.lonlat"), words.of(lonlat, lon=f"{place.lon:.6f}", lat=f"{place.lat:.6f}")),
        Line(words.of("label.plane"), _plane_text(words, place)),
        Line(words.of("label.mesh"), _mesh_text(words, place)),
    )


def _plane_text(words: Words, place: Place) -> str:
    plane = place.plane
    if plane is None:
        return words.of("text.plane_none")
    north, east = figure(plane.northing_m, 0), figure(plane.easting_m, 0)
    return words.of("text.plane", zone=plane.zone, epsg=plane.epsg, northing=north, easting=east)


def _mesh_text(words: Words, place: Place) -> str:
    if place.mesh is None:
        return words.of("text.mesh_none")
    return words.of("text.mesh", third=place.mesh, half=place.half_mesh)


def start_text(words: Words, start: StartInterval, scenes: Sequence[Scene]) -> str:
    """The start interval in days of Japan; a bound whose scene is not among `scenes` stays a UTC day and says so."""
    latest = _day_text(words, start.latest, scenes)
    if start.earliest is None:
        return words.of("text.start_until", latest=latest)
    return words.of("text.start_between", earliest=_day_text(words, start.earliest, scenes), latest=latest)


def _day_text(words: Words, day: date, scenes: Sequence[Scene]) -> str:
    days = sorted({japan_day(s.acquired_at) for s in scenes if s.acquired_at.date() == day})
    return words.of("text.japan_day", day=days[0]) if days else words.of("text.start_utc", day=day)


def reason_lines(words: Words, reasons: Sequence[str]) -> tuple[str, ...]:
    """Priority reasons in words: `code`, or `code:value`; a code without words is printed as it is."""
    return tuple(_reason(words, reason) for reason in reasons)


def _reason(words: Words, reason: str) -> str:
    code, _, value = reason.partition(":")
    known = words.maybe(f"reason.{code}")
    if known is None:
        return lead_wording(printable(reason, 80))
    shown = lead_wording(printable(value, 24))
    return known.replace("{value}", shown) if "{value}" in known or not value else f"{known}({shown})"


def evidence_lines(words: Words, evidence: Mapping[str, float]) -> tuple[Line, ...]:
    """Evidence figures in the order of the words table, then by name; a pair shares a line: NDVI 0.78 → 0.21.

    A name whose words are empty in the table is left out.
    """
    stems = {_split_unit(name)[0]: name for name in sorted(evidence)}
    partner = {stem: other for stem in stems if (other := _partner(stem, stems)) is not None}
    shown = [stem for stem in stems if stem not in partner.values() and words.maybe(f"evidence.{stem}") != ""]
    order = {name: index for index, name in enumerate(words.section("evidence"))}
    shown.sort(key=lambda stem: (order.get((partner.get(stem) or stem).removesuffix("_after"), len(order)), stem))
    return tuple(_evidence_line(words, evidence, stems, stem, partner.get(stem)) for stem in shown)


def _partner(stem: str, stems: Mapping[str, str]) -> str | None:
    """The stem that follows `stem` on the same line, if both were given."""
    for first, second in _PAIRS:
        other = stem.removesuffix(first) + second
        if stem.endswith(first) and other in stems:
            return other
    return None


def _evidence_line(
    words: Words, evidence: Mapping[str, float], stems: Mapping[str, str], stem: str, other: str | None
) -> Line:
    first = _measure(evidence[stems[stem]], stems[stem], signed=other is None)
    if other is None:
        return Line(_evidence_label(words, stem), first)
    second = _measure(evidence[stems[other]], stems[other], signed=False)
    label = _evidence_label(words, other.removesuffix("_after"))
    note = words.maybe("text.pair_expected") if stem.endswith("_expected") else words.maybe("text.pair_before")
    return Line(f"{label}{note or ''}", f"{first} → {second}")


def _split_unit(name: str) -> tuple[str, str]:
    for unit in sorted(_UNITS, key=len, reverse=True):
        if name.lower().endswith(f"_{unit}"):
            return name[: -len(unit) - 1], unit
    return name, "1"


def _measure(value: float, name: str, signed: bool) -> str:
    stem, suffix = _split_unit(name)
    if stem.endswith(_SHARES):
        # Noise carries the share of a mixture beyond its bounds; on paper 125 % would be a riddle.
        return f"{figure(100.0 * min(max(value, 0.0), 1.0), 0)} %"
    unit, digits = _UNITS[suffix]
    text = figure(value, digits)
    plus = "+" if signed and stem.endswith("_change") and text.strip("0.–") and value > 0 else ""
    return f"{plus}{text} {unit}".rstrip()


def _evidence_label(words: Words, stem: str) -> str:
    return words.maybe(f"evidence.{stem}") or lead_wording(printable(stem.replace("_", " "), 40))
