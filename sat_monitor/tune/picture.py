"""The what-if as pictures: a map of places gained, lost and kept, and the curve of a sweep; drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from sat_monitor.publish import newest_background
from sat_monitor.tickets.snippets import polygon_rings, scale_length_m
from sat_monitor.tickets.text import font_file, printable
from sat_monitor.tune.compare import Fate, Level, Place, count_fates
from sat_monitor.tune.what_if import Row, WhatIf

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colour and dash of each fate: told apart without colour, too.
_STYLES = {Fate.KEPT: ("#ffffff", "solid"), Fate.GAINED: ("#ff2dc8", "solid"), Fate.LOST: ("#00c8ff", "dashed")}
_DPI = 150
_RING_PX = 6.0
#: Legends of curves lie above their panel, where they hide nothing.
_ABOVE: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 4, "frameon": False}


def draw_map(what_if: WhatIf, level: Level) -> bytes:
    """PNG of the AOI over its newest clear scene with the places of `level`: kept white, gained magenta, lost cyan dashed.

    A ring marks each place, for most are smaller than a pixel here; gained and lost ones carry their names.
    """
    nights = what_if.nights
    grid = nights.aoi.grid
    side = 8.0 / max(grid.height, grid.width)
    figure = Figure(figsize=(max(4.0, grid.width * side), max(3.0, grid.height * side) + 0.9), layout="constrained")
    axes = figure.subplots()
    background = newest_background(nights.archive, nights.scenes, "en")
    if background is not None:
        axes.imshow(background.colours.rgba, extent=_extent(background.grid), interpolation="nearest")
    west, east, south, north = _extent(grid)
    axes.set(xlim=(west, east), ylim=(south, north), xticks=[], yticks=[], aspect="equal", facecolor="#eef0f2")
    for fate in (Fate.KEPT, Fate.LOST, Fate.GAINED):
        for place in what_if.places:
            if place.fate(level) is fate:
                _draw_place(axes, place, fate)
    _draw_scale(axes, west, south, east - west)
    _draw_legend(axes, what_if, level)
    span, name = what_if.span, printable(nights.aoi.name_en, 40)
    first = printable(f"{name}: {level} sites under {what_if.new.name} against {what_if.against.name}")
    second = f"{span.first} to {span.last}" + ("" if background is None else f", picture of {background.date}")
    axes.set_title(f"{first}\n{second}", fontproperties=_font(9))
    if background is not None:
        figure.supxlabel(background.credit, fontproperties=_font(6))
    return _png(figure)


def draw_curve(rows: Sequence[Row], setting: str, span: str) -> bytes:
    """PNG of a sweep's rows: tickets per week and confirmed sites over the values, and accuracy where it is known."""
    names = [key.removesuffix("_low") for key in rows[0] if key.endswith("_low")]
    figure = Figure(figsize=(7.0, 6.0 if names else 3.4), layout="constrained")
    panels = figure.subplots(2 if names else 1, 1, sharex=True, squeeze=False)[:, 0]
    ticks = list(range(len(rows)))
    effort = panels[0]
    effort.plot(ticks, [row["tickets_per_week"] for row in rows], "o-", color="#b0007f", label="tickets per week")
    effort.set_ylim(bottom=0.0)
    effort.set_ylabel("tickets per week")
    sites = effort.twinx()
    sites.plot(ticks, [row["confirmed_sites"] for row in rows], "s--", color="#00708f", label="confirmed sites")
    sites.set_ylim(bottom=0.0)
    sites.set_ylabel("confirmed sites")
    effort.legend(handles=[*effort.lines, *sites.lines], fontsize=8, **_ABOVE)
    if names:
        _draw_accuracy(panels[1], rows, names)
    panels[-1].set_xticks(ticks, [str(row["value"]) for row in rows])
    panels[-1].set_xlabel(setting)
    figure.suptitle(f"{setting}, {span}", fontproperties=_font(10))
    return _png(figure)


def _draw_accuracy(axes: Axes, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Shares with their 95 % bounds, side by side where they would hide each other."""
    for number, name in enumerate(names):
        known = [(i, row) for i, row in enumerate(rows) if row[name] is not None]
        shift = 0.06 * (number - (len(names) - 1) / 2.0)
        x, y = [i + shift for i, _ in known], [_number(row[name]) for _, row in known]
        low = [_number(row[name]) - _number(row[f"{name}_low"]) for _, row in known]
        high = [_number(row[f"{name}_high"]) - _number(row[name]) for _, row in known]
        axes.errorbar(x, y, yerr=(low, high), marker="o", capsize=3, linewidth=1.0, label=name.replace("_", " "))
    axes.set(ylim=(0.0, 1.02), ylabel="accuracy (95 % interval)")
    axes.legend(fontsize=7, **_ABOVE)


def _number(value: object) -> float:
    return float(str(value))


def _draw_place(axes: Axes, place: Place, fate: Fate) -> None:
    colour, dash = _STYLES[fate]
    for alarm in place.against if fate is Fate.LOST else place.new:
        for ring in polygon_rings(alarm.site.outline):
            x, y = zip(*ring, strict=True)
            axes.plot(x, y, color="#0c121a", linewidth=2.6)
            axes.plot(x, y, color=colour, linewidth=1.4, linestyle=dash)
    centre = place.shown.site.outline.centroid
    for size, width, ink in ((_RING_PX * 2.5, 3.5, "#0c121a"), (_RING_PX * 2.5, 1.6, colour)):
        axes.plot(
            centre.x, centre.y, "o", markersize=size, markerfacecolor="none", markeredgecolor=ink, markeredgewidth=width
        )
    if fate is not Fate.KEPT:
        _draw_name(axes, place.name, (centre.x, centre.y), colour)


def _draw_name(axes: Axes, name: str, at: tuple[float, float], colour: str) -> None:
    """A name beside the point (x, y) metres, on the side that lies towards the middle of the map."""
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    right, below = at[0] < (west + east) / 2.0, at[1] > (south + north) / 2.0
    box = {"facecolor": "#0c121a", "edgecolor": "none", "pad": 1.5, "alpha": 0.8}
    label = axes.annotate(
        printable(name), at, xytext=(-6 if right else 6, -15 if below else 11), textcoords="offset points",
        ha="left" if right else "right", fontproperties=_font(7), color=colour, bbox=box,
    )  # fmt: skip
    label.set_in_layout(False)


def _draw_scale(axes: Axes, west: float, south: float, width: float) -> None:
    length_m = scale_length_m(width / 3.0)
    x, y = west + width * 0.03, south + width * 0.03
    axes.plot([x, x + length_m], [y, y], color="#0c121a", linewidth=5.0)
    axes.plot([x, x + length_m], [y, y], color="#ffffff", linewidth=3.0)
    text = f"{length_m // 1000} km" if length_m >= 1000 else f"{length_m} m"
    box = {"facecolor": "#0c121a", "edgecolor": "none", "pad": 1.5, "alpha": 0.8}
    axes.text(x, y + width * 0.015, text, color="#ffffff", fontsize=7, bbox=box)


def _draw_legend(axes: Axes, what_if: WhatIf, level: Level) -> None:
    counts = count_fates(what_if.places, level)
    for fate, (colour, dash) in _STYLES.items():
        axes.plot([], [], color=colour, linestyle=dash, linewidth=2.0, label=f"{fate.value} {counts[fate]}")
    axes.legend(loc="lower right", fontsize=8, facecolor="#0c121a", labelcolor="white", framealpha=0.85)


def _extent(grid: Any) -> tuple[float, float, float, float]:
    """West, east, south and north edge of a grid, metres."""
    return grid.x0, grid.x0 + grid.width * grid.pixel_m, grid.y0 - grid.height * grid.pixel_m, grid.y0


def _font(size: int) -> FontProperties:
    return FontProperties(fname=str(font_file()), size=size)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without the date and the version, so that the same what-if makes the same bytes.
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
