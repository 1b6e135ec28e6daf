"""The world contract: what a simulated world holds and how it looks, beside the same of real imagery."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sat_monitor.imagery.opera_rtc import opera_rtc_scenes
from sat_monitor.imagery.s2_cube import s2_cube_scenes
from sat_monitor.simulate.contract import (
    OpticalSample,
    RadarSample,
    contract,
    optical_measures,
    radar_classes,
    radar_measures,
    sample_world,
    table,
)
from sat_monitor.simulate.world import World

_CUBE = "s2_romania/sentinel2_cube_subset_romania_10m.nc"


def reference_figures(folder: Path) -> dict[str, float]:
    """Figures of the real imagery below `folder` (opera_rtc_s1, s2_romania) by name; those that are not there are missing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return _radar(folder) | _optical(folder)


def contract_lines(world: World, real: Mapping[str, float]) -> list[str]:
    """The contract of a world as lines of text, beside the figures of real imagery."""
    with warnings.catch_warnings():
        # Ground under cloud on all looks of a season has no median, and no figure.
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return table(contract(world, sample_world(world), real))


def _radar(folder: Path) -> dict[str, float]:
    """Figures of the burst with the most classed land."""
    stacks = []
    for burst in sorted(path for path in (folder / "opera_rtc_s1").glob("T*") if path.is_dir()):
        rasters = [found.load().bands for found in opera_rtc_scenes(burst, "real").scenes]
        stacks.append(RadarSample(*(np.stack([r[b] for r in rasters]) for b in ("VV", "VH"))))
    if not stacks:
        return {}
    stack = max(stacks, key=lambda s: sum(int(where.sum()) for where in radar_classes(s).values()))
    return {measure.name: measure.value for measure in radar_measures(stack)}


def _optical(folder: Path) -> dict[str, float]:
    """Figures of the Sentinel-2 cube."""
    if not (folder / _CUBE).is_file():
        return {}
    scenes = s2_cube_scenes(folder / _CUBE, "real").scenes
    rasters = [found.load().bands for found in scenes]
    days = np.array([found.offer.acquired_at.timetuple().tm_yday for found in scenes])
    bands = (np.stack([r[b] for r in rasters]) for b in ("SCL", "B02", "B04", "B08"))
    return {measure.name: measure.value for measure in optical_measures(OpticalSample(days, *bands))}
