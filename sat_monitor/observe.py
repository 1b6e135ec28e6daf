"""observe: what is owed = what the sources list in the window minus what the store holds; fetched, checked, archived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sat_monitor.core.domain import AOI, EventDraft
from sat_monitor.core.errors import SatMonitorError, SceneReject
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.source import Offer, Source
from sat_monitor.store.store import Lease, Store

ACTOR = "night"


@dataclass(frozen=True, slots=True)
class Problem:
    """A scene that could not be used: why, and whether another night may help."""

    scene_id: str
    code: str
    message: str
    temporary: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """The accounting of one AOI: every offer of the window is archived (now or before), deferred or rejected."""

    offers: tuple[Offer, ...]
    archived_now: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def expected(self) -> int:
        """Scenes that the sources list: the offers and the items that could not be read."""
        return len({offer.id for offer in self.offers} | {problem.scene_id for problem in self.problems})

    @property
    def deferred(self) -> tuple[Problem, ...]:
        """Problems that another night may solve."""
        return tuple(p for p in self.problems if p.temporary)

    @property
    def rejected(self) -> tuple[Problem, ...]:
        """Problems of the scene itself."""
        return tuple(p for p in self.problems if not p.temporary)


def observe_aoi(
    aoi: AOI,
    window: tuple[datetime, datetime],
    sources: Sequence[Source],
    archive: Archive,
    shelf: tuple[Store, Lease],
    progress: Callable[[str], None],
) -> Observed:
    """Archive every offer of `window` ([start, end), UTC) that the store does not hold; one bad scene stops nothing."""
    held = {scene.id for scene in shelf[0].scenes(aoi.id)}
    offers: dict[str, tuple[Offer, Source]] = {}
    archived: list[str] = []
    problems: list[Problem] = []
    for source in sources:
        listing = source.listing(aoi, *window)
        for offer in listing.offers:
            offers.setdefault(offer.id, (offer, source))
        problems += [record_problem((aoi.id, r.scene_id, source.name), r, shelf) for r in listing.unreadable]
    ordered = sorted(offers.values(), key=lambda pair: pair[0].order)
    for number, (offer, source) in enumerate(ordered, start=1):
        if offer.id in held:
            continue
        problem = _take_in(offer, source, aoi, archive, shelf)
        if problem is None:
            archived.append(offer.id)
            progress(f"{aoi.id}: scene {number}/{len(ordered)} {offer.id}")
        else:
            problems.append(problem)
            progress(f"{aoi.id}: {problem.message}")
    return Observed(tuple(offer for offer, _ in ordered), tuple(archived), tuple(problems))


def _take_in(offer: Offer, source: Source, aoi: AOI, archive: Archive, shelf: tuple[Store, Lease]) -> Problem | None:
    """Files first, then the row; what goes wrong is recorded with its number."""
    store, lease = shelf
    identity = (offer.aoi, offer.id, offer.source_id)
    try:
        scene = archive.put_scene(offer, source.fetch(offer, aoi))
    except SceneReject as reject:
        return record_problem(identity, reject, shelf)
    except (OSError, SatMonitorError) as error:
        return record_problem(identity, _wrapped(offer, error), shelf)
    with store.transaction(lease) as transaction:
        if transaction.put_scene(scene):
            body = {"scene": scene.id, "aoi": scene.aoi, "source": scene.source_id}
            hashes = {"file_sha256": scene.file_sha256, "pixels_sha256": scene.pixels_sha256}
            transaction.append(EventDraft("scene.archived", ACTOR, {**body, **hashes}))
    return None


def _wrapped(offer: Offer, error: OSError | SatMonitorError) -> SatMonitorError:
    if isinstance(error, SatMonitorError):
        return error
    return SatMonitorError("E1302", f"{offer.id}: {error}", "nothing of this scene")


def record_problem(scene: tuple[str, str, str], error: SatMonitorError, shelf: tuple[Store, Lease]) -> Problem:
    """Keep why a scene (AOI, id, source) could not be used; repeated nights add nothing."""
    store, lease = shelf
    aoi, identity, _ = scene
    with store.transaction(lease) as transaction:
        if transaction.put_rejection(*scene, error.code, error.what):
            body = {"scene": identity, "aoi": aoi, "code": error.code, "what": error.what}
            kind = "scene.deferred" if error.temporary else "scene.rejected"
            transaction.append(EventDraft(kind, ACTOR, body))
    return Problem(identity, error.code, error.message, error.temporary)
