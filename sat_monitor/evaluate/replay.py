"""A world's scenes through the night's own detection, without store, tickets or archived change maps.

What a night would have known on each day is what the replay knows: the same fold of looks, in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from sat_monitor.change_detect.evidence import EvidenceState, prior_log_odds, update
from sat_monitor.core.domain import AOI, ChangeMap, FloatArray, Scene, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.core.profile import Profile
from sat_monitor.fold import LookFold, Rule, chain
from sat_monitor.imagery.aois import detection_mask
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.stack import StackReader
from sat_monitor.masks import draw_mask
from sat_monitor.scoring import Bench
from sat_monitor.simulate.scenes import render_scenes
from sat_monitor.simulate.world import World
from sat_monitor.sites.lifecycle import SiteTable

if TYPE_CHECKING:
    from sat_monitor.models.weights import Network

Progress = Callable[[str], None]

#: Score (sigma) that two looks in a row must exceed where there is no evidence to add up: 1 in 1,000 looks by chance.
TWO_LOOK_SIGMA = 3.1
#: Planes of one world that stay in memory between looks: without room for them every look reads its whole stack anew.
_CACHE_BYTES = 3 << 30


class Ablation(StrEnum):
    """A part of the method that is left out, to see what it is worth."""

    SAR = "sar"
    OPTICAL = "optical"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look saw: UTC day, sensor, and the valid pixels of `grid`, packed into bits row by row."""

    day: date
    sensor: Sensor
    grid: Grid
    bits: NDArray[np.uint8]

    def share_of(self, outline: BaseGeometry) -> float:
        """Share (0..1) of an outline (metres) that the look saw; 0 where no pixel's centre lies in it."""
        drawn = draw_mask(outline, self.grid)
        height, width = self.grid.shape
        valid = np.unpackbits(self.bits, count=height * width).reshape(height, width)[drawn.slices][drawn.mask]
        return float(valid.mean()) if valid.size else 0.0


class ReplayArchive(Archive):
    """An archive of scenes that keeps of change maps only where they are valid: nobody will look at the rest."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.sights: list[Sight] = []

    def put_change_map(self, aoi: str, change: ChangeMap, scene: Scene) -> None:
        """Keep where it is valid."""
        self.sights.append(Sight(scene.acquired_at.date(), scene.sensor, change.grid, np.packbits(change.valid)))


@dataclass(frozen=True, slots=True)
class Replayed:
    """The table of sites after a span of looks; first and last day (UTC) are those of the world
    whatever sensors were used, `watched_m2` the ground that was watched, `profile` that of the run.

    `sensors` tells which instruments supported each scene id; `refused` counts looks that were unusable,
    `sights` what the others saw.
    """

    aoi: AOI
    table: SiteTable
    first: date
    last: date
    watched_m2: float
    sensors: dict[str, Sensor]
    looks: int
    refused: int
    sights: tuple[Sight, ...]
    profile: Profile


class Replay:
    """The archived scenes of one world, ready to be run through the detection as often as asked."""

    def __init__(self, world: World, folder: Path, profile: Profile) -> None:
        self._aoi, self._last = world.spec.aoi, world.spec.last
        self._profile = profile
        self._folder = folder
        self._archive = ReplayArchive(folder / "archive")
        with self._archive.batch():
            self._scenes = [self._archive.put_scene(offer, raster) for offer, raster in render_scenes(world)]
        self._reader = StackReader(self._archive, profile, _CACHE_BYTES)

    def run(self, first: date, without: Ablation | None, progress: Progress) -> Replayed:
        """All looks from `first` (UTC day) on; earlier scenes are history only."""
        scenes = _kept(self._scenes, without)
        profile = without_evidence(self._profile) if without is Ablation.EVIDENCE else self._profile
        rule: Rule = two_looks if without is Ablation.EVIDENCE else update
        watched = detection_mask(self._aoi, profile.imagery.margin_m)
        network = _network(profile)
        bench = Bench(self._aoi, self._archive, self._reader, profile, watched, network=network)
        # Shifts are measured once for all runs: they follow from the pixels alone.
        fold = LookFold(bench, scenes, self._folder / "shifts", rule)
        chained = chain(scenes, frozenset(s.id for s in scenes if s.acquired_at.date() >= first), profile)
        refused, self._archive.sights = 0, []
        for number, look in enumerate(chained, start=1):
            refused += fold.advance(look).refused is not None
            if number % 25 == 0:
                progress(f"{self._aoi.id}: look {number}/{len(chained)} {look.scene.id}")
        fold.save_shifts()
        sensors = {s.id: s.sensor for s in scenes}
        area = float(watched.sum()) * self._aoi.grid.pixel_m**2
        return Replayed(
            self._aoi,
            fold.table,
            first,
            self._last,
            area,
            sensors,
            len(chained),
            refused,
            tuple(self._archive.sights),
            profile,
        )


def _network(profile: Profile) -> Network | None:
    """The shipped network, read only where the profile gives it a share."""
    if profile.network.share == 0.0:
        return None
    from sat_monitor.models.weights import shipped_network

    return shipped_network()


def _kept(scenes: Sequence[Scene], without: Ablation | None) -> list[Scene]:
    left_out = {Ablation.SAR: Sensor.S1, Ablation.OPTICAL: Sensor.S2}.get(without) if without else None
    return [scene for scene in scenes if scene.sensor is not left_out]


def without_evidence(profile: Profile) -> Profile:
    """`profile` for `two_looks`: the rule asks for two looks itself, so that the first hit confirms."""
    return profile.model_copy(update={"lifecycle": profile.lifecycle.model_copy(update={"confirm_hits": 1})})


def two_looks(
    state: EvidenceState, change: ChangeMap, sensor: Sensor, day: int, profile: Profile
) -> tuple[EvidenceState, FloatArray]:
    """What a monitor without evidence does: a pixel is changed when two usable looks in a row exceed 3.1 sigma.

    `log_odds` holds the count in code: the prior for none, one below `outline_score` for one, `max_score` for two.
    The memory of stages moves as it does in the evidence, so that kinds and areas stay comparable.
    """
    settings = profile.evidence
    if not change.valid.any():
        return state, np.zeros(change.score.shape, np.float32)
    remembered, _ = update(state, change, sensor, day, profile)
    none = np.float32(prior_log_odds(settings, change.grid.pixel_m))
    once, twice = np.float32(settings.outline_score - 1.0), np.float32(settings.max_score)
    exceeds = change.valid & (np.nan_to_num(change.score, nan=0.0) > TWO_LOOK_SIGMA)
    risen = np.where(state.log_odds >= once, twice, once)
    counted = np.where(exceeds, risen, none)
    moved = replace(remembered, log_odds=np.where(change.valid, counted, state.log_odds).astype(np.float32))
    return moved, np.where(exceeds, np.float32(1.0), np.float32(-1.0)).astype(np.float32)
