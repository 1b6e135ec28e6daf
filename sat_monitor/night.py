"""One night: observe -> detect -> publish per AOI. The store is the only truth, so a night asks what is owed.

Running a night again changes nothing but the run_* rows; a night after an outage, a retry and the recovery from a
crash are this same code.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from sat_monitor.approval import record_use
from sat_monitor.core.clock import TOKYO, Clock
from sat_monitor.core.domain import AOI, Scene
from sat_monitor.core.errors import DeformationError, OverlayError, SatMonitorError
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile
from sat_monitor.delivery.run import DeliveryReport, deliver
from sat_monitor.detect import DetectDesk, Detected, detect_aoi
from sat_monitor.fold import LookFold, chain
from sat_monitor.imagery.aois import AoiRegistry, detection_mask
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.cadence import Cadence, Seen, cadences
from sat_monitor.imagery.files import sweep_parts, write_whole
from sat_monitor.imagery.source import Offer, Source
from sat_monitor.imagery.sources import read_sources
from sat_monitor.imagery.stack import StackReader
from sat_monitor.imagery.terrain import Terrain, get_terrain
from sat_monitor.observe import ACTOR, Observed, ObserveDesk, Window, observe_aoi
from sat_monitor.overlays.importing import newest
from sat_monitor.overlays.layers import Overlays
from sat_monitor.promotion import network_for
from sat_monitor.publish import Desk, Published, overview_picture, publish_due
from sat_monitor.report import AoiReport, NightReport, overview_path, report_path, write_report
from sat_monitor.scoring import Bench
from sat_monitor.services import open_sources
from sat_monitor.signs import signs_of
from sat_monitor.sites.flowpath import Relief
from sat_monitor.sites.funnel import funnel
from sat_monitor.sites.judging import Judged, judge
from sat_monitor.sites.judging import Place as JudgedPlace
from sat_monitor.store.store import Lease, Store

#: Days before a night from which scenes are looks on the very first night of an AOI.
FIRST_NIGHT_DAYS = 60
#: Over how long the rhythm of each track is measured.
CADENCE_OVER = timedelta(days=366)
LEASE_SECONDS = 6 * 3600
CACHE_BYTES = 1 << 30

Progress = Callable[[str], None]
Steps = tuple[Observed, Detected, Published]


@dataclass(frozen=True, slots=True)
class NightRequest:
    """What a night is asked to do: AOIs, the Japan days whose scenes become looks, the profile, the page language.

    `overlays` pins a version per kind; None takes the newest when the night begins.
    """

    home: Home
    aoi_ids: tuple[str, ...]
    start: date | None
    end: date
    profile: Profile
    lang: str = "ja"
    sources: tuple[Source, ...] = field(default=())
    overlays: Mapping[str, str] | None = None

    @property
    def pinned(self) -> NightRequest:
        """The same request with the overlays of this moment, so that an import meanwhile changes nothing."""
        return self if self.overlays is not None else replace(self, overlays=newest(self.home))


@dataclass(frozen=True, slots=True)
class _Desk:
    """The open house of one night: store under a lease, archive, AOIs."""

    request: NightRequest
    clock: Clock
    progress: Progress
    registry: AoiRegistry
    reader: StackReader
    store: Store
    lease: Lease
    #: Opened once a night, when first asked for: what is learnt of a service holds for all AOIs.
    open_sources: Callable[[], tuple[Source, ...]]

    @property
    def archive(self) -> Archive:
        """The archive of this installation."""
        return self.reader.archive

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where scenes come from: those of the request, else the inbox and what sources.toml names."""
        return self.request.sources or self.open_sources()

    @property
    def shelf(self) -> tuple[Store, Lease]:
        """Store and lease, as the steps take them."""
        return self.store, self.lease


@contextmanager
def _open(
    request: NightRequest, clock: Clock, progress: Progress, reader: StackReader | None = None
) -> Iterator[_Desk]:
    request.home.root.mkdir(parents=True, exist_ok=True)
    with Store(request.home.database, clock) as store, store.lease("night", LEASE_SECONDS) as lease:
        registry = AoiRegistry(request.home.aoi)
        sources = cache(lambda: open_sources(request.home, progress))
        desk = _Desk(request, clock, progress, registry, reader or stack_reader(request), store, lease, sources)
        record_use(desk.shelf, request.profile, ACTOR)
        yield desk


def observe(request: NightRequest, aoi_id: str, clock: Clock, progress: Progress = print) -> Observed:
    """Archive what the sources list for the AOI and the store does not hold."""
    with _open(request, clock, progress) as desk:
        return _observe(desk, aoi_id)


def detect(request: NightRequest, aoi_id: str, clock: Clock, progress: Progress = print) -> Detected:
    """Compute the owed looks of the AOI, each committed with its sites and tickets."""
    with _open(request, clock, progress) as desk, desk.archive.batch():
        return _detect(desk, desk.registry.get(aoi_id))


def publish(request: NightRequest, aoi_id: str, clock: Clock, progress: Progress = print) -> Published:
    """Render the AOI's due tickets."""
    with _open(request, clock, progress) as desk:
        return _publish(desk, desk.registry.get(aoi_id))


def stack_reader(request: NightRequest) -> StackReader:
    """A reader for the request's archive; nights that share one read each scene once."""
    return StackReader(Archive(request.home.archive), request.profile, CACHE_BYTES)


def run_night(
    request: NightRequest, clock: Clock, progress: Progress = print, reader: StackReader | None = None
) -> NightReport:
    """The whole night; one failed AOI never stops the others. Writes the night report and a run_* row."""
    reports: list[AoiReport] = []
    failed: list[str] = []
    with _open(request.pinned, clock, progress, reader) as desk:
        for aoi_id in request.aoi_ids:
            try:
                reports.append(_run_aoi(desk, aoi_id))
            except Exception as error:  # the night goes on whatever one AOI does; the report names it
                failed.append(failure(aoi_id, error))
        return _close(desk, tuple(reports), tuple(failed))


def failure(aoi_id: str, error: Exception) -> str:
    """What the report says of an AOI that could not be run."""
    known = isinstance(error, SatMonitorError)
    wrapped = SatMonitorError("E1301", f"{type(error).__name__}: {error}", "everything committed before")
    return f"{aoi_id}: {error.message if known else wrapped.message}"  # type: ignore[attr-defined]


def account(request: NightRequest, aoi_id: str, steps: Steps, clock: Clock) -> AoiReport:
    """The accounting of one AOI from its three finished steps."""
    with _open(request, clock, lambda _: None) as desk:
        return aoi_report(desk.store, aoi_id, steps, _days(request)[1])


def close(request: NightRequest, reports: tuple[AoiReport, ...], failed: tuple[str, ...], clock: Clock) -> NightReport:
    """Write the night report of finished AOIs and a run_* row."""
    with _open(request, clock, lambda _: None) as desk:
        return _close(desk, reports, failed)


def watched_aois(home: Home) -> tuple[str, ...]:
    """Ids of the AOIs that sources.toml names; without it those with imagery at hand; all where there is none."""
    settings = read_sources(home)
    ids = tuple(aoi.id for aoi in AoiRegistry(home.aoi).list())
    if settings.source:
        return settings.aois or ids
    folders = (home.inbox, home.archive)
    return tuple(i for i in ids if any((folder / i / "scenes").is_dir() for folder in folders)) or ids


def _close(desk: _Desk, reports: tuple[AoiReport, ...], failed: tuple[str, ...]) -> NightReport:
    request = desk.request
    delivery = _deliver(desk)
    report = replace(summary(request, reports, failed, str(desk.store.head())), delivery=delivery)
    write_report(report)
    desk.store.record_run("night", {"degraded": report.degraded, "report": report.to_markdown()})
    return report


def _deliver(desk: _Desk) -> DeliveryReport:
    """Last, and its failures are lines of the report: whatever it meets stops no night."""
    request = desk.request
    try:
        return deliver(request.home, request.profile.delivery, desk.shelf, desk.clock)
    except Exception as error:
        return DeliveryReport(failed=(failure("delivery", error),))


def summary(request: NightRequest, reports: tuple[AoiReport, ...], failed: tuple[str, ...], head: str) -> NightReport:
    """The night report of finished AOI reports."""
    path = report_path(request.home, request.start, request.end)
    profile, pinned = request.profile, request.pinned.overlays or {}
    overlays = tuple(f"{kind} {version}" for kind, version in sorted(pinned.items()))
    return NightReport(request.start, request.end, profile.name, profile.sha256, head, reports, failed, path, overlays)


def _run_aoi(desk: _Desk, aoi_id: str) -> AoiReport:
    observed = _observe(desk, aoi_id)
    aoi = desk.registry.get(aoi_id)
    with desk.archive.batch():
        detected = _detect(desk, aoi)
    published = _publish(desk, aoi)
    return aoi_report(desk.store, aoi_id, (observed, detected, published), _days(desk.request)[1])


def aoi_report(store: Store, aoi_id: str, steps: Steps, end: datetime) -> AoiReport:
    """The accounting of one AOI from its three steps, for a night that ends at `end` (UTC)."""
    observed, detected, published = steps
    sites = [site for site in store.sites(aoi_id) if site.merged_into is None]
    offered = {offer.id for offer in observed.offers}
    tonight = {problem.scene_id for problem in (*observed.problems, *detected.problems)}
    deferred = {problem.scene_id for problem in observed.deferred}
    rejected = {problem.scene_id for problem in observed.rejected}
    standing = {row.scene_id: row.code for row in store.rejections(aoi_id) if row.scene_id in offered}
    rejected = (rejected | standing.keys()) - deferred
    rhythms = _rhythms(store.scenes(aoi_id), observed.offers, end)
    problems = [*_silences(rhythms, end), *observed.unlisted]
    problems += [p.message for p in (*observed.problems, *detected.problems)] + list(published.problems)
    problems += [
        f"{scene_id}: {standing[scene_id]}, rejected earlier" for scene_id in sorted(standing.keys() - tonight)
    ]
    return AoiReport(
        aoi=aoi_id,
        expected=observed.expected,
        processed=len(offered - deferred - rejected),
        deferred=len(deferred),
        rejected=len(rejected),
        superseded=observed.superseded,
        new_scenes=len(observed.archived_now),
        looks_computed=detected.computed,
        suspected=sum(site.first_confirmed_at is None for site in sites),
        confirmed=sum(site.first_confirmed_at is not None for site in sites),
        tickets_delivered=len(published.delivered),
        tickets_waiting=len(published.waiting),
        watched_m2=detected.watched_m2,
        not_observed_m2=detected.not_observed_m2,
        problems=tuple(problems),
        simulated=any(offer.simulated for offer in observed.offers),
        overview=published.overview,
        funnel=published.funnel,
        cadence=tuple(rhythm.text for rhythm in rhythms),
    )


def _rhythms(scenes: Sequence[Scene], offers: Sequence[Offer], end: datetime) -> list[Cadence]:
    """How often each track has come in the last year, from what is held and what is listed."""
    both: list[Scene | Offer] = [*scenes, *offers]
    known = {one.id: Seen(one.sensor, one.platform, one.track, one.acquired_at) for one in both}
    return cadences(one for one in known.values() if end - CADENCE_OVER <= one.at < end)


def _silences(rhythms: Sequence[Cadence], end: datetime) -> list[str]:
    """An alarm for each track that has not come for longer than its own rhythm allows."""
    alarms = []
    for rhythm in rhythms:
        days = rhythm.silent_days(end)
        if days is not None:
            what = f"{rhythm.label}: none for {days:.0f} days, usual is one in {rhythm.usual_gap_days:g}"
            alarms.append(SatMonitorError("E1304", what, "everything so far").message)
    return alarms


def _days(request: NightRequest) -> tuple[datetime | None, datetime]:
    """The request's Japan days as UTC times [start, end)."""
    end = datetime.combine(request.end + timedelta(days=1), time(), TOKYO).astimezone(UTC)
    if request.start is None:
        return None, end
    return datetime.combine(request.start, time(), TOKYO).astimezone(UTC), end


def _observe(desk: _Desk, aoi_id: str) -> Observed:
    aoi = desk.registry.get(aoi_id)
    request = desk.request
    _sweep(request.home, aoi_id)
    start, end = _days(request)
    back = timedelta(days=request.profile.imagery.look_back_days)
    recent = timedelta(days=request.profile.imagery.late_days)
    window = Window((start or end) - back, end - recent, end)
    work = ObserveDesk(desk.archive, desk.shelf, desk.clock(), desk.progress)
    with desk.archive.batch():
        desk.archive.list_again(aoi_id)
        return observe_aoi(aoi, window, desk.sources, work)


def _sweep(home: Home, aoi_id: str) -> None:
    """Clear away what a killed night left half written."""
    for folder in (home.archive / aoi_id, home.evidence / aoi_id, home.tickets, home.reports):
        sweep_parts(folder)
    for folder in home.answers.glob("tmp*"):
        shutil.rmtree(folder, ignore_errors=True)


def _wanted(desk: _Desk, scenes: Sequence[Scene], stored: dict[str, str]) -> frozenset[str]:
    """Ids of scenes whose look is wanted: those of the request's days and those that have one already."""
    start, end = _days(desk.request)
    if start is None:
        looked = [s.acquired_at for s in scenes if s.id in stored]
        start = min(looked, default=end - timedelta(days=FIRST_NIGHT_DAYS))
    return frozenset(s.id for s in scenes if s.id in stored or start <= s.acquired_at < end)


def _bench(desk: _Desk, aoi: AOI) -> Bench:
    profile = desk.request.profile
    watched = detection_mask(aoi, profile.imagery.margin_m)
    network = network_for(desk.store, desk.request.home, profile)
    return Bench(aoi, desk.archive, desk.reader, profile, watched, terrain_of(desk.archive, aoi), network)


def terrain_of(archive: Archive, aoi: AOI) -> Terrain | None:
    """The terrain layers that nights of an AOI use: those of another grid belong to an AOI that has been redrawn since."""
    terrain = get_terrain(archive.root, aoi.id)
    return terrain if terrain is not None and terrain.grid == aoi.grid else None


def _detect(desk: _Desk, aoi: AOI) -> Detected:
    home, store = desk.request.home, desk.store
    scenes = usable_scenes(store, aoi.id)
    wanted = _wanted(desk, scenes, store.look_inputs(aoi.id))
    work = DetectDesk(_bench(desk, aoi), home.evidence / aoi.id, desk.sources, desk.shelf, desk.progress)
    return detect_aoi(work, scenes, wanted)


def usable_scenes(store: Store, aoi_id: str) -> list[Scene]:
    """Archived scenes whose files can be had; those that proved unusable as looks stay in the set (see `LookFold`)."""
    lost = {row.scene_id for row in store.rejections(aoi_id) if row.code == "E1102"}
    return [scene for scene in store.scenes(aoi_id) if scene.id not in lost]


def _publish(desk: _Desk, aoi: AOI) -> Published:
    request, store = desk.request, desk.store
    scenes = tuple(usable_scenes(store, aoi.id))
    bench = _bench(desk, aoi)
    chained = chain(scenes, frozenset(store.look_inputs(aoi.id)), request.profile, bench.terrain, bench.network_sha256)
    fold = LookFold(bench, scenes, request.home.evidence / aoi.id)
    fold.resume(chained, {look.scene_id: look for look in store.looks(aoi.id)}, len(chained))
    judged, damaged = _judged(desk, aoi, bench.terrain)
    by_site = {each.site.id: each for each in judged}
    pages = Desk(request.home, aoi, desk.archive, request.profile, scenes, fold.state, by_site)
    published = publish_due(pages, desk.shelf, request.lang, desk.clock(), desk.progress)
    path = overview_path(request.home, aoi.id, request.end)
    write_whole(path, overview_picture(pages, store, request.lang))
    narrowed = None if damaged else funnel(judged, request.profile.priority.reach_m)
    problems = (*published.problems, *damaged)
    return replace(published, overview=path.name, funnel=narrowed, problems=problems)


def _judged(desk: _Desk, aoi: AOI, terrain: Terrain | None) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
    """The AOI's confirmed sites among the layers that the night pinned, and what kept them from being judged.

    A damaged layer or list of moving areas stops no ticket: the page then says that nothing was asked, and the report why.
    """
    request = desk.request
    relief = None if terrain is None else Relief(terrain.grid, terrain.height)
    try:
        place = JudgedPlace(Overlays.open(request.home, request.overlays), aoi.grid.epsg, relief)
        sites = desk.store.sites(aoi.id)
        return judge(sites, place, request.profile, signs_of(request.home, aoi, sites, desk.store.looks(aoi.id))), ()
    except (OverlayError, DeformationError) as error:
        return (), (error.message,)
