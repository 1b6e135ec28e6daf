"""The services of an installation, metered: what sources.toml names, opened for a night or a command."""

from __future__ import annotations

from collections.abc import Callable

from sat_monitor.core.clock import system_clock
from sat_monitor.core.home import Home
from sat_monitor.imagery.fetch import Door
from sat_monitor.imagery.source import Source
from sat_monitor.imagery.sources import SourcesFile, Surroundings, build_sources, open_stac_site, read_sources
from sat_monitor.imagery.stac_sites import StacSite
from sat_monitor.store.usage import Quota, UsageMeter

Progress = Callable[[str], None]


def open_sources(home: Home, progress: Progress = print) -> tuple[Source, ...]:
    """The inbox and the services of sources.toml, metered; raises ServiceError E1912."""
    settings = read_sources(home)
    return build_sources(settings, _surroundings(home, settings, progress))


def open_elevation_site(name: str, home: Home, progress: Progress = print) -> tuple[StacSite, Door]:
    """A STAC site by name and a metered door to it; raises ServiceError E1912."""
    settings = read_sources(home)
    return open_stac_site(name, settings, _surroundings(home, settings, progress))


def _surroundings(home: Home, settings: SourcesFile, progress: Progress) -> Surroundings:
    quotas = {one.account: Quota(one.monthly_requests, one.monthly_units) for one in settings.source}
    home.root.mkdir(parents=True, exist_ok=True)
    # Quotas run by the calendar of the world, whatever day is replayed here.
    return Surroundings(home, UsageMeter(home.database, system_clock, quotas), system_clock, progress)
