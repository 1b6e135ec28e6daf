"""What training minimises: cross entropy for honest probabilities, and a Tversky or focal term for rare events."""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional

from sat_monitor.models.bands import Answer

#: Weight of the Tversky term; its price of false alarms and of misses (Salehi et al., 2017): rare events are missed sooner.
_TVERSKY, _FALSE, _MISSED = 0.5, 0.35, 0.65
#: Exponent of the focal term (Lin et al., 2017).
_FOCUS = 2.0
#: Part of each answer in the whole.
_PARTS = {Answer.CONVERSION: 1.0, Answer.LOSS: 0.3, Answer.CHANGE: 0.5}


class LossKind(StrEnum):
    """Losses to choose from; benchmarks/network.py measures them."""

    CROSS_ENTROPY = "cross-entropy"
    FOCAL = "focal"
    TVERSKY = "tversky"


def loss_of(kind: LossKind, logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Loss of all answers, conversion first; all (n, 3, y, x), truth 0..1."""
    parts = [part * _one(kind, logits[:, n], truth[:, n], weight[:, n]) for n, part in _PARTS.items()]
    return torch.stack(parts).sum()


def _one(kind: LossKind, logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    if kind is LossKind.FOCAL:
        probability = torch.sigmoid(logits)
        entropy = entropy * (truth - probability).abs() ** _FOCUS * 4.0
    mean = (entropy * weight).sum() / weight.sum().clamp(min=1.0)
    if kind is not LossKind.TVERSKY:
        return mean
    probability = torch.sigmoid(logits) * weight
    true = truth * weight
    hit = (probability * true).sum()
    false, missed = (probability * (1.0 - true)).sum(), ((weight - probability) * true).sum()
    index = (hit + 1.0) / (hit + _FALSE * false + _MISSED * missed + 1.0)
    return mean + _TVERSKY * (1.0 - index)
