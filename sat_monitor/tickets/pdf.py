"""One-page PDFs by typst: words and figures travel as JSON, pictures as bytes; nothing is pasted into markup."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from sat_monitor.core.clock import utc
from sat_monitor.core.errors import TicketError
from sat_monitor.core.resources import resource_folder
from sat_monitor.tickets.text import font_folder


@lru_cache(maxsize=1)
def _fonts() -> Any:
    """The packaged font and those that the typesetter brings, looked up once."""
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[str(font_folder())])


def typeset(
    template: str, page: Mapping[str, object], pictures: Mapping[str, bytes], at: datetime, page_count: int
) -> bytes:
    """PDF bytes of a template of the templates folder, filled with `page` (plain JSON data) and pictures by file name.

    `at` (UTC-aware) is the document's time: the same input gives the same bytes. No network, no system fonts. Where the
    words need more than `page_count` pages, they are set smaller. Raises TicketError E1802 with the typesetter's message.
    """
    with _folder(template, page, pictures) as folder:
        pdf = _fitted(folder, template, at, page_count, "pdf", None)
    assert isinstance(pdf, bytes)
    return pdf


def typeset_pictures(
    template: str, page: Mapping[str, object], pictures: Mapping[str, bytes], at: datetime, page_count: int, ppi: float
) -> list[bytes]:
    """The same pages as PNG pictures of `ppi` pixels per inch."""
    with _folder(template, page, pictures) as folder:
        found = _fitted(folder, template, at, page_count, "png", ppi)
    return [found] if isinstance(found, bytes) else found


def pages_of(pdf: bytes) -> int | None:
    """How many pages the page tree of a PDF names; None where it is not written in plain."""
    found = re.search(rb"/Type\s*/Pages\s*/Count (\d+)", pdf)
    return None if found is None else int(found[1])


@contextmanager
def _folder(template: str, page: Mapping[str, object], pictures: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder for the time of the typesetting, with the template, its data and its pictures."""
    files: dict[str, bytes] = {
        "main.typ": (resource_folder("templates") / template).read_bytes(),
        "page.json": json.dumps(page, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace"),
        **pictures,
    }
    with tempfile.TemporaryDirectory(prefix="sat_monitor_page_") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        yield Path(folder)


def _fitted(
    folder: Path, template: str, at: datetime, page_count: int, kind: Literal["pdf", "png"], ppi: float | None
) -> bytes | list[bytes]:
    """The pages as they are; set smaller only where they are not `page_count`, for trying costs as much as setting."""
    found = _compiled(folder, template, at, kind, ppi, shrink=False)
    pages = pages_of(found) if isinstance(found, bytes) else len(found)
    return found if pages == page_count else _compiled(folder, template, at, kind, ppi, shrink=True)


def _compiled(
    folder: Path, template: str, at: datetime, kind: Literal["pdf", "png"], ppi: float | None, shrink: bool
) -> bytes | list[bytes]:
    import typst

    try:
        found: bytes | list[bytes] = typst.compile(
            str(folder / "main.typ"),
            root=str(folder),
            font_paths=_fonts(),
            ignore_system_fonts=True,
            format=kind,
            ppi=ppi,
            sys_inputs={"shrink": "yes" if shrink else "no"},
            timestamp=int(utc(at).timestamp()),
        )
    except typst.TypstError as error:
        raise TicketError("E1802", f"{template}: {error}", kept="the ticket in the store") from error
    return found
