"""The random desk checks of an area: drawn beside those that rank high, so that accuracy can be stated (METHOD 23)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sat_monitor.casework import ACTOR, Hand, case_id, open_case, signed
from sat_monitor.core.casework import Case, Origin
from sat_monitor.core.clock import Clock
from sat_monitor.core.domain import AOI, EventDraft, Site
from sat_monitor.core.profile import Profile
from sat_monitor.imagery.aois import detection_mask
from sat_monitor.store.store import Store
from sat_monitor.tickets.case import Ground, new_case
from sat_monitor.tickets.desk_sample import Draw, cell_outline, draw, quiet_cells, random_number_due
from sat_monitor.tickets.labels import DELIVERED, DRAWN, ranked_sites


@dataclass(frozen=True, slots=True)
class DeskDraw:
    """What a draw brought: places chosen by rank so far, the two draws as they stand, and the cases that are new."""

    ranked: int
    low_rank: Draw
    quiet: Draw
    opened: tuple[Case, ...]

    @property
    def lines(self) -> list[str]:
        """The draw as people read it."""
        return [
            f"desk checks by rank: {self.ranked}",
            *(
                f"drawn from {what}: {len(one.drawn)} of {one.units}, inclusion probability {one.chance:.3g}"
                for what, one in (("low ranks", self.low_rank), ("quiet ground", self.quiet))
            ),
            f"new cases: {len(self.opened)}",
        ]


def draw_desk_checks(store: Store, clock: Clock, aoi: AOI, profile: Profile, hand: Hand) -> DeskDraw:
    """Draw places until they are the profile's share of all desk checks of an area, and open their cases.

    Drawn is from sites that nobody chose by rank, and from cells of watched ground that no site touches. The history
    tells share, seed, populations and chances, so that anybody can repeat it. Where nothing new is due, nothing is
    written.
    """
    settings, cases, sites = profile.cases, store.cases(aoi.id), standing(store.sites(aoi.id))
    by_rank = ranked_sites(cases, store.tickets(aoi.id), store.events(family=DELIVERED))
    ranked = sum(case.origin is Origin.RANKED for case in cases)
    due = random_number_due(ranked, settings.random_share)
    quiet_due = round(due * settings.quiet_share)
    lower = {site.id: site for site in sites if site.id not in by_rank}
    watched = detection_mask(aoi, profile.imagery.margin_m)
    cells = quiet_cells(aoi.grid, watched, [site.outline for site in sites], settings.quiet_cell_m)
    low_rank = draw(lower, due - quiet_due, settings.seed, aoi.id)
    # Where there are too few sites, quiet ground takes their part.
    quiet = draw(cells, due - len(low_rank.drawn), settings.seed, aoi.id)
    today, epsg = clock().date(), aoi.grid.epsg
    wanted = [_low_rank(lower[name], epsg, low_rank.chance) for name in low_rank.drawn]
    wanted += [
        new_case(
            case_id(Origin.QUIET, aoi.id, name),
            Origin.QUIET, Ground(aoi.id, epsg, cell_outline(aoi.grid, name), today), quiet.chance,
        )
        for name in quiet.drawn
    ]  # fmt: skip
    body = {
        "aoi": aoi.id, "seed": settings.seed, "share": settings.random_share, "ranked": ranked,
        "cell_m": settings.quiet_cell_m, "profile_sha256": profile.sha256,
        Origin.LOW_RANK.value: _told(low_rank, lower), Origin.QUIET.value: _told(quiet, cells),
    }  # fmt: skip
    return DeskDraw(ranked, low_rank, quiet, _open(store, wanted, body, hand))


def standing(sites: Iterable[Site]) -> list[Site]:
    """Sites that were not merged into others."""
    return [site for site in sites if site.merged_into is None]


def _low_rank(site: Site, epsg: int, chance: float) -> Case:
    ground = Ground(site.aoi, epsg, site.outline, site.start.latest, site.id)
    return new_case(case_id(Origin.LOW_RANK, site.id), Origin.LOW_RANK, ground, chance)


def _told(one: Draw, population: Iterable[str]) -> dict[str, object]:
    """A draw as the history tells it; the hash of the population's sorted names shows later what it was."""
    names = "\n".join(sorted(population)).encode()
    return {
        "drawn": list(one.drawn),
        "of": one.units,
        "chance": one.chance,
        "sha256": hashlib.sha256(names).hexdigest(),
    }


def _open(store: Store, wanted: Iterable[Case], body: dict[str, object], hand: Hand) -> tuple[Case, ...]:
    """Open those that have no case yet, with the draw that chose them; all or nothing."""
    known = {case.id for case in store.cases()}
    new = [case for case in wanted if case.id not in known]
    if not new:
        return ()
    with store.casework() as writing:
        writing.append(EventDraft(DRAWN, ACTOR, {**body, **signed(writing, hand)}))
        return tuple(open_case(writing, case, hand) for case in new if writing.case(case.id) is None)
