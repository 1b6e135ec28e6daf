"""Which sites to visit first, 0..100, from what is around them: grounds that add up, in codes and numbers.

It ranks and never excludes: permitted, small and other sites stay on the watch list and say why they wait. Nothing here
looks at when the zone was designated: works older than it are not less urgent (METHOD 25).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sat_monitor.core.domain import Kind, Site, Stage, WorksGroup
from sat_monitor.core.profile import Profile
from sat_monitor.core.size import SIZE_LIMIT_M2, exceeds_probability
from sat_monitor.core.surroundings import LegalCheck, Permit, PermitState, Ranking, Reason, Surroundings
from sat_monitor.sites.law import LIKELY, UNLIKELY, all_sizes_shown

#: How much of the points of its kind a site has: what others than earthworks hide (felling before a fill, a yard).
KIND_SHARES = {
    Kind.EARTHWORK: 1.0,
    Kind.DEFORMATION: 0.6,
    Kind.CHANGE: 0.3,
    Kind.CONSTRUCTION: 0.2,
    Kind.VEGETATION_LOSS: 0.2,
    Kind.OTHER: 0.1,
    Kind.WATER: 0.0,
}
#: The same for how far the ground has gone: a fill that greened over was worked all the same (METHOD 10).
STAGE_SHARES = {
    Stage.WORKED: 1.0,
    Stage.REVEGETATED: 0.2,
    Stage.CLEARED: 0.2,
    Stage.RECOVERED: 0.1,
    Stage.VEGETATED: 0.0,
}
#: Share of an outline up from which a permit covers it: outlines are good to a few metres.
COVERED = 0.8
#: Share up to which a permit takes nothing off: works beyond the scope of a permit are as open as works without one.
_PARTLY = 0.6
#: Areas between which size still orders what is surely above a line, m2.
_EXTENT_M2 = (SIZE_LIMIT_M2, 50_000.0)
#: Of the points of size, the part that the probability of a line decides; the extent decides the rest.
_PROBABLE_PART = 0.7
#: Growth that has all points, m2 a month; days after which a size passed is no growth any more.
_FAST_M2_PER_MONTH, _RECENT_DAYS = 1_000.0, 365
#: Motion along the line of sight that has all points, mm a year; distance of a road that has half of them, m.
_FAST_MM_PER_YEAR, _ROAD_M = 20.0, 200.0
#: Days of hits, as a multiple of what confirms a site, at which half the certainty of days is reached.
_HALF_CERTAIN = 3.0
#: Hollow index from which lying in a hollow is worth saying.
_HOLLOW = 0.2


@dataclass(frozen=True, slots=True)
class Signs:
    """What is measured besides the sites' own looks, None = not measured.

    `growth_m2_per_month` over the newest looks; `los_mm_per_year` along the line of sight, positive toward the satellite;
    `accelerates` says that an alarm for ever faster motion stands, `at_work` that its ground keeps losing radar coherence.
    """

    growth_m2_per_month: float | None = None
    los_mm_per_year: float | None = None
    accelerates: bool = False
    at_work: bool = False


class _Case(NamedTuple):
    """All that is known of a site."""

    site: Site
    group: WorksGroup | None
    around: Surroundings
    legal: LegalCheck
    profile: Profile
    signs: Signs


_NOTHING = Signs()


def rank(
    site: Site,
    group: WorksGroup | None,
    surroundings: Surroundings,
    legal: LegalCheck,
    profile: Profile,
    signs: Signs = _NOTHING,
) -> Ranking:
    """Priority of a site among its surroundings, weightiest reasons first; more of any ground only raises it.

    Codes are those of the [reason] and [waits] tables of the templates; `REASON_CODES` and `WAIT_CODES` list them.
    """
    case = _Case(site, group, surroundings, legal, profile, signs)
    reasons = [reason for ground in _GROUNDS for reason in ground(case)]
    reasons.sort(key=lambda each: (-each.points, each.code))
    value = min(100.0, max(0.0, sum(each.points for each in reasons)))
    return Ranking(value, tuple(reasons), waits_of(case.site, case.around, case.legal, profile))


def covering(permits: tuple[Permit, ...]) -> float:
    """Share (0..1) of a site that one permit in force covers; entries of several registers may be one permit."""
    return max((permit.share for permit in permits if permit.state is PermitState.IN_FORCE), default=0.0)


def waits_of(site: Site, surroundings: Surroundings, legal: LegalCheck, profile: Profile) -> tuple[str, ...]:
    """Why a site stays on the watch list, none where nothing speaks for waiting."""
    kinds = {layer.kind for layer in surroundings.layers}
    told = {
        "permit_covers": covering(surroundings.permits) >= COVERED,
        "not_works": site.kind not in profile.tickets.kinds,
        "below_lines": bool(legal.questions)
        and all(q.probability < UNLIKELY and all_sizes_shown(q.zone) for q in legal.questions),
        "outside_zones": "zones" in kinds and not surroundings.zones,
    }
    return tuple(code for code, holds in told.items() if holds)


def _permit(case: _Case) -> list[Reason]:
    """Ground without a permit in force; what covers a part of it or has ended is said so."""
    around, points = case.around, case.profile.priority.permit
    covered = covering(around.permits)
    open_points = points * min(max((COVERED - covered) / (COVERED - _PARTLY), 0.0), 1.0)
    met = [permit for permit in around.permits if permit.share > 0.0]
    said = [Reason(f"permit_{p.state.value}", 0.0, _permit_numbers(p)) for p in met if p.state in _STATES_SAID]
    if not around.registers:
        return [Reason("registers_not_asked", open_points)]
    if covered == 0.0:
        asked = float(len(around.registers))
        return [Reason("permit_none", open_points, (("registers", asked),)), *said]
    best = max((p for p in met if p.state is PermitState.IN_FORCE), key=lambda p: p.share)
    code = "permit_covers" if covered >= COVERED else "permit_partly"
    return [Reason(code, open_points, _permit_numbers(best)), *said]


_STATES_SAID = frozenset({PermitState.ENDED, PermitState.NOT_YET, PermitState.UNDATED})


def _permit_numbers(permit: Permit) -> tuple[tuple[str, float | str], ...]:
    begins, ends = ("–" if day is None else day.isoformat() for day in (permit.begins_on, permit.ends_on))
    return (
        ("register", permit.register),
        ("number", permit.number),
        ("share_percent", round(100.0 * permit.share)),
        ("begins_on", begins),
        ("ends_on", ends),
    )


def _kind(case: _Case) -> list[Reason]:
    return [Reason(f"kind_{case.site.kind.value}", case.profile.priority.kind * KIND_SHARES[case.site.kind])]


def _worked(case: _Case) -> list[Reason]:
    """Worked ground by its stage; bare ground that keeps losing coherence has what is left of the points."""
    entries = {entry.stage for entry in case.site.stages.entries} | {case.site.stages.stage}
    share = max(STAGE_SHARES[stage] for stage in entries)
    code = "ground_worked" if Stage.WORKED in entries else "ground_cleared"
    points = case.profile.priority.worked
    found = [Reason(code, points * share)] if share > 0.0 else []
    return [*found, Reason("coherence_lost", points * (1.0 - share))] if case.signs.at_work else found


def _size(case: _Case) -> list[Reason]:
    """The lowest line asked, 500 m2 where none is: the smallest scale that satellites can speak of."""
    whole = case.site if case.group is None else case.group
    limit = min((q.limit for q in case.legal.questions), default=SIZE_LIMIT_M2)
    chance = exceeds_probability(whole.area_m2, whole.area_error_m2, limit)
    low, high = (math.log(area) for area in _EXTENT_M2)
    extent = min(max((math.log(max(whole.area_m2, 1.0)) - low) / (high - low), 0.0), 1.0)
    points = case.profile.priority.size * (_PROBABLE_PART * chance + (1.0 - _PROBABLE_PART) * extent)
    numbers = (
        ("area_m2", round(whole.area_m2)),
        ("error_m2", round(whole.area_error_m2)),
        ("limit_m2", limit),
        # Never 0 or 100: an estimate is not a measurement.
        ("probability_percent", min(99, max(1, round(100.0 * chance)))),
        ("sites", 1.0 if case.group is None else float(len(case.group.site_ids))),
    )
    return [Reason("size" if case.group is None else "size_of_group", points, numbers)]


def _nearness(distance_m: float, case: _Case) -> float:
    """How much something so far down the water's way counts, 1 near by, a half at `reach_m`, falling for ever."""
    return 1.0 / (1.0 + (distance_m / case.profile.priority.reach_m) ** 4)


def _downstream(case: _Case) -> list[Reason]:
    flow, settings, found = case.around.flow, case.profile.priority, []
    if flow is None:
        return []
    if flow.house_distance_m is not None:
        numbers = (("distance_m", round(flow.house_distance_m)),)
        found.append(Reason("houses_downstream", settings.houses * _nearness(flow.house_distance_m, case), numbers))
    if flow.zone_distance_m is not None:
        distance = flow.zone_distance_m
        name = (("name", flow.zone_name or "–"), ("distance_m", round(distance)))
        found.append(Reason("debris_zone_downstream", settings.debris_zone * _nearness(distance, case), name))
    return found


def _valley(case: _Case) -> list[Reason]:
    flow = case.around.flow
    if flow is None or flow.hollow_index <= 0.0:
        return []
    code = "in_hollow" if flow.hollow_index >= _HOLLOW else "gathers_water"
    numbers = (
        ("hollow_percent", round(100.0 * flow.hollow_index)),
        ("catchment_ha", round(flow.catchment_m2 / 1e4, 1)),
        ("slope_deg", round(flow.toe_slope_deg)),
    )
    return [Reason(code, case.profile.priority.valley * flow.hollow_index, numbers)]


def _growth(case: _Case) -> list[Reason]:
    """Growth as measured, else the newest size that the site passed while it was watched; works taken up again."""
    site, points = case.site, case.profile.priority.growth
    if site.openings > 1:
        return [Reason("reopened", points, (("openings", float(site.openings)),))]
    rate = case.signs.growth_m2_per_month
    if rate is not None:
        share = min(max(rate / _FAST_M2_PER_MONTH, 0.0), 1.0)
        return [Reason("growing", points * share, (("m2_per_month", round(rate)),))] if share > 0.0 else []
    passed = site.over_500_m2
    if passed.below_on is None or passed.over_on is None:
        return []
    age = (site.last_support_at.date() - passed.over_on).days
    share = min(max(1.0 - age / _RECENT_DAYS, 0.0), 1.0)
    numbers = (("below_on", passed.below_on.isoformat()), ("over_on", passed.over_on.isoformat()))
    return [Reason("passed_500_m2", points * share, numbers)] if share > 0.0 else []


def _certainty(case: _Case) -> list[Reason]:
    """Evidence and days of hits in equal parts; days never saturate, so that sites at the cap of scores still differ."""
    evidence, site = case.profile.evidence, case.site
    span = evidence.max_score - evidence.alarm_score
    strong = (
        (site.score_max - evidence.alarm_score) / span if span > 0.0 else float(site.score_max >= evidence.max_score)
    )
    half = _HALF_CERTAIN * case.profile.lifecycle.confirm_hits
    share = 0.5 * min(max(strong, 0.0), 1.0) + 0.5 * site.hits / (site.hits + half)
    code = "strong_evidence" if strong >= LIKELY else "evidence"
    return [Reason(code, case.profile.priority.certainty * share, (("hits", float(site.hits)),))]


def _zone(case: _Case) -> list[Reason]:
    zones = case.around.zones
    if not zones:
        return []
    best = max(zones, key=lambda zone: zone.share)
    share = min(1.0, sum(zone.share for zone in zones))
    numbers = (("authority", best.authority), ("share_percent", round(100.0 * share)))
    return [Reason(f"zone_{best.kind.value}", case.profile.priority.zone * share, numbers)]


def _deformation(case: _Case) -> list[Reason]:
    """Motion by its rate; ever faster motion has what is left of the points."""
    rate, points = case.signs.los_mm_per_year or 0.0, case.profile.priority.deformation
    share = min(abs(rate) / _FAST_MM_PER_YEAR, 1.0)
    found = [Reason("ground_moves", points * share, (("mm_per_year", round(rate, 1)),))] if share > 0.0 else []
    return [*found, Reason("ground_accelerates", points * (1.0 - share))] if case.signs.accelerates else found


def _road(case: _Case) -> list[Reason]:
    road = case.around.road
    if road is None:
        return []
    share = 1.0 / (1.0 + (road.distance_m / _ROAD_M) ** 2)
    return [Reason("road", case.profile.priority.road * share, (("distance_m", round(road.distance_m)),))]


_GROUNDS: tuple[Callable[[_Case], list[Reason]], ...] = (
    _permit, _kind, _worked, _size, _downstream, _valley, _growth, _certainty, _zone, _deformation, _road,
)  # fmt: skip
#: Every code that `rank` may give: what the templates must have words for.
REASON_CODES = (
    "permit_none", "permit_covers", "permit_partly", "permit_ended", "permit_not_yet", "permit_undated",
    "registers_not_asked", *(f"kind_{kind.value}" for kind in Kind), "ground_worked", "ground_cleared", "coherence_lost",
    "size", "size_of_group", "houses_downstream", "debris_zone_downstream", "in_hollow", "gathers_water",
    "reopened", "growing", "passed_500_m2", "strong_evidence", "evidence", "zone_residential", "zone_specified",
    "ground_moves", "ground_accelerates", "road",
)  # fmt: skip
WAIT_CODES = ("permit_covers", "not_works", "below_lines", "outside_zones")
