"""Where scenes come from: `<home>/sources.toml`, or the inbox alone where there is no such file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sat_monitor.core.clock import Clock
from sat_monitor.core.domain import AOI, Sensor
from sat_monitor.core.errors import ServiceError
from sat_monitor.core.home import Home
from sat_monitor.imagery.fetch import Door, Machine
from sat_monitor.imagery.folder import FolderSource
from sat_monitor.imagery.login import Login, read_credentials
from sat_monitor.imagery.raster import Raster
from sat_monitor.imagery.retry import Budget
from sat_monitor.imagery.sentinel_hub import SITES, HubSite, SentinelHubSource
from sat_monitor.imagery.service import Meter, Service
from sat_monitor.imagery.source import Listing, Offer, Source
from sat_monitor.imagery.stac import StacSource
from sat_monitor.imagery.stac_sites import STAC_SITES, StacSite

#: What a free account of the Copernicus Data Space has per month (its documentation, 2025).
_FREE_ACCOUNT = {"monthly_requests": 10_000, "monthly_units": 10_000.0}


class SourceSettings(BaseModel):
    """One service. Addresses are only needed where it is none of the known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sentinel-hub", "stac"] = Field(description="the kind of service")
    site: str = Field(
        description="a known site: copernicus, sentinel-hub; earth-search, planetary-computer; or a name of your own"
    )
    sensors: tuple[Sensor, ...] = Field(description="what is taken from it: s1, s2")
    url: str = Field("", description="address of the API, for a site of your own")
    token_url: str = Field("", description="address that hands out tokens, for a sentinel-hub site of your own")
    hosts: tuple[str, ...] = Field((), description="further hosts that may send files or be redirected to")
    collections: dict[Sensor, str] = Field({}, description="collection by sensor, for a STAC site of your own")
    elevation: str = Field("", description="collection of the elevation model, for a STAC site of your own")
    credentials: str = Field("credentials.toml", description="file beside sources.toml, mode 600; the environment wins")
    monthly_requests: int | None = Field(
        None, ge=1, description="requests that the account has per month; sentinel-hub: 10,000; stac: no limit"
    )
    monthly_units: float | None = Field(
        None, gt=0, description="processing units that the account has per month; sentinel-hub: 10,000"
    )
    requests_per_minute: float = Field(300.0, gt=0, description="requests that the account has per minute")
    units_per_minute: float = Field(300.0, gt=0, description="processing units that the account has per minute")
    deadline_s: float = Field(300.0, gt=0, le=3600, description="longest time for one file, seconds")
    simulated: bool = Field(False, description="whether what it serves is simulated; every page then says so")

    @model_validator(mode="before")
    @classmethod
    def _free_account(cls, plain: Any) -> Any:
        hub = isinstance(plain, dict) and plain.get("kind") == "sentinel-hub"
        return {**_FREE_ACCOUNT, **plain} if hub else plain

    @model_validator(mode="after")
    def _known_or_described(self) -> SourceSettings:
        if self.kind == "sentinel-hub" and self.site not in SITES and not (self.url and self.token_url):
            raise ValueError(f"site {self.site!r} is not one of {sorted(SITES)}: give url and token_url")
        if self.kind == "stac":
            if self.site not in STAC_SITES and not self.url:
                raise ValueError(f"site {self.site!r} is not one of {sorted(STAC_SITES)}: give url and collections")
            offered = stac_site(self).collections
            if missing := [sensor.value for sensor in self.sensors if sensor not in offered]:
                raise ValueError(f"site {self.site!r} has no collection for {', '.join(missing)}")
        return self

    @property
    def account(self) -> str:
        """The name under which its use is counted."""
        return f"{self.kind}:{self.site}"


class SourcesFile(BaseModel):
    """The whole file: which AOIs are watched (all that ship where empty) and where their scenes come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aois: tuple[str, ...] = ()
    source: tuple[SourceSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What sources are built with."""

    home: Home
    meter: Meter
    clock: Clock
    progress: Callable[[str], None]


def read_sources(home: Home) -> SourcesFile:
    """The settings; empty where there is no file. Raises ServiceError E1912 where they are not understood."""
    path = sources_path(home)
    if not path.is_file():
        return SourcesFile()
    try:
        return SourcesFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        told = "; ".join(_lines(error)) if isinstance(error, ValidationError) else str(error)
        raise ServiceError("E1912", f"{path.name}: {told}", "nothing was fetched") from error


def sources_path(home: Home) -> Path:
    """Where the settings lie."""
    return home.root / "sources.toml"


def build_sources(settings: SourcesFile, around: Surroundings) -> tuple[Source, ...]:
    """The inbox and every service of the settings; one that cannot be used says so when it is asked."""
    return (FolderSource(around.home.inbox), *(_built(one, around) for one in settings.source))


def _built(settings: SourceSettings, around: Surroundings) -> Source:
    try:
        return _BUILDERS[settings.kind](settings, around)
    except ServiceError as error:
        return UnusableSource(settings.account, error)


class UnusableSource:
    """A source that lacks what it needs, such as credentials: asking it tells why."""

    remote = True

    def __init__(self, name: str, error: ServiceError) -> None:
        self.name = name
        self._error = error

    def listing(self, aoi: AOI, start: datetime, end: datetime) -> Listing:
        """Raises the reason."""
        raise self._error

    def fetch(self, offer: Offer, aoi: AOI) -> Raster:
        """Raises the reason."""
        raise self._error


def _hub(settings: SourceSettings, around: Surroundings) -> Source:
    site = SITES.get(settings.site) or _own_site(settings)
    credentials = read_credentials(around.home.root / settings.credentials, os.environ)
    login = Login(site.token_url, credentials)
    machine = Machine(around.home.answers, around.clock)
    service = Service(
        settings.account,
        site.hosts | set(settings.hosts),
        settings.requests_per_minute,
        settings.units_per_minute,
        retry_after_ms=True,
    )
    door = Door(service, around.meter, machine, login, Budget(deadline_s=settings.deadline_s))
    return SentinelHubSource(site, settings.sensors, door, around.progress, settings.simulated)


def _stac(settings: SourceSettings, around: Surroundings) -> Source:
    site, door = stac_site(settings), _stac_door(settings, around)
    return StacSource(site, settings.sensors, door, around.home.answers, around.progress, settings.simulated)


def _stac_door(settings: SourceSettings, around: Surroundings) -> Door:
    hosts = stac_site(settings).hosts | set(settings.hosts)
    service = Service(settings.account, hosts, settings.requests_per_minute, settings.units_per_minute)
    machine = Machine(around.home.answers, around.clock)
    return Door(service, around.meter, machine, budget=Budget(deadline_s=settings.deadline_s))


def stac_site(settings: SourceSettings) -> StacSite:
    """The site of the settings: a known one, or their own."""
    hosts = frozenset({urlsplit(settings.url).netloc})
    own = StacSite(settings.site, settings.url, hosts, settings.collections, settings.elevation)
    return STAC_SITES.get(settings.site, own)


def open_stac_site(name: str, settings: SourcesFile, around: Surroundings) -> tuple[StacSite, Door]:
    """A STAC site of the settings or a known one, and a door to it; raises ServiceError E1912 where it is neither."""
    one = next((s for s in settings.source if s.kind == "stac" and s.site == name), None)
    if one is None and name not in STAC_SITES:
        raise ServiceError(
            "E1912", f"site {name!r} is neither in sources.toml nor one of {sorted(STAC_SITES)}", "nothing"
        )
    one = one or SourceSettings(kind="stac", site=name, sensors=())
    return stac_site(one), _stac_door(one, around)


def _own_site(settings: SourceSettings) -> HubSite:
    hosts = {urlsplit(address).netloc for address in (settings.url, settings.token_url)}
    return HubSite(settings.site, settings.url, settings.token_url, frozenset(hosts))


def _lines(error: ValidationError) -> list[str]:
    return [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]


_BUILDERS: dict[str, Callable[[SourceSettings, Surroundings], Source]] = {"sentinel-hub": _hub, "stac": _stac}
