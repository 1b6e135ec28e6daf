"""One run of delivery: choose what goes this week, write it into the outbox, empty the outbox, say what waits and why."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sat_monitor.core.clock import Clock, iso, japan_day, parse_iso
from sat_monitor.core.domain import EventDraft
from sat_monitor.core.errors import DeliveryError
from sat_monitor.core.home import Home
from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.delivery.choosing import Choice, Place, Why, choose, week_of
from sat_monitor.delivery.digest import Week, digest_id, digest_message, takes
from sat_monitor.delivery.lead import FIELD, Lead, field_key, lead_from_plain, resting
from sat_monitor.delivery.message import MessageKind
from sat_monitor.delivery.parcel import TO, Parcel, parcel_from_plain
from sat_monitor.delivery.sending import ACTOR, Office, Sent, send_due
from sat_monitor.delivery.settings import DeliveryFile, read_delivery
from sat_monitor.delivery.wording import ticket_message
from sat_monitor.store.store import Lease, OutboxRow, Store, Transaction
from sat_monitor.store.transaction import NO_LONGER_FOLLOWS

#: Sink of the outbox rows that say that a week's turn has been.
TURN = "week"
LEASE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a run did: what was chosen and handed over, what waits, what failed tonight, what was given up (all texts)."""

    chosen: tuple[Place, ...] = ()
    sent: tuple[tuple[str, str], ...] = ()
    waiting: tuple[Place, ...] = ()
    failed: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()

    @property
    def degraded(self) -> bool:
        """Whether something could not be handed over."""
        return bool(self.failed or self.dead)

    def lines(self) -> list[str]:
        """The run as a night report tells it."""
        lines = [f"{len(self.chosen)} chosen, {len(self.sent)} handed over, {len(self.waiting)} wait"]
        lines += [
            f"waits {place.position} of {place.lead.area}: ticket {place.lead.ticket_id}, "
            f"rank {place.lead.standing.rank:.0f}, {place.why.value}"
            for place in self.waiting
        ]
        return [*lines, *(f"FAILED {text}" for text in self.failed), *(f"DEAD LETTER {text}" for text in self.dead)]


def deliver(
    home: Home, settings: DeliverySettings, shelf: tuple[Store, Lease], clock: Clock,
    environment: Mapping[str, str] | None = None,
) -> DeliveryReport:  # fmt: skip
    """Run the outbox once under a lease; it may be run at any time and any number of times.

    Settings that are not understood stop nothing else of a night: they are named among what failed, all is kept.
    """
    store, lease = shelf
    try:
        file = read_delivery(home)
    except DeliveryError as error:
        return DeliveryReport(failed=(error.message,), dead=dead_letters(store))
    office = Office(home, file, store, lease, clock, os.environ if environment is None else environment)
    choice = _decide(office, settings)
    sent = send_due(office) if file.sink else Sent((), ())
    failed = (*sent.failed, *_unclaimed(office, choice))
    return DeliveryReport(choice.going, sent.sent, choice.waiting, failed, dead_letters(store))


@contextmanager
def opened(home: Home, clock: Clock) -> Iterator[tuple[Store, Lease]]:
    """Store and lease for a run of its own; StoreError E1701 while a night runs, which delivers itself."""
    with Store(home.database, clock) as store, store.lease("delivery", LEASE_SECONDS) as lease:
        yield store, lease


def waiting_leads(store: Store) -> tuple[Lead, ...]:
    """Leads that have their page and were not chosen yet, highest rank first, but for those that rest."""
    rest = resting(store)
    leads = (lead_from_plain(row.payload) for row in store.outbox_due(FIELD) if row.ticket_id not in rest)
    return tuple(sorted(leads, key=lambda lead: lead.order))


def dead_letters(store: Store) -> tuple[str, ...]:
    """What was given up, in words, by key."""
    return tuple(f"{row.key}: {parcel.failure}" for row, parcel in parcels(store) if parcel.dead)


def parcels(store: Store) -> list[tuple[OutboxRow, Parcel]]:
    """All that is on its way to a receiver, by key."""
    return [(row, parcel_from_plain(row.payload)) for row in store.outbox_due() if row.sink.startswith(TO)]


def revive(shelf: tuple[Store, Lease], key: str) -> None:
    """Make a parcel one that was never tried; raises DeliveryError E2107 where `key` names none that is on its way."""
    store, lease = shelf
    found = next(((row, parcel) for row, parcel in parcels(store) if row.key == key), None)
    if found is None:
        raise DeliveryError("E2107", f"{key!r} is not on its way", "the outbox, unchanged")
    row, parcel = found
    with store.transaction(lease) as transaction:
        transaction.restate(row.key, row.ticket_id, row.sink, parcel.revived().to_plain())
        transaction.append(EventDraft("delivery.revived", ACTOR, {"key": key}))


def this_week(store: Store, file: DeliveryFile, settings: DeliverySettings, now: datetime) -> Week:
    """The week of `now` as its digest would tell it at this moment; nothing is written."""
    week = week_of(japan_day(now), settings.week_begins_on)
    choice = choose(waiting_leads(store), _issued(store, week), settings, False, _taken(file, waiting_leads(store)))
    return _week(store, week, choice)


def _decide(office: Office, settings: DeliverySettings) -> Choice:
    """Choose, and write all that follows from it in one transaction: after a crash it was chosen whole or not at all."""
    store, file, now = office.store, office.file, office.clock()
    week = week_of(japan_day(now), settings.week_begins_on)
    known = {row.key for row in store.outbox(TURN)}
    in_turn = bool(file.sink) and _turn_key(week) not in known
    leads = waiting_leads(store)
    choice = choose(leads, _issued(store, week), settings, in_turn, _taken(file, leads))
    if not (in_turn or choice.going):
        return choice
    digests = _week(store, week, choice) if in_turn else None
    with store.transaction(office.lease) as transaction:
        for place in choice.going:
            _issue(transaction, place, file, (week, now))
        if digests is not None:
            _close_turn(transaction, digests, office, settings)
    return choice


def _issue(transaction: Transaction, place: Place, file: DeliveryFile, when: tuple[date, datetime]) -> None:
    lead, (week, now) = place.lead, when
    message = ticket_message(place, now)
    names = [sink.name for sink in file.sink if MessageKind.TICKET in sink.takes and takes(sink, lead)]
    for name in names:
        key = f"{lead.ticket_id}:{TO}{name}"
        transaction.enqueue(key, lead.ticket_id, TO + name, Parcel(message).to_plain())
    receipt = {"week": week.isoformat(), "at": iso(now), "why": place.why.value}
    transaction.mark_delivered(field_key(lead.ticket_id), receipt)
    body = {"ticket": lead.ticket_id, "site": lead.site_id, "rank": lead.standing.rank, "sinks": names, **receipt}
    transaction.append(EventDraft("delivery.chosen", ACTOR, body))


def _close_turn(transaction: Transaction, week: Week, office: Office, settings: DeliverySettings) -> None:
    now, file = office.clock(), office.file
    for sink in file.sink:
        if MessageKind.DIGEST in sink.takes:
            message = digest_message(week, sink, now, settings.digest_rows, file.lang)
            key = digest_id(week.first, sink.name)
            transaction.enqueue(key, key, TO + sink.name, Parcel(message).to_plain())
    key = _turn_key(week.first)
    transaction.enqueue(key, key, TURN, {"week": week.first.isoformat()})
    transaction.mark_delivered(key, {"at": iso(now), "waiting": len(week.waiting)})


def _turn_key(week: date) -> str:
    return f"{TURN}-{week.isoformat()}"


def _taken(file: DeliveryFile, leads: tuple[Lead, ...]) -> frozenset[str]:
    """Ids of tickets that some receiver takes."""
    sinks = [sink for sink in file.sink if MessageKind.TICKET in sink.takes]
    return frozenset(lead.ticket_id for lead in leads if any(takes(sink, lead) for sink in sinks))


def _gone(store: Store) -> list[tuple[Place, date, datetime]]:
    """All leads that were ever chosen, with their week and moment."""
    rows = [(row, row.receipt or {}) for row in store.outbox(FIELD, due=False)]
    return [
        (Place(lead_from_plain(row.payload), Why(said["why"])), date.fromisoformat(said["week"]), parse_iso(said["at"]))
        for row, said in rows
    ]


def _issued(store: Store, week: date) -> list[Lead]:
    return [place.lead for place, chosen_for, _ in _gone(store) if chosen_for == week]


def _week(store: Store, week: date, choice: Choice) -> Week:
    """The week with what was chosen since the turn before it, urgent ones included."""
    since = week - timedelta(days=7)
    known = [(place, japan_day(at)) for place, _, at in _gone(store)]
    going = tuple(place for place, day in known if day >= since) + choice.going
    reasons = {ticket.id: ticket.withdrawn_reason for ticket in store.tickets()}
    gone_back = [p for p, _ in known if reasons.get(p.lead.ticket_id) == NO_LONGER_FOLLOWS]
    recent = _withdrawn_since(store, since)
    withdrawn = tuple(replace(place, position=0) for place in gone_back if place.lead.ticket_id in recent)
    return Week(week, going, choice.waiting, withdrawn)


def _withdrawn_since(store: Store, day: date) -> set[str]:
    events = store.events(family="ticket.withdrawn")
    return {str(json.loads(event.body)["ticket"]) for event in events if japan_day(event.at) >= day}


def _unclaimed(office: Office, choice: Choice) -> list[str]:
    """What waits for nobody: leads without a receiver, and parcels for receivers that left the settings."""
    if not office.file.sink:
        return []
    count = sum(place.why is Why.NOBODY for place in choice.waiting)
    told = [DeliveryError("E2106", f"{count} tickets", "they wait").message] if count else []
    known = {TO + sink.name for sink in office.file.sink}
    gone = sorted({row.sink.removeprefix(TO) for row, _ in parcels(office.store) if row.sink not in known})
    told += [DeliveryError("E2106", f"{name} is not in delivery.toml any more", "its parcels").message for name in gone]
    return told
