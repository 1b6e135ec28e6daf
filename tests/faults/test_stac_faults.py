"""Open STAC catalogues and buckets that misbehave: a number each, no wrong pixel, no request to a foreign place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile

from sat_monitor.core.domain import Sensor
from sat_monitor.core.errors import SatMonitorError, ServiceError
from sat_monitor.imagery.source import Offer
from sat_monitor.standin import faults
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.open_stac import FILES, PLANETARY_LIKE, SEARCH, TOKEN, Habits
from sat_monitor.standin.server import Asked, Reply, Rule, Sender, StandIn, json_reply
from tests.imagery_world import aoi_on
from tests.service_world import BUDGET, END, START, Canary
from tests.stac_world import WIDE, OpenWorld, open_world, provider

GROUND = replace(WIDE, x0=WIDE.x0 + 2000.0, y0=WIDE.y0 - 3000.0, height=60, width=50)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Holdings:
    return provider(tmp_path_factory.mktemp("wide"), WIDE, range(0, 5, 5))


@pytest.fixture
def site(wide: Holdings, tmp_path: Path) -> Iterator[OpenWorld]:
    with open_world(wide, tmp_path / "fetch", PLANETARY_LIKE) as world:
        yield world
    assert not list((tmp_path / "fetch").rglob("*")), "copies stay behind"


def outcome(world: OpenWorld, wanted: Offer | None = None) -> str:
    """`pixels` or the number of the error, for the SAR scene where none is given."""
    try:
        offers = world.offers(GROUND)
        world.source().fetch(wanted or next(o for o in offers if o.sensor is Sensor.S1), aoi_on(GROUND))
    except SatMonitorError as error:
        assert "sig=" not in str(error) and not any(t in str(error) for t in world.stac.tokens)
        return error.code
    return "pixels"


class Changed:
    """A catalogue whose pages are changed on their way."""

    def __init__(self, world: OpenWorld, change: Callable[[dict[str, Any]], None]) -> None:
        self._stac = world.stac
        self._change = change
        world.stand_in.answerers.insert(0, self)

    def answer(self, asked: Asked) -> Reply | None:
        if asked.path != SEARCH:
            return None
        reply = self._stac.answer(asked)
        assert reply is not None
        page = json.loads(reply.body)
        self._change(page)
        return json_reply(page)


def each_asset(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    def changed(page: dict[str, Any]) -> None:
        for item in page["features"]:
            for asset in item["assets"].values():
                change(asset)

    return changed


def test_a_file_elsewhere_is_not_asked_for(site: OpenWorld) -> None:
    canary = Canary()
    with StandIn([canary]) as elsewhere:
        Changed(site, each_asset(lambda a: a.update(href=a["href"].replace(site.stand_in.host, elsewhere.host))))
        assert outcome(site) == "E1907"
    assert not canary.hits


@pytest.mark.parametrize("href", ["file:///etc/passwd", "/etc/passwd", "../x.tif", "s3://bucket/x.tif", "ftp://x/y"])
def test_an_address_that_is_none_of_the_site_is_refused(site: OpenWorld, href: str) -> None:
    Changed(site, each_asset(lambda a: a.update(href=href)))
    assert outcome(site) == "E1907"


def test_a_next_page_elsewhere_is_not_asked_for(site: OpenWorld) -> None:
    canary = Canary()
    with StandIn([canary]) as elsewhere:
        link = {"rel": "next", "href": f"{elsewhere.url}{SEARCH}", "method": "POST", "body": {"token": "1"}}
        Changed(site, lambda page: page.update(links=[link]))
        assert outcome(site) == "E1907"
    assert not canary.hits


def test_a_page_that_comes_again_and_again_ends(site: OpenWorld) -> None:
    link = {"rel": "next", "href": f"{site.stand_in.url}{SEARCH}", "method": "POST", "merge": True, "body": {"x": 1}}
    Changed(site, lambda page: page.update(links=[link]))
    assert outcome(site) == "E1909" and len(site.stand_in.asked(SEARCH)) < 20


PAGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "fewer than it says": (lambda p: p.update(numberMatched=7), "E1909"),
    "no features": (lambda p: p.pop("features"), "E1104"),
    "features of another kind": (lambda p: p.update(features=17), "E1104"),
    "items that are none": (lambda p: p.update(features=[17, None]), "E1104"),
    "a link that is none": (lambda p: p.update(links=[{"rel": "next"}]), "E1104"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_none_is_refused(site: OpenWorld, name: str) -> None:
    change, code = PAGES[name]
    Changed(site, change)
    assert outcome(site) == code


def test_an_item_that_lost_its_asset_is_refused_alone(site: OpenWorld) -> None:
    Changed(site, lambda page: [item["assets"].pop("vh", None) for item in page["features"]] and None)
    source = site.source()
    listing = source.listing(aoi_on(GROUND), START, END)
    codes = []
    for offer in listing.offers:
        try:
            source.fetch(offer, aoi_on(GROUND))
            codes.append("pixels")
        except SatMonitorError as error:
            codes.append(error.code)
    assert sorted(codes) == ["E1203", "pixels"]


def test_an_item_that_is_gone_or_of_another_time_stays_owed(site: OpenWorld) -> None:
    [wanted] = [o for o in site.offers(GROUND) if o.sensor is Sensor.S1]
    Changed(site, lambda page: page.update(features=[], numberMatched=0))
    with pytest.raises(SatMonitorError, match="no more") as gone:
        site.source().fetch(wanted, aoi_on(GROUND))
    moved = replace(wanted, acquired_at=START)
    site.stand_in.answerers.pop(0)
    with pytest.raises(SatMonitorError, match="another time") as other:
        site.source().fetch(moved, aoi_on(GROUND))
    assert gone.value.code == other.value.code == "E1207"


def shifted_range(by: int) -> Sender:
    """A part that says it lies elsewhere."""

    def sender(handler: Any, reply: Reply) -> None:
        told = reply.headers["Content-Range"]
        start, end, total = (int(n) for n in re.findall(r"\d+", told))
        faults.headed({"Content-Range": f"bytes {start + by}-{end + by}/{total}"})(handler, reply)

    return sender


PARTS: dict[str, tuple[Sender, set[str]]] = {
    "another place": (shifted_range(512), {"E1207"}),
    "another object": (faults.headed({"ETag": '"other"'}), {"E1207"}),
    "no object named": (faults.headed({"ETag": ""}), {"E1207"}),
    "range that is none": (faults.headed({"Content-Range": "bytes all/of it"}), {"E1207"}),
    "size that changed": (faults.headed({"Content-Range": "bytes 0-5/6"}), {"E1207"}),
    "bits flipped": (faults.spoilt(lambda b: b[:900] + bytes(v ^ 255 for v in b[900:930]) + b[930:]), {"E1105"}),
    "zeros": (faults.spoilt(lambda b: b[:900] + bytes(len(b) - 900)), {"E1105"}),
    "a page": (faults.page(b"<html>busy</html>" * 90, "text/html"), {"E1104", "E1101", "E1906", "E1207"}),
    "cut": (faults.cut(0.5), {"E1906"}),
    "reset": (faults.reset(0.5), {"E1906"}),
    "endless": (faults.unended(1.0), {"E1906"}),
    "not there": (faults.status(404), {"E1910"}),
    "not for us": (faults.status(403), {"E1910"}),
    "down": (faults.status(503), {"E1903"}),
    "busy": (faults.status(429, {"Retry-After": "0"}), {"E1901"}),
    "hang": (faults.hang(1.5), {"E1905"}),
}


@pytest.mark.parametrize("after", [0, 2], ids=["head", "part"])
@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_wrong_is_refused(site: OpenWorld, name: str, after: int) -> None:
    sender, codes = PARTS[name]
    site.stand_in.rules.append(Rule(FILES, sender, 99, after))
    found = outcome(site)
    if (name, after) in {("another object", 0), ("no object named", 0)}:
        # All parts agree: it is one object, whatever its name.
        assert found == "pixels"
    elif (name, after) == ("zeros", 0):
        assert found in {"E1105", "E1101", "E1104"}
    else:
        assert found in codes | ({"E1101", "E1104"} if after == 0 else set())
    assert len(site.stand_in.asked(FILES)) <= 2 * 2 * BUDGET.tries


@pytest.mark.parametrize("name", ["bits flipped", "zeros", "cut", "reset", "down"])
def test_a_part_that_comes_well_the_next_time_is_used(site: OpenWorld, name: str) -> None:
    whole = outcome(site)
    site.stand_in.rules.append(Rule(FILES, PARTS[name][0], 1, 2))
    assert outcome(site) == whole == "pixels"


def remade(**changes: Any) -> Sender:
    """The file with another header, whole."""

    def change(content: bytes) -> bytes:
        with MemoryFile(content) as memory, memory.open() as file:
            values, profile = file.read(), file.profile
        values = np.repeat(values, changes.get("count", 1), 0)
        profile.update(driver="GTiff", **changes)
        with MemoryFile() as memory:
            with memory.open(**profile) as file:
                file.write(values.astype(profile["dtype"]))
            return bytes(memory.read())

    return faults.spoilt(change)


FILES_WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another zone": ({"crs": "EPSG:32653"}, "E1201"),
    "no CRS": ({"crs": None}, "E1201"),
    "one pixel east": ({"transform": replace(WIDE, x0=WIDE.x0 + 10.0).affine}, "E1202"),
    "upside down": ({"transform": WIDE.affine @ WIDE.affine.scale(1, -1)}, "E1202"),
    "two bands": ({"count": 2}, "E1203"),
    "another type": ({"dtype": "int16", "nodata": 0}, "E1203"),
}


@pytest.mark.parametrize("name", FILES_WRONG)
def test_a_file_that_is_not_what_the_catalogue_promised_is_refused(wide: Holdings, tmp_path: Path, name: str) -> None:
    changes, code = FILES_WRONG[name]
    with open_world(wide, tmp_path / "fetch", replace(PLANETARY_LIKE, ranges=False)) as world:
        world.stand_in.rules.append(Rule(FILES, remade(**changes), 99))
        assert outcome(world) == code


HASHED: Habits = replace(PLANETARY_LIKE, checksums=True, ranges=False)


@pytest.mark.parametrize("sender", [remade(compress="zstd"), faults.spoilt(lambda b: b + b"\0")])
def test_a_file_of_another_hash_is_refused(wide: Holdings, tmp_path: Path, sender: Sender) -> None:
    with open_world(wide, tmp_path / "fetch", HASHED) as world:
        assert outcome(world) == "pixels"
        world.stand_in.rules.append(Rule(FILES, sender, 99))
        assert outcome(world) in ("E1102", "E1207", "E1101")


TOKENS: dict[str, tuple[Sender, str]] = {
    "no signature": (faults.page(b"{}", "application/json"), "E1104"),
    "a page": (faults.page(b"<html/>", "text/html"), "E1104"),
    "down": (faults.status(503), "E1903"),
    "elsewhere": (faults.redirect("https://example.com/sas"), "E1907"),
    "expiry that is none": (
        faults.page(b'{"token": "sig=x", "msft:expiry": "soon"}', "application/json"),
        "E1104",
    ),
}


@pytest.mark.parametrize("name", TOKENS)
def test_without_a_signature_nothing_is_fetched(site: OpenWorld, name: str) -> None:
    sender, code = TOKENS[name]
    site.stand_in.rules.append(Rule(TOKEN, sender, 99))
    assert outcome(site) == code
    assert not site.stand_in.asked(FILES)


def test_a_bucket_that_has_not_one_file_is_asked_for_the_next(site: OpenWorld) -> None:
    source = site.source()
    offers = source.listing(aoi_on(GROUND), START, END).offers
    site.stand_in.rules.append(Rule(FILES, faults.status(403), 1))
    with pytest.raises(ServiceError) as refused:
        source.fetch(offers[0], aoi_on(GROUND))
    assert refused.value.code == "E1910"
    assert source.fetch(offers[1], aoi_on(GROUND)).bands
