"""Chips of pairs that people labelled: two Landsat images of a city, masks of change and of no change, blank elsewhere.

The same images serve as six-band scenery for blended events; a city that is scored gives neither.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.models.bands import OPTICAL, Answer, Pair, Side, empty_radar, levelled
from sat_monitor.models.blends import Material, scenery
from sat_monitor.models.chips import Chip, cropped
from sat_monitor.models.real_chips import RealSet, real_chips

_CHANGED, _UNCHANGED = "change.bmp", "unchanged.bmp"
#: Least B12 of dry ground and most NDVI of ground without plants.
_DRY, _PLANTS = 0.08, 0.4
#: Squares of labelled images, overlapping by half.
_SIDE = 192


def cities(folder: Path) -> dict[str, Path]:
    """Folders that hold a labelled pair, by name."""
    return {path.parent.name.lower(): path.parent for path in sorted(folder.glob(f"*/{_CHANGED}"))}


def labelled_pair(city: Path) -> Chip:
    """The pair of a city, whole: its truth where somebody labelled it, no weight elsewhere."""
    before, after = city_images(city)
    changed, unchanged = (_read(city / name)[0] > 127 for name in (_CHANGED, _UNCHANGED))
    shape = changed.shape[0], changed.shape[1]
    sides = (Side(values, empty_radar(shape)) for values in levelled(before, after, OPTICAL))
    before_side, after_side = sides
    truth, weight = (np.zeros((len(Answer), *shape), np.float32) for _ in range(2))
    truth[Answer.CHANGE], weight[Answer.CHANGE] = changed, changed | unchanged
    # The labels say that cover changed, not into what: only what turned bare or bright is a conversion.
    converted = changed & _built(before_side.optical, after_side.optical)
    truth[Answer.CONVERSION], weight[Answer.CONVERSION] = converted, unchanged | changed
    pair = Pair(before_side, after_side, np.full(shape, np.nan, np.float32))
    return Chip(pair, truth, weight, f"labelled {city.name}", geometry=False)


def labelled_chips(city: Path) -> Iterator[Chip]:
    """Squares of a city that hold labels."""
    whole = labelled_pair(city)
    height, width = whole.pair.shape
    for row in range(0, height - _SIDE + 1, _SIDE // 2):
        for col in range(0, width - _SIDE + 1, _SIDE // 2):
            chip = cropped(whole, slice(row, row + _SIDE), slice(col, col + _SIDE))
            if chip.weight[Answer.CHANGE].mean() > 0.005:
                yield chip


def blended_chips(city: Path, count: int, seed: int) -> Iterator[Chip]:
    """Squares of a city's images with events blended in, all six bands; what is labelled as changed has no weight."""
    images = [image.astype(np.float32) for image in city_images(city)]
    place = scenery(images, [_materials(image) for image in images])
    for chip in real_chips(RealSet(city.name.lower(), OPTICAL, place), count, seed):
        yield replace(chip, source=f"blend {city.name.lower()}")


def _built(before: FloatArray, after: FloatArray) -> BoolArray:
    """Ground that is now bare or built and no water: less green than before or brighter, and not dark in infrared."""
    near, red, far, light = OPTICAL.index("B08"), OPTICAL.index("B04"), OPTICAL.index("B12"), slice(0, 3)
    index = [(s[near] - s[red]) / np.maximum(s[near] + s[red], 0.02) for s in (before, after)]
    dry = (after[far] > _DRY) & (index[1] < _PLANTS)
    return np.asarray(dry & ((index[1] < index[0] - 0.1) | (after[light].mean(axis=0) > before[light].mean(axis=0))))


def _materials(image: FloatArray) -> dict[Material, BoolArray]:
    """Built ground, plants and water of a Landsat image by its near infrared, red and brightness."""
    blue, green, red, near, _, far = image
    index = (near - red) / np.maximum(near + red, 1.0)
    light = (blue + green + red) / 3.0
    low, high = np.percentile(index, [35, 65])
    return {
        Material.BUILT: (index < low) & (light > np.median(light)) & (far > np.median(far)),
        Material.PLANTS: index > high,
        Material.DARK: far < np.percentile(far, 10),
    }


def city_images(city: Path) -> tuple[FloatArray, FloatArray]:
    """Both images (6, y, x), the older first: the names of their files carry the year."""
    headers = sorted(path for path in city.iterdir() if path.suffix.lower() == ".hdr")
    first, second = (_read(header.with_suffix("")) for header in headers)
    return first, second


def _read(path: Path) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            return np.asarray(source.read(), np.float32)
