"""What happens to a plot of ground: steps in time, each of which brings a surface over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum

import numpy as np
from shapely.geometry import Polygon

from sat_monitor.core.domain import FloatArray
from sat_monitor.simulate.kinds import Cover, EventKind, Stage
from sat_monitor.simulate.plots import Plot

#: Width of the front with which a work creeps over its plot, as a share of it.
_FRONT = 0.15
#: Surfaces on which ground was moved.
_MOVED = (Cover.SOIL, Cover.WORKED)


class Spread(Enum):
    """How a step comes over a plot: as a front from one side, evenly, or from the rim inwards."""

    FRONT = "front"
    EVEN = "even"
    RIM = "rim"


@dataclass(frozen=True, slots=True)
class Step:
    """From `day`, within `days`, `becomes` covers up to `most` of each pixel; None brings the old cover back.

    A front covers the `part` (from, to) of the plot only, as shares of its area in the order of the work.
    """

    day: date
    days: float
    becomes: Cover | None
    most: float = 1.0
    spread: Spread = Spread.FRONT
    part: tuple[float, float] = (0.0, 1.0)

    @property
    def end(self) -> date:
        """The day on which it is complete."""
        return self.day + timedelta(days=round(self.days))

    def progress(self, day: date) -> float:
        """How far it has come, 0..1; nothing on its first day or before."""
        return float(np.clip((day - self.day).days / max(self.days, 1e-6), 0.0, 1.0))

    def covers(self, plot: Plot, day: date) -> FloatArray:
        """Share (0..1) of the plot's part of each pixel that it covers, (y, x) on the plot's window."""
        done = np.float32(self.progress(day))
        if self.spread is Spread.EVEN:
            return np.full_like(plot.inside, np.float32(self.most) * done)
        if self.spread is Spread.RIM:
            near = plot.edge / np.maximum(plot.inside, np.float32(1e-6))
            return np.asarray(np.float32(self.most) * done * near, np.float32)
        begin, end = self.part
        reached = begin + done * (end - begin)
        width = _FRONT * (end - begin)
        # The front starts before the part and ends behind it, so that nothing is covered at 0 and all of it at 1.
        at = reached + width * (float(done) - 0.5)
        ahead = np.clip((at - plot.order) / width + 0.5, 0.0, 1.0)
        within = (plot.order >= begin) & ((plot.order < end) | (end >= 1.0))
        return np.asarray(self.most * ahead * within, np.float32)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to a plot, by its steps in time.

    `depth_m` is the mean height of what is filled or piled up (negative: cut away; 0: no earthwork); `tone` is the
    brightness of its soil against the mean of all soils.
    """

    id: str
    kind: EventKind
    plot: Plot
    steps: tuple[Step, ...]
    depth_m: float = 0.0
    tone: float = 1.0

    @property
    def outline(self) -> Polygon:
        """Outline in metres of the AOI's EPSG."""
        return self.plot.outline

    @property
    def area_m2(self) -> float:
        """Area of the outline, m2."""
        return float(self.plot.outline.area)

    @property
    def volume_m3(self) -> float:
        """Ground moved in all, m3."""
        return abs(self.depth_m) * self.area_m2

    @property
    def setting(self) -> str:
        """Name of the cover that was there."""
        return self.plot.cover.name.lower()

    @property
    def is_earthwork(self) -> bool:
        """Whether ground is filled, cut or piled up."""
        return self.kind.is_earthwork

    @property
    def cleared_on(self) -> date:
        """The first day of all (UTC): nothing differs before it."""
        return self.steps[0].day

    @property
    def filled_on(self) -> date:
        """The day on which the first ground is moved; where none is, that of the second step, or the only one."""
        moves = [step.day for step in self.steps if step.becomes in _MOVED]
        return moves[0] if moves else self.steps[min(1, len(self.steps) - 1)].day

    @property
    def ready_on(self) -> date:
        """The day on which the last ground is moved; where none is, the end of the step of `filled_on`."""
        moves = [step.end for step in self.steps if step.becomes in _MOVED]
        return max(moves) if moves else self.steps[min(1, len(self.steps) - 1)].end

    def surfaces(self, day: date) -> dict[Cover | None, FloatArray]:
        """Part of each pixel (y, x on the plot's window) under each surface; None is the old cover within the plot."""
        parts: dict[Cover | None, FloatArray] = {None: self.plot.inside}
        for step in self.steps:
            if step.day >= day:
                continue
            taken = step.covers(self.plot, day)
            parts = {surface: part * (np.float32(1.0) - taken) for surface, part in parts.items()}
            over = self.plot.inside * taken
            parts[step.becomes] = parts[step.becomes] + over if step.becomes in parts else over
        return parts

    def moved_m2(self, day: date, pixel_m: float) -> float:
        """Ground that was filled, cut or piled up until a day, m2, whatever grows on it since."""
        return self._touched_m2([step for step in self.steps if step.becomes in _MOVED], day, pixel_m)

    def changed_m2(self, day: date, pixel_m: float) -> float:
        """Ground over which a step had come until a day, m2: cleared, filled or otherwise; at the end `area_m2`."""
        whole = [replace(step, most=1.0) for step in self.steps if step.becomes is not None]
        return min(self._touched_m2(whole, day, pixel_m), self.area_m2)

    def _touched_m2(self, steps: Sequence[Step], day: date, pixel_m: float) -> float:
        """Ground that any of `steps` covered until a day, m2, as far as each covers its pixels."""
        touched = np.zeros_like(self.plot.inside)
        for step in steps:
            if step.day < day:
                touched = np.maximum(touched, step.covers(self.plot, day))
        return float((touched * self.plot.inside).sum()) * pixel_m**2

    def volume_on(self, day: date, pixel_m: float) -> float:
        """Ground moved until a day, m3: the moved area times the mean depth."""
        return abs(self.depth_m) * self.moved_m2(day, pixel_m)

    def stage_on(self, day: date) -> Stage | None:
        """The stage of a work on a day; None before its first day has passed, and for confusers."""
        begun = [step for step in self.steps if step.day < day]
        if not begun or not self.is_earthwork:
            return None
        newest = begun[-1] if begun[-1].spread is not Spread.RIM or len(begun) == 1 else begun[-2]
        if newest.becomes is Cover.CLEARED:
            return Stage.CLEARED
        if newest.becomes in (None, Cover.HERBS):
            return Stage.GREENING
        moving = newest.becomes is Cover.SOIL or (newest.becomes is Cover.WORKED and self.kind is EventKind.CUT)
        return Stage.FILLING if moving and newest.progress(day) < 1.0 else Stage.WORKED
