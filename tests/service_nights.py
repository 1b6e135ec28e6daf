"""Whole nights that fetch from a provider on loopback: a provider whose list changes from night to night."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sat_monitor.core.clock import Clock, fixed_clock
from sat_monitor.core.home import Home
from sat_monitor.core.profile import ImagerySettings, Profile
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.archive import Archive
from sat_monitor.night import NightRequest, run_night, stack_reader
from sat_monitor.report import NightReport
from sat_monitor.standin.holdings import Holding, Holdings, first_issue, issue_of
from tests.night_world import AOI_ID, CLOCK, FROM, LAST, Place, approved, build, quiet, small_aoi
from tests.service_world import World, world

#: Every night asks for the whole season, so that a test need not wait a month for what is very late.
PROFILE = Profile(imagery=ImagerySettings(late_days=365))


@dataclass
class Season:
    """A provider with the scenes of the small place; `listed` says which products it shows tonight."""

    archive: Archive
    place: Place

    @classmethod
    def make(cls, root: Path) -> Season:
        place = build(root)
        return cls(Archive(place.home.inbox), place)

    def products(self) -> list[Holding]:
        """The first issue of every scene, by time."""
        return [first_issue(scene) for scene in self.archive.scenes(AOI_ID)]

    def holdings(self, products: list[Holding]) -> Holdings:
        shown = Holdings(self.archive)
        for product in products:
            shown.add(product)
        return shown

    def home(self, root: Path) -> Place:
        """An empty home that knows the place."""
        home = Home(root)
        AoiRegistry(home.aoi).add(small_aoi())
        approved(home, PROFILE)
        return Place(home, self.place.world)


@contextmanager
def fetching(season: Season, place: Place) -> Iterator[Callable[..., NightReport]]:
    """A function that runs a night at which the provider lists the given products."""
    with world(season.holdings([]), place.home.root / "fetch") as hub:
        reader = stack_reader(NightRequest(place.home, (AOI_ID,), FROM, LAST, PROFILE))

        def run(products: list[Holding], last: date = LAST, clock: Clock = CLOCK) -> NightReport:
            show(hub, season, products)
            request = NightRequest(place.home, (AOI_ID,), FROM, last, PROFILE, sources=(hub.source(),))
            return run_night(request, clock, quiet, reader)

        yield run


def show(hub: World, season: Season, products: list[Holding]) -> None:
    """Let the provider list these products, and no others."""
    for answerer in hub.stand_in.answerers:
        answerer.holdings = season.holdings(products)  # type: ignore[attr-defined]


def settled(season: Season) -> list[Holding]:
    """What came in good time before the first night: all but every seventh scene."""
    products = season.products()
    return [p for k, p in enumerate(products) if k % 7 and p.scene.acquired_at.date() < FROM]


def arrivals(season: Season, seed: int, nights: int = 3) -> list[list[Holding]]:
    """What the provider lists on each of `nights`: what is not settled comes in any order; the last night has all."""
    draw, known = random.Random(seed), {p.name for p in settled(season)}
    products = [*season.products(), *(reissued(p) for p in season_editions(season))]
    born = {p.name: 0 if p.name in known else draw.randrange(nights) for p in products}
    return [[p for p in products if born[p.name] <= night] for night in range(nights - 1)] + [products]


def season_editions(season: Season) -> list[Holding]:
    """The products that are issued again: one early reference and one tested scene."""
    products = season.products()
    return [products[len(products) // 2], products[-12]]


def reissued(product: Holding) -> Holding:
    """A later edition with slightly other pixels."""
    return issue_of(product.scene, product.made_at + timedelta(days=30), f"{product.baseline[:3]}99", gain=1.02)


def night_clock(day: date) -> Clock:
    """02:30 in Japan of the next day."""
    from datetime import UTC, datetime

    return fixed_clock(datetime(day.year, day.month, day.day, 17, 30, tzinfo=UTC))


def same(place: Place, other: Place) -> bool:
    """Whether two homes hold the same sites and valid tickets."""
    return place.sites() == other.sites() and place.valid_tickets() == other.valid_tickets()


def fresh(place: Place, root: Path) -> Place:
    """A copy of a home."""
    shutil.copytree(place.home.root, root)
    return Place(Home(root), place.world)
