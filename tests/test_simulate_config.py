"""The configuration of a world: frozen, bounded, read from TOML, and the whole of what a world is made from."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from sat_monitor.core.errors import ProfileError
from sat_monitor.simulate.config import WorldConfig, parse_world, render_world
from sat_monitor.simulate.kinds import CONFUSERS, EARTHWORKS, EventKind
from sat_monitor.simulate.scenes import passes
from sat_monitor.simulate.world import build_world, spec_of

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "sat_monitor/simulate/worlds/default.toml"


def test_the_shipped_file_holds_the_defaults_with_every_description() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert text == render_world(WorldConfig()), "write it anew with render_world"
    assert parse_world(text) == WorldConfig()


def test_every_setting_is_described_in_the_shipped_file_and_named_in_the_docs() -> None:
    page = (ROOT / "docs/world.md").read_text(encoding="utf-8")
    config, named = WorldConfig(), []
    for name, section in config:
        named += list(type(section).model_fields) if hasattr(type(section), "model_fields") else [name]
    missing = [key for key in named if f"`{key}`" not in page]
    assert not missing


def test_what_a_file_leaves_out_keeps_its_default() -> None:
    config = parse_world('name = "mine"\nseeds = [7]\n[events]\nearthworks_per_km2_year = 1.0\n')
    assert config.seeds == (7,) and config.events.earthworks_per_km2_year == 1.0
    assert config.optical == WorldConfig().optical and config.events.largest_m2 == 30_000.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no = 1", "Extra inputs"),
        ("[optical]\nhaze = 0.5", "optical.haze"),
        ("[optical]\ncloudless = 1", "optical.cloudless"),
        ("[events]\nsmallest_m2 = 5000.0\nlargest_m2 = 1000.0", "must not exceed"),
        ("[events.earthworks]\nsnow = 1.0", "snow"),
        ("[events.confusers]\nfire = -1.0", "positive weights"),
        ("first = 2026-01-02\nlast = 2026-01-01", "must not be after"),
        ("seeds = []", "seeds"),
        ("seeds = [-1]", "negative"),
        ("[optical]\ntsuyu_days = [30.0, 20.0]", "tsuyu_days"),
        ('[[radar.tracks]]\nrelative_orbit = 39\ndirection = "up"', "direction"),
        ("[place", "not TOML"),
    ],
)
def test_strange_contradictory_or_unbounded_settings_are_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ProfileError, match=said) as refused:
        parse_world(text)
    assert refused.value.code == "E1601"


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError):
        WorldConfig().seeds = (1,)  # type: ignore[misc]


def test_every_kind_of_event_has_a_default_weight() -> None:
    events = WorldConfig().events
    assert set(events.earthworks) == set(EARTHWORKS) and set(events.confusers) == set(CONFUSERS)
    assert set(EARTHWORKS) | set(CONFUSERS) == set(EventKind)


def test_rhythm_tracks_and_platforms_are_those_of_the_file() -> None:
    config = parse_world(
        'first = 2025-01-01\nlast = 2025-03-01\n[place]\nside_px = 64\n[optical]\nevery_days = 7\n'
        "[events]\nearthworks_per_km2_year = 0.0\n"
        '[[radar.tracks]]\nrelative_orbit = 119\ndirection = "descending"\nfirst_day = 3\nevery_days = 6\n'
        '[[radar.tracks.platforms]]\nname = "sentinel-1c"\n[[radar.tracks.platforms]]\nname = "sentinel-1d"\n'
    )  # fmt: skip
    world = build_world(spec_of(config, 5))
    assert world.grid.shape == (64, 64) and not world.fills and not world.confusers
    optical = [p.acquired_at.date().toordinal() for p in passes(world) if p.track is None]
    radar = [p for p in passes(world) if p.track == 0]
    assert {b - a for a, b in pairwise(optical)} == {7}
    assert radar[0].acquired_at.date() == date(2025, 1, 4) and len(radar) == 10
