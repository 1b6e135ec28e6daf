"""The state of the ground on a day: how green and how wet, and how far each event has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.cover import Cover
from sat_monitor.simulate.events import Event
from sat_monitor.simulate.phenology import fields_on, leaf, leaf_of
from sat_monitor.simulate.world import World

#: Felling takes so long, and herbs so long to close over a rim once the work is done, days.
_FELLING_DAYS, _RIM_DAYS = 8.0, 60.0
#: Most of a rim that herbs ever cover.
_RIM_GREEN = 0.7


@dataclass(frozen=True, slots=True)
class NewCover:
    """A cover that an event brought: its class, its green leaf today (0..1) and its part of each pixel (y, x)."""

    cover: Cover
    green: float
    share: FloatArray


@dataclass(frozen=True, slots=True)
class Ground:
    """Parts of each pixel (y, x) float32, 0..1: `green` leaf of the old cover, its `flooded` and freshly `ploughed`
    parts, `cleared` ground, `soil` of fills, and what else the events brought.
    """

    green: FloatArray
    flooded: FloatArray
    ploughed: FloatArray
    cleared: FloatArray
    soil: FloatArray
    brought: tuple[NewCover, ...]

    @property
    def natural(self) -> FloatArray:
        """Part of each pixel that is still the old cover."""
        rest = np.float32(1.0) - self.cleared - self.soil
        for new in self.brought:
            rest = rest - new.share
        return np.asarray(np.clip(rest, 0.0, 1.0), np.float32)


def ground_on(world: World, day: date) -> Ground:
    """The ground of `world` on `day` (UTC)."""
    season = float(day.timetuple().tm_yday)
    late = float(world.rng(3, day.year).normal(0.0, 5.0))
    cover = world.cover
    field = cover.where(Cover.FIELD)
    fields = fields_on(season, int(cover.parcel.max()) + 1, world.rng(8), world.rng(9, day.year), late)
    green = np.where(
        field, fields.green[cover.parcel], leaf(cover.classes, cover.shift_days + np.float32(late), season)
    )
    cleared, soil = np.zeros(world.grid.shape, np.float32), np.zeros(world.grid.shape, np.float32)
    brought = []
    for event in (*world.fills, *world.confusers):
        new, covered = _new_cover(event, day), _covered(event, day)
        cleared += np.float32(_felled(event, day) - covered) * event.plot.share
        if event.becomes is None:
            soil += np.float32(covered) * event.plot.share - (new.share if new else np.float32(0.0))
        brought += [new] if new else []
    return Ground(
        green=green.astype(np.float32),
        flooded=fields.flooded[cover.parcel] * field,
        ploughed=fields.ploughed[cover.parcel] * field,
        cleared=cleared,
        soil=soil,
        brought=tuple(brought),
    )


def _new_cover(event: Event, day: date) -> NewCover | None:
    """What grows or stands on the event's ground: the new cover, or the herbs at the rim of a fill; None before."""
    if event.becomes is not None:
        part, cover, share = _covered(event, day), event.becomes, event.plot.share
    else:
        part = _RIM_GREEN * _ramp((day - event.ready_on).days, _RIM_DAYS)
        cover, share = Cover.GRASS, event.plot.rim
    if part == 0.0:
        return None
    return NewCover(cover, leaf_of(cover, day.timetuple().tm_yday), np.float32(part) * share)


def _felled(event: Event, day: date) -> float:
    return _ramp((day - event.cleared_on).days, _FELLING_DAYS)


def _covered(event: Event, day: date) -> float:
    """Share of the event's ground that is covered, never more than is felled, 0..1."""
    length = max(1.0, float((event.ready_on - event.filled_on).days))
    return min(_felled(event, day), _ramp((day - event.filled_on).days, length))


def _ramp(days: float, length: float) -> float:
    return float(np.clip(days / length, 0.0, 1.0))
