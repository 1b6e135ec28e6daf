"""The simulated world: the same every time, true to its own truth, and no easier than the sky over Tokyo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from shapely.geometry import box, shape

from sat_monitor.core.domain import AOI, BoolArray, FloatArray, Sensor
from sat_monitor.core.grid import reproject
from sat_monitor.core.units import power_to_db
from sat_monitor.imagery.aois import aoi_from_outline
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.sensors import check_bands
from sat_monitor.imagery.source import Offer
from sat_monitor.simulate.cover import FOREST, Cover
from sat_monitor.simulate.events import LARGEST_M2, SMALLEST_M2
from sat_monitor.simulate.ground import ground_on
from sat_monitor.simulate.radar import ENL
from sat_monitor.simulate.scenes import render_scenes
from sat_monitor.simulate.weather import cloud_share
from sat_monitor.simulate.world import World, WorldSpec, build_world, truth_geojson

FIRST, LAST = date(2025, 4, 1), date(2026, 9, 30)
Scenes = list[tuple[Offer, Raster]]


def place(side_px: int = 120) -> AOI:
    x, y, side = 339_000.0, 3_952_000.0, side_px * 10.0
    outline = reproject(box(x, y, x + side, y + side), 32654, 4326)
    return aoi_from_outline("made-up", outline, "試験", "Test", epsg=32654, margin_m=0.0)


def spec(seed: int = 3, **changes: object) -> WorldSpec:
    return replace(WorldSpec(place(), seed, FIRST, LAST, fills=3), **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(spec())


@pytest.fixture(scope="module")
def scenes(world: World) -> Scenes:
    return list(render_scenes(world))


def of(scenes: Scenes, sensor: Sensor) -> Scenes:
    return [(offer, raster) for offer, raster in scenes if offer.sensor is sensor]


def clear(raster: Raster) -> BoolArray:
    return np.isin(raster.bands["SCL"], (4, 5, 6, 7))


def ndvi(raster: Raster) -> FloatArray:
    red, infrared = raster.bands["B04"], raster.bands["B08"]
    return np.asarray((infrared - red) / (infrared + red), np.float32)


def clear_ndvi(scenes: Scenes, where: BoolArray, wanted: Callable[[date], bool]) -> list[float]:
    """Median NDVI over `where` of every scene of a wanted day that is clear there."""
    rows = [(o, r) for o, r in of(scenes, Sensor.S2) if wanted(o.acquired_at.date()) and clear(r)[where].mean() > 0.8]
    return [float(np.median(ndvi(r)[where & clear(r)])) for _, r in rows]


def ring(world: World, inside: FloatArray) -> BoolArray:
    """Undisturbed forest and grass within 60 m of an event."""
    from scipy.ndimage import binary_dilation

    touched = np.any([event.plot.share > 0 for event in (*world.fills, *world.confusers)], axis=0)
    near = np.asarray(binary_dilation(inside > 0, iterations=6), bool)
    return np.asarray(near & ~touched & world.cover.where(*FOREST, Cover.GRASS), bool)


# --- the same every time -------------------------------------------------------------------------------------------


def test_a_specification_gives_the_same_pixels_every_time_and_another_seed_others() -> None:
    short = spec(first=date(2026, 8, 20))
    one, two, other = (list(render_scenes(build_world(s))) for s in (short, short, replace(short, seed=4)))
    assert [offer for offer, _ in one] == [offer for offer, _ in two]
    assert [raster.pixels_sha256 for _, raster in one] == [raster.pixels_sha256 for _, raster in two]
    assert not {raster.pixels_sha256 for _, raster in one} & {raster.pixels_sha256 for _, raster in other}


def test_a_scene_does_not_depend_on_which_scenes_were_rendered_before_it(world: World, scenes: Scenes) -> None:
    # 60 days on, the rhythms of 5 and 12 days meet again, so the late start lists scenes of the same days.
    late = build_world(replace(world.spec, first=date.fromordinal(FIRST.toordinal() + 480)))
    known = {(o.sensor, o.track, o.acquired_at): r.pixels_sha256 for o, r in scenes}
    compared = [(known[o.sensor, o.track, o.acquired_at], r.pixels_sha256) for o, r in render_scenes(late)]
    assert len(compared) > 20
    assert all(before == after for before, after in compared)


# --- offers and rasters --------------------------------------------------------------------------------------------


def test_every_offer_says_that_it_is_simulated_and_comes_in_order_of_time(world: World, scenes: Scenes) -> None:
    assert all(offer.simulated and offer.source_id == "simulate" and offer.aoi == "made-up" for offer, _ in scenes)
    times = [offer.acquired_at for offer, _ in scenes]
    assert times == sorted(times) and times[0].date() >= FIRST and times[-1].date() <= LAST
    assert len({offer.id for offer, _ in scenes}) == len(scenes)


def test_every_raster_lies_on_the_grid_of_the_aoi_with_the_bands_of_its_sensor(world: World, scenes: Scenes) -> None:
    for offer, raster in scenes:
        assert raster.grid == world.spec.aoi.grid
        check_bands(offer.sensor, raster.bands.keys(), offer.id)
        assert all(band.dtype == np.float32 for band in raster.bands.values())


def test_optical_scenes_come_every_5_days_and_radar_every_12_on_each_of_two_tracks(scenes: Scenes) -> None:
    def gaps(rows: Scenes) -> set[int]:
        days = [offer.acquired_at.toordinal() for offer, _ in rows]
        return set(np.diff(days).tolist())

    radar = of(scenes, Sensor.S1)
    assert gaps(of(scenes, Sensor.S2)) == {5}
    assert {offer.track.id for offer, _ in radar if offer.track} == {"39A", "46D"}
    for name in ("39A", "46D"):
        assert gaps([row for row in radar if row[0].track and row[0].track.id == name]) == {12}


def test_reflectance_and_classes_are_possible_values(scenes: Scenes) -> None:
    for _, raster in of(scenes, Sensor.S2):
        assert set(np.unique(raster.bands["SCL"])) <= {3, 4, 5, 6, 7, 8, 9, 10, 11}
        for name, band in raster.bands.items():
            assert np.isfinite(band).all()
            assert name == "SCL" or (band.min() > 0.0 and band.max() <= 1.2)


def test_radar_is_missing_only_on_few_steep_slopes(world: World, scenes: Scenes) -> None:
    for _, raster in of(scenes, Sensor.S1)[:4]:
        hidden = np.isnan(raster.bands["VV"])
        assert np.array_equal(hidden, np.isnan(raster.bands["VH"]))
        assert hidden.mean() < 0.1
        assert not hidden.any() or world.terrain.slope_deg[hidden].min() > 20.0


# --- the truth -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "island"), [(seed, island) for seed in range(4) for island in (False, True)])
def test_fills_lie_inside_the_aoi_apart_from_each_other_on_green_ground_near_a_road(seed: int, island: bool) -> None:
    world = build_world(spec(seed, island=island))
    assert len(world.fills) == 3
    outline = reproject(world.spec.aoi.outline, 4326, 32654)
    events = (*world.fills, *world.confusers)
    road = np.argwhere(world.cover.where(Cover.ROAD))
    for n, event in enumerate(events):
        assert outline.contains(event.outline)
        assert all(not event.outline.intersects(other.outline) for other in events[n + 1 :])
    for fill in world.fills:
        assert SMALLEST_M2 <= fill.area_m2 <= LARGEST_M2
        green = fill.plot.share[world.cover.where(*FOREST, Cover.GRASS)].sum() / fill.plot.share.sum()
        assert green > 0.95
        middle = world.grid.to_pixel(fill.outline.centroid.x, fill.outline.centroid.y)
        assert np.abs(road - np.array(middle)).sum(axis=1).min() < 20
        assert date(2026, 3, 1) <= fill.cleared_on < fill.filled_on < fill.ready_on
        assert fill.cleared_on <= date(2026, 7, 31)


def test_pixel_shares_add_up_to_the_area_of_the_outline(world: World) -> None:
    for event in (*world.fills, *world.confusers):
        share, rim = event.plot.share, event.plot.rim
        assert float(share.sum()) * 100.0 == pytest.approx(event.area_m2, rel=0.02)
        assert ((share > 0.0) & (share < 1.0)).any()
        assert (rim <= share + 1e-6).all() and rim.sum() > 0.0


def test_the_truth_file_holds_the_fills_with_their_dates_and_areas_and_nothing_else(world: World) -> None:
    features = truth_geojson(world)["features"]
    assert [feature["id"] for feature in features] == [fill.id for fill in world.fills]
    for feature, fill in zip(features, world.fills, strict=True):
        drawn = reproject(shape(feature["geometry"]), 4326, world.grid.epsg)
        properties = feature["properties"]
        assert drawn.area == pytest.approx(fill.area_m2, rel=1e-4)
        assert properties["area_m2"] == pytest.approx(fill.area_m2, abs=0.1)
        assert properties["cleared_on"] == fill.cleared_on.isoformat() < properties["filled_on"]
        assert properties["simulated"] is True and properties["aoi"] == "made-up"


def test_more_fills_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(ValueError, match="no room for 60 fills"):
        build_world(spec(aoi=place(60), fills=60))


def test_a_world_without_fills_has_an_empty_truth() -> None:
    assert truth_geojson(build_world(spec(fills=0)))["features"] == []


# --- what can be seen ----------------------------------------------------------------------------------------------


def test_before_it_is_cleared_a_fill_looks_like_the_ground_around_it(world: World, scenes: Scenes) -> None:
    for fill in world.fills:
        inside = fill.plot.share > 0.0
        around = ring(world, fill.plot.share)
        same = around & (world.cover.classes == int(fill.plot.cover))
        same = same if same.sum() > 30 else around
        before = clear_ndvi(scenes, inside, lambda day, end=fill.cleared_on: day < end)  # type: ignore[misc]
        beside = clear_ndvi(scenes, same, lambda day, end=fill.cleared_on: day < end)  # type: ignore[misc]
        assert len(before) > 10
        assert np.median(before) == pytest.approx(np.median(beside), abs=0.08)


def test_after_it_is_filled_ndvi_falls_inside_and_not_around(world: World, scenes: Scenes) -> None:
    for fill in world.fills:
        inside, around = fill.plot.share > 0.95, ring(world, fill.plot.share)

        def summer(year: int, start: date = fill.filled_on) -> Callable[[date], bool]:
            return lambda day: day.year == year and day.replace(year=2026) > start and day.month < 10

        falls = [
            np.median(clear_ndvi(scenes, where, summer(2025))) - np.median(clear_ndvi(scenes, where, summer(2026)))
            for where in (inside, around)
        ]
        assert falls[0] > 0.25
        assert abs(falls[1]) < 0.1


def test_a_fill_stays_bare_but_for_its_rim(world: World) -> None:
    fill = min(world.fills, key=lambda f: f.ready_on)
    at_once, later = (ground_on(world, day) for day in (fill.ready_on, LAST))
    core, edge = fill.plot.rim < 0.3 * fill.plot.share, fill.plot.rim > 0.3
    assert later.soil[core & (fill.plot.share > 0.95)].min(initial=1.0) > 0.75
    assert later.soil[edge].mean() < at_once.soil[edge].mean()


def test_parts_of_a_pixel_never_exceed_it(world: World) -> None:
    for day in (date(2025, 7, 1), date(2026, 5, 5), date(2026, 7, 15), LAST):
        ground = ground_on(world, day)
        parts = ground.natural + ground.cleared + ground.soil + sum(new.share for new in ground.brought)
        assert np.allclose(parts, 1.0, atol=1e-5)
        for layer in (ground.green, ground.flooded, ground.ploughed, ground.cleared, ground.soil):
            assert layer.min() >= -1e-6 and layer.max() <= 1.0 + 1e-6


def test_a_clear_cut_is_green_again_within_the_season(world: World, scenes: Scenes) -> None:
    [cut] = [event for event in world.confusers if event.id == "clear-cut"]
    inside = cut.plot.share > 0.95
    assert cut.id not in {feature["id"] for feature in truth_geojson(world)["features"]}
    felled = ground_on(world, cut.filled_on)
    grown = ground_on(world, cut.ready_on)
    assert felled.cleared[inside].min() > 0.9 > 0.1 > grown.cleared[inside].max()
    assert np.median(clear_ndvi(scenes, inside, lambda day: day > cut.ready_on)) > 0.6


def test_fields_are_ploughed_flooded_and_harvested_and_differ_from_year_to_year(world: World) -> None:
    field = world.cover.where(Cover.FIELD)
    spring, rice, autumn = (ground_on(world, date(2026, *day)) for day in ((5, 5), (6, 10), (10, 15)))
    assert (spring.ploughed[field] > 0.5).mean() > 0.1
    assert (rice.flooded[field] > 0.5).mean() > 0.1
    assert (autumn.green[field] < 0.3).mean() > 0.3
    earlier = ground_on(world, date(2025, 6, 10))
    assert (np.abs(earlier.green - rice.green)[field] > 0.3).mean() > 0.03
    assert not rice.flooded[~field].any()


def test_broadleaf_drops_its_leaves_and_conifers_keep_them(scenes: Scenes, world: World) -> None:
    def season(kind: Cover, months: tuple[int, ...]) -> float:
        return float(np.median(clear_ndvi(scenes, world.cover.where(kind), lambda day: day.month in months)))

    assert season(Cover.BROADLEAF, (7, 8)) - season(Cover.BROADLEAF, (1, 2)) > 0.25
    assert abs(season(Cover.CONIFER, (7, 8)) - season(Cover.CONIFER, (1, 2))) < 0.12


def test_tsuyu_is_cloudier_than_winter(scenes: Scenes) -> None:
    def share(begin: tuple[int, int], end: tuple[int, int]) -> float:
        rows = [r for o, r in of(scenes, Sensor.S2) if begin <= (o.acquired_at.month, o.acquired_at.day) <= end]
        return float(np.mean([np.isin(r.bands["SCL"], (8, 9, 10)).mean() for r in rows]))

    assert share((6, 8), (7, 15)) > 0.6 > share((1, 1), (2, 28)) + 0.1
    days = [np.mean([cloud_share(day, np.random.default_rng(n)) for n in range(2000)]) for day in
            (date(2026, 6, 25), date(2026, 9, 12), date(2026, 1, 15))]  # fmt: skip
    assert days[0] > days[1] > days[2]


def test_the_classification_errs_as_level_2a_does(world: World, scenes: Scenes) -> None:
    """Some bright soil is called cloud under a clear sky, though most of it is not."""
    fill = max(world.fills, key=lambda f: f.area_m2 if f.ready_on < date(2026, 8, 20) else 0.0)
    inside, around = fill.plot.share > 0.5, ring(world, fill.plot.share)
    rows = [r for o, r in of(scenes, Sensor.S2) if o.acquired_at.date() > fill.ready_on and clear(r)[around].all()]
    called = np.mean([np.isin(r.bands["SCL"], (8,))[inside].mean() for r in rows])
    assert 0.005 < called < 0.2


def test_radar_levels_are_ordered_as_in_the_literature(world: World, scenes: Scenes) -> None:
    def mean_db(name: str) -> FloatArray:
        rows = [raster.bands[name] for _, raster in of(scenes, Sensor.S1)[:30]]
        return power_to_db(np.asarray(np.nan_to_num(np.stack(rows)).mean(axis=0), np.float32))

    vv, vh = mean_db("VV"), mean_db("VH")

    def level(band: FloatArray, *kinds: Cover) -> float:
        return float(np.nanmedian(band[world.cover.where(*kinds)]))

    assert level(vv, Cover.TOWN) > level(vv, *FOREST) > level(vv, Cover.FIELD) > level(vv, Cover.WATER)
    assert -9.0 < level(vv, *FOREST) < -6.5 and -14.5 < level(vh, *FOREST) < -12.0


def test_speckle_over_homogeneous_forest_has_the_stated_looks_and_is_shared_by_neighbours(world: World) -> None:
    """Temporal moments of each pixel, so that texture does not count; whole-scene moisture is levelled first."""
    rows = [r.bands["VV"] for o, r in render_scenes(world) if o.track is not None and o.track.id == "46D"]
    forest = world.cover.where(Cover.CONIFER)
    forest &= sum(event.plot.share for event in (*world.fills, *world.confusers)) == 0
    stack = np.stack(rows).astype(np.float64)
    forest &= np.isfinite(stack).all(axis=0)
    stack /= stack[:, forest].mean(axis=1)[:, None, None]
    stack /= stack.mean(axis=0)
    # Scene means and pixel means of n looks take 1/n of the variance away.
    looks = 1.0 / stack[:, forest].var(axis=0, ddof=1).mean()
    assert looks == pytest.approx(ENL, rel=0.08)
    both = forest[:, 1:] & forest[:, :-1]
    left, right = stack[:, :, :-1][:, both] - 1.0, stack[:, :, 1:][:, both] - 1.0
    assert 0.35 < (left * right).mean() / (left**2).mean() < 0.65


def test_an_island_lies_in_the_sea() -> None:
    island = build_world(spec(island=True))
    sea = island.cover.where(Cover.WATER)
    edge = np.ones_like(sea)
    edge[1:-1, 1:-1] = False
    assert sea[edge].all() and 0.3 < sea.mean() < 0.7
    assert (island.terrain.height_m[sea] <= 0.0).all()
