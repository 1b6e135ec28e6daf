"""The configuration of a simulated world: one frozen, bounded record, read from TOML, so that others examine with theirs.

What a file leaves out keeps its default; unknown keys, values out of bounds and contradictions are refused (E1601).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from pydantic import Field, ValidationError, model_validator

from sat_monitor.core.domain import Direction, Track
from sat_monitor.core.errors import ProfileError
from sat_monitor.core.profile import Section
from sat_monitor.simulate.kinds import CONFUSERS, EARTHWORKS, EventKind


class Landscape(StrEnum):
    """The shapes that the ground can have."""

    HILLS = "hills"
    ISLAND = "island"


class PlaceSettings(Section):
    """Where the world lies and how large it is."""

    landscape: Landscape = Field(Landscape.HILLS, description="wooded hills over valley floors, or a volcanic island")
    side_px: int = Field(512, ge=64, le=4096, description="side of the square, pixels of 10 m")
    lon: float = Field(139.245, ge=-180.0, le=180.0, description="longitude of its middle, degrees")
    lat: float = Field(35.705, ge=-60.0, le=60.0, description="latitude of its middle, degrees")


class OpticalWorld(Section):
    """Sentinel-2: rhythm, sky, and the mistakes of its scene classification."""

    every_days: int = Field(5, ge=1, le=30, description="days between two scenes")
    tsuyu_days: tuple[float, float] = Field(
        (22.0, 34.0), description="shortest and longest spell of the rainy season under overcast sky, days"
    )
    typhoon_days: tuple[float, float] = Field(
        (22.0, 34.0), description="shortest and longest spell of typhoons and autumn rain under overcast sky, days"
    )
    cloudiness: float = Field(
        1.0, ge=0.0, le=2.0, description="factor of the mean cloud share outside of these spells (1 = western Tokyo)"
    )
    veil_chance: float = Field(0.45, ge=0.0, le=1.0, description="share of scenes with veils of thin cloud")
    thin_cloud_missed: float = Field(
        0.25, ge=0.0, le=1.0, description="share of thin cloud (opacity below 0.35) that the classification calls clear"
    )
    shadow_missed: float = Field(
        0.35, ge=0.0, le=1.0, description="share of cloud shadow that the classification calls clear"
    )
    bright_as_cloud: float = Field(
        0.05, ge=0.0, le=1.0, description="share of bright soil and bright roofs that it calls cloud, look by look"
    )
    shade_as_water: float = Field(
        0.3, ge=0.0, le=1.0, description="share of the slopes in deep shade that it calls water; the rest is shadow"
    )
    haze: float = Field(0.010, ge=0.0, le=0.1, description="mean reflectance that haze adds in the blue")
    snow_chance: float = Field(0.025, ge=0.0, le=0.5, description="chance of snowfall on a day of deep winter")
    misregistration_px: float = Field(
        0.12, ge=0.0, le=2.0, description="standard deviation of a scene's shift along each axis, pixels"
    )

    @model_validator(mode="after")
    def _ordered(self) -> OpticalWorld:
        for name in ("tsuyu_days", "typhoon_days"):
            shortest, longest = getattr(self, name)
            if not 0.0 <= shortest <= longest <= 120.0:
                raise ValueError(f"{name} must run from a shorter to a longer spell within 0 to 120 days")
        return self


class Platform(Section):
    """One satellite on a track: what it adds to every value, and where its products lie."""

    name: str = Field(pattern=r"^sentinel-1[a-z]$", description="name such as sentinel-1a")
    offset_db: float = Field(0.0, ge=-3.0, le=3.0, description="offset of its backscatter, dB")
    shift_px: tuple[float, float] = Field((0.0, 0.0), description="shift of its products to south and east, pixels")

    @model_validator(mode="after")
    def _near(self) -> Platform:
        if max(map(abs, self.shift_px)) > 8.0:
            raise ValueError(f"shift_px {self.shift_px} must stay within 8 pixels")
        return self


class RadarTrack(Section):
    """One Sentinel-1 track; its platforms fly it in turn."""

    relative_orbit: int = Field(ge=1, le=175, description="relative orbit number")
    direction: Direction = Field(description="ascending or descending")
    first_day: int = Field(0, ge=0, le=60, description="days from the world's first day to the first pass")
    every_days: int = Field(12, ge=1, le=36, description="days between two passes")
    platforms: tuple[Platform, ...] = Field((Platform(name="sentinel-1a"),), min_length=1, description="who flies it")

    @property
    def track(self) -> Track:
        """The viewing geometry."""
        return Track(self.relative_orbit, self.direction)


_SECOND = Platform(name="sentinel-1c", offset_db=0.3, shift_px=(0.15, -0.2))
_TRACKS = (
    RadarTrack(
        relative_orbit=39,
        direction=Direction.ASCENDING,
        first_day=2,
        platforms=(Platform(name="sentinel-1a"), _SECOND),
    ),
    RadarTrack(relative_orbit=46, direction=Direction.DESCENDING, first_day=7, platforms=(_SECOND,)),
)


class RadarWorld(Section):
    """Sentinel-1: tracks and what disturbs them."""

    tracks: tuple[RadarTrack, ...] = Field(_TRACKS, description="tracks with their platforms")
    calibration_sd_db: float = Field(0.15, ge=0.0, le=2.0, description="radiometric stability of a scene, dB")


_EARTHWORK_MIX = {
    EventKind.FILL: 4.0, EventKind.FILL_OVER_MONTHS: 2.0, EventKind.DUMPS: 1.0, EventKind.REDUMP: 1.0,
    EventKind.CUT: 1.0, EventKind.STOCKPILE: 1.0, EventKind.PERMITTED_WORKS: 1.5,
}  # fmt: skip
_CONFUSER_MIX = {
    EventKind.HARVEST: 3.0, EventKind.PLOUGHING: 3.0, EventKind.LEAF_OFF: 1.0, EventKind.THINNING: 1.0,
    EventKind.CLEAR_CUT: 1.5, EventKind.FIRE: 0.4, EventKind.DROUGHT: 1.0, EventKind.FLOOD: 0.7,
    EventKind.LANDSLIDE: 0.5, EventKind.SOLAR_FARM: 0.7, EventKind.NEW_ROOF: 2.0, EventKind.GREENHOUSE: 1.0,
    EventKind.QUARRY_WORK: 0.7, EventKind.SNOW: 1.0,
}  # fmt: skip


class EventWorld(Section):
    """What happens to the ground, how often and how large."""

    earthworks_per_km2_year: float = Field(
        0.3, ge=0.0, le=20.0, description="earthworks begun per km2 and year of the days on which they may begin"
    )
    confusers_per_earthwork: float = Field(
        12.0, ge=0.0, le=100.0, description="confusers per km2 and year, as a multiple of the earthworks"
    )
    quiet_days: int = Field(
        365, ge=0, le=2000, description="days at the beginning on which no earthwork begins: history for references"
    )
    last_days: int = Field(60, ge=0, le=1000, description="days at the end on which no earthwork begins")
    smallest_m2: float = Field(300.0, ge=100.0, le=100_000.0, description="smallest fill, cut or stockpile, m2")
    largest_m2: float = Field(30_000.0, ge=100.0, le=1e6, description="largest; sizes are even in the logarithm")
    seeded: float = Field(0.4, ge=0.0, le=1.0, description="share of finished fills that green over within months")
    earthworks: Mapping[EventKind, float] = Field(_EARTHWORK_MIX, description="weights of the kinds of earthwork")
    confusers: Mapping[EventKind, float] = Field(_CONFUSER_MIX, description="weights of the kinds of confusers")

    @model_validator(mode="after")
    def _ordered(self) -> EventWorld:
        if self.smallest_m2 > self.largest_m2:
            raise ValueError(f"smallest_m2 {self.smallest_m2} must not exceed largest_m2 {self.largest_m2}")
        for name, mix, known in (
            ("earthworks", self.earthworks, EARTHWORKS),
            ("confusers", self.confusers, CONFUSERS),
        ):
            strange = [kind.value for kind in mix if kind not in known]
            if strange or min(mix.values(), default=0.0) < 0.0 or sum(mix.values()) <= 0.0:
                raise ValueError(
                    f"{name} needs positive weights of its own kinds (not: {', '.join(strange) or 'none'})"
                )
        return self


class WorldConfig(Section):
    """Everything that a simulated world is made from; the same configuration and seed give the same bits."""

    name: str = Field("default", min_length=1, max_length=40, pattern=r"^[a-z0-9_-]+$", description="name of the world")
    seeds: tuple[int, ...] = Field(
        (101, 102, 103, 104, 105, 106, 107, 108, 109, 110), min_length=1, description="one world each"
    )
    first: date = Field(date(2024, 10, 1), description="first day of imagery (UTC)")
    last: date = Field(date(2026, 9, 30), description="last day of imagery (UTC)")
    place: PlaceSettings = PlaceSettings()
    optical: OpticalWorld = OpticalWorld()
    radar: RadarWorld = RadarWorld()
    events: EventWorld = EventWorld()

    @model_validator(mode="after")
    def _ordered(self) -> WorldConfig:
        if self.first > self.last:
            raise ValueError(f"first {self.first} must not be after last {self.last}")
        if min(self.seeds) < 0:
            raise ValueError(f"seeds must not be negative: {self.seeds}")
        return self


def parse_world(text: str) -> WorldConfig:
    """A configuration from TOML text; anything unknown, out of bounds or contradictory raises ProfileError (E1601)."""
    try:
        return WorldConfig.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError("E1601", f"world: not TOML: {error}") from error
    except ValidationError as error:
        rows = (f"{'.'.join(map(str, row['loc'])) or 'world'}: {row['msg']}" for row in error.errors())
        raise ProfileError("E1601", "; ".join(rows)) from error


def render_world(config: WorldConfig) -> str:
    """A configuration as TOML text, each setting with its description above it; `parse_world` reads it back."""
    lines = ["# A simulated world. Descriptions come from sat_monitor/simulate/config.py.", ""]
    lines += _settings(config, "")
    for name, section in config:
        if isinstance(section, Section):
            lines += ["", f"[{name}]  # {str(type(section).__doc__).splitlines()[0]}", *_settings(section, f"{name}.")]
    return "\n".join(lines) + "\n"


def _settings(section: Section, above: str) -> list[str]:
    """The lines of one section: plain settings first, then tables."""
    plain, tables = [], []
    for key, info in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, Mapping):
            rows = [f"{kind.value} = {weight}" for kind, weight in value.items()]
            tables += ["", f"[{above}{key}]  # {info.description}", *rows]
        elif isinstance(value, tuple) and value and isinstance(value[0], RadarTrack):
            for track in value:
                tables += ["", f"[[{above}{key}]]", *_settings(track, f"{above}{key}.")]
        elif isinstance(value, tuple) and value and isinstance(value[0], Platform):
            for platform in value:
                tables += ["", f"[[{above}{key}]]", *_settings(platform, above)]
        elif not isinstance(value, Section):
            plain += [f"# {info.description}", f"{key} = {_toml(value)}"]
    return plain + tables


def _toml(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(list(value) if isinstance(value, tuple) else value)
