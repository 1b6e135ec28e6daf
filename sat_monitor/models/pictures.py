"""Pictures of unknown radiometry: what the network says, joined with how far the picture itself departs from what stayed.

A network that learned which changes last distrusts what crops and leaves do; on a pair of pictures of a town the plain
contrast knows more of any change at all. Both are joined by a logistic regression, whose coefficients stand on the card.
The contrast is counted in the picture's own spread of stable ground, so that no stretch and no sensor moves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage, optimize

from sat_monitor.core.domain import FloatArray
from sat_monitor.core.profile import Section
from sat_monitor.models.bands import OPTICAL, SPREADS, Pair
from sat_monitor.models.detection import Detection

Terms = tuple[float, float, float]
#: Kinds of pictures: with a near infrared or short-wave band, and without.
INFRARED, VISIBLE = "infrared", "visible"
#: Side of the mean over which differences are taken, pixels; contrast below which nothing is told apart.
_SMOOTH_PX, _LEAST = 3, 0.05
_FLOOR = 1e-7
#: Weight of the squares of the coefficients of the fit.
_RIDGE = 1e-3


class PictureTerms(Section):
    """Coefficients of the network's log-odds, of the contrast, and an offset, by answer."""

    conversion: Terms = Field((1.0, 0.0, 0.0), description="lasting conversion")
    change: Terms = Field((1.0, 0.0, 0.0), description="any change")


#: The network by itself.
ALONE = {INFRARED: PictureTerms(), VISIBLE: PictureTerms()}


@dataclass(frozen=True, slots=True)
class Sample:
    """Flat log-odds of the network, contrast, and truth of the pixels of one set."""

    odds: NDArray[np.float64]
    contrast: NDArray[np.float64]
    truth: NDArray[np.bool_]


def contrast(pair: Pair) -> FloatArray:
    """Contrast of the optical bands of a pair, (y, x), in spreads of stable ground above its middle; NaN where unseen.

    It is the logarithm of the root mean square over bands of the smoothed difference in spreads of a mixed landscape, less
    its median, over the distance from the median to the upper quartile.
    """
    difference = (pair.after.optical - pair.before.optical) / SPREADS[:, None, None]
    seen = np.isfinite(difference)
    bands = max(1, int(seen.any(axis=(1, 2)).sum()))
    smooth = ndimage.uniform_filter(np.where(seen, difference, 0.0), (0, _SMOOTH_PX, _SMOOTH_PX))
    size = np.log(np.sqrt((smooth**2).sum(axis=0) / bands) + _LEAST)
    size[~seen.any(axis=0)] = np.nan
    if not np.isfinite(size).any():
        return np.asarray(size, np.float32)
    middle, upper = np.nanquantile(size, (0.5, 0.75))
    return np.asarray((size - middle) / max(float(upper - middle), _FLOOR), np.float32)


def log_odds(probability: FloatArray) -> NDArray[np.float64]:
    """Log-odds of probabilities."""
    held = np.clip(probability.astype(np.float64), _FLOOR, 1.0 - _FLOOR)
    return np.asarray(np.log(held) - np.log1p(-held))


def joined(probability: FloatArray, sharp: FloatArray, terms: Terms) -> FloatArray:
    """The network's probability joined with the contrast, (y, x); as it was where there is no contrast."""
    of_network, of_contrast, offset = terms
    odds = of_network * log_odds(probability) + of_contrast * sharp + offset
    both = 1.0 / (1.0 + np.exp(-odds))
    return np.where(np.isfinite(sharp), both, probability).astype(np.float32)


def as_picture(found: Detection, pair: Pair, terms: Mapping[str, PictureTerms]) -> Detection:
    """A detection on pictures, its conversion and change joined with the contrast by the terms of their kind."""
    sharp, chosen = contrast(pair), terms[kind_of(pair)]
    return Detection(
        joined(found.conversion, sharp, chosen.conversion),
        found.loss,
        joined(found.change, sharp, chosen.change),
        found.uncertainty,
    )


def kind_of(pair: Pair) -> str:
    """Whether a pair has a band beyond red."""
    beyond = [row for row, band in enumerate(OPTICAL) if band not in ("B02", "B03", "B04")]
    return INFRARED if np.isfinite(pair.after.optical[beyond]).any() else VISIBLE


def fitted(samples: Sequence[Sample]) -> Terms:
    """Coefficients of network, contrast and offset by logistic regression; every set counts alike."""

    def loss(terms: NDArray[np.float64]) -> float:
        total = _RIDGE * float((terms[:2] ** 2).sum())
        for sample in samples:
            odds = terms[0] * sample.odds + terms[1] * sample.contrast + terms[2]
            total += float(np.mean(np.logaddexp(0.0, odds) - odds * sample.truth))
        return total

    found = optimize.minimize(loss, np.array([0.5, 0.5, 0.0]), method="BFGS").x
    return float(found[0]), float(found[1]), float(found[2])
