"""The state of the ground on a day: how green and how wet, and how far each event has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.events import Event
from sat_monitor.simulate.kinds import Cover
from sat_monitor.simulate.phenology import Season, season_on
from sat_monitor.simulate.world import Purpose, World

#: How far the spring of a year comes early or late, days.
_SPRING_SD = 5.0


@dataclass(frozen=True, slots=True)
class Patch:
    """An event that has begun: `natural` is the part of its window's pixels (y, x) that is as it was before.

    `brought` are the parts (y, x) under the surfaces that it brought.
    """

    event: Event
    natural: FloatArray
    brought: tuple[tuple[Cover, FloatArray], ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """The season of every unit of the land cover, the patches that events changed, and the day of year."""

    season: Season
    patches: tuple[Patch, ...]
    day_of_year: float


def ground_on(world: World, day: date) -> Ground:
    """The ground of `world` on `day` (UTC)."""
    day_of_year = float(day.timetuple().tm_yday)
    spring = np.float32(world.rng(Purpose.SPRING, day.year).normal(0.0, _SPRING_SD))
    cover = world.cover
    lasting, yearly = world.rng(Purpose.CROPS), world.rng(Purpose.FARMERS, day.year)
    season = season_on(day_of_year, cover.unit_cover, cover.unit_late + spring, lasting, yearly)
    begun = (event for event in (*world.fills, *world.confusers) if event.cleared_on < day)
    return Ground(season, tuple(_patch(event, day) for event in begun), day_of_year)


def part_of(world: World, ground: Ground, *covers: Cover) -> FloatArray:
    """Part of each pixel that events have brought under some surfaces, (y, x) float32."""
    whole = np.zeros(world.grid.shape, np.float32)
    for patch in ground.patches:
        for cover, part in patch.brought:
            if cover in covers:
                whole[patch.event.plot.window.slices] += part
    return whole


def _patch(event: Event, day: date) -> Patch:
    brought = tuple((cover, part) for cover, part in event.surfaces(day).items() if cover is not None)
    gone = sum((part for _, part in brought), np.zeros_like(event.plot.inside))
    return Patch(event, np.asarray(np.clip(1.0 - gone, 0.0, 1.0), np.float32), brought)
