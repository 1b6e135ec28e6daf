"""The rhythm of tracks: measured from what came, and the alarm when it stops."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.imagery.cadence import Seen, cadences

START = datetime(2026, 1, 1, 20, 43, tzinfo=UTC)
TRACK = Track(46, Direction.DESCENDING)


def passes(days: list[float], platform: str = "sentinel-1a", track: Track | None = TRACK) -> list[Seen]:
    sensor = Sensor.S1 if track else Sensor.S2
    return [Seen(sensor, platform, track, START + timedelta(days=day)) for day in days]


@given(st.integers(4, 30), st.sampled_from([5.0, 6.0, 12.0]), st.randoms())
def test_a_steady_rhythm_is_measured_whatever_the_order(count: int, gap: float, draw: random.Random) -> None:
    seen = passes([gap * k for k in range(count)])
    draw.shuffle(seen)
    [found] = cadences(seen)
    assert found.usual_gap_days == gap and found.measured and found.passes == {"sentinel-1a": count}


def test_two_satellites_on_one_track_are_one_rhythm() -> None:
    [found] = cadences([*passes([0, 12, 24, 36]), *passes([6, 18, 30], "sentinel-1c")])
    assert found.usual_gap_days == 6.0 and found.passes == {"sentinel-1a": 4, "sentinel-1c": 3}
    assert "every 6 days" in found.text and "sentinel-1c 3" in found.text


def test_slices_of_one_pass_are_one_pass() -> None:
    [found] = cadences(passes([0, 0.0003, 12, 12.0003, 24, 36]))
    assert found.passes == {"sentinel-1a": 4} and found.usual_gap_days == 12.0


def test_too_few_passes_leave_the_nominal_revisit() -> None:
    [found] = cadences(passes([0, 7], track=None, platform="sentinel-2a"))
    assert not found.measured and found.usual_gap_days == 5.0 and "nominally" in found.text


@pytest.mark.parametrize(("silence", "alarmed"), [(12, False), (26, False), (27, True), (80, True), (91, False)])
def test_silence_beyond_twice_the_rhythm_is_an_alarm_until_it_is_over(silence: float, alarmed: bool) -> None:
    [found] = cadences(passes([0, 12, 24, 36]))
    assert (found.silent_days(found.last + timedelta(days=silence)) is not None) is alarmed
