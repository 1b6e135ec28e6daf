"""One scene, scored: the stack is read block by block, calibrated on a sample and handed to its detector.

Blocks go to as many threads as there are cores, up to `MAX_THREADS`: decoding and the compiled kernels let each other
run. A block is the work of one thread and depends on no other block, so that the bits do not depend on the threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sat_monitor.change_detect.alerts import READERS, alert_map
from sat_monitor.change_detect.cnn import LAYER, network_layer
from sat_monitor.change_detect.detector import BlockScores, Detector, IntArray, detector_id
from sat_monitor.change_detect.optical import OpticalDetector
from sat_monitor.change_detect.sar import SarDetector
from sat_monitor.core.domain import AOI, BoolArray, ChangeMap, FloatArray, Layer, Scene, Sensor
from sat_monitor.core.grid import Grid, Window
from sat_monitor.core.memory import keep_freed_memory
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.register import UNMEASURED, Shift
from sat_monitor.imagery.stack import StackReader
from sat_monitor.imagery.terrain import Terrain

if TYPE_CHECKING:
    from sat_monitor.models.weights import Network

#: The table of detectors: a new one is one file and one row.
DETECTORS: Mapping[Sensor, Detector] = {Sensor.S1: SarDetector(), Sensor.S2: OpticalDetector()}
#: Name and version of what judges the scenes of a sensor: a detector, or the reader of somebody's alerts.
JUDGES: Mapping[Sensor, str] = {**{sensor: detector_id(row) for sensor, row in DETECTORS.items()}, **READERS}
#: Blocks from which the scene-wide calibration is drawn, and their largest side (pixels).
SAMPLE_BLOCKS, SAMPLE_SIDE = 4, 256
#: Threads at most, for each holds a block's stack, and how many bytes such a stack may have; bytes of a pixel of it
#: besides its bands.
MAX_THREADS = 4
STACK_BYTES = 400 << 20
_MASK_BYTES = 2
#: Side below which a block is not cut further.
_MIN_SIDE = 64
#: Reference looks below which a scene is not even read.
MIN_REFERENCE = 3


@dataclass(frozen=True, slots=True)
class Bench:
    """What every look of an AOI needs; `watched` (y, x) is the outline plus margin on the AOI grid.

    Without `terrain` no look is asked for shade; with a `network` optical looks carry its layer.
    """

    aoi: AOI
    archive: Archive
    reader: StackReader
    profile: Profile
    watched: BoolArray
    terrain: Terrain | None = None
    network: Network | None = None

    @property
    def network_sha256(self) -> str:
        """Hash of the network's weights, empty without one."""
        return "" if self.network is None else self.network.card.sha256


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
    keep_freed_memory()
    detector = DETECTORS[scene.sensor]
    maps = _Canvas.blank(scene.grid, bench.profile)
    if len(references) >= MIN_REFERENCE:
        watched = bench.watched[part_of(bench.aoi.grid, scene.grid)]
        scenes = [*references, scene]
        names = detector.bands(scene, bench.archive.bands(scene))
        windows = blocks(scene.grid, watched, block_side(bench.profile.imagery.block_px, len(scenes), len(names)))

        def read(window: Window) -> xr.Dataset:
            return bench.reader.read(scenes, names, scene.grid.window(window), shifts)

        def score(window: Window) -> BlockScores:
            return detector.score(read(window), frozen[window.slices], calibration, bench.profile)

        with _threads() as pool:
            list(pool.map(bench.archive.check, scenes))
            samples = [_middle(window) for window in spread_out(windows, SAMPLE_BLOCKS)]
            stacks = list(pool.map(read, samples))
            calibration = detector.calibrate(stacks, [frozen[w.slices] for w in samples], bench.profile)
            stacks.clear()
            for window, part in zip(windows, pool.map(score, windows), strict=True):
                maps.paste(window, part)
        if bench.network is not None and scene.sensor is Sensor.S2:
            maps.layers[LAYER] = _network_layer(bench, bench.network, scenes, names, shifts)
    return maps.change_map(detector, scene, references, shifts.get(scene.id, UNMEASURED))


def _network_layer(
    bench: Bench, network: Network, scenes: Sequence[Scene], names: Sequence[str], shifts: Mapping[str, Shift]
) -> Layer:
    """The network's layer of the last of `scenes`, in single precision, which all processors share."""
    from sat_monitor.models.infer import Predictor, Runtime

    *references, scene = scenes
    chosen = [*references[-bench.profile.network.reference_looks :], scene]

    def read(window: Window) -> xr.Dataset:
        return bench.reader.read(chosen, names, scene.grid.window(window), shifts)

    return network_layer(scene.grid.shape, read, Predictor.of(network, Runtime.FLOAT32))


def told_scene(bench: Bench, scene: Scene) -> ChangeMap:
    """Change map of a scene that holds somebody's alerts: it is judged by itself."""
    bands = bench.archive.read(scene, bench.archive.bands(scene), scene.grid)
    watched = bench.watched[part_of(bench.aoi.grid, scene.grid)]
    seen = {name: np.where(watched, values, np.float32(np.nan)) for name, values in bands.items()}
    return alert_map(scene, seen, bench.profile.sha256)


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """A thread per core; what is still waiting when something fails is not begun."""
    pool = ThreadPoolExecutor(min(MAX_THREADS, len(os.sched_getaffinity(0))))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def block_side(block_px: int, looks: int, bands: int) -> int:
    """`block_px`, halved until the stack of a block of that side has at most `STACK_BYTES`."""
    side = block_px
    while side > _MIN_SIDE and looks * (4 * bands + _MASK_BYTES) * side * side > STACK_BYTES:
        side //= 2
    return side


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


def _middle(window: Window) -> Window:
    """The middle of a block, up to `SAMPLE_SIDE` pixels a side: enough to calibrate on."""
    height, width = min(window.height, SAMPLE_SIDE), min(window.width, SAMPLE_SIDE)
    return Window(window.row + (window.height - height) // 2, window.col + (window.width - width) // 2, height, width)


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
