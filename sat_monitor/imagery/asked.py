"""What was asked of an image service, and whether a file answers it: header, place, layout and values.

A service promises no hash, so that the file must prove itself. Everything that could make the same bytes mean other
pixels is compared with the question or refused; what remains, the samples, is vouched for by `check_streams`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.cog import GDAL_OPTIONS
from sat_monitor.imagery.geotiff import GeoTiff, check_bytes, open_geotiff, plain_float32
from sat_monitor.imagery.items import FileFacts
from sat_monitor.imagery.tiff_layout import Dialect, Directory, is_whole, read_layout
from sat_monitor.imagery.tiff_streams import check_streams

#: Bands of classes and flags: whole numbers only, so that a wrong decode shows in them.
CLASS_BANDS = frozenset({"SCL", "CLP", "dataMask", "shadowMask"})
#: Distance between the asked and the found place of a corner, pixels.
_PLACE_PX = 1e-6
_SAMPLE_FORMAT = {"u": 1, "i": 2, "f": 3}
_COMPRESSION, _PREDICTOR, _SAMPLES, _BITS, _FORMATS = 259, 317, 277, 258, 339
_WIDTH, _HEIGHT, _NODATA = 256, 257, 42113
_PIXEL_SCALE, _TIE_POINT, _TRANSFORM, _GEO_KEYS = 33550, 33922, 34264, 34735
#: Values that leave the samples as they are, by tag: new subfile type, compression, photometric interpretation (black
#: is zero, RGB), fill order, orientation, planar configuration, predictor, extra samples.
_HARMLESS = {
    254: {0}, 259: {1, 5, 8, 32946}, 262: {1, 2}, 266: {1}, 274: {1}, 284: {1, 2}, 317: {1, 2, 3}, 338: {0, 1, 2},
}  # fmt: skip
_LAYOUT = {_WIDTH, _HEIGHT, _BITS, 273, _SAMPLES, 278, 279, 322, 323, 324, 325, _FORMATS}
#: Text, resolution in print and extremes: they say nothing of the samples.
_TALK = {269, 270, 271, 272, 280, 281, 282, 283, 296, 305, 306, 315, 316, 33432, 42112}
_PLACE = {_PIXEL_SCALE, _TIE_POINT, _TRANSFORM, _GEO_KEYS, 34736, 34737}
_KNOWN = {*_HARMLESS, *_LAYOUT, *_TALK, *_PLACE, _NODATA}
_FINITE = (-sys.float_info.max, sys.float_info.max)
_NOTHING = "nothing of this scene"


@dataclass(frozen=True, slots=True)
class Asked:
    """One image as it was asked for; `ranges` are the values that a band may have, both ends included.

    `nodata` is the value that means no data, whether or not the file repeats it; NaN always does.
    """

    grid: Grid
    bands: tuple[str, ...]
    dtype: str
    nodata: float | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def read_answer(path: Path, asked: Asked, promised: FileFacts | None = None) -> GeoTiff:
    """The decoded answer on the asked grid, bands by asked name; text in the file is not handed on, nothing proves it.

    Raises SceneReject as `check_bytes`, `check_answer` and `check_streams`, and E1105 where nothing vouches for the
    pixels (neither checksums in the file nor a promised sha256), where the file does not decode, or where a value lies
    outside its band's range: the header was right, so that the decode is wrong.
    """
    check_bytes(path, promised)
    check_answer(path, asked)
    hashed = promised is not None and promised.sha256 is not None
    if not check_streams(path) and not hashed:
        raise SceneReject("E1105", f"{path.name} has no checksum of its pixels and no sha256 was promised", _NOTHING)
    try:
        with rasterio.Env(**GDAL_OPTIONS), open_geotiff(path) as file:
            samples = file.read()
    except (RasterioError, ValueError) as error:
        raise SceneReject("E1105", f"{path.name}: {error}", _NOTHING) from error
    _, [picture] = read_layout(path)
    bands = dict(zip(asked.bands, samples, strict=True))
    if fault := _value_fault(bands, asked, picture):
        raise SceneReject("E1105", f"{path.name}: {fault}", _NOTHING)
    # Band by band: a mask and a copy of all of them would double the memory of a large answer.
    return GeoTiff(
        asked.grid, {name: plain_float32(values, _missing(values, asked)) for name, values in bands.items()}, {}
    )


def check_answer(path: Path, asked: Asked) -> None:
    """Compare the header, as it stands in the file and as GDAL reads it, with the question; no pixel is decoded.

    Raises SceneReject E1101 parts beyond the end, E1105 blocks absent, overlapping or out of order, E1201 another CRS,
    E1203 another type or number of bands, another no-data value, more pictures than one, or tags that could alter
    values, E1207 another size or place.
    """
    if not is_whole(path):
        raise SceneReject("E1101", f"{path.name} names parts beyond its end", _NOTHING)
    dialect, directories = read_layout(path)
    if len(directories) != 1:
        raise SceneReject("E1203", f"{path.name} holds {len(directories)} pictures, expected one", _NOTHING)
    [picture] = directories
    try:
        for code, fault in _header_faults(picture, dialect, asked):
            if fault:
                raise SceneReject(code, f"{path.name}: {fault}", _NOTHING)
    except ValueError as error:
        raise SceneReject("E1105", f"{path.name}: {error}", _NOTHING) from error
    _check_as_gdal_reads(path, asked)


def _header_faults(picture: Directory, dialect: Dialect, asked: Asked) -> Iterator[tuple[str, str]]:
    """(number, what is wrong or "") of one comparison after the other; each may rely on those before."""
    yield "E1203", _tag_fault(picture)
    yield "E1207", _size_fault(picture, asked.grid)
    yield "E1203", _type_fault(picture, asked)
    yield "E1201", _crs_fault(picture, asked.grid)
    yield "E1207", _place_fault(_place(picture), asked.grid)
    yield "E1105", _block_fault(picture, dialect)


def _tag_fault(picture: Directory) -> str:
    numbers = [tag.number for tag in picture.tags]
    if any(after <= before for before, after in pairwise(numbers)):
        return f"tags are not in order: {numbers}"
    if unknown := sorted(set(numbers) - _KNOWN):
        return f"tags {unknown} are none that an answer needs"
    for tag in picture.tags:
        values = picture.integers.get(tag.number)
        if tag.number in _HARMLESS and (not values or set(values) - _HARMLESS[tag.number]):
            return f"tag {tag.number} is {values}, expected one of {sorted(_HARMLESS[tag.number])}"
        if tag.number in _LAYOUT and not values:
            return f"tag {tag.number} holds no integer"
    return ""


def _size_fault(picture: Directory, grid: Grid) -> str:
    found = picture.one(_HEIGHT), picture.one(_WIDTH)
    return "" if found == grid.shape else f"{found[0]} x {found[1]} pixels, asked were {grid.height} x {grid.width}"


def _type_fault(picture: Directory, asked: Asked) -> str:
    dtype, count = np.dtype(asked.dtype), picture.one(_SAMPLES, 1)
    bits = picture.integers.get(_BITS, (1,))
    # A count is believed only once it is the asked one: a damaged one may be in the thousands of millions.
    formats = picture.integers.get(_FORMATS, (1,) * len(asked.bands))
    if count != len(asked.bands) or len(bits) != count or len(formats) != count:
        return f"{count} bands, asked were {asked.bands}"
    if set(bits) != {8 * dtype.itemsize} or set(formats) != {_SAMPLE_FORMAT[dtype.kind]}:
        return f"samples of {sorted(set(bits))} bits and format {sorted(set(formats))}, asked was {asked.dtype}"
    predictor = picture.one(_PREDICTOR, 1)
    if (predictor == 3 and dtype.kind != "f") or (predictor != 1 and picture.one(_COMPRESSION, 1) == 1):
        return f"predictor {predictor} does not fit {asked.dtype} or the compression"
    if not any(tag.number == _NODATA for tag in picture.tags):
        return ""
    declared = picture.texts.get(_NODATA, b"").rstrip(b"\0 ")
    return "" if _same_value(float(declared), asked.nodata) else f"no data is {declared!r}, asked was {asked.nodata}"


def _same_value(found: float | None, asked: float | None) -> bool:
    if found is None or asked is None:
        return False
    return found == asked or (math.isnan(found) and math.isnan(asked))


def _crs_fault(picture: Directory, grid: Grid) -> str:
    keys = picture.integers.get(_GEO_KEYS, ())
    entries = {keys[i]: keys[i + 3] for i in range(4, len(keys) - 3, 4) if keys[i + 1] == 0}
    # Model type: projected; the code of the projected system.
    found = entries.get(1024), entries.get(3072)
    return "" if found == (1, grid.epsg) else f"model type and code {found}, asked was EPSG:{grid.epsg}"


def _place(picture: Directory) -> tuple[float, ...]:
    """Coefficients a, b, x0, d, e, y0 of the pixel-corner to metre transform; ValueError where it is not said once."""
    scale, tie = picture.doubles.get(_PIXEL_SCALE), picture.doubles.get(_TIE_POINT)
    matrix = picture.doubles.get(_TRANSFORM)
    if matrix is not None and scale is None and tie is None and len(matrix) == 16:
        return matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7]
    if matrix is None and scale is not None and tie is not None and (len(scale), len(tie)) == (3, 6):
        return scale[0], 0.0, tie[3] - tie[0] * scale[0], 0.0, -scale[1], tie[4] + tie[1] * scale[1]
    raise ValueError(f"pixel scale {scale}, tie point {tie} and transform {matrix} do not give one place")


def _place_fault(found: tuple[float, ...], grid: Grid) -> str:
    a, b, x0, d, e, y0 = found
    width, height = grid.width, grid.height
    west, south, east, north = grid.bounds
    corners = (x0 - west, y0 - north, x0 + a * width + b * height - east, y0 + d * width + e * height - south)
    lean = (b * height, d * width)
    # Written so that a NaN is a fault.
    within = all(abs(metres) <= _PLACE_PX * grid.pixel_m for metres in (*corners, *lean))
    return "" if within else f"transform {found}, asked was {tuple(grid.affine)[:6]}"


def _block_fault(picture: Directory, dialect: Dialect) -> str:
    blocks = picture.blocks()
    if not all(block.length for block in blocks):
        return f"{sum(not block.length for block in blocks)} of {len(blocks)} blocks are absent"
    values = [(tag.start, tag.end) for tag in picture.tags if not tag.inside]
    parts = [(0, dialect.header_bytes), (picture.start, picture.end), *values]
    parts += [(block.start, block.end) for block in blocks]
    parts.sort()
    if overlap := next((pair for pair in pairwise(parts) if pair[0][1] > pair[1][0]), None):
        return f"parts at {overlap} overlap"
    starts = np.array([block.start for block in blocks]).reshape(picture.planes, -1)
    # Two blocks that change places read well: no writer puts them out of order.
    return "" if (np.diff(starts, axis=1) > 0).all() and (np.diff(starts[:, 0]) > 0).all() else "blocks out of order"


def _check_as_gdal_reads(path: Path, asked: Asked) -> None:
    grid = asked.grid
    try:
        with rasterio.Env(**GDAL_OPTIONS), open_geotiff(path) as file:
            epsg = None if file.crs is None else file.crs.to_epsg()
            described = tuple(file.descriptions)
            faults = (
                ("E1207", file.shape != grid.shape, f"{file.shape} pixels, asked were {grid.shape}"),
                ("E1203", file.dtypes != (asked.dtype,) * len(asked.bands), f"bands of type {file.dtypes}"),
                ("E1201", epsg != grid.epsg, f"EPSG:{epsg}, asked was EPSG:{grid.epsg}"),
                ("E1207", bool(fault := _place_fault(tuple(file.transform)[:6], grid)), fault),
                ("E1203", bool(set(file.scales) - {1.0} or set(file.offsets) - {0.0}), "values are scaled or shifted"),
                ("E1203", any(described) and described != asked.bands, f"bands {described}, asked were {asked.bands}"),
                ("E1203", not _nodata_fits(file.nodatavals, asked.nodata), f"no data is {file.nodatavals}"),
            )
    except (RasterioError, ValueError) as error:
        raise SceneReject("E1105", f"{path.name}: {error}", _NOTHING) from error
    for code, wrong, what in faults:
        if wrong:
            raise SceneReject(code, f"{path.name}: {what}", _NOTHING)


def _nodata_fits(found: tuple[float | None, ...], asked: float | None) -> bool:
    return all(value is None or _same_value(value, asked) for value in found)


def _value_fault(bands: Mapping[str, NDArray[Any]], asked: Asked, picture: Directory) -> str:
    """What is impossible in (y, x) samples by band, "" = nothing."""
    for name, values in bands.items():
        if not _possible(name, values, asked):
            return f"{name} has values that it cannot have, expected {asked.ranges.get(name, 'finite ones')}"
    plain = picture.one(_PREDICTOR, 1) == 1 and picture.one(_COMPRESSION, 1) != 1
    if plain and _are_differences(bands, asked, picture.block_shape[1]):
        return "the values read as differences: the predictor is lost"
    return ""


def _are_differences(bands: Mapping[str, NDArray[Any]], asked: Asked, columns: int) -> bool:
    """Whether predictor 2, undone in blocks of `columns`, leaves the classes possible and takes wrapped numbers away.

    A constant mask is 1, 0, 0 ... as differences, which no range can tell; falling values wrap around to large ones.
    """
    classes = {name: values for name, values in bands.items() if name in CLASS_BANDS and name in asked.ranges}
    if not classes or not all(_possible(name, _summed(values, columns), asked) for name, values in classes.items()):
        return False
    return any(_bits(_summed(values, columns)).max() < _bits(values).max() for values in bands.values())


def _missing(values: NDArray[Any], asked: Asked) -> NDArray[np.bool_]:
    """Where (y, x) samples mean no data."""
    gaps = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    return gaps if asked.nodata is None else gaps | (values == asked.nodata)


def _possible(name: str, values: NDArray[Any], asked: Asked) -> bool:
    """Whether a band may have these (y, x) samples: finite and in range, no data aside; classes whole, never NaN."""
    if name in CLASS_BANDS and values.dtype.kind == "f" and not (values == np.rint(values)).all():
        return False
    missing = _missing(values, asked)
    known = values[~missing] if missing.any() else values
    least, most = asked.ranges.get(name, _FINITE)
    return known.size == 0 or bool(least <= known.min() and known.max() <= most)


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    return values.view(f"u{values.dtype.itemsize}")


def _summed(values: NDArray[Any], columns: int) -> NDArray[Any]:
    """(y, x) values as predictor 2 would have read them: running sums of their bits along each block's rows."""
    bits = _bits(values)
    starts = range(0, bits.shape[1], columns)
    parts = [np.cumsum(bits[:, left : left + columns], axis=1, dtype=bits.dtype) for left in starts]
    return np.hstack(parts).view(values.dtype)
