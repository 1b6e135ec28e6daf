"""Map pictures for tickets, drawn with Pillow: colours, outline, scale bar, north arrow, date, credit."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.grid import Grid, reproject
from sat_monitor.tickets.composites import Composite, ScoreField, colour_of, score_colours
from sat_monitor.tickets.text import font_file, printable
from sat_monitor.tickets.view import Frame, resample

SIZE_PX = 640
_STRIP_PX = 44
_JPEG_BYTES = 120_000
_JPEG_QUALITIES = (88, 76, 62, 45)
_INK = (12, 18, 26)
_WHITE = (255, 255, 255)
_AMBER = (255, 191, 0)
#: Magenta is rare on the ground and in all composites here; the dark edge holds it on bright soil and roofs.
_OUTLINE = (255, 45, 200)
_OUTLINE_ON_SCORE = (0, 120, 255)
#: SAR composites hold every hue, so the outline there is white on dark.
_OUTLINE_ON_SAR = (255, 255, 255)
#: Room around an outline for the width of its line, pixels.
_OUTLINE_MARGIN_PX = 8
#: Debris-flow zones and water on the location map.
_ZONE, _WATER = (255, 120, 0), (60, 190, 255)
_NO_DATA = (214, 217, 220)
_NO_DATA_LINE = (184, 188, 193)


@dataclass(frozen=True, slots=True)
class Labels:
    """The words on one picture: `badge` is the mark of simulated data (empty = real), `nodata` is said of gaps."""

    title: str
    date: str
    credit: str
    badge: str = ""
    nodata: str = ""
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is drawn over the pixels, all in metres of `epsg`: the outline and, on a location map, the detail frame.

    There too, where they are known: debris-flow `zones`, the `way` of the water down from the site, the point `road`
    (x, y) of a public road from which to look in.
    """

    outline: BaseGeometry
    epsg: int
    inset: Frame | None = None
    zones: BaseGeometry | None = None
    way: BaseGeometry | None = None
    road: tuple[float, float] | None = None


@lru_cache(maxsize=16)
def picture_font(size: int) -> ImageFont.FreeTypeFont:
    """The font of pictures in a size, pixels."""
    return ImageFont.truetype(str(font_file()), size)


def draw_scene(colours: Composite, grid: Grid, frame: Frame, marks: Marks, labels: Labels) -> Image.Image:
    """A scene picture, SIZE_PX square RGB; `colours` (y, x, 4) on `grid`; raises TicketError E1206 on mixed grids."""
    picture = _ground(colours, grid, frame)
    _draw_surroundings(picture, frame, marks)
    if marks.inset is not None:
        _draw_inset(picture, frame, marks.inset)
    _draw_outline(picture, frame, marks, _OUTLINE_ON_SAR if colours.style.startswith("sar") else _OUTLINE)
    _draw_furniture(picture, frame, labels)
    return picture


def draw_score(field: ScoreField, frame: Frame, marks: Marks, labels: Labels) -> Image.Image:
    """The evidence field in score colours with its legend, SIZE_PX square RGB."""
    picture = _ground(score_colours(field), field.grid, frame)
    _draw_outline(picture, frame, marks, _OUTLINE_ON_SCORE)
    _draw_furniture(picture, frame, labels)
    _draw_legend(picture, field, labels.legend)
    return picture


def draw_missing(labels: Labels) -> Image.Image:
    """A picture that says that there is none, in the same size."""
    picture = _hatch()
    draw = ImageDraw.Draw(picture)
    _centred(draw, labels.nodata, SIZE_PX // 2, SIZE_PX // 2, 30, (70, 76, 84))
    _draw_title(picture, labels)
    return picture


def encode_jpeg(picture: Image.Image) -> bytes:
    """JPEG bytes of at most about 120 kB, full colour resolution (thin coloured lines stay sharp), deterministic.

    Speckle compresses badly: quality falls in fixed steps until four pictures fit a page that can be mailed.
    """
    content = b""
    for quality in _JPEG_QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
        content = buffer.getvalue()
        if len(content) <= _JPEG_BYTES:
            break
    return content


def _ground(colours: Composite, grid: Grid, frame: Frame) -> Image.Image:
    pixels = resample(colours.rgba, grid, frame, SIZE_PX)
    if pixels.mode == "RGB":
        return pixels
    picture = _hatch()
    picture.paste(pixels, (0, 0), pixels)
    return picture


@lru_cache(maxsize=1)
def _hatched() -> Image.Image:
    picture = Image.new("RGB", (SIZE_PX, SIZE_PX), _NO_DATA)
    draw = ImageDraw.Draw(picture)
    for start in range(-SIZE_PX, SIZE_PX, 16):
        draw.line(((start, SIZE_PX), (start + SIZE_PX, 0)), fill=_NO_DATA_LINE, width=2)
    return picture


def _hatch() -> Image.Image:
    return _hatched().copy()


def polygon_rings(outline: BaseGeometry) -> list[list[tuple[float, float]]]:
    """The rings of a Polygon or MultiPolygon, shells and holes, as lists of (x, y)."""
    parts = outline.geoms if isinstance(outline, MultiPolygon) else [outline]
    rings = [ring for part in parts if isinstance(part, Polygon) for ring in (part.exterior, *part.interiors)]
    return [[(float(x), float(y)) for x, y in ring.coords] for ring in rings if not ring.is_empty]


def _draw_outline(picture: Image.Image, frame: Frame, marks: Marks, colour: tuple[int, int, int]) -> None:
    """The outline in two passes (dark edge, bright core), drawn at twice the size for smooth edges."""
    outline = reproject(marks.outline, marks.epsg, frame.epsg)
    rings = [frame.to_picture(np.asarray(ring), SIZE_PX) for ring in polygon_rings(outline)]
    if not rings:
        return
    corners = np.concatenate(rings)
    left, top = (max(0, int(low) - _OUTLINE_MARGIN_PX) for low in corners.min(axis=0))
    right, bottom = (min(SIZE_PX, int(high) + _OUTLINE_MARGIN_PX) for high in corners.max(axis=0))
    if right <= left or bottom <= top:
        return
    for width, ink in ((13, _INK), (7, colour)):
        mask = Image.new("L", (2 * (right - left), 2 * (bottom - top)))
        draw = ImageDraw.Draw(mask)
        for ring in rings:
            points = [(2.0 * float(x - left), 2.0 * float(y - top)) for x, y in ring]
            draw.line([*points, points[1]], fill=255, width=width, joint="curve")
        picture.paste(ink, (left, top), mask.reduce(2))


def _draw_surroundings(picture: Image.Image, frame: Frame, marks: Marks) -> None:
    """Debris-flow zones as a veil with an edge, the way of the water as a line with a head, the road point as a ring."""
    if marks.zones is not None and not marks.zones.is_empty:
        veil, edge = (Image.new("L", (SIZE_PX, SIZE_PX)) for _ in range(2))
        for ring in polygon_rings(reproject(marks.zones, marks.epsg, frame.epsg)):
            points = [(float(x), float(y)) for x, y in frame.to_picture(np.asarray(ring), SIZE_PX)]
            ImageDraw.Draw(veil).polygon(points, fill=90)
            ImageDraw.Draw(edge).line(points, fill=255, width=3)
        picture.paste(_ZONE, (0, 0), veil)
        picture.paste(_ZONE, (0, 0), edge)
    if marks.way is not None and not marks.way.is_empty:
        line = reproject(marks.way, marks.epsg, frame.epsg)
        points = [(float(x), float(y)) for x, y in frame.to_picture(np.asarray(line.coords)[:, :2], SIZE_PX)]
        draw = ImageDraw.Draw(picture)
        for width, ink in ((9, _INK), (5, _WATER)):
            draw.line(points, fill=ink, width=width, joint="curve")
        x, y = points[-1]
        draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill=_WATER, outline=_INK, width=2)
    if marks.road is not None:
        spot = reproject(Point(marks.road), marks.epsg, frame.epsg).centroid
        ((x, y),) = frame.to_picture(np.array([(spot.x, spot.y)]), SIZE_PX)
        draw = ImageDraw.Draw(picture)
        draw.ellipse((x - 11, y - 11, x + 11, y + 11), fill=_WHITE, outline=_INK, width=4)
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=_INK)


def _draw_inset(picture: Image.Image, frame: Frame, inset: Frame) -> None:
    west, south, east, north = inset.bounds
    (left, top), (right, bottom) = frame.to_picture(np.array([(west, north), (east, south)]), SIZE_PX)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=_INK, width=4)
    draw.rectangle((left, top, right, bottom), outline=_WHITE, width=2)


def _draw_furniture(picture: Image.Image, frame: Frame, labels: Labels) -> None:
    _draw_title(picture, labels)
    _shade(picture, (0, SIZE_PX - _STRIP_PX, SIZE_PX, SIZE_PX))
    _draw_scale_bar(picture, frame)
    draw = ImageDraw.Draw(picture)
    _text(draw, printable(labels.credit), (SIZE_PX - 12, SIZE_PX - _STRIP_PX / 2), 16, anchor="rm")
    draw_north(draw, SIZE_PX - 36, _STRIP_PX + 46)


def _draw_title(picture: Image.Image, labels: Labels) -> None:
    _shade(picture, (0, 0, SIZE_PX, _STRIP_PX))
    draw = ImageDraw.Draw(picture)
    _text(draw, printable(labels.title), (12, _STRIP_PX / 2), 25, anchor="lm")
    _text(draw, printable(labels.date), (SIZE_PX - 12, _STRIP_PX / 2), 25, anchor="rm")
    if labels.badge:
        badge = printable(labels.badge)
        width = int(picture_font(22).getlength(badge)) + 24
        draw.rectangle((0, _STRIP_PX, width, _STRIP_PX + 34), fill=_AMBER)
        _text(draw, badge, (12, _STRIP_PX + 17), 22, anchor="lm", fill=_INK)


def _shade(picture: Image.Image, box: tuple[int, int, int, int]) -> None:
    mask = Image.new("L", (box[2] - box[0], box[3] - box[1]), 215)
    picture.paste(_INK, box, mask)


def _text(
    draw: ImageDraw.ImageDraw,
    text: str,
    at: tuple[float, float],
    size: int,
    anchor: str = "mm",
    fill: tuple[int, int, int] = _WHITE,
) -> None:
    draw.text(at, text, font=picture_font(size), fill=fill, anchor=anchor)


def _centred(draw: ImageDraw.ImageDraw, text: str, x: int, y: int, size: int, fill: tuple[int, int, int]) -> None:
    _text(draw, printable(text), (x, y), size, "mm", fill)


def scale_length_m(side_m: float) -> int:
    """The longest round length (1, 2 or 5 times a power of ten, m) that is at most a quarter of `side_m`."""
    lengths = [digit * 10**power for power in range(6) for digit in (1, 2, 5)]
    return max([length for length in lengths if length <= side_m / 4], default=1)


def _draw_scale_bar(picture: Image.Image, frame: Frame) -> None:
    length_m = scale_length_m(frame.side_m)
    width = length_m * SIZE_PX / frame.side_m
    draw = ImageDraw.Draw(picture)
    y, left = SIZE_PX - _STRIP_PX / 2, 14
    draw.rectangle((left, y - 4, left + width, y + 4), outline=_WHITE, width=2)
    draw.rectangle((left, y - 4, left + width / 2, y + 4), fill=_WHITE)
    text = f"{length_m // 1000} km" if length_m >= 1000 else f"{length_m} m"
    _text(draw, text, (left + width + 9, y), 20, anchor="lm")


def draw_north(draw: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """A north arrow centred on picture position (x, y): grid north, within 2 degrees of true north in UTM."""
    draw.ellipse((x - 27, y - 36, x + 27, y + 36), fill=_INK)
    draw.polygon(((x, y - 28), (x - 12, y + 8), (x, y)), fill=_WHITE)
    draw.polygon(((x, y - 28), (x + 12, y + 8), (x, y)), fill=(150, 158, 168))
    _text(draw, "N", (x, y + 20), 20)


def _draw_legend(picture: Image.Image, field: ScoreField, caption: str) -> None:
    """A colour bar above the bottom strip, with the two thresholds as ticks."""
    left, right, top = 14, SIZE_PX - 14, SIZE_PX - _STRIP_PX - 78
    _shade(picture, (0, top - 8, SIZE_PX, SIZE_PX - _STRIP_PX))
    ramp = (colour_of(np.linspace(0.0, 1.0, right - left)) * 255).astype(np.uint8)
    bar = Image.fromarray(np.repeat(ramp[None], 20, axis=0), "RGB")
    draw = ImageDraw.Draw(picture)
    _text(draw, printable(caption), (left, top + 8), 18, anchor="lm")
    picture.paste(bar, (left, top + 22))
    draw.rectangle((left, top + 22, right, top + 42), outline=_WHITE)
    span = field.max_score - field.min_score
    for value in (field.min_score, field.outline_score, field.alarm_score, field.max_score):
        x = left + (value - field.min_score) / span * (right - left)
        draw.line(((x, top + 40), (x, top + 48)), fill=_WHITE, width=2)
        anchor = "lm" if value == field.min_score else "rm" if value == field.max_score else "mm"
        _text(draw, f"{value:+g}".replace("+0", "0"), (x, top + 60), 18, anchor=anchor)
