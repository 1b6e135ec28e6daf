"""Checkpoints of an evidence field: what a night resumes from. Deleting them costs time, never truth."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import numpy as np

from sat_monitor.change_detect.evidence import EvidenceState
from sat_monitor.core.domain import Look

#: Checkpoints kept per AOI; the oldest go first.
KEEP = 12


def _path(folder: Path, look: Look, inputs_sha256: str) -> Path:
    return folder / f"{look.acquired_at:%Y%m%dT%H%M%S}-{inputs_sha256[:32]}.npz"


def save_checkpoint(folder: Path, look: Look, inputs_sha256: str, state: EvidenceState) -> None:
    """Store the field as it stood after `look`; the file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, look, inputs_sha256)
    if path.exists():
        return
    temporary = path.with_suffix(f".tmp{os.getpid()}")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **{f.name: getattr(state, f.name) for f in fields(state)})
    temporary.replace(path)
    for old in sorted(folder.glob("*.npz"))[:-KEEP]:
        old.unlink(missing_ok=True)


def load_checkpoint(folder: Path, look: Look, inputs_sha256: str, shape: tuple[int, int]) -> EvidenceState | None:
    """The field after `look`, or None where it is not there, not whole or of another shape."""
    path = _path(folder, look, inputs_sha256)
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            state = EvidenceState(**{f.name: arrays[f.name] for f in fields(EvidenceState)})
    except (OSError, ValueError, KeyError):
        path.unlink(missing_ok=True)
        return None
    return state if state.log_odds.shape == shape else None
