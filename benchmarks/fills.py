"""Fills of known outline, soil and date, blended into the real pixels of a Sentinel-2 cube.

A fill is a polygon in metres. Its share of each pixel is counted on a 1 m raster and blurred by what the instrument adds
to the pixel's own square, so that a 22 m square covers one or two pixels whole and ten in part. Soil is one of six kinds
whose reflectance varies with moisture from day to day; bright kinds are called cloud by the scene classification on part
of the dates, as Level-2A does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import from_origin
from scipy import ndimage
from shapely.affinity import rotate, translate
from shapely.geometry import Point, Polygon, box

#: Dry reflectance x 10,000 of B2, B3, B4, B8 (and B8A), B11: the range of the soil orders of Stoner and Baumgardner
#: (1981, Characteristic variations in reflectance of surface soils), and of crushed rock and concrete.
SOILS: Mapping[str, tuple[float, float, float, float, float]] = {
    "loam": (750, 1050, 1400, 2150, 2950),
    "dark loam": (450, 600, 800, 1300, 2000),
    "red clay": (500, 850, 1600, 2350, 2900),
    "sand": (1300, 1800, 2300, 3000, 3900),
    "gravel": (1500, 1700, 1900, 2200, 2500),
    "light silt": (1000, 1400, 1900, 2700, 3500),
}
BRIGHT = ("sand", "gravel", "light silt")
_COLUMN = {"B2": 0, "B3": 1, "B4": 2, "B8": 3, "B8A": 3, "B11": 4}
#: Reflectance of saturated soil as a share of dry (Lobell and Asner, 2002: half in the visible, less at 1.6 um).
_WET = (0.55, 0.55, 0.55, 0.55, 0.42)
#: Share of dates on which a bright fill is called cloud.
_CALLED_CLOUD = 0.4
#: What optics and detector add to the pixel's square: a Gaussian that brings the response at the Nyquist frequency to
#: about 0.28, within the 0.15 to 0.30 of the mission's requirement.
_BLUR_PX = 0.41
#: Classes under which the ground is in the picture: there the soil is mixed in, also where the forest looked dark.
_GROUND = (2, 4, 5, 6, 7)
#: Nominal areas, m2; the last class is drawn between its bounds.
SIZES = {"500 m2": (500.0, 500.0), "1,000 m2": (1000.0, 1000.0), "2,000+ m2": (2000.0, 6000.0)}
DURATIONS_DAYS = (0, 40)


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill: outline (m), size class, days from first to last load, first day (UTC), soil, seed of its days."""

    outline: Polygon
    size: str
    days: int
    start: date
    soil: str
    seed: int


def draw(cube: xr.Dataset, rng: np.random.Generator, most: int, period: tuple[date, date]) -> list[Fill]:
    """At most `most` fills in closed forest of a 10 m cube, 40 m apart from each other and from true loss."""
    ndvi = _summer(cube)
    left, top, pixel = _corner(cube)
    fell = np.nanmax(ndvi[:2], axis=0) - np.nanmin(ndvi[2:], axis=0) > 0.15
    taken = fell | ~(np.nanmin(ndvi[:2], axis=0) > 0.65)
    shape = taken.shape
    fills: list[Fill] = []
    for _ in range(200 * most):
        if len(fills) == most:
            break
        size = list(SIZES)[len(fills) % len(SIZES)]
        x, y = left + rng.uniform(60, shape[1] * pixel - 60), top - rng.uniform(60, shape[0] * pixel - 60)
        outline = _outline(rng, rng.uniform(*SIZES[size]), x, y)
        around = rasterize([(outline.buffer(40.0), 1)], shape, transform=from_origin(left, top, pixel, pixel)) > 0
        if (around & taken).any():
            continue
        taken |= around
        start = date.fromordinal(int(rng.integers(period[0].toordinal(), period[1].toordinal())))
        soil = list(SOILS)[int(rng.integers(len(SOILS)))]
        days = DURATIONS_DAYS[int(rng.integers(len(DURATIONS_DAYS)))]
        fills.append(Fill(outline, size, days, start, soil, int(rng.integers(1 << 31))))
    return fills


def blended(cube: xr.Dataset, fills: list[Fill]) -> xr.Dataset:
    """A copy of a cube (10 m or 20 m; rows north to south) with the fills in every look; cloud and gaps stay as they are."""
    cube = cube.copy(deep=True)
    for fill in fills:
        whole = share_of(fill.outline, cube)
        window = _window(whole)
        for k, moment in enumerate(cube.time.values):
            day = date.fromisoformat(str(moment)[:10])
            done = _progress(fill, day)
            if done > 0.0:
                _lay(cube, k, (window, whole[window] * done), fill, day)
    return cube


def share_of(outline: Polygon, cube: xr.Dataset) -> NDArray[np.float64]:
    """Share of every pixel (y, x) that the outline fills, 0..1, as the instrument sees it."""
    left, top, pixel = _corner(cube)
    height, width, fine = cube.sizes["y"], cube.sizes["x"], round(pixel)
    metre = from_origin(left, top, pixel / fine, pixel / fine)
    drawn = rasterize([(outline, 1)], (height * fine, width * fine), transform=metre)
    share = drawn.reshape(height, fine, width, fine).mean(axis=(1, 3))
    return np.asarray(ndimage.gaussian_filter(share, _BLUR_PX))


def clear_days(cube: xr.Dataset, fill: Fill) -> list[date]:
    """Days on which most of the fill is seen, by the classification before anything was blended."""
    inside = share_of(fill.outline, cube) > 0.1
    seen = np.isin(cube.SCL.values[:, inside], (4, 5)).mean(axis=1) >= 0.5
    return [date.fromisoformat(str(moment)[:10]) for moment in cube.time.values[seen]]


def _progress(fill: Fill, day: date) -> float:
    """Share of the fill that lies there on a day: loads come evenly."""
    elapsed = (day - fill.start).days
    return float(elapsed >= 0) if fill.days == 0 else float(np.clip(elapsed / fill.days, 0.0, 1.0))


def _lay(
    cube: xr.Dataset, k: int, where: tuple[tuple[slice, slice], NDArray[np.float64]], fill: Fill, day: date
) -> None:
    """Mix the soil of a day into look `k`."""
    window, share = where
    rng = np.random.default_rng((fill.seed, day.toordinal()))
    wetness, called_cloud, tone = rng.beta(1.2, 2.0), rng.random() < _CALLED_CLOUD, rng.normal(1.0, 0.05)
    texture = 1.0 + rng.normal(0.0, 0.04, share.shape)
    clear = np.isin(cube.SCL.values[k][window], _GROUND)
    for band in sorted(set(map(str, cube.data_vars)) & set(_COLUMN)):
        column = _COLUMN[band]
        soil = SOILS[fill.soil][column] * (1.0 - (1.0 - _WET[column]) * wetness) * tone * texture
        values = cube[band].values[k][window]
        cube[band].values[k][window] = np.where(clear, (1.0 - share) * values + share * soil, values)
    mostly = clear & (share > 0.5)
    classes = cube.SCL.values[k][window]
    bright = fill.soil in BRIGHT and called_cloud and wetness < 0.5
    cube.SCL.values[k][window] = np.where(mostly, 8.0 if bright else 5.0, classes)


def _summer(cube: xr.Dataset) -> NDArray[np.float64]:
    """Median NDVI of June to September of each year, (year, y, x)."""
    ndvi = ((cube.B8 - cube.B4) / (cube.B8 + cube.B4)).where(cube.SCL.isin([4, 5]))
    months = ndvi.sel(time=ndvi.time.dt.month.isin([6, 7, 8, 9]))
    return np.asarray(months.groupby("time.year").median().transpose("year", "y", "x").values)


def _outline(rng: np.random.Generator, area_m2: float, x: float, y: float) -> Polygon:
    """A square turned at random, or a circle, around a place in metres."""
    if rng.random() < 0.5:
        half = np.sqrt(area_m2) / 2.0
        return translate(rotate(box(-half, -half, half, half), rng.uniform(0.0, 90.0)), x, y)
    return Point(x, y).buffer(float(np.sqrt(area_m2 / np.pi)), 32)


def _window(share: NDArray[np.float64]) -> tuple[slice, slice]:
    rows, cols = np.nonzero(share > 1e-3)
    return slice(int(rows.min()), int(rows.max()) + 1), slice(int(cols.min()), int(cols.max()) + 1)


def _corner(cube: xr.Dataset) -> tuple[float, float, float]:
    """West edge, north edge and pixel side of a cube whose rows run north to south, metres."""
    pixel = float(cube.x[1] - cube.x[0])
    return float(cube.x.min()) - pixel / 2, float(cube.y.max()) + pixel / 2, pixel
