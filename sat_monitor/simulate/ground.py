"""The state of the ground on a day: how green, and how far each event has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.cover import Cover
from sat_monitor.simulate.world import Event, World

#: Felling takes so long, days.
_FELLING_DAYS = 8.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Parts of each pixel (y, x) float32, 0..1: `green` leaf of the cover, `cleared` ground, `soil` of fills.

    `replaced` holds, per event that becomes another cover, that cover and its part of each pixel.
    """

    green: FloatArray
    cleared: FloatArray
    soil: FloatArray
    replaced: tuple[tuple[Cover, FloatArray], ...]

    @property
    def natural(self) -> FloatArray:
        """Part of each pixel that is still the old cover."""
        rest = np.float32(1.0) - self.cleared - self.soil
        for _, share in self.replaced:
            rest = rest - share
        return np.asarray(np.clip(rest, 0.0, 1.0), np.float32)


def ground_on(world: World, day: date) -> Ground:
    """The ground of `world` on `day` (UTC)."""
    shift = float(world.rng(3, day.year).normal(0.0, 5.0))
    green = world.cover.greenness(day.timetuple().tm_yday, shift)
    cleared = np.zeros(world.grid.shape, np.float32)
    soil = np.zeros(world.grid.shape, np.float32)
    for fill in world.fills:
        felled, covered = _stages(fill, day)
        soil += np.float32(covered) * fill.share
        cleared += np.float32(felled - covered) * fill.share
    return Ground(green, cleared, soil, _replaced(world.confusers, day, cleared))


def _replaced(events: Sequence[Event], day: date, cleared: FloatArray) -> tuple[tuple[Cover, FloatArray], ...]:
    """New cover of the confusers; ground that is felled but not yet grown over is added to `cleared`."""
    parts = []
    for event in events:
        felled, grown = _stages(event, day)
        cleared += np.float32(felled - grown) * event.share
        if grown > 0.0 and event.becomes is not None:
            parts.append((event.becomes, np.float32(grown) * event.share))
    return tuple(parts)


def _stages(event: Event, day: date) -> tuple[float, float]:
    """Share of the event's ground that is felled, and that is covered (never more), 0..1."""
    felled = _ramp((day - event.cleared_on).days, _FELLING_DAYS)
    covered = _ramp((day - event.covered_on).days, max(1.0, float((event.ready_on - event.covered_on).days)))
    return felled, min(felled, covered)


def _ramp(days: float, length: float) -> float:
    return float(np.clip(days / length, 0.0, 1.0))
