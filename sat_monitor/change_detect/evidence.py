"""One evidence field per AOI: the log-odds, per pixel, that the ground was lastingly converted (METHOD 9 to 11).

Each acquisition adds one tempered and capped log likelihood ratio. Between looks a change may begin at the stated base
rate, which is Shiryaev's recursion for a change at an unknown time:
    L(t) = ln(exp L(t-1) + h) + llr(t).
Folding in order of (acquired_at, scene id) makes the arrival order immaterial.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sat_monitor.change_detect.alerts import READERS, Tenths, retold
from sat_monitor.change_detect.area import NEIGHBOURS, conversion
from sat_monitor.change_detect.cnn import averaged
from sat_monitor.change_detect.fields import (
    Habit,
    Since,
    behind_season,
    field_chance,
    optical_habit,
    other_echo,
    radar_habit,
)
from sat_monitor.change_detect.suspect import counted, weight
from sat_monitor.change_detect.windows import NEVER
from sat_monitor.core.domain import BoolArray, ChangeMap, FloatArray, Sensor
from sat_monitor.core.profile import EvidenceSettings, NetworkSettings, Profile
from sat_monitor.core.units import pixel_area_m2

IntArray = NDArray[np.int32]

#: Standard days between two usable looks, for the hazard of one step.
_STEP_DAYS = 5.0
#: Memory of the running means of stage and fraction, looks.
_MEMORY = 4.0
#: Score (sigma) of ground whose conversion radar sees: mean and spread.
_SAR_MEAN, _SAR_SD = 3.5, 1.5
#: Score of converted ground as a share of the one of full conversion, and its spread as such a share (optical).
_OPTICAL_MEAN, _OPTICAL_SD = 0.6, 0.25
#: 90 % quantile of a normal distribution: nine changes in ten would have given more (METHOD 15).
_NINE_IN_TEN = 1.2816
#: ln(0.95 / 0.05): the log-odds from which a change counts as surely visible (METHOD 15).
SURE = float(np.log(0.95 / 0.05))


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """The field and its memory, all (y, x) on the AOI grid.

    `log_odds` float32; days since 1970, int32: `frozen_day` when the pixel entered a patch (`NEVER` if it is in none),
    `seen_day` last look that saw the pixel, `quiet_day` last look that showed no change, `sure_day` first look at which the change was sure (0 = none).
    Running means over the looks since then, float32: `bare` share 0..1 of optical looks on worked ground, `fraction`
    converted part of the pixel, signed, kept for the neighbours of a patch too. `optical_gain`, float32 nats: support that optical looks gave. `bare_before`, float32 0..1: share
    of the looks before the pixel entered a patch that showed bare ground, as farmland does between crops.
    `suspect_looks`, int16: looks that called the pixel cloud while its surroundings were clear. `optical_day`, int32: day
    of the last optical look that saw it, for tiles that overlap show one acquisition twice. `water` and `hard`, float32
    0..1: like `bare`, of looks on open water and on a hard surface. `bare_since` and `behind_since`, int32: days on which
    the bare spell, and the time behind its season, that the last optical look saw began, 0 where that look saw none.
    `field`, float32 0..1: chance of farmland. `other_echo`, bool: whether the last radar look showed another echo.
    `told_s1` and `told_hls`, uint8 tenths of a nat: what the newest alert of OPERA's two products says, before `alert_share`.
    """

    log_odds: FloatArray
    frozen_day: IntArray
    seen_day: IntArray
    quiet_day: IntArray
    sure_day: IntArray
    bare: FloatArray
    fraction: FloatArray
    optical_gain: FloatArray
    bare_before: FloatArray
    suspect_looks: NDArray[np.int16]
    optical_day: IntArray
    water: FloatArray
    hard: FloatArray
    bare_since: IntArray
    behind_since: IntArray
    field: FloatArray
    other_echo: BoolArray
    told_s1: Tenths
    told_hls: Tenths

    def window(self, slices: tuple[slice, slice]) -> EvidenceState:
        """The same record for a rectangle of the grid; views, not copies."""
        return EvidenceState(*(getattr(self, f.name)[slices] for f in fields(self)))

    def put(self, slices: tuple[slice, slice], part: EvidenceState) -> EvidenceState:
        """The state in which the rectangle is replaced by `part`.

        A smaller part is written into this state's own arrays: an AOI of 24 million pixels is not copied per scene.
        """
        if part.log_odds.shape == self.log_odds.shape:
            return part
        for f in fields(self):
            getattr(self, f.name)[slices] = getattr(part, f.name)
        return self


def prior_log_odds(settings: EvidenceSettings, pixel_m: float) -> float:
    """Log-odds that a pixel is converted within one step, from the stated base rate per km2 and year."""
    events_per_m2_day = settings.base_rate_per_km2_year / 1e6 / 365.25
    return float(np.log(events_per_m2_day * (settings.typical_area_m2 + pixel_area_m2(pixel_m)) * _STEP_DAYS))


def empty_state(shape: tuple[int, int], settings: EvidenceSettings, pixel_m: float) -> EvidenceState:
    """The field before the first look."""
    return EvidenceState(
        log_odds=np.full(shape, prior_log_odds(settings, pixel_m), np.float32),
        frozen_day=np.full(shape, NEVER, np.int32),
        seen_day=np.zeros(shape, np.int32),
        quiet_day=np.zeros(shape, np.int32),
        sure_day=np.zeros(shape, np.int32),
        bare=np.zeros(shape, np.float32),
        fraction=np.zeros(shape, np.float32),
        optical_gain=np.zeros(shape, np.float32),
        bare_before=np.zeros(shape, np.float32),
        suspect_looks=np.zeros(shape, np.int16),
        optical_day=np.zeros(shape, np.int32),
        water=np.zeros(shape, np.float32),
        hard=np.zeros(shape, np.float32),
        bare_since=np.zeros(shape, np.int32),
        behind_since=np.zeros(shape, np.int32),
        field=np.zeros(shape, np.float32),
        other_echo=np.zeros(shape, bool),
        told_s1=np.zeros(shape, np.uint8),
        told_hls=np.zeros(shape, np.uint8),
    )


def log_likelihood_ratio(
    change: ChangeMap, sensor: Sensor, settings: EvidenceSettings, habit: Habit | None = None,
    network: NetworkSettings | None = None,
) -> FloatArray:  # fmt: skip
    """Tempered, capped log likelihood ratio of conversion against none, nats, (y, x); 0 where the look is blind.

    Optical: the score that full conversion would give is known (`contrast`), so unchanged ground is
    N(0, 1 + (natural_share * contrast)^2) and converted ground N(0.6 contrast, 1 + (contrast / 4)^2); a leafless
    season, whose contrast is small, says nothing. SAR, whose contrast is unknown: N(0, 1) against N(3.5, 1.5^2) for the
    share of conversions that radar sees at all and N(0, 1) for the rest. A look that the ground's own `habit` explains
    says no more than that leaves.
    """
    score = np.where(change.valid, change.score, np.float32(0.0))
    if sensor is Sensor.S2:
        contrast = np.where(change.valid, change.layers["contrast"].values, np.float32(0.0)).astype(np.float32)
        quiet_sd = np.sqrt(1.0 + np.square(settings.natural_share * contrast))
        mean, sd = _converted(contrast)
        ratio = _log_normal(score, mean, sd) - _log_normal(score, 0.0, quiet_sd)
        ratio = ratio if network is None else averaged(ratio, change, network)
        temper = settings.optical_temper
    else:
        seen = _log_normal(score, _SAR_MEAN, _SAR_SD) - _log_normal(score, 0.0, 1.0)
        visible = settings.sar_visible_share
        ratio = np.logaddexp(seen + np.log(visible), np.log(max(1.0 - visible, 1e-6)))
        temper = settings.sar_temper
    ratio = ratio if habit is None else _or_usual(ratio, habit.usual)
    capped = np.clip(temper * ratio, -settings.max_loss, _most_gain(change, settings))
    weighed = capped if habit is None else np.where(capped > 0.0, capped * habit.weight, capped)
    return np.where(change.valid, weighed, 0.0).astype(np.float32)


def _or_usual(ratio: FloatArray, usual: FloatArray) -> FloatArray:
    """Ratio r, nats, for ground that by itself looks converted with chance b: -ln((1 - b) e^-r + b), where r > 0.

    A look that the ground's own habit explains supports by no more than -ln b.
    """
    bounded = -np.logaddexp(np.log1p(-usual) - ratio, np.log(usual))
    return np.asarray(np.where(ratio > 0.0, bounded, ratio), np.float32)


def _habit(state: EvidenceState, change: ChangeMap, sensor: Sensor, day: int) -> tuple[EvidenceState, Habit]:
    """What the ground does by itself on this look, and the state that remembers it."""
    if sensor is not Sensor.S2:
        habit = radar_habit(change, state.field, state.other_echo)
        return replace(state, other_echo=np.where(change.valid, other_echo(change), state.other_echo)), habit
    field = field_chance(change, state.field)
    since = state.behind_since
    habit = optical_habit(change, field, Since(since, state.bare_since), day)
    begun = np.where(since > 0, since, np.int32(day))
    behind = np.where(behind_season(change), begun, np.where(change.valid, np.int32(0), since))
    return replace(state, field=field, behind_since=behind.astype(np.int32)), habit


def surely_quiet(change: ChangeMap, sensor: Sensor) -> NDArray[np.bool_]:
    """Where a change would have been found on this look with P >= 0.9 and was not, (y, x) (METHOD 15).

    Its score lies below what nine in ten converted pixels give, and below nothing at all where conversion would hardly
    show. A radar look never says so: half of all conversions do not change backscatter.
    """
    if sensor is not Sensor.S2:
        return np.zeros(change.valid.shape, bool)
    contrast = np.where(change.valid, change.layers["contrast"].values, np.float32(0.0)).astype(np.float32)
    mean, sd = _converted(contrast)
    score = np.where(change.valid, change.score, np.float32(np.inf))
    return np.asarray(change.valid & (score <= mean - np.float32(_NINE_IN_TEN) * sd), bool)


def _converted(contrast: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and spread of the optical score of converted ground whose full conversion would give `contrast`, sigma."""
    sd = np.sqrt(1.0 + np.square(np.float32(_OPTICAL_SD) * contrast))
    return np.float32(_OPTICAL_MEAN) * contrast, np.asarray(sd, np.float32)


def _most_gain(change: ChangeMap, settings: EvidenceSettings) -> FloatArray | float:
    """Cap of a look's support, nats: larger where its ground lies bare.

    Thinning, drought and a shadow that was missed imitate a part of a conversion, hardly ever a whole one.
    """
    if "bare" not in change.layers:
        return settings.max_gain
    bare = change.layers["bare"].values > 0.5
    return np.where(bare, np.float32(settings.max_gain_bare), np.float32(settings.max_gain))


def update(
    state: EvidenceState, change: ChangeMap, sensor: Sensor, day: int, profile: Profile
) -> tuple[EvidenceState, FloatArray]:
    """The state after one look on the same window, and the look's log likelihood ratio (y, x), nats."""
    state = replace(state, suspect_looks=counted(state.suspect_looks, change))
    if not change.valid.any():
        return state, np.zeros(change.score.shape, np.float32)
    if sensor in READERS:
        return _alerted(state, change, sensor, day, profile)
    settings = profile.evidence
    state, habit = _habit(state, change, sensor, day)
    ratio = log_likelihood_ratio(change, sensor, settings, habit, profile.network) * weight(change, profile.optical)
    seen = change.valid
    prior = np.float32(prior_log_odds(settings, change.grid.pixel_m))
    standing = state.log_odds > settings.outline_score
    step = np.where(standing & (ratio < 0), ratio * np.float32(settings.recovery_weight), ratio)
    moved = np.minimum(np.logaddexp(state.log_odds, prior) + step, np.float32(settings.max_score))
    log_odds = np.where(seen, moved, state.log_odds).astype(np.float32)
    return _remember(state, change, log_odds, np.where(seen, ratio, 0.0), (sensor, day), profile), ratio


def told(state: EvidenceState, sensor: Sensor) -> Tenths:
    """What the newest alert of a product says of each pixel, (y, x) tenths of a nat."""
    return state.told_s1 if sensor is Sensor.DIST_S1 else state.told_hls


def _alerted(
    state: EvidenceState, change: ChangeMap, sensor: Sensor, day: int, profile: Profile
) -> tuple[EvidenceState, FloatArray]:
    """The state after somebody's alerts, which count once and not with every product that repeats them."""
    after, step = retold(change, told(state, sensor), profile.evidence.alert_share)
    state = replace(state, told_s1=after) if sensor is Sensor.DIST_S1 else replace(state, told_hls=after)
    moved = np.minimum(state.log_odds + step, np.float32(profile.evidence.max_score)).astype(np.float32)
    return _remember(state, change, moved, step, (sensor, day), profile), step


def _remember(
    state: EvidenceState,
    change: ChangeMap,
    log_odds: FloatArray,
    ratio: FloatArray,
    look: tuple[Sensor, int],
    profile: Profile,
) -> EvidenceState:
    """Days, stage and fraction after the field has moved to `log_odds`."""
    (sensor, day), settings = look, profile.evidence
    seen = change.valid
    inside = log_odds > settings.outline_score
    # A pixel leaves its patch well below the line that let it in, so that noise at the line does not thaw it.
    released = log_odds < settings.outline_score - settings.release_margin
    frozen = np.where(inside & (state.frozen_day == NEVER), np.int32(day), state.frozen_day)
    frozen = np.where(released, NEVER, frozen)
    quiet = np.where(seen & released & (ratio < 0) & surely_quiet(change, sensor), np.int32(day), state.quiet_day)
    sure = np.where((log_odds >= SURE) & (state.sure_day == 0), np.int32(day), state.sure_day)
    water, hard, since = state.water, state.hard, state.bare_since
    bare, fraction, gain, before = state.bare, state.fraction, state.optical_gain, state.bare_before
    optical_day = np.where(seen & (sensor is Sensor.S2), np.int32(day), state.optical_day)
    if sensor is Sensor.S2:
        supports = seen & (ratio > 0)
        bare = _running_mean(bare, change.layers["bare"].values, supports, released)
        part = conversion(change, profile.optical.bare_ndvi)
        fraction = _running_mean(fraction, part, seen & _with_neighbours(supports), ~_with_neighbours(~released))
        water = _running_mean(water, _flag(change, "water"), supports, released)
        hard = _running_mean(hard, _flag(change, "hard"), supports, released)
        shown = seen & (change.layers["bare"].values > 0.5)
        since = np.where(shown, np.where(since > 0, since, np.int32(day)), np.where(seen, np.int32(0), since))
        gain = np.where(seen, np.maximum(gain + ratio, 0.0), gain)
        before = np.where(seen & (state.frozen_day == NEVER), change.layers["bare_before"].values, before)
    return EvidenceState(
        log_odds=log_odds,
        frozen_day=frozen.astype(np.int32),
        seen_day=np.where(seen, np.int32(day), state.seen_day).astype(np.int32),
        quiet_day=quiet.astype(np.int32),
        sure_day=np.where(released, 0, sure).astype(np.int32),
        bare=bare,
        fraction=fraction,
        optical_gain=np.where(released & (ratio < 0), 0.0, gain).astype(np.float32),
        bare_before=before.astype(np.float32),
        suspect_looks=state.suspect_looks,
        optical_day=optical_day.astype(np.int32),
        water=water,
        hard=hard,
        bare_since=since.astype(np.int32),
        behind_since=state.behind_since,
        field=state.field,
        other_echo=state.other_echo,
        told_s1=state.told_s1,
        told_hls=state.told_hls,
    )


def _with_neighbours(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of `mask` and those that touch one."""
    return np.asarray(ndimage.binary_dilation(mask, NEIGHBOURS), bool)


def _flag(change: ChangeMap, name: str) -> FloatArray:
    """A layer of 0 and 1, (y, x); 0 where the detector has no such layer."""
    return change.layers[name].values if name in change.layers else np.zeros(change.score.shape, np.float32)


def _running_mean(
    mean: FloatArray, value: FloatArray, where: NDArray[np.bool_], fresh: NDArray[np.bool_]
) -> FloatArray:
    """Exponential mean over `_MEMORY` looks; a pixel that was at rest starts with the value itself."""
    start = fresh | (mean == 0.0)
    moved = np.where(start, value, mean + (value - mean) / np.float32(_MEMORY))
    return np.where(where, moved, mean).astype(np.float32)


def _log_normal(x: FloatArray, mean: FloatArray | float, sd: FloatArray | float) -> FloatArray:
    """Log density of a normal distribution without the constant that cancels in ratios."""
    return np.asarray(-0.5 * np.square((x - mean) / sd) - np.log(sd), np.float32)
