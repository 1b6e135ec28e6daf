"""What farmland does by itself, told by what the other fields of a scene do on the same day (METHOD 9, 12).

One year of one field does not hold what its farmer does next: a meadow becomes a paddy, rice gives way to beans. Its
neighbours say more. Where many of the scene's fields fall behind their season on a look, one more proves nothing; where
all have turned green again and one lies bare, it does. A look then supports conversion by no more than minus the log of
the chance that the habit of the fields would show the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sat_monitor.core.domain import BoolArray, ChangeMap, FloatArray

IntArray = NDArray[np.int32]

#: Share of looks on which ground that is no field looks converted by itself: haze, shade, clouds that were missed.
ODD_SHARE = 0.02
#: And to radar; -ln of it, tempered, is the most that one radar look supports.
ODD_ECHO = 0.003
#: Ground that lay bare on a share of its looks between the first two is a field the more surely, the more it did; above
#: the third it is none: roads, roofs, quarries.
_SELDOM, _OFTEN, _ALWAYS = 0.02, 0.06, 0.7
#: Half width of the surroundings that say whether ground that never was bare is a field too, m, and how many fields
#: (meadows, orchards) show no bare look in a year of clouds.
_SURROUNDINGS_M, _NEVER_BARE = 70.0, 0.1
#: Chance from which ground counts among the scene's fields.
_IS_FIELD = 0.5
#: Score (sigma) from which ground is behind its season, and has another echo than before.
_BEHIND, _OTHER_ECHO = 2.0, 1.8
#: What fields do before a scene says so, and how many of its pixels that belief is worth: share that falls behind from
#: one look to the next, share that stays behind, share that is bare.
_FALLS, _STAYS, _BARE, _WORTH = 0.15, 0.9, 0.3, 300.0
#: Fields whose echo changes, or stays changed, are at least so many: flooding and ploughing come overnight.
_ECHO_CHANGES, _ECHO_STAYS = 0.15, 0.6
#: A bare spell is overdue so many times the longest one plus so many days on (clouds hide both ends), and any time behind
#: its season so many days on, when a crop would have grown; from then on it is usual by no more than this chance.
_OLDER, _OLDER_DAYS, _CROP_DAYS, _OVERDUE = 1.5, 15.0, 100.0, 0.1
#: Share of the scene's fields that lie bare below which an overdue one is out of the ordinary.
_FEW_BARE = 0.2
#: Bare soil so many times as bright in red, against what the other bare fields of the scene are today, is other soil than
#: the field's own; and how many bare fields a scene must have to say so.
_OTHER_SOIL, _ENOUGH_BARE = 1.3, 100
#: Weight of a look at a field: a season that goes another way is one event, however many looks show it.
_WEIGHT = 0.6


class Habit(NamedTuple):
    """What the ground does by itself on one look, (y, x).

    `usual` is the chance (0..1) that it looks as it does without conversion, `weight` (0..1) what the look counts.
    """

    usual: FloatArray
    weight: FloatArray


class Since(NamedTuple):
    """Since when (days since 1970, 0: not) ground has been `behind` its season, and `bare`, before a look; (y, x)."""

    behind: IntArray
    bare: IntArray


def field_chance(change: ChangeMap, known: FloatArray) -> FloatArray:
    """Chance (0..1) that ground is farmland, (y, x), from an optical look's layers; `known` where the look says nothing.

    Ground that lies bare at times is a field; ground that never did may be one by its surroundings.
    """
    if "soil_index" not in change.layers:
        # Without a short-wave band leafless wood passes for bare ground.
        return known
    before = _layer(change, "bare_before")
    seen = change.valid & np.isfinite(before)
    at_times = seen & (before > _SELDOM) & (before < _ALWAYS)
    around = _around(at_times, seen, change.grid.pixel_m)
    shared = _NEVER_BARE * around / (_NEVER_BARE * around + np.float32(1.0) - around + np.float32(1e-6))
    own = np.clip((before - _SELDOM) / (_OFTEN - _SELDOM), 0.0, 1.0)
    chance = np.where(at_times, np.maximum(shared, own), np.where(before >= _ALWAYS, 0.0, shared))
    return np.where(seen, chance, known).astype(np.float32)


def behind_season(change: ChangeMap) -> BoolArray:
    """Where an optical look shows ground behind its season, (y, x)."""
    return np.asarray(change.valid & (_seen_score(change) > _BEHIND), bool)


def other_echo(change: ChangeMap) -> BoolArray:
    """Where a radar look shows another echo than before, (y, x)."""
    return np.asarray(change.valid & (_seen_score(change) > _OTHER_ECHO), bool)


def optical_habit(change: ChangeMap, field: FloatArray, since: Since, day: int) -> Habit:
    """Habit for an optical look of `day` (since 1970); `field` (y, x) is the chance of farmland."""
    if "soil_index" not in change.layers:
        return Habit(np.full(field.shape, ODD_SHARE, np.float32), np.ones(field.shape, np.float32))
    fields = change.valid & (field > _IS_FIELD)
    behind, running = behind_season(change), since.behind > 0
    falls, stays = _share(behind, fields & ~running, _FALLS), _share(behind, fields & running, _STAYS)
    # Ground that fell behind before did so as a field or, seldom, by a mistake that will not come twice.
    chance = np.where(running, field * _FALLS / (field * _FALLS + (1.0 - field) * ODD_SHARE), field)
    usual = chance * np.where(running, stays, falls) + (1.0 - chance) * ODD_SHARE
    bare = change.valid & (_layer(change, "bare") > 0.5)
    bare_share = _share(bare, fields, _BARE)
    overdue = bare & _overdue(change, since, day)
    usual = np.where(overdue, np.minimum(usual, max(_OVERDUE, bare_share)), usual)
    other = bare & _other_soil(change, fields & bare)
    usual = np.where(other, np.minimum(usual, _share(other, fields & bare, ODD_SHARE)), usual)
    before = _layer(change, "bare_before")
    usual = np.where(before >= _ALWAYS, np.maximum(usual, before), usual)
    whole = overdue & (bare_share < _FEW_BARE)
    weight = np.where(whole, 1.0, 1.0 - (1.0 - _WEIGHT) * field)
    return Habit(np.clip(usual, ODD_SHARE, 1.0 - ODD_SHARE).astype(np.float32), weight.astype(np.float32))


def radar_habit(change: ChangeMap, field: FloatArray, was_other: BoolArray) -> Habit:
    """Habit for a radar look; `was_other` (y, x) tells whether the radar look before showed another echo."""
    fields = change.valid & (field > _IS_FIELD)
    other = other_echo(change)
    changes = max(_ECHO_CHANGES, _share(other, fields & ~was_other, _ECHO_CHANGES))
    stays = max(_ECHO_STAYS, _share(other, fields & was_other, _ECHO_STAYS))
    usual = field * np.where(was_other, stays, changes) + (1.0 - field) * ODD_ECHO
    return Habit(np.clip(usual, ODD_ECHO, 1.0 - ODD_SHARE).astype(np.float32), np.ones(field.shape, np.float32))


def _overdue(change: ChangeMap, since: Since, day: int) -> BoolArray:
    """Where a spell has lasted longer than fields do, (y, x)."""
    before, spell = _layer(change, "bare_before"), _layer(change, "bare_spell")
    seen = change.valid & np.isfinite(before)
    at_times = seen & (before > _SELDOM) & (before < _ALWAYS)
    share = _mean(at_times, change.grid.pixel_m)
    days = _mean(np.where(at_times, spell, np.float32(0.0)), change.grid.pixel_m)
    around = np.where(share > 0.0, days / np.maximum(share, np.float32(1e-3)), 0.0)
    longest = np.maximum(spell, around)
    bare_days = np.where(since.bare > 0, day - since.bare, 0)
    behind_days = np.where(since.behind > 0, day - since.behind, 0)
    late = behind_season(change) & (behind_days > _CROP_DAYS)
    return np.asarray((bare_days > _OLDER * longest + _OLDER_DAYS) | late, bool)


def _other_soil(change: ChangeMap, among: BoolArray) -> BoolArray:
    """Where bare soil is brighter than the field's own ever was, by what today's rain leaves of it on the others, (y, x).

    What is dumped comes from below the topsoil, which humus darkens, or from elsewhere; dry and wet days move all fields.
    """
    if "soil_ratio" not in change.layers:
        return np.zeros(among.shape, bool)
    ratio = change.layers["soil_ratio"].values
    known = among & np.isfinite(ratio)
    if known.sum() < _ENOUGH_BARE:
        return np.zeros(among.shape, bool)
    return np.asarray(np.nan_to_num(ratio) > _OTHER_SOIL * float(np.median(ratio[known])), bool)


def _share(which: BoolArray, among: BoolArray, belief: float) -> float:
    """Share of the pixels `among` that are `which`, drawn to `belief` where a scene has few of them."""
    return (float((which & among).sum()) + belief * _WORTH) / (float(among.sum()) + _WORTH)


def _around(which: BoolArray, known: BoolArray, pixel_m: float) -> FloatArray:
    """Share of `which` among the known ground around a pixel, (y, x) 0..1."""
    share, ground = _mean(which, pixel_m), _mean(known, pixel_m)
    return np.clip(share / np.maximum(ground, np.float32(1e-3)), 0.0, 1.0).astype(np.float32)


def _mean(values: BoolArray | FloatArray, pixel_m: float) -> FloatArray:
    """Mean over a pixel's surroundings; the filter runs sums, which leaves dust where there is nothing."""
    side = 2 * round(_SURROUNDINGS_M / pixel_m) + 1
    mean = ndimage.uniform_filter(values.astype(np.float32), side, mode="nearest")
    return np.asarray(np.where(mean > 1e-4, mean, np.float32(0.0)), np.float32)


def _layer(change: ChangeMap, name: str) -> FloatArray:
    return np.where(change.valid, change.layers[name].values, np.float32(0.0)).astype(np.float32)


def _seen_score(change: ChangeMap) -> FloatArray:
    return np.where(change.valid, change.score, np.float32(0.0)).astype(np.float32)
