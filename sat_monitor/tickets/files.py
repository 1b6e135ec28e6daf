"""Files first, and whole: temporary name, fsync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sat_monitor.core.errors import TicketError


def write_whole(path: Path, content: bytes) -> Path:
    """Write `content` so that a reader sees the old file or the new one, never a part; returns `path`.

    Raises TicketError E1302 where the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise TicketError("E1302", f"{path}: {error.strerror or error}", kept="the older file, if any") from error
    return path


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable; a system without folder handles is left alone."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
