"""Change of any two co-registered rasters, GeoTIFF, PNG or ENVI, with or without georeference: `sat-monitor pair`.

Pictures carry no radiometry that could be trusted, so after is matched to before on the ground that stayed, and both
are brought to the level of a mixed landscape; reflectance is taken as it is where the user says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from sat_monitor import __version__
from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.errors import NetworkError, UsageError
from sat_monitor.core.units import power_to_db
from sat_monitor.models.bands import OPTICAL, RADAR, Pair, Side, empty_optical, empty_radar, levelled, levelled_db
from sat_monitor.models.detection import Detection
from sat_monitor.models.infer import Predictor, Runtime
from sat_monitor.models.pictures import as_picture
from sat_monitor.models.weights import Network

#: Bands by their number where no list is given: a picture, and the six bands of Landsat or Sentinel-2.
_USUAL = {3: ("B04", "B03", "B02"), 4: ("B04", "B03", "B02", "alpha"), 6: OPTICAL}
_USUAL_RADAR = {1: ("VV",), 2: ("VV", "VH")}
#: Linear power is skewed: its brightest percent is this many times its median; decibels and grey levels are not.
_SKEWED = 4.0


class Radiometry(StrEnum):
    """What the numbers of optical bands are."""

    PICTURE = "picture"
    REFLECTANCE = "reflectance"


@dataclass(frozen=True, slots=True)
class Bands:
    """A raster's bands (band, y, x) float32, NaN where there is no data, with their names and where it lies."""

    values: FloatArray
    names: tuple[str, ...]
    path: Path
    profile: dict[str, object]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[1], self.values.shape[2]


@dataclass(frozen=True, slots=True)
class PairRequest:
    """Which files: optical `before` and `after`, radar likewise or None; band names or None for the usual ones.

    `scale` divides reflectance, e.g. 10000.
    """

    before: Path | None
    after: Path | None
    bands: tuple[str, ...] | None = None
    radar_before: Path | None = None
    radar_after: Path | None = None
    radar_bands: tuple[str, ...] | None = None
    radiometry: Radiometry = Radiometry.PICTURE
    scale: float = 10_000.0


@dataclass(frozen=True, slots=True)
class PairResult:
    """What was found, and the raster that says where it lies."""

    detection: Detection
    like: Bands
    inputs: tuple[Path, ...]


def detect_pair(request: PairRequest, network: Network, runtime: Runtime | None = None) -> PairResult:
    """Runs the network on a pair of files. Raises NetworkError E2302 where they do not fit each other, UsageError E2002."""
    optical = _both(request.before, request.after, request.bands, _USUAL)
    radar = _both(request.radar_before, request.radar_after, request.radar_bands, _USUAL_RADAR)
    given = [bands for two in (optical, radar) if two is not None for bands in two]
    if not given:
        raise UsageError("E2001", "give BEFORE and AFTER, or --s1-before and --s1-after")
    if len({bands.shape for bands in given}) > 1:
        sizes = ", ".join(f"{b.path.name} {b.shape[0]} x {b.shape[1]}" for b in given)
        raise NetworkError("E2302", f"sizes differ: {sizes}")
    shape = given[0].shape
    sides = [[empty_optical(shape), empty_radar(shape)] for _ in range(2)]
    if optical is not None:
        _fill(sides, 0, OPTICAL, *_optical(*optical, request))
    if radar is not None:
        _fill(sides, 1, RADAR, *_radar(*radar))
    pair = Pair(Side(*sides[0]), Side(*sides[1]), np.full(shape, np.nan, np.float32))
    if not pair.seen.any():
        raise NetworkError("E2302", f"{given[0].path.name}: no pixel is seen on both dates")
    detection = Predictor.of(network, runtime).detect(pair)
    if optical is not None and request.radiometry is Radiometry.PICTURE:
        detection = as_picture(detection, pair, network.card.picture)
    return PairResult(detection, given[0], tuple(b.path for b in given))


def write_detection(result: PairResult, network: Network, runtime: Runtime, out: Path) -> None:
    """Writes probabilities and uncertainty as a GeoTIFF of four bands with everything that made it in its tags."""
    import torch

    found = result.detection
    planes = (
        ("conversion", found.conversion), ("vegetation_loss", found.loss), ("any_change", found.change),
        ("uncertainty", found.uncertainty),
    )  # fmt: skip
    height, width = result.like.shape
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": len(planes), "height": height, "width": width,
        "nodata": float("nan"), "compress": "deflate", "predictor": 3, **result.like.profile,
    }  # fmt: skip
    part = out.with_name(out.name + ".part")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(part, "w", **profile) as target:
            for number, (name, plane) in enumerate(planes, 1):
                target.write(plane, number)
                target.set_band_description(number, name)
            target.update_tags(
                SAT_MONITOR_VERSION=__version__, NETWORK=network.card.name, NETWORK_SHA256=network.card.sha256,
                RUNTIME=runtime.value, THREADS=str(torch.get_num_threads()),
                PROCESSOR=torch.backends.cpu.get_cpu_capability(),
                INPUTS=" ".join(f"{path.name}:{sha256(path.read_bytes()).hexdigest()}" for path in result.inputs),
            )  # fmt: skip
    part.replace(out)


def read_bands(path: Path, names: Sequence[str] | None, usual: dict[int, tuple[str, ...]]) -> Bands:
    """Bands of a raster; pixels that are no data, transparent, or zero in every band of an integer picture are NaN.

    Raises UsageError E2002 without a file, NetworkError E2302 where it cannot be read or bands are not named.
    """
    if not path.is_file():
        raise UsageError("E2002", str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(path) as source:
                values, masks = source.read(), source.dataset_mask() > 0
                georeference = {"crs": source.crs, "transform": source.transform} if source.crs else {}
        except RasterioError as error:
            raise NetworkError("E2302", f"{path.name}: {error}") from error
    named = tuple(names) if names else usual.get(len(values), ())
    if len(named) != len(values) and not (len(values) == 4 and len(named) == 3):
        known = f"{len(named)} are named" if named else "name them with --bands"
        raise NetworkError("E2302", f"{path.name}: {len(values)} bands, {known}")
    if np.issubdtype(values.dtype, np.integer):
        masks &= ~(values[: len(named)] == 0).all(axis=0)
    planes = values[: len(named)].astype(np.float32)
    keep = [n for n, name in enumerate(named) if name != "alpha"]
    seen: BoolArray = masks & np.isfinite(planes).all(axis=0)
    return Bands(np.where(seen, planes[keep], np.float32(np.nan)), tuple(named[n] for n in keep), path, georeference)


def _both(
    before: Path | None, after: Path | None, names: tuple[str, ...] | None, usual: dict[int, tuple[str, ...]]
) -> tuple[Bands, Bands] | None:
    """Both dates of one sensor, or None."""
    if before is None and after is None:
        return None
    if before is None or after is None:
        raise UsageError("E2001", "two dates of a sensor are needed, before and after")
    first, second = read_bands(before, names, usual), read_bands(after, names, usual)
    if first.names != second.names:
        raise NetworkError("E2302", f"bands differ: {', '.join(first.names)} and {', '.join(second.names)}")
    return first, second


def _optical(before: Bands, after: Bands, request: PairRequest) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Known bands of both dates as reflectance or reflectance-like values."""
    known = tuple(name for name in before.names if name in OPTICAL)
    if not known:
        raise NetworkError("E2302", f"none of {', '.join(before.names)} is one of {', '.join(OPTICAL)}")
    rows = [before.names.index(name) for name in known]
    first, second = before.values[rows], after.values[rows]
    if request.radiometry is Radiometry.REFLECTANCE:
        return known, first / np.float32(request.scale), second / np.float32(request.scale)
    return known, *levelled(first, second, known)


def _radar(before: Bands, after: Bands) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Known polarisations of both dates in dB, from linear power, dB, or any scale that is even in dB."""
    known = tuple(name for name in before.names if name in RADAR)
    if not known:
        raise NetworkError("E2302", f"none of {', '.join(before.names)} is one of {', '.join(RADAR)}")
    rows = [before.names.index(name) for name in known]
    first, second = before.values[rows], after.values[rows]
    positive = np.nanmin(first) >= 0.0
    if positive and np.nanpercentile(first, 99) > _SKEWED * np.nanmedian(first):
        first, second = (power_to_db(np.maximum(v, np.float32(1e-6))) for v in (first, second))
    return known, *levelled_db(first, second, known)


def _fill(
    sides: list[list[FloatArray]], which: int, order: tuple[str, ...], names: tuple[str, ...], before: FloatArray,
    after: FloatArray,
) -> None:  # fmt: skip
    for side, values in zip(sides, (before, after), strict=True):
        for name, plane in zip(names, values, strict=True):
            side[which][order.index(name)] = plane
