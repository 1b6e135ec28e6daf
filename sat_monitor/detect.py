"""detect: every owed look, computed and committed with its sites and tickets, one transaction per scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sat_monitor.change_detect.windows import day_number
from sat_monitor.core.clock import iso
from sat_monitor.core.domain import AOI, EventDraft, Scene
from sat_monitor.core.errors import SatMonitorError, SceneReject, ServiceError
from sat_monitor.core.units import pixel_area_m2
from sat_monitor.fold import CHECKPOINT_EVERY, ChainedLook, DetectedLook, LookFold, chain, first_owed
from sat_monitor.imagery.source import Source
from sat_monitor.observe import ACTOR, Problem
from sat_monitor.scoring import Bench
from sat_monitor.store.codec import look_to_plain
from sat_monitor.store.store import Lease, Store
from sat_monitor.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Detected:
    """What one night's detection did for an AOI; `looks` counts the wanted ones, areas in m2.

    `problems` are tonight's: scenes that proved unusable, files that were found damaged, looks that were held.
    """

    looks: int
    computed: int
    problems: tuple[Problem, ...]
    watched_m2: float
    not_observed_m2: float


@dataclass(frozen=True, slots=True)
class DetectDesk:
    """What detection works with; `sources` serve to fetch a damaged file again."""

    bench: Bench
    checkpoints: Path
    sources: Sequence[Source]
    shelf: tuple[Store, Lease]
    progress: Callable[[str], None]

    @property
    def aoi(self) -> AOI:
        """The AOI at work."""
        return self.bench.aoi


def detect_aoi(desk: DetectDesk, scenes: Sequence[Scene], wanted: frozenset[str]) -> Detected:
    """Compute and commit every owed look of `wanted` (scene ids), in order; nothing is owed twice."""
    problems: list[Problem] = []
    kept, computed = list(scenes), 0
    while True:
        chained = chain(kept, wanted, desk.bench.profile, desk.bench.terrain, desk.bench.network_sha256)
        given = [look for look in desk.shelf[0].looks(desk.aoi.id) if look.interferometry]
        fold = LookFold(desk.bench, kept, desk.checkpoints, given=given)
        done, damaged = _advance(desk, fold, chained, problems)
        computed += done
        if damaged is None:
            return _detected(desk, fold, chained, computed, problems)
        # A file that cannot be had again leaves the history, and what was built on it is computed anew without it.
        kept = [scene for scene in kept if scene.id != damaged]
        wanted -= {damaged}


def _advance(
    desk: DetectDesk, fold: LookFold, chained: Sequence[ChainedLook], problems: list[Problem]
) -> tuple[int, str | None]:
    """Looks committed from the first owed one on, and the id of a scene that is lost, where one is.

    Stops early, with nothing lost, where a damaged file is to come from a service that does not answer.
    """
    store = desk.shelf[0]
    stored = store.look_inputs(desk.aoi.id)
    owed = first_owed(chained, stored)
    # While older looks are computed anew, the tables stay as they are: tickets that follow again are not withdrawn.
    caught_up = max((i for i, look in enumerate(chained) if look.scene.id in stored), default=-1)
    looks = {look.scene_id: look for look in store.looks(desk.aoi.id)}
    number, done = fold.resume(chained, looks, owed), 0
    while number < len(chained):
        try:
            moved = fold.advance(chained[number])
        except SceneReject as reject:
            try:
                again = _restored(desk, reject, problems)
            except ServiceError as error:
                # Not lost, not there: this look and the later ones stay owed until the service answers.
                problems.append(Problem(reject.scene_id, error.code, error.message, True))
                return done, None
            if not again:
                return done, reject.scene_id
            continue
        if number >= owed:
            _commit(desk, fold, moved, tables=number >= caught_up)
            problems += _problems_of(moved)
            done += 1
            desk.progress(f"{desk.aoi.id}: look {number + 1}/{len(chained)} {moved.look.scene_id}")
        number += 1
        if number == len(chained) or number % CHECKPOINT_EVERY == 0:
            fold.checkpoint(moved)
    return done, None


def _restored(desk: DetectDesk, reject: SceneReject, problems: list[Problem]) -> bool:
    """Whether a damaged archived file could be fetched again; either way the night says so."""
    store, lease = desk.shelf
    scene = next((s for s in store.scenes(desk.aoi.id) if s.id == reject.scene_id), None)
    if scene is None:
        raise reject
    again = _fetched_again(desk, scene)
    what = f"{reject.what}; {'fetched again from its source' if again else 'its source does not hold it any more'}"
    problem = SatMonitorError(reject.code, what, reject.kept)
    with store.transaction(lease) as transaction:
        kept = again or scene
        hashes = {"file_sha256": kept.file_sha256, "pixels_sha256": kept.pixels_sha256}
        body = {"scene": scene.id, "aoi": scene.aoi, "code": reject.code, "what": what, **hashes}
        transaction.append(EventDraft("scene.restored" if again else "scene.lost", ACTOR, body))
        if again is not None:
            transaction.put_scene(again)
        else:
            transaction.put_rejection(scene.aoi, scene.id, scene.source_id, reject.code, what)
            transaction.remove_look(scene.aoi, scene.id)
    problems.append(Problem(scene.id, reject.code, problem.message, again is not None))
    desk.progress(f"{desk.aoi.id}: {problem.message}")
    return again is not None


def _fetched_again(desk: DetectDesk, scene: Scene) -> Scene | None:
    """The scene archived anew with the same pixels, None where no source holds it."""
    for source in desk.sources:
        listing = source.listing(desk.aoi, scene.acquired_at, scene.acquired_at + timedelta(seconds=1))
        for offer in (o for o in listing.offers if o.id == scene.id):
            try:
                return desk.bench.archive.put_scene(offer, source.fetch(offer, desk.aoi))
            except SceneReject:
                continue
    return None


def _commit(desk: DetectDesk, fold: LookFold, done: DetectedLook, tables: bool) -> None:
    """Look, events and, where `tables`, site rows, tickets and outbox rows of one scene, in one transaction."""
    store, lease = desk.shelf
    look, table = done.look, fold.final_table()
    with store.transaction(lease) as transaction:
        if transaction.put_look(look, done.inputs_sha256):
            body = {"look": look_to_plain(look), "inputs_sha256": done.inputs_sha256}
            transaction.append(EventDraft("look.recorded", ACTOR, body))
        _commit_refusal(transaction, done)
        for event in done.step.events:
            where = {"site": event.site_id, "scene": event.scene_id, "at": iso(event.at)}
            transaction.append(EventDraft(event.kind, ACTOR, {**where, **event.body}))
        if not tables:
            return
        transaction.put_sites(look.aoi, list(table.sites.values()))
        transaction.put_tickets(look.aoi, list(table.tickets.values()))
        for ticket in table.tickets.values():
            if ticket.withdrawn_reason is None:
                transaction.enqueue(f"{ticket.id}:folder", ticket.id, "folder", {"aoi": ticket.aoi})


def _commit_refusal(transaction: Transaction, done: DetectedLook) -> None:
    look, refused = done.look, done.refused
    if refused is None:
        transaction.remove_rejection(look.aoi, look.scene_id)
    elif transaction.put_rejection(look.aoi, look.scene_id, "archive", refused.code, refused.what):
        body = {"scene": look.scene_id, "aoi": look.aoi, "code": refused.code, "what": refused.what}
        transaction.append(EventDraft("scene.rejected", ACTOR, body))


def _problems_of(done: DetectedLook) -> list[Problem]:
    problems = []
    if done.refused is not None:
        problems.append(Problem(done.look.scene_id, done.refused.code, done.refused.message, False))
    if done.held:
        held = SatMonitorError("E1303", f"{done.look.scene_id}: {done.held} new places", "all candidates, without hits")
        problems.append(Problem(done.look.scene_id, held.code, held.message, False))
    return problems


def _detected(
    desk: DetectDesk, fold: LookFold, chained: Sequence[ChainedLook], computed: int, problems: Sequence[Problem]
) -> Detected:
    pixel = pixel_area_m2(fold.grid.pixel_m)
    since = day_number(chained[0].scene.acquired_at) if chained else 0
    hidden = desk.bench.watched & (fold.state.seen_day < max(since, 1))
    watched = float(desk.bench.watched.sum()) * pixel
    return Detected(len(chained), computed, tuple(problems), watched, float(hidden.sum()) * pixel)
