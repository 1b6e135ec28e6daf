"""Shared fixtures; tests that need the reference data skip by name where it is absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("ci")

_SHARED = Path(os.environ.get("SAT_MONITOR_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path of a pack of reference data, or a skip that names it."""

    def find(name: str) -> Path:
        path = _SHARED / "data" / name
        if not path.exists():
            pytest.skip(f"reference data {name} is not beside this checkout")
        return path

    return find
