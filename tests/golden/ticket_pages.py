"""Makes the golden pictures of a ticket's pages: `python -m tests.golden.ticket_pages`, then look at them."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image
from shapely.geometry import LineString, box

from sat_monitor.core.domain import GrowthPoint
from sat_monitor.core.surroundings import FlowPath, RoadPoint, Surroundings
from sat_monitor.tickets.records import MotionProof, TicketRequest
from sat_monitor.tickets.ticket import ticket_pages
from tests.ticket_world import GRID, request, scene, snapshot

FOLDER = Path(__file__).parent
PPI = 60.0
LANGS = ("ja", "en")


def full_request() -> TicketRequest:
    """A ticket with everything that a page can show."""
    growth = tuple(
        GrowthPoint(datetime(2024, 6, 1, 1, 30, tzinfo=UTC) + timedelta(days=10 * n), 300.0 + 110.0 * n, 90.0, 3.0)
        for n in range(9)
    )
    x, y = GRID.to_metres(61, 59)
    way = LineString([(x, y), (x + 150, y - 200), (x + 300, y - 500)])
    flow = FlowPath(way, "沢A", 400.0, 480.0, 9_000.0, 0.6, 12.0, box(x + 200, y - 560, x + 420, y - 380))
    around = Surroundings(flow=flow, road=RoadPoint(x - 120, y + 60, 120.0, 100.0, "市道"))
    rows, cols = np.mgrid[0 : GRID.height, 0 : GRID.width]
    velocity = (-30.0 * np.exp(-((rows - 61) ** 2 + (cols - 59) ** 2) / 60.0)).astype(np.float32)
    velocity[50:56, 70:80] = np.nan
    series = tuple((date(2023, 1, 5) + timedelta(days=12 * n), -0.9 * n) for n in range(40))
    motion = MotionProof(series, -28.4, 1.9, "west", True, date(2024, 2, 1), GRID, velocity)
    oldest = snapshot(scene("2022-05-01"))
    return request(oldest=oldest, growth=growth, surroundings=around, motion=motion)


def pages(lang: str) -> list[Image.Image]:
    """The pages in shades of grey."""
    return [Image.open(io.BytesIO(png)).convert("L") for png in ticket_pages(full_request(), lang, PPI)]


def path_of(lang: str, number: int) -> Path:
    """Where a page is kept."""
    return FOLDER / f"ticket_{lang}_{number + 1}.png"


if __name__ == "__main__":
    for language in LANGS:
        for index, page in enumerate(pages(language)):
            page.quantize(16).save(path_of(language, index), optimize=True)
