"""Which simulated worlds an evaluation builds, and from which day on their scenes are looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sat_monitor.core.errors import UsageError
from sat_monitor.simulate.config import WorldConfig
from sat_monitor.simulate.world import World, build_world, spec_of

#: Days at the beginning whose scenes are history only, where no earthwork begins in them anyhow: references need them.
_HISTORY_DAYS = 180


def seeds_of(config: WorldConfig, count: int) -> Sequence[int]:
    """`count` seeds: those of the configuration first, then the numbers after its largest."""
    more = range(max(config.seeds) + 1, max(config.seeds) + 1 + max(0, count - len(config.seeds)))
    return (*config.seeds, *more)[:count]


def first_look(config: WorldConfig) -> date:
    """The day (UTC) from which scenes are looks: earthworks begin then; E2001 where nothing would be left."""
    day = config.first + timedelta(days=max(_HISTORY_DAYS, config.events.quiet_days))
    if day >= config.last:
        raise UsageError("E2001", f"world {config.name}: looks begin on {day}, its last day is {config.last}")
    return day


def world_of(config: WorldConfig, seed: int) -> World:
    """The world of a configuration for one seed; the same one every time."""
    return build_world(spec_of(config, seed))
