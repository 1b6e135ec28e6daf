"""The sensor table, and which scenes may be compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sat_monitor.core.domain import Direction, Scene, Sensor, Track
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.sensors import SENSORS, check_bands, check_comparable, comparable
from tests.imagery_world import GRID, archived, raises_code


@pytest.fixture
def pair(tmp_path: Path) -> list[Scene]:
    return archived(Archive(tmp_path), Sensor.S1, range(2))


@pytest.mark.parametrize("sensor", list(Sensor))
def test_every_sensor_has_a_row_with_units_and_bands_that_can_be_required(sensor: Sensor) -> None:
    spec = SENSORS[sensor]
    assert spec.sensor is sensor and len(set(spec.names)) == len(spec.names)
    assert {name for choices in spec.required for name in choices} <= set(spec.names)
    assert all(spec.band(name).unit and spec.band(name).pixel_m > 0 for name in spec.names)


@pytest.mark.parametrize(
    ("sensor", "names"),
    [
        (Sensor.S1, ["VV", "VH"]),
        (Sensor.S2, ["B04", "B08", "SCL"]),
        (Sensor.S2, ["B04", "B8A", "SCL"]),
        (Sensor.S2, ["B02", "B03", "B04", "B08", "B8A", "B11", "B12", "SCL"]),
    ],
)
def test_the_needed_bands_are_enough(sensor: Sensor, names: list[str]) -> None:
    check_bands(sensor, names, "a")


@pytest.mark.parametrize(
    ("sensor", "names"),
    [
        (Sensor.S1, []),
        (Sensor.S1, ["VV"]),
        (Sensor.S1, ["VV", "VH", "HH"]),
        (Sensor.S2, ["B04", "B08"]),
        (Sensor.S2, ["B4", "B8", "SCL"]),
        (Sensor.S2, ["B04", "B11", "SCL"]),
    ],
)
def test_missing_and_unknown_bands_are_refused_with_their_names(sensor: Sensor, names: list[str]) -> None:
    with raises_code("E1203"):
        check_bands(sensor, names, "a")


def test_two_looks_of_one_track_are_compared_whatever_the_platform(pair: list[Scene]) -> None:
    one, two = pair
    assert comparable(one, replace(two, platform="sentinel-1c")) and comparable(two, one)
    assert comparable(one, replace(two, grid=replace(GRID, x0=GRID.x0 + 100.0)))
    check_comparable(one, two)


def test_looks_that_differ_in_geometry_are_not_compared(pair: list[Scene]) -> None:
    one, two = pair
    for other in (
        replace(two, track=Track(46, Direction.ASCENDING)),
        replace(two, track=Track(119, Direction.DESCENDING)),
        replace(two, track=None, sensor=Sensor.S2),
        replace(two, grid=replace(GRID, pixel_m=20.0)),
        replace(two, grid=replace(GRID, epsg=32653)),
        replace(two, grid=replace(GRID, x0=GRID.x0 + 10_000.0)),
    ):
        assert not comparable(one, other) and not comparable(other, one)
        with raises_code("E1206") as info:
            check_comparable(one, other)
        assert one.id in info.value.message and other.id in info.value.message
