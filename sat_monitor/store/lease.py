"""The right to write: one holder at a time, and a number by which one that comes too late is found out (fencing)."""

from __future__ import annotations

import os
import platform
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.errors import StoreError
from sat_monitor.store.schema import run_lease

#: Tells this process from an earlier one of the same number, as in a container that was started again.
_BIRTH = secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write until `expires_at`; `number` grows by one with every lease."""

    holder: str
    number: int
    expires_at: datetime


def take(connection: Connection, holder: str, now: datetime, ttl_seconds: int) -> Lease:
    """The next lease; raises StoreError E1701 while another is live.

    A lease ends when it is given back, with its time, or with its process: a killed night must not lock the next one
    out. Should the process live all the same, out of sight, its number is no longer the newest and it cannot commit.
    """
    row = connection.execute(select(run_lease)).mappings().first()
    if row is not None and row["holder"] and parse_iso(row["expires_at"]) > now and not _ended(row["process"]):
        raise StoreError("E1701", f"{row['holder']} ({row['process']}) holds it until {row['expires_at']}")
    number = 1 if row is None else row["number"] + 1
    lease = Lease(holder, number, now + timedelta(seconds=ttl_seconds))
    connection.execute(delete(run_lease))
    values = {"number": number, "holder": holder, "process": _process(), "expires_at": iso(lease.expires_at)}
    connection.execute(insert(run_lease).values(**values))
    return lease


def give_back(connection: Connection, lease: Lease) -> None:
    """End `lease`; the row stays, for the number must go on growing. A lease that was lost is left alone."""
    connection.execute(update(run_lease).where(run_lease.c.number == lease.number).values(holder=""))


def check_fence(connection: Connection, lease: Lease) -> None:
    """Raise StoreError E1702 where `lease` was given back or is not the newest."""
    row = connection.execute(select(run_lease.c.number, run_lease.c.holder)).first()
    if row is None or (row.number, row.holder) != (lease.number, lease.holder):
        newest = "nobody" if row is None else f"{row.holder or 'nobody'} (number {row.number})"
        raise StoreError("E1702", f"{lease.holder} had number {lease.number}, now {newest} holds the lease")


def _process() -> str:
    return f"{platform.node()}:{os.getpid()}:{_BIRTH}"


def _ended(process: str) -> bool:
    """Whether a process is known to have ended; of other machines only time tells."""
    node, pid, birth = process.rsplit(":", 2)
    if node != platform.node() or os.name != "posix":
        return False
    if int(pid) == os.getpid():
        return birth != _BIRTH
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
