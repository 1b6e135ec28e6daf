"""Leads as messages, for people in words and for machines in facts: no owner, no parcel number, no phone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sat_monitor.delivery.choosing import Place
from sat_monitor.delivery.lead import Lead
from sat_monitor.delivery.message import Message, MessageKind
from sat_monitor.tickets.words import Words, figure, load_delivery_words


def ticket_message(place: Place, at: datetime) -> Message:
    """The message of a lead that goes, decided `at` (UTC): the same for every receiver, hence one id."""
    lead, words = place.lead, load_delivery_words(place.lead.lang)
    return Message(
        id=lead.ticket_id,
        kind=MessageKind.TICKET,
        subject=_subject(lead, words),
        text="\n".join(_lines(lead, words)) + "\n",
        made_at=at,
        facts=lead_facts(place),
        files=lead.files,
    )


def municipality_name(lead: Lead, words: Words) -> str:
    """The municipality of a lead in words."""
    return lead.standing.municipality or words.of("text.unknown_municipality")


def authority_name(lead: Lead, words: Words) -> str:
    """The authority of a lead in words."""
    return lead.standing.authority or words.of("text.unknown_authority")


def badge(simulated: bool, words: Words) -> str:
    """What stands before everything that is made of simulated data."""
    return words.of("text.simulated") if simulated else ""


def _subject(lead: Lead, words: Words) -> str:
    return words.of(
        "ticket.subject",
        badge=badge(lead.simulated, words),
        urgent=words.of("text.urgent") if lead.standing.urgent else "",
        rank=figure(lead.standing.rank, 0),
        id=lead.ticket_id,
        municipality=municipality_name(lead, words),
    )


def _lines(lead: Lead, words: Words) -> list[str]:
    standing = lead.standing
    mesh = "" if lead.mesh is None else words.of("text.mesh", mesh=lead.mesh)
    where = {"lon": f"{lead.lon:.5f}", "lat": f"{lead.lat:.5f}", "mesh": mesh}
    lines = [f"{badge(lead.simulated, words)}{words.of('ticket.lead')}", ""]
    if standing.urgent:
        lines.append(words.of("ticket.urgent", why=", ".join(words.of(f"urgent.{code}") for code in standing.urgent)))
    lines += [
        words.of("ticket.id", id=lead.ticket_id),
        words.of("ticket.place", **where, municipality=municipality_name(lead, words)),
        words.of("ticket.authority", authority=authority_name(lead, words)),
        words.of("ticket.area", area=figure(lead.area_m2, 0), error=figure(lead.area_error_m2, 0)),
        words.of("ticket.rank", rank=figure(standing.rank, 0)),
    ]
    if standing.reasons:
        lines += [words.of("ticket.reasons"), *(f"- {line}" for line in standing.reasons)]
    return [*lines, "", words.of("ticket.page")]


def lead_facts(place: Place) -> dict[str, Any]:
    """A lead for machines: numbers with units in their names, codes instead of words, unknown values None."""
    lead, standing = place.lead, place.lead.standing
    return {
        "ticket": lead.ticket_id,
        "site": lead.site_id,
        "aoi": lead.aoi,
        "lon": lead.lon,
        "lat": lead.lat,
        "mesh": lead.mesh,
        "municipality": standing.municipality,
        "authority": standing.authority,
        "area_m2": lead.area_m2,
        "area_error_m2": lead.area_error_m2,
        "rank": standing.rank,
        "urgent": list(standing.urgent),
        "why": place.why.value,
        "simulated": lead.simulated,
        "status": "candidate",
    }
