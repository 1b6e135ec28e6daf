"""Elevation as its providers write it: GeoTIFFs and the XML of the GSI, over the small grid of the imagery tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.grid import Grid, transformer

_XML = """<?xml version="1.0" encoding="{encoding}"?>
<Dataset xmlns="http://fgd.gsi.go.jp/spec/2008/FGD_GMLSchema" xmlns:gml="http://www.opengis.net/gml/3.2"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" gml:id="Dataset1">
<DEM gml:id="DEM001"><fid>fgoid:10-00100-15-60101-{mesh}</fid><type>5mメッシュ（標高）</type><mesh>{mesh}</mesh>
<coverage gml:id="DEM001-3">
<gml:boundedBy><gml:Envelope srsName="{datum}">
<gml:lowerCorner>{south:.9f} {west:.9f}</gml:lowerCorner><gml:upperCorner>{north:.9f} {east:.9f}</gml:upperCorner>
</gml:Envelope></gml:boundedBy>
<gml:gridDomain><gml:Grid gml:id="DEM001-4" dimension="2"><gml:limits><gml:GridEnvelope>
<gml:low>0 0</gml:low><gml:high>{last_col} {last_row}</gml:high>
</gml:GridEnvelope></gml:limits><gml:axisLabels>x y</gml:axisLabels></gml:Grid></gml:gridDomain>
<gml:rangeSet><gml:DataBlock><gml:rangeParameters><gml:QuantityList uom="DEM構成点"/></gml:rangeParameters>
<gml:tupleList>
{tuples}
</gml:tupleList></gml:DataBlock></gml:rangeSet>
<gml:coverageFunction><gml:GridFunction><gml:sequenceRule order="{order}">Linear</gml:sequenceRule>
<gml:startPoint>{start}</gml:startPoint></gml:GridFunction></gml:coverageFunction>
</coverage></DEM></Dataset>
"""


def gsi_xml(
    height: FloatArray,
    bounds: tuple[float, float, float, float],
    datum: str = "fguuid:jgd2011.bl",
    order: str = "+x-y",
    encoding: str = "utf-8",
    skip: int = 0,
    leave_out: int = 0,
) -> bytes:
    """A mesh as the GSI writes it; the first `skip` and the last `leave_out` cells are not listed."""
    rows, cols = height.shape
    values = height.ravel()[skip : height.size - leave_out]
    tuples = "\n".join("データなし,-9999." if np.isnan(v) else f"地表面,{v:.2f}" for v in values)
    west, south, east, north = bounds
    text = _XML.format(
        encoding=encoding, mesh=53393500, datum=datum, south=south, west=west, north=north, east=east,
        last_col=cols - 1, last_row=rows - 1, tuples=tuples, order=order, start=f"{skip % cols} {skip // cols}",
    )  # fmt: skip
    return text.encode(encoding)


def plane(lon: FloatArray, lat: FloatArray, grid: Grid, rise: Sequence[float]) -> FloatArray:
    """Heights (m) of a plane that rises by `rise` metres per metre toward grid east and north, 100 m at the centre."""
    x, y = transformer(4326, grid.epsg).transform(lon, lat)
    west, south, east, north = grid.bounds
    return np.asarray(100.0 + rise[0] * (x - (west + east) / 2) + rise[1] * (y - (south + north) / 2), np.float32)


def lonlat_plane(
    bounds: tuple[float, float, float, float], shape: tuple[int, int], grid: Grid, rise: Sequence[float]
) -> FloatArray:
    """The plane at the cell centres of a rectangle in longitude and latitude, (y, x)."""
    west, south, east, north = bounds
    lon = west + (np.arange(shape[1]) + 0.5) * (east - west) / shape[1]
    lat = north - (np.arange(shape[0]) + 0.5) * (north - south) / shape[0]
    return plane(*np.meshgrid(lon, lat), grid, rise)


def write_lonlat(path: Path, height: FloatArray, bounds: tuple[float, float, float, float], **profile: object) -> Path:
    """Heights as a GeoTIFF in longitude and latitude."""
    west, south, east, north = bounds
    rows, cols = height.shape
    transform = Affine((east - west) / cols, 0, west, 0, -(north - south) / rows, north)
    plain = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": rows, "width": cols, "crs": "EPSG:4326"}
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **{**plain, "transform": transform, **profile}) as file:
        file.write(height.astype(file.dtypes[0]), 1)
    return path
