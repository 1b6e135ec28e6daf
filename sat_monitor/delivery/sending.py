"""The outbox is emptied: each parcel is handed to its receiver at least once, and twice only where a crash fell between."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sat_monitor.core.clock import Clock, iso
from sat_monitor.core.domain import EventDraft
from sat_monitor.core.errors import DeliveryError
from sat_monitor.core.home import Home
from sat_monitor.delivery.folder import FolderSink
from sat_monitor.delivery.lead import resting
from sat_monitor.delivery.mail import Login, MailSink
from sat_monitor.delivery.message import Sink, read_attachments
from sat_monitor.delivery.parcel import TO, Parcel, is_down, parcel_from_plain
from sat_monitor.delivery.settings import (
    DeliveryFile,
    FolderSettings,
    MailSettings,
    SinkSettings,
    WebhookSettings,
    read_secret,
)
from sat_monitor.delivery.webhook import WebhookSink
from sat_monitor.store.store import Lease, OutboxRow, Store

ACTOR = "delivery"


@dataclass(frozen=True, slots=True)
class Office:
    """What delivery needs: home, receivers, store under a lease, clock, and the environment that may hold secrets."""

    home: Home
    file: DeliveryFile
    store: Store
    lease: Lease
    clock: Clock
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a run over the outbox did: (key, where) of what was handed over, and what did not go, in words."""

    sent: tuple[tuple[str, str], ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """A row of the outbox with what lies in it."""

    row: OutboxRow
    parcel: Parcel

    @property
    def order(self) -> tuple[int, float, str]:
        """Tickets first, and of those the highest rank."""
        facts = self.parcel.message.facts
        return self.parcel.message.kind == "digest", -float(facts.get("rank", 0.0)), self.row.key


def send_due(office: Office) -> Sent:
    """Try every parcel whose time has come, receiver by receiver; one that fails stops none of the others."""
    sent: list[tuple[str, str]] = []
    failed: list[str] = []
    for settings in office.file.sink:
        ready = _ready(settings.name, office)
        if not ready:
            continue
        try:
            sink = open_sink(settings, office)
        except DeliveryError as error:
            failed.append(f"{settings.name}: {error.message}")
            continue
        with contextlib.closing(sink):
            _send_to(sink, ready, office, (sent, failed))
    return Sent(tuple(sent), tuple(failed))


def _ready(name: str, office: Office) -> list[_Item]:
    """What is to be tried now for a receiver; a ticket that was withdrawn or ended meanwhile rests."""
    now, rest = office.clock(), resting(office.store)
    rows = (row for row in office.store.outbox_due(TO + name) if row.ticket_id not in rest)
    items = [_Item(row, parcel_from_plain(row.payload)) for row in rows]
    return sorted((item for item in items if item.parcel.ready(now)), key=lambda item: item.order)


def _send_to(sink: Sink, ready: Sequence[_Item], office: Office, told: tuple[list[tuple[str, str]], list[str]]) -> None:
    sent, failed = told
    for number, item in enumerate(ready):
        try:
            where = sink.send(item.parcel.message, read_attachments(item.parcel.message, office.home.root))
        except Exception as error:  # a message that nobody foresaw must not keep the others from leaving
            known = _known(error)
            failed.append(f"{item.row.key}: {known.message}")
            if is_down(known):
                _failed(ready[number:], known, office)
                return
            _failed([item], known, office)
        else:
            _handed_over(item, where, office)
            sent.append((item.row.key, where))


def _known(error: Exception) -> DeliveryError:
    if isinstance(error, DeliveryError):
        return error
    return DeliveryError("E2104", f"{type(error).__name__} while it was sent", "the message, as a dead letter")


def _failed(items: Sequence[_Item], error: DeliveryError, office: Office) -> None:
    """Note a failed try; what concerns the receiver holds for all that wait for it."""
    now = office.clock()
    with office.store.transaction(office.lease) as transaction:
        for item in items:
            row, parcel = item.row, item.parcel.failed(error, now, office.file.retry)
            transaction.restate(row.key, row.ticket_id, row.sink, parcel.to_plain())
            if parcel.dead:
                body = {"key": row.key, "failure": parcel.failure.split(" ")[0], "tries": parcel.tries}
                transaction.append(EventDraft("delivery.given_up", ACTOR, body))


def _handed_over(item: _Item, where: str, office: Office) -> None:
    """The receiver has it: a crash before this commit sends it once more, under the same id."""
    row, message = item.row, item.parcel.message
    receipt = {"where": where, "at": iso(office.clock()), "failed_tries": item.parcel.tries}
    with office.store.transaction(office.lease) as transaction:
        transaction.mark_delivered(row.key, receipt)
        body = {"key": row.key, "message": message.id, "sink": row.sink.removeprefix(TO), "where": where}
        transaction.append(EventDraft("delivery.handed_over", ACTOR, body))


def open_sink(settings: SinkSettings, office: Office) -> Sink:
    """The sink of a receiver; raises DeliveryError E2101 where its secret is missing."""
    return _OPENERS[type(settings)](settings, office)


def _folder(settings: SinkSettings, office: Office) -> Sink:
    assert isinstance(settings, FolderSettings)
    path: Path = settings.path
    return FolderSink(path if path.is_absolute() else office.home.root / path)


def _mail(settings: SinkSettings, office: Office) -> Sink:
    assert isinstance(settings, MailSettings)
    if not settings.user:
        return MailSink(settings, None)
    return MailSink(settings, Login(settings.user, read_secret(office.home, settings.name, office.environment)))


def _webhook(settings: SinkSettings, office: Office) -> Sink:
    assert isinstance(settings, WebhookSettings)
    return WebhookSink(settings, read_secret(office.home, settings.name, office.environment), office.clock)


#: One row per kind of receiver.
_OPENERS: Mapping[type[SinkSettings], Callable[[SinkSettings, Office], Sink]] = {
    FolderSettings: _folder,
    MailSettings: _mail,
    WebhookSettings: _webhook,
}
