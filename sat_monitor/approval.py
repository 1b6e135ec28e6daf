"""Which profiles nights may use: the shipped one, and those that a named person approved with a reason.

Approvals are events of the history. Names and reasons are kept apart, so that they can be erased; an event holds only
their salted commitments.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sat_monitor.core.domain import Event, EventDraft
from sat_monitor.core.errors import ProfileError, UsageError
from sat_monitor.core.profile import Profile, parse_profile, render_profile
from sat_monitor.store.store import Lease, Store

SHIPPED, APPROVED, LOADED = "profile.shipped", "profile.approved", "profile.loaded"
#: Longest name and reason, characters.
MAX_NAME, MAX_REASON = 100, 2000
#: How long an approval may hold the lease.
LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Approval:
    """One line of a profile's history: `what` happened at `at`; `by` and `reason` are None where there is none or it was erased."""

    at: datetime
    what: str
    name: str
    sha256: str
    by: str | None
    reason: str | None


def approve(shelf: tuple[Store, Lease], profile: Profile, by: str, reason: str) -> Event:
    """Append that `by` approves `profile` for `reason`; again by another person or for another reason is another event.

    Raises UsageError E2001 where name or reason is blank or too long, or where the profile is the shipped one.
    """
    by, reason = by.strip(), reason.strip()
    for label, text, most in (("--by", by, MAX_NAME), ("--reason", reason, MAX_REASON)):
        if not 0 < len(text) <= most:
            raise UsageError("E2001", f"{label} has {len(text)} characters; 1 to {most} are needed")
    if profile == Profile():
        raise UsageError("E2001", "this is the shipped profile: its release approves it")
    store, lease = shelf
    with store.transaction(lease) as transaction:
        person, why = transaction.remember_person(by), transaction.remember_person(reason)
        body = {**_body(profile), "toml": render_profile(profile), "by": person, "reason": why}
        return transaction.append(EventDraft(APPROVED, "analyst", body))


def record_use(shelf: tuple[Store, Lease], profile: Profile, actor: str) -> None:
    """Let a night use `profile`: its first use is an event. Raises ProfileError E1602 where nobody approved it."""
    store, lease = shelf
    known = {(event.kind, json.loads(event.body)["sha256"]) for event in store.events(family="profile.")}
    kind = SHIPPED if profile == Profile() else LOADED
    if kind == LOADED and (APPROVED, profile.sha256) not in known:
        raise ProfileError("E1602", f"{profile.name} ({profile.sha256[:12]})", "everything; no night ran")
    if (kind, profile.sha256) in known:
        return
    with store.transaction(lease) as transaction:
        transaction.append(EventDraft(kind, actor, {**_body(profile), "toml": render_profile(profile)}))


def approvals(store: Store) -> list[Approval]:
    """The history of all profiles, oldest first."""
    return [_approval(store, event) for event in store.events(family="profile.")]


def _approval(store: Store, event: Event) -> Approval:
    body = json.loads(event.body)
    by, reason = (store.person(body[key]) if key in body else None for key in ("by", "reason"))
    return Approval(event.at, event.kind.removeprefix("profile."), body["name"], body["sha256"], by, reason)


def _body(profile: Profile) -> dict[str, object]:
    return {"name": profile.name, "sha256": profile.sha256}


def profiles_of(store: Store) -> list[Profile]:
    """Every profile of the history that this version can read, newest first, and the shipped one."""
    texts = (json.loads(event.body).get("toml", "") for event in store.events(family="profile."))
    known = {profile.sha256: profile for profile in (Profile(), *_readable(texts))}
    return list(reversed(known.values()))


def _readable(texts: Iterable[str]) -> Iterator[Profile]:
    for text in texts:
        # An older version may have allowed what this one refuses; then no look of this version follows from it.
        with suppress(ProfileError):
            yield parse_profile(text)
