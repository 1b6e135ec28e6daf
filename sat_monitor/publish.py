"""publish: what is due becomes pages; the highest priorities first, the rest waits with its rank."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sat_monitor.change_detect.evidence import EvidenceState
from sat_monitor.core.clock import iso, japan_day
from sat_monitor.core.domain import AOI, EventDraft, Scene, Sensor, Site, Ticket
from sat_monitor.core.errors import DeformationError, SatMonitorError
from sat_monitor.core.grid import Window
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.core.surroundings import LegalCheck, Surroundings
from sat_monitor.delivery.lead import FIELD, Standing, field_key, lead_from_plain, lead_of, standing_of, stands
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.cloud import ground_mask
from sat_monitor.imagery.files import file_sha256
from sat_monitor.motion import motion_proof
from sat_monitor.sites.funnel import Funnel
from sat_monitor.sites.groups import groups_by_site
from sat_monitor.sites.growth import growth_of
from sat_monitor.sites.judging import Judged
from sat_monitor.store.store import Lease, Store
from sat_monitor.tickets.composites import ScoreField, Snapshot, composite, display_bands
from sat_monitor.tickets.overview import Background, render_overview
from sat_monitor.tickets.page import credit
from sat_monitor.tickets.place import locate
from sat_monitor.tickets.records import MotionProof, RenderedTicket, SceneRole, SceneUse, TicketRequest
from sat_monitor.tickets.ticket import render_tickets
from sat_monitor.tickets.view import detail_window, location_window
from sat_monitor.tickets.words import load_words

ACTOR = "night"
#: Sink of the outbox that owes a page.
PAGE = "folder"
#: Share of a picture that must be clear, and how many scenes are tried for it.
_CLEAR_SHARE = 0.9
_TRIES = 12
#: Where no look says when a change had not begun, a before picture is at least so much older than the first signs, days.
_UNKNOWN_START_DAYS = 120
#: Days of the year by which a before and an after picture may differ and still be of one season.
_SEASON_DAYS = 35


@dataclass(frozen=True, slots=True)
class Published:
    """What became paper, what waits for another night by the cap, and what could not be rendered."""

    delivered: tuple[RenderedTicket, ...]
    waiting: tuple[Ticket, ...]
    problems: tuple[str, ...]
    overview: str | None = None
    funnel: Funnel | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What rendering needs of one AOI; `judged` are its confirmed sites among their surroundings, by site id."""

    home: Home
    aoi: AOI
    archive: Archive
    profile: Profile
    scenes: tuple[Scene, ...]
    state: EvidenceState
    judged: Mapping[str, Judged] = field(default_factory=dict)

    def priority(self, ticket: Ticket) -> float:
        """What decides who is visited first: the rank among its surroundings, else what the looks alone say."""
        found = self.judged.get(ticket.site_id)
        return ticket.priority if found is None else found.ranking.value

    def standing(self, ticket: Ticket, sites: Mapping[str, Site], lang: str) -> Standing:
        """How a ticket stands for those who choose what goes to the field."""
        found = self.judged.get(ticket.site_id)
        asked = None if found is None else (found.surroundings, found.ranking)
        return standing_of(sites[ticket.site_id], ticket, asked, self.profile.delivery, lang)


def publish_due(
    desk: Desk, shelf: tuple[Store, Lease], lang: str, now: datetime, progress: Callable[[str], None]
) -> Published:
    """Render and deliver the AOI's due tickets; one that fails stays due and is named."""
    store, lease = shelf
    sites = {site.id: site for site in store.sites(desk.aoi.id)}
    tickets = {ticket.id: ticket for ticket in store.tickets(desk.aoi.id)}
    due = [row for row in store.outbox_due(PAGE) if row.ticket_id in tickets]
    due = [row for row in due if tickets[row.ticket_id].withdrawn_reason is None]
    due.sort(key=lambda row: (-desk.priority(tickets[row.ticket_id]), row.ticket_id))
    cap = desk.profile.tickets.per_night
    tonight, waiting = due[:cap], due[cap:]
    keys = {row.ticket_id: row.key for row in tonight}
    delivered: list[RenderedTicket] = []
    problems: list[str] = []
    _restate_leads(desk, shelf, tickets, sites)
    lists = _list_hashes(desk)
    requests = _requests(desk, [(tickets[id_], sites[tickets[id_].site_id]) for id_ in keys], store, problems)
    for request, rendered in render_tickets(requests, lang):
        ticket = request.ticket
        if isinstance(rendered, SatMonitorError):
            problems.append(f"ticket {ticket.id}: {rendered.message}")
            continue
        lead = lead_of(request, rendered, desk.home.root, desk.standing(ticket, sites, lang), lang)
        body: dict[str, object] = {
            "ticket": ticket.id,
            "site": ticket.site_id,
            "pdf_sha256": rendered.pdf_sha256,
            "lang": lang,
            "rendered_at": iso(now),
            **ranking_body(desk.judged.get(ticket.site_id)),
            **lists,
        }
        with store.transaction(lease) as transaction:
            transaction.mark_delivered(keys[ticket.id], {"pdf_sha256": rendered.pdf_sha256})
            transaction.append(EventDraft("ticket.delivered", ACTOR, body))
            transaction.enqueue(field_key(ticket.id), ticket.id, FIELD, lead.to_plain())
        delivered.append(rendered)
        progress(f"{desk.aoi.id}: ticket {ticket.id} -> {rendered.folder}")
    return Published(tuple(delivered), tuple(tickets[row.ticket_id] for row in waiting), tuple(problems))


def _requests(
    desk: Desk, tickets: Sequence[tuple[Ticket, Site]], store: Store, problems: list[str]
) -> Iterator[tuple[TicketRequest, Path]]:
    """What each ticket's page shows, with its folder; one whose rasters cannot be read is added to `problems`."""
    for ticket, site in tickets:
        try:
            request = ticket_request(desk, ticket, site, store)
        except SatMonitorError as error:
            problems.append(f"ticket {ticket.id}: {error.message}")
        else:
            yield request, desk.home.ticket(ticket)


def _list_hashes(desk: Desk) -> dict[str, str]:
    """Hashes of the lists of the deformation side by which tonight's ranks were made, of those that there are."""
    home, aoi = desk.home, desk.aoi.id
    lists = {"moving_areas_sha256": home.moving_areas(aoi), "work_areas_sha256": home.work_areas(aoi)}
    return {name: file_sha256(path) for name, path in lists.items() if path.is_file()}


def _restate_leads(
    desk: Desk, shelf: tuple[Store, Lease], tickets: Mapping[str, Ticket], sites: Mapping[str, Site]
) -> None:
    """Leads that wait for their week are chosen by the rank that they have tonight."""
    store, lease = shelf
    leads = [lead_from_plain(row.payload) for row in store.outbox_due(FIELD)]
    waiting = [lead for lead in leads if lead.ticket_id in tickets and lead.site_id in sites]
    if waiting:
        with store.transaction(lease) as transaction:
            for lead in waiting:
                now = stands(lead, desk.standing(tickets[lead.ticket_id], sites, lead.lang))
                transaction.restate(field_key(lead.ticket_id), lead.ticket_id, FIELD, now.to_plain())


def ranking_body(judged: Judged | None) -> dict[str, object]:
    """What the ledger keeps of a rank: its value, its grounds, and the layers that were asked, by hash."""
    if judged is None:
        return {}
    grounds = [[reason.code, round(reason.points, 1)] for reason in judged.ranking.reasons]
    layers = {layer.kind: layer.sha256 for layer in judged.surroundings.layers}
    return {"rank": round(judged.ranking.value, 1), "grounds": grounds, "overlays": layers}


def ticket_request(desk: Desk, ticket: Ticket, site: Site, store: Store) -> TicketRequest:
    """Everything the page of `ticket` shows."""
    grid = desk.aoi.grid
    detail, wide = detail_window(site.outline, grid), location_window(site.outline, grid)
    visible = [s for s in desk.scenes if s.acquired_at >= ticket.opened_at - timedelta(days=40)]
    after = clearest(desk, _newest_first(visible or desk.scenes), detail)
    quiet = site.start.earliest or (site.first_seen_at - timedelta(days=_UNKNOWN_START_DAYS)).date()
    older = [s for s in desk.scenes if s.acquired_at.date() <= quiet and comparable_picture(s, after)]
    before = clearest(desk, _same_season_first(older, after), detail) if older else None
    oldest = clearest(desk, sorted(older, key=lambda s: s.order), detail) if older else None
    centre = site.outline.representative_point()
    lon, lat = grid.to_lonlat(centre.x, centre.y)
    evidence = desk.profile.evidence
    works = groups_by_site(store.sites(desk.aoi.id))
    judged = desk.judged.get(site.id)
    return TicketRequest(
        ticket=ticket,
        site=site,
        aoi=desk.aoi,
        place=locate(lon, lat),
        before=None if before is None else snapshot(desk, before, detail, ""),
        after=snapshot(desk, after, detail, ""),
        location=snapshot(desk, after, wide, ""),
        score=ScoreField(
            grid.window(detail), desk.state.log_odds[detail.slices], evidence.outline_score, evidence.alarm_score
        ),
        profile_sha256=desk.profile.sha256,
        chain_head=store.head(),
        scenes=_used(desk, site),
        group=works.get(site.id),
        surroundings=Surroundings() if judged is None else judged.surroundings,
        legal=LegalCheck() if judged is None else judged.legal,
        ranking=None if judged is None else judged.ranking,
        oldest=None if oldest is None or oldest == before else snapshot(desk, oldest, detail, ""),
        growth=growth_of(site, store.looks(desk.aoi.id)),
        motion=_motion(desk, site, detail),
    )


def _motion(desk: Desk, site: Site, window: Window) -> MotionProof | None:
    """Moving ground under a site; a damaged list stops no ticket, and the night's report names it."""
    try:
        return motion_proof(desk.home, desk.aoi, site.outline, desk.aoi.grid.window(window))
    except DeformationError:
        return None


def overview_picture(desk: Desk, store: Store, lang: str) -> bytes:
    """PNG of the AOI with its sites over its newest clear scene, or over plain paper where there is none."""
    simulated = any(scene.simulated for scene in desk.scenes)
    background = newest_background(desk.archive, desk.scenes, lang)
    return render_overview(desk.aoi, background, store.sites(desk.aoi.id), lang, simulated)


def newest_background(archive: Archive, scenes: Sequence[Scene], lang: str) -> Background | None:
    """The newest clear scene as the background of a map, None where there is no scene."""
    newest_first = sorted(scenes, key=lambda s: s.order, reverse=True)
    clear = [s for s in newest_first if s.cloud_fraction is not None and s.cloud_fraction < 1.0 - _CLEAR_SHARE]
    whole = [s for s in clear if s.valid_fraction > _CLEAR_SHARE]
    scene = next(iter((*whole, *newest_first)), None)
    if scene is None:
        return None
    names = display_bands(frozenset(archive.bands(scene)), scene.sensor)
    colours = composite(Snapshot("", scene, scene.grid, archive.read(scene, names, scene.grid)))
    return Background(colours, scene.grid, japan_day(scene.acquired_at).isoformat(), credit(load_words(lang), [scene]))


def clearest(desk: Desk, scenes: Sequence[Scene], window: Window) -> Scene:
    """The first scene in the given order that shows the window clearly, optical before SAR; the first where none does."""
    optical = [s for s in scenes if s.sensor is Sensor.S2]
    for scene in optical[:_TRIES]:
        if _clear_share(desk, scene, window) >= _CLEAR_SHARE:
            return scene
    radar = [s for s in scenes if s.sensor is Sensor.S1]
    return (radar or optical)[0]


def _newest_first(scenes: Sequence[Scene]) -> list[Scene]:
    return sorted(scenes, key=lambda s: s.order, reverse=True)


def _same_season_first(scenes: Sequence[Scene], other: Scene) -> list[Scene]:
    """Scenes of the season of `other` first, and of those the newest: leaf-off beside leaf-on shows nothing."""

    def far(scene: Scene) -> bool:
        days = abs(scene.acquired_at.timetuple().tm_yday - other.acquired_at.timetuple().tm_yday)
        return min(days, 365 - days) > _SEASON_DAYS

    newest = _newest_first(scenes)
    return [s for s in newest if not far(s)] + [s for s in newest if far(s)]


def comparable_picture(scene: Scene, other: Scene) -> bool:
    """Whether two scenes make a before and after pair for the eye: one sensor and, for SAR, one track."""
    return scene.sensor is other.sensor and scene.track == other.track


def snapshot(desk: Desk, scene: Scene, window: Window, label: str) -> Snapshot:
    """The display bands of a scene for a window of the AOI grid."""
    grid = desk.aoi.grid.window(window)
    names = display_bands(frozenset(desk.archive.bands(scene)), scene.sensor)
    return Snapshot(label, scene, grid, desk.archive.read(scene, names, grid))


def _clear_share(desk: Desk, scene: Scene, window: Window) -> float:
    names = [name for name in ("SCL", "B02", "B04", "B08", "B11") if name in desk.archive.bands(scene)]
    bands = desk.archive.read(scene, names, desk.aoi.grid.window(window))
    return float(ground_mask(bands, desk.profile.optical.cloud_buffer_px).mean())


def _used(desk: Desk, site: Site) -> tuple[SceneUse, ...]:
    by_id = {scene.id: scene for scene in desk.scenes}
    return tuple(SceneUse(SceneRole.AFTER, by_id[i]) for i in site.scene_ids if i in by_id)
