"""Scenes of a simulated world in time order, as offers with their pixels: what an archive takes in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from sat_monitor.core.domain import Direction, Sensor, Track
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer
from sat_monitor.simulate import optics, radar, weather
from sat_monitor.simulate.ground import ground_on
from sat_monitor.simulate.world import World

SOURCE = "simulate"
#: Days between two Sentinel-2 scenes, and between two Sentinel-1 scenes of one track.
OPTICAL_EVERY, RADAR_EVERY = 5, 12
_OPTICAL_AT = time(1, 31, 20, tzinfo=UTC)
_OPTICAL_PLATFORMS = ("sentinel-2a", "sentinel-2b", "sentinel-2c")
_BASELINE = "05.11"
#: Relative orbit, direction, platform, time and first day of each radar track.
_TRACKS = (
    (Track(39, Direction.ASCENDING), "sentinel-1a", time(8, 42, 10, tzinfo=UTC), 2),
    (Track(46, Direction.DESCENDING), "sentinel-1c", time(20, 43, 30, tzinfo=UTC), 7),
)


def render_scenes(world: World) -> Iterator[tuple[Offer, Raster]]:
    """Offer and pixels of every scene from the first to the last day of the world, in time order."""
    spec = world.spec
    still, still_db = optics.texture(world), radar.texture_db(world)
    clouds = weather.cloud_texture(world.grid.shape, world.rng(4))
    for number in range((spec.last - spec.first).days + 1):
        day = spec.first + timedelta(days=number)
        if number % OPTICAL_EVERY == 0:
            rng = world.rng(5, day.toordinal())
            snow = weather.snow_on(day, world.terrain.height_m, world.rng(10, day.toordinal()))
            ground, sky = ground_on(world, day), weather.sky_on(day, clouds, snow, rng)
            bands = optics.reflectance(world, ground, sky, still, day, rng)
            bands["SCL"] = optics.classification(world, ground, sky, rng)
            yield _optical_offer(world, day, number), Raster(world.grid, bands)
        for index, (track, platform, at, first) in enumerate(_TRACKS):
            if number % RADAR_EVERY == first:
                rng = world.rng(6, index, day.toordinal())
                wet = weather.wetness(day, world.rng(7, day.toordinal()))
                bands = radar.backscatter(world, ground_on(world, day), wet, track.direction, still_db, rng)
                yield _radar_offer(world, datetime.combine(day, at), track, platform), Raster(world.grid, bands)


def _optical_offer(world: World, day: date, number: int) -> Offer:
    at = datetime.combine(day, _OPTICAL_AT)
    platform = _OPTICAL_PLATFORMS[(number // OPTICAL_EVERY) % len(_OPTICAL_PLATFORMS)]
    aoi = world.spec.aoi.id
    name = f"S{platform[9:].upper()}_{at:%Y%m%dT%H%M%S}_{aoi}"
    return Offer(name, aoi, Sensor.S2, platform, at, None, SOURCE, "", None, _BASELINE, simulated=True)


def _radar_offer(world: World, at: datetime, track: Track, platform: str) -> Offer:
    aoi = world.spec.aoi.id
    name = f"S{platform[9:].upper()}_{at:%Y%m%dT%H%M%S}_{track.id}_{aoi}"
    return Offer(name, aoi, Sensor.S1, platform, at, track, SOURCE, "", simulated=True)
