"""A message on its way to one receiver: how often it was tried, when next, and whether it was given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.errors import DeliveryError
from sat_monitor.delivery.message import Message, message_from_plain
from sat_monitor.delivery.settings import RetrySettings

#: How sinks of the outbox that are receivers begin; the rest is the receiver's name.
TO = "to:"
_DOWN, _LATER, _NEVER, _GIVEN_UP = "E2102", "E2103", "E2104", "E2105"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message for one receiver. `next_at` None = at once; `failure` is the last, with its number.

    `tries` failed so far; in `refusals` of them the receiver was there and asked to come again.
    """

    message: Message
    tries: int = 0
    refusals: int = 0
    next_at: datetime | None = None
    failure: str = ""
    dead: bool = False

    def ready(self, now: datetime) -> bool:
        """Whether it is to be tried now."""
        return not self.dead and (self.next_at is None or self.next_at <= now)

    def failed(self, error: DeliveryError, now: datetime, retry: RetrySettings) -> Parcel:
        """The parcel after a failed try at `now`.

        A receiver that is down never makes a dead letter, however long it is: that is not the message's fault.
        """
        refusals = self.refusals + (error.code == _LATER)
        failure = f"{error.code} {error.what}"
        tried = replace(self, tries=self.tries + 1, refusals=refusals, failure=failure)
        if error.code == _NEVER:
            return replace(tried, dead=True)
        if refusals >= retry.tries:
            return replace(tried, failure=f"{_GIVEN_UP} asked to come again {refusals} times: {failure}", dead=True)
        return replace(tried, next_at=now + wait_after(tried.tries, retry))

    def revived(self) -> Parcel:
        """The parcel as if it had never been tried."""
        return Parcel(self.message)

    def to_plain(self) -> dict[str, Any]:
        """The parcel as plain JSON data."""
        return {
            "message": self.message.to_plain(),
            "tries": self.tries,
            "refusals": self.refusals,
            "next_at": None if self.next_at is None else iso(self.next_at),
            "failure": self.failure,
            "dead": self.dead,
        }


def parcel_from_plain(plain: Mapping[str, Any]) -> Parcel:
    """The inverse of `Parcel.to_plain`."""
    next_at = plain["next_at"]
    return Parcel(
        message_from_plain(plain["message"]),
        plain["tries"],
        plain["refusals"],
        None if next_at is None else parse_iso(next_at),
        plain["failure"],
        plain["dead"],
    )


def wait_after(tries: int, retry: RetrySettings) -> timedelta:
    """Wait after that many failed tries: the first wait, doubled each time, up to the longest."""
    longest = timedelta(hours=retry.longest_wait_hours)
    # 2**60 would overflow a timedelta; the longest wait is reached long before.
    return min(timedelta(minutes=retry.first_wait_minutes * 2.0 ** min(tries - 1, 20)), longest)


def is_down(error: DeliveryError) -> bool:
    """Whether a failure concerns the receiver and with it all that waits for it."""
    return error.code == _DOWN
