"""Worlds from configurations for the tests of the simulation: small, short, of many events."""

from __future__ import annotations

from datetime import date

from sat_monitor.simulate.config import EventWorld, OpticalWorld, PlaceSettings, WorldConfig
from sat_monitor.simulate.world import World, build_world, spec_of

FIRST, LAST = date(2024, 10, 1), date(2026, 9, 30)


def config(side_px: int = 256, **parts: object) -> WorldConfig:
    """A configuration; `parts` are whole sections."""
    return WorldConfig.model_validate(
        {"name": "test", "first": FIRST, "last": LAST, "place": PlaceSettings(side_px=side_px), **parts}
    )


def busy(side_px: int = 256, seed: int = 11, optical: OpticalWorld | None = None) -> World:
    """A world with several earthworks of every kind."""
    events = EventWorld(
        earthworks_per_km2_year=4.0, confusers_per_earthwork=3.0, largest_m2=6000.0, quiet_days=200, last_days=60
    )
    return build_world(spec_of(config(side_px, events=events, optical=optical or OpticalWorld()), seed))
