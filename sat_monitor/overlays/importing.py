"""Imports as versions: a layer is written once under the hash of what it was made from, and never changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import pyogrio

from sat_monitor.core.clock import Clock, iso, parse_iso
from sat_monitor.core.errors import OverlayError
from sat_monitor.core.home import Home
from sat_monitor.core.surroundings import LayerVersion
from sat_monitor.imagery.files import file_sha256, write_whole
from sat_monitor.overlays.kinds import LAYERS, LayerKind
from sat_monitor.overlays.mapping import LayerMapping
from sat_monitor.overlays.reading import Entries, read_entries

_LAYER, _RECORD = "layer.gpkg", "version.json"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a layer comes from: source and licence in words, the day whose state it shows."""

    source: str
    licence: str
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A version as it is kept: entries, how many were repaired or left out for want of a shape, when it came in.

    `layer_sha256` is the hash of the stored layer.
    """

    layer: LayerVersion
    entries: int
    repaired: int
    left_out: int
    imported_at: datetime
    layer_sha256: str


def import_overlay(
    home: Home, kind: LayerKind, path: Path, origin: Origin, mapping: LayerMapping, clock: Clock
) -> Imported:
    """Take in a file as a new version; the same file and mapping again is the same version.

    Raises OverlayError E1401 to E1406 and E1409: nothing is kept then.
    """
    if not path.is_file():
        raise OverlayError("E1401", f"{path} is not a file")
    sha256 = _source_sha256(path)
    version = _version_id(sha256, origin, mapping)
    folder = home.overlays / kind.value / version
    if (folder / _RECORD).is_file():
        known = _read_record(folder)
        if (folder / _LAYER).is_file() and file_sha256(folder / _LAYER) == known.layer_sha256:
            return known
    entries = read_entries(path, LAYERS[kind], mapping)
    layer = LayerVersion(kind.value, version, origin.source, origin.as_of, origin.licence, sha256)
    return _keep(folder, layer, entries, clock())


def versions(home: Home) -> list[Imported]:
    """All versions of all kinds, by kind, the newest import last."""
    records = [_read_record(path.parent) for path in home.overlays.glob(f"*/*/{_RECORD}")]
    return sorted(records, key=lambda one: (one.layer.kind, one.imported_at, one.layer.version))


def newest(home: Home) -> dict[str, str]:
    """The newest version of each kind: what a run pins before it begins."""
    return {one.layer.kind: one.layer.version for one in versions(home)}


def record_of(home: Home, kind: str, version: str) -> Imported:
    """One version; raises OverlayError E1407 where it is not there."""
    folder = home.overlays / kind / version
    if not (folder / _RECORD).is_file():
        raise OverlayError("E1407", f"{kind} {version} is not in {home.overlays}")
    return _read_record(folder)


def layer_path(home: Home, one: Imported) -> Path:
    """The stored layer of a version, after its hash was checked; raises OverlayError E1407."""
    path = home.overlays / one.layer.kind / one.layer.version / _LAYER
    found = file_sha256(path) if path.is_file() else "no file"
    if found != one.layer_sha256:
        raise OverlayError("E1407", f"{path}: {found}, recorded is {one.layer_sha256}")
    return path


def _keep(folder: Path, layer: LayerVersion, entries: Entries, at: datetime) -> Imported:
    """Layer first, record last: a version without its record does not exist."""
    shutil.rmtree(folder, ignore_errors=True)
    # A GeoPackage notes when it was written; with a stated day the same import gives the same bytes.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": iso(at)})
    try:
        with tempfile.TemporaryDirectory() as aside:
            entries.table.to_file(Path(aside) / _LAYER, driver="GPKG", layer=layer.kind)
            write_whole(folder / _LAYER, (Path(aside) / _LAYER).read_bytes())
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    count = len(entries.table)
    record = Imported(layer, count, entries.repaired, entries.left_out, at, file_sha256(folder / _LAYER))
    plain = {**asdict(record), "imported_at": iso(at)}
    plain["layer"]["as_of"] = layer.as_of.isoformat() if layer.as_of else None
    write_whole(folder / _RECORD, json.dumps(plain, ensure_ascii=False, indent=1).encode())
    return record


def _read_record(folder: Path) -> Imported:
    try:
        plain = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        as_of = plain["layer"]["as_of"]
        layer = LayerVersion(**{**plain["layer"], "as_of": date.fromisoformat(as_of) if as_of else None})
        return Imported(**{**plain, "layer": layer, "imported_at": parse_iso(plain["imported_at"])})
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise OverlayError("E1407", f"{folder}: {error!r}") from error


def _source_sha256(path: Path) -> str:
    """Hash of the file; of a Shapefile with all files that belong to it, for its names stand in another."""
    if path.suffix.lower() != ".shp":
        return file_sha256(path)
    parts = sorted(p for p in path.parent.glob(f"{path.stem}.*") if p.is_file())
    lines = "".join(f"{p.suffix.lower()} {file_sha256(p)}\n" for p in parts)
    return hashlib.sha256(lines.encode()).hexdigest()


def _version_id(sha256: str, origin: Origin, mapping: LayerMapping) -> str:
    """The name of a version: the day that it shows, and a hash of file, origin and mapping."""
    day = origin.as_of.isoformat() if origin.as_of else "undated"
    whole = json.dumps([sha256, origin.source, origin.licence, mapping.model_dump()], sort_keys=True)
    return f"{day}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"
