"""The fold of looks of one AOI: evidence field and sites, advanced look by look.

A look is a pure function of the scenes up to it and the profile. `chain` gives each look the hash of all of that, so
"what is owed?" is a comparison of hashes: a late scene changes the hash of every later look, and they are recomputed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shapely import STRtree

from sat_monitor import __version__
from sat_monitor.change_detect.alerts import READERS, news
from sat_monitor.change_detect.evidence import EvidenceState, empty_state, told, update
from sat_monitor.change_detect.patches import FieldLook, cut_patches, surely_supported
from sat_monitor.change_detect.suspect import admitted, without
from sat_monitor.change_detect.windows import day_number
from sat_monitor.checkpoints import load_checkpoint, save_checkpoint
from sat_monitor.core.domain import Candidate, ChangeMap, FloatArray, Look, Scene, Sensor
from sat_monitor.core.errors import SceneReject
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.illumination import sun_over, sunless
from sat_monitor.imagery.sensors import comparable
from sat_monitor.imagery.terrain import Terrain
from sat_monitor.masks import MaskCache
from sat_monitor.registration import Registrar
from sat_monitor.scoring import DETECTORS, Bench, part_of, score_scene, told_scene
from sat_monitor.sites.lifecycle import SiteTable, Step, changed, fold, step

#: Looks between two checkpoints within one run.
CHECKPOINT_EVERY = 30
#: How a change map of a day (since 1970) moves the field: the new state, and support (nats) per pixel of the window.
Rule = Callable[[EvidenceState, ChangeMap, Sensor, int, Profile], tuple[EvidenceState, FloatArray]]


@dataclass(frozen=True, slots=True)
class ChainedLook:
    """A scene whose look is wanted, with the hash of everything that look depends on."""

    scene: Scene
    inputs_sha256: str


@dataclass(frozen=True, slots=True)
class DetectedLook:
    """A look with the lifecycle step it caused; `refused` says why it is blind, `held` how many new places wait."""

    look: Look
    inputs_sha256: str
    step: Step
    refused: SceneReject | None = None
    held: int = 0


def chain(
    scenes: Sequence[Scene], wanted: frozenset[str], profile: Profile, terrain: Terrain | None = None,
    network_sha256: str = "",
) -> list[ChainedLook]:  # fmt: skip
    """The wanted looks in order, each with a hash over profile, version, terrain, network and every scene up to it."""
    relief = "" if terrain is None else f"|{terrain.inputs_sha256}"
    network = f"|{network_sha256}" if network_sha256 else ""
    digest = hashlib.sha256(f"{__version__}|{profile.sha256}{relief}{network}".encode()).hexdigest()
    chained = []
    for scene in sorted(scenes, key=lambda s: s.order):
        is_look = scene.id in wanted
        digest = hashlib.sha256(f"{digest}|{scene.id}|{scene.pixels_sha256}|{int(is_look)}".encode()).hexdigest()
        if is_look:
            chained.append(ChainedLook(scene, digest))
    return chained


def first_owed(chained: Sequence[ChainedLook], stored: Mapping[str, str]) -> int:
    """Index of the first look that the store lacks or holds with other inputs; len(chained) when nothing is owed."""
    for i, look in enumerate(chained):
        if stored.get(look.scene.id) != look.inputs_sha256:
            return i
    return len(chained)


class LookFold:
    """The running fold of one AOI: evidence field and site table, advanced look by look.

    Nights use the evidence of METHOD 9 as `rule`; an evaluation may ask what another rule would have found. `given` are
    looks that no scene makes (inversions); they take their place in the order of the fold.
    """

    def __init__(
        self, bench: Bench, scenes: Sequence[Scene], checkpoints: Path, rule: Rule = update,
        given: Sequence[Look] = (),
    ) -> None:  # fmt: skip
        self._rule = rule
        self._given = deque(sorted(given, key=lambda look: look.order))
        self._bench = bench
        self._scenes = sorted(scenes, key=lambda s: s.order)
        self._checkpoints = checkpoints
        self._registrar = Registrar(bench.archive, bench.profile.imagery, checkpoints / "shifts.json")
        self._masks = MaskCache(bench.aoi.grid)
        self.grid = grid = bench.aoi.grid
        self.state = empty_state(grid.shape, bench.profile.evidence, grid.pixel_m)
        self.table = SiteTable({}, {})

    def resume(self, chained: Sequence[ChainedLook], looks: Mapping[str, Look], owed: int) -> int:
        """Go back to the newest checkpoint before look `owed`; returns the index of the first look to compute."""
        shape = self._bench.aoi.grid.shape
        for i in range(owed - 1, -1, -1):
            look = looks[chained[i].scene.id]
            state = load_checkpoint(self._checkpoints, look, chained[i].inputs_sha256, shape)
            if state is not None:
                self.state = state
                done = [looks[c.scene.id] for c in chained[: i + 1]]
                self.table = fold([*done, *self._passed(done[-1])], self._bench.profile)
                return i + 1
        return 0

    def advance(self, chained: ChainedLook) -> DetectedLook:
        """Compute one look, archive its change map and move the fold.

        A tested scene that proves unusable (off its reference, say) makes a blind look: it saw nothing and moves
        nothing, and whether it does is asked again when its inputs change. Raises SceneReject, before anything
        changed, where another scene or a file is at fault (E1102).
        """
        scene = chained.scene
        where = part_of(self._bench.aoi.grid, scene.grid)
        try:
            change = self._admitted(self._change_map(scene, where), scene, self.state.window(where))
        except SceneReject as reject:
            if reject.code == "E1102" or reject.scene_id not in ("", scene.id):
                raise
            return self.blinded(chained, reject)
        self._bench.archive.put_change_map(scene.aoi, change, scene)
        return self.looked(chained, change)

    def looked(self, chained: ChainedLook, change: ChangeMap) -> DetectedLook:
        """Move the fold by a change map of the look's scene, one that was just computed or one of the archive."""
        scene, profile = chained.scene, self._bench.profile
        where = part_of(self._bench.aoi.grid, scene.grid)
        day = day_number(scene.acquired_at)
        part, ratio = self._rule(self.state.window(where), change, scene.sensor, day, profile)
        self.state = self.state.put(where, part)
        field = FieldLook(self.state, self._bench.aoi.grid, change, ratio, (where[0].start, where[1].start), day)
        candidates, held = self._hold(cut_patches(field, self._bench.watched, profile))
        look = Look(scene.id, scene.aoi, scene.sensor, scene.acquired_at, candidates, self._seen(field))
        return self._moved(look, chained, held=held)

    def _admitted(self, change: ChangeMap, scene: Scene, state: EvidenceState) -> ChangeMap:
        """The change map without ground that shows nothing new.

        That is ground in shade, for the second time that day or in doubt, and alerts that were told before.
        """
        if scene.sensor in READERS:
            return news(change, told(state, scene.sensor))
        if scene.sensor is not Sensor.S2:
            return change
        hidden = state.optical_day == day_number(scene.acquired_at)
        terrain, settings = self._bench.terrain, self._bench.profile.optical
        if terrain is not None:
            sun = sun_over(scene.grid, scene.acquired_at)
            hidden |= sunless(terrain, sun, settings.min_incidence_cosine)[part_of(terrain.grid, scene.grid)]
        return admitted(without(change, hidden), state.suspect_looks, settings)

    def blinded(self, chained: ChainedLook, refused: SceneReject) -> DetectedLook:
        """Move the fold by a look that saw nothing, for its scene was refused."""
        scene = chained.scene
        return self._moved(Look(scene.id, scene.aoi, scene.sensor, scene.acquired_at, ()), chained, refused=refused)

    def _moved(
        self, look: Look, chained: ChainedLook, refused: SceneReject | None = None, held: int = 0
    ) -> DetectedLook:
        for given in self._passed(look):
            self.table = step(self.table, given, self._bench.profile).table
        moved = step(self.table, look, self._bench.profile)
        self.table = moved.table
        return DetectedLook(look, chained.inputs_sha256, moved, refused, held)

    def _passed(self, look: Look) -> list[Look]:
        """The given looks that come before a look and were not folded yet."""
        found = []
        while self._given and self._given[0].order < look.order:
            found.append(self._given.popleft())
        return found

    def final_table(self) -> SiteTable:
        """The table after all looks, those too that were given and are newer than the last scene."""
        table = self.table
        for given in self._given:
            table = step(table, given, self._bench.profile).table
        return table

    def _hold(self, candidates: tuple[Candidate, ...]) -> tuple[tuple[Candidate, ...], int]:
        """Without hits where a scene shows abnormally many new places (snow, flood, a fault), and how many they were.

        What is abnormal must not depend on `alarm_score`: a stricter alarm would let pass what a looser one holds.
        """
        standing = [site.outline for site in changed(self.table) if site.first_confirmed_at is not None]
        known = STRtree(standing)
        new = [c for c in candidates if known.query(c.outline, predicate="intersects").size == 0]
        if sum(surely_supported(c) for c in new) <= self._bench.profile.tickets.hold_above:
            return candidates, 0
        anchors = {c.anchor for c in new if c.hit}
        return tuple(replace(c, hit=False) if c.anchor in anchors else c for c in candidates), len(anchors)

    def checkpoint(self, done: DetectedLook) -> None:
        """Keep the field as it stands after `done`, and the shifts that were measured."""
        self._registrar.save()
        save_checkpoint(self._checkpoints, done.look, done.inputs_sha256, self.state)

    def save_shifts(self) -> None:
        """Keep the shifts that were measured, for whoever folds these scenes next."""
        self._registrar.save()

    def _change_map(self, scene: Scene, where: tuple[slice, slice]) -> ChangeMap:
        if scene.sensor in READERS:
            return told_scene(self._bench, scene)
        earlier = [s for s in self._scenes if s.order < scene.order and comparable(s, scene)]
        frozen = self.state.frozen_day[where]
        history = DETECTORS[scene.sensor].history(scene, earlier, int(frozen.min()), self._bench.profile)
        shifts = self._registrar.shifts(scene, earlier, history)
        usable = [s for s in history if s.id in shifts]
        return score_scene(self._bench, scene, usable, frozen, shifts)

    def _seen(self, field: FieldLook) -> dict[str, float]:
        """Share of each active site that the look saw; sites outside the scene are left out."""
        shares = {}
        for site in changed(self.table):
            drawn = self._masks.mask(site.outline)
            total = int(drawn.mask.sum())
            seen = field.seen_part(drawn.mask, drawn.slices) if total else None
            if seen is not None:
                shares[site.id] = float(seen.sum()) / total
        return shares
