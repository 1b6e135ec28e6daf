"""One-page PDFs by typst: words and figures travel as JSON, pictures as bytes; nothing is pasted into markup."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
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


def typeset(template: str, page: Mapping[str, object], pictures: Mapping[str, bytes], at: datetime) -> bytes:
    """PDF bytes of a template of the templates folder, filled with `page` (plain JSON data) and pictures by file name.

    `at` (UTC-aware) is the document's time: the same input gives the same bytes. No network, no system fonts.
    Raises TicketError E1802 with the typesetter's message.
    """
    pdf = _compiled(template, page, pictures, at, "pdf", None)
    assert isinstance(pdf, bytes)
    return pdf


def typeset_pictures(
    template: str, page: Mapping[str, object], pictures: Mapping[str, bytes], at: datetime, ppi: float
) -> list[bytes]:
    """The same pages as PNG pictures of `ppi` pixels per inch."""
    found = _compiled(template, page, pictures, at, "png", ppi)
    return [found] if isinstance(found, bytes) else list(found)


def _compiled(
    template: str,
    page: Mapping[str, object],
    pictures: Mapping[str, bytes],
    at: datetime,
    kind: Literal["pdf", "png"],
    ppi: float | None,
) -> bytes | list[bytes]:
    import typst

    files: dict[str, bytes] = {
        "main.typ": (resource_folder("templates") / template).read_bytes(),
        "page.json": json.dumps(page, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace"),
        **pictures,
    }
    with tempfile.TemporaryDirectory(prefix="sat_monitor_page_") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        try:
            found: bytes | list[bytes] = typst.compile(
                str(Path(folder) / "main.typ"),
                root=folder,
                font_paths=_fonts(),
                ignore_system_fonts=True,
                format=kind,
                ppi=ppi,
                timestamp=int(utc(at).timestamp()),
            )
        except typst.TypstError as error:
            raise TicketError("E1802", f"{template}: {error}", kept="the ticket in the store") from error
    return found
