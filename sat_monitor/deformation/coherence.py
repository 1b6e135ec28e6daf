"""What coherence itself says outside of forest (METHOD 21): idle bare ground gains it, ground at work keeps losing it.

Only short pairs are compared, so that time alone explains little of a difference; a gain is the median of the newest pairs
over that of the older ones, a loss counts on ground that is known to be bare.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.deformation import Frame, PairStack
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.place import outline_of

#: Longest pairs that count, days; newest pairs that are held against the older ones, and fewest of those.
_SHORT_DAYS, _NEWEST, _FEWEST = 24, 4, 4
#: Gain and level from which bare ground lies idle; level below which a pair has lost its coherence.
_GAIN, _IDLE, _LOST = 0.2, 0.5, 0.35
#: Share of the newest pairs that lost it from which the ground is at work.
_REPEATED = 0.75
#: Fewest pixels of an area at work.
_FEWEST_PIXELS = 3


class Activity(IntEnum):
    """Classes of the map; 0 is where nothing can be said."""

    UNCHANGED = 1
    IDLE_BARE = 2
    AT_WORK = 3


@dataclass(frozen=True, slots=True)
class CoherenceChange:
    """Gain of coherence (y, x) float32 and classes (y, x) uint8; NaN and 0 in forest and where pairs are missing."""

    gain: FloatArray
    classes: NDArray[np.uint8]

    @property
    def shares(self) -> dict[str, float]:
        """Share (0..1) of the frame by class."""
        return {one.name.lower(): float((self.classes == one).mean()) for one in Activity}


def work_areas(found: CoherenceChange, frame: Frame) -> list[BaseGeometry]:
    """Outlines, in the frame's coordinates, of bare ground at work; single pixels are noise of the estimate."""
    groups, count = label(found.classes == Activity.AT_WORK, np.ones((3, 3)))
    masks = (groups == number for number in range(1, count + 1))
    return [outline_of(frame, mask) for mask in masks if mask.sum() >= _FEWEST_PIXELS]


def coherence_change(stack: PairStack, bare: BoolArray | None, forest: BoolArray | None) -> CoherenceChange:
    """Change of coherence on a stack; `bare` and `forest` (y, x) lie on its frame, None where not known.

    Without `bare` no ground is called at work: forest loses coherence too. Raises DeformationError E2207 without coherence
    or with too few short pairs.
    """
    short = [k for k, pair in enumerate(stack.pairs) if pair.days <= _SHORT_DAYS]
    short.sort(key=lambda k: stack.pairs[k].after)
    if stack.coherence is None or len(short) < _NEWEST + _FEWEST:
        raise DeformationError(
            "E2207", f"{len(short)} pairs of at most {_SHORT_DAYS} days with coherence; {_NEWEST + _FEWEST} are needed"
        )
    older, newest = stack.coherence[short[:-_NEWEST]], stack.coherence[short[-_NEWEST:]]
    known = np.isfinite(older).all(axis=0) & np.isfinite(newest).all(axis=0)
    known &= True if forest is None else ~forest
    level = np.median(newest, axis=0)
    gain = np.where(known, level - np.median(older, axis=0), np.nan).astype(np.float32)
    classes = np.where(known, np.uint8(Activity.UNCHANGED), np.uint8(0))
    classes[known & (gain >= _GAIN) & (level >= _IDLE)] = Activity.IDLE_BARE
    if bare is not None:
        lost = (newest < _LOST).mean(axis=0) >= _REPEATED
        classes[known & bare & lost] = Activity.AT_WORK
    return CoherenceChange(gain, classes.astype(np.uint8))
