"""The page for a phone: complete in itself, the same figures as on paper, and nothing in it runs or loads."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sat_monitor.tickets.records import SceneRole, SceneUse
from sat_monitor.tickets.text import forbidden_words
from sat_monitor.tickets.ticket import render_ticket
from tests.ticket_world import HOSTILE, aoi, request, scene


class Reader(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.events: list[str] = []
        self.text = ""
        self.feed(document)
        self.text = "".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]
        self.events += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(folder: Path) -> Reader:
    return Reader((folder / "ticket.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_phone_page_has_the_figures_of_the_paper_and_loads_nothing(tmp_path: Path, lang: str) -> None:
    render_ticket(request(), tmp_path, lang)
    found = read(tmp_path)
    for word in ("t-9f8e7d6c", "s-0123456789", "139.270000", "35.660000", "0.78→0.21", "1,240m²±270m²", "ab" * 32):
        assert word in found.text, word
    assert found.tags.count("img") == 4
    images = [address for address in found.addresses if address.startswith("data:image/jpeg;base64,")]
    links = [address for address in found.addresses if address not in images]
    assert len(images) == 4 and "geo:35.660000,139.270000" in links
    assert all(address.startswith(("geo:", "https://maps.gsi.go.jp/")) for address in links)
    assert forbidden_words(found.text) == []


def test_hostile_text_stays_text_on_the_phone(tmp_path: Path) -> None:
    bad = HOSTILE + '"><script>alert(1)</script><svg onload=x> $lead ${title} 違反 '
    made = request()
    made = replace(
        made,
        aoi=aoi(name_ja=bad * 100),
        ticket=replace(made.ticket, reasons=(bad,) * 9, withdrawn_reason=bad),
        evidence={bad: 1.0},
        software=bad,
        after=replace(made.after, label=bad, scene=replace(made.after.scene, id=bad, platform=bad)),
        scenes=(SceneUse(SceneRole.REFERENCE, replace(scene("2023-05-02"), id=bad)),),
    )
    render_ticket(made, tmp_path)
    found = read(tmp_path)
    assert not {"script", "svg"} & set(found.tags) and not found.events
    assert forbidden_words(found.text) == []


def test_the_same_request_gives_the_same_phone_page(tmp_path: Path) -> None:
    pages = [render_ticket(request(), tmp_path / name).folder / "ticket.html" for name in ("a", "b")]
    assert pages[0].read_bytes() == pages[1].read_bytes()
