"""Shifts of the scenes of one track against their common reference, between archive and stack.

The reference is the earliest clear scene up to the tested look, so a shift depends on the set of scenes, never on the
order in which they arrived.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sat_monitor.core.domain import FloatArray, Scene, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import ImagerySettings
from sat_monitor.core.units import power_to_db
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.cloud import clear_mask
from sat_monitor.imagery.register import Shift, check_shift, estimate_shift, track_reference

#: Side of the central square that is compared, pixels.
_SIDE = 768
_NONE = Shift(0.0, 0.0, 0.0, False)


class Registrar:
    """Estimates shifts once per pair of scenes and process."""

    def __init__(self, archive: Archive, settings: ImagerySettings) -> None:
        self._archive = archive
        self._settings = settings
        self._known: dict[tuple[str, str], Shift] = {}
        self._pictures: dict[tuple[str, Grid], FloatArray] = {}

    def shifts(self, tested: Scene, references: Sequence[Scene]) -> dict[str, Shift]:
        """Shift of `tested` and of each usable reference against their track's reference scene.

        A reference that is off by too much is left out; a tested scene that is raises SceneReject (E1210).
        """
        anchor = self._anchor([*references, tested], tested)
        shifts = {tested.id: self._shift(tested, anchor)}
        check_shift(shifts[tested.id], self._settings, tested.id)
        for scene in references:
            shift = self._shift(scene, anchor)
            try:
                check_shift(shift, self._settings, scene.id)
            except SceneReject:
                continue
            shifts[scene.id] = shift
        return shifts

    @staticmethod
    def _anchor(scenes: Sequence[Scene], tested: Scene) -> Scene:
        same_ground = [s for s in scenes if s.grid == tested.grid]
        return track_reference(same_ground)

    def _shift(self, scene: Scene, anchor: Scene) -> Shift:
        if scene.id == anchor.id:
            return _NONE
        key = (anchor.id, scene.id)
        if key not in self._known:
            grid = _centre(anchor.grid)
            self._known[key] = estimate_shift(self._picture(anchor, grid), self._picture(scene, grid), self._settings)
        return self._known[key]

    def _picture(self, scene: Scene, grid: Grid) -> FloatArray:
        """What is compared: VV in dB, or near infrared on clear ground."""
        key = (scene.id, grid)
        if key not in self._pictures:
            self._pictures[key] = self._read(scene, grid)
        return self._pictures[key]

    def _read(self, scene: Scene, grid: Grid) -> FloatArray:
        if scene.sensor is Sensor.S1:
            return power_to_db(self._archive.read(scene, ("VV",), grid)["VV"])
        band = "B08" if "B08" in self._archive.bands(scene) else "B8A"
        bands = self._archive.read(scene, (band, "SCL"), grid)
        return np.where(clear_mask(bands["SCL"], 1), bands[band], np.float32(np.nan)).astype(np.float32)


def _centre(grid: Grid) -> Grid:
    """The central square of at most `_SIDE` pixels."""
    height, width = min(grid.height, _SIDE), min(grid.width, _SIDE)
    x0, y0 = grid.to_metres((grid.height - height) // 2, (grid.width - width) // 2)
    return Grid(grid.epsg, x0, y0, grid.pixel_m, height, width)
