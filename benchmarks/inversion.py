"""Small-baseline inversion: processor seconds and memory for a frame of pixels, beside plain numpy, from one run.

1,000 x 1,000 pixels, 60 dates 12 days apart, 174 pairs of the next three dates, a tenth of the pairs missing at random in
each pixel, weights by coherence. Ours is the compiled kernel with its factorisation, misfit and variances; what numpy
would run is a least-squares solution of each pixel of a sample, weighted, and one pseudo-inverse for complete pixels
without weights. The limit is one read of the pairs and one write of the displacements.

    python benchmarks/inversion.py [--side 1000] [--repeat 3]
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.deformation import Pair
from sat_monitor.core.domain import FloatArray
from sat_monitor.deformation.invert import CHUNK_PX, invert_block
from sat_monitor.deformation.kernel import information_of
from sat_monitor.deformation.network import Network

DATES, GOAL_S, GOAL_GIB, SAMPLE = 60, 1.5, 1.0, 400


def network() -> Network:
    """60 dates, each paired with its next three."""
    days = [date(2024, 1, 1) + timedelta(days=12 * i) for i in range(DATES)]
    spans = [(i, i + n) for i in range(DATES) for n in (1, 2, 3) if i + n < DATES]
    return Network.of([Pair(days[i], days[j], None, "", "") for i, j in spans])


def best(run: Callable[[], object], repeat: int) -> float:
    """Processor seconds of the fastest of `repeat` runs."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def each_pixel(pairs: FloatArray, weights: FloatArray, design: NDArray[np.float64]) -> None:
    """Weighted least squares pixel by pixel, as a peer without a kernel would do it."""
    for values, weight in zip(pairs.T, weights.T, strict=True):
        good = np.isfinite(values)
        root = np.sqrt(weight[good])
        np.linalg.lstsq(design[good] * root[:, None], values[good] * root, rcond=None)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    net, pixels = network(), args.side**2
    count = len(net.first)
    rng = np.random.default_rng(5)
    pairs = rng.standard_normal((count, pixels), dtype=np.float32) * np.float32(0.003)
    coherence = rng.random((count, pixels), dtype=np.float32)
    pairs[rng.random((count, pixels), dtype=np.float32) < 0.1] = np.nan
    complete = np.nan_to_num(pairs[:, : pixels // 10])
    invert_block(pairs[:, :512], information_of(coherence[:, :512]), net)  # compile
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = CHUNK_PX

    def ours() -> None:
        for start in range(0, pixels, step):
            part = np.ascontiguousarray(pairs[:, start : start + step])
            invert_block(part, information_of(np.ascontiguousarray(coherence[:, start : start + step])), net)

    seconds = best(ours, args.repeat)
    over = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 2**20
    sample = np.ascontiguousarray(pairs[:, :SAMPLE])
    naive = best(lambda: each_pixel(sample, information_of(coherence[:, :SAMPLE]), net.design), 1) / SAMPLE
    product = best(lambda: np.linalg.pinv(net.design) @ complete, args.repeat) / complete.shape[1]
    limit = best(lambda: (pairs.copy(), np.ones((DATES, pixels), np.float32)), args.repeat)
    print(f"{count} pairs, {DATES} dates, {pixels:,} pixels, a tenth of the pairs missing, weighted")
    print(f"ours: {seconds:.2f} s of processor time (goal {GOAL_S} for 1,000,000), {pixels / seconds / 1e6:.2f} M px/s")
    print(f"memory over the input: {over:.2f} GiB (goal {GOAL_GIB}), chunks of {CHUNK_PX} pixels")
    print(f"numpy, each pixel by itself: {naive * pixels:.0f} s, ours {naive * pixels / seconds:.0f} x as fast")
    print(f"one pseudo-inverse, complete pixels, unweighted: {product * pixels:.2f} s, ratio "
          f"{product * pixels / seconds:.2f}")  # fmt: skip
    print(f"reading and writing it once: {limit:.2f} s, ratio {limit / seconds:.2f}")


if __name__ == "__main__":
    main()
