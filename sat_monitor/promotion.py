"""Which version of the change network is in use: promoting one is an event with a person and a reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sat_monitor.approval import MAX_NAME, MAX_REASON
from sat_monitor.core.domain import Event, EventDraft
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.store.store import Lease, Store

if TYPE_CHECKING:
    from sat_monitor.models.weights import Network

PROMOTED = "network.promoted"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One line of the register; `by` and `reason` are None where they were erased."""

    at: datetime
    name: str
    sha256: str
    by: str | None
    reason: str | None


def promote(shelf: tuple[Store, Lease], home: Home, weights: Path, by: str, reason: str) -> Event:
    """Keep a network under its sha256 and append that `by` puts it to use for `reason`.

    Raises NetworkError E2301 where the weights are refused, UsageError E2001 where name or reason is blank or too long.
    """
    from sat_monitor.models.weights import keep_network, load_network

    by, reason = by.strip(), reason.strip()
    for label, text, most in (("--by", by, MAX_NAME), ("--reason", reason, MAX_REASON)):
        if not 0 < len(text) <= most:
            raise UsageError("E2001", f"{label} has {len(text)} characters; 1 to {most} are needed")
    card = load_network(weights).card
    keep_network(weights, home.networks, card.sha256)
    store, lease = shelf
    with store.transaction(lease) as transaction:
        person, why = transaction.remember_person(by), transaction.remember_person(reason)
        body = {"name": card.name, "sha256": card.sha256, "by": person, "reason": why}
        return transaction.append(EventDraft(PROMOTED, "analyst", body))


def promotions(store: Store) -> list[Promotion]:
    """The register, oldest first."""
    found = []
    for event in store.events(family="network."):
        body = json.loads(event.body)
        by, reason = (store.person(body[key]) for key in ("by", "reason"))
        found.append(Promotion(event.at, body["name"], body["sha256"], by, reason))
    return found


def network_for(store: Store, home: Home, profile: Profile) -> Network | None:
    """The network that nights under a profile run, None where they run none; raises what `network_in_use` does."""
    return network_in_use(store, home) if profile.network.share > 0.0 else None


def network_in_use(store: Store, home: Home) -> Network:
    """The version that was promoted last, the shipped one where none was. Raises NetworkError E2301 where it is damaged."""
    from sat_monitor.models.weights import SHIPPED_SHA256, load_network, shipped_network

    register = promotions(store)
    if not register or register[-1].sha256 == SHIPPED_SHA256:
        return shipped_network()
    last = register[-1]
    return load_network(home.networks / f"{last.sha256}.safetensors", last.sha256)
