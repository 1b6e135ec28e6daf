"""What is kept of an area's deformation: stacks and motions as GeoTIFFs on the frame of the input, with their hashes.

A folder holds one GeoTIFF per layer (a band per pair or day) and `index.json`, which is written last and names the
sha256 of each: files that it does not name do not count. The files open in any map program, so an export is a copy.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from sat_monitor.core.deformation import Frame, Geometry, Motion, Pair, PairStack
from sat_monitor.core.domain import Direction, FloatArray
from sat_monitor.core.errors import DeformationError
from sat_monitor.imagery.files import file_sha256, whole_file, write_whole

INDEX = "index.json"
#: File of each layer of a motion and the attribute it holds; names carry the unit.
MOTION_LAYERS = {
    "displacement_los_m": "displacement_m",
    "displacement_std_m": "std_m",
    "velocity_los_m_per_yr": "velocity_m_per_yr",
    "velocity_std_m_per_yr": "velocity_std_m_per_yr",
    "velocity_uncorrected_m_per_yr": "velocity_uncorrected_m_per_yr",
    "acceleration_los_m_per_yr2": "acceleration_m_per_yr2",
    "acceleration_std_m_per_yr2": "acceleration_std_m_per_yr2",
    "seasonal_amplitude_m": "seasonal_m",
    "seasonal_std_m": "seasonal_std_m",
    "temporal_coherence": "temporal_coherence",
    "residual_rms_m": "residual_m",
}
_STACK_LAYERS = {"displacement_m": "displacement_m", "coherence": "coherence", "height_m": "height_m"}


def put_stack(folder: Path, stack: PairStack) -> str:
    """Keep a stack; returns the sha256 of its index, which stands for all of it. SatMonitorError E1302 on a full disk."""
    names = [f"{pair.before}/{pair.after}" for pair in stack.pairs]
    layers = {file: getattr(stack, field) for file, field in _STACK_LAYERS.items()}
    pairs = [asdict(pair) for pair in stack.pairs]
    return _put(folder, stack.frame, stack.geometry, layers, names, {"pairs": pairs})


def get_stack(folder: Path) -> PairStack:
    """The stack that was kept; DeformationError E2207 where there is none or a file is not the one that was written."""
    index = _index(folder)
    layers = _layers(folder, index)
    pairs = tuple(
        Pair(**{**row, "before": date.fromisoformat(row["before"]), "after": date.fromisoformat(row["after"])})
        for row in index["pairs"]
    )
    height = layers.get("height_m")
    return PairStack(
        _frame(index), _geometry(index, layers), pairs, layers["displacement_m"], layers.get("coherence"),
        None if height is None else height[0],
    )  # fmt: skip


def put_motion(folder: Path, motion: Motion, of_stack: str) -> str:
    """Keep a motion beside the hash of the stack that it follows from; returns the sha256 of its index."""
    layers = {file: getattr(motion, field) for file, field in MOTION_LAYERS.items()}
    days = [str(day) for day in motion.days]
    told = {"days": days, "reference": motion.reference, "remarks": motion.remarks, "stack_sha256": of_stack}
    return _put(folder, motion.frame, motion.geometry, layers, days, told)


def get_motion(folder: Path) -> Motion:
    """The motion that was kept; DeformationError E2207 as for `get_stack`."""
    index = _index(folder)
    layers = _layers(folder, index)
    found = {field: layers[file] for file, field in MOTION_LAYERS.items()}
    curves = {"displacement_m", "std_m"}
    planes = {field: layer if field in curves else layer[0] for field, layer in found.items()}
    reference = index["reference"]
    return Motion(
        frame=_frame(index), geometry=_geometry(index, layers), days=tuple(map(date.fromisoformat, index["days"])), **planes,
        reference=None if reference is None else (reference[0], reference[1]), remarks=tuple(index["remarks"]),
    )  # fmt: skip


def index_sha256(folder: Path) -> str:
    """The hash that stands for a kept stack or motion; DeformationError E2207 where there is none."""
    _index(folder)
    return file_sha256(folder / INDEX)


def stack_of_motion(folder: Path) -> str | None:
    """The hash of the stack that a kept motion follows from; None where there is no motion."""
    return str(_index(folder)["stack_sha256"]) if (folder / INDEX).is_file() else None


def export(folder: Path, out: Path) -> list[Path]:
    """Copy what is kept into `out` after its hashes were checked; returns the files, the index last."""
    _layers(folder, index := _index(folder))
    paths = []
    for name in [*index["files"], INDEX]:
        with whole_file(out / name) as temporary:
            shutil.copyfile(folder / name, temporary)
        paths.append(out / name)
    return paths


def _put(
    folder: Path, frame: Frame, geometry: Geometry, layers: Mapping[str, FloatArray | None], names: Sequence[str],
    told: Mapping[str, Any],
) -> str:  # fmt: skip
    files = {}
    incidence = geometry.incidence_deg if isinstance(geometry.incidence_deg, np.ndarray) else None
    for name, layer in {**layers, "incidence_deg": incidence}.items():
        if layer is not None:
            path = folder / f"{name}.tif"
            write_layer(path, frame, layer, names if layer.ndim == 3 else [name])
            files[path.name] = file_sha256(path)
    plain = asdict(replace(geometry, incidence_deg=None if incidence is not None else geometry.incidence_deg))
    index = {"frame": asdict(frame), "geometry": plain, "files": files, **told}
    content = json.dumps(index, ensure_ascii=False, indent=1, sort_keys=True, default=str).encode()
    return file_sha256(write_whole(folder / INDEX, content))


def write_layer(path: Path, frame: Frame, layer: FloatArray, names: Sequence[str]) -> None:
    """Write (y, x) or (band, y, x) as a GeoTIFF on `frame`, NaN = no data, bands described by `names`."""
    bands = layer if layer.ndim == 3 else layer[None]
    profile = {
        "driver": "GTiff", "dtype": "float32", "nodata": np.nan, "count": len(bands), "crs": frame.crs,
        "height": frame.height, "width": frame.width, "transform": rasterio.Affine.from_gdal(*frame.transform),
        "compress": "DEFLATE", "predictor": 3, "zlevel": 1, "bigtiff": "IF_SAFER",
    }  # fmt: skip
    with whole_file(path) as temporary, rasterio.open(temporary, "w", **profile) as target:
        for number, (name, band) in enumerate(zip(names, bands, strict=True), start=1):
            target.write(band.astype(np.float32), number)
            target.set_band_description(number, name)


def _index(folder: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeformationError("E2207", f"{folder.name} of {folder.parent.name}: {error}") from error
    return index


def _layers(folder: Path, index: Mapping[str, Any]) -> dict[str, FloatArray]:
    layers = {}
    for name, sha256 in index["files"].items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != sha256:
            raise DeformationError("E2207", f"{path.name} of {folder.parent.name} is not the file that was written")
        with rasterio.open(path, driver="GTiff") as source:
            layers[path.stem] = source.read()
    return layers


def _frame(index: Mapping[str, Any]) -> Frame:
    return Frame(**{**index["frame"], "transform": tuple(index["frame"]["transform"])})


def _geometry(index: Mapping[str, Any], layers: Mapping[str, FloatArray]) -> Geometry:
    plain = index["geometry"]
    direction, incidence = plain["direction"], layers.get("incidence_deg")
    geometry = Geometry(**{**plain, "direction": None if direction is None else Direction(direction)})
    return geometry if incidence is None else replace(geometry, incidence_deg=incidence[0])
