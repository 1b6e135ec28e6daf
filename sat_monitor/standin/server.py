"""An HTTP server on loopback that answers for several stand-ins, and breaks its answers as a script says."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol

#: Bytes of a request body that are read.
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in; header names are lower case, `at_s` is monotonic."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is sent."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Answerer(Protocol):
    """A stand-in: replies to what is its own, None to all else."""

    def answer(self, asked: Asked) -> Reply | None:
        """The reply to a request, None where it is another's."""
        ...


#: Sends a reply, or something worse, on a handler's connection.
Sender = Callable[[BaseHTTPRequestHandler, Reply], None]


@dataclass(slots=True)
class Rule:
    """Misbehave on requests whose path contains `where`: let `after` of them pass, then spoil `times` of them."""

    where: str
    sender: Sender
    times: int = 1
    after: int = 0

    def applies(self, asked: Asked) -> bool:
        """Whether this request is to be spoilt; counts it."""
        if self.where not in asked.path or self.times <= 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


def json_reply(plain: Any, status: int = 200) -> Reply:
    """A reply of JSON."""
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(plain).encode())


def send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    """Send a reply as it should be."""
    send_head(handler, reply, {"Content-Length": str(len(reply.body))})
    handler.wfile.write(reply.body)


def send_head(handler: BaseHTTPRequestHandler, reply: Reply, extra: dict[str, str]) -> None:
    """Send status and headers, `extra` before the reply's own; those that are empty are left out."""
    handler.send_response_only(reply.status)
    headers = {"Date": formatdate(usegmt=True), **extra, **reply.headers}
    for name, value in headers.items():
        if value:
            handler.send_header(name, value)
    handler.end_headers()


class StandIn:
    """The server; use it as a context manager. `log` holds every request, `rules` what is still to go wrong."""

    def __init__(self, answerers: Sequence[Answerer], trust: ssl.SSLContext | None = None) -> None:
        self.answerers = list(answerers)
        self.log: list[Asked] = []
        self.rules: list[Rule] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._scheme = "http" if trust is None else "https"
        if trust is not None:
            self._server.socket = trust.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> StandIn:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Address without a slash at the end."""
        return f"{self._scheme}://{self.host}"

    def asked(self, where: str = "") -> list[Asked]:
        """Requests so far whose path contains `where`."""
        with self._lock:
            return [asked for asked in self.log if where in asked.path]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        asked = _asked(handler)
        with self._lock:
            self.log.append(asked)
            sender = next((rule.sender for rule in self.rules if rule.applies(asked)), send)
        replies = (answerer.answer(asked) for answerer in self.answerers)
        reply = next((reply for reply in replies if reply is not None), json_reply({"error": "not found"}, 404))
        sender(handler, reply)


def _asked(handler: BaseHTTPRequestHandler) -> Asked:
    length = min(int(handler.headers.get("Content-Length") or 0), _MOST_BYTES)
    body = handler.rfile.read(length) if length else b""
    headers = {name.lower(): value for name, value in handler.headers.items()}
    path, _, query = handler.path.partition("?")
    return Asked(handler.command, path, query, headers, body, time.monotonic())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no matter here."""


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Small answers would otherwise wait for the acknowledgement of their own head.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            stand_in.serve(self)

        def do_POST(self) -> None:
            stand_in.serve(self)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the stand-in keeps its own log."""

    return Handler
