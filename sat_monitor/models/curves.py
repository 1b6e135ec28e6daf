"""Pictures of a training: its course, and how honest its probabilities are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sat_monitor.models.train import Point
from sat_monitor.models.weights import Card


def draw_course(course: Sequence[Point], path: Path) -> None:
    """Loss and F1 of each validation group over steps; the second part of a training follows the first."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    steps, offset, last = [], 0, 0
    for point in course:
        offset = offset + last if point.step < last else offset
        last = point.step
        steps.append(point.step + offset)
    left.plot(steps, [point.loss for point in course], color="#333333")
    left.set(xlabel="step", ylabel="training loss")
    for name in course[0].f1:
        right.plot(steps, [point.f1[name] for point in course], label=name)
    right.set(xlabel="step", ylabel="F1 on validation chips", ylim=(0, 1))
    right.legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def draw_reliability(card: Card, path: Path) -> None:
    """Part that changed over the probability that was said, by validation group."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.4, 5.0), layout="constrained")
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    for name, rows in card.reliability.items():
        error = card.figures[name].calibration_error
        axes.plot([r[0] for r in rows], [r[1] for r in rows], marker="o", markersize=3, label=f"{name}: {error:.3f}")
    axes.set(xlabel="probability said", ylabel="part that changed", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=8, title="expected calibration error", title_fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
