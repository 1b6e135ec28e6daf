"""DIST-ALERT products of OPERA as evidence: what the newest status of the ground says, counted once.

A status is a state and not an observation: a product that repeats it says nothing new. So the field remembers what each
product last said of a pixel and moves by the difference; a status that ended takes back what it gave. The products rest
on acquisitions of which our own looks saw most, so that only `alert_share` of their support counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import ChangeMap, FloatArray, Layer, Scene, Sensor

#: Nats in tenths, as the field remembers them: one byte a pixel.
Tenths = NDArray[np.uint8]

#: Support by a status, nats, whole tenths, at the index of its code: 0 none; 1, 2, 3 first, provisional and confirmed low; 4, 5, 6 the
#: same high; 7, 8 finished. ln of how much more of their time converted points bear it than others, over the points of
#: OPERA's own validation of 2024, rounded (`benchmarks/alerts.py` prints them).
SUPPORT: Mapping[tuple[Sensor, str], tuple[float, ...]] = MappingProxyType(
    {
        (Sensor.DIST_S1, "GEN"): (0.0, 0.0, 0.0, 0.0, 0.9, 0.9, 1.1, 0.0, 0.0),
        (Sensor.DIST_HLS, "GEN"): (0.0, 1.0, 1.0, 1.2, 1.2, 2.0, 2.7, 0.0, 0.0),
        (Sensor.DIST_HLS, "VEG"): (0.0, 0.6, 0.6, 0.9, 0.9, 0.9, 1.3, 0.0, 0.0),
    }
)
#: Name and version of what reads the products, by sensor: `dist-s1@1`.
READERS: Mapping[Sensor, str] = {sensor: f"{sensor.value}@1" for sensor, _ in SUPPORT}


def alert_map(scene: Scene, bands: Mapping[str, FloatArray], profile_sha256: str) -> ChangeMap:
    """Support (`score`, nats) by the statuses in `bands` ((y, x), codes, NaN without data); the strongest one counts."""
    shape = scene.grid.shape
    score = np.full(shape, np.nan, np.float32)
    for name, status in bands.items():
        table = np.array([*SUPPORT[scene.sensor, name], np.nan], np.float32)
        known = np.isfinite(status) & (status >= 0) & (status < len(table) - 1)
        score = np.fmax(score, table[np.where(known, status, len(table) - 1).astype(int)])
    return ChangeMap(
        detector=READERS[scene.sensor],
        scene_id=scene.id,
        reference_ids=(),
        grid=scene.grid,
        score=score,
        score_unit="nats",
        valid=np.isfinite(score),
        depth_looks=np.zeros(shape, np.int16),
        layers={f"status_{name.lower()}": Layer(status, "class") for name, status in bands.items()},
        depth_days=0,
        profile_sha256=profile_sha256,
    )


def news(change: ChangeMap, told: Tenths) -> ChangeMap:
    """The change map seen only where it says anything else than what was `told` last, (y, x)."""
    fresh = change.valid & (_tenths(change) != told)
    return replace(change, valid=fresh, score=np.where(fresh, change.score, np.float32(np.nan)))


def retold(change: ChangeMap, told: Tenths, share: float) -> tuple[Tenths, FloatArray]:
    """What was told after this map, and by how much it moves the field (nats), both (y, x)."""
    after = np.where(change.valid, _tenths(change), told)
    step = (after.astype(np.float32) - told.astype(np.float32)) / np.float32(10.0)
    return after, np.asarray(np.float32(share) * step, np.float32)


def _tenths(change: ChangeMap) -> Tenths:
    return np.asarray(np.rint(10.0 * np.nan_to_num(change.score)), np.uint8)
