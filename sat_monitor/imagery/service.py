"""What is known of an outside service: who may answer in its name, how often it may be asked, what it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from sat_monitor.core.errors import ServiceError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Service:
    """One account at one service.

    `hosts` are the network locations (host or host:port) that may be asked or redirected to; rates are per minute;
    `retry_after_ms` says that its `Retry-After` is in milliseconds; `at_once` is how many requests may be under way.
    """

    account: str
    hosts: frozenset[str]
    requests_per_minute: float = 300.0
    units_per_minute: float = 300.0
    retry_after_ms: bool = False
    at_once: int = 4


@dataclass(frozen=True, slots=True)
class Question:
    """One request: `media` are the content types that may answer it, `units` the processing units that it costs."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    media: tuple[str, ...] = ()
    units: float = 0.0
    most_bytes: int = 2 << 30


class Meter(Protocol):
    """Counts requests and processing units per account and month."""

    def charge(self, account: str, units: float) -> None:
        """Count a request before it is sent; raises ServiceError E1902, and counts nothing, near the quota."""
        ...

    def refund(self, account: str, units: float) -> None:
        """Give back the units of a request that was not served; it stays counted as a request."""
        ...


class NoMeter:
    """For services without a quota."""

    def charge(self, account: str, units: float) -> None:
        """Nothing is counted."""

    def refund(self, account: str, units: float) -> None:
        """Nothing was counted."""


class Pace:
    """When the next request may leave: evenly spread over the minute after a short burst, never before a told time.

    The generic cell rate algorithm, for requests and units at once; safe to share between threads.
    """

    #: Seconds' worth of requests that may leave at once after a rest.
    BURST_S = 10.0

    def __init__(self, service: Service, now_s: Callable[[], float]) -> None:
        self._service = service
        self._now_s = now_s
        self._lock = threading.Lock()
        self._full_until = float("-inf")
        self._not_before = float("-inf")

    def take(self, units: float) -> float:
        """Take the next place and return the seconds to wait for it."""
        service = self._service
        cost = max(60.0 / service.requests_per_minute, 60.0 * units / service.units_per_minute)
        with self._lock:
            now = self._now_s()
            start = max(now, self._full_until - self.BURST_S, self._not_before)
            self._full_until = max(self._full_until, start) + cost
            return start - now

    def hold(self, wait_s: float) -> None:
        """Let nothing leave for so many seconds: the service said so."""
        with self._lock:
            self._not_before = max(self._not_before, self._now_s() + wait_s)

    def held_s(self) -> float:
        """Seconds until something may leave again."""
        with self._lock:
            return max(0.0, self._not_before - self._now_s())


def check_address(url: str, service: Service) -> None:
    """Raise ServiceError E1907 where a URL is not one of the service: https, or http on loopback, at a listed host."""
    parts = urlsplit(url)
    loopback = parts.hostname is not None and (parts.hostname in _LOOPBACK or f"[{parts.hostname}]" in _LOOPBACK)
    secure = parts.scheme == "https" or (parts.scheme == "http" and loopback)
    if not secure or parts.netloc.rpartition("@")[2] not in service.hosts or "@" in parts.netloc:
        what = f"{public(url)} is not at {', '.join(sorted(service.hosts))}"
        raise ServiceError("E1907", what, "the scene stays owed")


def public(url: str) -> str:
    """A URL as it may be shown: without user, query and fragment, where signatures and secrets are."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
