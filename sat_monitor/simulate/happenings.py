"""Which events a world has: how many of each kind, how large, when, and where there is room for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from sat_monitor.simulate.config import EventWorld
from sat_monitor.simulate.events import Event
from sat_monitor.simulate.kinds import EventKind
from sat_monitor.simulate.plots import Land, take_parcel, take_plot
from sat_monitor.simulate.recipes import RECIPES, Recipe, outline_of, steps_of

#: Sizes of the fills of a demonstration, m2, and the days before its last day on which they are begun.
SMALLEST_M2, LARGEST_M2 = 500.0, 15_000.0
EARLIEST, LATEST = 213, 62
#: Brightness of soils against their mean: dark Kanto loam to pale rubble.
_TONE_SD, _TONES = 0.12, (0.75, 1.3)
#: A work that finds no room is tried again at this part of its size.
_SMALLER = 0.6
#: Ground around the middle of an event may be steeper than its recipe says by this much, degrees.
_ROUGH_DEG = 4.0
_M2_PER_KM2, _DAYS_PER_YEAR = 1e6, 365.25


@dataclass(frozen=True, slots=True)
class Happening:
    """An event before it has a place."""

    kind: EventKind
    day: date
    area_m2: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """Days (UTC) from `first` to `last` of a world."""

    first: date
    last: date

    @property
    def years(self) -> float:
        """Length, years."""
        return max(0, (self.last - self.first).days + 1) / _DAYS_PER_YEAR

    def day_at(self, share: float) -> date:
        """The day at a share (0..1) of the span."""
        return self.first + timedelta(days=int(share * (self.last - self.first).days))


def open_span(span: Span, events: EventWorld) -> Span:
    """The days on which earthworks may begin."""
    return Span(span.first + timedelta(days=events.quiet_days), span.last - timedelta(days=events.last_days))


def fills_of(land: Land, prefix: str, count: int, last: date, rng: np.random.Generator) -> tuple[Event, ...]:
    """`count` fills of a demonstration, sizes and first days spread evenly, in order of time.

    Raises ValueError where the land has no room for them.
    """
    spread = (np.arange(count) + rng.uniform(0.0, 1.0, (2, count))) / max(1, count)
    # The largest is placed first, while there is room for it.
    areas = SMALLEST_M2 * (LARGEST_M2 / SMALLEST_M2) ** spread[0][::-1]
    before = rng.permutation(LATEST + (EARLIEST - LATEST) * spread[1])
    plans = [
        Happening(EventKind.FILL, last - timedelta(days=int(days)), float(area))
        for area, days in zip(areas, before, strict=True)
    ]
    placed = [_placed(land, plan, 0.0, rng) for plan in plans]
    fills = [event for event in placed if event is not None]
    if len(fills) < count:
        raise ValueError(f"{prefix}: no room for {count} fills of up to {LARGEST_M2:g} m2; fewer, or a larger place")
    return _numbered(fills, f"{prefix}-fill")


def confusers_of(land: Land, last: date, rng: np.random.Generator) -> tuple[Event, ...]:
    """The confusers of a demonstration: a clear-cut and a greenhouse; where there is no room for one, there is none."""
    plans = (("clear-cut", EventKind.CLEAR_CUT, 6000.0), ("greenhouse", EventKind.GREENHOUSE, 1500.0))
    events = []
    for name, kind, area in plans:
        event = _placed(land, Happening(kind, last - timedelta(days=int(rng.integers(100, 190))), area), 0.0, rng)
        events += [] if event is None else [replace(event, id=name)]
    return tuple(events)


def earthworks_by_rate(land: Land, prefix: str, span: Span, events: EventWorld, rng: np.random.Generator) -> tuple[Event, ...]:  # fmt: skip
    """Earthworks at the configured rate and mix, in order of time; sizes even in the logarithm, days even in time.

    Raises ValueError where the land has no room for them.
    """
    begin = open_span(span, events)
    km2 = land.grid.height * land.grid.width * land.grid.pixel_m**2 / _M2_PER_KM2
    count = int(events.earthworks_per_km2_year * km2 * begin.years + rng.random())
    spread = (np.arange(count) + rng.uniform(0.0, 1.0, (2, count))) / max(1, count)
    sizes = events.smallest_m2 * (events.largest_m2 / events.smallest_m2) ** spread[0][::-1]
    kinds, days = rng.permutation(_kinds(events.earthworks, count)), rng.permutation(spread[1])
    plans = [
        Happening(EventKind(kind), begin.day_at(float(when)), float(size))
        for kind, size, when in zip(kinds, sizes, days, strict=True)
    ]
    placed = [_placed_or_smaller(land, plan, events, rng) for plan in plans]
    made = [event for event in placed if event is not None]
    if len(made) < count:
        raise ValueError(f"{prefix}: no room for {count} earthworks of up to {events.largest_m2:g} m2")
    return _numbered(made, f"{prefix}-earthwork")


def confusers_by_rate(land: Land, prefix: str, span: Span, events: EventWorld, rng: np.random.Generator) -> tuple[Event, ...]:  # fmt: skip
    """Confusers at the configured rate and mix, in order of time.

    A kind for which the land has no room gives its place to the kinds that have some.
    """
    km2 = land.grid.height * land.grid.width * land.grid.pixel_m**2 / _M2_PER_KM2
    rate = events.earthworks_per_km2_year * events.confusers_per_earthwork
    count = int(rate * km2 * span.years + rng.random())
    made: list[Event] = []
    full: set[EventKind] = set()
    while len(made) < count and len(full) < len(events.confusers):
        mix = {kind: weight for kind, weight in events.confusers.items() if kind not in full and weight > 0.0}
        if not mix:
            break
        for name in rng.permutation(_kinds(mix, count - len(made))):
            kind = EventKind(name)
            event = None if kind in full else _confuser(land, kind, span, rng)
            full |= set() if event is not None else {kind}
            made += [] if event is None else [event]
    return _numbered(made, f"{prefix}-confuser")


def _confuser(land: Land, kind: EventKind, span: Span, rng: np.random.Generator) -> Event | None:
    """A confuser on a day of its season, the smallest of its kind where there is no room for more; None where none is."""
    recipe = RECIPES[kind]
    day = _day_in_season(recipe, span, rng)
    if day is None:
        return None
    event = _placed(land, Happening(kind, day, None), 0.0, rng)
    if event is None and recipe.area_m2 is not None:
        event = _placed(land, Happening(kind, day, recipe.area_m2[0]), 0.0, rng)
    return event


def _numbered(events: Iterable[Event], prefix: str) -> tuple[Event, ...]:
    """The events in order of time, with their ids."""
    ordered = sorted(events, key=lambda event: event.cleared_on)
    return tuple(replace(event, id=f"{prefix}-{n}") for n, event in enumerate(ordered, start=1))


def _kinds(mix: Mapping[EventKind, float], count: int) -> list[str]:
    """`count` kinds in the proportions of a mix, by largest remainders."""
    names, weights = [kind.value for kind in mix], np.array([*mix.values()], np.float64)
    exact = count * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    largest = np.argsort(whole - exact, kind="stable")[: count - int(whole.sum())]
    whole[largest] += 1
    return [name for name, times in zip(names, whole.tolist(), strict=True) for _ in range(times)]


def _day_in_season(recipe: Recipe, span: Span, rng: np.random.Generator) -> date | None:
    """A day of the span within the recipe's days of year; None where there is none."""
    days = [span.first + timedelta(days=n) for n in range((span.last - span.first).days)]
    fit = [day for day in days if recipe.days[0] <= day.timetuple().tm_yday <= recipe.days[1]]
    return fit[int(rng.integers(len(fit)))] if fit else None


def _placed_or_smaller(land: Land, plan: Happening, events: EventWorld, rng: np.random.Generator) -> Event | None:
    """The event at a place that suits its kind, smaller where there is no room for its size; None where there is none."""
    area = plan.area_m2 or events.smallest_m2
    while area >= events.smallest_m2:
        event = _placed(land, replace(plan, area_m2=area), events.seeded, rng)
        if event is not None:
            return event
        area *= _SMALLER
    return None


def _placed(land: Land, plan: Happening, seeded: float, rng: np.random.Generator) -> Event | None:
    """The event at a place that suits its kind; None where there is no room."""
    recipe = RECIPES[plan.kind]
    area = _area(recipe, plan.area_m2, rng)
    slope = land.terrain.slope_deg
    good = land.cover.where(*recipe.on) & (slope <= recipe.slope_deg[1] + _ROUGH_DEG)
    middles = good & (slope >= recipe.slope_deg[0]) & (slope <= recipe.slope_deg[1])
    middles &= land.near(*recipe.near) if recipe.near is not None else good
    wished = middles & land.terrain.hollow if recipe.hollow else middles
    draw = outline_of(recipe, area)
    for where in (wished, middles) if recipe.hollow else (middles,):
        plot = take_parcel(land, good, where, rng) if draw is None else take_plot(land, good, where, draw, rng)
        if plot is not None:
            break
    else:
        return None
    low, high = recipe.depth_m
    depth = float(np.sign(low) * np.exp(rng.uniform(*sorted(np.log(np.abs((low, high))))))) if low else 0.0
    tone = float(np.clip(rng.normal(1.0, _TONE_SD), *_TONES))
    return Event("", plan.kind, plot, steps_of(recipe.links, plan.day, seeded, rng), depth, tone)


def _area(recipe: Recipe, wanted_m2: float | None, rng: np.random.Generator) -> float:
    """The wanted size; where a recipe has sizes of its own, one of those, even in the logarithm."""
    if recipe.area_m2 is None:
        return wanted_m2 or SMALLEST_M2
    low, high = recipe.area_m2
    return (
        wanted_m2 if wanted_m2 is not None and low <= wanted_m2 <= high else float(low * (high / low) ** rng.random())
    )
