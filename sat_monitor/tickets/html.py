"""A ticket as one HTML file for a phone without signal: pictures inside, nothing loaded, nothing that runs."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from string import Template

from sat_monitor.core.resources import resource_folder
from sat_monitor.tickets.page import Page, PictureRef
from sat_monitor.tickets.place import geo_uri
from sat_monitor.tickets.words import Line, Words

#: The order in which the pictures follow each other on a phone.
_PICTURES = ("before", "after", "score", "location", "oldest", "growth", "velocity", "motion")


def ticket_html(page: Page, words: Words, jpegs: Mapping[str, bytes], lonlat: tuple[float, float]) -> bytes:
    """The page as UTF-8 HTML; `jpegs` by picture file, `lonlat` (degrees) for the link that opens a map app.

    Every text is escaped; the file's own policy forbids scripts and any request.
    """
    template = Template((resource_folder("templates") / "ticket.html").read_text(encoding="utf-8"))
    lon, lat = lonlat
    links = {geo_uri(lon, lat): words.of("text.open_app"), page.map_url: page.map_label}
    banners = [(page.withdrawn, "banner withdrawn"), (words.of("page.simulated") if page.simulated else "", "banner")]
    filled = {
        "lang": page.lang,
        "title": page.document_title,
        "heading": words.of("page.title"),
        "mark": words.of("page.status_mark"),
        "kind": page.site_line,
        "number": page.ticket_id,
        "priority_label": words.of("page.priority"),
        "priority": page.priority,
        "lead": words.of("page.lead"),
        "credit": page.credit,
        "footer": page.footer,
    }
    made = {
        "banners": "\n".join(f'<div class="{kind}">{escape(text)}</div>' for text, kind in banners if text),
        "links": " ".join(f'<a href="{escape(url)}">{escape(label)}</a>' for url, label in links.items()),
        "sections": "\n".join(_sections(page, words, jpegs)),
        "proof": "<br>".join(f"{escape(line.label)} {escape(line.value)}" for line in page.proof),
    }
    return template.substitute({name: escape(text) for name, text in filled.items()} | made).encode()


def _sections(page: Page, words: Words, jpegs: Mapping[str, bytes]) -> Iterable[str]:
    """The blocks of the page, in the order in which an inspector reads them on the way."""
    yield _titled(words, "reasons", _list(page.reasons))
    yield (
        '<div class="pictures">'
        + "".join(_figure(page.pictures[name], jpegs) for name in _PICTURES if name in page.pictures)
        + "</div>"
    )
    yield _titled(words, "site", _facts(page.facts))
    yield _titled(words, "checks", _list(page.checks, "checks") + _note(words.of("checks.conduct")))
    yield _titled(words, "size", _size(page, words))
    yield _titled(words, "change", f"<p>{escape(page.change)}</p>{_facts(page.evidence)}")
    rows = (Line(f"{row.role} {row.day}", f"{row.sensor}  {row.id}  {row.sha256}") for row in page.scenes)
    yield _titled(words, "scenes", _facts(rows) + _note(page.more_scenes))


def _size(page: Page, words: Words) -> str:
    """Statutory questions, timing, registers, and what only a visit shows."""
    asked = {"timing": page.timing, "registers": " / ".join(page.registers)}
    rows = [*page.questions, *(Line(words.of(f"label.{name}"), text) for name, text in asked.items() if text)]
    visit = f"<p>{escape(words.of('label.on_site'))}</p>{_list(page.on_site, 'checks')}" if page.on_site else ""
    return f"<p>{escape(page.size)}</p>{_facts(rows)}{visit}{_note(page.size_notes)}"


def _titled(words: Words, name: str, body: str) -> str:
    return f"<section><h2>{escape(words.of(f'section.{name}'))}</h2>{body}</section>"


def _list(items: Iterable[str], kind: str = "") -> str:
    return f'<ul class="{kind}">' + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _facts(lines: Iterable[Line]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(each.label)}</dt><dd>{escape(each.value)}</dd>" for each in lines) + "</dl>"


def _note(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>' if text else ""


def _figure(picture: PictureRef, jpegs: Mapping[str, bytes]) -> str:
    data = base64.b64encode(jpegs[picture.file]).decode()
    caption, kind = escape(picture.caption), "png" if picture.file.endswith(".png") else "jpeg"
    return f'<figure><img alt="{caption}" src="data:image/{kind};base64,{data}"><figcaption>{caption}</figcaption></figure>'
