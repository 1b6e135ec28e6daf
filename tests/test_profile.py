"""The profile: every threshold described and bounded, refused as a whole, hashed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sat_monitor
from sat_monitor.core.errors import ProfileError
from sat_monitor.core.profile import Profile, Section, parse_profile, render_profile

SHIPPED = Path(sat_monitor.__file__).parent / "profiles" / "default.toml"
SETTINGS = [
    (name, key) for name, section in Profile() if isinstance(section, Section) for key in type(section).model_fields
]


def test_the_shipped_profile_is_the_default() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == render_profile(Profile())
    assert parse_profile(SHIPPED.read_text(encoding="utf-8")) == Profile()


@pytest.mark.parametrize(("section", "key"), SETTINGS, ids=".".join)
def test_every_setting_is_described_and_bounded(section: str, key: str) -> None:
    info = type(getattr(Profile(), section)).model_fields[key]
    assert info.description and len(info.description) > 10
    kinds = {"ge", "le"} & {name for row in info.metadata for name in dir(row)}
    assert kinds == {"ge", "le"} or key == "kinds"


@given(
    outline=st.floats(-5, 3),
    alarm=st.floats(3, 9),
    hits=st.integers(1, 20),
    name=st.text('abcé盛"\\ ', min_size=1, max_size=9),
)
def test_a_rendered_profile_reads_back_the_same(outline: float, alarm: float, hits: int, name: str) -> None:
    plain: dict[str, Any] = {
        "name": name,
        "evidence": {"outline_score": outline, "alarm_score": alarm},
        "lifecycle": {"confirm_hits": hits},
    }
    profile = Profile.model_validate(plain)
    assert parse_profile(render_profile(profile)) == profile
    assert parse_profile(render_profile(profile)).sha256 == profile.sha256


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[evidence]\noutline_score = 4.5\nalarm_score = 2.25", ("4.5", "2.25")),
        ("[evidence]\nalarm_score = 9.5\nmax_score = 9.25", ("9.5", "9.25")),
        ("[reference]\nnear_days = 200\nfar_days = 150", ("200", "150")),
        ("[optical]\nharmonic_years = 2.9\ntrend_years = 1.1", ("2.9", "1.1")),
        ("[evidence]\nalarm_scor = 3.0", ("evidence.alarm_scor",)),
        ("[evidense]\nalarm_score = 3.0", ("evidense",)),
        ("[lifecycle]\nconfirm_hits = 0", ("lifecycle.confirm_hits", "0")),
        ("[patches]\nmin_area_m2 = nan", ("patches.min_area_m2",)),
        ("[patches\n", ("not TOML",)),
    ],
)
def test_what_is_wrong_is_refused_and_named(text: str, named: tuple[str, ...]) -> None:
    with pytest.raises(ProfileError, match="E1601") as caught:
        parse_profile(text)
    assert all(part in str(caught.value) for part in named)


def test_any_change_changes_the_hash_and_nothing_can_be_changed_in_place() -> None:
    hashes = {Profile().sha256, Profile(name="other").sha256, parse_profile("[patches]\nmin_area_m2 = 301.0").sha256}
    assert len(hashes) == 3
    with pytest.raises(ValueError, match="frozen"):
        Profile().patches.min_area_m2 = 1.0  # type: ignore[misc]
