"""A curve over time for a ticket: points with their error, one unit, dates along the bottom; drawn with Pillow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from PIL import Image, ImageDraw

from sat_monitor.tickets.snippets import picture_font
from sat_monitor.tickets.text import printable

_WIDTH_PX, _HEIGHT_PX = 1080, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 120, 70, 66, 62
_INK, _QUIET, _RULE, _BLUE, _BAND = (20, 28, 38), (91, 102, 114), (214, 219, 225), (11, 87, 164), (203, 222, 240)
_AMBER = (255, 191, 0)
#: About so many lines across, and dates along the bottom.
_LINES, _DATES = 5, 6


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A value on a day with its standard error, both in the unit of the curve."""

    day: date
    value: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in order of time, the title with the unit, and the days that get a line across with a word beside it.

    `from_zero` keeps zero on the axis, as areas want it.
    """

    title: str
    points: tuple[CurvePoint, ...]
    marks: tuple[tuple[date, str], ...] = ()
    badge: str = ""
    from_zero: bool = True


def draw_curve(curve: Curve) -> bytes:
    """PNG of a curve, deterministic. Raises ValueError without a point."""
    if not curve.points:
        raise ValueError("a curve needs a point")
    picture = Image.new("RGB", (_WIDTH_PX, _HEIGHT_PX), "white")
    draw = ImageDraw.Draw(picture)
    axes = _Axes.of(curve)
    _frame(draw, curve, axes)
    places = [axes.place(p.day, p.value) for p in curve.points]
    upper = [axes.place(p.day, p.value + p.error) for p in curve.points]
    lower = [axes.place(p.day, p.value - p.error) for p in curve.points]
    if len(places) > 1:
        draw.polygon([*upper, *reversed(lower)], fill=_BAND)
        draw.line(places, fill=_BLUE, width=4, joint="curve")
    for x, y in places:
        draw.ellipse((x - 6, y - 6, x + 6, y + 6), fill=_BLUE, outline="white", width=2)
    _marks(draw, curve, axes)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where days and values lie on the picture."""

    first: date
    days: float
    low: float
    high: float
    step: float

    @classmethod
    def of(cls, curve: Curve) -> _Axes:
        days = [p.day for p in curve.points] + [day for day, _ in curve.marks]
        values = [v for p in curve.points for v in (p.value - p.error, p.value + p.error)]
        low, high = min(values), max(values)
        if curve.from_zero:
            low, high = min(0.0, low), max(0.0, high)
        step = _round_step((high - low) or abs(high) or 1.0)
        low, high = np.floor(low / step) * step, np.ceil(high / step) * step
        span = max((max(days) - min(days)).days, 14)
        return cls(min(days), float(span), float(low), float(high if high > low else low + step), step)

    def place(self, day: date, value: float) -> tuple[float, float]:
        """Position of a value on a day, pixels."""
        x = _LEFT + (day - self.first).days / self.days * (_WIDTH_PX - _LEFT - _RIGHT)
        y = _TOP + (self.high - value) / (self.high - self.low) * (_HEIGHT_PX - _TOP - _BOTTOM)
        return float(x), float(y)


def _frame(draw: ImageDraw.ImageDraw, curve: Curve, axes: _Axes) -> None:
    """Title, lines across with their values, dates."""
    draw.text((10, 28), printable(curve.title, 90), font=picture_font(28), fill=_INK, anchor="lm")
    if curve.badge:
        badge = printable(curve.badge)
        width = int(picture_font(22).getlength(badge)) + 20
        draw.rectangle((_WIDTH_PX - width, 10, _WIDTH_PX, 46), fill=_AMBER)
        draw.text((_WIDTH_PX - width / 2, 28), badge, font=picture_font(22), fill=_INK, anchor="mm")
    for value in np.arange(axes.low, axes.high + axes.step / 2, axes.step):
        _, y = axes.place(axes.first, float(value))
        draw.line((_LEFT, y, _WIDTH_PX - _RIGHT, y), fill=_QUIET if abs(value) < 1e-9 else _RULE, width=2)
        draw.text((_LEFT - 12, y), f"{value:,.10g}", font=picture_font(24), fill=_QUIET, anchor="rm")
    for day in _dates(axes):
        x, _ = axes.place(day, axes.low)
        draw.line((x, _HEIGHT_PX - _BOTTOM, x, _HEIGHT_PX - _BOTTOM + 8), fill=_QUIET, width=2)
        draw.text((x, _HEIGHT_PX - _BOTTOM + 26), day.isoformat(), font=picture_font(22), fill=_QUIET, anchor="mm")


def _marks(draw: ImageDraw.ImageDraw, curve: Curve, axes: _Axes) -> None:
    """Marked days, over the curve; their words stand in the half of the picture that the curve leaves free."""
    middle = sum(axes.place(point.day, point.value)[1] for point in curve.points) / len(curve.points)
    above = middle > (_TOP + _HEIGHT_PX - _BOTTOM) / 2
    for number, (day, word) in enumerate(curve.marks):
        x, _ = axes.place(day, axes.low)
        draw.line((x, _TOP, x, _HEIGHT_PX - _BOTTOM), fill=_INK, width=2)
        side = "rm" if x > _WIDTH_PX * 0.7 else "lm"
        y = _TOP + 14 + 28 * number if above else _HEIGHT_PX - _BOTTOM - 16 - 28 * number
        at = (x - 8 if side == "rm" else x + 8, y)
        draw.text(
            at, printable(word, 40), font=picture_font(22), fill=_INK, anchor=side, stroke_width=3, stroke_fill="white"
        )


def _dates(axes: _Axes) -> Sequence[date]:
    step = max(1, round(axes.days / (_DATES - 1)))
    return [axes.first + timedelta(days=n) for n in range(0, int(axes.days) + 1, step)]


def _round_step(span: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives about `_LINES` lines."""
    rough = span / _LINES
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(n * power for n in (1.0, 2.0, 5.0, 10.0) if n * power >= rough))
