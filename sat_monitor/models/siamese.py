"""The network: one encoder per sensor shared by both dates, differences at four scales, a light decoder.

Two-stream Siamese networks for change come from Daudt, Le Saux and Boulch (2018, ICIP); the dual stream of optical and
radar from Hafner, Nascetti, Azizpour and Ban (2022, IEEE GRSL 19). Ours differs in what makes it small: four 10 m pixels
enter as channels of one 20 m cell, so that every convolution is wide and few are large, and leave the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from sat_monitor.models.bands import OPTICAL, RADAR, TRACKS, Answer

#: The smallest side, in pixels, of which all sides must be a multiple.
STRIDE = 16
#: Planes of the output: a logit for each answer, then the logarithm of the standard deviation of all logits.
ANSWERS = len(Answer)
_OPTICAL_IN, _RADAR_IN, _SLOPE_IN = 2 * len(OPTICAL), 2 * TRACKS * len(RADAR), 2
#: Logistic against probit: p = sigmoid(mean / sqrt(1 + pi / 8 variance)) (MacKay, 1992).
_PROBIT = 0.39269908


@dataclass(frozen=True, slots=True)
class Widths:
    """Channels of the optical and the radar encoder and of the decoder at 20, 40, 80 and 160 m."""

    optical: tuple[int, int, int, int] = (40, 64, 96, 128)
    radar: tuple[int, int, int, int] = (16, 32, 48, 64)
    decoder: tuple[int, int, int, int] = (40, 64, 96, 128)


class Siamese(nn.Module):
    """Change of a pair: (n, 2, 12, y, x) optical, (n, 2, 8, y, x) radar, (n, 2, y, x) slope to (n, 4, y, x)."""

    def __init__(self, widths: Widths | None = None) -> None:
        super().__init__()
        self.widths = widths or Widths()
        optical, radar, decoder = self.widths.optical, self.widths.radar, self.widths.decoder
        self.optical = _encoder(4 * _OPTICAL_IN, optical)
        self.radar = _encoder(4 * _RADAR_IN, radar)
        extra = (4 * _SLOPE_IN, 0, 0, 0)
        self.fuse = nn.ModuleList(
            _conv(3 * (o + r) + e, d, 1) for o, r, e, d in zip(optical, radar, extra, decoder, strict=True)
        )
        self.merge = nn.ModuleList(_conv(d, d, 3) for d in decoder)
        self.up = nn.ModuleList(nn.Conv2d(deep, shallow, 1) for shallow, deep in pairwise(decoder))
        self.head = nn.Conv2d(decoder[0], 4 * (ANSWERS + 1), 3, padding=1)

    def forward(self, optical: Tensor, radar: Tensor, slope: Tensor) -> Tensor:
        """Logits and uncertainty; sides must be multiples of STRIDE."""
        return self.of_cells(cells(optical.flatten(0, 1)), cells(radar.flatten(0, 1)), cells(slope))

    def of_cells(self, optical: Tensor, radar: Tensor, steep: Tensor) -> Tensor:
        """The same from `cells` of each input; before and after of a pair follow each other."""
        shared = [self._both(self.optical, optical), self._both(self.radar, radar)]
        value: Tensor | None = None
        for level in reversed(range(len(self.fuse))):
            parts = [
                p for before, after in (s[level] for s in shared) for p in (before, after, (after - before).abs_())
            ]
            fused = _fused(self.fuse[level], [*parts, steep] if level == 0 else parts)
            if value is not None:
                fused = fused + functional.interpolate(self.up[level](value), scale_factor=2.0, mode="nearest")
            value = self.merge[level](fused)
        assert value is not None
        return functional.pixel_shuffle(self.head(value), 2)

    @staticmethod
    def _both(encoder: nn.Module, value: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Features of both dates at each scale."""
        found = []
        for stage in encoder.children():
            value = stage(value)
            found.append((value[0::2], value[1::2]))
        return found


def cells(values: Tensor) -> Tensor:
    """Pixels of 10 m as channels of 20 m cells, (n, 4 c, y / 2, x / 2), channels last.

    The channels of one pixel stay together, row by row of the cell: in that order the copy is four times as fast.
    """
    count, channels, height, width = values.shape
    split = values.reshape(count, channels, height // 2, 2, width // 2, 2).permute(0, 2, 4, 3, 5, 1)
    return split.reshape(count, height // 2, width // 2, 4 * channels).permute(0, 3, 1, 2)


def _fused(layer: nn.Module, parts: list[Tensor]) -> Tensor:
    """A 1 x 1 convolution over parts side by side, as a sum over the parts: to lay them side by side costs more."""
    convolution, *rest = layer.children()
    assert isinstance(convolution, nn.Conv2d)
    weight, bias, first = convolution.weight, convolution.bias, 0
    total: Tensor | None = None
    for part in parts:
        last = first + part.shape[1]
        one = functional.conv2d(part, weight[:, first:last], bias if first == 0 else None)
        total, first = one if total is None else total + one, last
    value = total
    for module in rest:
        value = module(value)
    assert value is not None
    return value


def probabilities(output: Tensor, temperature: Tensor, bias: Tensor) -> Tensor:
    """Probability of each answer and, last, the standard deviation of the logits, (n, 4, y, x).

    `temperature`, one per answer, divides the logits (Guo et al., 2017); `bias` is added to them.
    """
    calm = softened(output) / temperature.view(1, ANSWERS, 1, 1) + bias.view(1, ANSWERS, 1, 1)
    return torch.cat([torch.sigmoid(calm), spread_of(output)], 1)


def softened(output: Tensor) -> Tensor:
    """Logits after their uncertainty, (n, 3, y, x), which draws towards one half: what training compares with the truth."""
    return output[:, :ANSWERS] / torch.sqrt(1.0 + _PROBIT * spread_of(output) ** 2)


def spread_of(output: Tensor) -> Tensor:
    """Standard deviation of the logits, (n, 1, y, x), between 0.05 and 12."""
    return torch.exp(output[:, ANSWERS:].clamp(-3.0, 2.5))


def parameters(network: nn.Module) -> int:
    """How many numbers it learns."""
    return sum(p.numel() for p in network.parameters())


def _encoder(channels: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Stages of two convolutions, from 20 m on; each halves the grid of the one before."""
    stages = []
    for step, (below, wide) in enumerate(zip((channels, *widths), widths, strict=False)):
        stages.append(nn.Sequential(_conv(below, wide, 3, 1 if step == 0 else 2), _conv(wide, wide, 3)))
    return nn.Sequential(*stages)


def _conv(channels: int, wide: int, size: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, rectifier."""
    return nn.Sequential(
        nn.Conv2d(channels, wide, size, stride, size // 2, bias=False), nn.BatchNorm2d(wide), nn.ReLU(inplace=True)
    )
