"""Readers of unwrapped stacks: whatever the producer, metres along the line of sight, positive toward the satellite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sat_monitor.core.deformation import Frame, Pair, PairStack
from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.layouts import PairFile, product_of
from sat_monitor.deformation.manifest import NAME, read_manifest
from sat_monitor.deformation.rasters import Layer, frame_of, read_layer
from sat_monitor.imagery.files import file_sha256

_HEIGHTS = ("*_dem.tif", "*.geo.hgt.tif")
#: Coherence of LiCSAR comes as bytes 0..255.
_BYTE_SCALE = 255.0


def read_stack(folder: Path) -> PairStack:
    """All pairs of a folder on one frame, in the order of their days.

    A `pairs.csv` describes the folder, or else it has a known layout; phase becomes displacement (m): -wavelength / (4 pi)
    x phase. Zero, the no-data value, NaN and what the product calls unusable are no data. Raises DeformationError E2201
    to E2206, E2210; no pair is dropped.
    """
    product = read_manifest(folder / NAME) if (folder / NAME).is_file() else product_of(folder)
    files = sorted(product.files, key=lambda file: (file.before, file.after))
    twice = [days for days, count in Counter((file.before, file.after) for file in files).items() if count > 1]
    if twice:
        raise DeformationError("E2204", f"{twice[0][0]} to {twice[0][1]} in {folder}")
    frame = frame_of(files[0].values)
    displacement = np.empty((len(files), *frame.shape), np.float32)
    for layer, file in zip(displacement, files, strict=True):
        np.multiply(read_layer(file.values, frame), np.float32(file.metres_per_unit), out=layer)
        if file.usable is not None:
            layer[np.isnan(read_layer(file.usable, frame))] = np.nan
    pairs = tuple(
        Pair(file.before, file.after, file.perpendicular_m, file.values.path.name, file_sha256(file.values.path))
        for file in files
    )
    return PairStack(frame, product.geometry, pairs, displacement, _coherence(files, frame), _heights(folder, frame))


def _coherence(files: Sequence[PairFile], frame: Frame) -> FloatArray | None:
    """Coherence 0..1 of all pairs; None where the product has none, E2206 where it has only some."""
    found = [file.coherence for file in files if file.coherence is not None and file.coherence.exists]
    if not found:
        return None
    if len(found) < len(files):
        raise DeformationError("E2206", f"coherence of {len(files) - len(found)} of {len(files)} pairs is missing")
    layers = np.stack([read_layer(layer, frame) for layer in found])
    if np.nanmax(layers, initial=0.0) > 1.5:
        layers /= np.float32(_BYTE_SCALE)
    return np.clip(layers, 0.0, 1.0)


def _heights(folder: Path, frame: Frame) -> FloatArray | None:
    """Height (m) of the frame where the product brings it on the same pixels."""
    for layer in (Layer(path) for pattern in _HEIGHTS for path in sorted(folder.rglob(pattern))):
        if frame_of(layer).shape == frame.shape:
            return read_layer(layer, frame)
    return None
