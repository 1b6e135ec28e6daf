"""Pages of a catalogue, put together only when they add up: none repeated, none missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sat_monitor.core.errors import ServiceError

_MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its items, how many match in all where the catalogue says so, and where it says the next one begins.

    Raises TypeError where an item is no object.
    """

    items: tuple[dict[str, Any], ...]
    matched: int | None = None
    next_start: int | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(item, dict) for item in self.items):
            raise TypeError("an item that is no object")


def all_items(pages: Iterable[Page], catalogue: str) -> list[dict[str, Any]]:
    """Every item once; raises ServiceError E1909 where pages repeat, leave a gap, or the total changes or is not met."""
    items: dict[str, dict[str, Any]] = {}
    totals: set[int] = set()
    for number, page in enumerate(pages, start=1):
        for item in page.items:
            identity = str(item.get("id", ""))
            if items.setdefault(identity, item) is not item and number > 1:
                raise _wrong(catalogue, f"page {number} repeats {identity}")
        if page.matched is not None:
            totals.add(page.matched)
        if len(totals) > 1:
            raise _wrong(catalogue, f"the total changed from page to page: {sorted(totals)}")
        if page.next_start is not None and page.next_start != len(items):
            raise _wrong(catalogue, f"page {number + 1} would begin at {page.next_start}, {len(items)} items are here")
        if number >= _MOST_PAGES:
            raise _wrong(catalogue, f"more than {_MOST_PAGES} pages")
    if totals and totals != {len(items)}:
        raise _wrong(catalogue, f"{len(items)} items came of {totals.pop()}")
    return list(items.values())


def _wrong(catalogue: str, what: str) -> ServiceError:
    return ServiceError("E1909", f"{catalogue}: {what}", "nothing of this listing")
