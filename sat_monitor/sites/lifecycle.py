"""Looks become sites and tickets: a pure fold, so that the same looks give the same table in whatever order they came.

A table after a look depends on the looks up to it and the profile alone. Status, hits and tickets never move an
outline and never decide which outlines belong together, so a stricter alarm only removes or delays confirmations
(METHOD 11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shapely import STRtree

from sat_monitor.core.clock import iso
from sat_monitor.core.domain import Candidate, Kind, Look, Site, SiteStatus, Ticket
from sat_monitor.core.profile import Profile
from sat_monitor.sites.matching import Place, age, places
from sat_monitor.sites.merging import merged
from sat_monitor.sites.priority import priority_of
from sat_monitor.sites.transitions import drawn, founded, is_open, moved, observation, observed


@dataclass(frozen=True, slots=True)
class SiteTable:
    """All sites (merged ones too) and tickets of one AOI by id; never mutated."""

    sites: dict[str, Site]
    tickets: dict[str, Ticket]


@dataclass(frozen=True, slots=True)
class SiteEvent:
    """What one look changed about one site: `at` is the look's time, `body` plain JSON data."""

    kind: str
    site_id: str
    scene_id: str
    at: datetime
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Step:
    """The table after a look, and what the look changed."""

    table: SiteTable
    events: tuple[SiteEvent, ...]


def fold(looks: Iterable[Look], profile: Profile) -> SiteTable:
    """The table after all looks of one AOI, taken in order of (acquired_at, scene id)."""
    table = SiteTable({}, {})
    for look in sorted(looks, key=lambda each: each.order):
        table = step(table, look, profile).table
    return table


def active(table: SiteTable) -> list[Site]:
    """Sites that were not merged away, finished ones too, by id."""
    return sorted((site for site in table.sites.values() if site.merged_into is None), key=lambda site: site.id)


def survivor_of(table: SiteTable, site_id: str) -> Site:
    """The active site in which `site_id` lives on, itself where it was never merged; KeyError if unknown."""
    site = table.sites[site_id]
    while site.merged_into is not None:
        site = table.sites[site.merged_into]
    return site


def ticket_id(site_id: str, ordinal: int) -> str:
    """Id of the ticket of the `ordinal`-th opening of a site, 12 hex digits."""
    return hashlib.sha256(f"{site_id}|{ordinal}".encode()).hexdigest()[:12]


def open_ticket(table: SiteTable, site: Site) -> Ticket | None:
    """The one ticket of the site's present opening, None where the site is finished, merged away or has none."""
    if not is_open(site) or site.merged_into is not None:
        return None
    return table.tickets.get(ticket_id(site.id, site.openings))


def changed(table: SiteTable) -> list[Site]:
    """The active sites that looks at the ground judge: all but those of ground that only moves."""
    return [site for site in active(table) if site.kind is not Kind.DEFORMATION]


def step(table: SiteTable, look: Look, profile: Profile) -> Step:
    """The table after `look`, which must not be older than those before it; untouched sites stay the same objects.

    A scene says nothing of ground that moves, an inversion nothing of ground that changed. Where both touch there is one
    ticket: moving ground under an open change site founds no site of its own, and one that it had is merged away.
    """
    work = _Work(table, look, profile, dict(table.sites), dict(table.tickets))
    change = changed(table)
    moving = [site for site in active(table) if site.kind is Kind.DEFORMATION]
    present = moving if look.interferometry else change
    found = places(present, _alone(look.candidates, change) if look.interferometry else look.candidates)
    for place in found:
        work.draw(place)
    met = {site.id for place in found for site in place.sites}
    for site in present:
        if site.id not in met:
            work.see(site)
    if moving:
        work.join(moving)
    if not work.touched:
        return Step(table, ())
    return Step(SiteTable(work.sites, work.tickets), tuple(work.events))


def _alone(candidates: Sequence[Candidate], change: Sequence[Site]) -> tuple[Candidate, ...]:
    """Moving ground that touches no open change site: what touches one is told on the ticket of that site."""
    standing = [site.outline for site in change if is_open(site)]
    known = STRtree(standing)
    return tuple(c for c in candidates if known.query(c.outline, predicate="intersects").size == 0)


@dataclass(slots=True)
class _Work:
    """One step while it is being made, on copies of the dictionaries of `before`."""

    before: SiteTable
    look: Look
    profile: Profile
    sites: dict[str, Site]
    tickets: dict[str, Ticket]
    events: list[SiteEvent] = field(default_factory=list)
    touched: bool = False

    def draw(self, place: Place) -> None:
        """A place that the look drew: a new site, a known one, or several that become one."""
        settings = self.profile.lifecycle
        if place.sites:
            before, share = place.sites[0], _seen_share(self.look, place.sites)
            site = drawn(merged(place.sites), place.candidates, place.fresh)
        else:
            site = founded(self._free_id(place), self.look, place.candidates)
            site = replace(site, profile_sha256=self.profile.sha256)
            before, share = site, 1.0
            self._say("site.suspected", site, {"kind": site.kind.value, "anchor": list(site.anchor)})
        owed = self._merge_away(site, place.sites[1:])
        seen = observation(self.look, place.candidates, share, settings.min_seen)
        self._settle(before, observed(site, seen, settings), owed)

    def join(self, moving: Sequence[Site]) -> None:
        """Moving ground that an open change site has come to touch lives on in that site."""
        table = SiteTable(self.sites, self.tickets)
        opened = [site for site in changed(table) if is_open(site)]
        known = STRtree([site.outline for site in opened])
        for site in (self.sites[each.id] for each in moving):
            touching = known.query(site.outline, predicate="intersects")
            if touching.size and site.merged_into is None:
                self._merge_away(min((opened[n] for n in touching), key=age), [site])

    def see(self, site: Site) -> None:
        """A site without a patch on this look."""
        settings = self.profile.lifecycle
        seen = observation(self.look, (), self.look.seen.get(site.id, 0.0), settings.min_seen)
        self._settle(site, observed(site, seen, settings), owed=False)

    def _settle(self, before: Site, after: Site, owed: bool) -> None:
        """Write a site down with the ticket that it is due and tell what changed; `owed` asks one of any kind."""
        after = self._ticketed(after, owed) if is_open(after) else after
        if after is self.sites.get(after.id):
            return
        self.touched = True
        self.sites[after.id] = after
        self._tell(before, after)

    def _merge_away(self, survivor: Site, others: Sequence[Site]) -> bool:
        """Point `others` to the survivor and withdraw their open tickets; whether there were any."""
        owed = False
        for site in others:
            self.sites[site.id] = replace(site, merged_into=survivor.id)
            self._say("site.merged", site, {"into": survivor.id})
            ticket = open_ticket(self.before, site)
            if ticket is not None:
                owed = True
                reason = f"merged into {survivor.id}"
                self.tickets[ticket.id] = replace(ticket, withdrawn_reason=reason)
                self._say("ticket.withdrawn", site, {"ticket": ticket.id, "reason": reason})
        return owed

    def _ticketed(self, site: Site, owed: bool) -> Site:
        number = ticket_id(site.id, site.openings)
        if number in self.tickets or not (owed or site.kind in self.profile.tickets.kinds):
            return site
        priority = priority_of(site, self.profile)
        self.tickets[number] = Ticket(
            id=number,
            site_id=site.id,
            aoi=site.aoi,
            ordinal=site.openings,
            opened_at=self.look.acquired_at,
            opening_scene_id=self.look.scene_id,
            priority=priority.value,
            reasons=priority.reasons,
        )
        return moved(site, SiteStatus.TICKETED) if site.status is SiteStatus.CONFIRMED else site

    def _tell(self, before: Site, after: Site) -> None:
        """Events of what people ask about: kind, opening, ticket, end."""
        if after.kind is not before.kind:
            self._say("site.kind_changed", after, {"from": before.kind.value, "to": after.kind.value})
        if after.openings > before.openings and is_open(after):
            kind = "site.confirmed" if after.openings == 1 else "site.reopened"
            self._say(kind, after, {**_confirmation(after), "opening": after.openings, "hits": after.hits})
        ticket = self.tickets.get(ticket_id(after.id, after.openings)) if is_open(after) else None
        if ticket is not None and ticket.id not in self.before.tickets:
            body = {"ticket": ticket.id, "ordinal": ticket.ordinal, "priority": ticket.priority}
            self._say("ticket.opened", after, {**body, "reasons": list(ticket.reasons)})
        ended = (before.status, before.openings) != (after.status, after.openings)
        if ended and after.status is SiteStatus.FINISHED:
            self._say("site.finished", after, _confirmation(after))
        if after.status is SiteStatus.SUSPECTED is not before.status:
            self._say("site.suspected", after, {"kind": after.kind.value, "anchor": list(after.anchor)})

    def _say(self, kind: str, site: Site, body: Mapping[str, object]) -> None:
        self.touched = True
        self.events.append(SiteEvent(kind, site.id, self.look.scene_id, self.look.acquired_at, body))

    def _free_id(self, place: Place) -> str:
        """AOI, UTC day and anchor of a new site, numbered on where an earlier site has that name."""
        row, col = place.candidates[0].anchor
        name = f"{self.look.aoi}-{self.look.acquired_at:%Y%m%d}-{row:04d}-{col:04d}"
        number, free = 1, name
        while free in self.sites:
            number += 1
            free = f"{name}-{number}"
        return free


def _confirmation(site: Site) -> dict[str, object]:
    first = site.first_confirmed_at
    return {"first_confirmed_at": None if first is None else iso(first)}


def _seen_share(look: Look, sites: Sequence[Site]) -> float:
    """Share (0..1) of the ground of `sites`, which do not overlap, that the look saw."""
    ground = [site.outline.area for site in sites]
    seen = sum(look.seen.get(site.id, 0.0) * area for site, area in zip(sites, ground, strict=True))
    return seen / sum(ground)
