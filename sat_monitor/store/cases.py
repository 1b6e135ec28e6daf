"""What people write: rows of cases with the events that they are the fold of, beside a night that runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from sat_monitor.core.casework import Case, case_from_plain, case_to_plain
from sat_monitor.core.domain import Event, EventDraft, Ticket
from sat_monitor.core.errors import CaseError
from sat_monitor.store.ledger import canonical_json
from sat_monitor.store.schema import cases

if TYPE_CHECKING:
    from sat_monitor.store.transaction import Transaction


class CaseTransaction:
    """One unit of writing by people: cases, persons and events, and nothing that a night writes."""

    def __init__(self, connection: Connection, ledger: Transaction) -> None:
        self._connection = connection
        self._ledger = ledger

    def append(self, draft: EventDraft) -> Event:
        """Append an event to the history, as `Transaction.append`."""
        return self._ledger.append(draft)

    def remember_person(self, text: str) -> str:
        """Keep a name or free text apart, as `Transaction.remember_person`."""
        return self._ledger.remember_person(text)

    def forget_person(self, commitment: str) -> bool:
        """Erase what a commitment stands for, as `Transaction.forget_person`."""
        return self._ledger.forget_person(commitment)

    def case(self, case_id: str) -> Case | None:
        """The case of an id as it stands now, None where there is none."""
        row = self._connection.execute(select(cases.c.plain).where(cases.c.id == case_id)).first()
        return None if row is None else _case(row.plain)

    def open_case_of(self, site_id: str) -> Case | None:
        """The case of a site that has not ended, None where there is none."""
        rows = self._connection.execute(select(cases.c.plain).order_by(cases.c.id))
        known = (_case(row.plain) for row in rows if site_id in row.plain)
        return next((case for case in known if case.site_id == site_id and not case.ended), None)

    def put_case(self, case: Case) -> None:
        """Keep a case that is one event further than its row, or new.

        Raises CaseError E1811 where the row is another event further already.
        """
        values = {"aoi": case.aoi, "version": case.version, "plain": canonical_json(case_to_plain(case))}
        if case.version == 1 and self.case(case.id) is None:
            self._connection.execute(insert(cases).values(id=case.id, **values))
            return
        before = (cases.c.id == case.id) & (cases.c.version == case.version - 1)
        if not self._connection.execute(update(cases).where(before).values(**values)).rowcount:
            raise CaseError("E1811", f"{case.id} is not at version {case.version - 1}", "the other change")


def is_known(connection: Connection, ticket: Ticket) -> bool:
    """Whether anybody ever worked on a ticket."""
    return connection.execute(select(cases.c.id).where(cases.c.id == ticket.id)).first() is not None


def _case(text: str) -> Case:
    plain: dict[str, Any] = json.loads(text)
    return case_from_plain(plain)
