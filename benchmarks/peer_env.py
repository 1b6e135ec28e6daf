"""The peers' own environment: made under var/peers from the package registry, never part of the product.

GPL and other licences stay outside: a peer runs in a process of its own, gets its data as one .npz file and answers
with another. `make bench-peers` makes the environment; a script that finds none makes it too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "var" / "peers"
PYTHON = HOME / "venv" / "bin" / "python"
#: One install each, so that one that fails leaves the others; torch as the CPU build of constraints.txt.
PACKAGES = (("nrt",), ("pyxccd",), ("distmetrics",), ("torch", "-c", str(ROOT / "constraints.txt")))


class PeerFailed(Exception):
    """A peer could not be installed or run; the message says why."""


def peer_python() -> Path:
    """The interpreter of the peers, made on the first call; prints what could not be installed."""
    if (HOME / ".ready").exists():
        return PYTHON
    HOME.mkdir(parents=True, exist_ok=True)
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HOME / "venv")], check=True)
    for package in PACKAGES:
        command = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", *package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"peer {package[0]} could not be installed: {done.stderr.strip()[-300:]}")
    (HOME / ".ready").touch()
    return PYTHON


def versions() -> str:
    """Names and versions of the peers, one line."""
    program = (
        "from importlib.metadata import version, PackageNotFoundError\n"
        "for n in ('nrt', 'pyxccd', 'distmetrics', 'torch'):\n"
        "    try: print(n, version(n), end='  ')\n"
        "    except PackageNotFoundError: print(n, 'absent', end='  ')"
    )
    done = subprocess.run([str(peer_python()), "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def run_peer(name: str, given: Mapping[str, np.ndarray], options: Mapping[str, object]) -> dict[str, np.ndarray]:
    """What the peer `name` of peer_runs.py makes of `given`; raises PeerFailed with the last line of its complaint."""
    with tempfile.TemporaryDirectory() as folder:
        inside, outside = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(inside, **given)  # type: ignore[arg-type]
        script = Path(__file__).with_name("peer_runs.py")
        command = [str(peer_python()), str(script), name, str(inside), str(outside), json.dumps(options)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerFailed((done.stderr.strip().splitlines() or ["no message"])[-1])
        with np.load(outside) as found:
            return dict(found)


if __name__ == "__main__":
    peer_python()
    print(versions())
