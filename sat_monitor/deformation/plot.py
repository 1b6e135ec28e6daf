"""Pictures of motion for analysts: the map of velocity, and the curve of a point with its uncertainty."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sat_monitor.core.deformation import Motion
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.place import pixel_at
from sat_monitor.imagery.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: A curve is the mean of so many pixels around the point, which must be measured.
SIDE = 3
_UNMEASURED, _POINT = "#bdbdbd", "#212121"


def curve_at(motion: Motion, lon: float, lat: float) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
    """((row, col), displacement (day) m, its standard deviation (day) m) of the pixels around a position.

    Raises DeformationError E2209 where nothing was measured there.
    """
    at = pixel_at(motion.frame, lon, lat)
    if at is None:
        raise DeformationError("E2209", f"{lon}, {lat} lies outside of the frame")
    half = SIDE // 2
    near = slice(max(0, at[0] - half), at[0] + half + 1), slice(max(0, at[1] - half), at[1] + half + 1)
    seen = np.isfinite(motion.velocity_m_per_yr[near])
    if not seen.any():
        raise DeformationError("E2209", f"{lon}, {lat}: no coherent pixel among {SIDE} x {SIDE}")
    return at, motion.displacement_m[:, *near][:, seen].mean(axis=1), motion.std_m[:, *near][:, seen].mean(axis=1)


def draw_point(path: Path, motion: Motion, lon: float, lat: float) -> tuple[Path, Path]:
    """Write a PNG with the velocity map and the curve at a position, and a CSV of the curve beside it. E2209."""
    from matplotlib.figure import Figure

    at, curve, std = curve_at(motion, lon, lat)
    figure = Figure(figsize=(10.0, 4.2), layout="constrained")
    ground, line = figure.subplots(1, 2, width_ratios=(1.0, 1.25))
    _map(figure, ground, motion, at)
    _curve(line, motion, curve, std)
    line.set_title(f"{abs(lat):.5f} {'NS'[lat < 0]} {abs(lon):.5f} {'EW'[lon < 0]}, {motion.velocity_m_per_yr[at] * 1e3:+.1f} "
                   f"± {motion.velocity_std_m_per_yr[at] * 1e3:.1f} mm/yr (1 sd)", loc="left", fontsize=10)  # fmt: skip
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    table = path.with_suffix(".csv")
    with whole_file(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "displacement_los_m", "std_m"])
        writer.writerows([str(day), f"{value:.6f}", f"{error:.6f}"]
                         for day, value, error in zip(motion.days, curve, std, strict=True))  # fmt: skip
    return path, table


def draw_velocity(path: Path, motion: Motion) -> Path:
    """Write the map of velocity as a PNG; grey is ground without a measurement."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    _map(figure, figure.subplots(), motion, motion.reference)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    return path


def _map(figure: Figure, ax: Axes, motion: Motion, at: tuple[int, int] | None) -> None:
    rates = motion.velocity_m_per_yr * 1e3
    most = max(1.0, float(np.nanpercentile(np.abs(rates), 99.0))) if np.isfinite(rates).any() else 1.0
    ax.set_facecolor(_UNMEASURED)
    x0, dx, _, y0, _, dy = motion.frame.transform
    extent = (x0, x0 + dx * motion.frame.width, y0 + dy * motion.frame.height, y0)
    geographic = abs(dx) < 0.1
    stretch = 1.0 / np.cos(np.radians(y0)) if geographic else 1.0
    picture = ax.imshow(rates, cmap="RdBu", vmin=-most, vmax=most, extent=extent, aspect=stretch, interpolation="none")
    bar = figure.colorbar(picture, ax=ax, orientation="horizontal", shrink=0.9)
    bar.set_label("mm/yr; red: away from the satellite, grey: no measurement", fontsize=8)
    if at is not None:
        for colour, width in (("white", 3.0), (_POINT, 1.2)):
            ax.plot(x0 + dx * (at[1] + 0.5), y0 + dy * (at[0] + 0.5), "s", mfc="none", mec=colour, mew=width, ms=8)
    ax.tick_params(labelsize=7)
    ax.set_title("velocity, line of sight", loc="left", fontsize=10)


def _curve(ax: Axes, motion: Motion, curve: np.ndarray, std: np.ndarray) -> None:
    days = np.array(motion.days, "datetime64[D]")
    ax.fill_between(days, (curve - 1.96 * std) * 1e3, (curve + 1.96 * std) * 1e3, color="#1565c0", alpha=0.2, lw=0,
                    label="95 %, misfit of pairs")  # fmt: skip
    ax.plot(days, curve * 1e3, "o-", color="#1565c0", ms=4, lw=1.0, label=f"mean of {SIDE} x {SIDE} pixels")
    ax.axhline(0.0, color=_POINT, lw=0.6)
    ax.set_ylabel("mm toward the satellite")
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=7)
    ax.legend(fontsize=8, frameon=False)
