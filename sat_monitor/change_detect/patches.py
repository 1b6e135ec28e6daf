"""Candidates from the evidence field: outlines by `outline_score`, alarms by `alarm_score` (METHOD 11, 12, 13, 15)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from rasterio.features import shapes
from scipy import ndimage
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from sat_monitor.change_detect.area import MIN_FRACTION, NEIGHBOURS, PatchArea, patch_area
from sat_monitor.change_detect.evidence import SURE, EvidenceState
from sat_monitor.core.domain import BoolArray, Candidate, ChangeMap, FloatArray, Kind, StartInterval
from sat_monitor.core.grid import Grid, Window
from sat_monitor.core.profile import PatchSettings, Profile

_EPOCH = date(1970, 1, 1)
#: Below this area SAR alone never supports an alarm (METHOD 13).
SAR_ALONE_M2 = 2000.0
#: Share of looks on worked ground from which a conversion is earthwork.
_BARE_SHARE = 0.5
#: Share of looks on a hard surface from which it is construction: soil is grey now and then, concrete always.
_HARD_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class FieldLook:
    """The field after a look, with that look.

    `state` lies on `grid`, the AOI's; `change` and `ratio` (y, x; nats) on the scene's own grid, whose corner is at
    pixel `corner` (row, col) of the AOI grid.
    """

    state: EvidenceState
    grid: Grid
    change: ChangeMap
    ratio: FloatArray
    corner: tuple[int, int]
    day: int

    def overlap(self, box: tuple[slice, slice]) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
        """The part of an AOI-grid box that the scene covers: (slices within the box, slices of the scene), or None."""
        inner, outer = [], []
        for span, corner, size in zip(box, self.corner, self.change.valid.shape, strict=True):
            first, last = max(span.start, corner), min(span.stop, corner + size)
            if first >= last:
                return None
            inner.append(slice(first - span.start, last - span.start))
            outer.append(slice(first - corner, last - corner))
        return (inner[0], inner[1]), (outer[0], outer[1])

    def seen_part(self, mask: BoolArray, box: tuple[slice, slice]) -> BoolArray | None:
        """Pixels of the scene (y, x) that lie in `mask` (given for `box`) and were seen; None if there are none."""
        found = self.overlap(box)
        if found is None:
            return None
        inner, outer = found
        seen = np.zeros(self.change.valid.shape, bool)
        seen[outer] = mask[inner] & self.change.valid[outer]
        return seen if seen.any() else None


def cut_patches(look: FieldLook, watched: BoolArray, profile: Profile) -> tuple[Candidate, ...]:
    """Patches of the field inside `watched` (y, x) that the look saw at least in part, ordered by anchor.

    Raising `alarm_score` only clears `hit` flags: it never moves an outline.
    """
    near = _near(look, watched, profile.evidence.outline_score)
    inside = (look.state.log_odds[near] > profile.evidence.outline_score) & watched[near]
    labels, count = ndimage.label(inside, NEIGHBOURS)
    found = []
    for number, part in enumerate(ndimage.find_objects(labels, count), start=1):
        patch = labels[part] == number
        box = _moved(part, near)
        if patch.sum() < profile.patches.min_pixels or (seen := look.seen_part(patch, box)) is None:
            continue
        candidate = _candidate(look, patch, seen, box, profile)
        if candidate.area_m2 >= profile.patches.min_area_m2:
            found.append(candidate)
    return tuple(sorted(found, key=lambda c: c.anchor))


def surely_supported(candidate: Candidate) -> bool:
    """Whether a candidate is surely visible and its look supports it: as a hit, but whatever `alarm_score` is."""
    evidence = candidate.evidence
    alone = evidence["optical_gain_nats"] <= 0.0 and candidate.area_m2 < SAR_ALONE_M2
    return candidate.score_max >= SURE and evidence["llr_nats"] > 0.0 and not alone


def _near(look: FieldLook, watched: BoolArray, outline_score: float) -> tuple[slice, slice]:
    """Rows and columns in which a patch that the look saw can lie: the scene's, or the whole field where one crosses its edge."""
    whole = slice(0, look.grid.height), slice(0, look.grid.width)
    scene = tuple(slice(c, c + size) for c, size in zip(look.corner, look.change.valid.shape, strict=True))
    rows, cols = scene[0], scene[1]
    inside = (look.state.log_odds[rows, cols] > outline_score) & watched[rows, cols]
    edges = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
    return whole if any(edge.any() for edge in edges) else (rows, cols)


def _moved(box: tuple[slice, slice], origin: tuple[slice, slice]) -> tuple[slice, slice]:
    """A box given within `origin` as a box of the whole field."""
    rows, cols = (slice(b.start + o.start, b.stop + o.start) for b, o in zip(box, origin, strict=True))
    return rows, cols


def outline_of(mask: BoolArray, grid: Grid) -> BaseGeometry:
    """The pixel outline of a mask (y, x), metres of the grid's EPSG."""
    parts = [
        shape(geometry)
        for geometry, _ in shapes(mask.astype(np.uint8), mask=mask, transform=grid.affine, connectivity=8)
    ]
    return unary_union([part if part.is_valid else part.buffer(0) for part in parts])


@dataclass(frozen=True, slots=True)
class PatchMeans:
    """Means over a patch: `bare`, `fraction` and `bare_before` 0..1, `optical_gain` nats, `days` since it arose.

    `bare`, `water` and `hard` (0..1) are those of the purest third of its pixels: a rim is always mixed.
    """

    bare: float
    fraction: float
    bare_before: float
    optical_gain: float
    days: float
    water: float = 0.0
    hard: float = 0.0


def kind_of(means: PatchMeans, settings: PatchSettings) -> Kind:
    """What a patch is; what only SAR saw, and bare ground between two crops, is a change and nothing more (METHOD 12)."""
    if means.optical_gain <= 0.0 or means.fraction < MIN_FRACTION:
        return Kind.CHANGE
    if means.water >= _BARE_SHARE:
        return Kind.WATER
    if means.bare < _BARE_SHARE and means.hard < _HARD_SHARE:
        return Kind.VEGETATION_LOSS
    if means.bare_before >= settings.fallow_share and means.days < settings.fallow_days:
        return Kind.CHANGE
    return Kind.CONSTRUCTION if means.hard >= _HARD_SHARE else Kind.EARTHWORK


def _candidate(
    look: FieldLook, patch: BoolArray, seen: BoolArray, box: tuple[slice, slice], profile: Profile
) -> Candidate:
    state = look.state.window(box)
    grid = look.grid.window(Window(box[0].start, box[1].start, *patch.shape))
    outline = outline_of(patch, grid)
    log_odds = np.where(patch, state.log_odds, -np.inf)
    strongest = np.unravel_index(int(np.argmax(log_odds)), patch.shape)
    area = _area(look, patch, box, profile)
    means = _means(state, patch, look.day)
    ratio = float(look.ratio[seen].mean())
    peak = float(log_odds.max())
    alone = means.optical_gain <= 0.0 and area.area_m2 < SAR_ALONE_M2
    return Candidate(
        outline=outline,
        anchor=(box[0].start + int(strongest[0]), box[1].start + int(strongest[1])),
        kind=kind_of(means, profile.patches),
        area_m2=area.area_m2,
        area_error_m2=area.error_m2,
        score_max=peak,
        score_mean=float(state.log_odds[patch].mean()),
        hit=peak >= profile.evidence.alarm_score and ratio > 0.0 and not alone,
        start=_start(state, patch, look.day),
        evidence={
            **change_evidence(look.change, seen),
            "llr_nats": ratio,
            "bare_share": means.bare,
            "mean_converted_fraction": means.fraction,
            "optical_gain_nats": means.optical_gain,
        },
    )


def _area(look: FieldLook, patch: BoolArray, box: tuple[slice, slice], profile: Profile) -> PatchArea:
    """Area of a patch with what its neighbouring pixels hold of it."""
    wide = tuple(slice(max(0, span.start - 1), span.stop + 1) for span in box)
    state = look.state.window((wide[0], wide[1]))
    own = np.zeros(state.log_odds.shape, bool)
    row, col = (span.start - outer.start for span, outer in zip(box, wide, strict=True))
    own[row : row + patch.shape[0], col : col + patch.shape[1]] = patch
    others = (state.log_odds > profile.evidence.outline_score) & ~own
    return patch_area(state.fraction, own, others, look.grid.pixel_m, profile.patches)


def _means(state: EvidenceState, patch: BoolArray, day: int) -> PatchMeans:
    arose = state.frozen_day[patch]
    return PatchMeans(
        bare=_purest(state.bare[patch]),
        fraction=float(state.fraction[patch].mean()),
        bare_before=float(state.bare_before[patch].mean()),
        optical_gain=float(state.optical_gain[patch].mean()),
        days=float(max(0.0, day - float(np.median(np.minimum(arose, day))))),
        water=_purest(state.water[patch]),
        hard=_purest(state.hard[patch]),
    )


def _purest(values: FloatArray) -> float:
    """Mean of the largest third of the pixels."""
    count = max(1, round(values.size / 3))
    return float(np.partition(values, values.size - count)[-count:].mean())


def _start(state: EvidenceState, patch: BoolArray, day: int) -> StartInterval:
    """From the last look without change over most of the patch to the first sure one (METHOD 15)."""
    quiet = state.quiet_day[patch]
    sure = state.sure_day[patch]
    latest = int(sure[sure > 0].min()) if (sure > 0).any() else day
    before = quiet[(quiet > 0) & (quiet < latest)]
    earliest = int(np.median(before)) if before.size else 0
    return StartInterval(_as_date(earliest) if earliest else None, _as_date(latest))


def _as_date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def change_evidence(change: ChangeMap, good: BoolArray) -> dict[str, float]:
    """Mean of every layer over the valid pixels `good`, named layer_unit: what an inspector reads on the page."""
    planes = {f"score_{change.score_unit}": change.score}
    planes |= {f"{name}_{layer.unit}": layer.values for name, layer in change.layers.items()}
    seen = {name: values[good][np.isfinite(values[good])] for name, values in planes.items()}
    return {name: float(values.mean()) for name, values in seen.items() if values.size}
