"""How each kind of event goes: on which ground, how large, in which season, and by which steps. One row per kind.

Waits and lengths are days, drawn evenly between two values; a `chance` below 1 leaves a step out. Fills green over in
6 to 10 weeks of summer or stay bare but for their rim (METHOD 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
from shapely.geometry import Polygon

from sat_monitor.simulate.events import Spread, Step
from sat_monitor.simulate.kinds import FIELDS, FOREST, Cover, EventKind
from sat_monitor.simulate.plots import blob, hall, tongue

Span = tuple[float, float]
Draw = Callable[[float, np.random.Generator], Polygon]


@dataclass(frozen=True, slots=True)
class Link:
    """One step to be drawn: `wait` after the end of the one before, `lasting`, what it brings.

    `greening` marks herbs on finished ground, which come with the chance that the configuration states.
    """

    becomes: Cover | None
    wait: Span
    lasting: Span
    most: Span = (1.0, 1.0)
    spread: Spread = Spread.FRONT
    part: Span = (0.0, 1.0)
    chance: float = 1.0
    greening: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """Ground (`on`), size in m2 (None: as configured), steps, and where and when.

    `near` is a cover within so many pixels; `slope_deg` and `days` of year are from-to; `hollow` asks for ground that
    gathers water; `draw` is None for a whole field; `depth_m` of earthworks, even in the logarithm.
    """

    on: tuple[Cover, ...]
    links: tuple[Link, ...]
    area_m2: Span | None = None
    draw: Draw | None = blob
    near: tuple[Cover, int] | None = None
    slope_deg: Span = (0.0, 28.0)
    days: Span = (1.0, 366.0)
    hollow: bool = False
    depth_m: Span = (0.0, 0.0)


_WILD = (*FOREST, Cover.GRASS, Cover.ORCHARD)
_OPEN = (Cover.GRASS, Cover.BARE, Cover.UPLAND, Cover.PADDY)
#: Days in which a plot is felled; herbs on the rim of a finished work, and all over one that was seeded.
_FELL = Link(Cover.CLEARED, (0, 0), (4, 10))
_RIM = Link(Cover.HERBS, (0, 5), (50, 70), (0.6, 0.75), Spread.RIM)
_SEED = Link(Cover.HERBS, (10, 40), (42, 70), (0.75, 0.95), Spread.EVEN, greening=True)
_EVEN = Spread.EVEN


def _dump(part: int) -> tuple[Link, ...]:
    """One of four dumps in a year."""
    span, wait = (part / 4.0, (part + 1) / 4.0), (55.0, 95.0) if part else (0.0, 0.0)
    return Link(Cover.CLEARED, wait, (1, 3), part=span), Link(Cover.SOIL, (0, 4), (1, 4), part=span)


def _once(cover: Cover, lasting: Span, most: Span, stays: Span, returns: Span) -> tuple[Link, ...]:
    """A surface that comes evenly and goes again."""
    return Link(cover, (0, 0), lasting, most, _EVEN), Link(None, stays, returns, spread=_EVEN)


RECIPES: Mapping[EventKind, Recipe] = {
    EventKind.FILL: Recipe(
        _WILD, (_FELL, Link(Cover.SOIL, (0, 22), (6, 40)), _RIM, _SEED), near=(Cover.ROAD, 12), depth_m=(0.5, 6.0)),
    EventKind.FILL_OVER_MONTHS: Recipe(
        _WILD, (_FELL, Link(Cover.SOIL, (5, 25), (80, 260)), _RIM, _SEED), near=(Cover.ROAD, 12), hollow=True,
        depth_m=(1.0, 10.0)),
    EventKind.DUMPS: Recipe(
        _WILD, tuple(link for part in range(4) for link in _dump(part)), (1200.0, 1200.0), near=(Cover.ROAD, 8),
        depth_m=(0.5, 3.0)),
    EventKind.REDUMP: Recipe(
        _WILD,
        (_FELL, Link(Cover.SOIL, (0, 20), (8, 30)), Link(Cover.HERBS, (10, 30), (42, 70), (0.8, 0.95), _EVEN),
         Link(Cover.SOIL, (30, 150), (8, 30)), _RIM),
        near=(Cover.ROAD, 12), depth_m=(0.5, 5.0)),
    EventKind.CUT: Recipe(
        _WILD, (_FELL, Link(Cover.WORKED, (0, 20), (10, 50)), _RIM, _SEED), near=(Cover.ROAD, 12),
        slope_deg=(6.0, 30.0), depth_m=(-6.0, -0.5)),
    EventKind.STOCKPILE: Recipe(
        _OPEN, (Link(Cover.SOIL, (0, 0), (4, 25)), _RIM), near=(Cover.ROAD, 12), slope_deg=(0.0, 12.0),
        depth_m=(0.5, 6.0)),
    EventKind.PERMITTED_WORKS: Recipe(
        (*_WILD, *_OPEN),
        (_FELL, Link(Cover.SOIL, (5, 30), (25, 90)), Link(Cover.WORKED, (5, 20), (10, 30)),
         Link(Cover.ROOF, (20, 60), (40, 90), (0.5, 0.8), chance=0.5)),
        near=(Cover.ROAD, 12), slope_deg=(0.0, 18.0), depth_m=(0.5, 5.0)),
    EventKind.HARVEST: Recipe(
        (*FIELDS,), _once(Cover.STUBBLE, (1, 3), (1, 1), (30, 80), (15, 40)), draw=None, days=(130, 320)),
    EventKind.PLOUGHING: Recipe(
        (*FIELDS,), _once(Cover.TILLED, (1, 2), (1, 1), (30, 100), (20, 50)), draw=None),
    EventKind.LEAF_OFF: Recipe(
        (Cover.BROADLEAF,), _once(Cover.BRANCHES, (12, 30), (0.5, 0.9), (25, 120), (20, 40)), (3_000, 40_000),
        days=(135, 300), slope_deg=(0.0, 40.0)),
    EventKind.THINNING: Recipe(
        (Cover.CONIFER,), _once(Cover.UNDERGROWTH, (20, 60), (0.25, 0.4), (250, 400), (300, 500)), (4_000, 40_000),
        slope_deg=(0.0, 35.0)),
    EventKind.CLEAR_CUT: Recipe(
        (Cover.CONIFER, Cover.BROADLEAF),
        (Link(Cover.CLEARED, (0, 0), (10, 40)), Link(Cover.HERBS, (20, 60), (60, 120), (0.8, 0.95), _EVEN)),
        (2_000, 40_000), slope_deg=(0.0, 35.0)),
    EventKind.FIRE: Recipe(
        (Cover.GRASS, Cover.CONIFER, Cover.BROADLEAF),
        (Link(Cover.ASH, (0, 0), (1, 2)), Link(Cover.HERBS, (25, 60), (60, 120), (0.7, 0.9), _EVEN)),
        (1_000, 25_000), days=(10, 130), slope_deg=(0.0, 40.0)),
    EventKind.DROUGHT: Recipe(
        (Cover.GRASS, Cover.UPLAND, Cover.BROADLEAF), _once(Cover.WITHERED, (15, 30), (0.4, 0.75), (10, 30), (15, 40)),
        (4_000, 50_000), days=(190, 250), slope_deg=(0.0, 40.0)),
    EventKind.FLOOD: Recipe(
        (*FIELDS, Cover.GRASS, Cover.BARE, Cover.ORCHARD),
        (Link(Cover.FLOODWATER, (0, 0), (1, 1), spread=_EVEN), Link(Cover.MUD, (1, 5), (1, 3), spread=_EVEN),
         Link(None, (15, 50), (20, 40), spread=_EVEN)),
        (2_000, 30_000), near=(Cover.WATER, 15), days=(160, 290)),
    EventKind.LANDSLIDE: Recipe(
        FOREST, (Link(Cover.DEBRIS, (0, 0), (1, 1)), Link(Cover.HERBS, (60, 200), (100, 200), (0.3, 0.6), _EVEN)),
        (300, 5_000), tongue, slope_deg=(18.0, 50.0), days=(160, 290)),
    EventKind.SOLAR_FARM: Recipe(
        (*_WILD, Cover.UPLAND), (_FELL, Link(Cover.PANELS, (15, 60), (25, 80), (0.7, 0.9))), (1_500, 25_000), hall,
        slope_deg=(0.0, 20.0)),
    EventKind.NEW_ROOF: Recipe(
        (Cover.TOWN, Cover.UPLAND, Cover.BARE), (Link(Cover.WORKED, (0, 0), (5, 12)),
         Link(Cover.ROOF, (25, 90), (20, 60), (0.9, 1.0))),
        (300, 4_000), hall, near=(Cover.TOWN, 15)),
    EventKind.GREENHOUSE: Recipe(
        (*FIELDS, Cover.ORCHARD), (Link(Cover.PLASTIC, (0, 0), (3, 12), (0.85, 1.0)),), (300, 3_000), hall),
    EventKind.QUARRY_WORK: Recipe(
        (Cover.QUARRY,), (Link(Cover.CUT_ROCK, (0, 0), (20, 150)),), (500, 6_000), slope_deg=(0.0, 60.0)),
    EventKind.SNOW: Recipe(
        (Cover.GRASS, Cover.UPLAND, Cover.BARE, Cover.BROADLEAF, Cover.VOLCANIC),
        _once(Cover.SNOW, (1, 1), (0.7, 0.95), (4, 20), (3, 8)), (2_000, 50_000), days=(5, 75),
        slope_deg=(0.0, 40.0)),
}  # fmt: skip


def steps_of(links: tuple[Link, ...], day: date, seeded: float, rng: np.random.Generator) -> tuple[Step, ...]:
    """Steps from `day` on; `seeded` is the chance that finished ground greens over."""
    steps: list[Step] = []
    end = day
    for link in links:
        wait, lasting = (max(0, round(rng.uniform(*span))) for span in (link.wait, link.lasting))
        most, left_out = float(rng.uniform(*link.most)), rng.random() >= (seeded if link.greening else link.chance)
        if left_out:
            continue
        begin = end + timedelta(days=wait)
        steps.append(Step(begin, float(max(1, lasting)), link.becomes, most, link.spread, link.part))
        # Herbs on a rim grow while other things happen.
        end = end if link.spread is Spread.RIM else steps[-1].end
    return tuple(steps)


def outline_of(recipe: Recipe, area_m2: float) -> Callable[[np.random.Generator], Polygon] | None:
    """Draws an outline of that size; None for a recipe that takes a whole field."""
    return None if recipe.draw is None else partial(recipe.draw, area_m2)
