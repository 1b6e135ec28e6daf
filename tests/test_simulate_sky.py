"""Light, sky and sensors of the simulated world: shadows fall where they must, mistakes come at the configured rates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from sat_monitor.core.domain import Direction, FloatArray
from sat_monitor.simulate import scl
from sat_monitor.simulate.config import EventWorld, OpticalWorld, Platform, RadarTrack, RadarWorld
from sat_monitor.simulate.contract import longest_gap_days
from sat_monitor.simulate.drainage import catchment_px
from sat_monitor.simulate.ground import ground_on
from sat_monitor.simulate.kinds import Cover
from sat_monitor.simulate.optics import light_on, shifted
from sat_monitor.simulate.radar import view_from
from sat_monitor.simulate.scenes import Painter, Pass, passes
from sat_monitor.simulate.sun import sun_at
from sat_monitor.simulate.terrain import Terrain
from sat_monitor.simulate.weather import rain_mm, wetness
from sat_monitor.simulate.world import World, build_world, spec_of
from tests.sim_world import busy, config

CALM = EventWorld(earthworks_per_km2_year=0.0)


def optical_passes(world: World) -> list[Pass]:
    return [which for which in passes(world) if which.track is None]


def ridge(height_m: float) -> Terrain:
    """A level plain with a wall that runs north-south through column 50 of 100, 10 m pixels."""
    height = np.zeros((40, 100), np.float32)
    height[:, 50] = height_m
    south, east = np.gradient(height, 10.0)
    return Terrain(height, east.astype(np.float32), -south.astype(np.float32), np.ones_like(height), 10.0)


# --- light ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "elevation", "azimuth"),
    [
        # Noon of Tokyo: 90 - latitude + declination; equinox morning at 9 h solar time from the spherical triangle.
        (datetime(2026, 6, 21, 2, 43, tzinfo=UTC), 90.0 - 35.68 + 23.44, 180.0),
        (datetime(2026, 12, 21, 2, 39, tzinfo=UTC), 90.0 - 35.68 - 23.44, 180.0),
        (datetime(2026, 3, 20, 23, 48, 30, tzinfo=UTC), 35.06, 120.2),
    ],
)
def test_the_sun_stands_where_the_almanac_puts_it(at: datetime, elevation: float, azimuth: float) -> None:
    sun = sun_at(at, 139.77, 35.68)
    assert sun.elevation_deg == pytest.approx(elevation, abs=0.6)
    assert sun.azimuth_deg == pytest.approx(azimuth, abs=3.0)


def test_a_wall_shades_the_side_away_from_the_sun_for_its_height_over_the_tangent() -> None:
    wall = ridge(100.0)
    shaded = wall.shaded(90.0, 45.0)[20]
    assert shaded[41:50].all() and not shaded[:39].any() and not shaded[51:].any()
    light = light_on(wall, sun_at(datetime(2026, 6, 21, 1, 30, tzinfo=UTC), 139.77, 35.68))
    assert light.relative[20, 20] == pytest.approx(1.0, abs=1e-5)


def test_a_steep_wall_is_laid_over_towards_the_sensor_and_a_low_one_is_not() -> None:
    """At 39 degrees of incidence a wall of height h lies over h / tan(39 degrees) of the ground before it."""
    reach = int(100.0 / np.tan(np.radians(39.0)) / 10.0)
    for direction, side in ((Direction.ASCENDING, -1), (Direction.DESCENDING, 1)):
        hidden = view_from(ridge(100.0), direction).hidden[20]
        before = hidden[50 + side * np.arange(1, reach)]
        assert before.all() and hidden[50]
        assert not hidden[50 + side * np.arange(reach + 3, 40)].any()
    assert not view_from(ridge(3.0), Direction.ASCENDING).hidden.any()


def test_water_gathers_downhill_and_all_of_it_leaves() -> None:
    plane = np.tile(np.arange(30, dtype=np.float32)[:, None], (1, 20))
    area = catchment_px(plane)
    assert area[0].sum() + area[1:-1, [0, -1]].sum() + area[-1].sum() >= 600.0
    assert (area >= 1.0).all() and area[5, 10] > area[25, 10]
    pit = plane.copy()
    pit[15, 10] -= 50.0
    assert catchment_px(pit)[14, 9:12].max() >= area[15, 10]


def test_shifting_by_whole_pixels_moves_the_picture_and_by_none_leaves_it() -> None:
    picture = np.random.default_rng(1).random((2, 9, 9), dtype=np.float32)
    assert np.array_equal(shifted(picture, 0.0, 0.0), picture)
    assert np.allclose(shifted(picture, 1.0, -2.0)[:, 1:, :-2], picture[:, :-1, 2:])
    half = shifted(picture, 0.5, 0.0)
    assert np.allclose(half[:, 1:], 0.5 * (picture[:, 1:] + picture[:, :-1]))


# --- the classification ---------------------------------------------------------------------------------------------


def shares(world: World) -> dict[str, float]:
    """How often the classification misses, over all passes of a world, on its own 20 m cells."""
    painter, found = Painter.of(world), {"thin": [0, 0], "shadow": [0, 0], "bright": [0, 0]}
    for which in optical_passes(world):
        codes = painter.draw(which)[1].bands["SCL"][::2, ::2]
        sky, at = painter.sky(which.acquired_at), which.acquired_at
        cloud, shadow, snow = (part[::2, ::2] for part in (sky.cloud, sky.shadow, sky.snow))
        shade = (light_on(world.terrain, painter.sun(at)).cosine < 0.1)[::2, ::2]
        bright = scl.bright_ground(world, ground_on(world, at.date()))[::2, ::2]
        plain = (snow <= scl.WHITE) & ~shade
        counted = {
            "thin": (plain & ~bright & (shadow <= scl.DARK) & (cloud > scl.THIN) & (cloud <= scl.THICK), codes != scl.CIRRUS),
            "shadow": (plain & ~bright & (shadow > scl.DARK) & (cloud <= scl.THIN), codes != scl.SHADOW),
            "bright": (plain & bright & (shadow <= scl.DARK) & (cloud <= scl.THIN), codes == scl.CLOUD_MEDIUM),
        }  # fmt: skip
        for name, (where, missed) in counted.items():
            found[name][0] += int((where & missed).sum())
            found[name][1] += int(where.sum())
    assert all(total > 3_000 for _, total in found.values())
    return {name: missed / total for name, (missed, total) in found.items()}


@pytest.mark.parametrize(("thin", "shadow", "bright"), [(0.0, 0.0, 0.0), (0.25, 0.35, 0.05), (0.7, 0.6, 0.2)])
def test_the_classification_errs_at_the_configured_rates(thin: float, shadow: float, bright: float) -> None:
    optical = OpticalWorld(thin_cloud_missed=thin, shadow_missed=shadow, bright_as_cloud=bright)
    found = shares(build_world(spec_of(config(160, optical=optical, events=CALM), 11)))
    assert found["thin"] == pytest.approx(thin, rel=0.2)
    assert found["shadow"] == pytest.approx(shadow, rel=0.2)
    assert found["bright"] == pytest.approx(bright, rel=0.2)


def test_gaps_of_tsuyu_and_of_the_typhoon_season_last_30_to_50_days() -> None:
    gaps = []
    for seed in range(20, 26):
        world = build_world(spec_of(config(64, events=CALM), seed))
        painter, year = Painter.of(world), [p for p in optical_passes(world) if p.acquired_at.year == 2025]
        for first, last in ((5, 8), (8, 11)):
            spell = [p.acquired_at for p in year if first <= p.acquired_at.month <= last]
            clear = np.stack([painter.sky(at).cloud <= scl.THIN for at in spell])
            gaps.append(longest_gap_days([at.date() for at in spell], clear))
    assert min(gaps) >= 25.0 and max(gaps) <= 55.0
    assert np.mean([30.0 <= gap <= 50.0 for gap in gaps]) >= 0.8


def test_thick_cloud_is_never_missed_and_snow_and_flood_are_called_by_their_names() -> None:
    world = busy(128)
    painter = Painter.of(world)
    for which in optical_passes(world)[::4]:
        codes, sky = painter.draw(which)[1].bands["SCL"][::2, ::2], painter.sky(which.acquired_at)
        thick = (sky.cloud > scl.THICK)[::2, ::2]
        assert np.isin(codes[thick], (scl.CLOUD_MEDIUM, scl.CLOUD_HIGH)).all()
        white = ((sky.snow > scl.WHITE) & (sky.cloud <= scl.THIN) & (sky.shadow <= scl.DARK))[::2, ::2]
        assert (codes[white] == scl.SNOW_OR_ICE).all()
    assert any(painter.sky(which.acquired_at).snow.any() for which in optical_passes(world))


def test_a_passing_cloud_brightens_and_its_shadow_darkens_the_ground() -> None:
    world = build_world(spec_of(config(160, events=CALM), 11))
    painter, seen = Painter.of(world), 0
    forest = world.cover.where(Cover.CONIFER)
    for which in optical_passes(world)[::3]:
        blue, sky = painter.draw(which)[1].bands["B02"], painter.sky(which.acquired_at)
        infrared = painter.draw(which)[1].bands["B08"]
        clear = forest & (sky.cloud < 0.01) & (sky.shadow < 0.01) & (sky.snow == 0.0)
        cloud, shadow = forest & (sky.cloud > 0.5), forest & (sky.shadow > 0.5) & (sky.snow == 0.0)
        if min(clear.sum(), cloud.sum(), shadow.sum()) > 300:
            seen += 1
            assert blue[cloud].mean() > blue[clear].mean() + 0.1
            assert infrared[shadow].mean() < 0.7 * infrared[clear].mean()
    assert seen >= 3


# --- radar ----------------------------------------------------------------------------------------------------------


def test_soil_is_wet_after_rain_and_dries_and_wet_ground_is_brighter() -> None:
    world = build_world(spec_of(config(128, events=CALM), 11))
    days = [date(2025, 4, 1) + timedelta(days=n) for n in range(200)]
    rain, wet = [rain_mm(world, day) for day in days], [wetness(world, day) for day in days]
    assert all(0.0 <= value < 1.0 for value in wet)
    rises = [b - a for a, b, mm in zip(wet, wet[1:], rain[1:], strict=False) if mm > 10.0]
    falls = [b - a for a, b, mm in zip(wet, wet[1:], rain[1:], strict=False) if mm == 0.0]
    assert len(rises) > 10 and np.mean(rises) > 0.1 and max(falls) <= 0.0
    painter, fields = Painter.of(world), world.cover.where(Cover.UPLAND)
    winter = [p for p in passes(world) if p.track == 1 and p.acquired_at.month in (12, 1, 2)]
    levels = [float(np.nanmedian(painter.draw(p)[1].bands["VV"][fields])) for p in winter]
    moisture = [wetness(world, p.acquired_at.date()) for p in winter]
    assert np.corrcoef(10.0 * np.log10(levels), moisture)[0, 1] > 0.7


def test_a_platform_adds_its_offset_and_lies_where_its_shift_puts_it() -> None:
    def drawn(offset_db: float, shift_px: tuple[float, float]) -> FloatArray:
        platform = Platform(name="sentinel-1c", offset_db=offset_db, shift_px=shift_px)
        track = RadarTrack(relative_orbit=46, direction=Direction.DESCENDING, platforms=(platform,))
        world = build_world(spec_of(config(128, events=CALM, radar=RadarWorld(tracks=(track,))), 11))
        [first, *_] = [p for p in passes(world) if p.track == 0]
        return Painter.of(world).draw(first)[1].bands["VV"]

    plain, louder, moved = drawn(0.0, (0.0, 0.0)), drawn(2.0, (0.0, 0.0)), drawn(0.0, (3.0, 0.0))
    assert np.nanmedian(10.0 * np.log10(louder / plain)) == pytest.approx(2.0, abs=0.1)
    town = build_world(spec_of(config(128, events=CALM), 11)).cover.where(Cover.TOWN)
    inside = np.zeros_like(town)
    inside[8:-8, 8:-8] = town[8:-8, 8:-8]
    there = np.roll(inside, 3, axis=0)
    assert np.nanmean(moved[there]) > np.nanmean(moved[inside])
