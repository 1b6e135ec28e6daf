"""What a network is worth on chips that it never saw: F1 at one half, average precision, calibration, by sensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sat_monitor.models.bands import Answer
from sat_monitor.models.batches import batch_of, padded
from sat_monitor.models.chip_store import load_chips
from sat_monitor.models.chips import Chip, Sight, keeping
from sat_monitor.models.siamese import STRIDE, Siamese, softened

#: Parts of a pixel from which on it counts as changed, and up to which as unchanged; in between it is not scored.
_CHANGED, _UNCHANGED = 0.5, 0.2
_BINS = 15
#: Temperatures that are tried.
_BIASES, _MOST_ERROR = np.linspace(-1.0, 2.0, 31), 0.04
_TEMPERATURES = np.exp(np.linspace(np.log(0.4), np.log(3.0), 41))


@dataclass(frozen=True, slots=True)
class Scores:
    """Logits and truth of the scored pixels of one group, flat."""

    logits: NDArray[np.float32]
    truth: NDArray[np.bool_]

    def probability(self, temperature: float = 1.0, bias: float = 0.0) -> NDArray[np.float32]:
        """Probabilities at a temperature, with a bias of the logits."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.logits / temperature - bias)), np.float32)


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of one group at a threshold of one half."""

    f1: float
    users: float
    producers: float
    average_precision: float
    calibration_error: float
    pixels: int
    changed: int


#: Groups: what they are called, which files (first words of the name), which sensors, what is asked.
GROUPS: Mapping[str, tuple[str, Sight, Answer]] = {
    "worlds, all sensors": ("world", Sight.ALL, Answer.CONVERSION),
    "worlds, Sentinel-2": ("world", Sight.OPTICAL, Answer.CONVERSION),
    "worlds, Sentinel-1": ("world", Sight.RADAR, Answer.CONVERSION),
    "worlds, RGB": ("world", Sight.RGB, Answer.CONVERSION),
    "blends, RGB": ("blend-tama", Sight.ALL, Answer.CONVERSION),
    "blends, VV": ("blend-sentinel1", Sight.ALL, Answer.CONVERSION),
    "blends, RGB, any change": ("blend-tama", Sight.ALL, Answer.CHANGE),
}


def scores_of(
    network: Siamese, chips: Sequence[Chip], sight: Sight, answer: Answer = Answer.CONVERSION, batch: int = 4
) -> Scores:
    """Scores of a network on chips seen by some sensors only."""
    logits, truth = [], []
    network.eval()
    for first in range(0, len(chips), batch):
        part = [_even(keeping(chip, sight)) for chip in chips[first : first + batch]]
        inputs = batch_of(part)
        with torch.inference_mode():
            found = softened(network(inputs.optical, inputs.radar, inputs.slope))[:, answer]
        wanted, weight = inputs.truth[:, answer], inputs.weight[:, answer]
        known = (weight > 0.5) & ((wanted >= _CHANGED) | (wanted <= _UNCHANGED))
        logits.append(_flat(found[known]))
        truth.append(_flat(wanted[known]) >= _CHANGED)
    return Scores(np.concatenate(logits), np.concatenate(truth))


def group_scores(network: Siamese, paths: Sequence[Path]) -> dict[str, Scores]:
    """Scores of every group of which there are files."""
    found = {}
    for name, (stem, sight, answer) in GROUPS.items():
        chips = list(load_chips(sorted(p for p in paths if p.name.startswith(stem))))
        if chips:
            found[name] = scores_of(network, chips, sight, answer)
    return found


def quality(scores: Scores, temperature: float = 1.0, bias: float = 0.0) -> Quality:
    """Figures of scores: F1, user's and producer's accuracy at one half, average precision, calibration error."""
    probability = scores.probability(temperature, bias)
    called = probability >= 0.5
    hits, calls, wanted = int((called & scores.truth).sum()), int(called.sum()), int(scores.truth.sum())
    return Quality(
        f1=2.0 * hits / max(1, calls + wanted),
        users=hits / max(1, calls),
        producers=hits / max(1, wanted),
        average_precision=average_precision(scores),
        calibration_error=calibration_error(probability, scores.truth),
        pixels=scores.truth.size,
        changed=wanted,
    )


def average_precision(scores: Scores) -> float:
    """Area under precision over recall as a step function; 0 where nothing changed."""
    order = np.argsort(-scores.logits, kind="stable")
    truth = scores.truth[order]
    if not truth.any():
        return 0.0
    precision = np.cumsum(truth) / np.arange(1, truth.size + 1)
    return float(precision[truth].mean())


def calibration_error(probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 even bins (Guo et al., 2017)."""
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    means = np.bincount(bins, probability, _BINS), np.bincount(bins, truth, _BINS)
    return float(np.abs(means[0] - means[1]).sum() / max(1, counts.sum()))


def reliability(scores: Scores, temperature: float = 1.0, bias: float = 0.0) -> tuple[tuple[float, float, int], ...]:
    """Mean probability, part that changed, and pixels of each of 15 even bins; empty bins are left out."""
    probability = scores.probability(temperature, bias)
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    said, true = np.bincount(bins, probability, _BINS), np.bincount(bins, scores.truth, _BINS)
    return tuple(
        (round(float(said[n] / counts[n]), 4), round(float(true[n] / counts[n]), 4), int(counts[n]))
        for n in np.flatnonzero(counts)
    )


def calibration_of(scores: Sequence[Scores]) -> tuple[float, float]:
    """Temperature, then the bias that goes with it."""
    temperature = temperature_of(scores)
    return temperature, bias_of(scores, temperature)


def temperature_of(scores: Sequence[Scores]) -> float:
    """The temperature with the least cross entropy, each group counting alike (Guo et al., 2017)."""
    return float(min(_TEMPERATURES, key=lambda t: sum(_entropy(s, float(t)) for s in scores)))


def bias_of(scores: Sequence[Scores], temperature: float) -> float:
    """What to add to the logits so that one half is the best threshold: the highest mean F1 of the groups.

    The best threshold of an honest probability for F1 is half of the F1 that can be reached (Lipton et al., 2014), so
    this leaves probabilities near the threshold higher than honest ones; it is held to what the calibration allows.
    """
    allowed = [b for b in _BIASES if max(_error(s, temperature, float(b)) for s in scores) <= _MOST_ERROR]
    return float(max(allowed or [0.0], key=lambda b: np.mean([quality_f1(s, temperature, float(b)) for s in scores])))


def quality_f1(scores: Scores, temperature: float, bias: float) -> float:
    """F1 at one half."""
    called = scores.logits / temperature + bias >= 0.0
    return float(2.0 * (called & scores.truth).sum() / max(1, called.sum() + scores.truth.sum()))


def _error(scores: Scores, temperature: float, bias: float) -> float:
    return calibration_error(scores.probability(temperature, bias), scores.truth)


def _entropy(scores: Scores, temperature: float) -> float:
    scaled = scores.logits.astype(np.float64) / temperature
    return float(np.mean(np.logaddexp(0.0, scaled) - scaled * scores.truth))


def _even(chip: Chip) -> Chip:
    """A chip whose sides the network can halve."""
    side = max(chip.pair.shape)
    return chip if side % STRIDE == 0 else padded(chip, -(-side // STRIDE) * STRIDE)


def _flat(values: Tensor) -> NDArray[np.float32]:
    return values.float().cpu().numpy()
