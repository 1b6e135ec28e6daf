"""Stacks of interferograms without noise, whose motion is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from sat_monitor.core.deformation import Frame, Geometry, Pair, PairStack
from sat_monitor.core.domain import FloatArray

WAVELENGTH_M = 0.0554658
DAYS = tuple(date(2024, 1, 1) + timedelta(days=12 * i) for i in range(10))


def stack_of(curve: FloatArray, neighbours: int = 3, cut: int | None = None) -> PairStack:
    """A stack without noise of (day, y, x) displacements; `cut` leaves out the pairs across that day."""
    at = [(i, j) for i in range(len(curve)) for j in range(i + 1, min(i + neighbours, len(curve) - 1) + 1)]
    at = [(i, j) for i, j in at if cut is None or not i < cut <= j]
    pairs = tuple(Pair(DAYS[i], DAYS[j], 0.0, f"{i}-{j}", "") for i, j in at)
    layers = np.stack([curve[j] - curve[i] for i, j in at]).astype(np.float32)
    frame = Frame("EPSG:32654", (300_000.0, 20.0, 0.0, 3_950_000.0, 0.0, -20.0), *curve.shape[1:])
    return PairStack(frame, Geometry(WAVELENGTH_M), pairs, layers, np.full(layers.shape, 0.7, np.float32))


def sinking(shape: tuple[int, int] = (16, 18), rate: float = -0.05) -> FloatArray:
    curve = np.zeros((len(DAYS), *shape), np.float32)
    years = np.array([(day - DAYS[0]).days / 365.25 for day in DAYS], np.float32)
    curve[:, 2:6, 2:6] = rate * years[:, None, None]
    return curve
