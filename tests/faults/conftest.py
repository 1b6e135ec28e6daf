"""A provider with a few scenes for the tests of a module, and a service on loopback that hands them out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sat_monitor.standin.holdings import Holdings
from tests.service_world import World, provider, world


@pytest.fixture(scope="module")
def holdings(tmp_path_factory: pytest.TempPathFactory) -> Holdings:
    return provider(tmp_path_factory.mktemp("provider"))


@pytest.fixture
def hub(holdings: Holdings, tmp_path: Path) -> Iterator[World]:
    with world(holdings, tmp_path / "fetch") as running:
        yield running
    assert not list((tmp_path / "fetch").rglob("*")), "answers stay behind"
