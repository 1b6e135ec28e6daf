"""What happens to the ground: fills of known outline and date, and the real changes of a season that are none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
from shapely.geometry import Polygon

from sat_monitor.simulate.cover import FOREST, Cover
from sat_monitor.simulate.plots import Land, Plot, blob, hall, take_plot

#: Smallest and largest fill, m2; sizes between them are even in the logarithm.
SMALLEST_M2, LARGEST_M2 = 500.0, 15_000.0
#: First and last day on which a fill is begun, days before the world's last day: March to July before a 30 September.
EARLIEST, LATEST = 213, 62
#: A truck tips within so many pixels of a road.
_REACH_PX = 12


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to a plot: cleared from `cleared_on`, covered from `filled_on` until `ready_on`.

    `becomes` is None for a fill (bare worked soil), else the cover that grows or stands there afterwards.
    """

    id: str
    plot: Plot
    cleared_on: date
    filled_on: date
    ready_on: date
    becomes: Cover | None

    @property
    def outline(self) -> Polygon:
        """Outline in metres of the AOI's EPSG."""
        return self.plot.outline

    @property
    def area_m2(self) -> float:
        """Area of the outline, m2."""
        return float(self.plot.outline.area)

    @property
    def setting(self) -> str:
        """Name of the cover that was there."""
        return self.plot.cover.name.lower()


def fills_of(land: Land, prefix: str, count: int, last: date, rng: np.random.Generator) -> tuple[Event, ...]:
    """`count` fills in forest or grass near a road, sizes and first days spread evenly, in order of time.

    Raises ValueError where the land has no room for them.
    """
    spread = (np.arange(count) + rng.uniform(0.0, 1.0, (2, count))) / max(1, count)
    # The largest is placed first, while there is room for it.
    areas = SMALLEST_M2 * (LARGEST_M2 / SMALLEST_M2) ** spread[0][::-1]
    before = rng.permutation(LATEST + (EARLIEST - LATEST) * spread[1])
    within_reach = land.near(Cover.ROAD, _REACH_PX)
    begun = []
    for area, days in zip(areas, before, strict=True):
        plot = take_plot(land, (*FOREST, Cover.GRASS), within_reach, partial(blob, float(area)), rng)
        if plot is None:
            raise ValueError(
                f"{prefix}: no room for {count} fills of up to {LARGEST_M2:g} m2; fewer, or a larger place"
            )
        begun.append((last - timedelta(days=int(days)), plot))
    begun.sort(key=lambda pair: pair[0])
    return tuple(_fill(f"{prefix}-fill-{n}", plot, day, rng) for n, (day, plot) in enumerate(begun, start=1))


def confusers_of(land: Land, last: date, rng: np.random.Generator) -> tuple[Event, ...]:
    """A clear-cut that herbs close over, and a new hall among fields; where there is no room for one, there is none."""
    anywhere = np.ones(land.grid.shape, bool)
    plans = (
        ("clear-cut", take_plot(land, FOREST, anywhere, partial(blob, 6000.0), rng), Cover.GRASS, 70),
        ("hall", take_plot(land, (Cover.FIELD,), anywhere, partial(hall, 1500.0), rng), Cover.TOWN, 40),
    )
    events = []
    for name, plot, becomes, lasting in plans:
        day = last - timedelta(days=int(rng.integers(100, 190)))
        begun, ready = day + timedelta(days=10), day + timedelta(days=lasting)
        if plot is not None:
            events.append(Event(name, plot, day, begun, ready, becomes))
    return tuple(events)


def _fill(name: str, plot: Plot, cleared: date, rng: np.random.Generator) -> Event:
    """Cleared, a pause, soil over weeks, and bare since."""
    filled = cleared + timedelta(days=int(rng.integers(8, 30)))
    return Event(name, plot, cleared, filled, filled + timedelta(days=int(rng.integers(20, 60))), None)
