"""A night whose scenes and elevation come from an open catalogue, by the settings alone: no credentials, one command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sat_monitor import cli
from sat_monitor.imagery.terrain import get_terrain
from sat_monitor.standin.open_stac import FILES, PLANETARY_LIKE, OpenStac
from sat_monitor.standin.server import StandIn
from tests.night_world import AOI_ID, LAST, Place, later
from tests.service_nights import Season

pytestmark = pytest.mark.slow

SETTINGS = """aois = ["{aoi}"]
[[source]]
kind = "stac"
site = "stand-in"
sensors = ["s1", "s2"]
url = "{url}/stac"
elevation = "dem"
simulated = true
requests_per_minute = 100000
[source.collections]
s1 = "sentinel-1-rtc"
s2 = "sentinel-2-l2a"
"""


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Season:
    return Season.make(tmp_path_factory.mktemp("season") / "provider")


@pytest.fixture
def catalogue(season: Season, tmp_path: Path) -> Iterator[tuple[StandIn, Place]]:
    """A catalogue with the whole season and an elevation model, and a home whose settings name it."""
    place = season.home(tmp_path / "home")
    stac = OpenStac(season.holdings(season.products()), replace(PLANETARY_LIKE, signed=False))
    west, south, east, north = season.place.world.spec.aoi.grid.footprint_lonlat.bounds
    rows = np.linspace(50.0, 250.0, 80, dtype=np.float32)[:, None].repeat(90, 1)
    stac.heights = (rows, (west - 0.01, south - 0.01, east + 0.01, north + 0.01))
    with StandIn([stac]) as stand_in:
        (place.home.root / "sources.toml").write_text(SETTINGS.format(aoi=AOI_ID, url=stand_in.url))
        yield stand_in, place


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["sat-monitor", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_a_night_over_an_open_catalogue_finds_the_fill(
    catalogue: tuple[StandIn, Place], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in, place = catalogue
    home = ("--home", str(place.home.root))
    days = ("--from", later(LAST, -112).isoformat(), "--to", LAST.isoformat())
    assert run(monkeypatch, "night", *days, *home) in (cli.DONE, cli.DEGRADED)
    out = capsys.readouterr().out
    assert "The accounting closes" in out and "s2: every 5 days" in out
    [fill] = place.world.fills
    assert any(site.outline.intersects(fill.outline) for site in place.sites())
    asked = len(stand_in.asked(FILES))
    assert run(monkeypatch, "night", *days, *home) in (cli.DONE, cli.DEGRADED)
    again = [a.path for a in stand_in.asked(FILES)[asked:]]
    assert not again, f"a second night fetches nothing again: {again}, the first said: {out[-1500:]}"
    capsys.readouterr()
    assert run(monkeypatch, "sources", "list", "--json", *home) == cli.DONE
    [listed] = json.loads(capsys.readouterr().out)
    assert listed["requests"] == len(stand_in.log) and listed["of"] is None


def test_the_elevation_model_comes_by_name(
    catalogue: tuple[StandIn, Place], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, place = catalogue
    home = ("--home", str(place.home.root))
    assert run(monkeypatch, "import", "dem", "--site", "stand-in", "--aoi", "all", *home) == cli.DONE
    assert "height, slope and aspect from stand-in, known in 100.0%" in capsys.readouterr().out
    terrain = get_terrain(place.home.archive, AOI_ID)
    assert terrain is not None and abs(float(np.nanmedian(terrain.aspect)) - 0.0) < 5.0


WRONG = {
    "an unknown site": (("--site", "atlantis"), "E1912"),
    "neither path nor site": ((), "E2001"),
    "both": (("--site", "stand-in", "."), "E2001"),
    "a path that is not there": (("nowhere.tif",), "E2002"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_elevation_model_that_is_not_named_rightly_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    arguments, number = WRONG[name]
    code = run(monkeypatch, "import", "dem", *arguments, "--aoi", "tama", "--home", str(tmp_path))
    assert code in (cli.WRONG_USE, cli.COULD_NOT_RUN) and number in capsys.readouterr().err
