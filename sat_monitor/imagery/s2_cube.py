"""Importer of Sentinel-2 cubes: NetCDF with (time, y, x) bands and SCL, y in either order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr
from pyproj import CRS
from pyproj.exceptions import CRSError

from sat_monitor.core.domain import BoolArray, FloatArray, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.core.units import dn_to_reflectance
from sat_monitor.imagery.importer import Finding, Found
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.sensors import SENSORS, check_bands
from sat_monitor.imagery.source import Offer

_NOTHING = "nothing of the cube"
_STUB_BYTES = 1000
_MAGIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF")
#: Reflectance above which values must be digital numbers of 1/10,000.
_MOST_REFLECTANCE = 10.0
#: Cubes up to this size are read at once: their chunks usually span all times.
_READ_AT_ONCE_BYTES = 1 << 30


def s2_cube_scenes(path: Path, aoi_id: str) -> Finding:
    """One scene per time of the cube at `path`; a cube that cannot be used is one reject (E1101 to E1105, E1201 ...).

    Bands may be called B2 or B02; digital numbers become reflectance, offset 0 (no baseline from 04.00 on).
    """
    try:
        return _scenes(path, aoi_id)
    except SceneReject as reject:
        return Finding((), (reject,))


def _scenes(path: Path, aoi_id: str) -> Finding:
    cube = _open(path)
    grid, upright = _grid(cube, path.name)
    names = _band_names(cube, path.name)
    scale_dn = _holds_numbers(cube, names)
    found: list[Found] = []
    rejected: list[SceneReject] = []
    for index, moment in enumerate(_times(cube, path.name)):
        if moment is None:
            rejected.append(SceneReject("E1209", f"{path.name}: time {index} is missing", _NOTHING, path.stem))
            continue
        identity = f"{aoi_id}_S2_{moment:%Y%m%dT%H%M%S}"
        if any(other.offer.id == identity for other in found):
            rejected.append(SceneReject("E1211", f"{identity} is in {path.name} twice", "the first one", identity))
            continue
        offer = Offer(identity, aoi_id, Sensor.S2, "sentinel-2", moment, None, "s2-cube", path.name)
        found.append(Found(offer, grid, _loader(cube, names, (index, upright, scale_dn), grid)))
    return Finding(tuple(sorted(found, key=lambda f: f.offer.order)), tuple(rejected))


def _open(path: Path) -> xr.Dataset:
    size = path.stat().st_size if path.is_file() else 0
    if size < _STUB_BYTES:
        raise SceneReject("E1103", f"{path.name} has {size} bytes", _NOTHING, path.stem)
    with path.open("rb") as file:
        magic = file.read(4)
    if magic not in _MAGIC:
        raise SceneReject("E1104", f"{path.name} begins with {magic!r}, which is no NetCDF", _NOTHING, path.stem)
    try:
        cube = xr.open_dataset(path, engine="netcdf4")
        if cube.nbytes > _READ_AT_ONCE_BYTES:
            return cube
        with cube:
            return cube.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise SceneReject("E1101", f"{path.name}: {error}", _NOTHING, path.stem) from error


def _times(cube: xr.Dataset, name: str) -> list[datetime | None]:
    """Acquisition times to the second, UTC; None where one is missing."""
    times = cube["time"].values
    if times.dtype.kind != "M":
        raise SceneReject("E1209", f"{name}: its times are {times.dtype}, not dates", _NOTHING, name)
    seconds = [None if np.isnat(moment) else int(moment.astype("datetime64[s]").astype(np.int64)) for moment in times]
    return [None if second is None else datetime.fromtimestamp(second, UTC) for second in seconds]


def _grid(cube: xr.Dataset, name: str) -> tuple[Grid, bool]:
    """The cube's grid and whether its rows run from north to south."""
    if not {"time", "y", "x"} <= set(cube.coords):
        raise SceneReject("E1202", f"{name} has coordinates {sorted(map(str, cube.coords))}", _NOTHING, name)
    x, y = (np.asarray(cube[axis].values, float) for axis in ("x", "y"))
    if min(x.size, y.size) < 2:
        raise SceneReject("E1202", f"{name} has {y.size} rows and {x.size} columns", _NOTHING, name)
    steps_x, steps_y = np.diff(x), np.diff(y)
    pixel = float(np.median(steps_x))
    even = np.allclose(steps_x, pixel, atol=pixel * 1e-3) and np.allclose(np.abs(steps_y), pixel, atol=pixel * 1e-3)
    if pixel <= 0 or not even or (np.sign(steps_y) != np.sign(steps_y[0])).any():
        raise SceneReject("E1202", f"{name}: x and y are not evenly spaced squares", _NOTHING, name)
    x0, y0 = float(x.min()) - pixel / 2.0, float(y.max()) + pixel / 2.0
    return Grid(_epsg(cube, name), x0, y0, pixel, y.size, x.size), bool(y[0] > y[-1])


def _epsg(cube: xr.Dataset, name: str) -> int:
    mappings = [v for v in cube.variables.values() if "spatial_ref" in v.attrs or "crs_wkt" in v.attrs]
    texts = [str(v.attrs.get("crs_wkt") or v.attrs.get("spatial_ref")) for v in mappings]
    try:
        crs = CRS.from_user_input(texts[0]) if texts else None
    except CRSError as error:
        raise SceneReject("E1201", f"{name}: {error}", _NOTHING, name) from error
    epsg = None if crs is None else _code(crs)
    if crs is None or epsg is None or not crs.is_projected:
        raise SceneReject("E1201", f"{name} states no projected EPSG code", _NOTHING, name)
    return int(epsg)


def _code(crs: CRS) -> int | None:
    """The EPSG code: the one that matches, else the one that the text itself names (old WKT with a datum shift)."""
    plain = crs.source_crs if crs.is_bound and crs.source_crs is not None else crs
    named = plain.to_json_dict().get("id", {})
    declared = int(named["code"]) if named.get("authority") == "EPSG" else None
    return crs.to_epsg() or declared


def _band_names(cube: xr.Dataset, name: str) -> Mapping[str, str]:
    """Archive name -> variable of the cube."""
    known = {}
    for variable in map(str, cube.data_vars):
        padded = re.sub(r"^B(\d)$", r"B0\1", variable)
        if padded in SENSORS[Sensor.S2].names and cube[variable].dims == ("time", "y", "x"):
            known[padded] = variable
    check_bands(Sensor.S2, known, name)
    return known


def _holds_numbers(cube: xr.Dataset, names: Mapping[str, str]) -> bool:
    """Whether the bands hold digital numbers rather than reflectance: by the brightest red value."""
    return bool((cube[names["B04"]].values > _MOST_REFLECTANCE).any())


def _in_units(name: str, values: FloatArray, unseen: BoolArray, scale_dn: bool) -> FloatArray:
    if name == "SCL":
        return values
    reflectance = dn_to_reflectance(values, 0.0) if scale_dn else values
    return np.where(unseen, np.float32(np.nan), reflectance).astype(np.float32)


def _loader(
    cube: xr.Dataset, names: Mapping[str, str], how: tuple[int, bool, bool], grid: Grid
) -> Callable[[], Raster]:
    index, upright, scale_dn = how

    def load() -> Raster:
        bands: dict[str, FloatArray] = {}
        for name, variable in names.items():
            values = np.asarray(cube[variable].isel(time=index).values, np.float32)
            bands[name] = np.ascontiguousarray(values if upright else values[::-1])
        unseen = ~np.isfinite(bands["SCL"]) | (bands["SCL"] == 0)
        return Raster(grid, {name: _in_units(name, values, unseen, scale_dn) for name, values in bands.items()})

    return load
