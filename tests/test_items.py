"""STAC items: what a scene is, as others read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pystac
import pystac.validation
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pystac.extensions.eo import EOExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.sat import SatExtension
from shapely.geometry import shape

from sat_monitor.core.domain import Direction, Scene, Sensor, Track
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.items import file_facts, grid_of, scene_item, scene_of_item, sensor_of, track_of
from tests.imagery_world import AT, GRID, TRACK

SHA = "ab" * 32


def scene(**changes: Any) -> Scene:
    plain = Scene(
        "s1-000", "plot", Sensor.S1, "sentinel-1a", AT, TRACK, GRID, 0.75, None, "test", SHA, "cd" * 32, "ef" * 32
    )
    return replace(plain, **changes)


OPTICAL = scene(sensor=Sensor.S2, platform="sentinel-2c", track=None, cloud_fraction=0.25)
BANDS = {Sensor.S1: ("VV", "VH"), Sensor.S2: ("B04", "B08", "SCL")}


def item_of(value: Scene) -> dict[str, Any]:
    return scene_item(value, BANDS[value.sensor], 12_345)


@pytest.mark.parametrize("value", [scene(), OPTICAL], ids=["s1", "s2"])
def test_an_item_is_valid_by_the_core_schema(value: Scene) -> None:
    plain = {**item_of(value), "stac_extensions": []}
    assert pystac.validation.validate_dict(plain)


def test_the_core_schema_is_not_asleep() -> None:
    plain = {**item_of(scene()), "stac_extensions": []}
    with pytest.raises(pystac.errors.STACValidationError):
        pystac.validation.validate_dict({**plain, "properties": {**plain["properties"], "datetime": "yesterday"}})


@pytest.mark.parametrize("value", [scene(), OPTICAL], ids=["s1", "s2"])
def test_others_read_grid_file_orbit_and_cloud_through_the_extensions(value: Scene) -> None:
    item = pystac.Item.from_dict(item_of(value))
    projection = ProjectionExtension.ext(item)
    assert (projection.code, projection.epsg) == ("EPSG:32654", 32654)
    assert projection.shape == [96, 80] and projection.transform == list(GRID.affine)[:6]
    file = FileExtension.ext(item.assets["data"])
    assert (file.checksum, file.size) == ("1220" + value.file_sha256, 12_345)
    if value.track is not None:
        satellite = SatExtension.ext(item)
        assert satellite.relative_orbit == 46 and satellite.orbit_state.value == "descending"
    if value.cloud_fraction is not None:
        assert EOExtension.ext(item).cloud_cover == 25.0


@pytest.mark.parametrize("value", [scene(), OPTICAL], ids=["s1", "s2"])
def test_each_band_tells_its_name_unit_type_and_pixel(value: Scene) -> None:
    item = pystac.Item.from_dict(item_of(value))
    [asset] = item.assets.values()
    assert asset.media_type == pystac.MediaType.COG and asset.roles == ["data"]
    bands = asset.extra_fields["bands"]
    assert tuple(band["name"] for band in bands) == BANDS[value.sensor]
    for band in bands:
        assert band["unit"] and band["description"]
        assert (band["data_type"], band["nodata"], band["raster:spatial_resolution"]) == ("float32", "nan", 10.0)


def test_the_extensions_named_are_those_whose_fields_are_used() -> None:
    for value in (scene(), OPTICAL):
        item = item_of(value)
        text = repr(item["properties"]) + repr(item["assets"])
        for prefix in ("proj", "raster", "file", "sat", "eo"):
            known = {"proj": "projection", "sat": "/sat/", "eo": "/eo/"}.get(prefix, prefix)
            named = any(known in url for url in item["stac_extensions"])
            assert named == (f"'{prefix}:" in text), prefix


def test_geometry_and_bbox_are_the_grids_footprint() -> None:
    item = item_of(scene())
    assert shape(item["geometry"]).equals(GRID.footprint_lonlat)
    assert tuple(item["bbox"]) == GRID.footprint_lonlat.bounds


scenes = st.builds(
    scene,
    track=st.builds(Track, st.integers(1, 175), st.sampled_from(Direction)),
    acquired_at=st.integers(0, 10**12).map(lambda us: AT + timedelta(microseconds=us)),
    grid=st.builds(
        Grid,
        st.sampled_from([32601, 32654, 32760, 3035]),
        st.integers(-(10**6), 10**6).map(lambda n: n * 0.5),
        st.integers(-(10**6), 10**7).map(lambda n: n * 0.5),
        st.sampled_from([10.0, 20.0, 30.0, 2.5]),
        st.integers(1, 9000),
        st.integers(1, 9000),
    ),
    valid_fraction=st.floats(0.0, 1.0),
    processing_baseline=st.none() | st.sampled_from(["05.11", "1.0"]),
    simulated=st.booleans(),
)


@given(scenes)
def test_a_scene_is_the_same_after_its_item(value: Scene) -> None:
    assert scene_of_item(scene_item(value, ("VV", "VH"), 1)) == value


@pytest.mark.parametrize(
    "transform", [[10, 0, 0, 0, 10, 0], [10, 1, 0, 0, -10, 0], [10, 0, 0, 0, -20, 0], [-10, 0, 0, 0, 10, 0]], ids=str
)
def test_a_grid_that_is_not_north_up_squares_is_no_grid(transform: list[float]) -> None:
    with pytest.raises(ValueError, match="north-up"):
        grid_of({"proj:code": "EPSG:32654", "proj:shape": [1, 1], "proj:transform": transform})


@pytest.mark.parametrize(
    ("properties", "sensor"),
    [
        ({"constellation": "sentinel-1"}, Sensor.S1),
        ({"platform": "Sentinel-2C"}, Sensor.S2),
        ({"platform": "sentinel-1d", "constellation": "Sentinel-1"}, Sensor.S1),
    ],
)
def test_a_sensor_is_known_by_constellation_or_platform(properties: Mapping[str, str], sensor: Sensor) -> None:
    assert sensor_of(properties) is sensor


@pytest.mark.parametrize("properties", [{}, {"platform": "landsat-9"}, {"platform": "sentinel-3a"}])
def test_another_satellite_is_not_taken_for_one_of_ours(properties: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match="sensor table"):
        sensor_of(properties)


def test_half_a_track_is_no_track() -> None:
    assert track_of({"sat:relative_orbit": 46}) is None
    assert track_of({"sat:orbit_state": "ascending"}) is None
    assert track_of({"sat:relative_orbit": 46, "sat:orbit_state": "ascending"}) == Track(46, Direction.ASCENDING)


@pytest.mark.parametrize("checksum", ["", "d50110" + "0" * 32, "1220" + "0" * 63, "1220" + "0" * 65])
def test_a_checksum_of_another_kind_promises_nothing(checksum: str) -> None:
    assert file_facts({"href": "a", "file:checksum": checksum}).sha256 is None
    assert file_facts({"href": "a", "file:checksum": "1220" + SHA}).sha256 == SHA
