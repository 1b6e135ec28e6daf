"""A home whose tickets have their pages and wait to be delivered, and real servers on loopback to deliver to."""

from __future__ import annotations

import email
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from sat_monitor.core.home import Home
from sat_monitor.core.profile_delivery import DeliverySettings
from sat_monitor.delivery.lead import FIELD, Lead, Standing, field_key
from sat_monitor.delivery.message import FileRef
from sat_monitor.delivery.run import DeliveryReport, deliver
from sat_monitor.delivery.run import opened as run_opened
from sat_monitor.store.store import Store
from tests.store_world import AOI, NOW, MovingClock, opened, site, ticket

SECRETS = {"SAT_MONITOR_SECRET_HOOK": "correct horse", "SAT_MONITOR_SECRET_DESK": "battery staple"}
#: Tuesday in Japan; the turn of the week, Monday, has passed.
TUESDAY = NOW


def lead(number: int = 0, **changes: Any) -> Lead:
    """The n-th lead; the first has the highest rank. Changes named like fields of the standing change that."""
    standing = Standing(90.0 - number, ("reason in words",), f"町{number}", "東京都")
    inside = {name: changes.pop(name) for name in list(changes) if name in Standing.__dataclass_fields__}
    made = Lead(
        ticket_id=f"ticket-{number:03}",
        site_id=f"site-{number:03}",
        aoi=AOI,
        opened_at=NOW - timedelta(days=20),
        lon=139.1 + number / 1000,
        lat=35.7,
        mesh="53393191",
        islands=False,
        area_m2=3480.5,
        area_error_m2=310.2,
        lang="ja",
        simulated=True,
        standing=replace(standing, **inside),
        files=(),
    )
    return replace(made, **changes)


@dataclass
class Post:
    """A home with leads, and what it takes to deliver them."""

    home: Home
    clock: MovingClock = field(default_factory=MovingClock)
    settings: DeliverySettings = field(
        default_factory=lambda: DeliverySettings(area_per_week=1000, municipality_per_week=1000)
    )

    def run(self, environment: Mapping[str, str] = SECRETS) -> DeliveryReport:
        with run_opened(self.home, self.clock) as shelf:
            return deliver(self.home, self.settings, shelf, self.clock, environment)

    def sinks(self, *tables: dict[str, Any], retry: dict[str, Any] | None = None) -> None:
        """Write delivery.toml."""
        lines = [] if retry is None else ["[retry]", *(f"{k} = {json.dumps(v)}" for k, v in retry.items())]
        for table in tables:
            lines += ["[[sink]]", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items())]
        (self.home.root / "delivery.toml").write_text("\n".join(lines), encoding="utf-8")

    def put(self, *leads: Lead) -> None:
        """Add leads with their pages; a lead that brings files keeps them."""
        put_leads(self.home, self.clock, leads)

    def withdraw(self, ticket_id: str) -> None:
        """The ticket no longer follows from the looks."""
        with opened(self.home.database, self.clock) as (store, lease), store.transaction(lease) as transaction:
            transaction.put_tickets(AOI, [one for one in store.tickets(AOI) if one.id != ticket_id])

    @contextmanager
    def store(self) -> Iterator[Store]:
        with Store(self.home.database, self.clock, read_only=True) as store:
            yield store

    def event_kinds(self) -> list[str]:
        with self.store() as store:
            return [event.kind for event in store.events(family="delivery.")]


def put_leads(home: Home, clock: Callable[[], datetime], leads: tuple[Lead, ...]) -> None:
    with opened(home.database, clock) as (store, lease), store.transaction(lease) as transaction:
        known = store.tickets(AOI)
        tickets = [replace(ticket(one.ticket_id), site_id=one.site_id) for one in leads]
        transaction.put_tickets(AOI, [*known, *tickets])
        transaction.put_sites(AOI, [*store.sites(AOI), *(site(one.site_id) for one in leads)])
        for one in leads:
            transaction.enqueue(f"{one.ticket_id}:folder", one.ticket_id, "folder", {"aoi": AOI})
            transaction.mark_delivered(f"{one.ticket_id}:folder", {"pdf_sha256": ""})
            whole = one if one.files else replace(one, files=page(home, one.ticket_id))
            transaction.enqueue(field_key(one.ticket_id), one.ticket_id, FIELD, whole.to_plain())


def page(home: Home, ticket_id: str) -> tuple[FileRef, ...]:
    """The files of a page, small ones."""
    folder = home.tickets / f"{AOI}-{ticket_id}"
    folder.mkdir(parents=True)
    (folder / "ticket.pdf").write_bytes(b"%PDF " + ticket_id.encode() + b"\n" * 900)
    (folder / "ticket.geojson").write_text("{}", encoding="utf-8")
    (folder / "after.jpg").write_bytes(b"picture")
    return tuple(FileRef.of(path, home.root) for path in sorted(folder.iterdir()))


def post(root: Path, count: int = 3) -> Post:
    """A home with so many leads."""
    root.mkdir(parents=True, exist_ok=True)
    made = Post(Home(root))
    made.put(*(lead(number) for number in range(count)))
    return made


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Mailbox:
    """What an SMTP server on loopback took, as bytes; `answers` are replies given instead, one per try, by command."""

    port: int = 0
    taken: list[bytes] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    at: Callable[[str], None] = lambda stage: None

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=default) for raw in self.taken]  # type: ignore[arg-type]

    @property
    def ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mails]

    def _said(self, command: str) -> str | None:
        waiting = self.answers.get(command, [])
        return waiting.pop(0) if waiting else None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self.at("rcpt")
        envelope.rcpt_tos.append(address)
        return self._said("RCPT") or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.at("data")
        refused = self._said("DATA")
        if refused is None:
            self.taken.append(bytes(envelope.content))
            self.at("taken")
        return refused or "250 taken"


@contextmanager
def mail_server(mailbox: Mailbox | None = None, **options: Any) -> Iterator[Mailbox]:
    """A real SMTP server."""
    box = mailbox or Mailbox()
    box.port = box.port or free_port()
    server = Controller(box, hostname="127.0.0.1", port=box.port, server_hostname="relay.test", **options)
    server.start()
    try:
        yield box
    finally:
        server.stop()


def mail_sink(box: Mailbox, **changes: Any) -> dict[str, Any]:
    made = {"name": "desk", "kind": "mail", "host": "127.0.0.1", "port": box.port, "security": "none"}
    return {**made, "sender": "monitor@city.test", "to": "desk@city.test", "takes": ["ticket"], **changes}


@dataclass
class Hook:
    """What an HTTP server on loopback was asked: (headers, body); `statuses` are given one per request, then 204."""

    port: int = 0
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


@contextmanager
def hook_server(*statuses: int) -> Iterator[Hook]:
    """A real HTTP server."""
    hook = Hook(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.asked.append((dict(self.headers.items()), body))
            self.send_response(hook.statuses.pop(0) if hook.statuses else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def hook_sink(hook: Hook, **changes: Any) -> dict[str, Any]:
    url = f"http://127.0.0.1:{hook.port}/in"
    return {"name": "hook", "kind": "webhook", "url": url, "takes": ["ticket"], **changes}


def folder_sink(**changes: Any) -> dict[str, Any]:
    return {"name": "share", "kind": "folder", "path": "out", **changes}
