"""Item search of a STAC API: pystac-client writes the requests and follows the pages, the door carries them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.fetch import Answer, Door
from sat_monitor.imagery.paging import Page
from sat_monitor.imagery.service import Question

if TYPE_CHECKING:
    from pystac_client.stac_api_io import StacApiIO

_PAGE = 100
_PAGE_BYTES = 64 << 20
_MEDIA = ("application/json", "application/geo+json")


def search(door: Door, url: str, **query: Any) -> Iterator[Page]:
    """Pages of the items that match `query` (arguments of pystac-client's ItemSearch) at the API of `url`.

    Raises ServiceError E19xx where a page does not come, SceneReject E1104 where it is none.
    """
    from pystac_client import ItemSearch

    pages = ItemSearch(f"{url.rstrip('/')}/search", stac_io=_through(door), limit=_PAGE, **query).pages_as_dicts()
    try:
        for page in pages:
            matched = page.get("numberMatched", (page.get("context") or {}).get("matched"))
            yield Page(tuple(page["features"]), None if matched is None else int(matched))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SceneReject("E1104", f"not a page of a catalogue: {error!r}", "nothing of this listing") from error


def _through(door: Door) -> StacApiIO:
    """What pystac-client reads with; its own session stays unused."""
    from pystac_client.stac_api_io import StacApiIO

    class DoorIO(StacApiIO):
        def request(
            self,
            href: str,
            method: str | None = None,
            headers: dict[str, str] | None = None,
            parameters: dict[str, Any] | None = None,
        ) -> str:
            return door.ask(_question(href, method or "GET", headers or {}, parameters), _text)

    return DoorIO()


def _question(href: str, method: str, headers: dict[str, str], parameters: dict[str, Any] | None) -> Question:
    if method == "POST":
        body = json.dumps(parameters or {}).encode()
        return Question(
            href, "POST", {**headers, "Content-Type": "application/json"}, body, _MEDIA, most_bytes=_PAGE_BYTES
        )
    url = f"{href}{'&' if '?' in href else '?'}{urlencode(parameters)}" if parameters else href
    return Question(url, "GET", headers, None, _MEDIA, most_bytes=_PAGE_BYTES)


def _text(answer: Answer) -> str:
    """A whole page; SceneReject E1104 where it is none: the library takes a page without items for the last one."""
    try:
        text = answer.content().decode()
        page = json.loads(text)
        if not isinstance(page, dict) or not isinstance(page.get("features"), list):
            raise ValueError("no list of features")
    except ValueError as error:
        raise SceneReject("E1104", f"not a page of a catalogue: {error}", "nothing of this listing") from error
    return text
