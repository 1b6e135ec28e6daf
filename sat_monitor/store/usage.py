"""What accounts have used of their services, by month: counted before a request leaves, so that a crash hides nothing.

Requests are bookkeeping of runs (a night that was disturbed asks more than one that was not), hence a run_* table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from sat_monitor.core.clock import Clock
from sat_monitor.core.errors import ServiceError
from sat_monitor.store import schema
from sat_monitor.store.database import immediate, numbered, open_database

#: Share of a quota at which the night stops by itself: the provider may count a little differently.
STOP_AT = 0.98


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account may use in one month (UTC); None = no limit is known."""

    requests: int | None = None
    units: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has used in one month."""

    account: str
    month: str
    requests: int
    units: float


class UsageMeter:
    """The `Meter` of imagery/service.py over the database; safe to use from several threads."""

    def __init__(self, path: Path, clock: Clock, quotas: Mapping[str, Quota]) -> None:
        self._path = path
        self._engine = open_database(path)
        self._clock = clock
        self._quotas = dict(quotas)
        self._lock = Lock()

    def charge(self, account: str, units: float) -> None:
        """Count a request and its units; raises ServiceError E1902, and counts nothing, near the quota."""
        quota = self._quotas.get(account, Quota())
        with self._lock:
            used = self._used(account)
            _check(used.requests + 1, quota.requests, f"{account}: {used.requests} requests", used.month)
            _check(used.units + units, quota.units, f"{account}: {used.units:.0f} processing units", used.month)
            self._add(account, 1, units)

    def refund(self, account: str, units: float) -> None:
        """Give back the units of a request that was not served; it stays counted as a request."""
        if units:
            with self._lock:
                self._add(account, 0, -units)

    def usage(self) -> list[Usage]:
        """All months of all accounts, newest month first."""
        table = schema.run_usage
        with numbered(self._path), self._engine.connect() as connection:
            rows = connection.execute(select(table).order_by(table.c.month.desc(), table.c.account))
            return [Usage(*row) for row in rows]

    def _used(self, account: str) -> Usage:
        month = f"{self._clock():%Y-%m}"
        same = (use for use in self.usage() if (use.account, use.month) == (account, month))
        return next(same, Usage(account, month, 0, 0.0))

    def _add(self, account: str, requests: int, units: float) -> None:
        table, month = schema.run_usage, f"{self._clock():%Y-%m}"
        row = {"account": account, "month": month, "requests": requests, "units": units}
        more = {"requests": table.c.requests + requests, "units": table.c.units + units}
        statement = insert(table).values(row).on_conflict_do_update(["account", "month"], set_=more)
        with numbered(self._path), self._engine.connect() as connection, immediate(connection):
            connection.execute(statement)


def _check(wanted: float, limit: float | None, used: str, month: str) -> None:
    if limit is not None and wanted > STOP_AT * limit:
        raise ServiceError(
            "E1902", f"{used} of {limit:g} used in {month}", "every scene that is yet to come stays owed"
        )
