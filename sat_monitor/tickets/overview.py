"""The overview picture of a night report: an area with its sites."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sat_monitor.core.domain import AOI, Site, SiteStatus
from sat_monitor.core.grid import Grid, reproject
from sat_monitor.tickets.composites import Composite
from sat_monitor.tickets.snippets import draw_north, polygon_rings, scale_length_m
from sat_monitor.tickets.text import font_file, lead_wording, printable
from sat_monitor.tickets.words import load_words

_LONG_SIDE_PX = 960
_STRIP_PX = 40
_PAPER = (238, 240, 242)
_INK = (12, 18, 26)
_WHITE = (255, 255, 255)
_AMBER = (255, 191, 0)
_CONFIRMED = (255, 45, 200)
_WATCHED = (0, 200, 255)
_AOI_EDGE = (255, 255, 255)
_CONFIRMED_STATES = (SiteStatus.CONFIRMED, SiteStatus.TICKETED, SiteStatus.REOPENED)


@dataclass(frozen=True, slots=True)
class Background:
    """Colours (y, x, 4) uint8 of a scene on its grid, with date and credit as they are to be printed."""

    colours: Composite
    grid: Grid
    date: str
    credit: str


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The AOI grid drawn at `scale` pixels per metre, below a title strip."""

    grid: Grid
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the map part, pixels."""
        grid = self.grid
        width, height = grid.width * grid.pixel_m * self.scale, grid.height * grid.pixel_m * self.scale
        return max(320, round(width)), max(120, round(height))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Picture position of (x, y) metres."""
        return (x - self.grid.x0) * self.scale, _STRIP_PX + (self.grid.y0 - y) * self.scale


def render_overview(
    aoi: AOI, background: Background | None, sites: Sequence[Site], lang: str = "ja", simulated: bool = False
) -> bytes:
    """PNG bytes: the AOI grid with its outline, confirmed sites in magenta and watched ones in cyan; merged left out."""
    grid = aoi.grid
    canvas = _Canvas(grid, _LONG_SIDE_PX / (max(grid.height, grid.width) * grid.pixel_m))
    width, height = canvas.size
    picture = Image.new("RGB", (width, height + 2 * _STRIP_PX), _PAPER)
    if background is not None:
        _paste(picture, canvas, background)
    draw = ImageDraw.Draw(picture)
    for ring in polygon_rings(reproject(aoi.outline, 4326, grid.epsg)):
        draw.line([canvas.at(x, y) for x, y in ring], fill=_INK, width=4)
        draw.line([canvas.at(x, y) for x, y in ring], fill=_AOI_EDGE, width=2)
    live = sorted((s for s in sites if s.merged_into is None), key=lambda s: (s.status in _CONFIRMED_STATES, s.id))
    for site in live:
        _draw_site(draw, canvas, site)
    _draw_strips(draw, picture.size, aoi, background, lang)
    _draw_key(draw, picture.size, canvas, live, lang)
    draw_north(draw, width - 36, _STRIP_PX + 46)
    if simulated:
        _draw_badge(draw, load_words(lang).of("text.simulated_short"))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font_file()), size)


def _paste(picture: Image.Image, canvas: _Canvas, background: Background) -> None:
    grid = background.grid
    left, top = canvas.at(grid.x0, grid.y0)
    scale = canvas.scale * grid.pixel_m
    size = max(1, round(grid.width * scale)), max(1, round(grid.height * scale))
    pixels = Image.fromarray(np.ascontiguousarray(background.colours.rgba), "RGBA")
    pixels = pixels.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)
    picture.paste(pixels, (round(left), round(top)), pixels)


def _draw_site(draw: ImageDraw.ImageDraw, canvas: _Canvas, site: Site) -> None:
    """The outline, and a ring around it, for most sites are smaller than a pixel here."""
    colour = _CONFIRMED if site.status in _CONFIRMED_STATES else _WATCHED
    for ring in polygon_rings(site.outline):
        draw.line([canvas.at(x, y) for x, y in ring], fill=colour, width=1)
    x, y = canvas.at(site.outline.centroid.x, site.outline.centroid.y)
    for radius, width, ink in ((9, 5, _INK), (8, 2, colour)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink, width=width)


def _draw_strips(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], aoi: AOI, background: Background | None, lang: str
) -> None:
    words = load_words(lang)
    name = lead_wording(printable(aoi.name_ja if lang == "ja" else aoi.name_en, 40))
    width, height = size
    draw.rectangle((0, 0, width, _STRIP_PX), fill=_INK)
    draw.rectangle((0, height - _STRIP_PX, width, height), fill=_INK)
    draw.text((12, _STRIP_PX / 2), words.of("overview.title", name=name), font=_font(20), fill=_WHITE, anchor="lm")
    if background is not None:
        date, note = printable(background.date), printable(background.credit)
        draw.text((width - 12, _STRIP_PX / 2), date, font=_font(18), fill=_WHITE, anchor="rm")
        draw.text((width - 12, height - _STRIP_PX / 2), note, font=_font(12), fill=_WHITE, anchor="rm")


def _draw_key(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], canvas: _Canvas, sites: Sequence[Site], lang: str
) -> None:
    """Scale bar and the two kinds of rings with their counts, on the bottom strip."""
    words, y, x = load_words(lang), size[1] - _STRIP_PX / 2, 12.0
    length_m = scale_length_m(size[0] / canvas.scale / 2)
    draw.rectangle((x, y - 3, x + length_m * canvas.scale, y + 3), fill=_WHITE)
    x += length_m * canvas.scale + 8
    text = f"{length_m // 1000} km" if length_m >= 1000 else f"{length_m} m"
    draw.text((x, y), text, font=_font(16), fill=_WHITE, anchor="lm")
    x += _font(16).getlength(text) + 22
    confirmed = sum(s.status in _CONFIRMED_STATES for s in sites)
    rows = (("confirmed", _CONFIRMED, confirmed), ("watched", _WATCHED, len(sites) - confirmed))
    for key, colour, count in rows:
        draw.ellipse((x, y - 7, x + 14, y + 7), outline=colour, width=3)
        label = f"{words.of(f'overview.{key}')} {count}"
        draw.text((x + 20, y), label, font=_font(16), fill=_WHITE, anchor="lm")
        x += 20 + _font(16).getlength(label) + 18


def _draw_badge(draw: ImageDraw.ImageDraw, text: str) -> None:
    width = _font(20).getlength(text) + 24
    draw.rectangle((0, _STRIP_PX, width, _STRIP_PX + 32), fill=_AMBER)
    draw.text((12, _STRIP_PX + 16), text, font=_font(20), fill=_INK, anchor="lm")
