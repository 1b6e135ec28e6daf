"""Delivery into a folder: a network share, a folder that is synchronised."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sat_monitor.core.errors import DeliveryError, SatMonitorError
from sat_monitor.delivery.message import Attachment, Message
from sat_monitor.imagery.files import sweep_parts, write_whole
from sat_monitor.tickets.text import file_stem


class FolderSink:
    """Puts messages below a folder, one subfolder per id; the same message twice leaves one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def send(self, message: Message, attachments: tuple[Attachment, ...]) -> str:
        """Write message.txt, message.json and the attachments, whole or not at all each; what is there stays untouched.

        Raises DeliveryError E2102 where the disk refuses.
        """
        target = self.root / _folder_of(message.id)
        facts = json.dumps(message.facts, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        contents = {file.name: file.content for file in attachments}
        contents |= {"message.txt": message.text.encode(), "message.json": facts.encode()}
        try:
            sweep_parts(target)  # of a delivery that was killed here
            for name in sorted(contents):
                _put(target / name, contents[name])
        except (SatMonitorError, OSError) as error:
            raise DeliveryError("E2102", f"{self.root}: {error}", "what was written before") from error
        return target.name

    def close(self) -> None:
        """Nothing is open."""


def _folder_of(identity: str) -> str:
    """A folder name for an id; ids that differ only in unsafe characters stay apart."""
    stem = file_stem(identity)
    digest = hashlib.sha256(identity.encode(errors="replace")).hexdigest()
    return stem if stem == identity else f"{stem}-{digest[:8]}"


def _put(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        write_whole(path, content)
