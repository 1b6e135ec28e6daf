"""Made layers: the same every time, true to their truth, and read by the importer as an office's would be."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from sat_monitor.core.clock import fixed_clock
from sat_monitor.core.domain import StartInterval
from sat_monitor.core.home import Home
from sat_monitor.core.surroundings import PermitState
from sat_monitor.overlays.importing import Origin, import_overlay
from sat_monitor.overlays.kinds import LayerKind
from sat_monitor.overlays.layers import Overlays
from sat_monitor.overlays.mapping import LayerMapping
from sat_monitor.simulate.kinds import EventKind
from sat_monitor.simulate.overlays import MadeOverlays, PermitTruth, made_overlays, write_overlays
from sat_monitor.simulate.world import World
from tests.sim_world import busy


@cache
def made() -> tuple[World, MadeOverlays]:
    world = busy()
    return world, made_overlays(world)


def test_the_same_world_has_the_same_layers() -> None:
    world, layers = made()
    assert made_overlays(world) == layers


def test_all_that_the_truth_can_say_occurs() -> None:
    world, layers = made()
    assert {one.permit for one in layers.truth} == set(PermitTruth)
    assert {one.above_houses for one in layers.truth} == {True, False}
    assert any(one.zone_below_m is None for one in layers.truth) and any(one.zone_below_m for one in layers.truth)
    assert len({one.designated_on for one in layers.truth}) == 2
    for fill, one in zip(world.fills, layers.truth, strict=True):
        assert fill.kind is not EventKind.PERMITTED_WORKS or one.permitted


@pytest.fixture(scope="module")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> Overlays:
    folder: Path = tmp_path_factory.mktemp("made")
    home, clock = Home(folder / "home"), fixed_clock(datetime(2026, 10, 1, tzinfo=UTC))
    for kind, path in write_overlays([made()[1]], folder).items():
        import_overlay(home, LayerKind(kind), path, Origin("simulated", "none"), LayerMapping(), clock)
    return Overlays.open(home)


def test_the_importer_finds_of_every_fill_the_permit_that_is_true(overlays: Overlays) -> None:
    world, layers = made()
    for fill, one in zip(world.fills, layers.truth, strict=True):
        works = StartInterval(fill.cleared_on, fill.ready_on)
        permits = [p for p in overlays.around(fill.outline, world.grid.epsg, works).permits if p.share > 0.0]
        full = any(p.share > 0.99 and p.state is PermitState.IN_FORCE for p in permits)
        assert full == one.permitted, (fill.id, one.permit, permits)
        assert bool(permits) >= (one.permit is not PermitTruth.NONE)


def test_the_importer_finds_of_every_fill_its_zone_and_municipality(overlays: Overlays) -> None:
    world, layers = made()
    for fill, one in zip(world.fills, layers.truth, strict=True):
        found = overlays.around(fill.outline, world.grid.epsg, fill_start(fill.cleared_on))
        assert found.zones[0].designated_on == one.designated_on
        assert found.municipality is not None and found.road is not None and found.place_name is not None


def fill_start(day: object) -> StartInterval:
    return StartInterval(None, day)  # type: ignore[arg-type]
