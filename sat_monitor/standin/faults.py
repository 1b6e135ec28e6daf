"""Ways in which a service fails: each sends something other than the reply it is given."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

from sat_monitor.standin.server import Reply, Sender, send, send_head


def status(code: int, headers: dict[str, str] | None = None, body: bytes = b"{}") -> Sender:
    """Another status, with headers and a body of its own."""
    return lambda handler, _: send(handler, Reply(code, {"Content-Type": "application/json", **(headers or {})}, body))


def redirect(location: str, code: int = 307) -> Sender:
    """Send the client elsewhere."""
    return status(code, {"Location": location}, b"")


def page(body: bytes, kind: str) -> Sender:
    """Status 200 with another body of content type `kind`."""
    return lambda handler, _: send(handler, Reply(200, {"Content-Type": kind}, body))


def spoilt(change: Callable[[bytes], bytes]) -> Sender:
    """The reply with its body changed, as if it were right."""
    return lambda handler, reply: send(handler, replace(reply, body=change(reply.body)))


def headed(headers: dict[str, str]) -> Sender:
    """The reply with other headers."""
    return lambda handler, reply: send(handler, replace(reply, headers={**reply.headers, **headers}))


def wrong_clock(days: float) -> Sender:
    """The reply of a server whose clock is off."""
    return headed({"Date": formatdate(time.time() + days * 86_400.0, usegmt=True)})


def cut(share: float) -> Sender:
    """Promise the whole length, send a part, close."""

    def sender(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        send_head(handler, reply, {"Content-Length": str(len(reply.body))})
        handler.wfile.write(reply.body[: int(len(reply.body) * share)])
        handler.close_connection = True

    return sender


def reset(share: float) -> Sender:
    """Send a part, then reset the connection."""

    def sender(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        send_head(handler, reply, {"Content-Length": str(len(reply.body))})
        handler.wfile.write(reply.body[: int(len(reply.body) * share)])
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        handler.close_connection = True

    return sender


def unended(share: float) -> Sender:
    """No length, no chunks: the end of the connection is the end of the answer, wherever it comes."""

    def sender(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        send_head(handler, reply, {"Connection": "close"})
        handler.wfile.write(reply.body[: int(len(reply.body) * share)])
        handler.close_connection = True

    return sender


def chunked(share: float = 1.0) -> Sender:
    """In chunks; where `share` is below 1 the last ones and the end are missing."""

    def sender(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        send_head(handler, reply, {"Transfer-Encoding": "chunked"})
        body = reply.body[: int(len(reply.body) * share)]
        for start in range(0, len(body), 4096):
            part = body[start : start + 4096]
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        if share >= 1.0:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return sender


def drip(every_s: float, for_s: float) -> Sender:
    """One byte at a time."""

    def sender(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        send_head(handler, reply, {"Content-Length": str(len(reply.body))})
        until = time.monotonic() + for_s
        for value in reply.body:
            if time.monotonic() > until:
                break
            handler.wfile.write(bytes([value]))
            handler.wfile.flush()
            time.sleep(every_s)
        handler.close_connection = True

    return sender


def hang(for_s: float, after_head: bool = True) -> Sender:
    """Say nothing more: after the head, or at all."""

    def sender(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        if after_head:
            send_head(handler, reply, {"Content-Length": str(len(reply.body))})
            handler.wfile.flush()
        time.sleep(for_s)
        handler.close_connection = True

    return sender
