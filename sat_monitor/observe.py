"""observe: what is owed = what the sources list in the window minus what the store holds; fetched, checked, archived."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sat_monitor import __version__
from sat_monitor.core.domain import AOI, EventDraft, Scene
from sat_monitor.core.errors import SatMonitorError, ServiceError
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.items import issue_to_plain
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.source import Offer, Source
from sat_monitor.store.ledger import canonical_json
from sat_monitor.store.store import Lease, ListingRow, Store

ACTOR = "night"
_DISK = "E1302"
#: Pixels of scenes that may be in memory before they are archived, and how many scenes at most.
_AHEAD_PX, _AHEAD = 8_000_000, 4


@dataclass(frozen=True, slots=True)
class Problem:
    """A scene that could not be used: why, and whether another night may help."""

    scene_id: str
    code: str
    message: str
    temporary: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """The accounting of one AOI: every listed reading of a scene is archived, deferred, rejected or superseded.

    `unlisted` says which sources could not be asked, so that nothing is known of what they hold.
    """

    offers: tuple[Offer, ...]
    archived_now: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    unlisted: tuple[str, ...] = ()

    @property
    def superseded(self) -> int:
        """Listed products whose place a newer reading takes."""
        return sum(len(offer.superseded) for offer in self.offers)

    @property
    def expected(self) -> int:
        """What the sources list: the offers, the items that could not be read, and the superseded products."""
        return len({o.id for o in self.offers} | {p.scene_id for p in self.problems}) + self.superseded

    @property
    def deferred(self) -> tuple[Problem, ...]:
        """Problems that another night may solve."""
        return tuple(p for p in self.problems if p.temporary)

    @property
    def rejected(self) -> tuple[Problem, ...]:
        """Problems of the scene itself."""
        return tuple(p for p in self.problems if not p.temporary)


@dataclass(frozen=True, slots=True)
class Window:
    """The acquisitions to list, [start, end) UTC: all of them now and then, else only those since `recent`."""

    start: datetime
    recent: datetime
    end: datetime
    #: How long a listing of the whole window is good for.
    WHOLE_EVERY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ObserveDesk:
    """What observing works with."""

    archive: Archive
    shelf: tuple[Store, Lease]
    now: datetime
    progress: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Owed:
    offer: Offer
    source: Source
    held: Scene | None


def observe_aoi(aoi: AOI, window: Window, sources: Sequence[Source], desk: ObserveDesk) -> Observed:
    """Archive every offer of `window` that the store does not hold, or holds in an older reading.

    One bad scene or one source that does not answer stops nothing. A disk that refuses is no scene's fault: raises
    SatMonitorError E1302, and the next night goes on in the same order, as if this one had not begun.
    """
    problems: list[Problem] = []
    unlisted: list[str] = []
    listed: list[Source] = []
    offers: dict[str, tuple[Offer, Source]] = {}
    for source in sources:
        try:
            listing = source.listing(aoi, _since(aoi, window, source, desk), window.end)
        except ServiceError as error:
            unlisted.append(f"{source.name}: {error.message}")
            desk.progress(f"{aoi.id}: {error.message}")
            continue
        listed.append(source)
        for offer in listing.offers:
            offers.setdefault(offer.id, (offer, source))
        problems += [record_problem((aoi.id, r.scene_id, source.name), r, desk.shelf) for r in listing.unreadable]
    ordered = sorted(offers.values(), key=lambda pair: pair[0].order)
    archived: list[str] = []
    for owed, raster in _fetched(aoi, _owed(aoi, ordered, desk), desk):
        problem = _take_in(owed, raster, desk)
        if problem is None:
            archived.append(owed.offer.id)
            desk.progress(f"{aoi.id}: scene {owed.offer.id}")
        else:
            problems.append(problem)
            desk.progress(f"{aoi.id}: {problem.message}")
    if not any(problem.temporary for problem in problems):
        # Else the next night lists as far back as this one, for nobody else remembers what is owed.
        for source in listed:
            _note_listing(aoi, window, source, desk)
    return Observed(tuple(offer for offer, _ in ordered), tuple(archived), tuple(problems), tuple(unlisted))


def _since(aoi: AOI, window: Window, source: Source, desk: ObserveDesk) -> datetime:
    """From when to list: all of the window at first and every month, else what may be late, outages included."""
    last = desk.shelf[0].last_listing(source.name, aoi.id) if source.remote else None
    if last is None or last.since > window.start or not last.whole_at <= desk.now < last.whole_at + window.WHOLE_EVERY:
        return window.start
    return max(window.start, min(window.recent, last.until - (window.end - window.recent)))


def _note_listing(aoi: AOI, window: Window, source: Source, desk: ObserveDesk) -> None:
    if not source.remote:
        return
    store = desk.shelf[0]
    last = store.last_listing(source.name, aoi.id)
    whole = _since(aoi, window, source, desk) == window.start
    since, whole_at = (window.start, desk.now) if whole or last is None else (last.since, last.whole_at)
    store.record_listing(source.name, aoi.id, ListingRow(since, window.end, whole_at))


def _owed(aoi: AOI, offers: Sequence[tuple[Offer, Source]], desk: ObserveDesk) -> list[_Owed]:
    """The offers that are to be fetched; what an earlier night archived and could not note is noted now."""
    store = desk.shelf[0]
    held = {scene.id: scene for scene in store.scenes(aoi.id)}
    refused = {row.scene_id: row.issue for row in store.rejections(aoi.id)}
    owed = []
    for offer, source in offers:
        known = held.get(offer.id)
        if known is not None and not _is_newer(offer, known):
            continue
        if offer.issue is not None and refused.get(offer.id) == _issue_key(offer):
            continue
        archived = desk.archive.find(aoi.id, offer.id) if offer.issue is not None else None
        if archived is not None and archived.issue == offer.issue:
            _note_scene(archived, known, desk)
            continue
        owed.append(_Owed(offer, source, known))
    return owed


def _is_newer(offer: Offer, held: Scene) -> bool:
    """Whether an offer is a newer reading of a scene that is held, from the source that it came from."""
    return offer.issue is not None and offer.source_id == held.source_id and offer.issue.supersedes(held.issue)


def _issue_key(offer: Offer) -> str:
    """What a rejection holds for: this reading of the scene, under this version of the software."""
    if offer.issue is None:
        return ""
    return hashlib.sha256(f"{__version__}|{canonical_json(issue_to_plain(offer.issue))}".encode()).hexdigest()


def _fetched(aoi: AOI, owed: Sequence[_Owed], desk: ObserveDesk) -> Iterator[tuple[_Owed, Raster | SatMonitorError]]:
    """Every owed scene in order with its pixels, or with what went wrong; the next ones are fetched meanwhile."""
    ahead = max(1, min(_AHEAD, _AHEAD_PX // (aoi.grid.height * aoi.grid.width)))
    with ThreadPoolExecutor(ahead) as threads:
        waiting: deque[tuple[_Owed, Future[Raster | SatMonitorError]]] = deque()
        todo = iter(owed)
        try:
            while True:
                while len(waiting) < ahead and (one := next(todo, None)) is not None:
                    waiting.append((one, threads.submit(_fetch, one, aoi)))
                if not waiting:
                    return
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _fetch(owed: _Owed, aoi: AOI) -> Raster | SatMonitorError:
    try:
        return owed.source.fetch(owed.offer, aoi)
    except SatMonitorError as error:
        return error
    except OSError as error:
        return SatMonitorError(_DISK, f"{owed.offer.id}: {error}", "nothing of this scene")
    except Exception as error:  # whatever one scene does, the night goes on and names it
        return SatMonitorError("E1301", f"{owed.offer.id}: {type(error).__name__}: {error}", "nothing of this scene")


def _take_in(owed: _Owed, fetched: Raster | SatMonitorError, desk: ObserveDesk) -> Problem | None:
    """Files first, then the row; what goes wrong is recorded with its number."""
    offer = owed.offer
    identity = (offer.aoi, offer.id, offer.source_id)
    try:
        if isinstance(fetched, SatMonitorError):
            raise fetched
        scene = desk.archive.put_scene(offer, fetched)
    except SatMonitorError as error:
        if error.code == _DISK:
            raise
        return record_problem(identity, error, desk.shelf, _issue_key(offer))
    except OSError as error:
        raise SatMonitorError(_DISK, f"{offer.id}: {error}", "nothing of this scene") from error
    _note_scene(scene, owed.held, desk)
    return None


def _note_scene(scene: Scene, older: Scene | None, desk: ObserveDesk) -> None:
    """The row of an archived scene, with its event; an older reading is superseded, and its event says by what."""
    store, lease = desk.shelf
    body = {"scene": scene.id, "aoi": scene.aoi, "source": scene.source_id}
    hashes = {"file_sha256": scene.file_sha256, "pixels_sha256": scene.pixels_sha256}
    issue = {} if scene.issue is None else {"issue": issue_to_plain(scene.issue)}
    with store.transaction(lease) as transaction:
        if not transaction.put_scene(scene):
            return
        if older is None:
            transaction.append(EventDraft("scene.archived", ACTOR, {**body, **hashes, **issue}))
        else:
            was = {"was_pixels_sha256": older.pixels_sha256, "was_file_sha256": older.file_sha256}
            transaction.append(EventDraft("scene.superseded", ACTOR, {**body, **hashes, **issue, **was}))
            transaction.remove_rejection(scene.aoi, scene.id)


def record_problem(
    scene: tuple[str, str, str], error: SatMonitorError, shelf: tuple[Store, Lease], issue: str = ""
) -> Problem:
    """Keep why a scene (AOI, id, source) could not be used; repeated nights add nothing.

    What only says that a service had a bad night is no fact about a scene: it is reported, not kept.
    """
    store, lease = shelf
    aoi, identity, _ = scene
    problem = Problem(identity, error.code, error.message, error.temporary)
    if isinstance(error, ServiceError) and error.temporary:
        return problem
    with store.transaction(lease) as transaction:
        if transaction.put_rejection(*scene, error.code, error.what, "" if error.temporary else issue):
            body = {"scene": identity, "aoi": aoi, "code": error.code, "what": error.what}
            kind = "scene.deferred" if error.temporary else "scene.rejected"
            transaction.append(EventDraft(kind, ACTOR, body))
    return problem
