"""Shares and their changes with intervals, each row weighted by the inverse of its inclusion probability (METHOD 23)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

#: Quantile of a two-sided 95 % interval.
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Share:
    """A share (0..1) with its 95 % interval, of `rows` rows worth `effective_rows` equally weighted ones."""

    value: float
    low: float
    high: float
    rows: int
    effective_rows: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f}, n = {self.rows})"


@dataclass(frozen=True, slots=True)
class Change:
    """The difference of two shares (-1..1) with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def share_of(good: Sequence[bool], weights: Sequence[float]) -> Share | None:
    """Weighted share of `good` rows, None without rows. `weights` are positive, one per row.

    Value: Hajek's ratio of the weights; interval: Wilson's with Kish's effective number of rows, (sum w)^2 / sum w^2.
    """
    if not good:
        return None
    total = math.fsum(weights)
    value = math.fsum(w for w, is_good in zip(weights, good, strict=True) if is_good) / total
    effective = total**2 / math.fsum(w**2 for w in weights)
    spread = _Z**2 / effective
    centre = (value + spread / 2.0) / (1.0 + spread)
    half = _Z * math.sqrt(value * (1.0 - value) / effective + spread / (4.0 * effective)) / (1.0 + spread)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Share(value, min(low, value), max(high, value), len(good), effective)


def change_between(before: Share | None, after: Share | None) -> Change | None:
    """`after` minus `before`, None where one is unknown; interval by Newcombe's square-and-add of both (1998, method 10).

    That takes the two as independent. Two profiles judged on the same rows agree on most of them, so the true interval
    is narrower: what this one excludes is excluded.
    """
    if before is None or after is None:
        return None
    value = after.value - before.value
    low = value - math.hypot(after.value - after.low, before.high - before.value)
    high = value + math.hypot(after.high - after.value, before.value - before.low)
    return Change(value, max(-1.0, low), min(1.0, high))
