"""The way of the water: down a made valley, past a debris-flow zone and a house at known distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.grid import Grid
from sat_monitor.imagery.drainage import steepest
from sat_monitor.simulate.drainage import catchment_px, drains_to
from sat_monitor.sites.flowpath import Relief, flow_path

GRID = Grid(32654, 0.0, 2000.0, 10.0, 200, 100)


@dataclass(frozen=True)
class Area:
    name: str
    geometry: BaseGeometry


def valley() -> Relief:
    """A valley that falls to the south along x = 505 m, curved by 0.008 1/m between evenly falling sides."""
    y, x = np.mgrid[0:200, 0:100].astype(np.float64)
    across = np.abs(x - 50.0)
    return Relief(GRID, (300.0 - y + np.minimum(0.4 * across**2, 6.0 + across)).astype(np.float32))


FILL = box(480.0, 1680.0, 530.0, 1720.0)


def test_a_debris_zone_800_m_down_the_valley_is_found_at_its_distance() -> None:
    arrives = Area("模擬沢", box(450.0, 600.0, 560.0, 880.0))
    elsewhere = Area("隣の沢", box(0.0, 600.0, 100.0, 1700.0))
    found = flow_path(FILL, valley(), [elsewhere, arrives], [])
    assert found is not None and found.zone_name == "模擬沢"
    assert found.zone_distance_m == pytest.approx(800.0, abs=25.0)
    assert found.house_distance_m is None
    assert found.hollow_index > 0.2 and 4.0 < found.toe_slope_deg < 12.0


def test_the_first_house_beside_the_way_counts_and_one_on_the_hillside_does_not() -> None:
    houses = [Area("", box(500.0, 1000.0, 510.0, 1010.0)), Area("", box(800.0, 1500.0, 810.0, 1510.0))]
    found = flow_path(FILL, valley(), [], houses)
    assert found is not None and found.house_distance_m == pytest.approx(675.0, abs=25.0)


def test_on_a_ridge_nothing_is_a_hollow() -> None:
    upside_down = Relief(GRID, (400.0 - valley().height_m).astype(np.float32))
    found = flow_path(FILL, upside_down, [], [])
    assert found is not None and found.hollow_index == 0.0


def test_where_no_height_is_known_there_is_no_way() -> None:
    assert flow_path(FILL, Relief(GRID, np.full(GRID.shape, np.nan, np.float32)), [], []) is None
    assert flow_path(box(1e6, 1e6, 1e6 + 50, 1e6 + 50), valley(), [], []) is None


def test_the_way_ends_where_heights_end() -> None:
    relief = valley()
    relief.height_m[150:] = np.nan
    found = flow_path(FILL, relief, [Area("遠い", box(450.0, 0.0, 560.0, 200.0))], [])
    assert found is not None and found.zone_distance_m is None
    assert found.line.bounds[1] >= 490.0


def test_every_pixel_drains_off_and_nothing_is_lost() -> None:
    rng = np.random.default_rng(1)
    for height in (rng.normal(size=(40, 50)), np.round(rng.normal(size=(40, 50)))):
        ground = steepest(height.astype(np.float32))
        out = ground.receiver < 0
        assert ground.catchment_px[out].sum() == height.size
        simulated = catchment_px(height.astype(np.float32))
        assert simulated[drains_to(height.astype(np.float32)) < 0].sum() == height.size
