"""What happens to the ground: nothing before its day, as much as the configuration says, and by known stages."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest

from sat_monitor.core.domain import BoolArray
from sat_monitor.simulate.config import EventWorld
from sat_monitor.simulate.events import Event
from sat_monitor.simulate.ground import ground_on, part_of
from sat_monitor.simulate.kinds import CONFUSERS, EARTHWORKS, Cover, EventKind, Stage
from sat_monitor.simulate.recipes import RECIPES
from sat_monitor.simulate.world import World, WorldSpec, build_world, spec_of
from tests.sim_world import FIRST, LAST, busy, config

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def world() -> World:
    return busy()


def of_kind(world: World, kind: EventKind) -> list[Event]:
    return [event for event in (*world.fills, *world.confusers) if event.kind is kind]


def without(world: World, event: Event) -> World:
    """The same world in which one event never happens."""
    rest = [tuple(e for e in part if e.id != event.id) for part in (world.fills, world.confusers)]
    return World(world.spec, world.terrain, world.cover, *rest)


# --- causality -----------------------------------------------------------------------------------------------------


def test_nothing_changes_on_or_before_the_first_day_of_an_event(world: World) -> None:
    for event in (*world.fills, *world.confusers):
        for day in (event.cleared_on - 90 * DAY, event.cleared_on - DAY, event.cleared_on):
            assert list(event.surfaces(day)) == [None]
            assert event.stage_on(day) is None and event.moved_m2(day, 10.0) == 0.0
        assert len(event.surfaces(event.cleared_on + 2 * DAY)) > 1


def test_a_world_that_ends_earlier_or_lacks_an_event_is_the_same_until_then(world: World) -> None:
    event = min(world.fills, key=lambda fill: fill.cleared_on)
    other = without(world, event)
    for day in (event.cleared_on - DAY, event.cleared_on):
        before, beside = ground_on(world, day), ground_on(other, day)
        assert [p.event.id for p in before.patches] == [p.event.id for p in beside.patches]
        assert np.array_equal(before.season.green, beside.season.green)
    later = ground_on(world, event.cleared_on + 3 * DAY)
    assert event.id in {patch.event.id for patch in later.patches}


def test_an_event_changes_no_pixel_outside_of_its_outline(world: World) -> None:
    for event in world.fills[:5]:
        outside = event.plot.inside == 0.0
        for patch in ground_on(world, LAST).patches:
            if patch.event.id == event.id:
                assert (patch.natural[outside] == 1.0).all()
                assert all((part[outside] == 0.0).all() for _, part in patch.brought)


# --- how each kind goes --------------------------------------------------------------------------------------------


def test_earthworks_go_from_cleared_to_filling_to_worked_and_some_green_over(world: World) -> None:
    order = [None, *Stage]
    greened = 0
    for event in of_kind(world, EventKind.FILL):
        days = [event.cleared_on + n * DAY for n in range(0, 400, 1)]
        stages = [event.stage_on(day) for day in days]
        ranks = [order.index(stage) for stage in stages]
        assert ranks == sorted(ranks)
        assert {Stage.CLEARED, Stage.FILLING, Stage.WORKED} <= set(stages)
        greened += Stage.GREENING in stages
    assert 0 < greened < len(of_kind(world, EventKind.FILL))


def test_area_and_volume_grow_to_those_of_the_outline(world: World) -> None:
    for event in world.fills:
        days = [event.cleared_on + n * DAY for n in range(0, (event.ready_on - event.cleared_on).days + 2, 3)]
        areas = [event.moved_m2(day, 10.0) for day in [*days, event.ready_on + DAY]]
        assert areas == sorted(areas) and areas[0] == 0.0
        assert areas[-1] == pytest.approx(event.area_m2, rel=0.03)
        assert event.volume_on(event.ready_on + DAY, 10.0) == pytest.approx(event.volume_m3, rel=0.03)
        assert (event.depth_m < 0.0) == (event.kind is EventKind.CUT)


def test_a_fill_creeps_over_its_plot_from_one_side(world: World) -> None:
    event = max(of_kind(world, EventKind.FILL_OVER_MONTHS), key=lambda e: e.area_m2)
    assert (event.ready_on - event.filled_on).days > 75
    middle = event.filled_on + (event.ready_on - event.filled_on) / 2
    soil = event.surfaces(middle)[Cover.SOIL]
    full = (soil > 0.9 * event.plot.inside) & (event.plot.inside > 0.5)
    none = (soil < 0.1 * event.plot.inside) & (event.plot.inside > 0.5)
    assert full.mean() > 0.1 and none.mean() > 0.1
    assert soil.sum() == pytest.approx(0.5 * event.plot.inside.sum(), rel=0.15)


def test_four_dumps_of_300_m2_come_within_a_year(world: World) -> None:
    for event in of_kind(world, EventKind.DUMPS):
        assert event.area_m2 == pytest.approx(1200.0)
        dumps = [step for step in event.steps if step.becomes is Cover.SOIL]
        assert len(dumps) == 4 and (dumps[-1].end - event.cleared_on).days <= 366
        for number, step in enumerate(dumps, start=1):
            assert event.moved_m2(step.end + DAY, 10.0) == pytest.approx(300.0 * number, rel=0.25)


def test_a_redump_buries_what_had_grown_over_it(world: World) -> None:
    for event in of_kind(world, EventKind.REDUMP):
        first, second = (step for step in event.steps if step.becomes is Cover.SOIL)
        green = event.surfaces(second.day)[Cover.HERBS]
        assert green.sum() > 0.7 * event.plot.inside.sum()
        assert event.stage_on(second.day) is Stage.GREENING
        again = event.surfaces(second.end + DAY)
        assert again[Cover.SOIL].sum() > 0.85 * event.plot.inside.sum() and first.end < second.day


def test_a_passing_change_leaves_the_ground_as_it_was(world: World) -> None:
    for kind in (EventKind.HARVEST, EventKind.PLOUGHING, EventKind.DROUGHT, EventKind.FLOOD, EventKind.SNOW):
        for event in of_kind(world, kind)[:3]:
            long_after = event.steps[-1].end + DAY
            assert event.surfaces(long_after)[None].sum() == pytest.approx(event.plot.inside.sum(), rel=1e-4)


def test_every_event_lies_on_ground_that_suits_its_kind_and_in_its_season(world: World) -> None:
    for event in (*world.fills, *world.confusers):
        recipe = RECIPES[event.kind]
        good: BoolArray = world.cover.where(*recipe.on)
        assert event.plot.share[good].sum() > 0.95 * event.plot.share.sum()
        assert recipe.days[0] <= event.cleared_on.timetuple().tm_yday <= recipe.days[1]


# --- counts, mix, seeds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_counts_follow_the_configured_rates(rate: float) -> None:
    events = EventWorld(earthworks_per_km2_year=rate, confusers_per_earthwork=10.0, largest_m2=3000.0)
    built = build_world(spec_of(config(256, events=events), 3))
    km2, years = 2.56**2, 730 / 365.25
    open_years = (730 - 365 - 60) / 365.25
    assert abs(len(built.fills) - rate * km2 * open_years) <= 1.0
    assert abs(len(built.confusers) - 10.0 * rate * km2 * years) <= 1.0
    assert len(built.confusers) >= 10 * len(built.fills)
    assert all(FIRST + 365 * DAY <= fill.cleared_on <= LAST - 60 * DAY for fill in built.fills)
    assert all(FIRST <= event.cleared_on <= LAST for event in built.confusers)


def test_kinds_follow_the_configured_mix(world: World) -> None:
    mix = world.spec.config.events.earthworks
    counts = Counter(event.kind for event in world.fills)
    for kind in EARTHWORKS:
        assert abs(counts[kind] - len(world.fills) * mix[kind] / sum(mix.values())) <= 1.0
    assert all(event.is_earthwork for event in world.fills)
    assert not any(event.is_earthwork for event in world.confusers)
    only = EventWorld(confusers={EventKind.LANDSLIDE: 1.0}, earthworks={EventKind.CUT: 1.0}, largest_m2=2000.0)
    small = build_world(spec_of(config(200, events=only), 3))
    assert {event.kind for event in small.fills} <= {EventKind.CUT}
    assert {event.kind for event in small.confusers} == {EventKind.LANDSLIDE}


def test_a_kind_without_room_gives_its_place_to_the_others() -> None:
    """64 pixels hold no quarry."""
    mix = {EventKind.QUARRY_WORK: 1.0, EventKind.HARVEST: 1.0, EventKind.LEAF_OFF: 1.0}
    events = EventWorld(earthworks_per_km2_year=1.0, confusers_per_earthwork=10.0, confusers=mix, largest_m2=1000.0)
    built = build_world(spec_of(config(96, events=events), 4))
    assert not built.cover.where(Cover.QUARRY).any()
    assert EventKind.QUARRY_WORK not in {event.kind for event in built.confusers}
    assert len(built.confusers) >= 0.8 * 10.0 * 0.96**2 * 730 / 365.25


def test_sizes_are_even_in_the_logarithm_between_the_configured_bounds(world: World) -> None:
    areas = [e.area_m2 for e in world.fills if e.kind is not EventKind.DUMPS]
    assert min(areas) >= 299.0 and max(areas) <= 6001.0
    small = sum(area < 300.0 * np.sqrt(6000.0 / 300.0) for area in areas)
    assert 0.35 < small / len(areas) < 0.75


def test_events_lie_apart_from_each_other_and_have_ids_in_order_of_time(world: World) -> None:
    events = (*world.fills, *world.confusers)
    taken = np.zeros(world.grid.shape, np.int64)
    for event in events:
        taken += event.plot.share > 0.0
    assert taken.max() == 1
    assert len({event.id for event in events}) == len(events)
    for part in (world.fills, world.confusers):
        assert [e.cleared_on for e in part] == sorted(e.cleared_on for e in part)


def test_a_seed_gives_the_same_events_every_time_and_another_seed_others(world: World) -> None:
    again, other = busy(), busy(seed=12)
    key = [(e.id, e.kind, e.outline.wkb, e.steps) for e in (*world.fills, *world.confusers)]
    assert key == [(e.id, e.kind, e.outline.wkb, e.steps) for e in (*again.fills, *again.confusers)]
    assert key != [(e.id, e.kind, e.outline.wkb, e.steps) for e in (*other.fills, *other.confusers)]


def test_a_configuration_builds_the_world_of_its_first_seed() -> None:
    chosen = config(96, seeds=(8, 9))
    direct, by_spec = build_world(chosen), build_world(spec_of(chosen, 8))
    assert direct.spec == by_spec.spec and isinstance(direct.spec, WorldSpec) and direct.spec.seed == 8
    assert np.array_equal(direct.cover.classes, by_spec.cover.classes)
    assert direct.grid.shape == (96, 96)


def test_every_land_cover_and_every_kind_of_event_occurs_in_a_large_enough_world(world: World) -> None:
    land = {Cover(code) for code in np.unique(world.cover.classes)}
    assert land == {Cover(n) for n in range(12)}
    assert {event.kind for event in world.confusers} == set(CONFUSERS)


def test_soil_and_herbs_of_an_event_are_found_on_the_map(world: World) -> None:
    fill = max(of_kind(world, EventKind.FILL), key=lambda e: e.area_m2)
    soil = part_of(world, ground_on(world, fill.ready_on + DAY), Cover.SOIL)
    assert soil[fill.plot.share > 0.99].mean() > 0.7
    assert date(2024, 1, 1) < fill.ready_on
