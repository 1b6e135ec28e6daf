"""Chips of real pictures with blended events: readers of a folder of pictures, each band list a table row.

The folder holds sets by name; a set that is absent is left out, and the card says which were there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from scipy import ndimage

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.models.bands import (
    OPTICAL,
    RADAR,
    Answer,
    Pair,
    Side,
    empty_optical,
    empty_radar,
    levelled,
    levelled_db,
)
from sat_monitor.models.blends import Blend, Material, Scenery, blended, scenery
from sat_monitor.models.chips import Chip

#: Grey levels of clouds and of their shadows in the pictures of Tama; margin around clouds, pixels.
_CLOUD, _CLOUD_MARGIN = 185.0, 7
#: The pictures are split by columns: validation takes what lies east of this part of the width.
_SPLIT = 0.78
#: (dB + 25) / 30 in 0..1.
_DB_RANGE, _DB_LEAST = 30.0, -25.0
#: Least part of a piece of radar that must be of its material: towns are never bright all over.
_RADAR_PIECE = 0.4
_SIDE = 192


@dataclass(frozen=True, slots=True)
class RealSet:
    """A scenery with the bands of its pictures."""

    name: str
    bands: tuple[str, ...]
    place: Scenery


def real_sets(folder: Path, validation: bool = False) -> list[RealSet]:
    """The sets that a folder holds: pictures over Tama (RGB), radar of towns and mountains (VV)."""
    found = []
    if (folder / "tama_rgb").is_dir():
        found.append(RealSet("tama_rgb", ("B04", "B03", "B02"), _tama(folder / "tama_rgb", validation)))
    for first in sorted((folder / "s1_vv_pairs").glob("*_t1.tif")):
        held_out = "norcia" in first.name or "hongkong" in first.name
        if held_out == validation:
            found.append(RealSet(first.stem[:-3], ("VV",), _radar(first)))
    return found


def real_chips(which: RealSet, count: int, seed: int, side: int = _SIDE) -> Iterator[Chip]:
    """`count` chips of `side` pixels with events blended in; the same ones every time."""
    rng = np.random.default_rng([seed, 91])
    made = 0
    while made < count:
        blend = blended(which.place, side, rng)
        if blend.weight[Answer.CHANGE].mean() < 0.5:
            continue
        made += 1
        yield chip_of(blend, which)


def chip_of(blend: Blend, which: RealSet) -> Chip:
    """A blend as a chip: its pictures brought to the level that the network knows."""
    shape = blend.weight.shape[1], blend.weight.shape[2]
    optical = which.bands[0] in OPTICAL
    level = levelled if optical else levelled_db
    sides = []
    for values in level(blend.before, blend.after, which.bands):
        bands, echoes = empty_optical(shape), empty_radar(shape)
        known, target = (OPTICAL, bands) if optical else (RADAR, echoes)
        for band, plane in zip(which.bands, values, strict=True):
            target[known.index(band)] = plane
        sides.append(Side(bands, echoes))
    pair = Pair(sides[0], sides[1], np.full(shape, np.nan, np.float32))
    return Chip(pair, blend.truth, blend.weight, f"blend {which.name}", geometry=False)


def _tama(folder: Path, validation: bool) -> Scenery:
    pictures, materials = [], []
    for path in sorted(folder.glob("*.tif")):
        picture = _read(path)
        width = picture.shape[2]
        split = int(_SPLIT * width)
        picture = picture[:, :, split:] if validation else picture[:, :, :split]
        empty = (picture == 0.0).all(axis=0)
        # Single bright roofs are no clouds: what is narrower than five pixels stays.
        bright = ndimage.binary_opening(picture.min(axis=0) > _CLOUD, iterations=2)
        cloud = ndimage.binary_dilation(bright, iterations=_CLOUD_MARGIN)
        picture = np.where(empty | cloud, np.nan, picture).astype(np.float32)
        pictures.append(picture)
        materials.append(_rgb_materials(picture))
    whole = np.logical_and.reduce([np.isfinite(p).all(axis=0) for p in pictures])
    rows, cols = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.mean(axis=0) > 0.1)
    cut = np.s_[..., rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    masks = [{name: mask[cut] for name, mask in found.items()} for found in materials]
    return scenery([p[cut] for p in pictures], masks)


def _rgb_materials(picture: FloatArray) -> dict[Material, BoolArray]:
    red, green, blue = picture
    light = picture.mean(axis=0)
    greenness = (2.0 * green - red - blue) / np.maximum(light, 1.0)
    seen = np.isfinite(light)
    middle = np.nanmedian(light)
    low, high = np.nanpercentile(greenness, [40, 60])
    return {
        Material.BUILT: seen & (light > middle) & (greenness < low),
        Material.PLANTS: seen & (light < middle) & (greenness > high),
        Material.DARK: seen & (light < np.nanpercentile(light, 15)),
    }


def _radar(first: Path) -> Scenery:
    """Two dates of one place, dB. Towns and bare rock are bright or textured; still water and roads are dark."""
    pictures = [
        np.where(p > 0.0, p * _DB_RANGE + _DB_LEAST, np.nan).astype(np.float32)
        for p in (_read(first), _read(first.with_name(first.name.replace("_t1", "_t2"))))
    ]
    materials = []
    for picture in pictures:
        level = ndimage.uniform_filter(np.nan_to_num(picture[0], nan=-25.0), 5)
        materials.append(
            {
                Material.BUILT: level > max(-6.5, float(np.percentile(level, 80))),
                Material.PLANTS: (level > -11.0) & (level < -8.0),
                Material.DARK: level < -15.0,
            }
        )
    return scenery(pictures, materials, _RADAR_PIECE)


def _read(path: Path) -> FloatArray:
    with rasterio.open(path) as source:
        return np.asarray(source.read(), np.float32)
