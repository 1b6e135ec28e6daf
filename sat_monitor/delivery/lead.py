"""A ticket that has its page and waits for its week: what the choice and the message need, without pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.domain import Site, Ticket
from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.core.surroundings import Ranking, Surroundings
from sat_monitor.delivery.message import FileRef
from sat_monitor.delivery.urgency import urgent_reasons
from sat_monitor.store.store import Store
from sat_monitor.tickets.asked import ranking_lines
from sat_monitor.tickets.records import RenderedTicket, TicketRequest
from sat_monitor.tickets.text import clean, lead_wording
from sat_monitor.tickets.words import load_words

#: Sink of the outbox where leads wait; its keys are `field_key` of the tickets.
FIELD = "field"
_REASONS = 5
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a lead stands tonight: rank 0..100, grounds in words, whose it is (None = unknown), urgent reasons (codes)."""

    rank: float
    reasons: tuple[str, ...] = ()
    municipality: str | None = None
    authority: str | None = None
    urgent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead; `islands` says that it counts with the islands, `lang` is that of its page, areas m2, lon/lat degrees."""

    ticket_id: str
    site_id: str
    aoi: str
    opened_at: datetime
    lon: float
    lat: float
    mesh: str | None
    islands: bool
    area_m2: float
    area_error_m2: float
    lang: str
    simulated: bool
    standing: Standing
    files: tuple[FileRef, ...]

    @property
    def area(self) -> str:
        """What its weekly cap is counted by: the area of interest, or all islands together."""
        return "islands" if self.islands else self.aoi

    @property
    def order(self) -> tuple[float, datetime, str]:
        """Sorts the highest rank first; among equals the one that has waited longest."""
        return -self.standing.rank, self.opened_at, self.ticket_id

    def to_plain(self) -> Plain:
        """The lead as plain JSON data."""
        return {**asdict(self), "opened_at": iso(self.opened_at)}


def lead_from_plain(plain: Mapping[str, Any]) -> Lead:
    """The inverse of `Lead.to_plain`."""
    standing: Plain = {name: tuple(v) if isinstance(v, list) else v for name, v in plain["standing"].items()}
    changed = {
        "opened_at": parse_iso(plain["opened_at"]),
        "standing": Standing(**standing),
        "files": tuple(FileRef(**file) for file in plain["files"]),
    }
    return Lead(**{**plain, **changed})


def field_key(ticket_id: str) -> str:
    """Key of a lead in the outbox."""
    return f"{ticket_id}:{FIELD}"


def resting(store: Store) -> frozenset[str]:
    """Ids of tickets that nobody is to be sent: they no longer follow from the looks, or the desk has ended their case."""
    withdrawn = {ticket.id for ticket in store.tickets() if ticket.withdrawn_reason is not None}
    return frozenset(withdrawn | {case.id for case in store.cases() if case.ended})


def lead_of(request: TicketRequest, page: RenderedTicket, root: Path, standing: Standing, lang: str) -> Lead:
    """The lead of a page that was just printed below the home `root`."""
    ticket, site, place = request.ticket, request.site, request.place
    return Lead(
        ticket_id=ticket.id,
        site_id=site.id,
        aoi=ticket.aoi,
        opened_at=ticket.opened_at,
        lon=round(place.lon, 6),
        lat=round(place.lat, 6),
        mesh=place.mesh,
        islands=any(one.region == "islands" for one in place.municipalities[:1]),
        area_m2=round(site.area_m2, 1),
        area_error_m2=round(site.area_error_m2, 1),
        lang=lang,
        simulated=request.simulated,
        standing=standing,
        files=tuple(FileRef.of(path, root) for path in page.files),
    )


def standing_of(
    site: Site, ticket: Ticket, asked: tuple[Surroundings, Ranking] | None, settings: DeliverySettings, lang: str
) -> Standing:
    """How a site stands among what was `asked`; where nothing was, the looks alone give its rank.

    Names of layers are made harmless, and say nothing that a lead must not.
    """
    if asked is None:
        return Standing(round(ticket.priority, 1))
    around, ranking = asked
    zone = max(around.zones, key=lambda each: each.share, default=None)
    named = None if around.municipality is None else _name(around.municipality.name)
    return Standing(
        rank=round(ranking.value, 1),
        reasons=tuple(lead_wording(clean(line)) for line in ranking_lines(load_words(lang), ranking, _REASONS)),
        municipality=named,
        authority=None if zone is None else _name(zone.authority),
        urgent=urgent_reasons(site, ranking, settings),
    )


def stands(lead: Lead, standing: Standing) -> Lead:
    """The lead as it stands tonight."""
    return replace(lead, standing=standing)


def _name(text: str) -> str | None:
    return lead_wording(clean(text, 80)) or None
