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
from sat_monitor.simulate.ground import ground_on, part_of
from sat_monitor.simulate.happenings import LARGEST_M2, SMALLEST_M2
from sat_monitor.simulate.kinds import FIELDS, FOREST, Cover
from sat_monitor.simulate.radar import ENL, speckle, view_from
from sat_monitor.simulate.scenes import Painter, passes, render_scenes
from sat_monitor.simulate.weather import cloud_share, spells
from sat_monitor.simulate.world import Purpose, World, WorldSpec, build_world, truth_geojson

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
    painter, known = Painter.of(world), {offer.id: raster.pixels_sha256 for offer, raster in scenes}
    backwards = [painter.draw(which) for which in passes(world)[::-11]]
    assert len(backwards) > 10
    assert all(known[offer.id] == raster.pixels_sha256 for offer, raster in backwards)


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


def test_radar_is_blind_exactly_in_layover_and_shadow(world: World, scenes: Scenes) -> None:
    for offer, raster in of(scenes, Sensor.S1)[:4]:
        assert offer.track is not None
        hidden = view_from(world.terrain, offer.track.direction).hidden
        assert hidden.mean() < 0.1
        assert all(np.array_equal(np.isnan(raster.bands[band]), hidden) for band in ("VV", "VH"))


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
        green = fill.plot.share[world.cover.where(*FOREST, Cover.GRASS, Cover.ORCHARD)].sum() / fill.plot.share.sum()
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
        assert properties["kind"] == "fill" and properties["volume_m3"] > 0.0
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

        def after(year: int, start: date = fill.ready_on) -> Callable[[date], bool]:
            return lambda day: day.year == year and day.replace(year=2026) > start and day.month < 10

        falls = []
        for where in (inside, around):
            earlier, later = (clear_ndvi(scenes, where, after(year)) for year in (2025, 2026))
            falls.append(float(np.median(earlier) - np.median(later)) if earlier and later else np.nan)
        if np.isfinite(falls).all():
            assert falls[0] > 0.25 > 0.1 > abs(falls[1])


def test_a_fill_stays_bare_but_for_its_rim(world: World) -> None:
    fill = min(world.fills, key=lambda f: f.ready_on)
    at_once, later = (part_of(world, ground_on(world, day), Cover.SOIL) for day in (fill.ready_on, LAST))
    core, edge = fill.plot.rim < 0.3 * fill.plot.share, fill.plot.rim > 0.3
    assert later[core & (fill.plot.share > 0.95)].min(initial=1.0) > 0.75
    assert later[edge].mean() < at_once[edge].mean()


def test_parts_of_a_pixel_never_exceed_it(world: World) -> None:
    for day in (date(2025, 7, 1), date(2026, 5, 5), date(2026, 7, 15), LAST):
        ground = ground_on(world, day)
        for patch in ground.patches:
            assert patch.natural + sum(part for _, part in patch.brought) == pytest.approx(1.0, abs=1e-5)
            assert all(part.min() >= 0.0 and part.max() <= 1.0 + 1e-6 for _, part in patch.brought)
        for layer in (ground.season.green, ground.season.flooded, ground.season.ploughed):
            assert layer.min() >= 0.0 and layer.max() <= 1.0


def test_a_clear_cut_is_green_again_within_the_season(world: World, scenes: Scenes) -> None:
    [cut] = [event for event in world.confusers if event.id == "clear-cut"]
    inside = cut.plot.share > 0.95
    assert cut.id not in {feature["id"] for feature in truth_geojson(world)["features"]}
    felled, grown = (part_of(world, ground_on(world, step.end), Cover.CLEARED) for step in cut.steps)
    assert felled[inside].min() > 0.9 > 0.25 > grown[inside].max()


def test_fields_are_ploughed_flooded_and_harvested_and_differ_from_year_to_year(world: World) -> None:
    season = {day: ground_on(world, day).season for day in
              (date(2026, 5, 5), date(2026, 6, 10), date(2026, 10, 15), date(2025, 6, 10))}  # fmt: skip
    spring, rice, autumn, earlier = season.values()
    field = np.isin(world.cover.unit_cover, FIELDS)
    paddy = world.cover.unit_cover == Cover.PADDY
    assert (spring.ploughed[field] > 0.5).mean() > 0.1
    assert (rice.flooded[paddy] > 0.5).mean() > 0.4
    assert (autumn.green[field] < 0.3).mean() > 0.3
    assert (np.abs(earlier.green - rice.green)[field] > 0.3).mean() > 0.03
    assert not rice.flooded[~field].any()


def test_broadleaf_drops_its_leaves_and_conifers_keep_them(scenes: Scenes, world: World) -> None:
    def season(kind: Cover, months: tuple[int, ...]) -> float:
        return float(np.median(clear_ndvi(scenes, world.cover.where(kind), lambda day: day.month in months)))

    assert season(Cover.BROADLEAF, (7, 8)) - season(Cover.BROADLEAF, (1, 2)) > 0.25
    assert abs(season(Cover.CONIFER, (7, 8)) - season(Cover.CONIFER, (1, 2))) < 0.15


def test_the_spells_of_tsuyu_and_typhoons_are_overcast_and_winter_is_clear(world: World) -> None:
    def mean_share(day: date) -> float:
        return float(np.mean([cloud_share(world, day, np.random.default_rng(n)) for n in range(500)]))

    for spell in spells(world, 2026):
        middle = date.fromordinal(date(2026, 1, 1).toordinal() + int(spell.begin + spell.days / 2) - 1)
        assert mean_share(middle) > 0.9
        assert 22.0 <= spell.days <= 34.0
    assert mean_share(date(2026, 1, 15)) < mean_share(date(2026, 5, 1)) < 0.6


def test_radar_levels_are_ordered_as_in_the_literature(world: World, scenes: Scenes) -> None:
    def mean_db(name: str) -> FloatArray:
        rows = [raster.bands[name] for _, raster in of(scenes, Sensor.S1)[:30]]
        return power_to_db(np.asarray(np.nan_to_num(np.stack(rows)).mean(axis=0), np.float32))

    vv, vh = mean_db("VV"), mean_db("VH")

    def level(band: FloatArray, *kinds: Cover) -> float:
        return float(np.nanmedian(band[world.cover.where(*kinds)]))

    assert level(vv, Cover.TOWN) > level(vv, *FOREST) > level(vv, *FIELDS) > level(vv, Cover.WATER)
    assert -9.0 < level(vv, *FOREST) < -6.5 and -14.5 < level(vh, *FOREST) < -12.0


def test_speckle_has_the_stated_looks_and_is_shared_by_the_neighbours_of_a_cell() -> None:
    field = speckle((800, 800), np.random.default_rng(3)).astype(np.float64)
    assert field.mean() == pytest.approx(1.0, abs=0.01)
    assert 1.0 / field.var() == pytest.approx(ENL, rel=0.02)
    # Skewness of a Gamma distribution of so many looks.
    assert ((field - 1.0) ** 3).mean() / field.std() ** 3 == pytest.approx(2.0 / np.sqrt(ENL), rel=0.3)
    rest = field - 1.0

    def shared(rows: int, cols: int) -> float:
        return float((rest[rows:, cols:] * rest[: 800 - rows, : 800 - cols]).mean() / rest.var())

    # Cells of 20 m (range, along a row) and 22 m (azimuth) on a grid of 10 m.
    assert shared(0, 1) == pytest.approx(1.0 - 10.0 / 20.0, abs=0.03)
    assert shared(1, 0) == pytest.approx(1.0 - 10.0 / 22.0, abs=0.03)
    assert abs(shared(0, 2)) < 0.03 and shared(2, 0) < 0.09 and abs(shared(3, 0)) < 0.03


def test_two_looks_share_no_speckle_and_both_polarisations_have_their_own(world: World, scenes: Scenes) -> None:
    rows = [r for o, r in of(scenes, Sensor.S1) if o.track is not None and o.track.id == "46D"][:2]
    forest = world.cover.where(Cover.CONIFER) & np.isfinite(rows[0].bands["VV"])
    still = Painter.of(world).echoes
    free = [np.log(r.bands[band] / still[p])[forest] for r in rows for p, band in enumerate(("VV", "VH"))]
    correlation = np.corrcoef(np.stack(free))
    assert np.abs(correlation - np.eye(4)).max() < 0.15


def test_what_is_drawn_for_one_purpose_does_not_move_another(world: World) -> None:
    draws = [world.rng(purpose).random() for purpose in Purpose]
    assert len(set(draws)) == len(draws)


def test_an_island_lies_in_the_sea() -> None:
    island = build_world(spec(island=True))
    sea = island.cover.where(Cover.WATER)
    edge = np.ones_like(sea)
    edge[1:-1, 1:-1] = False
    assert sea[edge].all() and 0.3 < sea.mean() < 0.7
    assert island.cover.where(Cover.VOLCANIC).mean() > 0.03
    assert (island.terrain.height_m[sea] <= 0.5).all()
