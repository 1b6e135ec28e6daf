"""A message as it lies in the outbox: frozen when it was decided, so that every try sends the same under the same id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.errors import DeliveryError
from sat_monitor.imagery.files import file_sha256

Plain = dict[str, Any]


class MessageKind(StrEnum):
    """What a message is about."""

    TICKET = "ticket"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file of a message: its path below the home, and the hash that it had when the message was made."""

    path: str
    sha256: str

    @staticmethod
    def of(path: Path, root: Path) -> FileRef:
        """The reference of a file below the home `root` as it is now."""
        return FileRef(path.relative_to(root).as_posix(), file_sha256(path))


@dataclass(frozen=True, slots=True)
class Message:
    """Something for people: `id` is the same for every receiver and every try, `facts` the same as `text` for machines.

    `made_at` (UTC) is when it was decided; `files` lie below the home of the installation.
    """

    id: str
    kind: MessageKind
    subject: str
    text: str
    made_at: datetime
    facts: Mapping[str, Any]
    files: tuple[FileRef, ...] = ()

    def to_plain(self) -> Plain:
        """The message as plain JSON data."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "subject": self.subject,
            "text": self.text,
            "made_at": iso(self.made_at),
            "facts": dict(self.facts),
            "files": [[file.path, file.sha256] for file in self.files],
        }


def safe_id(identity: str) -> str:
    """An id that any header takes: as it is where it is made of ASCII letters, digits, dots and dashes, else its hash."""
    if identity.isascii() and identity.replace("-", "").replace(".", "").isalnum() and len(identity) <= 120:
        return identity
    return hashlib.sha256(identity.encode(errors="replace")).hexdigest()[:32]


def message_from_plain(plain: Mapping[str, Any]) -> Message:
    """The inverse of `Message.to_plain`."""
    return Message(
        id=plain["id"],
        kind=MessageKind(plain["kind"]),
        subject=plain["subject"],
        text=plain["text"],
        made_at=parse_iso(plain["made_at"]),
        facts=plain["facts"],
        files=tuple(FileRef(path, sha256) for path, sha256 in plain["files"]),
    )


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message, read: name without folders, content, hash."""

    name: str
    content: bytes
    sha256: str


def read_attachments(message: Message, root: Path) -> tuple[Attachment, ...]:
    """The files of a message below `root`, checked; DeliveryError E2104 where one is gone or is not what was decided."""
    return tuple(_read(file, root) for file in message.files)


def _read(file: FileRef, root: Path) -> Attachment:
    try:
        content = (root / file.path).read_bytes()
    except OSError as error:
        raise DeliveryError("E2104", f"{file.path}: {error.strerror or error}", "the message, unsent") from error
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        what = f"{file.path}: sha256 is {found[:12]}, decided was {file.sha256[:12]}"
        raise DeliveryError("E2104", what, "the message, unsent")
    return Attachment(Path(file.path).name, content, found)


class Sink(Protocol):
    """Hands messages to one receiver; the same message twice is two deliveries of one id."""

    def send(self, message: Message, attachments: tuple[Attachment, ...]) -> str:
        """Hand over; returns where it went. Raises DeliveryError E2102 (down), E2103 (later), E2104 (never)."""

    def close(self) -> None:
        """End what is open."""
