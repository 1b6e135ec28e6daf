"""Time: UTC inside, Asia/Tokyo for people; the clock is passed in, never looked up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The current time, UTC-aware: the only place that asks the machine."""
    return datetime.now(UTC)


def fixed_clock(at: datetime) -> Clock:
    """A clock that always says `at` (UTC-aware), for tests and replays."""
    moment = utc(at)
    return lambda: moment


def utc(at: datetime) -> datetime:
    """`at` in UTC; a naive time is an error (ValueError), for it would be off by up to a day."""
    if at.tzinfo is None:
        raise ValueError(f"naive time {at.isoformat()}: give it a time zone")
    return at.astimezone(UTC)


def japan_day(at: datetime) -> date:
    """The calendar day in Japan on which `at` (UTC-aware) falls."""
    return utc(at).astimezone(TOKYO).date()


def iso(at: datetime) -> str:
    """`at` as canonical text, UTC, whole microseconds only where present: 2025-07-01T01:02:03Z."""
    return utc(at).isoformat().replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """The inverse of `iso`; text without a zone is an error (ValueError)."""
    return utc(datetime.fromisoformat(text))
