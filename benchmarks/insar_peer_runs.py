"""What the peers of deformation make of arrays: run by insar_peers.py in their own environment, never imported by ours.

python insar_peer_runs.py mintpy|dolphin IN.npz OUT.npz
"""

from __future__ import annotations

import sys
import time
from unittest.mock import MagicMock

import numpy as np


def mintpy(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """MintPy's weighted inversion pixel by pixel, minimum-norm velocity, missing pairs left out."""
    from mintpy.ifgram_inversion import estimate_timeseries  # type: ignore[import-not-found]

    pairs, weights, design, steps = given["pairs"], given["weights"], given["design"], given["steps"]
    velocity_design = given["velocity_design"]
    found = np.zeros((design.shape[1] + 1, pairs.shape[1]), np.float32)
    start = time.process_time()
    for n in range(pairs.shape[1]):
        found[:, n] = estimate_timeseries(
            A=design, B=velocity_design, y=pairs[:, n], tbase_diff=steps, weight_sqrt=np.sqrt(weights[:, n]),
            min_norm_velocity=True, print_msg=False,
        )[0].ravel()  # fmt: skip
    return {"displacement": found, "seconds": np.array(time.process_time() - start)}


def dolphin(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """dolphin's unweighted inversion of complete pixels, after one run that compiles."""
    for name in ("osgeo", "osgeo.gdal", "osgeo.osr", "osgeo.gdal_array", "osgeo.gdalconst"):
        sys.modules.setdefault(name, MagicMock())
    import jax  # type: ignore[import-not-found]
    from dolphin.timeseries import invert_stack  # type: ignore[import-not-found]

    design, pairs = given["design"], given["pairs"]
    cube = np.ascontiguousarray(pairs.reshape(len(pairs), -1, 1000 if pairs.shape[1] % 1000 == 0 else 1))
    jax.block_until_ready(invert_stack(design, cube))
    start = time.process_time()
    found = jax.block_until_ready(invert_stack(design, cube))
    return {
        "displacement": np.asarray(found[0]).reshape(design.shape[1], -1),
        "seconds": np.array(time.process_time() - start),
    }


if __name__ == "__main__":
    with np.load(sys.argv[2]) as data:
        arrays = dict(data)
    np.savez(sys.argv[3], **{"mintpy": mintpy, "dolphin": dolphin}[sys.argv[1]](arrays))  # type: ignore[arg-type]
