"""A page of figures: what was found by size, how soon, in which rank, and whether scores mean what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sat_monitor.evaluate.accuracy import Accuracy, Row, accuracy, ranked
from sat_monitor.evaluate.records import Matched, size_names
from sat_monitor.evaluate.statistics import average_precision, precision_recall, share_of
from sat_monitor.imagery.files import write_whole

#: Blue and orange of Okabe and Ito's palette, told apart by colour-blind readers; grey for what is only a guide.
_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#777777"
#: Edges of the score classes of the reliability figure, log-odds.
_SCORES = (-5.0, 1.0, 3.0, 5.0, 7.0, 8.99, 31.0)
_SIZE_INCH, _DPI = (6.4, 4.0), 120

Places = Sequence[Matched]


def write_figures(folder: Path, places: Places, lines: Sequence[str]) -> None:
    """PNG files and `index.md` with the figures of matched places and the printed `lines`; the same input, the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    pooled = accuracy(places)
    page = ["# Accuracy", ""]
    for name, (title, draw) in _FIGURES.items():
        figure = Figure(figsize=_SIZE_INCH, dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.add_subplot(), places, pooled)
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
        page += [f"![{title}]({name}.png)", "", f"*{title}*", ""]
    page += ["```", *lines, "```", ""]
    write_whole(folder / "index.md", "\n".join(page).encode())


def _by_size(axes: Axes, _: Places, pooled: Accuracy) -> None:
    rows = [row for row in pooled.producers if row.split == "size"]
    users = {row.name: row for row in pooled.users if row.split == "size"}
    names = [name for name in size_names() if name in users or any(row.name == name for row in rows)]
    _bars(axes, names, {row.name: row for row in rows}, -0.08, _BLUE, "producer's: earthworks found")
    _bars(axes, names, users, 0.08, _ORANGE, "user's: sites that are earthworks")
    axes.set_xticks(range(len(names)), names)
    axes.set(
        ylim=(0.0, 1.1), ylabel="share, with 95 % interval", xlabel="true size (producer's), measured size (user's)"
    )
    _legend(axes)


def _bars(axes: Axes, names: Sequence[str], rows: Mapping[str, Row], off: float, colour: str, label: str) -> None:
    shown = [(n, rows[name].share) for n, name in enumerate(names) if name in rows]
    for n, share in shown:
        if share.value is not None:
            axes.plot([n + off] * 2, [share.interval.low, share.interval.high], color=colour, linewidth=2)
            axes.annotate(f"n={share.total:g}", (n + off, share.interval.high), (0, 3), textcoords="offset points", ha="center", fontsize=7, color=colour)  # fmt: skip
    values = [(n + off, share.value) for n, share in shown if share.value is not None]
    axes.plot([x for x, _ in values], [y for _, y in values], "o", color=colour, label=label)


def _legend(axes: Axes) -> None:
    """Above the plot, where it covers nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)


def _lags(axes: Axes, places: Places, _: Accuracy) -> None:
    """Share of all judged earthworks that is confirmed, and that has a first sign, by days since the beginning."""
    truths = [t for place in places for t in place.truths]
    first = [(t.first_seen_on - t.truth.began_on).days for t in truths if t.first_seen_on]
    confirmed = [(t.confirmed_on - t.truth.began_on).days for t in truths if t.confirmed_on]
    end = max([120, *confirmed])
    for days, colour, label in ((first, _GREY, "first sign"), (confirmed, _BLUE, "confirmed")):
        x = np.arange(0, end + 1)
        y = np.array([sum(day <= now for day in days) for now in x]) / max(1, len(truths))
        axes.step(x, y, where="post", color=colour, label=label)
    axes.axvline(30, color=_ORANGE, linestyle=":", label="30 days")
    axes.set(ylim=(0.0, 1.05), xlabel="days since the earthwork began", ylabel=f"share of {len(truths)} earthworks")
    _legend(axes)


def _ranks(axes: Axes, places: Places, _: Accuracy) -> None:
    rows = ranked(places)
    curve = precision_recall(rows.score, rows.truth)
    value = average_precision(rows.score, rows.truth)
    # The area under the drawn steps is the average precision: each step of recall has the precision at its end.
    recall, precision = np.append(0.0, curve.recall), np.append(curve.precision[:1], curve.precision)
    axes.step(recall, precision, where="pre", color=_BLUE, label=f"average precision {value:.2f}")
    axes.plot(curve.recall, curve.precision, ".", color=_BLUE)
    axes.set(
        xlim=(0.0, 1.02), ylim=(0.0, 1.05), xlabel="recall: earthworks with a site", ylabel="precision of the sites"
    )
    _legend(axes)


def _reliability(axes: Axes, places: Places, _: Accuracy) -> None:
    """Share of earthworks among sites by score, against what the log-odds say of lasting change of any kind."""
    rows = ranked(places, attrgetter("score"))
    there = np.isfinite(rows.score)
    score, truth = rows.score[there], rows.truth[there]
    line = np.linspace(min([0.0, *score]), max([9.0, *score]), 100)
    axes.plot(
        line, 1.0 / (1.0 + np.exp(-line)), color=_GREY, linestyle="--", label="lasting change, as the log-odds say"
    )
    label: str | None = "sites that are earthworks"
    for low, high in pairwise(_SCORES):
        inside = (score >= low) & (score < high)
        share = share_of([bool(t) for t in truth[inside]])
        if share.value is not None:
            x = float(score[inside].mean())
            axes.plot([x, x], [share.interval.low, share.interval.high], color=_BLUE, linewidth=2)
            axes.plot(x, share.value, "o", color=_BLUE, label=label)
            axes.annotate(f"n={share.total:g}", (x, share.interval.high), (0, 3), textcoords="offset points", ha="center", fontsize=7)  # fmt: skip
            label = None
    axes.set(ylim=(0.0, 1.12), xlabel="best score of the site, log-odds", ylabel="share, with 95 % interval")
    _legend(axes)


#: File, title and drawing of each figure: a new one is one row.
_FIGURES: Mapping[str, tuple[str, Callable[[Axes, Places, Accuracy], None]]] = {
    "by_size": ("Found and right by size of the work, with 95 % intervals", _by_size),
    "lag": ("How soon earthworks were seen and confirmed", _lags),
    "precision_recall": ("Precision and recall along the ranking by priority", _ranks),
    "reliability": ("Share of earthworks among sites by score", _reliability),
}
