"""One night: observe -> detect -> publish per AOI. The store is the only truth, so a night asks what is owed.

Running a night again changes nothing but the run_* rows; a night after an outage, a retry and the recovery from a
crash are this same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sat_monitor.change_detect.windows import day_number
from sat_monitor.core.clock import TOKYO, Clock, iso
from sat_monitor.core.domain import AOI, BoolArray, EventDraft, Scene
from sat_monitor.core.errors import SatMonitorError, SceneReject
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile, render_profile
from sat_monitor.core.units import pixel_area_m2
from sat_monitor.fold import CHECKPOINT_EVERY, ChainedLook, DetectedLook, LookFold, chain, first_owed
from sat_monitor.imagery.aois import AoiRegistry, detection_mask
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.folder import FolderSource
from sat_monitor.imagery.source import Source
from sat_monitor.imagery.stack import StackReader
from sat_monitor.observe import ACTOR, Observed, Problem, observe_aoi
from sat_monitor.publish import Desk, Published, publish_due
from sat_monitor.report import AoiReport, NightReport, report_path, write_report
from sat_monitor.scoring import Bench
from sat_monitor.store.codec import look_to_plain
from sat_monitor.store.store import Lease, Store

#: Days before a night from which scenes are looks on the very first night of an AOI.
FIRST_NIGHT_DAYS = 60
LEASE_SECONDS = 6 * 3600
CACHE_BYTES = 1 << 30

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NightRequest:
    """What a night is asked to do: AOIs, the Japan days whose scenes become looks, the profile, the page language."""

    home: Home
    aoi_ids: tuple[str, ...]
    start: date | None
    end: date
    profile: Profile
    lang: str = "ja"
    sources: tuple[Source, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Detected:
    """What one night's detection did for an AOI; `looks` counts the wanted ones, areas in m2."""

    looks: int
    computed: tuple[DetectedLook, ...]
    rejected: tuple[Problem, ...]
    superseded: int
    watched_m2: float
    not_observed_m2: float


@dataclass(frozen=True, slots=True)
class _Desk:
    """The open house of one night: store under a lease, archive, AOIs."""

    request: NightRequest
    clock: Clock
    progress: Progress
    registry: AoiRegistry
    archive: Archive
    store: Store
    lease: Lease

    @property
    def shelf(self) -> tuple[Store, Lease]:
        """Store and lease, as the steps take them."""
        return self.store, self.lease


@contextmanager
def _open(request: NightRequest, clock: Clock, progress: Progress) -> Iterator[_Desk]:
    request.home.root.mkdir(parents=True, exist_ok=True)
    with Store(request.home.database, clock) as store, store.lease("night", LEASE_SECONDS) as lease:
        registry = AoiRegistry(request.home.aoi)
        desk = _Desk(request, clock, progress, registry, Archive(request.home.archive), store, lease)
        _record_profile(desk)
        yield desk


def _record_profile(desk: _Desk) -> None:
    """The first use of a profile is an event that holds its full text; the shipped one is approved by its release."""
    profile = desk.request.profile
    if desk.store.has_profile(profile.sha256):
        return
    kind = "profile.shipped" if profile == Profile() else "profile.loaded"
    body = {"name": profile.name, "sha256": profile.sha256, "toml": render_profile(profile)}
    with desk.store.transaction(desk.lease) as transaction:
        transaction.append(EventDraft(kind, ACTOR, body))


def observe(request: NightRequest, aoi_id: str, clock: Clock, progress: Progress = print) -> Observed:
    """Archive what the sources list for the AOI and the store does not hold."""
    with _open(request, clock, progress) as desk:
        return _observe(desk, aoi_id)


def detect(request: NightRequest, aoi_id: str, clock: Clock, progress: Progress = print) -> Detected:
    """Compute the owed looks of the AOI, each committed with its sites and tickets."""
    with _open(request, clock, progress) as desk:
        return _detect(desk, desk.registry.get(aoi_id))


def publish(request: NightRequest, aoi_id: str, clock: Clock, progress: Progress = print) -> Published:
    """Render the AOI's due tickets."""
    with _open(request, clock, progress) as desk:
        return _publish(desk, desk.registry.get(aoi_id))


def run_night(request: NightRequest, clock: Clock, progress: Progress = print) -> NightReport:
    """The whole night; one failed AOI never stops the others. Writes the night report and a run_* row."""
    reports: list[AoiReport] = []
    failed: list[str] = []
    with _open(request, clock, progress) as desk:
        for aoi_id in request.aoi_ids:
            try:
                reports.append(_run_aoi(desk, aoi_id))
            except SatMonitorError as error:
                failed.append(f"{aoi_id}: {error.message}")
            except Exception as error:  # the night goes on whatever one AOI does; the report names it
                wrapped = SatMonitorError("E1301", f"{type(error).__name__}: {error}", "everything committed before")
                failed.append(f"{aoi_id}: {wrapped.message}")
        report = summary(request, tuple(reports), tuple(failed), str(desk.store.head()))
        write_report(report)
        desk.store.record_run("night", {"end": request.end.isoformat(), "degraded": report.degraded})
    return report


def summary(request: NightRequest, reports: tuple[AoiReport, ...], failed: tuple[str, ...], head: str) -> NightReport:
    """The night report of finished AOI reports."""
    path = report_path(request.home, request.start, request.end)
    profile = request.profile
    return NightReport(request.start, request.end, profile.name, profile.sha256, head, reports, failed, path)


def _run_aoi(desk: _Desk, aoi_id: str) -> AoiReport:
    observed = _observe(desk, aoi_id)
    aoi = desk.registry.get(aoi_id)
    detected = _detect(desk, aoi)
    published = _publish(desk, aoi)
    return aoi_report(desk.store, aoi_id, observed, detected, published)


def aoi_report(store: Store, aoi_id: str, observed: Observed, detected: Detected, published: Published) -> AoiReport:
    """The accounting of one AOI from its three steps."""
    sites = [site for site in store.sites(aoi_id) if site.merged_into is None]
    bad = {problem.scene_id for problem in detected.rejected}
    offered = {offer.id for offer in observed.offers}
    gone = len(bad & offered)
    problems = [p.message for p in (*observed.problems, *detected.rejected)] + list(published.problems)
    return AoiReport(
        aoi=aoi_id,
        expected=len(offered),
        processed=len(offered) - len(observed.problems) - gone,
        deferred=len(observed.deferred),
        rejected=len(observed.rejected) + gone,
        superseded=0,
        new_scenes=len(observed.archived_now),
        looks_computed=len(detected.computed),
        suspected=sum(site.first_confirmed_at is None for site in sites),
        confirmed=sum(site.first_confirmed_at is not None for site in sites),
        tickets_delivered=len(published.delivered),
        tickets_waiting=len(published.waiting),
        watched_m2=detected.watched_m2,
        not_observed_m2=detected.not_observed_m2,
        problems=tuple(problems),
        simulated=any(offer.simulated for offer in observed.offers),
    )


def _days(request: NightRequest) -> tuple[datetime | None, datetime]:
    """The request's Japan days as UTC times [start, end)."""
    end = datetime.combine(request.end + timedelta(days=1), time(), TOKYO).astimezone(UTC)
    if request.start is None:
        return None, end
    return datetime.combine(request.start, time(), TOKYO).astimezone(UTC), end


def _observe(desk: _Desk, aoi_id: str) -> Observed:
    aoi = desk.registry.get(aoi_id)
    request = desk.request
    start, end = _days(request)
    back = timedelta(days=request.profile.imagery.look_back_days)
    sources = request.sources or (FolderSource(request.home.inbox),)
    return observe_aoi(aoi, ((start or end) - back, end), sources, desk.archive, desk.shelf, desk.progress)


def _wanted(desk: _Desk, scenes: Sequence[Scene], stored: dict[str, str]) -> frozenset[str]:
    """Ids of scenes whose look is wanted: those of the request's days and those that have one already."""
    start, end = _days(desk.request)
    if start is None:
        looked = [s.acquired_at for s in scenes if s.id in stored]
        start = min(looked, default=end - timedelta(days=FIRST_NIGHT_DAYS))
    return frozenset(s.id for s in scenes if s.id in stored or start <= s.acquired_at < end)


def _detect(desk: _Desk, aoi: AOI) -> Detected:
    profile, store = desk.request.profile, desk.store
    refused = {row.scene_id for row in store.rejections(aoi.id)}
    scenes = [scene for scene in store.scenes(aoi.id) if scene.id not in refused]
    stored = store.look_inputs(aoi.id)
    wanted = _wanted(desk, scenes, stored)
    watched = detection_mask(aoi, profile.imagery.margin_m)
    bench = Bench(aoi, desk.archive, StackReader(desk.archive, profile.imagery, CACHE_BYTES), profile, watched)
    rejected: list[Problem] = []
    while True:
        chained = chain(scenes, wanted, profile)
        owed = first_owed(chained, stored)
        fold = LookFold(bench, scenes, desk.request.home.evidence / aoi.id)
        done, bad = _advance(desk, fold, chained, owed)
        if bad is None:
            break
        rejected.append(bad)
        scenes = [scene for scene in scenes if scene.id != bad.scene_id]
        wanted -= {bad.scene_id}
        stored = store.look_inputs(aoi.id)
    return _detected(fold, chained, done, tuple(rejected), watched)


def _advance(
    desk: _Desk, fold: LookFold, chained: Sequence[ChainedLook], owed: int
) -> tuple[list[DetectedLook], Problem | None]:
    """Compute and commit every look from the first owed one on; stops at a scene that must be rejected."""
    done: list[DetectedLook] = []
    looks = {look.scene_id: look for look in desk.store.looks(chained[0].scene.aoi)} if chained else {}
    first = fold.resume(chained, looks, owed)
    for number, look in enumerate(chained[first:], start=first + 1):
        try:
            moved = fold.advance(look)
        except SceneReject as reject:
            return done, _reject(desk, look.scene, reject)
        if number > owed:
            _commit(desk, fold, moved)
            done.append(moved)
            desk.progress(f"{look.scene.aoi}: look {number}/{len(chained)} {look.scene.id}")
        if number == len(chained) or len(done) % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1:
            fold.checkpoint(moved)
    return done, None


def _reject(desk: _Desk, scene: Scene, reject: SceneReject) -> Problem:
    """A scene that proved unusable: its number is kept, its look (if there was one) goes, the scene stays archived."""
    with desk.store.transaction(desk.lease) as transaction:
        transaction.put_rejection(scene.aoi, scene.id, scene.source_id, reject.code, reject.what)
        transaction.remove_look(scene.aoi, scene.id)
        body = {"scene": scene.id, "aoi": scene.aoi, "code": reject.code, "what": reject.what}
        transaction.append(EventDraft("scene.rejected", ACTOR, body))
    desk.progress(f"{scene.aoi}: {reject.message}")
    return Problem(scene.id, reject.code, reject.message, reject.temporary)


def _commit(desk: _Desk, fold: LookFold, done: DetectedLook) -> None:
    """Look, events, site rows, tickets and outbox rows of one scene, in one transaction."""
    look, table = done.look, fold.table
    with desk.store.transaction(desk.lease) as transaction:
        if transaction.put_look(look, done.inputs_sha256):
            body = {"look": look_to_plain(look), "inputs_sha256": done.inputs_sha256}
            transaction.append(EventDraft("look.recorded", ACTOR, body))
        for event in done.step.events:
            body = {"site": event.site_id, "scene": event.scene_id, "at": iso(event.at), **event.body}
            transaction.append(EventDraft(event.kind, ACTOR, body))
        transaction.put_sites(look.aoi, list(table.sites.values()))
        transaction.put_tickets(look.aoi, list(table.tickets.values()))
        for ticket in table.tickets.values():
            if ticket.withdrawn_reason is None:
                transaction.enqueue(f"{ticket.id}:folder", ticket.id, "folder", {"aoi": ticket.aoi})


def _detected(
    fold: LookFold,
    chained: Sequence[ChainedLook],
    done: Sequence[DetectedLook],
    rejected: tuple[Problem, ...],
    watched: BoolArray,
) -> Detected:
    pixel = pixel_area_m2(fold.grid.pixel_m)
    since = day_number(chained[0].scene.acquired_at) if chained else 0
    hidden = watched & (fold.state.seen_day < max(since, 1))
    return Detected(len(chained), tuple(done), rejected, 0, float(watched.sum()) * pixel, float(hidden.sum()) * pixel)


def _publish(desk: _Desk, aoi: AOI) -> Published:
    request, store = desk.request, desk.store
    scenes = tuple(store.scenes(aoi.id))
    chained = chain(scenes, frozenset(store.look_inputs(aoi.id)), request.profile)
    watched = detection_mask(aoi, request.profile.imagery.margin_m)
    bench = Bench(aoi, desk.archive, StackReader(desk.archive, request.profile.imagery, CACHE_BYTES), request.profile, watched)
    fold = LookFold(bench, scenes, request.home.evidence / aoi.id)
    fold.resume(chained, {look.scene_id: look for look in store.looks(aoi.id)}, len(chained))
    pages = Desk(request.home, aoi, desk.archive, request.profile, scenes, fold.state)
    return publish_due(pages, desk.shelf, request.lang, desk.clock(), desk.progress)
