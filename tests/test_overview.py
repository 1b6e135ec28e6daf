from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image
from shapely.geometry import box

from sat_monitor.core.domain import SiteStatus
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.tickets.composites import composite
from sat_monitor.tickets.overview import Background, render_overview
from tests.ticket_world import GRID, aoi, scene, site, snapshot

BACKGROUND = Background(composite(snapshot(scene("2024-06-20"))), GRID, "2024-06-20", "credit")


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def test_an_overview_shows_live_sites_only() -> None:
    none = render_overview(aoi(), BACKGROUND, [])
    merged = render_overview(aoi(), BACKGROUND, [site(merged_into="x")])
    one = render_overview(aoi(), BACKGROUND, [site()])
    watched = render_overview(aoi(), BACKGROUND, [site(status=SiteStatus.SUSPECTED)])
    assert none == merged
    assert len({none, one, watched}) == 3


def test_an_overview_is_the_same_twice_and_for_any_order_of_sites() -> None:
    rows = [site(), site(id="s-2", status=SiteStatus.SUSPECTED)]
    assert render_overview(aoi(), BACKGROUND, rows) == render_overview(aoi(), BACKGROUND, rows[::-1])


def test_simulated_overviews_carry_the_mark_and_need_no_background() -> None:
    picture = _open(render_overview(aoi(), None, [], "en", simulated=True))
    assert picture.getpixel((4, 60)) == (255, 191, 0)


def test_long_thin_areas_still_make_a_readable_picture() -> None:
    grid = Grid(32654, 340_000.0, 3_950_000.0, 10.0, 2_000, 40)
    thin = replace(aoi(), grid=grid, outline=reproject(box(*grid.bounds), 32654, 4326))
    assert min(_open(render_overview(thin, None, [])).size) >= 320
