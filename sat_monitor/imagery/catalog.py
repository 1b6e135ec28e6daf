"""Collections and the root catalogue of the archive: an index that is derived from the items, never the other way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sat_monitor.imagery.files import write_whole
from sat_monitor.imagery.items import STAC_VERSION

_KINDS = {
    "superseded": "Scenes of {aoi} that their provider issued again, as they were",
    "terrain": "Elevation, slope and aspect of {aoi}",
    "scenes": "Scenes on the grid of AOI {aoi}",
    "changes": "Change maps of AOI {aoi}",
}
_JSON = "application/json"


def write_collection(root: Path, folder: Path) -> None:
    """Write collection.json of `folder` (`<aoi>/scenes` or `<aoi>/changes`) and catalog.json of the root."""
    items = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*/*.json"))]
    if not items:
        return
    aoi, kind = folder.parent.name, folder.name
    collection = {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": f"{aoi}-{kind}",
        "description": _KINDS[kind].format(aoi=aoi),
        "license": "other",
        "extent": _extent(items),
        "links": [
            _link("root", "../../catalog.json"),
            _link("parent", "../../catalog.json"),
            *(_link("item", f"./{path.parent.name}/{path.name}") for path in sorted(folder.glob("*/*.json"))),
        ],
    }
    _write(folder / "collection.json", collection)
    _write_root(root)


def _write_root(root: Path) -> None:
    children = sorted(path.relative_to(root).as_posix() for path in root.glob("*/*/collection.json"))
    catalog = {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": "sat_monitor",
        "description": "Archived scenes and change maps",
        "links": [_link("root", "./catalog.json"), *(_link("child", f"./{child}") for child in children)],
    }
    _write(root / "catalog.json", catalog)


def _extent(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    boxes = list(zip(*(item["bbox"] for item in items), strict=True))
    times = sorted(item["properties"]["datetime"] for item in items)
    bbox = [min(boxes[0]), min(boxes[1]), max(boxes[2]), max(boxes[3])]
    return {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[times[0], times[-1]]]}}


def _link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href, "type": "application/geo+json" if rel == "item" else _JSON}


def _write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=1).encode()
    if not path.exists() or path.read_bytes() != text:
        write_whole(path, text)
