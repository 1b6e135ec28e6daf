"""Chips on the disk: one file each, half precision, so that training starts without drawing worlds again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np

from sat_monitor.models.bands import Pair, Side
from sat_monitor.models.chips import Chip

_PLANES = ("truth", "weight")


def save_chips(chips: Iterable[Chip], folder: Path, stem: str) -> list[Path]:
    """Writes chips as `stem`-000.npz and so on; float16, which keeps three digits."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, chip in enumerate(chips):
        path = folder / f"{stem}-{number:03d}.npz"
        part = path.with_suffix(".part")
        half = {name: getattr(chip, name).astype(np.float16) for name in _PLANES}
        pair = chip.pair
        with part.open("wb") as file:
            np.savez(
                file, **half, slope=pair.slope_deg.astype(np.float16),
                optical=np.stack([pair.before.optical, pair.after.optical]).astype(np.float16),
                radar=np.stack([pair.before.radar, pair.after.radar]).astype(np.float16),
                about=np.array(json.dumps({"source": chip.source, "geometry": chip.geometry})),
            )  # fmt: skip
        part.replace(path)
        written.append(path)
    return written


def load_chips(paths: Iterable[Path]) -> Iterator[Chip]:
    """Chips of files, in their order."""
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            planes = {name: data[name].astype(np.float32) for name in (*_PLANES, "slope", "optical", "radar")}
            about = json.loads(str(data["about"]))
        before, after = (Side(planes["optical"][n], planes["radar"][n]) for n in range(2))
        yield Chip(Pair(before, after, planes["slope"]), *(planes[name] for name in _PLANES), **about)


def fingerprint(paths: Iterable[Path]) -> str:
    """sha256 over the contents of files in the order of their names: what a network was trained on."""
    whole = sha256()
    for path in sorted(paths):
        whole.update(path.name.encode())
        whole.update(sha256(path.read_bytes()).digest())
    return whole.hexdigest()
