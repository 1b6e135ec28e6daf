"""The content of a ticket's page: every word and figure decided here, so that the template only places them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sat_monitor.core.clock import japan_day
from sat_monitor.core.domain import Kind, Scene
from sat_monitor.core.size import exceeds_probability
from sat_monitor.tickets.asked import (
    on_site_items,
    question_lines,
    ranking_lines,
    register_lines,
    timing_text,
    whereabouts,
)
from sat_monitor.tickets.place import in_japan
from sat_monitor.tickets.records import SceneUse, TicketRequest
from sat_monitor.tickets.text import lead_wording, printable
from sat_monitor.tickets.words import (
    Line,
    Words,
    area_text,
    evidence_lines,
    place_lines,
    probability_text,
    reason_lines,
    start_text,
)

#: Lists of the second page.
_VISIT = ("before", "road", "entry", "results", "fields")
_MAX_SCENES = 6
_MAX_EVIDENCE = 8
_MAX_REASONS = 6


@dataclass(frozen=True, slots=True)
class SceneRow:
    """One row of the table of scenes."""

    role: str
    day: str
    sensor: str
    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PictureRef:
    """A picture file with its caption."""

    file: str
    caption: str


@dataclass(frozen=True, slots=True)
class Page:
    """All that the template prints, besides the labels of the words table."""

    lang: str
    document_title: str
    year: int
    month: int
    day: int
    simulated: bool
    withdrawn: str
    priority: str
    ticket_id: str
    site_line: str
    facts: tuple[Line, ...]
    map_url: str
    map_label: str
    reasons: tuple[str, ...]
    change: str
    evidence: tuple[Line, ...]
    size: str
    questions: tuple[Line, ...]
    timing: str
    on_site: tuple[str, ...]
    registers: tuple[str, ...]
    size_notes: str
    checks: tuple[str, ...]
    scenes: tuple[SceneRow, ...]
    more_scenes: str
    record: tuple[str, ...]
    visit: dict[str, tuple[str, ...]]
    proof: tuple[Line, ...]
    credit: str
    footer: str
    pictures: dict[str, PictureRef]

    def as_json(self, words: Words) -> dict[str, object]:
        """Plain data for the template, with the labels under `words`."""
        return {**asdict(self), "words": {name: words.section(name) for name in words.table}}


def priority_text(priority: float) -> str:
    """A priority for the big box: whole from 10 up, else with two decimals."""
    return f"{priority:.0f}" if abs(priority) >= 10 else f"{priority:.2f}"


def build_page(request: TicketRequest, words: Words, pictures: dict[str, PictureRef], styles: Iterable[str]) -> Page:
    """The page of a request; `pictures` by role (before, after, score, location), `styles` of their composites."""
    opened = japan_day(request.ticket.opened_at)
    uses = request.listed_scenes
    hidden = len(uses) - _MAX_SCENES
    return Page(
        lang=words.lang,
        document_title=f"{words.of('page.title')} {_short(request.ticket.id)}",
        year=opened.year,
        month=opened.month,
        day=opened.day,
        simulated=request.simulated,
        withdrawn=_withdrawn(request, words),
        priority=priority_text(request.ticket.priority if request.ranking is None else request.ranking.value),
        ticket_id=_short(request.ticket.id),
        site_line=words.kind(request.site.kind),
        facts=_facts(request, words),
        map_url=map_url(request.place.lon, request.place.lat),
        map_label=words.of("text.map_gsi" if in_japan(request.place.lon, request.place.lat) else "text.map_osm"),
        reasons=_reasons(request, words) or ("–",),
        change=words.of(f"kind_sentence.{request.site.kind.value}"),
        evidence=_evidence(request, words),
        size=_size(request, words),
        questions=question_lines(words, request.legal),
        timing=timing_text(words, request.legal),
        on_site=on_site_items(words, request.legal),
        registers=register_lines(words, request.surroundings),
        size_notes=_size_notes(request, words),
        checks=_checks(request, words),
        scenes=tuple(_scene_row(use, words) for use in uses[:_MAX_SCENES]),
        more_scenes=words.of("text.more_scenes", n=hidden) if hidden > 0 else "",
        record=words.items("record.fields"),
        visit={name: words.items(f"second.{name}") for name in _VISIT},
        proof=_proof(request, words),
        credit="  |  ".join([credit(words, [use.scene for use in uses]), *_notes(words, styles)]),
        footer=words.of("page.footer", version=_short(request.software, 24)),
        pictures=pictures,
    )


def _reasons(request: TicketRequest, words: Words) -> tuple[str, ...]:
    if request.ranking is None:
        return reason_lines(words, request.ticket.reasons[:_MAX_REASONS])
    return ranking_lines(words, request.ranking, _MAX_REASONS)


def _size_notes(request: TicketRequest, words: Words) -> str:
    """What was not asked, or held nothing: silence must not pass for an answer."""
    around = request.surroundings
    notes = []
    if not any(layer.kind == "zones" for layer in around.layers):
        notes.append(words.of("text.zone_missing"))
    elif not around.zones:
        notes.append(words.of("text.zone_outside"))
    if not around.registers:
        notes.append(words.of("text.register_missing"))
    return "  ".join(notes)


def _short(text: str, limit: int = 48) -> str:
    return lead_wording(printable(text, limit))


def _withdrawn(request: TicketRequest, words: Words) -> str:
    reason = request.ticket.withdrawn_reason
    return "" if reason is None else f"{words.of('page.withdrawn')} {_short(reason, 80)}"


def _facts(request: TicketRequest, words: Words) -> tuple[Line, ...]:
    site, ticket = request.site, request.ticket
    confirmed = site.first_confirmed_at
    scenes = [use.scene for use in request.listed_scenes]
    name = request.aoi.name_ja if words.lang == "ja" else request.aoi.name_en
    rows = {
        "kind": words.kind(site.kind),
        "area": area_text(words, site.area_m2, site.area_error_m2),
        "start": start_text(words, site.start, scenes),
        "looks": words.of("text.looks", hits=site.hits, looks=site.looks),
        "status": words.status(site.status),
        "confirmed": words.of("text.never") if confirmed is None else japan_day(confirmed).isoformat(),
    }
    if request.group is not None:
        rows["works_group"] = words.of(
            "text.works_group",
            sites=len(request.group.site_ids),
            area=area_text(words, request.group.area_m2, request.group.area_error_m2),
        )
    found = tuple(Line(words.of(f"label.{key}"), value) for key, value in rows.items())
    identity = (
        Line(words.of("label.site_id"), f"{_short(site.id)} ({_short(name, 24)})"),
        Line(words.of("label.opened"), japan_day(ticket.opened_at).isoformat()),
    )
    where = tuple(Line(words.of(f"label.{key}"), value) for key, value in whereabouts(words, request).items())
    return (*where, *place_lines(words, request.place)[1:], *found, *identity)


def _evidence(request: TicketRequest, words: Words) -> tuple[Line, ...]:
    lines = evidence_lines(words, request.figures)[:_MAX_EVIDENCE]
    return lines or (Line(words.of("text.no_evidence"), ""),)


def _size(request: TicketRequest, words: Words) -> str:
    site = request.site
    chance = exceeds_probability(site.area_m2, site.area_error_m2)
    area = f"{words.of('label.area')} {area_text(words, site.area_m2, site.area_error_m2)}"
    if site.kind is Kind.DEFORMATION:
        # Ground that moves is no works of a size.
        return area
    return f"{area}    {words.of('text.probability', p=probability_text(words, chance))}"


def _checks(request: TicketRequest, words: Words) -> tuple[str, ...]:
    names = request.place.municipalities
    if len(names) == 1:
        return words.items("checks.items")
    return (words.of("checks.border" if names else "checks.outside"), *words.items("checks.items"))


def _scene_row(use: SceneUse, words: Words) -> SceneRow:
    scene = use.scene
    return SceneRow(
        words.of(f"role.{use.role.value}"),
        japan_day(scene.acquired_at).isoformat(),
        platform_text(scene, words),
        _short(scene.id, 60),
        f"{_short(scene.file_sha256, 17).rstrip('…')[:16]}…",
    )


def platform_text(scene: Scene, words: Words) -> str:
    """The satellite with its track: Sentinel-1A 46D."""
    platform = _short(scene.platform, 24) or words.of(f"sensor.{scene.sensor.value}")
    name = re.sub(r"^sentinel-(\d)([a-d])$", lambda m: f"Sentinel-{m[1]}{m[2].upper()}", platform, flags=re.IGNORECASE)
    return name if scene.track is None else f"{name} {scene.track.id}"


def _proof(request: TicketRequest, words: Words) -> tuple[Line, ...]:
    head = "–" if request.chain_head is None else str(request.chain_head)
    return (
        Line(words.of("label.profile"), _short(request.profile_sha256, 80)),
        Line(words.of("label.chain"), _short(head, 90)),
    )


def credit(words: Words, scenes: Iterable[Scene]) -> str:
    """The credit for pictures of `scenes`: simulated data says so, real data carry the Copernicus notice and years."""
    rows = list(scenes)
    if any(scene.simulated for scene in rows):
        return words.of("picture.credit_simulated")
    years = sorted({scene.acquired_at.year for scene in rows})
    span = str(years[0]) if len(years) == 1 else f"{years[0]}–{years[-1]}"
    return words.of("picture.credit_real", year=span)


def _notes(words: Words, styles: Iterable[str]) -> list[str]:
    notes = [words.of(f"style_note.{style}") for style in dict.fromkeys(styles)]
    return [*notes, words.of("text.dates_note")]


def map_url(lon: float, lat: float) -> str:
    """A link to a public map at the place: GSI's in Japan, OpenStreetMap elsewhere."""
    if in_japan(lon, lat):
        return f"https://maps.gsi.go.jp/#17/{lat:.6f}/{lon:.6f}/"
    return f"https://www.openstreetmap.org/?mlat={lat:.6f}&mlon={lon:.6f}#map=17/{lat:.6f}/{lon:.6f}"
