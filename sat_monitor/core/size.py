"""What an area with its error says: intervals and probabilities of a size (METHOD 13)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

#: The smallest size of the law's rows that satellites can speak of, m2 (METHOD 13).
SIZE_LIMIT_M2 = 500.0


@dataclass(frozen=True, slots=True)
class AreaInterval:
    """Bounds that hold the true area with a stated probability, m2."""

    low_m2: float
    high_m2: float


def area_interval_m2(area_m2: float, error_m2: float, level: float = 0.9) -> AreaInterval:
    """The central interval that holds the true area with probability `level`, normal error, never below zero."""
    reach = NormalDist().inv_cdf(0.5 + level / 2.0) * max(error_m2, 0.0)
    return AreaInterval(max(0.0, area_m2 - reach), area_m2 + reach)


def exceeds_probability(area_m2: float, error_m2: float, limit_m2: float = SIZE_LIMIT_M2) -> float:
    """Probability (0..1) that the true area exceeds `limit_m2`, with a normal error of one sigma `error_m2`."""
    if error_m2 <= 0.0:
        return float(area_m2 > limit_m2)
    return 1.0 - NormalDist(area_m2, error_m2).cdf(limit_m2)
