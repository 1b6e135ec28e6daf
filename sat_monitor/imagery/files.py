"""Files first, and whole: temporary name, fsync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from sat_monitor.core.errors import SatMonitorError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path` when the block ends well, and vanishes when it does not.

    A reader sees the old file or the new one, never a part. Raises SatMonitorError E1302 where the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise SatMonitorError("E1302", f"{path}: {error.strerror or error}", kept="the older file, if any") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def sweep_parts(folder: Path) -> int:
    """Remove what killed processes left below `folder`: temporary files of `whole_file`; returns how many.

    Only for folders that nobody else writes to meanwhile: a night holds its lease.
    """
    parts = [path for path in folder.rglob(".*.part") if path.is_file()]
    for path in parts:
        path.unlink(missing_ok=True)
    return len(parts)


def write_whole(path: Path, content: bytes) -> Path:
    """Write `content` whole or not at all; returns `path`. Raises SatMonitorError E1302 where the disk refuses."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return path


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
