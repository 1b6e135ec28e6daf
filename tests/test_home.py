"""Where the state lies: below one root, each thing in a place of its own, and nothing is created by asking."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sat_monitor.core.domain import Ticket
from sat_monitor.core.home import Home
from sat_monitor.core.resources import resource_folder

PLACES = [name for name, kind in vars(Home).items() if isinstance(kind, property)]


def test_every_place_lies_below_the_root_and_no_two_are_one(tmp_path: Path) -> None:
    home = Home(tmp_path / "var")
    places = [getattr(home, name) for name in PLACES]
    assert len(places) >= 7 and len(set(places)) == len(places)
    assert all(place.parent == home.root for place in places)


def test_asking_creates_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "var")
    assert all(not getattr(home, name).exists() for name in PLACES) and not home.root.exists()


def test_tickets_of_two_areas_or_two_openings_lie_apart(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one = Ticket("t-1", "s-1", "tama", 1, datetime(2026, 1, 1, tzinfo=UTC), "s2-1", 50.0, ())
    folders = {home.ticket(t) for t in (one, replace(one, aoi="oshima"), replace(one, id="t-2"))}
    assert len(folders) == 3 and all(folder.parent == home.tickets for folder in folders)


def test_data_folders_are_there_and_an_unknown_one_is_an_error() -> None:
    assert any(resource_folder("aoi").glob("*.geojson")) and any(resource_folder("templates").iterdir())
    with pytest.raises(KeyError):
        resource_folder("weights")
