"""Small-baseline inversion beside MintPy and dolphin, one run: velocities on a real stack, processor time per pixel.

MintPy (GPL) and dolphin run in an environment of their own under var/peers-insar, made on the first call; they get arrays
and give arrays. Accuracy: the stack insar_mexico_city, the same weights for both. Speed: 60 dates, 174 pairs; MintPy
weighted with a tenth of the pairs missing, dolphin unweighted and complete; ours is weighted with missing pairs in both.

    python benchmarks/insar_peers.py [--data ../shared/data/insar_mexico_city] [--pixels 1000]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from inversion import best, network

from sat_monitor.deformation.interferograms import read_stack
from sat_monitor.deformation.invert import CHUNK_PX, invert_block
from sat_monitor.deformation.kernel import information_of
from sat_monitor.deformation.network import Network

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "var" / "peers-insar"
PYTHON = HOME / "bin" / "python"
#: What the two functions import; the packages themselves come without their own lists, for GDAL is not to be had by pip.
NEEDED = (
    "numpy", "scipy", "h5py", "matplotlib", "scikit-image", "joblib", "pyproj", "rasterio", "jax", "pyresample", "lxml",
    "pykml", "cvxopt", "dask", "rich", "opera-utils", "tqdm", "threadpoolctl", "psutil", "requests", "utm",
)  # fmt: skip
GOAL_MINTPY, GOAL_DOLPHIN, GOAL_MM = 500.0, 2.0, 0.1


def environment() -> None:
    """Make the peers' environment where it is missing."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
    ready = subprocess.run([str(PYTHON), "-c", "import mintpy, dolphin"], capture_output=True, check=False)
    if ready.returncode:
        install = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, *NEEDED], check=True)
        subprocess.run([*install, "--no-deps", "mintpy", "dolphin"], check=True)


def peer(name: str, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a peer makes of arrays, on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        inside, outside = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(inside, **given)  # type: ignore[arg-type]
        script = Path(__file__).with_name("insar_peer_runs.py")
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
        subprocess.run([str(PYTHON), str(script), name, str(inside), str(outside)], check=True, env={**one, "PATH": ""})
        with np.load(outside) as data:
            return dict(data)


def designs(net: Network) -> dict[str, np.ndarray]:
    """Incidence matrices of displacements and of velocities between dates, and the years between dates."""
    gaps = np.diff(net.years)
    velocities = np.zeros((len(net.first), len(gaps)), np.float32)
    for row, (first, second) in enumerate(zip(net.first, net.second, strict=True)):
        velocities[row, first:second] = gaps[first:second]
    return {
        "design": net.design.astype(np.float32),
        "velocity_design": velocities,
        "steps": gaps.astype(np.float32)[:, None],
    }


def slopes(displacement: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Velocity of each pixel by a straight line, m a year."""
    return np.asarray(np.polyfit(years, displacement, 1)[0])


def accuracy(folder: Path) -> None:
    """Velocities of both on the real stack, the same weights, pairs as they are."""
    stack = read_stack(folder)
    net = Network.of(list(stack.pairs))
    flat = stack.displacement_m.reshape(len(stack.pairs), -1)
    assert stack.coherence is not None
    coherence = stack.coherence.reshape(flat.shape)
    whole = np.isfinite(flat).all(axis=0) & np.isfinite(coherence).all(axis=0)
    pairs, weights = (np.ascontiguousarray(a[:, whole]) for a in (flat, information_of(coherence)))
    ours = slopes(invert_block(pairs, weights, net).displacement, net.years)
    theirs = slopes(peer("mintpy", {"pairs": pairs, "weights": weights, **designs(net)})["displacement"], net.years)
    gap = (ours - theirs) * 1e3
    print(f"{whole.sum()} pixels of {folder.name}, same weights: velocity differs from MintPy's by {np.sqrt(np.mean(gap**2)):.4f} mm/yr rms,"
          f" at most {np.abs(gap).max():.4f} (goal {GOAL_MM})")  # fmt: skip


def speed(pixels: int) -> None:
    """Processor time per pixel of each."""
    net = network()
    rng = np.random.default_rng(5)
    many = 100_000
    complete = rng.standard_normal((len(net.first), many), dtype=np.float32) * np.float32(0.003)
    weights = information_of(rng.random(complete.shape, dtype=np.float32))
    pairs = np.where(rng.random(complete.shape, dtype=np.float32) < 0.1, np.float32(np.nan), complete)
    invert_block(np.ascontiguousarray(pairs[:, :512]), np.ascontiguousarray(weights[:, :512]), net)

    def ours(variances: bool) -> None:
        for start in range(0, many, CHUNK_PX):
            part = slice(start, start + CHUNK_PX)
            weight = np.ascontiguousarray(weights[:, part])
            invert_block(np.ascontiguousarray(pairs[:, part]), weight, net, variances=variances)

    # Neither peer gives the standard deviations of the days: the ratio is of the same work.
    whole, mine = (best(partial(ours, variances), 5) / many for variances in (True, False))
    given = designs(net)
    slow = peer("mintpy", {"pairs": pairs[:, :pixels], "weights": weights[:, :pixels], **given})["seconds"] / pixels
    quick = peer("dolphin", {"pairs": complete, "design": given["design"]})["seconds"] / many
    print(f"ours, weighted, missing pairs: {mine * 1e6:.2f} us of processor time per pixel, {whole * 1e6:.2f} with the "
          f"standard deviation of every day ({slow / whole:.0f} x MintPy, {quick / whole:.1f} x dolphin)")  # fmt: skip
    print(f"MintPy, the same: {slow * 1e6:.0f} us, {slow / mine:.0f} x (goal {GOAL_MINTPY:.0f})")
    print(f"dolphin, unweighted and complete: {quick * 1e6:.2f} us, {quick / mine:.1f} x (goal {GOAL_DOLPHIN:.0f})")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/insar_mexico_city")
    parser.add_argument("--pixels", type=int, default=1000)
    args = parser.parse_args()
    environment()
    if args.data.is_dir():
        accuracy(args.data)
    else:
        print(f"{args.data} is absent: velocities are not compared")
    speed(args.pixels)


if __name__ == "__main__":
    main()
