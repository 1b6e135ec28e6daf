"""How usual bare ground is at a place by itself, as on fields between crops (METHOD 9, 12).

Bare ground comes in spells, so looks of one spell are no independent witnesses. A pixel's earlier looks say how often
ground that was green lies bare at the next look, how often bare ground stays bare, and how long its longest spell was.
A look then supports conversion by no more than minus the log of the chance that the old habit would show the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from sat_monitor.core.domain import BoolArray, ChangeMap, FloatArray

IntArray = NDArray[np.int32]

#: Share of looks on which ground that never was bare looks bare: haze, shade, clouds that were missed.
ODD_SHARE = 0.02
#: Bare looks are followed by bare ones on this share of looks, before a scene says so itself; looks that belief is worth.
_STAYS, _STAYS_LOOKS = 0.8, 20.0
#: Looks that the habit of the scene's fields is worth against a pixel's own.
_PRIOR_LOOKS = 2.0
#: Ground that is bare on more looks than this is no field: roads, roofs, quarries.
_ALWAYS = 0.7
#: Half width of the surroundings whose habit a pixel without bare looks may share, m.
_SURROUNDINGS_M = 70.0
#: Share of fields that show no bare look in a year of clouds, and how often such a field would lie bare.
_UNSEEN, _UNSEEN_SHARE = 0.05, 0.15
#: A spell is older than any of the habit from so many times the longest one plus so many days on (clouds hide both
#: ends); from then on it stays by chance at most so often.
_OLDER, _OLDER_DAYS, _OLD_STAYS = 1.5, 15.0, 0.2


class Spells(NamedTuple):
    """Bare spells of the reference looks, all (y, x): clear looks, bare ones, looks after a bare one and how many of
    these were bare again (int32), days of the longest spell (float32).
    """

    looks: IntArray
    bare: IntArray
    after: IntArray
    again: IntArray
    longest: FloatArray


class Lines(NamedTuple):
    """A look is bare below this NDVI and, where it has a soil index, above that one."""

    ndvi: float
    soil_index: float


def spells_of(ndvi: FloatArray, soil: FloatArray, days: NDArray[np.int32], newest: IntArray, lines: Lines) -> Spells:
    """Spells of reference looks: indices (look, y, x) float32 with NaN where not clear, days since 1970 per look.

    Looks later than the day `newest` (y, x) do not serve. `soil` of shape (0, y, x): there is no short-wave band.
    """
    shape = ndvi.shape[1:]
    out = np.zeros((4, *shape), np.int32)
    longest = np.zeros(shape, np.float32)
    _count(ndvi, soil, days, newest, (np.float32(lines.ndvi), np.float32(lines.soil_index)), out, longest)
    return Spells(out[0], out[1], out[2], out[3], longest)


@njit(cache=True, error_model="numpy", nogil=True)
def _count(
    ndvi: FloatArray,
    soil: FloatArray,
    days: NDArray[np.int32],
    newest: IntArray,
    lines: tuple[np.float32, np.float32],
    out: IntArray,
    longest: FloatArray,
) -> None:
    looks, height, width = ndvi.shape
    worked_ndvi, worked_soil = lines
    for y in range(height):
        since = np.zeros(width, np.int32)
        for k in range(looks):
            for x in range(width):
                value = ndvi[k, y, x]
                if np.isnan(value) or days[k] > newest[y, x]:
                    continue
                was = since[x] > 0
                bare = value < worked_ndvi
                if soil.shape[0] > 0 and soil[k, y, x] <= worked_soil:
                    bare = False
                out[0, y, x] += 1
                out[1, y, x] += 1 if bare else 0
                out[2, y, x] += 1 if was else 0
                out[3, y, x] += 1 if was and bare else 0
                if was:
                    longest[y, x] = max(longest[y, x], np.float32(days[k] - since[x]))
                if not bare:
                    since[x] = 0
                elif not was:
                    since[x] = days[k]


def stays_on_fields(spells: list[Spells]) -> float:
    """How often bare ground of a scene's fields is bare at the next look too, 0..1, from samples of the scene."""
    after = again = 0
    for sample in spells:
        fields = _is_field(_share(sample))
        after += int(sample.after[fields].sum())
        again += int(sample.again[fields].sum())
    return (again + _STAYS * _STAYS_LOOKS) / (after + _STAYS_LOOKS)


def layers_of(spells: Spells, stays: float) -> dict[str, FloatArray]:
    """What a change map keeps of the habit, (y, x) float32: share of bare looks, chance that bare ground stays bare
    (0..1; of ground that never was bare the one of fields, `stays`) and days of the longest spell.
    """
    own = (spells.again + _PRIOR_LOOKS * stays) / (spells.after + _PRIOR_LOOKS)
    return {
        "bare_before": _share(spells),
        "bare_stays": np.asarray(own, np.float32),
        "bare_spell": spells.longest,
    }


def usual_share(change: ChangeMap, since: IntArray, day: int) -> FloatArray:
    """Chance that the ground's own habit shows bare ground on this look, (y, x) 0..1.

    `since` (y, x) is the day (since 1970) on which the bare spell that the last look saw began, 0 where it saw none.
    Ground that never was bare shares the habit of the fields around it as far as it may be one of them.
    """
    before, stays, spell = (_layer(change, name) for name in ("bare_before", "bare_stays", "bare_spell"))
    known = change.valid & np.isfinite(before)
    is_field = known & _is_field(before)
    around, longest_around = _surroundings(is_field, known, spell, change.grid.pixel_m)
    seen_bare = before > 0.0
    chance = np.float32(_UNSEEN) * around / (np.float32(_UNSEEN) * around + np.float32(1.0) - around + np.float32(1e-6))
    chance = np.where(seen_bare, np.float32(1.0), chance)
    begins = np.where(seen_bare, before, chance * np.float32(_UNSEEN_SHARE))
    longest = np.where(seen_bare, np.maximum(spell, longest_around), np.float32(0.0))
    age = np.where(since > 0, day - since, 0)
    old = age > np.float32(_OLDER) * longest + np.float32(_OLDER_DAYS)
    goes_on = np.where(old, np.minimum(chance * stays, np.float32(_OLD_STAYS)), chance * stays)
    usual = np.where(known, np.where(since > 0, goes_on, begins), np.float32(0.0))
    return np.clip(usual, ODD_SHARE, 1.0 - ODD_SHARE).astype(np.float32)


def _surroundings(
    is_field: BoolArray, known: BoolArray, spell: FloatArray, pixel_m: float
) -> tuple[FloatArray, FloatArray]:
    """Share of fields among the known ground around a pixel, and the mean longest spell of those fields, days."""
    side = 2 * round(_SURROUNDINGS_M / pixel_m) + 1
    share, ground, days = (
        ndimage.uniform_filter(plane.astype(np.float32), side, mode="nearest")
        for plane in (is_field, known, np.where(is_field, spell, np.float32(0.0)))
    )
    # The filter runs sums, which leaves dust where there is nothing.
    share = np.where(share > 1e-4, share, np.float32(0.0))
    of_ground = np.clip(share / np.maximum(ground, np.float32(1e-3)), 0.0, 1.0).astype(np.float32)
    return of_ground, np.asarray(np.where(share > 0.0, days / np.maximum(share, np.float32(1e-3)), 0.0), np.float32)


def _is_field(share: FloatArray) -> BoolArray:
    return np.asarray((share > 0.0) & (share < _ALWAYS))


def _share(spells: Spells) -> FloatArray:
    return np.asarray(spells.bare / np.maximum(spells.looks, 1), np.float32)


def _layer(change: ChangeMap, name: str) -> FloatArray:
    return np.where(change.valid, change.layers[name].values, np.float32(0.0)).astype(np.float32)
