"""Which loss trains the better network, and how far seeds alone carry the figures apart.

Each loss trains networks from the same chips with the same seeds, in a shorter run than the shipped one; each network gets
its own temperature and bias as the shipped one did. Printed are means over the validation groups: F1 at one half, average
precision, the largest calibration error of a group; and for each loss the mean and the spread over the seeds.

    python benchmarks/network_losses.py --work DIR [--data ../shared/data] [--steps 500] [--seeds 1 2]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sat_monitor.models.losses import LossKind
from sat_monitor.models.plan import Plan, make_chips
from sat_monitor.models.siamese import Siamese
from sat_monitor.models.train import TrainingSettings, train
from sat_monitor.models.validation import calibration_of, group_scores, quality

SHARED = Path(__file__).resolve().parents[2] / "shared/data"


@dataclass(frozen=True, slots=True)
class Worth:
    """Means over the validation groups of one network, calibrated; the error is that of its worst group."""

    f1: float
    average_precision: float
    error: float


def worth_of(network: Siamese, validation: list[Path]) -> Worth:
    """What a network is worth once its temperature and bias are found."""
    scores = list(group_scores(network, validation).values())
    temperature, bias = calibration_of(scores)
    found = [quality(one, temperature, bias) for one in scores]
    return Worth(
        float(np.mean([q.f1 for q in found])),
        float(np.mean([q.average_precision for q in found])),
        max(q.calibration_error for q in found),
    )


def main() -> None:
    """Train and print, one line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    chosen = parser.parse_args()
    chips, validation = make_chips(Plan("losses", chosen.data, chosen.work), print)
    base = TrainingSettings(steps=chosen.steps, every=chosen.steps)
    found: dict[LossKind, list[Worth]] = {kind: [] for kind in LossKind}
    for seed in chosen.seeds:
        for kind in LossKind:
            settings = replace(base, seed=seed, loss=kind)
            trained = train(chips, validation, settings, chosen.work / f"{kind}-{seed}-{chosen.steps}")
            worth = worth_of(trained.network, validation)
            found[kind].append(worth)
            print(f"seed {seed}, {kind.value:14} F1 {worth.f1:.3f}  average precision {worth.average_precision:.3f}"
                  f"  calibration error at most {worth.error:.3f}", flush=True)  # fmt: skip
    for kind, worths in found.items():
        f1, precision = np.array([w.f1 for w in worths]), np.array([w.average_precision for w in worths])
        print(f"{kind.value:14} F1 {f1.mean():.3f} ({f1.min():.3f}-{f1.max():.3f})"
              f"  average precision {precision.mean():.3f} ({precision.min():.3f}-{precision.max():.3f})"
              f"  over {len(worths)} seeds, {chosen.steps} steps")  # fmt: skip


if __name__ == "__main__":
    main()
