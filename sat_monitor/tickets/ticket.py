"""A ticket as a folder: one page on paper, the same pictures as files, GeoJSON and the full record."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from sat_monitor.core.clock import iso, japan_day
from sat_monitor.core.errors import SatMonitorError, TicketError
from sat_monitor.imagery.files import write_whole
from sat_monitor.tickets.composites import ScoreField, Snapshot, composite, velocity_colours
from sat_monitor.tickets.curve import Curve, CurvePoint, draw_curve
from sat_monitor.tickets.geojson import collection, feature, lonlat_outline, site_properties
from sat_monitor.tickets.html import ticket_html
from sat_monitor.tickets.page import Page, PictureRef, build_page, credit, platform_text
from sat_monitor.tickets.pdf import typeset, typeset_pictures
from sat_monitor.tickets.place import geo_code
from sat_monitor.tickets.records import MotionProof, RenderedTicket, SceneRole, SceneUse, TicketRequest
from sat_monitor.tickets.snippets import Labels, Marks, draw_missing, draw_scene, draw_score, encode_jpeg
from sat_monitor.tickets.text import json_text, lead_wording, printable
from sat_monitor.tickets.view import Frame, detail_frame, location_frame
from sat_monitor.tickets.words import Words, area_text, load_words, municipality_text

__all__ = [
    "RenderedTicket",
    "SceneRole",
    "SceneUse",
    "ScoreField",
    "Snapshot",
    "TicketRequest",
    "render_ticket",
    "render_tickets",
]


#: The lead, and the sheet for the visit.
_PAGES = 2


@dataclass(frozen=True, slots=True)
class _Picture:
    """A drawn picture with its caption and the composite style that it uses."""

    jpeg: bytes
    caption: str
    style: str


def render_ticket(request: TicketRequest, folder: Path, lang: str = "ja") -> RenderedTicket:
    """Write the ticket's files into its own `folder`: ticket.pdf, ticket.html, its pictures, ticket.geojson, ticket.json.

    The same request gives the same bytes. Raises TicketError: E1206 where grids or bands do not fit, SatMonitorError E1302 where the
    disk refuses, E1802 where the page cannot be set; UsageError E2001 for an unknown language.
    """
    made = _made(request, lang)
    return _written(request, made, _typeset(request, made), folder)


def render_tickets(
    jobs: Iterable[tuple[TicketRequest, Path]], lang: str = "ja"
) -> Iterator[tuple[TicketRequest, RenderedTicket | SatMonitorError]]:
    """`render_ticket` for each (request, folder), in order; a ticket that fails comes with its error and stops no other.

    The page of one ticket is set while the pictures of the next are drawn: the typesetter works outside the interpreter,
    so it alone has a thread of its own.
    """
    with ThreadPoolExecutor(1) as press:
        underway: _Underway | None = None
        for request, folder in jobs:
            following = _begun(press, request, folder, lang)
            if underway is not None:
                yield underway.request, underway.finished()
            underway = following
        if underway is not None:
            yield underway.request, underway.finished()


@dataclass(frozen=True, slots=True)
class _Underway:
    """A ticket whose page is being set, or the error that already ended it."""

    request: TicketRequest
    folder: Path
    page: tuple[_Made, Future[bytes]] | SatMonitorError

    def finished(self) -> RenderedTicket | SatMonitorError:
        """The written ticket, once its page is set, or why there is none."""
        if isinstance(self.page, SatMonitorError):
            return self.page
        made, pdf = self.page
        try:
            return _written(self.request, made, pdf.result(), self.folder)
        except SatMonitorError as error:
            return error


def _begun(press: ThreadPoolExecutor, request: TicketRequest, folder: Path, lang: str) -> _Underway:
    try:
        made = _made(request, lang)
    except SatMonitorError as error:
        return _Underway(request, folder, error)
    return _Underway(request, folder, (made, press.submit(_typeset, request, made)))


def _typeset(request: TicketRequest, made: _Made) -> bytes:
    return typeset("ticket.typ", made.page.as_json(made.words), made.printed, request.ticket.opened_at, _PAGES)


def _written(request: TicketRequest, made: _Made, pdf: bytes, folder: Path) -> RenderedTicket:
    place = request.place
    contents = dict(made.contents)
    contents |= {
        "ticket.html": ticket_html(made.page, made.words, contents, (place.lon, place.lat)),
        "ticket.geojson": ticket_geojson(request).encode(),
        "ticket.json": _record_json(request).encode(),
        "ticket.pdf": pdf,
    }
    files = tuple(write_whole(folder / name, contents[name]) for name in sorted(contents))
    return RenderedTicket(folder, files, hashlib.sha256(pdf).hexdigest())


def ticket_pages(request: TicketRequest, lang: str = "ja", ppi: float = 72.0) -> list[bytes]:
    """The pages of a ticket as PNG pictures; raises what `render_ticket` does."""
    made = _made(request, lang)
    return typeset_pictures(
        "ticket.typ", made.page.as_json(made.words), made.printed, request.ticket.opened_at, _PAGES, ppi
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """A page with its words, its pictures by file name, and those with what only paper shows."""

    page: Page
    words: Words
    contents: dict[str, bytes]
    printed: dict[str, bytes]


def _made(request: TicketRequest, lang: str) -> _Made:
    words = load_words(lang)
    _check(request)
    pictures = _draw_pictures(request, words)
    refs = {name: PictureRef(f"{name}.jpg", picture.caption) for name, picture in pictures.items()}
    contents = {f"{name}.jpg": picture.jpeg for name, picture in pictures.items()}
    if request.growth:
        refs["growth"] = PictureRef("growth.png", growth_caption(request, words))
        contents["growth.png"] = _growth_picture(request, words)
    if request.motion is not None:
        refs["motion"] = PictureRef("motion.png", motion_caption(request.motion, words))
        contents["motion.png"] = _motion_picture(request, request.motion, words)
    page = build_page(request, words, refs, [p.style for p in pictures.values() if p.style])
    place = request.place
    return _Made(page, words, contents, {**contents, "geo.svg": geo_code(place.lon, place.lat)})


def _check(request: TicketRequest) -> None:
    if request.ticket.site_id != request.site.id:
        raise TicketError(
            "E1801", f"ticket {request.ticket.id} is of site {request.ticket.site_id}, not of {request.site.id}"
        )
    if request.score.values.shape != request.score.grid.shape:
        raise TicketError("E1206", f"score has shape {request.score.values.shape}, its grid {request.score.grid.shape}")


def _draw_pictures(request: TicketRequest, words: Words) -> dict[str, _Picture]:
    """The pictures by role; before, after, score and oldest show the same frame, so that they lie side by side."""
    frame = detail_frame(request.site.outline, request.aoi.grid.epsg)
    wide = location_frame(request.site.outline, request.location.grid)
    pictures = {
        "before": _scene_picture(request, words, "before", request.before, frame, None),
        "after": _scene_picture(request, words, "after", request.after, frame, None),
        "location": _scene_picture(request, words, "location", request.location, wide, frame),
    }
    if request.oldest is not None:
        pictures["oldest"] = _scene_picture(request, words, "oldest", request.oldest, frame, None)
    if request.motion is not None:
        pictures["velocity"] = _velocity_picture(request, request.motion, words, frame)
    return {**pictures, "score": _score_picture(request, words, frame)}


def _velocity_picture(request: TicketRequest, motion: MotionProof, words: Words, frame: Frame) -> _Picture:
    """Velocity along the line of sight around the site; hatched where nothing was measured."""
    title, day = words.of("picture.velocity"), motion.series[-1][0].isoformat()
    labels = Labels(title, words.of("picture.score_date", day=day), "", _badge(request, words))
    marks = Marks(request.site.outline, request.aoi.grid.epsg)
    drawn = draw_scene(velocity_colours(motion.velocity), motion.grid, frame, marks, labels)
    return _Picture(encode_jpeg(drawn), f"{title}  {words.of('picture.velocity_key')}", "")


def _motion_picture(request: TicketRequest, motion: MotionProof, words: Words) -> bytes:
    """Displacement over time, with the day from which the motion differs."""
    marks = () if motion.since is None else ((motion.since, words.of("picture.motion_since")),)
    points = tuple(CurvePoint(day, value) for day, value in motion.series)
    return draw_curve(Curve(words.of("picture.motion"), points, marks, _badge(request, words)))


def motion_caption(motion: MotionProof, words: Words) -> str:
    """How fast, and what that direction means on the ground."""
    way = "away" if motion.mm_per_year < 0.0 else "toward"
    meaning = words.of(f"picture.motion_{way}_{motion.seen_from}" if motion.seen_from else f"picture.motion_{way}")
    rate = f"{motion.mm_per_year:+.1f} ± {motion.error_mm_per_year:.1f}"
    faster = words.of("picture.motion_faster") if motion.accelerates else ""
    return words.of("picture.motion_caption", rate=rate, meaning=meaning, faster=faster).strip()


def _growth_picture(request: TicketRequest, words: Words) -> bytes:
    """Area over time with the days on which the site was confirmed and its ticket opened."""
    site, points = request.site, request.growth
    marks = [] if site.first_confirmed_at is None else [(site.first_confirmed_at, words.of("picture.growth_confirmed"))]
    marks.append((request.ticket.opened_at, words.of("picture.growth_opened")))
    return draw_curve(
        Curve(
            words.of("picture.growth"),
            tuple(CurvePoint(japan_day(p.at), p.area_m2, p.area_error_m2) for p in points),
            tuple((japan_day(at), word) for at, word in marks),
            _badge(request, words),
        )
    )


def _scene_picture(
    request: TicketRequest, words: Words, role: str, snapshot: Snapshot | None, frame: Frame, inset: Frame | None
) -> _Picture:
    title, badge = words.of(f"picture.{role}"), _badge(request, words)
    if snapshot is None:
        missing = words.of("picture.missing")
        labels = Labels(title, "", "", badge, missing)
        return _Picture(encode_jpeg(draw_missing(labels)), f"{title}: {missing}", "")
    colours = composite(snapshot)
    day = japan_day(snapshot.scene.acquired_at).isoformat()
    labels = Labels(title, day, credit(words, [snapshot.scene]), badge)
    marks = Marks(request.site.outline, request.aoi.grid.epsg, inset)
    if inset is not None:
        marks = _with_surroundings(marks, request)
    style = words.of(f"style.{colours.style}")
    name = lead_wording(printable(snapshot.label, 24)) or title
    caption = "  ".join([name, day, platform_text(snapshot.scene, words), style, *map_key(marks, words)])
    return _Picture(encode_jpeg(draw_scene(colours, snapshot.grid, frame, marks, labels)), caption, colours.style)


def _with_surroundings(marks: Marks, request: TicketRequest) -> Marks:
    """The marks of the location map: what lies below the site, and from where to look at it."""
    flow, road = request.surroundings.flow, request.surroundings.road
    return replace(
        marks,
        zones=None if flow is None else flow.zones,
        way=None if flow is None else flow.line,
        road=None if road is None else (road.x, road.y),
    )


def map_key(marks: Marks, words: Words) -> list[str]:
    """What the colours on the location map mean, of what is drawn."""
    shown = {"zones": marks.zones, "way": marks.way, "road": marks.road}
    return [words.of(f"picture.key_{name}") for name, what in shown.items() if what is not None]


def growth_caption(request: TicketRequest, words: Words) -> str:
    """The newest area and how many looks drew the site."""
    newest = request.growth[-1]
    area = area_text(words, newest.area_m2, newest.area_error_m2)
    return words.of(
        "picture.growth_caption", day=japan_day(newest.at).isoformat(), area=area, looks=len(request.growth)
    )


def _score_picture(request: TicketRequest, words: Words, frame: Frame) -> _Picture:
    title, day = words.of("picture.score"), japan_day(request.after.scene.acquired_at).isoformat()
    legend = words.of("picture.legend", alarm=f"{request.score.alarm_score:g}")
    until = words.of("picture.score_date", day=day)
    made_from = words.of("picture.credit_simulated" if request.simulated else "picture.credit_score")
    labels = Labels(title, until, made_from, _badge(request, words), legend=legend)
    marks = Marks(request.site.outline, request.aoi.grid.epsg)
    return _Picture(encode_jpeg(draw_score(request.score, frame, marks, labels)), f"{title}  {until}", "")


def _badge(request: TicketRequest, words: Words) -> str:
    return words.of("text.simulated_short") if request.simulated else ""


def ticket_geojson(request: TicketRequest) -> str:
    """The ticket as a FeatureCollection of one feature: the site's outline with site and ticket properties."""
    ticket, ja = request.ticket, load_words("ja")
    properties = {
        **site_properties(request.site, request.group),
        "ticket_id": json_text(ticket.id),
        "opened_at": iso(ticket.opened_at),
        "priority": ticket.priority,
        "reasons": [json_text(lead_wording(reason)) for reason in ticket.reasons],
        "municipality": municipality_text(ja, request.place),
        "mesh": request.place.mesh,
        "note": ja.of("page.status_mark"),
        "simulated": request.simulated,
        "profile_sha256": json_text(request.profile_sha256),
        "chain_head": None if request.chain_head is None else json_text(str(request.chain_head)),
        "withdrawn_reason": None if ticket.withdrawn_reason is None else json_text(ticket.withdrawn_reason),
    }
    outline = lonlat_outline(request.site.outline, request.aoi.grid.epsg)
    return collection([feature(outline, properties, json_text(request.site.id))])


def _record_json(request: TicketRequest) -> str:
    """Everything behind the page, machine-readable: figures and all scenes with their full hashes."""
    scenes = [
        {
            "role": use.role.value,
            "id": json_text(use.scene.id),
            "acquired_at": iso(use.scene.acquired_at),
            "sensor": use.scene.sensor.value,
            "platform": json_text(use.scene.platform),
            "file_sha256": json_text(use.scene.file_sha256),
            "simulated": use.scene.simulated,
        }
        for use in request.listed_scenes
    ]
    record = {
        "ticket_id": json_text(request.ticket.id),
        "site_id": json_text(request.site.id),
        "aoi": json_text(request.aoi.id),
        "lon": request.place.lon,
        "lat": request.place.lat,
        "evidence": {json_text(name): _number(value) for name, value in sorted(request.figures.items())},
        "profile_sha256": json_text(request.profile_sha256),
        "chain_head": None if request.chain_head is None else json_text(str(request.chain_head)),
        "software": json_text(request.software),
        "scenes": scenes,
    }
    return json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
