from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import MultiPolygon, box

from sat_monitor.core.domain import Sensor
from sat_monitor.core.errors import TicketError
from sat_monitor.tickets.composites import SCORE_COLOURS, Snapshot, composite, display_bands, score_colours
from sat_monitor.tickets.snippets import (
    SIZE_PX,
    Labels,
    Marks,
    draw_missing,
    draw_scene,
    draw_score,
    encode_jpeg,
    polygon_rings,
    scale_length_m,
)
from sat_monitor.tickets.view import detail_frame, detail_window, location_frame, location_window
from tests.ticket_world import GRID, OUTLINE, request, scene, snapshot

LABELS = Labels("変化前", "2024-05-02", "contains modified Copernicus Sentinel data 2024", "模擬データ")
MARKS = Marks(OUTLINE, GRID.epsg)


def _luma(colours: tuple[tuple[int, int, int], ...]) -> list[float]:
    return [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in colours]


def test_score_colours_only_get_darker() -> None:
    steps = np.diff(_luma(SCORE_COLOURS))
    assert (steps < 0).all()


def test_the_outline_lies_where_the_ground_is() -> None:
    """A pixel-perfect check: the magenta line must run along the outline's west edge, and nowhere in its middle."""
    frame = detail_frame(OUTLINE, GRID.epsg)
    picture = np.asarray(draw_scene(composite(snapshot(scene("2024-05-02"))), GRID, frame, MARKS, LABELS)).astype(int)
    west, south, _, north = OUTLINE.bounds
    (x, y), (mid_x, mid_y) = frame.to_picture(
        np.array([(west, (south + north) / 2), (OUTLINE.centroid.x, OUTLINE.centroid.y)]), SIZE_PX
    )
    pink = (picture[..., 0] > 200) & (picture[..., 1] < 110) & (picture[..., 2] > 150)
    assert pink[round(y), round(x) - 1 : round(x) + 2].any()
    assert not pink[round(mid_y), round(mid_x)]


def test_bright_ground_shows_at_its_own_place() -> None:
    frame = detail_frame(OUTLINE, GRID.epsg)
    colours = composite(snapshot(scene("2024-05-02")))
    picture = np.asarray(draw_scene(colours, GRID, frame, MARKS, LABELS).convert("L")).astype(float)
    (x, y), (away_x, away_y) = frame.to_picture(
        np.array([(OUTLINE.centroid.x, OUTLINE.centroid.y), (OUTLINE.centroid.x - 120, OUTLINE.centroid.y)]), SIZE_PX
    )
    assert picture[round(y), round(x)] > picture[round(away_y), round(away_x)] + 40


@pytest.mark.parametrize("available", [("B04", "B03", "B02", "B08"), ("B04", "B08", "B11"), ("B04", "B08"), ("B04",)])
def test_any_set_of_optical_bands_makes_a_picture_of_the_bands_asked_for(available: tuple[str, ...]) -> None:
    names = display_bands(frozenset(available), Sensor.S2)
    assert set(names) <= set(available)
    bands = {name: np.full(GRID.shape, 0.1, np.float32) for name in names}
    assert composite(Snapshot("", scene("2024-05-02"), GRID, bands)).rgba.shape == (*GRID.shape, 4)


def test_a_scene_without_a_band_to_show_is_refused_by_number() -> None:
    with pytest.raises(TicketError, match="E1206"):
        composite(Snapshot("", scene("2024-05-02"), GRID, {"SCL": np.zeros(GRID.shape, np.float32)}))


def test_bands_off_their_grid_are_refused_with_both_shapes() -> None:
    with pytest.raises(TicketError, match=r"\(3, 3\), its grid \(120, 120\)"):
        Snapshot("", scene("2024-05-02"), GRID, {"B04": np.zeros((3, 3), np.float32)})


def test_missing_pixels_are_transparent_and_do_not_darken_their_neighbours() -> None:
    bands = {name: np.full(GRID.shape, 0.2, np.float32) for name in ("B02", "B03", "B04")}
    for values in bands.values():
        values[:, :60] = np.nan
    rgba = composite(Snapshot("", scene("2024-05-02"), GRID, bands)).rgba
    assert (rgba[:, :60, 3] == 0).all() and (rgba[:, 60:, 3] == 255).all()


def test_sar_with_one_channel_or_zero_power_still_draws() -> None:
    of = scene("2024-05-02", Sensor.S1)
    one = Snapshot("", of, GRID, {"VV": np.full(GRID.shape, 0.1, np.float32)})
    assert composite(one).style == "sar_grey"
    dark = Snapshot("", of, GRID, {"VV": np.zeros(GRID.shape, np.float32), "VH": np.zeros(GRID.shape, np.float32)})
    assert (composite(dark).rgba[..., 3] == 0).all()


def test_score_pictures_hold_scores_beyond_the_legend() -> None:
    field = request().score
    wild = field.values.copy()
    wild[0, 0], wild[1, 1], wild[2, 2] = np.nan, 99.0, -99.0
    rgba = score_colours(replace(field, values=wild)).rgba
    assert rgba[0, 0, 3] == 0
    assert tuple(rgba[1, 1, :3]) == SCORE_COLOURS[-1] and tuple(rgba[2, 2, :3]) == SCORE_COLOURS[0]


def test_pictures_are_jpeg_of_one_size_and_the_same_bytes_twice() -> None:
    frame = detail_frame(OUTLINE, GRID.epsg)
    first = encode_jpeg(draw_score(request().score, frame, MARKS, LABELS))
    assert first == encode_jpeg(draw_score(request().score, frame, MARKS, LABELS))
    with Image.open(io.BytesIO(first)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (SIZE_PX, SIZE_PX))
    assert draw_missing(LABELS).size == (SIZE_PX, SIZE_PX)


def test_noise_does_not_make_a_picture_heavy() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (SIZE_PX, SIZE_PX, 3), np.uint8)
    assert len(encode_jpeg(Image.fromarray(noise))) < 400_000


@pytest.mark.parametrize(
    ("side", "length"), [(400, 100), (600, 100), (800, 200), (3_000, 500), (25_600, 5_000), (3, 1)]
)
def test_scale_bars_are_round_and_a_quarter_at_most(side: float, length: int) -> None:
    assert scale_length_m(side) == length


def test_windows_cover_their_frames_or_end_at_the_grid() -> None:
    detail = GRID.window(detail_window(OUTLINE, GRID)).bounds
    frame = detail_frame(OUTLINE, GRID.epsg).bounds
    assert detail[0] <= frame[0] and detail[1] <= frame[1] and detail[2] >= frame[2] and detail[3] >= frame[3]
    wide = location_frame(OUTLINE, GRID)
    assert wide.side_m == 1_200.0 and wide.bounds == GRID.bounds
    assert GRID.window(location_window(OUTLINE, GRID)).shape == GRID.shape


def test_a_frame_off_the_grid_is_refused_by_number() -> None:
    with pytest.raises(TicketError, match="E1801"):
        detail_window(box(0, 0, 10, 10), GRID)
    with pytest.raises(TicketError, match="E1206"):
        draw_scene(
            composite(snapshot(scene("2024-05-02"))), GRID, detail_frame(OUTLINE, 3035), Marks(OUTLINE, 32654), LABELS
        )


def test_outlines_of_several_parts_and_with_holes_draw_every_ring() -> None:
    ring = box(0, 0, 10, 10).difference(box(4, 4, 6, 6))
    assert len(polygon_rings(MultiPolygon([ring, box(20, 20, 30, 30)]))) == 3
