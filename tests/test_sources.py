"""sources.toml: what may stand in it, what is refused by name, and what it builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from sat_monitor.core.clock import system_clock
from sat_monitor.core.home import Home
from sat_monitor.imagery.service import NoMeter
from sat_monitor.imagery.sources import Surroundings, build_sources, open_stac_site, read_sources, stac_site
from tests.imagery_world import AT, aoi_on, raises_code

HUB = '[[source]]\nkind = "sentinel-hub"\nsite = "copernicus"\nsensors = ["s1", "s2"]\n'
EARTH = '[[source]]\nkind = "stac"\nsite = "earth-search"\nsensors = ["s2"]\n'
OWN = """[[source]]
kind = "stac"
site = "own"
sensors = ["s1"]
url = "https://stac.example.com/v1"
hosts = ["files.example.com"]
elevation = "dem"
[source.collections]
s1 = "rtc"
"""


def home(root: Path, text: str) -> Home:
    (root / "sources.toml").write_text(text)
    return Home(root)


def around(place: Home) -> Surroundings:
    return Surroundings(place, NoMeter(), system_clock, lambda text: None)


def test_without_a_file_only_the_inbox_is_asked(tmp_path: Path) -> None:
    [inbox] = build_sources(read_sources(Home(tmp_path)), around(Home(tmp_path)))
    assert not inbox.remote


def test_every_kind_is_built_beside_the_inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SH_CLIENT_ID", "me")
    monkeypatch.setenv("SH_CLIENT_SECRET", "secret")
    place = home(tmp_path, HUB + EARTH + OWN)
    sources = build_sources(read_sources(place), around(place))
    assert [source.remote for source in sources] == [False, True, True, True]
    assert [source.name for source in sources[2:]] == ["stac:earth-search", "stac:own"]


def test_a_service_without_credentials_says_so_when_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SH_CLIENT_ID", raising=False)
    place = home(tmp_path, HUB + EARTH)
    _, hub, earth = build_sources(read_sources(place), around(place))
    with raises_code("E1911"):
        hub.listing(aoi_on(), AT, AT)
    assert earth.name == "stac:earth-search"


def test_quotas_are_those_of_a_free_account_or_the_given_ones(tmp_path: Path) -> None:
    hub, earth = read_sources(home(tmp_path, HUB + EARTH)).source
    assert (hub.monthly_requests, hub.monthly_units) == (10_000, 10_000.0)
    assert (earth.monthly_requests, earth.monthly_units) == (None, None)
    [own] = read_sources(home(tmp_path, HUB + "monthly_units = 400.0\n")).source
    assert (own.monthly_requests, own.monthly_units) == (10_000, 400.0)


def test_a_site_of_ones_own_may_send_from_its_hosts(tmp_path: Path) -> None:
    place = home(tmp_path, OWN)
    settings = read_sources(place)
    assert stac_site(settings.source[0]).hosts == {"stac.example.com"}
    site, door = open_stac_site("own", settings, around(place))
    assert site.elevation == "dem" and door.service.hosts == {"stac.example.com", "files.example.com"}


def test_a_known_site_needs_no_settings_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    place = Home(tmp_path)
    site, door = open_stac_site("earth-search", read_sources(place), around(place))
    assert site.elevation and "copernicus-dem-30m.s3.amazonaws.com" in door.service.hosts
    with raises_code("E1912"):
        open_stac_site("atlantis", read_sources(place), around(place))


WRONG = {
    "not TOML": "kind = ",
    "an unknown key": EARTH + "password = 'x'\n",
    "an unknown kind": EARTH.replace("stac", "ftp"),
    "an unknown sensor": EARTH.replace("s2", "s9"),
    "a sensor that the site has not": EARTH.replace("s2", "s1"),
    "an unknown hub": HUB.replace("copernicus", "mars"),
    "an unknown site": EARTH.replace("earth-search", "mars"),
    "no collection": OWN.replace('s1 = "rtc"', ""),
    "a rate of nothing": EARTH + "requests_per_minute = 0\n",
    "an endless deadline": EARTH + "deadline_s = 1e9\n",
    "a table of another name": "[[sources]]\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_are_not_understood_are_refused(tmp_path: Path, name: str) -> None:
    with raises_code("E1912"):
        read_sources(home(tmp_path, WRONG[name]))
