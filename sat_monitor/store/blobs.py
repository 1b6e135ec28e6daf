"""Files under their own hash: kept byte for byte, once, and checked whenever they are read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sat_monitor.core.errors import CaseError
from sat_monitor.imagery.files import write_whole


def blob_path(folder: Path, sha256: str) -> Path:
    """Where the file of a hash lies."""
    return folder / sha256[:2] / sha256


def put_blob(folder: Path, content: bytes) -> str:
    """Keep `content`, whole and durable before this returns; its sha256. SatMonitorError E1302 where the disk refuses."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = blob_path(folder, sha256)
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        write_whole(path, content)
    return sha256


def read_blob(folder: Path, sha256: str) -> bytes:
    """The bytes of a hash; raises CaseError E1814 where they are missing or not those."""
    path = blob_path(folder, sha256)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CaseError("E1814", f"{path}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CaseError("E1814", f"{path} is not what was kept")
    return content


def remove_blob(folder: Path, sha256: str) -> bool:
    """Erase a file; returns whether it was there."""
    path = blob_path(folder, sha256)
    there = path.is_file()
    path.unlink(missing_ok=True)
    return there
