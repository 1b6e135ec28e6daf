"""The detector protocol: a stack in, calibrated scores out. tests/contract/test_detectors.py holds every row of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sat_monitor.core.domain import BoolArray, FloatArray, Layer, Scene, Sensor
from sat_monitor.core.profile import Profile

IntArray = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a detector learned from a sample of the whole scene: named arrays, opaque to the caller."""

    arrays: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class BlockScores:
    """Scores of one block, all (y, x): `score` float32 sigma, NaN where not `valid`; depth in reference looks."""

    score: FloatArray
    valid: BoolArray
    depth_looks: NDArray[np.int16]
    layers: Mapping[str, Layer]


class Detector(Protocol):
    """Compares the last look of a stack with the earlier ones.

    A score is a true sigma: on no-change ground the share above 2.3 is 1e-2 and above 3.1 is 1e-3 (METHOD 6). `frozen`
    (y, x) int32 is the day since 1970 from which on a pixel's looks may not serve as its reference (`NEVER` if none).
    Nothing acquired after the tested look is ever in the stack, so a detector is causal by construction.
    """

    name: str
    version: str
    sensor: Sensor
    score_unit: str

    def bands(self, scene: Scene, available: Sequence[str]) -> tuple[str, ...]:
        """The bands to read, of those `available`."""
        ...

    def history(self, scene: Scene, looks: Sequence[Scene], earliest_frozen: int, profile: Profile) -> list[Scene]:
        """The looks of `looks` (all older, same track) that serve as reference."""
        ...

    def calibrate(self, samples: Sequence[xr.Dataset], frozen: Sequence[IntArray], profile: Profile) -> Calibration:
        """Scene-wide offsets and scale from sample blocks; the last time of each is the tested look."""
        ...

    def score(self, stack: xr.Dataset, frozen: IntArray, calibration: Calibration, profile: Profile) -> BlockScores:
        """Scores of the stack's last look."""
        ...


def detector_id(detector: Detector) -> str:
    """Name and version as one word: `sar@1`."""
    return f"{detector.name}@{detector.version}"
