"""Ground that is called cloud again and again while all around is clear: `suspect-bright` (METHOD 3).

A look that finds it so proves nothing, for a small cloud looks the same. From the third such look on the place is bright
ground: it counts as seen, with a lower weight. The count is part of the evidence field, so it is causal and survives.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import BoolArray, ChangeMap, FloatArray
from sat_monitor.core.profile import OpticalSettings

#: The layer that marks suspect ground of a look with 1.
LAYER = "suspect_bright"


def suspect_in(change: ChangeMap) -> BoolArray:
    """Pixels (y, x) that this look calls suspect; none where it has no such layer."""
    layer = change.layers.get(LAYER)
    return np.zeros(change.valid.shape, bool) if layer is None else np.asarray(layer.values > 0.5)


def admitted(change: ChangeMap, looks: NDArray[np.int16], settings: OpticalSettings) -> ChangeMap:
    """The change map with suspect ground not seen until it was suspect on enough looks, this one included.

    `looks` (y, x) is the number of earlier looks on which a pixel was suspect.
    """
    return without(change, suspect_in(change) & (looks + 1 < settings.suspect_looks))


def without(change: ChangeMap, hidden: BoolArray) -> ChangeMap:
    """The change map with `hidden` ground (y, x) not seen; the same object where that hides nothing."""
    if not (hidden & change.valid).any():
        return change
    score = np.where(hidden, np.float32(np.nan), change.score)
    return replace(change, valid=change.valid & ~hidden, score=score)


def weight(change: ChangeMap, settings: OpticalSettings) -> FloatArray:
    """Weight of a look in the evidence, (y, x) 0..1: lower where its ground is suspect."""
    return np.where(suspect_in(change), np.float32(settings.suspect_weight), np.float32(1.0)).astype(np.float32)


def counted(looks: NDArray[np.int16], change: ChangeMap) -> NDArray[np.int16]:
    """`looks` with this look's suspect ground added."""
    return (looks + suspect_in(change)).astype(np.int16)
