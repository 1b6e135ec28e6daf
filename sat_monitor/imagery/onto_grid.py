"""Local single-band files onto a grid, with odc-stac; what describes them is their own header."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from shapely.geometry import mapping

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.cog import GDAL_OPTIONS
from sat_monitor.imagery.geotiff import open_geotiff

_PROJ = "https://stac-extensions.github.io/projection/v1.1.0/schema.json"
_RASTER = "https://stac-extensions.github.io/raster/v1.1.0/schema.json"
#: The catalogue's times and places were compared before; the library wants some.
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def onto_grid(
    files: Mapping[str, Path], grid: Grid, resampling: str = "nearest", no_data: float = 0.0
) -> dict[str, FloatArray]:
    """Files by band on `grid`, (y, x) float32 in the files' own units; NaN outside them and where they have no data.

    `no_data` is the value that means so in files that do not say. Raises SceneReject E1105 where a file does not decode.
    """
    import pystac
    from odc.geo.geobox import GeoBox
    from odc.stac import load

    item = pystac.Item("copy", mapping(grid.footprint_lonlat), list(grid.footprint_lonlat.bounds), _SOME_TIME, {})
    item.stac_extensions = [_PROJ, _RASTER]
    box_of_grid = GeoBox(grid.shape, grid.affine, f"EPSG:{grid.epsg}")
    try:
        with rasterio.Env(**GDAL_OPTIONS):
            facts = {band: _facts(path, no_data) for band, path in files.items()}
            for band, path in files.items():
                item.add_asset(band, pystac.Asset(str(path), None, None, "image/tiff", ["data"], facts[band]))
            loaded = load([item], list(files), geobox=box_of_grid, groupby="id", resampling=resampling)
    except (RasterioError, ValueError) as error:
        raise SceneReject("E1105", f"a copy does not decode: {error}", "nothing of this scene") from error
    return {band: _plain(loaded[band].to_numpy()[0], facts[band]) for band in files}


def _facts(path: Path, no_data: float) -> dict[str, Any]:
    with open_geotiff(path) as file:
        code = file.crs.to_epsg()
        crs = {"proj:epsg": code} if code else {"proj:epsg": None, "proj:wkt2": file.crs.to_wkt()}
        band = {"data_type": file.dtypes[0], "nodata": _json_number(no_data if file.nodata is None else file.nodata)}
        return {
            **crs,
            "proj:shape": list(file.shape),
            "proj:transform": list(file.transform)[:6],
            "raster:bands": [band],
        }


def _json_number(value: float) -> float | str:
    """A number as the raster extension writes it."""
    return "nan" if np.isnan(value) else value


def _plain(values: np.ndarray, facts: Mapping[str, Any]) -> FloatArray:
    nodata = facts["raster:bands"][0]["nodata"]
    missing = ~np.isfinite(values) if nodata == "nan" else (values == nodata) | ~np.isfinite(values)
    return np.where(missing, np.float32(np.nan), values.astype(np.float32))
