"""The weekly digest: what went, what waits with its rank, what was withdrawn, by authority and municipality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sat_monitor.delivery.choosing import Place
from sat_monitor.delivery.lead import Lead
from sat_monitor.delivery.message import Message, MessageKind
from sat_monitor.delivery.settings import SinkSettings
from sat_monitor.delivery.wording import authority_name, badge, lead_facts, municipality_name
from sat_monitor.tickets.words import Words, figure, load_delivery_words


@dataclass(frozen=True, slots=True)
class Week:
    """A delivery week: its first day (Japan), what went since the turn before, what waits, what was withdrawn."""

    first: date
    going: tuple[Place, ...]
    waiting: tuple[Place, ...]
    withdrawn: tuple[Place, ...]

    def of(self, sink: SinkSettings) -> Week:
        """What of it is for a receiver."""
        kept = (tuple(p for p in group if takes(sink, p.lead)) for group in (self.going, self.waiting, self.withdrawn))
        return Week(self.first, *kept)

    def within(self, authority: str | None, municipality: str | None) -> Week:
        """What of it is of an authority and of a municipality, None = of all."""

        def inside(lead: Lead) -> bool:
            pairs = ((authority, lead.standing.authority), (municipality, lead.standing.municipality))
            return all(wanted is None or wanted == found for wanted, found in pairs)

        groups = (self.going, self.waiting, self.withdrawn)
        return Week(self.first, *(tuple(p for p in group if inside(p.lead)) for group in groups))

    @property
    def simulated(self) -> bool:
        """Whether anything in it is of simulated data."""
        return any(place.lead.simulated for place in (*self.going, *self.waiting, *self.withdrawn))


def takes(sink: SinkSettings, lead: Lead) -> bool:
    """Whether the place of a lead is one that a receiver is for."""
    standing = lead.standing
    return sink.accepts_place(lead.aoi, standing.municipality or "", standing.authority or "")


def digest_id(week: date, sink: str) -> str:
    """The id of a receiver's digest of a week."""
    return f"digest-{week.isoformat()}-{sink}"


def digest_message(week: Week, sink: SinkSettings, at: datetime, rows: int, lang: str) -> Message:
    """The digest of a receiver, decided `at` (UTC); `rows` waiting leads are listed by name."""
    mine, words = week.of(sink), load_delivery_words(lang)
    subject = words.of(
        "digest.subject",
        badge=badge(mine.simulated, words),
        week=mine.first.isoformat(),
        going=len(mine.going),
        waiting=len(mine.waiting),
    )
    text = digest_text(mine, rows, words)
    return Message(digest_id(week.first, sink.name), MessageKind.DIGEST, subject, text, at, digest_facts(mine))


def digest_facts(week: Week) -> dict[str, Any]:
    """A week for machines."""
    groups = {"going": week.going, "waiting": week.waiting, "withdrawn": week.withdrawn}
    told = {name: [{**lead_facts(p), "position": p.position} for p in group] for name, group in groups.items()}
    return {"week": week.first.isoformat(), **told}


def digest_text(week: Week, rows: int, words: Words) -> str:
    """A week in words: a section for each authority and municipality, the busiest by rank first."""
    lines = [f"{badge(week.simulated, words)}{words.of('digest.lead', week=week.first.isoformat())}", ""]
    scopes: dict[tuple[str, str], None] = {}
    for place in (*week.going, *week.waiting, *week.withdrawn):
        scopes.setdefault((authority_name(place.lead, words), municipality_name(place.lead, words)))
    for authority, municipality in scopes:

        def inside(places: Sequence[Place], scope: tuple[str, str] = (authority, municipality)) -> list[Place]:
            named = ((authority_name(p.lead, words), municipality_name(p.lead, words), p) for p in places)
            return [place for *found, place in named if tuple(found) == scope]

        lines.append(words.of("digest.scope", authority=authority, municipality=municipality))
        lines += _group("going", inside(week.going), rows, words)
        lines += _group("waiting", inside(week.waiting), rows, words)
        lines += [*_group("withdrawn", inside(week.withdrawn), rows, words), ""]
    if not scopes:
        lines += [words.of("digest.none"), ""]
    return "\n".join(lines)


def _group(name: str, places: Sequence[Place], rows: int, words: Words) -> list[str]:
    lines = [words.of(f"digest.{name}", count=len(places))]
    lines += [f"- {_row(place, words)}" for place in places[:rows]]
    return lines + ([words.of("digest.more", count=len(places) - rows)] if len(places) > rows else [])


def _row(place: Place, words: Words) -> str:
    lead = place.lead
    number = f"({place.position}) " if place.position else ""
    row = words.of(
        "digest.row",
        id=lead.ticket_id,
        rank=figure(lead.standing.rank, 0),
        area=figure(lead.area_m2, 0),
        why=words.of(f"why.{place.why.value}"),
        municipality=municipality_name(lead, words),
    )
    return number + row
