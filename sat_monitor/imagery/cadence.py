"""How often each track and platform really comes, measured from the catalogue, and which of them have fallen silent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from sat_monitor.core.domain import Sensor, Track
from sat_monitor.imagery.sensors import SENSORS

#: Passes closer than this are one pass: slices, or two satellites on each other's heels.
_SAME = timedelta(hours=1)
#: Gaps that a usual gap is measured from, at least.
_ENOUGH = 3
#: A source may miss one pass and be late by this before it counts as silent, and is given up after this.
_LATENESS, _GIVEN_UP = timedelta(days=2), timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Seen:
    """One acquisition, as far as cadence goes."""

    sensor: Sensor
    platform: str
    track: Track | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Cadence:
    """The rhythm of one sensor and track over an AOI: passes by platform, the usual gap (days), the newest pass.

    `usual_gap_days` is the median, or the sensor's nominal revisit where there are too few passes to measure it.
    """

    sensor: Sensor
    track: Track | None
    passes: dict[str, int]
    usual_gap_days: float
    measured: bool
    last: datetime

    @property
    def label(self) -> str:
        """Sensor and track, as people name them."""
        return f"{self.sensor.value} {self.track.id}" if self.track else self.sensor.value

    @property
    def text(self) -> str:
        """One line: what comes how often, by which satellites."""
        gap = f"{'every' if self.measured else 'nominally every'} {self.usual_gap_days:g} days"
        passes = ", ".join(f"{platform} {count}" for platform, count in self.passes.items())
        return f"{self.label}: {gap}, last {self.last:%Y-%m-%d} ({passes})"

    def silent_days(self, now: datetime) -> float | None:
        """Days without a pass, where they are more than the revisit allows; None where all is well or long over."""
        silence = now - self.last
        allowed = timedelta(days=2.0 * self.usual_gap_days) + _LATENESS
        return silence / timedelta(days=1) if allowed < silence < _GIVEN_UP else None


def cadences(seen: Iterable[Seen]) -> list[Cadence]:
    """The rhythm of each sensor and track in `seen`, sorted."""
    groups: dict[tuple[Sensor, Track | None], list[Seen]] = defaultdict(list)
    for one in seen:
        groups[one.sensor, one.track].append(one)
    found = [_cadence(sensor, track, group) for (sensor, track), group in groups.items()]
    return sorted(found, key=lambda c: c.label)


def _cadence(sensor: Sensor, track: Track | None, group: list[Seen]) -> Cadence:
    group.sort(key=lambda one: one.at)
    passes: dict[str, int] = defaultdict(int)
    times: list[datetime] = []
    for one in group:
        if times and one.at - times[-1] < _SAME:
            continue
        times.append(one.at)
        passes[one.platform] += 1
    gaps = [(later - earlier) / timedelta(days=1) for earlier, later in pairwise(times)]
    measured = len(gaps) >= _ENOUGH
    usual = median(gaps) if measured else SENSORS[sensor].revisit_days
    return Cadence(sensor, track, dict(sorted(passes.items())), usual, measured, times[-1])
