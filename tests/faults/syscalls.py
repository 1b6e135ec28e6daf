"""Durable system calls, counted and refused: strace injects SIGKILL, ENOSPC or EIO at the k-th of a kind."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

#: Calls by which something reaches the disk.
CALLS = (
    "pwrite64", "write", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "ftruncate",
)  # fmt: skip
FAULTS = {"SIGKILL": "signal=SIGKILL", "ENOSPC": "error=ENOSPC", "EIO": "error=EIO"}
MOST_POINTS = 150
_LINE = re.compile(r"^(\d+)\s+(\w+)\(")


@dataclass(frozen=True)
class Point:
    """The `when`-th call of a kind within one thread."""

    call: str
    when: int

    def __str__(self) -> str:
        return f"{self.call}-{self.when}"


@lru_cache(maxsize=1)
def refusal() -> str | None:
    """Why strace cannot be used here, None where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=1", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return None if tried.returncode == 0 else f"strace is not allowed: {tried.stderr.strip()[:100]}"


def counting(log: Path) -> list[str]:
    """The words before a command that write its durable calls to `log`."""
    return [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        str(log),
        "-e",
        f"trace={','.join(CALLS)}",
        "-e",
        "signal=none",
    ]


def counts(log: Path) -> dict[str, int]:
    """How often the busiest thread made each call: `when` counts by thread."""
    seen = Counter(m.groups() for line in log.read_text(errors="replace").splitlines() if (m := _LINE.match(line)))
    return {call: max((n for (_, c), n in seen.items() if c == call), default=0) for call in CALLS}


def injecting(point: Point, fault: str) -> list[str]:
    """The words before a command that refuse one call."""
    inject = f"inject={point.call}:{FAULTS[fault]}:when={point.when}"
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={point.call}", "-e", inject]


def points(found: dict[str, int], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` points over all calls, evenly spread, at least one per call that occurs."""
    total = sum(found.values())
    shares = {call: max(1, n * most // total) for call, n in found.items() if n}
    while sum(shares.values()) > most:
        shares[max(shares, key=lambda call: shares[call])] -= 1
    return [Point(call, when) for call, share in shares.items() for when in _spread(found[call], share)]


def _spread(length: int, share: int) -> Sequence[int]:
    share = min(share, length)
    return sorted({1 + (length - 1) * k // max(1, share - 1) for k in range(share)}) if share > 1 else [1 + length // 2]
