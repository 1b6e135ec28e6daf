"""When to ask again: what a service told, how long to wait, when to give up. Pure; the door (fetch.py) obeys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

#: A wait in milliseconds below this is taken for seconds: too long a wait harms nobody, too short a one breaks a promise.
_LEAST_MS = 100.0


@dataclass(frozen=True, slots=True)
class Budget:
    """How much patience one file gets.

    `deadline_s` is for one whole transfer, from the first byte sent to the last one read; `tries` counts requests
    that a service turned away or broke off, `content_tries` answers whose content was refused; a wait that is told to
    last beyond `longest_wait_s` is not waited for.
    """

    deadline_s: float = 300.0
    tries: int = 8
    content_tries: int = 3
    first_wait_s: float = 1.0
    longest_wait_s: float = 900.0


class Verdict(Enum):
    """What an HTTP status means for the one who asked."""

    GOOD = "good"
    REDIRECT = "redirect"
    LOGIN = "login"
    QUOTA = "quota"
    WAIT = "wait"
    LATER = "later"
    NEVER = "never"


_BY_STATUS = {401: Verdict.LOGIN, 402: Verdict.QUOTA, 403: Verdict.QUOTA, 408: Verdict.LATER, 425: Verdict.LATER}


def verdict_of(status: int) -> Verdict:
    """The verdict on an HTTP status code."""
    if status == 429:
        return Verdict.WAIT
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in (200, 206):
        return Verdict.GOOD
    if status in (301, 302, 303, 307, 308):
        return Verdict.REDIRECT
    return Verdict.LATER if status >= 500 else Verdict.NEVER


def told_wait_s(headers: Mapping[str, str], in_ms: bool, now: datetime) -> float | None:
    """Seconds that `Retry-After` asks to wait, None where it says nothing usable (absent, negative, not a number).

    A number is milliseconds where `in_ms` (the convention of Sentinel Hub), else seconds. A date counts from the
    service's own `Date`, so that a wrong clock on either side does not matter.
    """
    told = headers.get("retry-after", "").strip()
    if not told:
        return None
    try:
        number = float(told)
    except ValueError:
        return _until_s(told, headers.get("date", ""), now)
    if not math.isfinite(number) or number < 0:
        return None
    return number / 1000.0 if in_ms and number >= _LEAST_MS else number


def _until_s(told: str, date: str, now: datetime) -> float | None:
    try:
        until = _http_date(told)
    except ValueError:
        return None
    try:
        since = _http_date(date)
    except ValueError:
        since = now
    return max(0.0, (until - since).total_seconds())


def _http_date(text: str) -> datetime:
    """The time of an HTTP-date, UTC; ValueError where it is none."""
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, IndexError) as error:
        raise ValueError(text) from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def clock_error_s(headers: Mapping[str, str], now: datetime) -> float:
    """How far a service's `Date` is from `now`, seconds; 0 where it names none."""
    try:
        return abs((_http_date(headers.get("date", "")) - now).total_seconds())
    except ValueError:
        return 0.0


def wait_s(budget: Budget, attempt: int, told: float | None, draw: float) -> float:
    """Seconds to wait after failed `attempt` (0 = first): never less than told, else doubling; `draw` 0..1 is jitter."""
    if told is not None:
        return told + draw * min(1.0 + 0.1 * told, 5.0)
    return min(budget.first_wait_s * 2.0**attempt, budget.longest_wait_s) * (0.5 + draw)
