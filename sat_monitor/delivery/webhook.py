"""Delivery to a program: signed JSON by HTTP POST.

The signature is HMAC-SHA256 over the timestamp, a dot and the body, keyed with the secret that both sides hold; the
receiver recomputes it over the bytes as they came, refuses old timestamps, and takes a known `Idempotency-Key` as done.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from datetime import datetime

import httpx
from pydantic import SecretStr

from sat_monitor.core.clock import Clock, iso
from sat_monitor.core.errors import DeliveryError
from sat_monitor.delivery.message import Attachment, Message, safe_id
from sat_monitor.delivery.settings import WebhookSettings
from sat_monitor.tickets.text import clean

# httpx tells every address at INFO, and the address of a hook may be a secret.
logging.getLogger("httpx").setLevel(logging.WARNING)
TIMESTAMP, SIGNATURE, KEY = "X-Sat-Monitor-Timestamp", "X-Sat-Monitor-Signature", "Idempotency-Key"
_VERSION = "v1="
_DOWN, _LATER = frozenset({502, 503, 504}), frozenset({408, 425, 429})
_KEPT = "the message, to be tried again"


def sign(secret: SecretStr, timestamp: str, body: bytes) -> str:
    """The signature of a body sent at `timestamp` (Unix seconds as text): v1= and 64 hexadecimal digits (RFC 2104)."""
    signed = timestamp.encode() + b"." + body
    return _VERSION + hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()


def is_genuine(secret: SecretStr, headers: Mapping[str, str], body: bytes, now: datetime, tolerance_s: float) -> bool:
    """Whether a body with its headers comes from who holds the secret, at most `tolerance_s` ago: for receivers."""
    timestamp, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    if not timestamp.isascii() or not timestamp.isdecimal() or abs(now.timestamp() - int(timestamp)) > tolerance_s:
        return False
    return hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode(errors="replace"))


def body_of(message: Message, attachments: tuple[Attachment, ...], attach: bool) -> bytes:
    """The JSON body, UTF-8, the same bytes for the same message whatever try it is."""
    files: list[dict[str, str]] = [{"name": file.name, "sha256": file.sha256} for file in attachments]
    if attach:
        pages = {file.name: base64.b64encode(file.content).decode() for file in attachments if _is_page(file)}
        files = [{**file, **({"base64": pages[file["name"]]} if file["name"] in pages else {})} for file in files]
    plain = {
        "id": safe_id(message.id),
        "kind": message.kind.value,
        "made_at": iso(message.made_at),
        "subject": clean(message.subject),
        "facts": dict(message.facts),
        "files": files,
    }
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(errors="replace")


def _is_page(file: Attachment) -> bool:
    return file.name.endswith(".pdf")


class WebhookSink:
    """One address; redirects are not followed, for the signature is meant for this receiver."""

    def __init__(self, settings: WebhookSettings, secret: SecretStr, clock: Clock) -> None:
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._client = httpx.Client(timeout=settings.timeout_s, follow_redirects=False)

    def send(self, message: Message, attachments: tuple[Attachment, ...]) -> str:
        """POST the message; any 2xx means taken; returns the status. Raises DeliveryError E2102, E2103, E2104."""
        body = body_of(message, attachments, self._settings.attach)
        timestamp = str(int(self._clock().timestamp()))
        headers = {
            "Content-Type": "application/json",
            KEY: safe_id(message.id),
            TIMESTAMP: timestamp,
            SIGNATURE: sign(self._secret, timestamp, body),
        }
        try:
            # The status is all that counts: what else a receiver says, however long, is not read.
            with self._client.stream("POST", self._settings.url, content=body, headers=headers) as answer:
                status, taken = answer.status_code, answer.is_success
        except (httpx.HTTPError, OSError) as error:
            raise DeliveryError("E2102", f"{self._settings.name}: {type(error).__name__}", _KEPT) from error
        if not taken:
            raise self._told(status)
        return f"HTTP {status}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _told(self, status: int) -> DeliveryError:
        # The address may itself be a secret: errors name the sink.
        what = f"{self._settings.name}: HTTP {status}"
        if status in _DOWN or status in (401, 403):
            return DeliveryError("E2102", what, _KEPT)
        if status in _LATER or status >= 500:
            return DeliveryError("E2103", what, _KEPT)
        return DeliveryError("E2104", what, "the message, as a dead letter")
