"""Batches for training: chips drawn by source, cut, mirrored, thinned out and encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sat_monitor.core.domain import FloatArray
from sat_monitor.models.bands import encoded
from sat_monitor.models.chip_store import load_chips
from sat_monitor.models.chips import SIGHTS, Chip, as_picture, coarser, limited, random_crop, turned

#: Side of a training square, pixels.
CROP_PX = 128
#: Part of the chips with true reflectance that are shown as 8-bit pictures, and as pixels of 20 or 30 m.
_PICTURES, _COARSE = 0.35, 0.15


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of the network, truth and weight of each answer, (n, 3, y, x)."""

    optical: Tensor
    radar: Tensor
    slope: Tensor
    truth: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(*(getattr(self, name).to(device) for name in self.__slots__))


def by_source(paths: Sequence[Path]) -> Mapping[str, list[Path]]:
    """Files by the first word of their name: `world`, `blend` and so on."""
    found: dict[str, list[Path]] = {}
    for path in sorted(paths):
        found.setdefault(path.name.split("-")[0], []).append(path)
    return found


def drawn(sources: Mapping[str, Sequence[Path]], shares: Mapping[str, float], rng: np.random.Generator) -> Chip:
    """One chip at random, varied as training wants it."""
    names = [name for name in sources if shares.get(name, 0.0) > 0.0]
    weights = np.array([shares[name] for name in names])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    files = sources[name]
    chip = next(load_chips([files[int(rng.integers(len(files)))]]))
    if chip.geometry and rng.random() < _COARSE:
        factor = int(rng.integers(2, 4))
        chip = padded(coarser(random_crop(chip, min(chip.pair.shape[0], CROP_PX * factor), rng), factor), CROP_PX)
    else:
        chip = random_crop(chip, CROP_PX, rng)
    if chip.geometry and rng.random() < _PICTURES:
        chip = replace(as_picture(chip, rng), geometry=False)
    sights = list(SIGHTS)
    sight = sights[int(rng.choice(len(sights), p=list(SIGHTS.values())))]
    return limited(turned(chip, rng), sight, rng)


def batch_of(chips: Sequence[Chip]) -> Batch:
    """Chips of one size as tensors."""
    inputs = [encoded(chip.pair) for chip in chips]
    truth = np.stack([chip.truth for chip in chips])
    weight = np.stack([chip.weight * chip.pair.seen for chip in chips])
    optical, radar, slope = (
        _tensor(np.stack([getattr(e, name) for e in inputs])) for name in ("optical", "radar", "slope")
    )
    return Batch(optical, radar, slope, _tensor(truth), _tensor(weight))


def padded(chip: Chip, side: int) -> Chip:
    """A chip in the corner of a square of `side`; what is beyond is unseen and has no weight."""
    height, width = chip.pair.shape

    def wide(values: FloatArray, fill: float) -> FloatArray:
        edge = [(0, 0)] * (values.ndim - 2) + [(0, side - height), (0, side - width)]
        return np.pad(values, edge, constant_values=fill).astype(np.float32)

    pair = chip.pair
    sides = {
        name: replace(s, optical=wide(s.optical, np.nan), radar=wide(s.radar, np.nan))
        for name, s in (("before", pair.before), ("after", pair.after))
    }
    pair = replace(pair, **sides, slope_deg=wide(pair.slope_deg, np.nan))
    return replace(chip, pair=pair, truth=wide(chip.truth, 0.0), weight=wide(chip.weight, 0.0))


def _tensor(values: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
