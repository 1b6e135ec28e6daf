"""Files of other offices into one shape: EPSG:4326 geometries with the fields of their kind, whatever they were saved as."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import ProjError

from sat_monitor.core.errors import OverlayError
from sat_monitor.imagery.aois import utm_epsg
from sat_monitor.overlays.kinds import DATE_FIELDS, FIELDS, LayerRow
from sat_monitor.overlays.mapping import LayerMapping, parse_day

#: Encodings that are tried in turn where a file does not say.
_ENCODINGS = ("utf-8-sig", "cp932")
#: The Tokyo datum and its plane systems: up to 450 m off, and better than 1 m only with the official grid.
_TOKYO_DATUM = (4301, *range(30161, 30180))
_SUFFIXES = (".geojson", ".json", ".gpkg", ".shp")
_NAMES_OF_PLACE: Mapping[str, tuple[str, ...]] = {
    "lon": ("lon", "経度"), "lat": ("lat", "緯度"), "x": ("x",), "y": ("y",), "radius_m": ("radius_m", "半径"),
    "wkt": ("wkt", "WKT"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entries:
    """What a file holds: `table` in EPSG:4326 with the columns of `FIELDS`; entries repaired, and left out without shape."""

    table: gpd.GeoDataFrame
    repaired: int
    left_out: int


def read_entries(path: Path, row: LayerRow, mapping: LayerMapping) -> Entries:
    """The entries of a file of one kind; raises OverlayError E1401 to E1406 and E1409."""
    raw = _csv(path, row, mapping) if path.suffix.lower() in (".csv", ".tsv") else _vector(path, mapping)
    if raw.empty:
        raise OverlayError("E1402", f"{path.name} has no entry")
    table = _fields(raw, row, mapping, path.name)
    entries = _sound(_lonlat(raw, mapping, path.name), row)
    kept = entries.kept
    if not kept.any():
        raise OverlayError("E1402", f"{path.name}: none of {len(raw)} entries has a usable shape")
    frame = gpd.GeoDataFrame(table[kept], geometry=entries.shapes[kept], crs=4326).reset_index(drop=True)
    return Entries(frame, entries.repaired, int((~kept).sum()))


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Shapes after repair, which of them are usable, and how many were broken."""

    shapes: NDArray[Any]
    kept: NDArray[np.bool_]
    repaired: int


def _sound(shapes: NDArray[Any], row: LayerRow) -> _Shapes:
    """Broken rings made valid; of an areal kind only what has an area is kept."""
    broken = ~(shapely.is_valid(shapes) | shapely.is_missing(shapes))
    shapes = np.where(broken, shapely.make_valid(shapes), shapes)
    if row.areal:
        mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
        shapes = np.where(mixed, shapely.buffer(shapes, 0.0), shapes)
    usable = shapely.area(shapes) > 0.0 if row.areal else ~(shapely.is_empty(shapes) | shapely.is_missing(shapes))
    return _Shapes(shapes, np.asarray(usable, bool), int(broken.sum()))


def _vector(path: Path, mapping: LayerMapping) -> gpd.GeoDataFrame:
    """A GeoJSON, GeoPackage or Shapefile, or the only one in a zip."""
    if path.suffix.lower() != ".zip":
        return _read(path, mapping)
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as packed:
            packed.extractall(folder)
            inside = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in _SUFFIXES)
            if len(inside) > 1:
                # The national land numerical information packs the same layer in two formats.
                inside = [p for p in inside if p.suffix.lower() in (".geojson", ".json")] or inside
            if len(inside) != 1:
                names = ", ".join(p.name for p in inside) or "none"
                raise OverlayError("E1401", f"{path.name} must hold one layer, it holds {names}")
            return _read(inside[0], mapping)
    except (zipfile.BadZipFile, OSError) as error:
        raise OverlayError("E1401", f"{path.name}: {error}") from error


def _read(path: Path, mapping: LayerMapping) -> gpd.GeoDataFrame:
    if path.suffix.lower() not in _SUFFIXES:
        raise OverlayError("E1401", f"{path.name} is none of {', '.join(_SUFFIXES)}, .csv, .zip")
    try:
        frame = pyogrio.read_dataframe(path, encoding=mapping.encoding or _shapefile_encoding(path))
    except UnicodeDecodeError as error:
        raise OverlayError("E1405", f"{path.name}: {error}") from error
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, shapely.errors.ShapelyError, OSError,
            ValueError) as error:  # fmt: skip
        raise OverlayError("E1401", f"{path.name}: {error}") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise OverlayError("E1402", f"{path.name} has no geometry")
    return frame


def _shapefile_encoding(path: Path) -> str | None:
    """The encoding of a Shapefile that does not name it; None for all others, which are UTF-8 or say so."""
    table = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or path.with_suffix(".cpg").is_file() or not table.is_file():
        return None
    content = table.read_bytes()
    return _encoding(content[int.from_bytes(content[8:10], "little") :], path.name)


def _encoding(content: bytes, name: str) -> str:
    for encoding in _ENCODINGS:
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding.removesuffix("-sig") if not content.startswith(b"\xef\xbb\xbf") else encoding
    raise OverlayError("E1405", f"{name} is neither UTF-8 nor CP932")


def _csv(path: Path, row: LayerRow, mapping: LayerMapping) -> gpd.GeoDataFrame:
    """A table whose place is an outline (wkt), or a point with a radius in metres."""
    content = path.read_bytes()
    encoding = mapping.encoding or _encoding(content, path.name)
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding=encoding,
                            sep="\t" if path.suffix.lower() == ".tsv" else ",")  # fmt: skip
    except (UnicodeDecodeError, LookupError) as error:
        raise OverlayError("E1405", f"{path.name}: {error}") from error
    except ValueError as error:  # pandas' ParserError and EmptyDataError are ValueErrors
        raise OverlayError("E1401", f"{path.name}: {error}") from error
    place = {name: _column(table, name, names, mapping) for name, names in _NAMES_OF_PLACE.items()}
    if place["wkt"] is not None:
        shapes = shapely.from_wkt(table[place["wkt"]].to_numpy(object), on_invalid="ignore")
        return gpd.GeoDataFrame(table, geometry=shapes, crs=mapping.epsg or 4326)
    x, y = ("x", "y") if mapping.epsg not in (None, 4326, 4612, 6668) and place["x"] else ("lon", "lat")
    if place[x] is None or place[y] is None:
        raise OverlayError("E1404", f"{path.name}: no {x} and {y}, and no wkt; there are {', '.join(table.columns)}")
    along, up = _numbers(table, str(place[x])), _numbers(table, str(place[y]))
    if x == "lon" and ((np.abs(along) > 180.0) | (np.abs(up) > 90.0)).any():
        raise OverlayError("E1409", f"{path.name}: {place[x]} and {place[y]} are not degrees of longitude and latitude")
    frame = gpd.GeoDataFrame(table, geometry=shapely.points(along, up), crs=mapping.epsg or 4326)
    return _circles(frame, place["radius_m"]) if row.areal else frame


def _circles(frame: gpd.GeoDataFrame, radius: str | None) -> gpd.GeoDataFrame:
    """Points as circles of their radius, true in metres."""
    if radius is None:
        raise OverlayError("E1404", f"points need a radius_m; there are {', '.join(map(str, frame.columns))}")
    known = frame[~(frame.geometry.is_empty | ~np.isfinite(frame.geometry.x) | ~np.isfinite(frame.geometry.y))]
    if known.empty:
        return frame
    lonlat = known.to_crs(4326).geometry
    metric = known.to_crs(utm_epsg(float(lonlat.x.mean()), float(lonlat.y.mean())))
    return metric.set_geometry(metric.geometry.buffer(_numbers(metric, radius))).to_crs(frame.crs)


def _numbers(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    numbers = pd.to_numeric(table[column].str.strip().replace("", "nan"), errors="coerce")
    wrong = table[column][numbers.isna() & table[column].str.strip().ne("")]
    if len(wrong):
        raise OverlayError("E1406", f"line {int(wrong.index[0]) + 2}: {column} {wrong.iloc[0]!r} is not a number")
    return np.asarray(numbers, np.float64)


def _column(table: pd.DataFrame, name: str, names: tuple[str, ...], mapping: LayerMapping) -> str | None:
    """The column of a field: the mapped one, else the first known name; E1404 where the mapped one is not there."""
    if name in mapping.columns:
        if mapping.columns[name] not in table.columns:
            raise OverlayError("E1404", f"{name} = {mapping.columns[name]!r}: there are {', '.join(table.columns)}")
        return mapping.columns[name]
    return next((known for known in names if known in table.columns), None)


def _fields(raw: pd.DataFrame, row: LayerRow, mapping: LayerMapping, name: str) -> pd.DataFrame:
    """The kept fields as text, nothing else."""
    table = pd.DataFrame(index=raw.index)
    for key in FIELDS:
        column = _column(raw, key, row.names.get(key, ()), mapping)
        if column is None and key in row.needed and key not in mapping.constants:
            known = ", ".join(map(str, raw.columns.drop("geometry", errors="ignore")))
            raise OverlayError("E1404", f"{name}: no column for {key}; there are {known}")
        given = raw[column].map(_text) if column is not None else pd.Series("", index=raw.index)
        table[key] = given.where(given != "", mapping.constants.get(key, ""))
    for key in DATE_FIELDS:
        table[key] = [_day(text, f"{name}, entry {n}, {key}") for n, text in enumerate(table[key], start=1)]
    meaning = {**row.values, **mapping.values}
    strange = sorted(set(table["code"]) - meaning.keys()) if row.closed else []
    if strange:
        raise OverlayError("E1406", f"{name}: {strange[0]!r} is none of {', '.join(meaning)}")
    table["code"] = table["code"].map(lambda code: meaning.get(code, code))
    return table


def _text(value: object) -> str:
    """A value of a column as text: whole numbers without a point, missing ones empty, no control characters."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "".join(c if c.isprintable() else " " for c in str(value)).strip()


def _day(text: str, where: str) -> str:
    try:
        day = parse_day(text)
    except ValueError as error:
        raise OverlayError("E1406", f"{where}: {error}") from error
    return day.isoformat() if day else ""


def _lonlat(frame: gpd.GeoDataFrame, mapping: LayerMapping, name: str) -> NDArray[Any]:
    """Geometries in EPSG:4326; E1403 without a coordinate system, E1409 where they do not lie in it."""
    if frame.crs is None and mapping.epsg is None:
        raise OverlayError("E1403", f"{name} names none")
    try:
        crs = frame.crs if mapping.epsg is None else CRS.from_epsg(mapping.epsg)
        if crs.to_epsg() in _TOKYO_DATUM:
            raise OverlayError("E1403", f"{name} is on the Tokyo datum; convert it with TKY2JGD first")
        moved = frame.set_crs(crs, allow_override=True).to_crs(4326)
    except ProjError as error:
        raise OverlayError("E1403", f"{name}: {error}") from error
    west, south, east, north = moved.total_bounds
    if np.isfinite(frame.total_bounds).any() and not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        bounds = ", ".join(f"{v:.6g}" for v in frame.total_bounds)
        raise OverlayError("E1409", f"{name}: bounds {bounds} are not of {crs.name}")
    return np.asarray(moved.geometry.force_2d(), object)
