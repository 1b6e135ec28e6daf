"""Inference over a whole area: overlapping tiles, blended where they meet, so that no seam shows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sat_monitor.core.domain import FloatArray
from sat_monitor.models.bands import Pair, encoded_cells
from sat_monitor.models.detection import Detection
from sat_monitor.models.siamese import ANSWERS, STRIDE, Siamese, probabilities
from sat_monitor.models.weights import Network


class Runtime(StrEnum):
    """Arithmetic of the convolutions: single precision is the reference, bfloat16 is faster where the processor has it."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"

    @property
    def dtype(self) -> torch.dtype:
        """Of its tensors."""
        return torch.bfloat16 if self is Runtime.BFLOAT16 else torch.float32


@dataclass(frozen=True, slots=True)
class Tiling:
    """Squares of `side` pixels that reach `margin` beyond their share of the area, for there context is missing.

    What is missing beyond an edge is felt up to about 80 pixels inside, nearly all of it within 60. `shift` moves all
    tiles; every number is a multiple of STRIDE, for the network works on cells of that size.
    """

    side: int = 1024
    margin: int = 64
    shift: int = 0

    def __post_init__(self) -> None:
        if any(n % STRIDE for n in (self.side, self.margin, self.shift)) or self.side <= 2 * self.margin:
            raise ValueError(f"{self}: multiples of {STRIDE} are needed, and a side beyond both margins")


@dataclass(frozen=True, slots=True)
class Predictor:
    """A network made ready: batch norm folded into the convolutions, channels last, one arithmetic."""

    network: Siamese
    temperature: Tensor
    bias: Tensor
    runtime: Runtime

    @classmethod
    def of(cls, network: Network, runtime: Runtime | None = None) -> Predictor:
        """A predictor; without a `runtime`, bfloat16 where the processor computes in it, else single precision."""
        chosen = runtime or best_runtime()
        ready: Siamese = folded(network.module).to(chosen.dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(ready, torch.tensor(network.card.temperature), torch.tensor(network.card.bias), chosen)

    def detect(self, pair: Pair, tiling: Tiling | None = None) -> Detection:
        """Change of a pair of any size."""

        def part(rows: slice, cols: slice) -> Pair:
            return pair.mapped(lambda plane: plane[..., rows, cols])

        return self.detect_area(pair.shape, part, tiling or Tiling())

    def detect_area(self, shape: tuple[int, int], part: Callable[[slice, slice], Pair], tiling: Tiling) -> Detection:
        """Change of an area whose parts are read as they are needed; memory grows with the tile, not with the area."""
        found, weight = np.zeros((ANSWERS + 1, *shape), np.float32), np.zeros(shape, np.float32)
        seen = np.zeros(shape, bool)
        for rows in _spans(shape[0], tiling):
            for cols in _spans(shape[1], tiling):
                tile = part(rows, cols)
                if not tile.seen.any():
                    continue
                ramp = _ramp(rows, cols, shape, tiling.margin)
                found[:, rows, cols] += self._tile(tile) * ramp
                weight[rows, cols] += ramp
                seen[rows, cols] |= tile.seen
        np.divide(found, weight, out=found, where=weight > 0.0)
        found[:, (weight == 0.0) | ~seen] = np.nan
        return Detection(*found)

    def _tile(self, tile: Pair) -> FloatArray:
        """Planes of one tile, (4, y, x) float32."""
        height, width = tile.shape
        numbers = encoded_cells(tile, STRIDE, torch.get_num_threads())
        with torch.inference_mode():
            inputs = [
                torch.from_numpy(v).to(self.runtime.dtype).permute(0, 3, 1, 2)
                for v in (numbers.optical, numbers.radar, numbers.slope)
            ]
            output = self.network.of_cells(*inputs).float()
            planes = probabilities(output, self.temperature, self.bias)[0, :, :height, :width]
        return np.asarray(planes.numpy(), np.float32)


#: Width over which two tiles are blended, pixels.
_SEAM = 16


def best_runtime() -> Runtime:
    """The fastest arithmetic of this processor: bfloat16 where it multiplies matrices in it, else single precision."""
    ready = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return Runtime.BFLOAT16 if ready is not None and ready() else Runtime.FLOAT32


def folded(network: Siamese) -> Siamese:
    """A copy for inference: each batch norm has become part of its convolution."""
    copied = copy.deepcopy(network).eval()
    _fold(copied)
    return copied


def _fold(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Sequential) and len(child) == 3 and isinstance(child[1], nn.BatchNorm2d):
            convolution, norm = child[0], child[1]
            assert isinstance(convolution, nn.Conv2d)
            setattr(module, name, nn.Sequential(fuse_conv_bn_eval(convolution, norm), child[2]))
        else:
            _fold(child)


def _spans(size: int, tiling: Tiling) -> list[slice]:
    """From where to where the tiles of one axis reach."""
    step = tiling.side - 2 * tiling.margin
    starts = range(tiling.shift - tiling.margin - (step if tiling.shift > 0 else 0), max(1, size - tiling.margin), step)
    spans = [slice(max(0, start), min(size, start + tiling.side)) for start in starts]
    return [span for span in spans if span.stop > span.start]


def _ramp(rows: slice, cols: slice, shape: tuple[int, int], margin: int) -> FloatArray:
    """Weight of a tile, (y, x): one inside, nothing over its margins; not at the edges of the area."""
    return np.asarray(np.outer(_fade(rows, shape[0], margin), _fade(cols, shape[1], margin)), np.float32)


def _fade(span: slice, size: int, margin: int) -> FloatArray:
    """Along one axis: a short line from nothing to one where two tiles meet, half of either's overlap from its edge."""
    at = np.arange(span.stop - span.start, dtype=np.float32) + 0.5
    inner, begin = np.ones_like(at), margin - _SEAM / 2
    if span.start > 0:
        inner = np.minimum(inner, (at - begin) / _SEAM)
    if span.stop < size:
        inner = np.minimum(inner, (at[-1] + 0.5 - at - begin) / _SEAM)
    return np.asarray(np.clip(inner, 0.0, 1.0), np.float32)
