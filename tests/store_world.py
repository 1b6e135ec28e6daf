"""Made-up nouns and an open store for tests: every number is stated here."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from shapely.geometry import Point

from sat_monitor.core.clock import Clock, fixed_clock
from sat_monitor.core.domain import (
    Candidate,
    Direction,
    EventDraft,
    Kind,
    Look,
    Scene,
    Sensor,
    Site,
    SiteStatus,
    StartInterval,
    Ticket,
    Track,
)
from sat_monitor.core.grid import Grid
from sat_monitor.store.codec import look_to_plain
from sat_monitor.store.store import Lease, Store, Transaction

NOW = datetime(2025, 7, 1, 17, 30, tzinfo=UTC)
AOI = "tama"
START = StartInterval(date(2025, 5, 1), date(2025, 5, 13))


class MovingClock:
    """A clock that tests set."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def scene(day: int = 1, aoi: str = AOI) -> Scene:
    identity = f"S1A_{day:03}"
    return Scene(
        id=identity,
        aoi=aoi,
        sensor=Sensor.S1,
        platform="S1A",
        acquired_at=datetime(2025, 1, 1, 20, 43, tzinfo=UTC) + timedelta(days=day),
        track=Track(46, Direction.DESCENDING),
        grid=Grid(32654, 340_000.0, 3_950_000.0, 10.0, 120, 90),
        valid_fraction=0.98,
        cloud_fraction=None,
        source_id="folder",
        request_sha256=sha(f"request {identity}"),
        file_sha256=sha(f"file {identity}"),
        pixels_sha256=sha(f"pixels {identity}"),
    )


def look(day: int = 1, aoi: str = AOI, score: float = 4.25) -> Look:
    seen_from = scene(day, aoi)
    candidate = Candidate(
        Point(340_100.1, 3_949_500.7).buffer(33.3), (12, 7), Kind.EARTHWORK, 3480.5, 310.25, score, 3.1, True, START,
        {"vv_change_db": -2.4, "ndvi_drop": 0.31},
    )  # fmt: skip
    return Look(seen_from.id, aoi, seen_from.sensor, seen_from.acquired_at, (candidate,), {"site-1": 0.75})


def site(name: str = "site-1", aoi: str = AOI, looks: int = 9) -> Site:
    return Site(
        id=name,
        aoi=aoi,
        kind=Kind.EARTHWORK,
        outline=Point(340_100.1, 3_949_500.7).buffer(33.3),
        anchor=(12, 7),
        status=SiteStatus.CONFIRMED,
        first_seen_at=NOW - timedelta(days=40),
        first_confirmed_at=NOW - timedelta(days=16),
        last_support_at=NOW - timedelta(days=4),
        hit_days=(date(2025, 5, 22), date(2025, 6, 3), date(2025, 6, 15)),
        hits=3,
        looks=looks,
        openings=1,
        quiet_looks=0,
        area_m2=3480.5,
        area_error_m2=310.25,
        score_max=6.5,
        start=START,
        evidence={"vv_change_db": -2.4},
        scene_ids=("S1A_001", "S1A_002"),
        recent_kinds=(Kind.CHANGE, Kind.EARTHWORK),
    )


def ticket(name: str = "ticket-1", aoi: str = AOI, priority: float = 62.5) -> Ticket:
    return Ticket(name, "site-1", aoi, 1, NOW - timedelta(days=16), "S1A_002", priority, ("large", "near water"))


@contextmanager
def opened(path: Path, clock: Clock | None = None) -> Iterator[tuple[Store, Lease]]:
    """A store with a lease."""
    with Store(path, clock or fixed_clock(NOW)) as store, store.lease("night", 3600) as lease:
        yield store, lease


def draft(number: int = 1) -> EventDraft:
    return EventDraft("test.said", "tester", {"number": number})


def write(path: Path, *steps: Callable[[Transaction], object]) -> list[object]:
    """The results of steps, each in a transaction of its own."""
    results = []
    with opened(path) as (store, lease):
        for step in steps:
            with store.transaction(lease) as transaction:
                results.append(step(transaction))
    return results


def record_scene(transaction: Transaction, one: Scene) -> None:
    """Put a scene as a night does."""
    if transaction.put_scene(one):
        body = {"scene": one.id, "aoi": one.aoi, "source": one.source_id}
        hashes = {"file_sha256": one.file_sha256, "pixels_sha256": one.pixels_sha256}
        transaction.append(EventDraft("scene.archived", "night", {**body, **hashes}))


def record_look(transaction: Transaction, one: Look, inputs: str = sha("inputs")) -> None:
    """Put a look as a night does."""
    if transaction.put_look(one, inputs):
        transaction.append(EventDraft("look.recorded", "night", {"look": look_to_plain(one), "inputs_sha256": inputs}))


def night(path: Path, days: range = range(1, 6), clock: Clock | None = None) -> None:
    """A small night: scenes, looks, a site, a ticket, a delivery."""
    with opened(path, clock) as (store, lease):
        for day in days:
            with store.transaction(lease) as transaction:
                record_scene(transaction, scene(day))
            with store.transaction(lease) as transaction:
                record_look(transaction, look(day))
                transaction.put_sites(AOI, [site(), site("site-2")])
                transaction.put_tickets(AOI, [ticket()])
                transaction.enqueue("ticket-1:folder", "ticket-1", "folder", {"aoi": AOI})
        for row in store.outbox_due():
            with store.transaction(lease) as transaction:
                transaction.mark_delivered(row.key, {"pdf_sha256": sha("pdf")})
                transaction.append(EventDraft("ticket.delivered", "night", {"ticket": row.ticket_id}))
        store.record_run("night", {"degraded": False})


def execute(path: Path, *statements: str) -> None:
    """Change the file behind the store's back."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def dump(path: Path) -> list[str]:
    """All rows of all tables but the volatile ones, as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return [line for line in connection.iterdump() if 'INTO "run_' not in line]
