"""Stacks read by window: one sensor, one track, ascending in time, `valid` kept apart from the values."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from threading import Lock

import numpy as np
import xarray as xr

from sat_monitor.core.domain import BoolArray, FloatArray, Scene
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid, Window
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.cloud import ground_mask
from sat_monitor.imagery.register import Shift, needs_correction, shift_bands
from sat_monitor.imagery.sensors import SENSORS, check_comparable

#: Pixels read beyond a window that is moved: the cubic filter's memory of an edge has then faded to 3e-5.
_MARGIN = 8

#: The derived plane of stacks with a scene classification.
_CLEAR = "clear"

_Plane = FloatArray | BoolArray
_Key = tuple[str, str, Grid, tuple[float, float] | None]


class StackReader:
    """Reads stacks and remembers the planes that the next look will ask for again, up to `cache_bytes`.

    Stacks of scenes that do not fit whole are not remembered: their first planes would be gone before the next look.
    Threads may share a reader.
    """

    def __init__(self, archive: Archive, profile: Profile, cache_bytes: int) -> None:
        self.archive = archive
        self._profile = profile
        self._room = cache_bytes
        self._cache_bytes = cache_bytes
        self._lock = Lock()
        self._planes: OrderedDict[_Key, _Plane] = OrderedDict()

    def read(
        self, scenes: Sequence[Scene], bands: Sequence[str], grid: Grid, shifts: Mapping[str, Shift]
    ) -> xr.Dataset:
        """Bands (time, y, x) float32 and `valid` (time, y, x) bool of `scenes` on `grid`, corrected by `shifts`.

        `valid` says that every required band of the sensor, as far as it was asked for, holds data; values are NaN
        where there is none. A stack with SCL also has `clear` (time, y, x) bool: ground without cloud, shadow or snow.
        Units are in the attributes. Raises SceneReject: E1206 where tracks, sensors or times are mixed, E1102 a
        damaged file.
        """
        self._check(scenes)
        shape = (len(scenes), *grid.shape)
        values = {name: np.empty(shape, np.float32) for name in bands}
        clear, valid = np.empty(shape, bool), np.empty(shape, bool)
        choices = [[n for n in names if n in bands] for names in SENSORS[scenes[0].sensor].required]
        needed = [there[0] for there in choices if there] or list(bands)
        kept = sum(s.grid.height * s.grid.width for s in scenes) * 4 * len(bands) <= self._cache_bytes
        for k, scene in enumerate(scenes):
            planes = self._scene(scene, bands, grid, shifts.get(scene.id), kept)
            for name in bands:
                values[name][k] = planes[name]
            clear[k] = planes.get(_CLEAR, True)
            # Here, where the planes are still in cache, and not as one sweep over the stack.
            np.isfinite(planes[needed[0]], out=valid[k])
            for name in needed[1:]:
                valid[k] &= np.isfinite(planes[name])
        stack = self._dataset(scenes, values, valid, grid)
        if "SCL" in bands:
            stack[_CLEAR] = (("time", "y", "x"), clear)
        return stack

    @staticmethod
    def _check(scenes: Sequence[Scene]) -> None:
        for earlier, later in pairwise(scenes):
            check_comparable(later, earlier)
            if later.order < earlier.order:
                raise SceneReject("E1206", f"{later.id} is not later than {earlier.id}", "both", later.id)

    @staticmethod
    def _dataset(
        scenes: Sequence[Scene], values: Mapping[str, FloatArray], valid: np.ndarray, grid: Grid
    ) -> xr.Dataset:
        spec, track = SENSORS[scenes[0].sensor], scenes[0].track
        times = np.array([s.acquired_at.replace(tzinfo=None) for s in scenes], "datetime64[ns]")
        data = {n: (("time", "y", "x"), v, {"units": spec.band(n).unit}) for n, v in values.items()}
        attributes = {
            "sensor": scenes[0].sensor.value,
            "track": "" if track is None else track.id,
            "epsg": grid.epsg,
            "pixel_m": grid.pixel_m,
        }
        stack = xr.Dataset(data, {"time": times}, attributes)
        stack["valid"] = (("time", "y", "x"), valid)
        return stack

    def _scene(
        self, scene: Scene, bands: Sequence[str], grid: Grid, shift: Shift | None, kept: bool
    ) -> Mapping[str, _Plane]:
        moved = shift if shift is not None and needs_correction(shift, self._profile.imagery) else None
        if not kept:
            return self._fresh(scene, bands, grid, moved)
        key = None if moved is None else (moved.dy_px, moved.dx_px)
        keys = {name: (scene.pixels_sha256, name, grid, key) for name in bands}
        if "SCL" in bands:
            # Clear ground depends on the bands that tell soil from cloud, so on which of them are asked for.
            keys[_CLEAR] = (scene.pixels_sha256, f"{_CLEAR} by {' '.join(sorted(bands))}", grid, key)
        with self._lock:
            if all(k in self._planes for k in keys.values()):
                for k in keys.values():
                    self._planes.move_to_end(k)
                return {name: self._planes[k] for name, k in keys.items()}
        planes = self._fresh(scene, bands, grid, moved)
        with self._lock:
            for name, plane in planes.items():
                self._keep(keys[name], plane)
        return planes

    def _fresh(self, scene: Scene, bands: Sequence[str], grid: Grid, shift: Shift | None) -> dict[str, _Plane]:
        held = set(self.archive.bands(scene))
        there = [name for name in bands if name in held]
        wide = grid if shift is None else grid.window(_around(grid))
        planes = self.archive.read(scene, there, wide)
        if shift is not None:
            inner = Window(_MARGIN, _MARGIN, *grid.shape).slices
            planes = {n: np.ascontiguousarray(v[inner]) for n, v in shift_bands(planes, shift).items()}
        nothing = np.full(grid.shape, np.nan, np.float32)
        whole: dict[str, _Plane] = {**{name: nothing for name in bands if name not in held}, **planes}
        if "SCL" in planes:
            whole[_CLEAR] = ground_mask(planes, self._profile.optical.cloud_buffer_px)
        return whole

    def _keep(self, key: _Key, plane: _Plane) -> None:
        if key in self._planes:
            return
        self._planes[key] = plane
        self._room -= plane.nbytes
        # The planes of the stack being read are the newest: never throw away the last two hundred.
        while self._room < 0 and len(self._planes) > 200:
            _, old = self._planes.popitem(last=False)
            self._room += old.nbytes


def _around(grid: Grid) -> Window:
    return Window(-_MARGIN, -_MARGIN, grid.height + 2 * _MARGIN, grid.width + 2 * _MARGIN)
