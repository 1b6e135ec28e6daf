"""A made-up place for tests of accuracy: earthworks, confusers and sites as squares on a plain."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from shapely.geometry import box

from sat_monitor.core.domain import Kind
from sat_monitor.evaluate.records import Found, Scope, Truth

DAY0 = date(2025, 10, 1)
SCOPE = Scope("made-up", 50e6, DAY0, DAY0 + timedelta(days=364))


def day(number: int) -> date:
    return DAY0 + timedelta(days=number)


def square(x: float, side: float = 40.0) -> Any:
    return box(x, 0.0, x + side, side)


def work(id_: str, x: float, began: int, **changes: Any) -> Truth:
    """An earthwork of 1,600 m2 that begins on day `began`, moves ground ten days later and takes a month."""
    made: dict[str, Any] = {
        "id": id_,
        "kind": "fill",
        "outline": square(x),
        "began_on": day(began),
        "moved_on": day(began + 10),
        "ended_on": day(began + 40),
        "area_m2": 1600.0,
        "is_earthwork": True,
        "slope_deg": 10.0,
    }
    return Truth(**{**made, **changes})


def site(id_: str, x: float, seen: int, confirmed: int | None, **changes: Any) -> Found:
    """A site of 1,600 m2 that was first seen and confirmed on those days, with a ticket if it is an earthwork."""
    kind = changes.get("kind", Kind.EARTHWORK)
    is_ticket = confirmed is not None and kind in (Kind.EARTHWORK, Kind.CONSTRUCTION)
    made: dict[str, Any] = {
        "id": id_,
        "kind": kind,
        "outline": square(x),
        "first_seen_on": day(seen),
        "confirmed_on": None if confirmed is None else day(confirmed),
        "ticketed_on": day(confirmed) if confirmed is not None and is_ticket else None,
        "area_m2": 1600.0,
        "area_error_m2": 100.0,
        "score": 5.0,
        "sensors": "s1+s2",
        "slope_deg": 10.0,
    }
    given = {**made, **changes}
    return Found(**{"priority": given["score"], **given})
