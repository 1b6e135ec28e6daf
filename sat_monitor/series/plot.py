"""A figure of one point that an analyst can read: what was measured, what the evidence made of it, when it alarmed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sat_monitor.series.alarms import Alarm, Trace
from sat_monitor.series.tables import PointSeries

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPACE = re.compile(r"[^\w.-]+")
_GREEN, _BLUE, _ORANGE, _RED, _GREY = "#2e7d32", "#1565c0", "#ef6c00", "#c62828", "#757575"


def draw_point(folder: Path, point: str, series: PointSeries, trace: Trace, alarms: Sequence[Alarm]) -> Path:
    """Write POINT.png into `folder`: one panel per source and one of the score with its line; alarms are shaded."""
    from matplotlib.figure import Figure

    panels = [name for name in ("backscatter", "cover", "status") if getattr(series, name)]
    figure = Figure(figsize=(9.0, 1.0 + 1.9 * (len(panels) + 1)), layout="constrained")
    axes = figure.subplots(len(panels) + 1, 1, sharex=True, squeeze=False)[:, 0]
    draw = {"backscatter": _backscatter, "cover": _cover, "status": _status}
    for ax, name in zip(axes, panels, strict=False):
        draw[name](ax, series)
    _score(axes[-1], trace, alarms)
    for ax in axes:
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    began = _beginnings(alarms)
    when = ", ".join(f"{alarm.day} ({alarm.kind.value.replace('_', ' ')})" for alarm in began) or "none"
    axes[0].set_title(f"{point} - alarms: {when}", loc="left", fontsize=10)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_SPACE.sub('_', point)}.png"
    figure.savefig(path, dpi=110)
    return path


def _beginnings(alarms: Sequence[Alarm]) -> list[Alarm]:
    before = [False, *(alarm.confirmed for alarm in alarms)]
    return [alarm for alarm, stood in zip(alarms, before, strict=False) if alarm.confirmed and not stood]


def _backscatter(ax: Axes, series: PointSeries) -> None:
    for number, track in enumerate(series.backscatter):
        for values, colour, name in ((track.vv_db, _BLUE, "VV"), (track.vh_db, _ORANGE, "VH")):
            label = name if number == 0 else None
            ax.plot(track.at, values, ".-", color=colour, lw=0.8, ms=3, alpha=1.0 / (1 + number), label=label)
    ax.set_ylabel("gamma0, dB")
    ax.legend(loc="upper left", fontsize=8, ncols=2, frameon=False)


def _cover(ax: Axes, series: PointSeries) -> None:
    for number, looks in enumerate(series.cover):
        first = number == 0
        ax.plot(looks.at, looks.cover, ".-", color=_GREEN, lw=0.8, ms=4, label="cover, %" if first else None)
        ax.plot(looks.at, looks.season_low, ".", color=_GREY, ms=4, label="season's lowest, %" if first else None)
        ax.plot(looks.at, looks.anomaly, "-", color=_RED, lw=0.8, label="spectral anomaly" if first else None)
    ax.set_ylim(-3, 105)
    ax.set_ylabel("DIST-ALERT-HLS")
    ax.legend(loc="lower left", fontsize=8, ncols=3, frameon=False)


def _status(ax: Axes, series: PointSeries) -> None:
    for looks in series.status:
        ax.plot(looks.at, looks.status, ".", color=_BLUE, ms=4)
    ax.set_ylim(-0.5, 8.5)
    ax.set_yticks([0, 3, 6, 8], ["none", "low, confirmed", "high, confirmed", "finished"], fontsize=7)
    ax.set_ylabel("DIST-ALERT-S1")


def _score(ax: Axes, trace: Trace, alarms: Sequence[Alarm]) -> None:
    lowest = trace.line - 4.0
    ax.step(trace.at, np.maximum(trace.score, lowest), where="post", color="black", lw=1.0)
    ax.axhline(trace.line, color=_RED, lw=0.8, ls="--")
    ax.annotate(
        "alarm line", (0.0, trace.line), xycoords=("axes fraction", "data"), fontsize=7, color=_RED, va="bottom"
    )
    stands = np.array([alarm.confirmed for alarm in alarms], bool)
    ax.fill_between(
        trace.at, 0.0, 1.0, where=stands.tolist(), step="post", color=_RED, alpha=0.15,
        transform=ax.get_xaxis_transform(),
    )  # fmt: skip
    ax.set_ylabel("score")
