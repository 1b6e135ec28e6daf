"""The network of pairs: which days it ties together, its rank, its loops; and which pairs to order for a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.deformation import Pair

Index = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Network:
    """Days (ascending) and the pairs between them: `first` and `second` (pair) int32 index into `days`."""

    days: tuple[date, ...]
    first: Index
    second: Index

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Network:
        """The network that `pairs` span."""
        days = tuple(sorted({day for pair in pairs for day in (pair.before, pair.after)}))
        at = {day: i for i, day in enumerate(days)}
        first, second = ([at[pair.before] for pair in pairs], [at[pair.after] for pair in pairs])
        return cls(days, np.array(first, np.int32), np.array(second, np.int32))

    @property
    def years(self) -> NDArray[np.float64]:
        """Years of 365.25 days since the first day, (day)."""
        return np.array([(day - self.days[0]).days / 365.25 for day in self.days])

    @property
    def bandwidth(self) -> int:
        """Largest number of acquisitions that a pair spans: the normal matrix has so many side diagonals."""
        return int((self.second - self.first).max())

    @property
    def parts(self) -> tuple[tuple[date, ...], ...]:
        """Groups of days that pairs tie together; more than one means that motion between them is interpolated."""
        label = list(range(len(self.days)))
        for i, j in zip(self.first, self.second, strict=True):
            old, new = label[j], label[i]
            label = [new if one == old else one for one in label]
        groups = dict.fromkeys(label)
        return tuple(tuple(day for day, one in zip(self.days, label, strict=True) if one == group) for group in groups)

    @property
    def rank(self) -> int:
        """Rank of the design matrix: days less parts; days - 1 is full."""
        return len(self.days) - len(self.parts)

    @property
    def design(self) -> NDArray[np.float64]:
        """Design matrix (pair, day - 1): displacement since the first day -> displacement of a pair."""
        matrix = np.zeros((len(self.first), len(self.days)))
        rows = np.arange(len(self.first))
        matrix[rows, self.first] = -1.0
        matrix[rows, self.second] = 1.0
        return matrix[:, 1:]

    @property
    def triangles(self) -> Index:
        """Loops of three pairs, (loop, 3) int32: pair i to j, pair j to k, pair i to k."""
        at = {(int(i), int(j)): n for n, (i, j) in enumerate(zip(self.first, self.second, strict=True))}
        later: dict[int, list[int]] = {}
        for i, j in at:
            later.setdefault(i, []).append(j)
        loops = [
            (at[i, j], at[j, k], at[i, k])
            for i, ends in later.items()
            for j, k in combinations(sorted(ends), 2)
            if (j, k) in at
        ]
        return np.array(loops, np.int32).reshape(-1, 3)

    def date_baselines(self, perpendicular: Sequence[float | None]) -> NDArray[np.float64] | None:
        """Perpendicular baseline (m) of each day against the first, by least squares; None where a pair has none."""
        if any(one is None for one in perpendicular):
            return None
        solved = np.linalg.lstsq(self.design, np.array(perpendicular, float), rcond=None)[0]
        return np.concatenate([[0.0], solved])


def pairs_to_order(
    days: Iterable[date], neighbours: int = 3, long_days: Sequence[int] = (48, 96)
) -> list[tuple[date, date]]:
    """Pairs of a network: each day with its next `neighbours`, and one of about each of `long_days`.

    The longer ones hold against the bias of short pairs over vegetation (METHOD 20).
    """
    ordered = sorted(set(days))
    found = {(one, other) for i, one in enumerate(ordered) for other in ordered[i + 1 : i + 1 + neighbours]}
    for i, one in enumerate(ordered):
        for span in long_days:
            near = [other for other in ordered[i + 1 :] if abs((other - one).days - span) <= span // 8]
            if near:
                found.add((one, min(near, key=lambda other: abs((other - one).days - span))))
    return sorted(found)
