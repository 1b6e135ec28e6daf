"""The change network: accuracy on cities it never saw and on unseen worlds, peers beside it; speed and its limit.

    python benchmarks/network.py landsat --work DIR [--data ../shared/data]   leave-one-city-out, against CVA and IR-MAD
    python benchmarks/network.py worlds [--seeds 6] [--weights FILE]          unseen worlds by sensor, with intervals
    python benchmarks/network.py speed [--side 3406]                          pixels per second, share of the float limit

`landsat` trains one network per city (about 5 minutes each after the common part) with both the labels and the images
of that city left out; `--work` keeps chips and states. The threshold is one half after calibration, fixed beforehand.
The labels of these pairs are of any change of cover, so the answer "any change" is scored; "conversion" stands beside.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pair_peers import change_vector, ir_mad, otsu
from torch.utils.flop_counter import FlopCounterMode

from sat_monitor.models.bands import Answer, Pair, Side
from sat_monitor.models.chips import Sight
from sat_monitor.models.infer import Predictor, Runtime, Tiling, best_runtime, folded
from sat_monitor.models.labelled_chips import cities, city_images, labelled_pair
from sat_monitor.models.pictures import as_picture
from sat_monitor.models.plan import Plan, train_network
from sat_monitor.models.siamese import parameters
from sat_monitor.models.validation import Scores, average_precision, calibration_error, quality, scores_of
from sat_monitor.models.weights import Network, load_network, shipped_network
from sat_monitor.models.world_chips import TRAINING_WORLD, world_chips
from sat_monitor.simulate.config import EventWorld, PlaceSettings, WorldConfig

SHARED = Path(__file__).resolve().parents[2] / "shared/data"
Array = NDArray[np.float64]
#: Side of the squares that are drawn for intervals, pixels; draws.
_BLOCK, _DRAWS = 40, 1000
#: Tama's land, pixels of 10 m.
_TAMA = 11_600_000


def f1_of(called: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """F1 of calls."""
    return float(2 * (called & truth).sum() / max(1, called.sum() + truth.sum()))


def interval(called: NDArray[np.bool_], truth: NDArray[np.bool_], block: NDArray[np.int64]) -> tuple[float, float]:
    """90 % interval of F1 by drawing squares of the picture, for neighbouring pixels are not independent."""
    rng = np.random.default_rng(0)
    names, number = np.unique(block, return_inverse=True)
    counts = np.stack([np.bincount(number, w, len(names)) for w in (called & truth, called, truth)])
    drawn = counts[:, rng.integers(len(names), size=(_DRAWS, len(names)))].sum(axis=2)
    found = 2 * drawn[0] / np.maximum(1, drawn[1] + drawn[2])
    low, high = np.quantile(found, [0.05, 0.95])
    return float(low), float(high)


def landsat(data: Path, work: Path) -> None:
    """Each city by a network that saw neither its labels nor its images."""
    means: dict[str, list[float]] = {}
    for name, city in cities(data / "landsat_pairs").items():
        made = train_network(Plan(f"without-{name}", data, work, leave_out=(name,)), print)
        predictor = Predictor.of(Network(made.network, made.card), Runtime.FLOAT32)
        chip = labelled_pair(city)
        plain = predictor.detect(chip.pair)
        found = as_picture(plain, chip.pair, made.card.picture)
        known = chip.weight[Answer.CHANGE] > 0
        truth = chip.truth[Answer.CHANGE][known] > 0.5
        rows, cols = np.nonzero(known)
        block = (rows // _BLOCK) * 10_000 + cols // _BLOCK
        before, after = (image.astype(np.float64) for image in city_images(city))
        peers: dict[str, Callable[[Array, Array], Array]] = {"CVA + Otsu": change_vector, "IR-MAD + Otsu": ir_mad}
        for peer, function in peers.items():
            score = function(before, after)
            line(name, peer, score[known], score[known] > otsu(score), truth, block, means)
        planes = {"any change": found.change, "conversion": found.conversion, "without contrast": plain.change}
        for label, plane in planes.items():
            line(name, f"network, {label}", plane[known].astype(float), plane[known] > 0.5, truth, block, means)
        print(f"{name:9} network, any change: calibration error {calibration_error(found.change[known], truth):.3f}")
    for label, values in means.items():
        print(f"mean F1 {label:22} {np.mean(values):.3f}")


def line(
    city: str, label: str, score: Array, called: NDArray[np.bool_], truth: NDArray[np.bool_],
    block: NDArray[np.int64], means: dict[str, list[float]],
) -> None:  # fmt: skip
    """One row of the table of cities."""
    f1, (low, high) = f1_of(called, truth), interval(called, truth, block)
    precision = average_precision(Scores(score.astype(np.float32), truth))
    users, producers = (called & truth).sum() / max(1, called.sum()), (called & truth).sum() / truth.sum()
    print(f"{city:9} {label:22} F1 {f1:.3f} ({low:.3f}-{high:.3f})  user's {users:.3f}  producer's {producers:.3f}"
          f"  average precision {precision:.3f}")  # fmt: skip
    means.setdefault(label, []).append(f1)


def worlds(seeds: int, weights: Path | None) -> None:
    """Worlds of other seeds, and of the event rates that nights are measured with."""
    network = shipped_network() if weights is None else load_network(weights)
    plain = WorldConfig(place=PlaceSettings(side_px=256), events=EventWorld(quiet_days=120, last_days=30))
    dense = plain.model_copy(
        update={
            "events": EventWorld(earthworks_per_km2_year=9.0, confusers_per_earthwork=2.5, quiet_days=120, last_days=30)
        }
    )
    for label, config in (("dense", dense), ("usual rates", plain)):
        chips = [chip for seed in range(70001, 70001 + seeds) for chip in world_chips(config, seed, 6)]
        for sight in (Sight.ALL, Sight.OPTICAL, Sight.RADAR, Sight.RGB):
            found = [scores_of(network.module, [chip], sight) for chip in chips]
            whole = Scores(np.concatenate([s.logits for s in found]), np.concatenate([s.truth for s in found]))
            temperature, bias = network.card.temperature[0], network.card.bias[0]
            q = quality(whole, temperature, bias)
            block = np.concatenate([np.full(s.truth.size, n // 6) for n, s in enumerate(found)])
            low, high = interval(whole.probability(temperature, bias) >= 0.5, whole.truth, block)
            print(f"worlds, {label:12} {sight.value:8} F1 {q.f1:.3f} ({low:.3f}-{high:.3f})  user's {q.users:.3f}"
                  f"  producer's {q.producers:.3f}  average precision {q.average_precision:.3f}"
                  f"  calibration error {q.calibration_error:.4f}  {q.changed} of {q.pixels} pixels")  # fmt: skip


def speed(side: int) -> None:
    """One area of `side` squared through tiles and blending; then one tile by torch as it comes, and the float limit."""
    network = shipped_network()
    torch.set_num_threads(2)
    rng = np.random.default_rng(0)
    sides = [
        Side(rng.uniform(0.02, 0.3, (6, side, side)).astype(np.float32), rng.uniform(-18, -5, (4, side, side)).astype(np.float32))
        for _ in range(2)
    ]  # fmt: skip
    pair = Pair(sides[0], sides[1], np.full((side, side), 8.0, np.float32))
    small = pair.mapped(lambda a: a[..., :512, :512])
    inputs = [torch.randn(1, 2, c, 512, 512) for c in (12, 8)] + [torch.randn(1, 2, 512, 512)]
    counter = FlopCounterMode(display=False)
    with counter, torch.inference_mode():
        folded(network.module)(*inputs)
    per_pixel = counter.get_total_flops() / 512**2
    native = list(dict.fromkeys((Runtime.FLOAT32, best_runtime())))
    limits = {runtime: gemm(runtime.dtype) for runtime in native}
    print(f"{parameters(network.module):,} parameters, {per_pixel / 1e3:.1f} kFLOP per pixel; limit of this machine: "
          + ", ".join(f"{name} {limit / 1e9:.0f} GFLOP/s" for name, limit in limits.items()))  # fmt: skip
    plain = network.module.eval()
    with torch.inference_mode():
        rate = best(lambda: plain(*inputs)) and 512**2 / best(lambda: plain(*inputs))
    print(
        f"torch as it comes, one tile, no tiling      {rate / 1e6:6.2f} M px/s  {rate * per_pixel / limits[Runtime.FLOAT32]:.0%} of the float32 limit"
    )
    if Runtime.BFLOAT16 not in native:
        print("bfloat16 is only imitated by this processor: neither its speed nor its accuracy is measured")
    for runtime in native:
        predictor = Predictor.of(network, runtime)
        predictor.detect(small)
        start = time.perf_counter()
        predictor.detect(pair, Tiling())
        seconds = time.perf_counter() - start
        rate = side**2 / seconds
        print(f"{runtime.value:9} with tiling and blending         {rate / 1e6:6.2f} M px/s  {rate * per_pixel / limits[runtime]:.0%} of its limit;"
              f" Tama in {_TAMA / rate:.1f} s")  # fmt: skip
    if Runtime.BFLOAT16 in native:
        gate(network)
    onnx(folded(network.module), inputs, per_pixel, limits[Runtime.FLOAT32])
    print(
        f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB, the area itself {side**2 * 88 / 2**30:.2f} GiB"
    )


def gate(network: Network) -> None:
    """Whether the faster arithmetic finds the same: F1 of both on chips of a world, and how far probabilities differ."""
    chips = list(world_chips(TRAINING_WORLD, 70001, 4))
    found = {r: [Predictor.of(network, r).detect(chip.pair).conversion for chip in chips] for r in Runtime}
    f1 = {}
    for runtime, planes in found.items():
        calls, truth = [], []
        for chip, plane in zip(chips, planes, strict=True):
            known = (chip.weight[Answer.CONVERSION] > 0.5) & np.isfinite(plane)
            calls.append(plane[known] > 0.5)
            truth.append(chip.truth[Answer.CONVERSION][known] >= 0.5)
        f1[runtime] = f1_of(np.concatenate(calls), np.concatenate(truth))
    gaps = [np.abs(a - b) for a, b in zip(found[Runtime.FLOAT32], found[Runtime.BFLOAT16], strict=True)]
    mean, most = float(np.nanmean(gaps)), float(np.nanmax(gaps))
    print(f"accuracy gate: F1 {f1[Runtime.FLOAT32]:.4f} in float32, {f1[Runtime.BFLOAT16]:.4f} in bfloat16;"
          f" probabilities differ by {mean:.4f} on average, {most:.3f} at most")  # fmt: skip


def onnx(module: torch.nn.Module, inputs: list[torch.Tensor], per_pixel: float, limit: float) -> None:
    """ONNX Runtime, where it is installed."""
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError:
        print("ONNX Runtime is not installed: pip install onnxruntime onnx onnxscript")
        return
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "network.onnx")
        torch.onnx.export(module.float(), tuple(inputs), path, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feed = {i.name: value.numpy() for i, value in zip(session.get_inputs(), inputs, strict=True)}
        rate = 512**2 / best(lambda: session.run(None, feed))
    print(
        f"ONNX Runtime float32, one tile, no tiling   {rate / 1e6:6.2f} M px/s  {rate * per_pixel / limit:.0%} of the float32 limit"
    )


def gemm(kind: torch.dtype) -> float:
    """Peak of a matrix product, FLOP/s."""
    a, b = (torch.randn(2048, 2048).to(kind) for _ in range(2))
    return 2 * 2048**3 / best(lambda: a @ b, 8)


def best(job: Callable[[], object], times: int = 5) -> float:
    """Shortest of some runs, s."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        job()
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("landsat", "worlds", "speed"))
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--work", type=Path, default=Path("var/network"))
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--side", type=int, default=3406)
    chosen = parser.parse_args()
    if chosen.what == "landsat":
        landsat(chosen.data, chosen.work)
    elif chosen.what == "worlds":
        worlds(chosen.seeds, chosen.weights)
    else:
        speed(chosen.side)


if __name__ == "__main__":
    main()
