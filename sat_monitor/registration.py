"""Shifts of the scenes of one track against their common reference, between archive and stack.

The reference is the median place of the first clear scenes of one platform on the track up to the tested look, measured
against the one that lies best among them. So a shift depends on the set of scenes, never on the order in which they
arrived, and one bad scene cannot pose as the reference. Another platform may lie elsewhere as a whole (METHOD 2): where
enough of its scenes agree, each of them is held against that place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sat_monitor.core.domain import FloatArray, Scene, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import ImagerySettings
from sat_monitor.core.units import power_to_db
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.cloud import clear_mask
from sat_monitor.imagery.files import write_whole
from sat_monitor.imagery.register import Shift, check_shift, clear_scenes, estimate_shift

#: Side of the central square that is compared, pixels.
_SIDE = 768
_NONE = Shift(0.0, 0.0, 0.0, True)
#: Clear scenes among which the reference is chosen.
_ANCHORS = 15
#: Scenes of a platform that must agree on its place, and how far they may lie from it in the median, pixels.
_ENOUGH, _AGREE_PX = 3, 0.25


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the scenes of one platform lie in the median, as seen from the anchor, pixels; `known` = they agree."""

    dy_px: float
    dx_px: float
    known: bool

    def seen_from(self, other: _Place) -> _Place:
        """The same place with the other one as the origin."""
        return replace(self, dy_px=self.dy_px - other.dy_px, dx_px=self.dx_px - other.dx_px)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a track lies: a scene to measure against, the place of the platform that most scenes are of, and of each."""

    anchor: Scene
    home: _Place
    places: Mapping[str, _Place]


class Registrar:
    """Estimates the shift of a pair of scenes once; a shift follows from the pixels, so it is kept from night to night."""

    def __init__(self, archive: Archive, settings: ImagerySettings, book: Path) -> None:
        self._archive = archive
        self._settings = settings
        self._book = book
        self._known = _read_book(book)
        self._saved = len(self._known)
        self._pictures: dict[tuple[str, Grid], FloatArray] = {}
        self._anchors: dict[tuple[str, ...], Scene] = {}

    def shifts(self, tested: Scene, track: Sequence[Scene], references: Sequence[Scene]) -> dict[str, Shift]:
        """Shift of `tested` and of each usable reference; `track` are all earlier scenes of the tested one's track.

        A reference that is off by too much is left out; a tested scene that is raises SceneReject (E1210).
        """
        frame = self._frame([s for s in (*track, tested) if s.grid == tested.grid])
        shifts = {tested.id: self._checked(tested, frame)}
        for scene in references:
            try:
                shifts[scene.id] = self._checked(scene, frame)
            except SceneReject:
                continue
        return shifts

    def _frame(self, scenes: Sequence[Scene]) -> _Frame:
        """The scene to measure against, and where the first clear scenes of each platform lie from it."""
        first = [s.platform for s in clear_scenes(scenes, _ANCHORS)]
        home = max(sorted(set(first)), key=first.count)
        anchor = self._anchor([s for s in scenes if s.platform == home])
        places = {p: self._place([s for s in scenes if s.platform == p], anchor) for p in {s.platform for s in scenes}}
        return _Frame(anchor, places[home], places)

    def _place(self, scenes: Sequence[Scene], anchor: Scene) -> _Place:
        """The median place of the first clear ones of `scenes`."""
        measured = [self._shift(s, anchor) for s in clear_scenes(scenes, _ANCHORS)]
        known = [shift for shift in measured if shift.measured] or [_NONE]
        off = np.array([(shift.dy_px, shift.dx_px) for shift in known])
        dy, dx = np.median(off, axis=0)
        spread = np.median(np.hypot(off[:, 0] - dy, off[:, 1] - dx))
        return _Place(float(dy), float(dx), bool(len(off) >= _ENOUGH and spread <= _AGREE_PX))

    def _checked(self, scene: Scene, frame: _Frame) -> Shift:
        """The shift of a scene against the place of its track; raises SceneReject E1210 where it lies nowhere near."""
        shift, place = self._shift(scene, frame.anchor), frame.places[scene.platform].seen_from(frame.home)
        established = place.known and math.hypot(place.dy_px, place.dx_px) <= self._settings.max_platform_shift_px
        if not shift.measured:
            # What a whole platform shows holds for a scene that shows too little itself.
            off = Shift(place.dy_px, place.dx_px, _AGREE_PX, True)
            return off if established and scene.platform != frame.anchor.platform else shift
        off = replace(shift, dy_px=shift.dy_px - frame.home.dy_px, dx_px=shift.dx_px - frame.home.dx_px)
        own = replace(off, dy_px=off.dy_px - place.dy_px, dx_px=off.dx_px - place.dx_px)
        # A provider may put right where its platform lies: then its scenes lie at home from one day on.
        check_shift(own if established and own.length_px < off.length_px else off, self._settings, scene.id)
        return off

    def _anchor(self, scenes: Sequence[Scene]) -> Scene:
        """Of the first clear scenes, the one whose median shift against the others is smallest."""
        first = clear_scenes(scenes, _ANCHORS)
        if len(first) < 3:
            return first[0]
        key = tuple(s.pixels_sha256 for s in first)
        if key not in self._anchors:
            offs = [np.median([self._shift(b, a).length_px for b in first if b is not a]) for a in first]
            self._anchors[key] = first[int(np.argmin(offs))]
        return self._anchors[key]

    def _shift(self, scene: Scene, anchor: Scene) -> Shift:
        if scene.id == anchor.id:
            return _NONE
        key = f"{anchor.pixels_sha256} {scene.pixels_sha256}"
        if key not in self._known:
            grid = _centre(anchor.grid)
            self._known[key] = estimate_shift(self._picture(anchor, grid), self._picture(scene, grid))
        return self._known[key]

    def save(self) -> None:
        """Keep what was measured; deleting the file costs time, never truth."""
        if len(self._known) > self._saved:
            plain = {key: [s.dy_px, s.dx_px, s.residual_px, s.measured] for key, s in self._known.items()}
            write_whole(self._book, json.dumps(plain).encode())
            self._saved = len(self._known)

    def _picture(self, scene: Scene, grid: Grid) -> FloatArray:
        """What is compared: VV in dB, or near infrared on clear ground."""
        key = (scene.pixels_sha256, grid)
        if key not in self._pictures:
            self._pictures[key] = self._read(scene, grid)
        return self._pictures[key]

    def _read(self, scene: Scene, grid: Grid) -> FloatArray:
        if scene.sensor is Sensor.S1:
            return power_to_db(self._archive.read(scene, ("VV",), grid)["VV"])
        band = "B08" if "B08" in self._archive.bands(scene) else "B8A"
        bands = self._archive.read(scene, (band, "SCL"), grid)
        return np.where(clear_mask(bands["SCL"], 1), bands[band], np.float32(np.nan)).astype(np.float32)


def _read_book(path: Path) -> dict[str, Shift]:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return {key: Shift(*row) for key, row in plain.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _centre(grid: Grid) -> Grid:
    """The central square of at most `_SIDE` pixels."""
    height, width = min(grid.height, _SIDE), min(grid.width, _SIDE)
    x0, y0 = grid.to_metres((grid.height - height) // 2, (grid.width - width) // 2)
    return Grid(grid.epsg, x0, y0, grid.pixel_m, height, width)
