"""Where finished tickets go: a sink takes a ticket folder and gives a receipt for the outbox."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sat_monitor.core.errors import TicketError
from sat_monitor.imagery.files import write_whole
from sat_monitor.tickets.text import file_stem


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of one delivery: channel, key of the outbox row, where it went, and (name, sha256) of each file."""

    channel: str
    key: str
    place: str
    files: tuple[tuple[str, str], ...]

    def body(self) -> dict[str, object]:
        """The receipt as plain JSON data, the same for the same delivery."""
        return {"channel": self.channel, "place": self.place, "files": dict(self.files)}


class Sink(Protocol):
    """Delivers ticket folders; delivering the same key twice leaves one delivery."""

    channel: str

    def deliver(self, folder: Path, key: str) -> Receipt:
        """Hand over all files of a ticket folder under an outbox key; raises TicketError, temporary where a retry helps."""
        ...


class FolderSink:
    """Copies tickets below a folder (a network share, a synchronised folder), one subfolder per outbox key."""

    channel = "folder"

    def __init__(self, root: Path) -> None:
        self.root = root

    def deliver(self, folder: Path, key: str) -> Receipt:
        """Copy the files, whole or not at all each; a second call with the same content changes nothing.

        Raises TicketError E1801 where `folder` holds no page, SatMonitorError E1302 where the disk refuses.
        """
        sources = sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith("."))
        if not any(path.suffix == ".pdf" for path in sources):
            raise TicketError("E1801", f"{folder} holds no page to deliver, only {[path.name for path in sources]}")
        target = self.root / _key_folder(key)
        return Receipt(self.channel, key, target.name, tuple((path.name, _copy(path, target)) for path in sources))


def _key_folder(key: str) -> str:
    """A folder name for a key; keys that differ only in unsafe characters stay apart."""
    stem = file_stem(key)
    return stem if stem == key else f"{stem}-{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:8]}"


def _copy(source: Path, folder: Path) -> str:
    content = source.read_bytes()
    target = folder / source.name
    if not target.is_file() or target.read_bytes() != content:
        write_whole(target, content)
    return hashlib.sha256(content).hexdigest()
