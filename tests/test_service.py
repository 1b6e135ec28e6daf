"""What is known of a service: addresses that may be asked, rates that are kept, and what of a URL may be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.imagery.service import Pace, Service, check_address, public
from tests.imagery_world import raises_code

SERVICE = Service("one", frozenset({"api.example.com", "127.0.0.1:8080", "api.example.com:8443"}))


@pytest.mark.parametrize(
    "url",
    ["https://api.example.com/x?y=1", "https://api.example.com:8443/", "http://127.0.0.1:8080/token"],
)
def test_listed_addresses_may_be_asked(url: str) -> None:
    check_address(url, SERVICE)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/x", "https://api.example.com.evil.org/", "https://evil.org/?api.example.com",
        "https://evil.org/api.example.com", "https://api.example.com@evil.org/", "https://user@api.example.com/",
        "https://127.0.0.1/", "http://127.0.0.1:8081/", "ftp://api.example.com/", "file:///etc/passwd", "//api.example.com/",
        "https://API.EXAMPLE.COM.:443/", "https://api.example.com:444/", "http://169.254.169.254/latest", "",
    ],
)  # fmt: skip
def test_all_others_may_not(url: str) -> None:
    with raises_code("E1907"):
        check_address(url, SERVICE)


def test_keys_in_a_url_are_not_shown() -> None:
    assert public("https://me:key@host:1/a/b?sig=key#key") == "https://host:1/a/b"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 20.0)), min_size=1, max_size=60))
def test_no_minute_sees_more_than_the_rate_and_a_burst(asked: list[tuple[float, float]]) -> None:
    clock = Clock()
    service = Service("one", frozenset(), requests_per_minute=60.0, units_per_minute=120.0)
    pace = Pace(service, clock)
    left: list[tuple[float, float]] = []
    for pause, units in asked:
        clock.now += pause
        wait = pace.take(units)
        assert wait >= 0.0
        left.append((clock.now + wait, units))
    for start, _ in left:
        inside = [units for at, units in left if start <= at < start + 60.0]
        # A burst may leave at once after a rest, and the last one may be as large as it likes.
        assert len(inside) <= 60 + Pace.BURST_S + 1
        assert sum(inside) - max(inside) <= 120.0 * (60.0 + Pace.BURST_S) / 60.0 + 1e-6


def test_a_told_wait_holds_for_all() -> None:
    clock = Clock()
    pace = Pace(SERVICE, clock)
    assert pace.take(0.0) == 0.0
    pace.hold(30.0)
    assert pace.held_s() == 30.0 and pace.take(0.0) >= 30.0
    pace.hold(10.0)
    assert pace.held_s() == 30.0
    clock.now = 31.0
    assert pace.held_s() == 0.0
