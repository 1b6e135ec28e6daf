"""Which moving area speaks for a site: those that touch it, of several the fastest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shapely.affinity import translate
from shapely.geometry import mapping

from sat_monitor.core.errors import DeformationError
from sat_monitor.core.grid import reproject
from sat_monitor.core.home import Home
from sat_monitor.imagery.aois import aoi_from_outline
from sat_monitor.signs import moving_signs, signs_of
from sat_monitor.sites.priority import Signs
from tests.store_world import AOI, site

AREA = aoi_from_outline(AOI, reproject(site().outline.buffer(500.0), 32654, 4326), "x", "x", epsg=32654)


def listed(tmp_path: Path, *rows: tuple[float, float, bool]) -> Home:
    """A home whose list has areas moved east by the first number (m), with rate and whether it gets faster."""

    features = [
        {
            "type": "Feature", "geometry": mapping(reproject(translate(site().outline, east), 32654, 4326)),
            "properties": {"velocity_mm_per_yr": rate, "faster": faster},
        }
        for east, rate, faster in rows
    ]  # fmt: skip
    home = Home(tmp_path)
    home.moving_areas(AOI).parent.mkdir(parents=True)
    home.moving_areas(AOI).write_text(json.dumps({"features": features}), encoding="utf-8")
    return home


def test_the_fastest_touching_area_counts_and_any_that_accelerates(tmp_path: Path) -> None:
    home = listed(tmp_path, (30.0, 12.0, True), (50.0, -18.5, False), (200.0, -90.0, True))

    assert moving_signs(home, AREA, [site()]) == {"site-1": Signs(los_mm_per_year=-18.5, accelerates=True)}


def test_no_list_and_no_touch_say_nothing(tmp_path: Path) -> None:
    assert moving_signs(Home(tmp_path), AREA, [site()]) == {}
    assert moving_signs(listed(tmp_path, (200.0, -90.0, True)), AREA, [site()]) == {}


@pytest.mark.parametrize("content", ["", "[]", '{"features": [{}]}', '{"features": 3}'])
def test_a_damaged_list_is_told_by_number(tmp_path: Path, content: str) -> None:
    home = listed(tmp_path)
    home.moving_areas(AOI).write_text(content, encoding="utf-8")

    with pytest.raises(DeformationError, match="E2207"):
        moving_signs(home, AREA, [site()])


def test_bare_ground_at_work_speaks_for_the_sites_that_touch_it(tmp_path: Path) -> None:
    home = listed(tmp_path, (30.0, 12.0, False))
    touching, apart = (reproject(translate(site().outline, east), 32654, 4326) for east in (20.0, 300.0))
    for outline, at_work in ((touching, True), (apart, False)):
        features = [{"type": "Feature", "geometry": mapping(outline), "properties": {}}]
        home.work_areas(AOI).write_text(json.dumps({"features": features}), encoding="utf-8")
        signs = signs_of(home, AREA, [site()], [])["site-1"]
        assert signs.at_work is at_work and signs.los_mm_per_year == 12.0
