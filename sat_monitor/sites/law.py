"""Which questions of the fill-regulation law (宅地造成及び特定盛土等規制法) a site raises, and when its works began.

Every legal number of the service stands in one table, each row with its source and how well it was verified. A row is
never claimed as met: satellites see an area with an error, not a height (METHOD 13 to 15, 24 to 26).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sat_monitor.core.domain import Site, StartInterval, WorksGroup
from sat_monitor.core.size import exceeds_probability
from sat_monitor.core.surroundings import (
    Certainty,
    LegalCheck,
    StatutoryQuestion,
    Surroundings,
    Timing,
    Zone,
    ZoneKind,
)
from sat_monitor.sites.groups import WORKS

#: Probabilities between which it cannot be told whether a line was crossed.
UNLIKELY, LIKELY = 0.2, 0.8


class Status(StrEnum):
    """How a row of the table is known: read in its primary source, in another's words, or not at all."""

    VERIFIED = "verified"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"


class Duty(StrEnum):
    """What is asked of whoever crosses a line: a permit (許可), or a notice 30 days before the start (届出)."""

    PERMIT = "permit"
    NOTICE = "notice"


class Unit(StrEnum):
    """What a line is measured in: areas a satellite estimates, heights only a visit shows."""

    AREA = "m2"
    HEIGHT = "m"


@dataclass(frozen=True, slots=True)
class StatutoryLine:
    """One row of the law: in a zone of `zone`, `duty` by `article` where `line` is above `limit`.

    `authority` is None where the row holds for every authority, else the one whose ordinance it is. `line` and
    `exemptions` are codes that the templates put in words; `valid_from` is the first day of works it can apply to.
    """

    zone: ZoneKind
    authority: str | None
    line: str
    limit: float
    unit: Unit
    duty: Duty
    article: str
    exemptions: tuple[str, ...]
    source: str
    status: Status
    valid_from: date


#: The day on which the law as a whole came into force; whether works are older than their zone is asked by itself.
_IN_FORCE = date(2023, 5, 26)
_LEAFLET = "東京都の公表値(2024-07-31 指定の規制区域)"
_SECOND = "自治体の手引き(二次資料)"
#: Parts that change by 30 cm or less do not count as area; stockpiles up to 30 cm high do not count at all.
_THIN, _LOW = ("parts_within_30_cm",), ("stockpile_within_30_cm",)
_R, _S = ZoneKind.RESIDENTIAL, ZoneKind.SPECIFIED
_A, _H = Unit.AREA, Unit.HEIGHT
_ART_12, _ART_27, _ART_30 = "第12条第1項", "第27条第1項", "第30条第1項"
_V, _V2, _U = Status.VERIFIED, Status.SECONDARY, Status.UNVERIFIED


def _row(
    zone: ZoneKind, line: str, limit: float, unit: Unit, status: Status, duty: Duty = Duty.PERMIT
) -> StatutoryLine:
    """A row of the national law; its article follows from zone and duty, its exemption from what is measured."""
    article = _ART_27 if duty is Duty.NOTICE else (_ART_12 if zone is _R else _ART_30)
    exempt = (_LOW if line.startswith("stockpile") else _THIN) if unit is _A else ()
    source = {_V: _LEAFLET, _V2: _SECOND, _U: ""}[status]
    return StatutoryLine(zone, None, line, limit, unit, duty, article, exempt, source, status, _IN_FORCE)


#: The statutory lines. Where a fact was read only in another's words, it says so; what nobody verified is never shown.
LINES: tuple[StatutoryLine, ...] = (
    _row(_R, "fill_or_cut_area", 500.0, _A, _V),
    _row(_R, "stockpile_area", 500.0, _A, _V),
    _row(_R, "fill_cliff", 1.0, _H, _V),
    _row(_R, "cut_cliff", 2.0, _H, _V),
    _row(_R, "fill_and_cut_cliff", 2.0, _H, _V),
    _row(_R, "fill_height", 2.0, _H, _V),
    _row(_R, "stockpile_height_over_300_m2", 2.0, _H, _V),
    _row(_S, "fill_or_cut_area", 500.0, _A, _U, Duty.NOTICE),
    _row(_S, "stockpile_area", 500.0, _A, _U, Duty.NOTICE),
    _row(_S, "fill_or_cut_area", 3000.0, _A, _V2),
    _row(_S, "stockpile_area", 3000.0, _A, _U),
    _row(_S, "fill_cliff", 2.0, _H, _V2),
    _row(_S, "cut_cliff", 5.0, _H, _V2),
    _row(_S, "fill_and_cut_cliff", 5.0, _H, _V2),
    _row(_S, "fill_height", 5.0, _H, _V2),
    _row(_S, "stockpile_height_over_1500_m2", 5.0, _H, _V2),
)
#: What only a visit shows whichever line is asked: what counts as area at all (METHOD 26).
_ALWAYS_ON_SITE = ("changed_over_30_cm", "stockpile_over_30_cm")
#: What to ask of works that may be older than their zone (METHOD 25).
OLDER_QUESTIONS = ("notice_within_21_days", "old_law_permit")
GROWN_QUESTION = "grown_since_designation"


def check(site: Site, group: WorksGroup | None, surroundings: Surroundings) -> LegalCheck:
    """The questions that a site of works raises in the zones around it; none where no zone layer holds it.

    Areas of a works group are summed. What is no works (felling, water) raises no line; its timing is told all the same.
    """
    zones = surroundings.zones
    if not zones:
        return LegalCheck()
    lines = [(zone, row) for zone in zones for row in _lines_in(zone, site)] if site.kind in WORKS else []
    heights = [on_site_code(row) for _, row in lines if row.unit is Unit.HEIGHT]
    timing, designated = timing_of(site.start, zones), _designated_on(zones)
    return LegalCheck(
        questions=tuple(_question(site, group, zone, row) for zone, row in lines if row.unit is Unit.AREA),
        on_site=tuple(dict.fromkeys([*_ALWAYS_ON_SITE, *heights])) if lines else (),
        timing=timing,
        designated_on=designated,
        timing_questions=_asks(site, timing, designated),
    )


def certainty_of(probability: float) -> Certainty:
    """What a probability (0..1) allows to say."""
    if probability < UNLIKELY:
        return Certainty.UNLIKELY
    return Certainty.LIKELY if probability > LIKELY else Certainty.CANNOT_TELL


def on_site_code(row: StatutoryLine) -> str:
    """Code of a height that a visit is to measure, such as `fill_cliff_over_1_m`."""
    return f"{row.line}_over_{row.limit:g}_m"


def on_site_codes() -> tuple[str, ...]:
    """All codes that `check` may list as to be checked on site: what templates must have words for."""
    heights = [on_site_code(row) for row in LINES if row.unit is Unit.HEIGHT and row.status is not Status.UNVERIFIED]
    return tuple(dict.fromkeys([*_ALWAYS_ON_SITE, *heights]))


def timing_of(start: StartInterval, zones: tuple[Zone, ...]) -> Timing:
    """Whether works began before the designation, after it, or neither for sure; several zones must agree."""
    told = {_against(start, zone.designated_on) for zone in zones}
    return told.pop() if len(told) == 1 else Timing.CANNOT_TELL


def _against(start: StartInterval, designated_on: date | None) -> Timing:
    if designated_on is None:
        return Timing.CANNOT_TELL
    if start.latest < designated_on:
        return Timing.BEFORE
    # Ground that was not yet changed on `earliest` was changed after it.
    return Timing.AFTER if start.earliest is not None and start.earliest >= designated_on else Timing.CANNOT_TELL


def _lines_in(zone: Zone, site: Site) -> list[StatutoryLine]:
    """The rows that may be shown for a zone: works that had rested before a row was in force are none of its."""
    return [
        row
        for row in LINES
        if row.zone is zone.kind
        and row.authority in (None, zone.authority)
        and row.status is not Status.UNVERIFIED
        and site.last_support_at.date() >= row.valid_from
    ]


def all_sizes_shown(kind: ZoneKind) -> bool:
    """Whether every area line of a zone is verified: only then does staying below those shown mean below all."""
    rows = [row for row in LINES if row.zone is kind and row.unit is Unit.AREA]
    return all(row.status is not Status.UNVERIFIED for row in rows)


def _question(site: Site, group: WorksGroup | None, zone: Zone, row: StatutoryLine) -> StatutoryQuestion:
    whole = site if group is None else group
    probability = exceeds_probability(whole.area_m2, whole.area_error_m2, row.limit)
    return StatutoryQuestion(
        line=row.line,
        zone=zone.kind,
        authority=zone.authority,
        limit=row.limit,
        unit=row.unit.value,
        article=row.article,
        duty=row.duty.value,
        probability=probability,
        certainty=certainty_of(probability),
        status=row.status.value,
    )


def _designated_on(zones: tuple[Zone, ...]) -> date | None:
    """The day of the zone that holds most of the site."""
    return max(zones, key=lambda zone: zone.share).designated_on


def _asks(site: Site, timing: Timing, designated_on: date | None) -> tuple[str, ...]:
    """Older works owed a notice or a permit of the old law; what grew since the designation is new work."""
    if timing is Timing.AFTER:
        return ()
    grown = designated_on is not None and site.last_support_at.date() >= designated_on
    return (*OLDER_QUESTIONS, GROWN_QUESTION) if grown else OLDER_QUESTIONS
