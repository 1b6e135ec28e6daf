"""Scenes of a simulated world in time order, as offers with their pixels: what an archive takes in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sat_monitor.core.domain import Direction, FloatArray, Sensor
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer
from sat_monitor.simulate import optics, radar, scl, weather
from sat_monitor.simulate.config import Platform, RadarTrack
from sat_monitor.simulate.ground import ground_on
from sat_monitor.simulate.sun import Sun, sun_at
from sat_monitor.simulate.world import Purpose, World

SOURCE = "simulate"
_OPTICAL_PLATFORMS = ("sentinel-2a", "sentinel-2b", "sentinel-2c")
_BASELINE = "05.11"
#: Local solar time of the passes, hours: Sentinel-2 in mid morning, Sentinel-1 at dusk and dawn.
_OPTICAL_AT, _RADAR_AT = 10.8, {Direction.ASCENDING: 18.0, Direction.DESCENDING: 6.0}


@dataclass(frozen=True, slots=True)
class Pass:
    """One acquisition to be drawn: number of its track in the configuration, None for Sentinel-2; n-th of its series."""

    acquired_at: datetime
    track: int | None
    number: int


@dataclass(frozen=True, slots=True)
class Painter:
    """Draws the scenes of one world in any order: what stays from scene to scene is computed once."""

    world: World
    colours: FloatArray
    grain: FloatArray
    echoes: FloatArray
    clouds: FloatArray
    views: tuple[radar.View, ...]

    @classmethod
    def of(cls, world: World) -> Painter:
        """A painter for a world."""
        return cls(
            world,
            optics.texture(world),
            optics.grain(world),
            radar.texture(world),
            weather.cloud_texture(world.grid.shape, world.rng(Purpose.CLOUDS)),
            tuple(radar.view_from(world.terrain, track.direction) for track in world.spec.config.radar.tracks),
        )

    def sun(self, at: datetime) -> Sun:
        """The sun over the middle of the world."""
        middle = self.world.spec.aoi.outline.centroid
        return sun_at(at, middle.x, middle.y)

    def sky(self, at: datetime) -> weather.Sky:
        """The sky of a Sentinel-2 pass."""
        return weather.sky_on(self.world, at.date(), self.clouds, self.sun(at))

    def draw(self, which: Pass) -> tuple[Offer, Raster]:
        """Offer and pixels of one acquisition."""
        bands = self._optical(which.acquired_at) if which.track is None else self._radar(which, which.track)
        return offer_of(self.world, which), Raster(self.world.grid, bands)

    def _optical(self, at: datetime) -> dict[str, FloatArray]:
        world, day = self.world, at.date()
        ground, sky, light = ground_on(world, day), self.sky(at), optics.light_on(world.terrain, self.sun(at))
        surface = optics.surface(world, ground, self.colours, self.grain)
        sd = world.spec.config.optical.misregistration_px
        south, east = world.rng(Purpose.SHIFT, day.toordinal()).normal(0.0, 1.0, 2) * sd
        rng = world.rng(Purpose.SENSOR, day.toordinal())
        bands = optics.reflectance(optics.shifted(surface, south, east), light, sky, rng)
        classes = scl.classification(world, ground, light, sky, world.rng(Purpose.CLASSES, day.toordinal()))
        return bands | {"SCL": classes}

    def _radar(self, which: Pass, number: int) -> dict[str, FloatArray]:
        world, day = self.world, which.acquired_at.date()
        platform = _platform(world.spec.config.radar.tracks[number], which.number)
        rng = world.rng(Purpose.PASS, number, day.toordinal())
        ground, wet, snow = ground_on(world, day), weather.wetness(world, day), weather.snow_on(world, day)
        return radar.backscatter(world, ground, wet, self.views[number], self.echoes, snow, platform, rng)


def passes(world: World) -> list[Pass]:
    """All acquisitions of a world, in time order."""
    spec, config = world.spec, world.spec.config
    series = [(None, 0, config.optical.every_days, _OPTICAL_AT)]
    listed = [
        (n, track.first_day, track.every_days, _RADAR_AT[track.direction])
        for n, track in enumerate(config.radar.tracks)
    ]
    found = []
    for track, first_day, every, hours in (*series, *listed):
        for number, ahead in enumerate(range(first_day, (spec.last - spec.first).days + 1, every)):
            at = _at(spec.first + timedelta(days=ahead), hours, spec.aoi.outline.centroid.x)
            found.append(Pass(at, track, number))
    return sorted(found, key=lambda p: (p.acquired_at, -1 if p.track is None else p.track))


def render_scenes(world: World) -> Iterator[tuple[Offer, Raster]]:
    """Offer and pixels of every scene from the first to the last day of the world, in time order."""
    painter = Painter.of(world)
    for which in passes(world):
        yield painter.draw(which)


def offer_of(world: World, which: Pass) -> Offer:
    """The offer of one acquisition."""
    aoi, at = world.spec.aoi.id, which.acquired_at
    if which.track is None:
        platform = _OPTICAL_PLATFORMS[which.number % len(_OPTICAL_PLATFORMS)]
        name = f"S{platform[9:].upper()}_{at:%Y%m%dT%H%M%S}_{aoi}"
        return Offer(name, aoi, Sensor.S2, platform, at, None, SOURCE, "", None, _BASELINE, simulated=True)
    settings = world.spec.config.radar.tracks[which.track]
    platform, track = _platform(settings, which.number).name, settings.track
    name = f"S{platform[9:].upper()}_{at:%Y%m%dT%H%M%S}_{track.id}_{aoi}"
    return Offer(name, aoi, Sensor.S1, platform, at, track, SOURCE, "", simulated=True)


def _platform(track: RadarTrack, number: int) -> Platform:
    """Who flies the n-th pass of a track."""
    return track.platforms[number % len(track.platforms)]


def _at(day: date, solar_hours: float, lon: float) -> datetime:
    """The time (UTC) on a UTC day at which it is `solar_hours` of mean solar time at a longitude, degrees."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
        seconds=round((solar_hours - lon / 15.0) % 24.0 * 3600.0)
    )
