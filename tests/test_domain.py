"""The nouns: frozen values, times in UTC, order by time and id."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from shapely.geometry import box

from sat_monitor.core import domain
from sat_monitor.core.domain import AOI, ChainHead, Direction, Look, Scene, Sensor, Track
from sat_monitor.core.grid import Grid

GRID = Grid(32654, 380_000.0, 3_950_000.0, 10.0, 4, 6)
AT = datetime(2026, 5, 1, 10, 30, tzinfo=timezone(timedelta(hours=9)))
RECORDS = [kind for kind in vars(domain).values() if dataclasses.is_dataclass(kind) and kind is not Grid]


def scene(**changes: Any) -> Scene:
    made = Scene(
        id="s2-1", aoi="w", sensor=Sensor.S2, platform="sentinel-2b", acquired_at=AT, track=None, grid=GRID,
        valid_fraction=1.0, cloud_fraction=0.1, source_id="test", request_sha256="1" * 64, file_sha256="2" * 64,
        pixels_sha256="3" * 64,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def look(**changes: Any) -> Look:
    return dataclasses.replace(Look("s2-1", "w", Sensor.S2, AT, ()), **changes)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_noun_is_frozen_slotted_and_explains_itself(kind: type) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(kind)
    assert kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}(")


@pytest.mark.parametrize("made", [scene(), look()], ids=["scene", "look"])
def test_times_become_utc_and_a_naive_one_is_refused(made: Scene | Look) -> None:
    assert made.acquired_at == datetime(2026, 5, 1, 1, 30, tzinfo=UTC) and made.acquired_at.tzinfo is UTC
    with pytest.raises(ValueError, match="naive"):
        dataclasses.replace(made, acquired_at=datetime(2026, 5, 1))


def test_the_fold_orders_by_time_and_then_by_id_for_scenes_and_looks_alike() -> None:
    later = AT + timedelta(seconds=1)
    scenes = [scene(id="b"), scene(id="a", acquired_at=later), scene(id="a")]
    looks = [look(scene_id=s.id, acquired_at=s.acquired_at) for s in scenes]
    assert [s.id for s in sorted(scenes, key=lambda s: s.order)] == ["a", "b", "a"]
    assert sorted(s.order for s in scenes) == sorted(one.order for one in looks)


def test_a_track_is_named_by_orbit_and_direction() -> None:
    assert Track(46, Direction.DESCENDING).id == "46D" and Track(137, Direction.ASCENDING).id == "137A"
    assert Track(46, Direction.ASCENDING) != Track(46, Direction.DESCENDING)


def test_the_head_of_the_chain_prints_as_people_write_it() -> None:
    assert str(ChainHead(41, "ab12")) == "41:ab12"


def test_an_area_is_equal_by_value() -> None:
    one, two = (AOI("w", "試験", "Test", box(0, 0, 1, 1), GRID) for _ in range(2))
    assert one == two
