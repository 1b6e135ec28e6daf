"""Simulated worlds through the detection: built, replayed and compared with what really happened in them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import INSTRUMENTS, FloatArray, Sensor, Site, Ticket
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import Profile
from sat_monitor.evaluate.accuracy import Accuracy, accuracy
from sat_monitor.evaluate.contract import contract_lines
from sat_monitor.evaluate.matching import match
from sat_monitor.evaluate.records import Found, Matched, Scope, Truth
from sat_monitor.evaluate.replay import Ablation, Progress, Replay, Replayed, Sight
from sat_monitor.evaluate.worlds import first_look, seeds_of, world_of
from sat_monitor.masks import draw_mask
from sat_monitor.simulate.config import WorldConfig
from sat_monitor.simulate.events import Event
from sat_monitor.simulate.kinds import Cover
from sat_monitor.simulate.world import World
from sat_monitor.sites.lifecycle import active
from sat_monitor.sites.priority import priority_of

#: The whole method, and the names under which it is listed without one part.
WHOLE = "whole method"


@dataclass(frozen=True, slots=True)
class Held:
    """What the worlds held, so that their figures can be read: rates per km2 and year, counts by kind."""

    worlds: int
    km2: float
    earthworks_per_km2_year: float
    confusers_per_km2_year: float
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CampaignRequest:
    """What to run: `seeds` worlds of a configuration, the profile, the parts to leave out, figures of real imagery, and
    how many worlds at once.
    """

    config: WorldConfig
    seeds: int
    profile: Profile
    without: tuple[Ablation, ...] = ()
    reference: Mapping[str, float] = field(default_factory=dict)
    jobs: int = 1


@dataclass(frozen=True, slots=True)
class Campaign:
    """Matched worlds by variant (`WHOLE`, `without sar` ...), one per seed, and what the worlds held.

    `contract` are the lines of the world contract of the first seed.
    """

    request: CampaignRequest
    held: Held
    contract: tuple[str, ...]
    variants: Mapping[str, tuple[Matched, ...]]

    def pooled(self, variant: str = WHOLE) -> Accuracy:
        """Figures over all seeds."""
        return accuracy(self.variants[variant])


@dataclass(frozen=True, slots=True)
class _World:
    """What one world held, its contract, and its matched sites by variant."""

    earthworks: int
    kinds: tuple[str, ...]
    km2: float
    contract: tuple[str, ...]
    runs: Mapping[str, Matched]


def run_campaign(request: CampaignRequest, progress: Progress) -> Campaign:
    """Build, render, replay and match each world, with the whole method and without each part asked for.

    `request.jobs` worlds at once, in processes of their own; the figures do not depend on it.
    """
    seeds = seeds_of(request.config, request.seeds)
    if request.jobs == 1:
        worlds = [_run_world(request, seed, progress) for seed in seeds]
    else:
        # New processes rather than copies of this one, whose threads may hold locks.
        with ProcessPoolExecutor(request.jobs, get_context("spawn")) as pool:
            worlds = []
            for seed, world in zip(seeds, pool.map(_run_world, repeat(request), seeds), strict=True):
                progress(f"{request.config.name}-{seed}: done")
                worlds.append(world)
    held = _held(request.config, [(world.earthworks, world.kinds, world.km2) for world in worlds])
    variants = {name: tuple(world.runs[name] for world in worlds) for name, _ in _variants(request.without)}
    return Campaign(request, held, worlds[0].contract, variants)


def _run_world(request: CampaignRequest, seed: int, progress: Progress = lambda line: None) -> _World:
    """One world of a campaign."""
    config, first = request.config, first_look(request.config)
    world, runs = world_of(config, seed), {}
    contract = contract_lines(world, request.reference) if seed == seeds_of(config, 1)[0] else ()
    with tempfile.TemporaryDirectory() as folder:
        progress(f"{world.spec.aoi.id}: {len(world.fills)} earthworks, {len(world.confusers)} confusers; rendering")
        replay = Replay(world, Path(folder), request.profile)
        for name, ablation in _variants(request.without):
            progress(f"{world.spec.aoi.id}: {name}")
            runs[name] = compare(world, replay.run(first, ablation, progress))
    kinds = tuple(event.kind.value for event in (*world.fills, *world.confusers))
    return _World(len(world.fills), kinds, _km2(world), tuple(contract), runs)


def _variants(without: Sequence[Ablation]) -> Iterator[tuple[str, Ablation | None]]:
    yield WHOLE, None
    for ablation in dict.fromkeys(without):
        yield f"without {ablation}", ablation


def compare(world: World, replayed: Replayed) -> Matched:
    """The sites of a replay against the earthworks and confusers of its world."""
    grid, slope = world.grid, world.terrain.slope_deg
    truths = [replace(truth_of(world, e, True), slope_deg=_mean(slope, e.outline, grid)) for e in world.fills]
    confusers = [truth_of(world, e, False) for e in world.confusers]
    sites = found_sites(
        active(replayed.table), list(replayed.table.tickets.values()), replayed.sensors, replayed.profile
    )
    placed = [
        replace(s, slope_deg=_mean(slope, s.outline, grid), place=_cover(world, s.outline)) for s in sites
    ]  # fmt: skip
    scope = Scope(replayed.aoi.id, replayed.watched_m2, replayed.first, replayed.last)
    matched = match(scope, [*truths, *confusers], placed)
    return replace(matched, truths=tuple(replace(t, seen_days=_seen(t.truth, replayed.sights)) for t in matched.truths))


def _seen(truth: Truth, sights: Sequence[Sight]) -> dict[str, int]:
    """Days since an earthwork began on which each sensor saw at least half of it."""
    seen = {(s.sensor, s.day) for s in sights if s.day >= truth.began_on and s.share_of(truth.outline) >= 0.5}
    return {sensor.value: sum(each is sensor for each, _ in seen) for sensor in INSTRUMENTS}


def truth_of(world: World, event: Event, is_earthwork: bool) -> Truth:
    """An event of a world as truth: as large as it had become on the world's last day, finished where it was by then."""
    last = world.spec.last
    return Truth(
        id=event.id,
        kind=event.kind.value,
        outline=event.outline,
        began_on=event.cleared_on,
        moved_on=event.filled_on,
        ended_on=event.ready_on if event.ready_on <= last else None,
        area_m2=event.changed_m2(last, world.grid.pixel_m),
        is_earthwork=is_earthwork,
    )


def found_sites(
    sites: Sequence[Site], tickets: Sequence[Ticket], sensors: Mapping[str, Sensor], profile: Profile
) -> list[Found]:
    """Sites with the day of their first valid ticket; `sensors` tells the instrument of each scene id."""
    opened: dict[str, date] = {}
    for ticket in sorted(tickets, key=lambda t: t.opened_at, reverse=True):
        if ticket.withdrawn_reason is None:
            opened[ticket.site_id] = ticket.opened_at.date()
    return [
        Found(
            id=site.id,
            kind=site.kind,
            outline=site.outline,
            first_seen_on=site.first_seen_at.date(),
            confirmed_on=None if site.first_confirmed_at is None else site.first_confirmed_at.date(),
            ticketed_on=opened.get(site.id),
            area_m2=site.area_m2,
            area_error_m2=site.area_error_m2,
            score=site.score_max,
            priority=priority_of(site, profile).value,
            sensors="+".join(sorted({sensors[s].value for s in site.scene_ids if s in sensors})),
        )
        for site in sites
    ]


def _mean(field: FloatArray, outline: BaseGeometry, grid: Grid) -> float | None:
    """Mean of a field (y, x) over an outline; None where no pixel's centre lies in it."""
    drawn = draw_mask(outline, grid)
    return float(field[drawn.slices][drawn.mask].mean()) if drawn.mask.any() else None


def _cover(world: World, outline: BaseGeometry) -> str:
    """Name of the commonest land cover under an outline."""
    drawn = draw_mask(outline, world.grid)
    under = world.cover.classes[drawn.slices][drawn.mask]
    return Cover(int(np.bincount(under.ravel()).argmax())).name.lower() if under.size else ""


def _km2(world: World) -> float:
    return world.grid.height * world.grid.width * world.grid.pixel_m**2 / 1e6


def _held(config: WorldConfig, worlds: Sequence[tuple[int, tuple[str, ...], float]]) -> Held:
    years = ((config.last - config.first).days + 1) / 365.25
    km2 = sum(area for _, _, area in worlds)
    works = sum(count for count, _, _ in worlds)
    names = [kind for _, kinds, _ in worlds for kind in kinds]
    rate = km2 * years
    return Held(
        len(worlds), km2, works / rate, (len(names) - works) / rate, {k: names.count(k) for k in sorted(set(names))}
    )
