"""Pages of a catalogue: whole, each item once, or not at all."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.imagery.paging import Page, all_items
from tests.imagery_world import raises_code


def items(*names: int | str) -> tuple[dict[str, str], ...]:
    return tuple({"id": str(name)} for name in names)


@given(st.integers(0, 40), st.integers(1, 12), st.booleans(), st.booleans())
def test_pages_in_order_are_the_whole(total: int, size: int, counted: bool, placed: bool) -> None:
    everything = items(*range(total))
    pages = [
        Page(
            everything[start : start + size],
            total if counted else None,
            start + size if placed and start + size < total else None,
        )
        for start in range(0, max(total, 1), size)
    ]
    assert all_items(pages, "one") == list(everything)


WRONG = {
    "a page again": [Page(items(1, 2)), Page(items(1, 2))],
    "one item again": [Page(items(1, 2)), Page(items(2, 3))],
    "a page missing": [Page(items(1, 2), None, 4), Page(items(5))],
    "too few": [Page(items(1, 2), 5), Page(items(3), 5)],
    "too many": [Page(items(1, 2), 2), Page(items(3), 2)],
    "a total that changes": [Page(items(1, 2), 3), Page(items(3), 4)],
    "none of some": [Page((), 7)],
}


@pytest.mark.parametrize("name", WRONG)
def test_pages_that_do_not_add_up_are_refused(name: str) -> None:
    with raises_code("E1909"):
        all_items(WRONG[name], "one")


def test_pages_without_end_are_refused() -> None:
    with raises_code("E1909"):
        all_items((Page(items(n)) for n in count()), "one")


def test_an_item_that_a_page_lists_twice_is_one_item() -> None:
    assert len(all_items([Page(items(1, 1, 2), 2)], "one")) == 2
