"""The change network on labelled points of Sentinel-1 series (OPERA Cal/Val), beside the log-ratio; radar alone.

For each point and each look the four looks from it on are held against the looks 60 to 180 days before; the score of a point
is its largest over two years. Points whose cover a human saw change in a major way stand against those without a change.
3 x 3 pixels of 30 m are far less context than the network learned with.

    python benchmarks/network_points.py [--data ../shared/data/opera_s1_series]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from sat_monitor.core.domain import FloatArray
from sat_monitor.models.bands import Answer, Pair, Side, empty_optical
from sat_monitor.models.batches import batch_of
from sat_monitor.models.chips import Chip
from sat_monitor.models.composites import radar_composite
from sat_monitor.models.siamese import softened
from sat_monitor.models.weights import Network, shipped_network

SHARED = Path(__file__).resolve().parents[2] / "shared/data/opera_s1_series"
_SIDE, _AFTER, _BEFORE_DAYS = 16, 4, (60, 180)


def looks_of(rows: pd.DataFrame) -> FloatArray:
    """Looks of one burst, (time, VV and VH, y, x) linear power on pixels of 10 m."""
    planes = [rows[[f"{band}_{n}" for n in range(9)]].to_numpy(np.float32).reshape(-1, 3, 3) for band in ("vv", "vh")]
    return np.stack(planes, axis=1).repeat(3, axis=2).repeat(3, axis=3)


def scores(rows: pd.DataFrame, network: Network) -> dict[str, float]:
    """Largest probability of any change and of conversion, and largest log-ratio (dB), of one burst."""
    import torch

    looks, days = looks_of(rows), pd.to_datetime(rows["datetime_utc"], utc=True).to_numpy("datetime64[D]")
    chips, ratios = [], []
    nothing = np.zeros((len(Answer), _SIDE, _SIDE), np.float32)
    for n in range(len(days) - _AFTER + 1):
        ago = (days[n] - days).astype(int)
        earlier = looks[(ago >= _BEFORE_DAYS[0]) & (ago <= _BEFORE_DAYS[1])]
        if len(earlier) < _AFTER:
            continue
        sides = []
        for part in (earlier, looks[n : n + _AFTER]):
            echoes = np.full((4, _SIDE, _SIDE), np.nan, np.float32)
            echoes[:, 3:12, 3:12] = radar_composite([list(part)])
            sides.append(Side(empty_optical((_SIDE, _SIDE)), echoes))
        ratios.append(float(np.abs(np.nanmean(sides[1].radar[:2] - sides[0].radar[:2], axis=(1, 2))).max()))
        slope = np.full((_SIDE, _SIDE), np.nan, np.float32)
        chips.append(Chip(Pair(sides[0], sides[1], slope), nothing, nothing, "point"))
    if not chips:
        return {}
    batch = batch_of(chips)
    with torch.inference_mode():
        logits = softened(network.module(batch.optical, batch.radar, batch.slope))[:, :, 4:11, 4:11].mean(dim=(2, 3))
    probability = 1.0 / (
        1.0 + np.exp(-logits.numpy() / np.array(network.card.temperature) - np.array(network.card.bias))
    )
    return {
        "network, any change": float(probability[:, Answer.CHANGE].max()),
        "network, conversion": float(probability[:, Answer.CONVERSION].max()),
        "log-ratio": max(ratios),
    }


def auc(score: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Area under the curve of hits over false alarms."""
    ranks = rankdata(score)
    hits = truth.sum()
    return float((ranks[truth].sum() - hits * (hits + 1) / 2) / (hits * (~truth).sum()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED)
    data = parser.parse_args().data
    labels = pd.read_csv(data / "labels.csv").set_index("site_id")["change_label"]
    series = pd.read_csv(data / "backscatter.csv.gz")
    network, found = shipped_network(), {}
    for site, rows in series.groupby("site_id"):
        parts = [scores(burst.sort_values("datetime_utc"), network) for _, burst in rows.groupby("burst_id")]
        parts = [part for part in parts if part]
        if parts:
            found[site] = {name: max(part[name] for part in parts) for name in parts[0]}
    table = pd.DataFrame(found).T.join(labels)
    major, none = table["change_label"].isin(["VLmaj", "OCmaj"]), table["change_label"] == "noChange"
    rng = np.random.default_rng(0)
    for name in ("network, any change", "network, conversion", "log-ratio"):
        kept = table[major | none]
        score, truth = kept[name].to_numpy(float), major[major | none].to_numpy(bool)
        drawn = []
        for _ in range(1000):
            pick = rng.integers(len(score), size=len(score))
            if 0 < truth[pick].sum() < len(pick):
                drawn.append(auc(score[pick], truth[pick]))
        low, high = np.quantile(drawn, [0.05, 0.95])
        called = score > 0.5
        f1 = (
            f"  F1 at one half {2 * (called & truth).sum() / max(1, called.sum() + truth.sum()):.2f}"
            if "network" in name
            else ""
        )
        print(
            f"{name:20} AUC {auc(score, truth):.2f} ({low:.2f}-{high:.2f}), {truth.sum()} points against {(~truth).sum()}{f1}"
        )


if __name__ == "__main__":
    main()
