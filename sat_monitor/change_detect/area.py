"""Area of a patch with its error, from the part of each pixel that was converted (METHOD 13).

A fill of 500 m2 touches ten pixels and fills one or two, so an area is the sum of pixel parts, not of pixels: a patch
holds only pixels that are converted by about a third or more, and the thin parts of its neighbours count as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from sat_monitor.core.domain import BoolArray, ChangeMap, FloatArray
from sat_monitor.core.profile import PatchSettings
from sat_monitor.core.units import edge_area_error_m2, pixel_area_m2

#: A pixel with its eight neighbours: how far the light of a converted pixel reaches.
NEIGHBOURS = np.ones((3, 3), bool)
#: Fraction of full conversion below which there is no end member to divide by: every pixel counts whole.
MIN_FRACTION = 0.2
#: NDVI between vegetation and bare ground below which a pixel cannot show how much of it was converted.
_MIN_REACH = 0.15
#: Red and near infrared reflectance of bare soil over that of green ground: a bright part weighs more in a mixed NDVI.
_SOIL_PER_GREEN = 1.2
#: Largest part that one look may report, either way: beyond it lies cloud, not ground.
_LIMIT = 1.3
#: Length of an edge over that of its pixel outline, averaged over all directions (Cauchy and Crofton).
_EDGE_PER_OUTLINE = np.pi / 4.0


@dataclass(frozen=True, slots=True)
class PatchArea:
    """An area, m2, and its one-sigma error, m2."""

    area_m2: float
    error_m2: float


def conversion(change: ChangeMap, bare_ndvi: float) -> FloatArray:
    """Converted part of each pixel on one optical look, (y, x) float32; signed, so that noise about none sums to none.

    f = (expected - observed) / (expected - bare) NDVI, and f / (f + (1 - f) k) the area that shows it, for NDVI mixes
    in proportion to brightness and soil is k times as bright as green ground; 0 where blind or hardly green before.
    """
    observed, expected = change.layers["ndvi"].values, change.layers["ndvi_expected"].values
    reach = expected - np.float32(bare_ndvi)
    usable = change.valid & (reach > _MIN_REACH)
    part = np.where(usable, (expected - observed) / np.where(usable, reach, 1.0), 0.0)
    part = np.clip(part, -_LIMIT, _LIMIT)
    return np.asarray(part / (part + (1.0 - part) * _SOIL_PER_GREEN), np.float32)


def patch_area(
    fraction: FloatArray, patch: BoolArray, others: BoolArray, pixel_m: float, settings: PatchSettings
) -> PatchArea:
    """Area of `patch` from `fraction`, all (y, x), with a rim of at least one pixel; `others` are other patches.

    Sum of parts over the patch and its neighbours, divided by the part e that a wholly converted pixel shows: a prior
    of 1 that weighs as one pixel against the median of the n pixels whose neighbours are all in the patch,
    e = (1 + n median) / (1 + n) with sd s / sqrt(1 + n). The error joins that of e, the noise of the parts, and an edge
    that lies wholly in or out by `edge_error_m`.
    """
    pixel = pixel_area_m2(pixel_m)
    inner = patch & ndimage.binary_erosion(patch, NEIGHBOURS)
    count = int(inner.sum())
    full = (1.0 + count * float(np.median(fraction[inner]))) / (1.0 + count) if count else 1.0
    edge = edge_area_error_m2(_EDGE_PER_OUTLINE * _outline_m(patch, pixel_m), settings.edge_error_m)
    if full < MIN_FRACTION or float(fraction[patch].mean()) < MIN_FRACTION * full:
        return PatchArea(pixel * int(patch.sum()), float(np.hypot(edge, pixel)))
    near = ndimage.binary_dilation(patch, NEIGHBOURS) & ~others
    area = pixel * float(fraction[near].sum()) / full
    member = area * settings.end_member_sd / (full * np.sqrt(1.0 + count))
    noise = pixel * settings.fraction_sd * np.sqrt(near.sum()) / full
    return PatchArea(max(area, 0.0), float(np.sqrt(member**2 + noise**2 + edge**2)))


def _outline_m(patch: BoolArray, pixel_m: float) -> float:
    """Length of the pixel outline of a mask (y, x), m."""
    framed = np.pad(patch, 1).astype(np.int8)
    sides = np.abs(np.diff(framed, axis=0)).sum() + np.abs(np.diff(framed, axis=1)).sum()
    return float(sides) * pixel_m
