"""The statistics of accuracy statements: shares, rates, ranks and weights, each with its 95 % interval; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Numbers = NDArray[np.float64]

#: The 97.5 % quantile of the normal distribution: half width of a 95 % interval, in sigmas.
Z95 = 1.959963984540054
#: Draws of a bootstrap or of a posterior, and their seed: the same data give the same interval.
_DRAWS, _SEED = 2000, 0


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval in the unit of its figure."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `total` with the Wilson interval; both may be weighted, then `effective` is the number of independent ones.

    `value` is None where there is nothing to divide by.
    """

    hits: float
    total: float
    effective: float

    @property
    def value(self) -> float | None:
        """The share, 0..1."""
        return self.hits / self.total if self.total > 0.0 else None

    @property
    def interval(self) -> Interval:
        """Wilson interval, 0..1."""
        return wilson(self.value or 0.0, self.effective)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; `value` is None where it is undefined."""

    value: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Median and quartiles of `count` values, None where there are none."""

    count: int
    lower: float | None
    median: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Ranked:
    """Alarms and truth for average precision, one row each: `score` (NaN = truth that nothing found), `truth`, `group`."""

    score: Numbers
    truth: NDArray[np.bool_]
    group: NDArray[np.int64]


def wilson(share: float, total: float) -> Interval:
    """95 % interval of a binomial share of `total` trials (Wilson, 1927); 0..1 where there were none."""
    if total <= 0.0:
        return Interval(0.0, 1.0)
    z2 = Z95**2
    middle = share + z2 / (2.0 * total)
    half = Z95 * np.sqrt(share * (1.0 - share) / total + z2 / (4.0 * total**2))
    scale = 1.0 + z2 / total
    return Interval(max(0.0, float((middle - half) / scale)), min(1.0, float((middle + half) / scale)))


def share_of(hits: Sequence[bool], weights: Sequence[float] | None = None) -> Share:
    """The share of True, each counted with its weight (1 where none are given).

    With weights 1 / inclusion probability this is the Hajek estimator of the share in the whole population (Sarndal et
    al., 1992, ch. 5); its interval uses Kish's effective sample size (sum w)^2 / sum w^2. Raises ValueError where a
    weight is not positive.
    """
    w = np.ones(len(hits)) if weights is None else np.asarray(weights, float)
    if w.size and not (np.isfinite(w).all() and (w > 0.0).all()):
        raise ValueError(f"weights must be positive: {w.min()} to {w.max()}")
    total = float(w.sum())
    effective = total**2 / float(np.square(w).sum()) if w.size else 0.0
    return Share(float(w[np.asarray(hits, bool)].sum()), total, effective)


def poisson_rate(count: int, exposure: float) -> Estimate:
    """Events per unit of exposure with the exact interval (Garwood, 1936); undefined without exposure."""
    if exposure <= 0.0:
        return Estimate(None, None)
    low = chi2.ppf(0.025, 2 * count) / 2.0 if count else 0.0
    return Estimate(
        count / exposure, Interval(float(low) / exposure, float(chi2.ppf(0.975, 2 * count + 2)) / 2.0 / exposure)
    )


def quartiles(values: Sequence[float]) -> Quartiles:
    """Median and quartiles (linear between neighbours)."""
    if not values:
        return Quartiles(0, None, None, None)
    lower, median, upper = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    return Quartiles(len(values), lower, median, upper)


def average_precision(score: Numbers, truth: NDArray[np.bool_], weight: Numbers | None = None) -> float:
    """Sum over falling scores of the step of recall times the precision there; equal scores are one step.

    Truth with score NaN was never found: it counts in the recall alone. NaN where there is no truth.
    """
    w = np.ones(len(score)) if weight is None else weight
    total = float(w[truth].sum())
    if total <= 0.0:
        return float("nan")
    curve = precision_recall(score, truth, w)
    return float(np.sum(np.diff(curve.recall, prepend=0.0) * curve.precision))


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision and recall at each distinct score, falling."""

    score: Numbers
    precision: Numbers
    recall: Numbers


def precision_recall(score: Numbers, truth: NDArray[np.bool_], weight: Numbers | None = None) -> Curve:
    """The curve behind `average_precision`; empty where nothing has a score."""
    w = np.ones(len(score)) if weight is None else weight
    there = np.isfinite(score)
    order = np.argsort(-score[there], kind="stable")
    s, t, v = score[there][order], truth[there][order], w[there][order]
    last = np.flatnonzero(np.append(np.diff(s) != 0.0, True)) if s.size else np.zeros(0, np.intp)
    right, all_ = np.cumsum(v * t)[last], np.cumsum(v)[last]
    precision = np.divide(right, all_, out=np.zeros_like(right), where=all_ > 0.0)
    return Curve(s[last], precision, right / max(float(w[truth].sum()), 1e-300))


def ranked_precision(ranked: Ranked) -> Estimate:
    """Average precision with a bootstrap over groups: whole groups are drawn again, for neighbours are not independent."""
    value = average_precision(ranked.score, ranked.truth)
    if not np.isfinite(value):
        return Estimate(None, None)
    names, member = np.unique(ranked.group, return_inverse=True)
    rng = np.random.default_rng(_SEED)
    draws = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=_DRAWS)
    found = np.array([average_precision(ranked.score, ranked.truth, draw[member].astype(float)) for draw in draws])
    low, high = np.nanquantile(found, [0.025, 0.975])
    return Estimate(value, Interval(float(low), float(high)))


def users_accuracy_at(prevalence: float, found: Share, false_count: int, km2_years: float) -> Estimate:
    """User's accuracy where `prevalence` earthworks begin per km2 and year (METHOD 22).

    p PA / (p PA + F) with the producer's accuracy PA and F false sites per km2 and year. The interval is that of the
    posteriors Beta(k + 1/2, n - k + 1/2) and Gamma(F + 1/2) (Jeffreys); undefined without truth or exposure.
    """
    if found.value is None or km2_years <= 0.0:
        return Estimate(None, None)
    rng = np.random.default_rng(_SEED)
    right = prevalence * rng.beta(found.hits + 0.5, max(found.total - found.hits, 0.0) + 0.5, _DRAWS)
    wrong = rng.gamma(false_count + 0.5, 1.0, _DRAWS) / km2_years
    low, high = np.quantile(right / (right + wrong), [0.025, 0.975])
    right_rate, wrong_rate = prevalence * found.value, false_count / km2_years
    if right_rate + wrong_rate <= 0.0:
        return Estimate(None, Interval(float(low), float(high)))
    return Estimate(right_rate / (right_rate + wrong_rate), Interval(float(low), float(high)))
