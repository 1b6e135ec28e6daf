"""Which simulated worlds an evaluation builds: read from a TOML file, so that others examine with theirs."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date, timedelta

from pydantic import Field, ValidationError, model_validator
from shapely.geometry import box

from sat_monitor.core.domain import AOI
from sat_monitor.core.errors import ProfileError
from sat_monitor.core.grid import reproject, transformer
from sat_monitor.core.profile import Section
from sat_monitor.imagery.aois import aoi_from_outline, utm_epsg
from sat_monitor.simulate.events import EARLIEST, LATEST
from sat_monitor.simulate.world import World, WorldSpec, build_world


class PlaceSettings(Section):
    """Where the world lies and how large it is."""

    side_px: int = Field(512, ge=48, le=4096, description="side of the square, pixels of 10 m")
    lon: float = Field(139.245, ge=-180.0, le=180.0, description="longitude of its middle, degrees")
    lat: float = Field(35.705, ge=-60.0, le=60.0, description="latitude of its middle, degrees")
    island: bool = Field(False, description="a volcanic island instead of wooded hills")


class EventSettings(Section):
    """How much happens."""

    earthworks_per_km2_year: float = Field(
        0.3, ge=0.0, le=20.0, description="earthworks begun per km2 and year of the days on which they may begin"
    )


class WorldPlan(Section):
    """Everything that the worlds of an evaluation are made from."""

    name: str = Field("world", min_length=1, max_length=40, pattern=r"^[a-z0-9_-]+$", description="name of the worlds")
    seeds: tuple[int, ...] = Field(tuple(range(101, 111)), min_length=1, description="one world each")
    first: date = Field(date(2024, 10, 1), description="first day of imagery (UTC)")
    last: date = Field(date(2026, 9, 30), description="last day of imagery (UTC)")
    history_days: int = Field(365, ge=90, le=2000, description="days at the beginning whose scenes are history only")
    place: PlaceSettings = PlaceSettings()
    events: EventSettings = EventSettings()

    @model_validator(mode="after")
    def _ordered(self) -> WorldPlan:
        if self.first + timedelta(days=self.history_days) >= self.last:
            raise ValueError(f"{self.history_days} history_days leave nothing between {self.first} and {self.last}")
        return self

    @property
    def first_look(self) -> date:
        """The day (UTC) from which scenes are looks."""
        return self.first + timedelta(days=self.history_days)


def parse_plan(text: str) -> WorldPlan:
    """A plan from TOML text; anything unknown, out of bounds or contradictory raises ProfileError (E1601)."""
    try:
        return WorldPlan.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError("E1601", f"world: not TOML: {error}") from error
    except ValidationError as error:
        rows = (f"{'.'.join(map(str, row['loc'])) or 'world'}: {row['msg']}" for row in error.errors())
        raise ProfileError("E1601", "; ".join(rows)) from error


def seeds_of(plan: WorldPlan, count: int) -> Sequence[int]:
    """`count` seeds: those of the plan first, then the numbers after its largest."""
    more = range(max(plan.seeds) + 1, max(plan.seeds) + 1 + max(0, count - len(plan.seeds)))
    return (*plan.seeds, *more)[:count]


def world_of(plan: WorldPlan, seed: int) -> World:
    """The world of a plan for one seed; the same one every time."""
    years = (EARLIEST - LATEST) / 365.25
    place = plan.place
    km2 = (place.side_px * 10.0) ** 2 / 1e6
    fills = round(plan.events.earthworks_per_km2_year * km2 * years)
    return build_world(WorldSpec(_aoi(plan, seed), seed, plan.first, plan.last, fills, place.island))


def _aoi(plan: WorldPlan, seed: int) -> AOI:
    """A square about the place's middle, watched to its edge."""
    place, half = plan.place, plan.place.side_px * 10.0 / 2.0
    epsg = utm_epsg(place.lon, place.lat)
    x, y = (round(v, -1) for v in transformer(4326, epsg).transform(place.lon, place.lat))
    outline = reproject(box(x - half, y - half, x + half, y + half), epsg, 4326)
    name = f"{plan.name}-{seed}"
    return aoi_from_outline(name, outline, name, name, epsg=epsg, margin_m=0.0)
