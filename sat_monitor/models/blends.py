"""Events of known outline blended into real pictures: real texture, real seasons and sensors, known truth.

Ground is copied from elsewhere in the same picture: built or bare ground over what was there is a conversion; plants,
water, and built ground in the earlier picture only are changes that are none. Where what is pasted looks like what it
covers, nobody could tell, and the pixel has no weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.models.bands import Answer

#: Side of a copied piece; sub-pixels per side with which outlines are drawn.
PIECE_PX = 40
_FINE = 4
#: Events per 100 x 100 pixels; the part of them that are conversions; of the rest, plants or water, and old buildings gone.
_DENSITY, _CONVERSIONS, _PLANTS = 9.0, 0.62, 0.7
#: Least contrast of a conversion with what it covers, as a part of the picture's spread, to be sure that it shows.
_CONTRAST = 0.55
#: Real change between the pictures that nobody drew: contrast beyond which a pixel outside of events has no weight.
_STRANGE = 3.5
#: Parcels per 100 x 100 pixels whose colour a season changes, and by how much of the picture's spread.
_PARCELS, _SEASON_SD = 10.0, 0.5
_TRIES = 500


class Material(Enum):
    """Ground to copy."""

    BUILT = "built"
    PLANTS = "plants"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Scenery:
    """Registered pictures (band, y, x) float32 of one place, NaN where not seen, and where to copy ground from.

    By picture, `places` are the top-left corners (n, 2) of pieces of PIECE_PX that are mostly of one material, and
    `spreads` the standard deviations.
    """

    pictures: tuple[FloatArray, ...]
    places: tuple[Mapping[Material, NDArray[np.int64]], ...]
    spreads: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Blend:
    """Two pictures (band, y, x); truth and weight of each answer, (answer, y, x) float32."""

    before: FloatArray
    after: FloatArray
    truth: FloatArray
    weight: FloatArray


def scenery(
    pictures: Sequence[FloatArray], materials: Sequence[Mapping[Material, BoolArray]], least: float = 0.6
) -> Scenery:
    """Pictures with the places where `least` of a piece is of one material; `materials` are masks (y, x) by picture."""
    places = []
    for masks in materials:
        found = {}
        for material, mask in masks.items():
            share = ndimage.uniform_filter(mask.astype(np.float32), PIECE_PX, mode="constant")
            half = PIECE_PX // 2
            inner = share[half : -half + 1, half : -half + 1]
            corners = np.argwhere(inner > least)
            found[material] = corners[:: max(1, len(corners) // 20_000)]
        places.append(found)
    return Scenery(tuple(pictures), tuple(places), tuple(float(np.nanstd(p)) or 1.0 for p in pictures))


def blended(place: Scenery, side: int, rng: np.random.Generator, conversions: float = _CONVERSIONS) -> Blend:
    """A square of a scenery with events; `conversions` is the part of events that are one."""
    first, second = (int(n) for n in rng.integers(0, len(place.pictures), 2))
    cut = _cut(place, (first, second), side, rng)
    before, after = _jittered(place.pictures[first][cut], rng), _jittered(place.pictures[second][cut], rng)
    spread = float(np.nanstd(before)) or 1.0
    known = np.ones((side, side), np.float32)
    if first != second:
        known[_contrast(before, after) > _STRANGE * spread] = 0.0
    canvas = _Canvas(_seasons(before, spread, rng), after, spread, known, place, (first, second), conversions)
    for _ in range(rng.poisson(_DENSITY * (side / 100.0) ** 2 * rng.uniform(0.1, 1.6))):
        canvas.event(rng)
    return canvas.blend()


class _Canvas:
    """Two pictures on which events are drawn, and what is true of them."""

    def __init__(
        self, before: FloatArray, after: FloatArray, spread: float, known: FloatArray, place: Scenery,
        which: tuple[int, int], conversions: float,
    ) -> None:  # fmt: skip
        self.pictures, self.spread, self.known = [before, after], spread, known
        self.place, self.which, self.conversions = place, which, conversions
        self.conversion, self.change = np.zeros_like(known), np.zeros_like(known)

    def event(self, rng: np.random.Generator) -> None:
        """One event: built ground over the later picture, plants or water over it, or built ground before only."""
        side = len(self.known)
        shape = outline(side, rng)
        converts = rng.random() < self.conversions
        later = converts or rng.random() < _PLANTS
        material = Material.BUILT
        if later and not converts:
            material = Material.PLANTS if rng.random() < 0.8 else Material.DARK
        if not converts and (self.conversion * shape).any():
            return
        picture = 1 if later else 0
        piece = _piece(self.place, self.which[picture], material, rng)
        if piece is None:
            return
        placed, other = _placed(piece, side, rng), self.pictures[1 - picture]
        plain = _contrast(other, placed)[shape > 0.5]
        sure = plain.size > 0 and float(np.nanmedian(plain)) > _CONTRAST * self.spread
        self.pictures[picture] = _pasted(self.pictures[picture], placed, shape)
        self.change = np.maximum(self.change, shape)
        self.conversion = np.maximum(self.conversion, shape) if converts else self.conversion
        self.known[shape > 0.1] = 1.0 if sure else 0.0

    def blend(self) -> Blend:
        """What was drawn. Of lost plants nothing is known."""
        before, after = self.pictures
        seen = np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0)
        known = np.where(seen, self.known, np.float32(0.0))
        nothing = np.zeros_like(known)
        # Plants or water over what looks alike are no conversion for sure; only of a change nobody could tell.
        only = np.where(seen & (self.conversion == 0.0), np.float32(1.0), known)
        truth = {Answer.CONVERSION: self.conversion, Answer.LOSS: nothing, Answer.CHANGE: self.change}
        weight = {Answer.CONVERSION: only * self._natural(), Answer.LOSS: nothing, Answer.CHANGE: known}
        return Blend(before, after, np.stack(list(truth.values())), np.stack(list(weight.values())))

    def _natural(self) -> FloatArray:
        """Nought where the pictures differ and nobody drew it."""
        return np.where((self.known == 0.0) & (self.change == 0.0), np.float32(0.0), np.float32(1.0))


def _cut(place: Scenery, which: tuple[int, int], side: int, rng: np.random.Generator) -> tuple[slice, slice, slice]:
    """A square of which both pictures see half at least.

    Raises ValueError where there is none to be found.
    """
    height, width = place.pictures[0].shape[1:]
    for _ in range(_TRIES):
        row, col = int(rng.integers(0, height - side + 1)), int(rng.integers(0, width - side + 1))
        cut = np.s_[:, row : row + side, col : col + side]
        if all(np.isfinite(place.pictures[n][cut]).mean() > 0.5 for n in which):
            return cut
    raise ValueError(f"no square of {side} pixels is half seen in {_TRIES} tries")


def outline(side: int, rng: np.random.Generator) -> FloatArray:
    """Part of each pixel (y, x) inside a building or a few, a site of works, or a road, somewhere on a square."""
    canvas = Image.new("L", (side * _FINE, side * _FINE))
    draw = ImageDraw.Draw(canvas)
    middle = rng.uniform(0, side, 2)
    kind = rng.random()
    if kind < 0.5:
        for _ in range(int(rng.integers(1, 6))):
            long, wide = np.exp(rng.uniform(np.log(1.2), np.log(16.0))), np.exp(rng.uniform(np.log(1.2), np.log(8.0)))
            _rectangle(draw, middle + rng.normal(0, 6, 2), long, wide, rng.uniform(0, np.pi))
    elif kind < 0.8:
        radius = np.exp(rng.uniform(np.log(1.5), np.log(18.0)))
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        waves = sum(rng.normal(0, 0.22 / n) * np.cos(n * angles + rng.uniform(0, 6.3)) for n in range(1, 5))
        ring = middle + np.stack([np.cos(angles) * rng.uniform(0.5, 1.0), np.sin(angles)], 1) * (
            radius * (1.0 + np.asarray(waves))[:, None]
        )
        draw.polygon([tuple(p * _FINE) for p in ring], fill=255)
    else:
        heading, points = rng.uniform(0, 2 * np.pi), [middle]
        for _ in range(int(rng.integers(2, 8))):
            heading += rng.normal(0, 0.35)
            points.append(points[-1] + rng.uniform(5, 16) * np.array([np.cos(heading), np.sin(heading)]))
        draw.line(
            [tuple(p * _FINE) for p in points], fill=255, width=round(_FINE * rng.uniform(0.8, 3.0)), joint="curve"
        )
    fine = np.asarray(canvas, np.float32) / 255.0
    return np.asarray(fine.reshape(side, _FINE, side, _FINE).mean(axis=(1, 3)), np.float32)


def _rectangle(draw: ImageDraw.ImageDraw, at: NDArray[np.float64], long: float, wide: float, angle: float) -> None:
    along = np.array([np.cos(angle), np.sin(angle)]) * long / 2.0
    across = np.array([-np.sin(angle), np.cos(angle)]) * wide / 2.0
    corners = (at + along + across, at + along - across, at - along - across, at - along + across)
    draw.polygon([tuple(c * _FINE) for c in corners], fill=255)


def _piece(place: Scenery, picture: int, material: Material, rng: np.random.Generator) -> FloatArray | None:
    """Ground of a material from anywhere in a picture, brighter or darker than it was; None where there is none."""
    corners = place.places[picture].get(material)
    if corners is None or not len(corners):
        return None
    row, col = corners[rng.integers(len(corners))]
    piece = place.pictures[picture][:, row : row + PIECE_PX, col : col + PIECE_PX].copy()
    middle = np.nanmean(piece, axis=(1, 2), keepdims=True)
    if not np.isfinite(middle).all():
        return None
    piece = np.where(np.isfinite(piece), piece, middle)
    if material is Material.BUILT:
        # Roofs and fresh soil are smoother and brighter than the town they are copied from; tints differ.
        smooth, tint = rng.uniform(0.2, 1.0), rng.normal(0.0, 0.06, (len(piece), 1, 1))
        lift = place.spreads[picture] * (rng.uniform(-0.3, 1.6) + tint * 4.0)
        piece = middle + (piece - middle) * smooth + lift
    return np.asarray(np.rot90(piece, int(rng.integers(4)), (1, 2)), np.float32)


def _placed(piece: FloatArray, side: int, rng: np.random.Generator) -> FloatArray:
    """A piece repeated by mirrors over a whole square."""
    shift = rng.integers(0, PIECE_PX, 2)
    many = -(-(side + PIECE_PX) // PIECE_PX)
    wide = np.pad(piece, ((0, 0), (0, PIECE_PX * (many - 1)), (0, PIECE_PX * (many - 1))), mode="symmetric")
    return wide[:, shift[0] : shift[0] + side, shift[1] : shift[1] + side]


def _pasted(picture: FloatArray, ground: FloatArray, shape: FloatArray) -> FloatArray:
    return np.asarray(picture * (1.0 - shape) + ground * shape, np.float32)


def _contrast(one: FloatArray, other: FloatArray) -> FloatArray:
    """Mean over bands of the difference of smoothed pictures, (y, x)."""
    difference = np.abs(ndimage.uniform_filter(np.nan_to_num(one - other), (0, 3, 3)))
    return np.asarray(difference.mean(axis=0), np.float32)


def _jittered(picture: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A picture as another day would show it: gain, haze, blur, noise, and a shift of less than a pixel."""
    seen = np.isfinite(picture)
    spread = float(np.nanstd(picture)) or 1.0
    middle = np.nanmean(picture) if seen.any() else 0.0
    values = np.where(seen, picture, middle)
    values = ndimage.shift(values, (0, *rng.normal(0.0, 0.25, 2)), order=1, mode="nearest")
    if rng.random() < 0.3:
        values = ndimage.gaussian_filter(values, (0, *([rng.uniform(0.2, 0.8)] * 2)))
    bands = len(picture)
    values = values * rng.normal(1.0, 0.06, (bands, 1, 1)) + rng.normal(0.0, 0.1 * spread, (bands, 1, 1))
    values += rng.standard_normal(values.shape) * spread * rng.uniform(0.01, 0.08)
    return np.where(seen, values, np.nan).astype(np.float32)


def _seasons(picture: FloatArray, spread: float, rng: np.random.Generator) -> FloatArray:
    """A picture whose parcels, and whole stretches of ground, have other colours: crops and leaves, no conversion."""
    bands, height, width = picture.shape
    centres = rng.uniform(0, (height, width), (max(2, rng.poisson(_PARCELS * height * width / 1e4)), 2))
    rows, cols = np.mgrid[0:height, 0:width]
    nearest = np.argmin((rows[..., None] - centres[:, 0]) ** 2 + (cols[..., None] - centres[:, 1]) ** 2, axis=-1)
    moved = rng.random(len(centres)) < rng.uniform(0.0, 0.4)
    common, own = rng.normal(0.0, 1.0, (len(centres), 1)), rng.normal(0.0, 0.5, (len(centres), bands))
    shifts = (common + own) * moved[:, None] * _SEASON_SD * spread
    soft = ndimage.zoom(rng.standard_normal((8, 8)), (height / 8.0, width / 8.0), order=3)
    soft *= rng.uniform(0.0, 0.3) * spread / max(float(soft.std()), 1e-6)
    return np.asarray(picture + np.moveaxis(shifts[nearest], -1, 0) + soft, np.float32)
