"""The stored change maps of an area, folded anew under other profiles: field, patches and sites, but not the scores.

The store is opened for reading only and the archive is only read, so that a what-if can open no ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sat_monitor.approval import profiles_of
from sat_monitor.core.clock import japan_day, system_clock
from sat_monitor.core.domain import AOI, ChangeMap, Scene, Site, Ticket
from sat_monitor.core.errors import ProfileError, SatMonitorError, SceneReject
from sat_monitor.core.home import Home
from sat_monitor.core.profile import Profile, Section
from sat_monitor.fold import ChainedLook, LookFold, chain, first_owed
from sat_monitor.imagery.aois import AoiRegistry, detection_mask
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.stack import StackReader
from sat_monitor.night import terrain_of, usable_scenes
from sat_monitor.promotion import network_for
from sat_monitor.scoring import JUDGES, Bench
from sat_monitor.sites.lifecycle import SiteTable
from sat_monitor.store.store import Store

#: Sections whose settings went into the stored scores.
SCORED = ("imagery", "reference", "sar", "optical")
#: Memory that the evidence fields of one pass may take together, and what one pixel of a field takes, bytes.
_FIELD_BYTES, _PIXEL_BYTES = 1 << 30, 40


@dataclass(frozen=True, slots=True)
class StoredLook:
    """A look that a night computed; `refused` says why it is blind, None where its change map is archived."""

    scene: Scene
    refused: SceneReject | None


@dataclass(frozen=True, slots=True)
class StoredNights:
    """All that the nights of one area left: looks in their order, and the sites and tickets that follow under `profile`."""

    home: Home
    aoi: AOI
    profile: Profile
    scenes: tuple[Scene, ...]
    looks: tuple[StoredLook, ...]
    sites: tuple[Site, ...]
    tickets: tuple[Ticket, ...]

    @property
    def archive(self) -> Archive:
        """Where scenes and change maps lie."""
        return Archive(self.home.archive)

    @property
    def simulated(self) -> bool:
        """Whether any scene is of no real place."""
        return any(scene.simulated for scene in self.scenes)

    def until(self, last: date | None) -> tuple[StoredLook, ...]:
        """The looks up to a day in Japan, that day included; all where None."""
        return tuple(look for look in self.looks if last is None or japan_day(look.scene.acquired_at) <= last)

    def explains(self, table: SiteTable) -> bool:
        """Whether a replayed table is the one that the nights left: the same sites and the same valid tickets."""
        valid = {ticket.id: ticket for ticket in self.tickets if ticket.withdrawn_reason is None}
        replayed = {key: ticket for key, ticket in table.tickets.items() if ticket.withdrawn_reason is None}
        return {site.id: site for site in self.sites} == table.sites and valid == replayed


def read_nights(home: Home, aoi_id: str) -> StoredNights:
    """What the nights of an area left, read at one moment.

    Raises UsageError E2002 without a database, AoiError E1504, SatMonitorError E1604 where looks are owed, for then
    part of the scores is of another profile, version or set of scenes.
    """
    aoi = AoiRegistry(home.aoi).get(aoi_id)
    with Store(home.database, system_clock, read_only=True) as store:
        scenes, inputs = usable_scenes(store, aoi_id), store.look_inputs(aoi_id)
        if not inputs:
            raise SatMonitorError("E1604", f"{aoi_id} has no looks")
        terrain = terrain_of(Archive(home.archive), aoi)
        refused = {row.scene_id: row for row in store.rejections(aoi_id) if row.source_id == "archive"}
        for profile in profiles_of(store):
            network = network_for(store, home, profile)
            sha256 = "" if network is None else network.card.sha256
            chained = chain(scenes, frozenset(inputs), profile, terrain, sha256)
            if len(chained) == len(inputs) and first_owed(chained, inputs) == len(chained):
                break
        else:
            raise SatMonitorError("E1604", f"{aoi_id}: looks are owed under every known profile")
        looks = []
        for look in chained:
            row = refused.get(look.scene.id)
            reject = None if row is None else SceneReject(row.code, row.what, "", row.scene_id)
            looks.append(StoredLook(look.scene, reject))
        sites, tickets = store.sites(aoi_id), store.tickets(aoi_id)
    return StoredNights(home, aoi, profile, tuple(scenes), tuple(looks), tuple(sites), tuple(tickets))


def differing(one: Profile, other: Profile) -> list[str]:
    """The settings in which two profiles differ, as `section.key`."""
    names = []
    for name, section in one:
        theirs = getattr(other, name)
        if isinstance(section, Section):
            names += [f"{name}.{key}" for key, value in section if value != getattr(theirs, key)]
    return names


def check_replayable(nights: StoredNights, profile: Profile) -> None:
    """Raise ProfileError E1603 where `profile` changes settings that went into the stored scores, naming them."""
    changed = [name for name in differing(nights.profile, profile) if name.split(".")[0] in SCORED]
    if changed:
        both = (f"{name} {_value(profile, name)} (the nights had {_value(nights.profile, name)})" for name in changed)
        raise ProfileError("E1603", f"{profile.name}: {', '.join(both)}", "the store, which was only read")


def moves_reference(nights: StoredNights, profile: Profile) -> list[str]:
    """Settings of the field in which `profile` differs: they move the days from which reference windows were frozen.

    The stored scores saw the windows of the nights. `evidence.alarm_score` is not among them: it freezes nothing.
    """
    names = differing(nights.profile, profile)
    return [name for name in names if name.startswith("evidence.") and name != "evidence.alarm_score"]


def replay(
    nights: StoredNights, profiles: Sequence[Profile], until: date | None, progress: Callable[[str], None]
) -> list[SiteTable]:
    """The sites and tickets of the looks up to the Japan day `until` (all where None) under each profile, in order.

    Raises ProfileError E1603, SatMonitorError E1604 where a change map is gone or is not of the nights' profile,
    SceneReject E1102 where its file is damaged.
    """
    for profile in profiles:
        check_replayable(nights, profile)
    pixels = nights.aoi.grid.height * nights.aoi.grid.width
    at_once = max(1, _FIELD_BYTES // (_PIXEL_BYTES * pixels))
    tables: list[SiteTable] = []
    for start in range(0, len(profiles), at_once):
        folds = [_fold(nights, profile) for profile in profiles[start : start + at_once]]
        for look, change in _changes(nights, until, progress):
            chained = ChainedLook(look.scene, "")
            for fold in folds:
                if look.refused is not None:
                    fold.blinded(chained, look.refused)
                elif change is not None:
                    fold.looked(chained, change)
        tables += [fold.table for fold in folds]
    return tables


def _fold(nights: StoredNights, profile: Profile) -> LookFold:
    archive = nights.archive
    watched = detection_mask(nights.aoi, profile.imagery.margin_m)
    bench = Bench(nights.aoi, archive, StackReader(archive, profile, 0), profile, watched)
    return LookFold(bench, nights.scenes, nights.home.evidence / nights.aoi.id)


def _changes(
    nights: StoredNights, until: date | None, progress: Callable[[str], None]
) -> Iterator[tuple[StoredLook, ChangeMap | None]]:
    """Every look with its archived change map, None for a blind one; each map is read once."""
    archive, looks = nights.archive, nights.until(until)
    for number, look in enumerate(looks, start=1):
        progress(f"{nights.aoi.id}: replay {number}/{len(looks)} {look.scene.id}")
        yield look, None if look.refused is not None else _stored(nights, archive, look.scene)


def _stored(nights: StoredNights, archive: Archive, scene: Scene) -> ChangeMap:
    detector = JUDGES[scene.sensor]
    try:
        change = archive.change_map(nights.aoi.id, scene.id, detector)
    except KeyError as error:
        raise SatMonitorError("E1604", f"{scene.id}: no change map of {detector}") from error
    if change.profile_sha256 != nights.profile.sha256:
        what = f"{scene.id}: scored under {change.profile_sha256[:12]}, the looks under {nights.profile.sha256[:12]}"
        raise SatMonitorError("E1604", what)
    return change


def _value(profile: Profile, name: str) -> object:
    section, key = name.split(".")
    return getattr(getattr(profile, section), key)
