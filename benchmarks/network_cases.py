"""Best, median and worst validation chips of the shipped network as a picture: before, after, truth, probability.

python benchmarks/network_cases.py --work DIR --out docs/images/network-cases.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from sat_monitor.core.domain import FloatArray
from sat_monitor.models.bands import Answer, Side
from sat_monitor.models.chip_store import load_chips
from sat_monitor.models.chips import Chip, Sight, keeping
from sat_monitor.models.infer import Predictor, Runtime
from sat_monitor.models.weights import shipped_network

#: What is shown: title, first word of the files, sensors.
GROUPS = (
    ("world, all sensors", "world", Sight.ALL),
    ("world, Sentinel-1", "world", Sight.RADAR),
    ("blend, RGB", "blend-tama", Sight.ALL),
)
#: Fewest changed pixels of a chip that is shown.
_FEWEST = 60


def shown(side: Side) -> FloatArray:
    """A date as people see it: true colour, or VV in grey."""
    if np.isfinite(side.optical[2]).any():
        colours = np.clip(np.nan_to_num(side.optical[[2, 1, 0]]) * 5.0, 0.0, 1.0)
        return np.asarray(colours.transpose(1, 2, 0), np.float32)
    return np.asarray(np.clip((np.nan_to_num(side.radar[0], nan=-25.0) + 20.0) / 20.0, 0.0, 1.0), np.float32)


def f1(chip: Chip, found: FloatArray) -> float:
    """F1 of conversion at one half."""
    known = (chip.weight[Answer.CONVERSION] > 0.5) & np.isfinite(found)
    truth, called = chip.truth[Answer.CONVERSION][known] >= 0.5, found[known] >= 0.5
    return float(2 * (truth & called).sum() / max(1, truth.sum() + called.sum())) if truth.sum() >= _FEWEST else np.nan


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    predictor = Predictor.of(shipped_network(), Runtime.FLOAT32)
    figure = Figure(figsize=(9.0, 2.3 * 3 * len(GROUPS)), layout="constrained")
    grid = figure.subplots(len(GROUPS) * 3, 4)
    for group, (title, stem, sight) in enumerate(GROUPS):
        chips = [keeping(c, sight) for c in load_chips(sorted((args.work / "validation").glob(f"{stem}*.npz")))]
        found = [predictor.detect(chip.pair).conversion for chip in chips]
        values = np.array([f1(chip, one) for chip, one in zip(chips, found, strict=True)])
        order = [n for n in np.argsort(-values) if np.isfinite(values[n])]
        for block, (name, n) in enumerate(
            (("best", order[0]), ("median", order[len(order) // 2]), ("worst", order[-1]))
        ):
            pictures = (shown(chips[n].pair.before), shown(chips[n].pair.after), chips[n].truth[0], found[n])
            for axes, picture, label in zip(
                grid[3 * group + block], pictures, ("before", "after", "truth", "found"), strict=True
            ):
                axes.imshow(picture, cmap="gray" if label in ("before", "after") else "magma", vmin=0.0, vmax=1.0)
                axes.set(xticks=[], yticks=[])
                axes.set_facecolor("#888888")
                axes.set_title(label, fontsize=8)
            grid[3 * group + block, 0].set_ylabel(f"{title}\n{name}, F1 {values[n]:.2f}", fontsize=8)
    figure.savefig(args.out, dpi=70, pil_kwargs={"quality": 82})
    print(args.out)


if __name__ == "__main__":
    main()
