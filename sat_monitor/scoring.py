"""One scene, scored: the stack is read block by block, calibrated on a sample and handed to its detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from sat_monitor.change_detect.detector import BlockScores, Detector, IntArray, detector_id
from sat_monitor.change_detect.optical import OpticalDetector
from sat_monitor.change_detect.sar import SarDetector
from sat_monitor.core.domain import AOI, BoolArray, ChangeMap, FloatArray, Layer, Scene, Sensor
from sat_monitor.core.grid import Grid, Window
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.register import UNMEASURED, Shift
from sat_monitor.imagery.stack import StackReader
from sat_monitor.imagery.terrain import Terrain

#: The table of detectors: a new one is one file and one row.
DETECTORS: Mapping[Sensor, Detector] = {Sensor.S1: SarDetector(), Sensor.S2: OpticalDetector()}
#: Blocks from which the scene-wide calibration is drawn.
SAMPLE_BLOCKS = 4
#: Reference looks below which a scene is not even read.
MIN_REFERENCE = 3


@dataclass(frozen=True, slots=True)
class Bench:
    """What every look of an AOI needs; `watched` (y, x) is the outline plus margin on the AOI grid.

    Without `terrain` no look is asked for shade.
    """

    aoi: AOI
    archive: Archive
    reader: StackReader
    profile: Profile
    watched: BoolArray
    terrain: Terrain | None = None


def part_of(aoi_grid: Grid, part: Grid) -> tuple[slice, slice]:
    """Row and column slices of a sub-grid within the AOI grid."""
    row, col = aoi_grid.to_pixel(part.x0, part.y0)
    return Window(round(row), round(col), part.height, part.width).slices


def score_scene(
    bench: Bench, scene: Scene, references: Sequence[Scene], frozen: IntArray, shifts: Mapping[str, Shift]
) -> ChangeMap:
    """Change map of `scene` on its own grid against `references`; without enough of them nothing is valid.

    `frozen` (y, x) int32 covers the scene's grid.
    """
    detector = DETECTORS[scene.sensor]
    maps = _Canvas.blank(scene.grid, bench.profile)
    if len(references) >= MIN_REFERENCE:
        watched = bench.watched[part_of(bench.aoi.grid, scene.grid)]
        windows = blocks(scene.grid, watched, bench.profile.imagery.block_px)
        scenes = [*references, scene]
        names = detector.bands(scene, bench.archive.bands(scene))

        def read(window: Window) -> xr.Dataset:
            return bench.reader.read(scenes, names, scene.grid.window(window), shifts)

        chosen = spread_out(windows, SAMPLE_BLOCKS)
        samples = {window: read(window) for window in chosen}
        freezes = [frozen[window.slices] for window in chosen]
        calibration = detector.calibrate(list(samples.values()), freezes, bench.profile)
        for window in windows:
            stack = samples.pop(window, None)
            part = detector.score(
                read(window) if stack is None else stack, frozen[window.slices], calibration, bench.profile
            )
            maps.paste(window, part)
    return maps.change_map(detector, scene, references, shifts.get(scene.id, UNMEASURED))


def blocks(grid: Grid, watched: BoolArray, side: int) -> list[Window]:
    """Blocks of at most `side` pixels that hold watched ground, row by row."""
    windows = (
        Window(row, col, min(side, grid.height - row), min(side, grid.width - col))
        for row in range(0, grid.height, side)
        for col in range(0, grid.width, side)
    )
    return [window for window in windows if watched[window.slices].any()]


def spread_out(windows: Sequence[Window], count: int) -> list[Window]:
    """At most `count` of the windows, evenly spaced in their order."""
    if len(windows) <= count:
        return list(windows)
    picks = np.linspace(0, len(windows) - 1, count).round().astype(int)
    return [windows[i] for i in picks]


@dataclass(slots=True)
class _Canvas:
    """The change map while its blocks arrive."""

    grid: Grid
    score: FloatArray
    valid: BoolArray
    depth: np.ndarray[tuple[int, ...], np.dtype[np.int16]]
    layers: dict[str, Layer]
    profile_sha256: str

    @classmethod
    def blank(cls, grid: Grid, profile: Profile) -> _Canvas:
        nothing = np.full(grid.shape, np.nan, np.float32)
        return cls(grid, nothing, np.zeros(grid.shape, bool), np.zeros(grid.shape, np.int16), {}, profile.sha256)

    def paste(self, window: Window, part: BlockScores) -> None:
        where = window.slices
        self.score[where], self.valid[where], self.depth[where] = part.score, part.valid, part.depth_looks
        for name, layer in part.layers.items():
            whole = self.layers.setdefault(name, Layer(np.full(self.grid.shape, np.nan, np.float32), layer.unit))
            whole.values[where] = layer.values

    def change_map(self, detector: Detector, scene: Scene, references: Sequence[Scene], shift: Shift) -> ChangeMap:
        oldest = min((r.acquired_at for r in references), default=scene.acquired_at)
        return ChangeMap(
            detector=detector_id(detector),
            scene_id=scene.id,
            reference_ids=tuple(r.id for r in references),
            grid=self.grid,
            score=self.score,
            score_unit=detector.score_unit,
            valid=self.valid,
            depth_looks=self.depth,
            layers=self.layers,
            depth_days=(scene.acquired_at - oldest).days,
            registration=shift.figures,
            profile_sha256=self.profile_sha256,
        )
