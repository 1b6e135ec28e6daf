"""Bare spells are counted as a plain loop counts them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_monitor.change_detect.fallow import Bands, Lines, layers_of, spells_of

LINES = Lines(0.3, -0.05)
NEVER = np.iinfo(np.int32).max


@given(st.lists(st.sampled_from("gb-s"), min_size=1, max_size=30), st.integers(0, 30))
@settings(max_examples=60)
def test_spells_are_counted_as_a_plain_loop_counts_them(looks: list[str], last: int) -> None:
    """g: green, b: bare, -: cloud, s: low NDVI without the soil's short-wave signal."""
    values = {"g": (0.7, -0.3), "b": (0.15, 0.1), "-": (np.nan, np.nan), "s": (0.15, -0.3)}
    ndvi, soil = (np.array([[[values[look][i]]] for look in looks], np.float32) for i in (0, 1))
    days = np.arange(len(looks), dtype=np.int32) * 5 + 1
    red = np.where(np.isnan(ndvi), np.nan, 0.1 * np.arange(1, len(looks) + 1, dtype=np.float32)[:, None, None])
    found = spells_of(
        Bands(ndvi, soil, red.astype(np.float32)), days, np.full((1, 1), days[0] + 5 * last, np.int32), LINES
    )
    clear = [(int(day), look == "b") for day, look in zip(days, looks, strict=True) if look != "-"]
    clear = [(day, bare) for day, bare in clear if day <= days[0] + 5 * last]
    longest, since = 0, None
    for day, bare in clear:
        longest = max(longest, day - since) if since is not None else longest
        since = (since if since is not None else day) if bare else None
    assert (found.looks[0, 0], found.bare[0, 0]) == (len(clear), sum(bare for _, bare in clear))
    assert found.longest[0, 0] == longest
    bare_reds = [red[k, 0, 0] for k, look in enumerate(looks) if look == "b" and days[k] <= days[0] + 5 * last]
    expected = np.mean(bare_reds) if len(bare_reds) >= 2 else np.nan
    assert found.red[0, 0] == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_a_change_map_keeps_share_and_longest_spell() -> None:
    days = np.arange(60, dtype=np.int32) * 5
    long = np.where(np.arange(60) % 30 < 12, 0.1, 0.7).astype(np.float32)[:, None, None] * np.ones(
        (1, 4, 4), np.float32
    )
    nothing, all_days = np.zeros((0, 4, 4), np.float32), np.full((4, 4), NEVER, np.int32)
    red = np.full(long.shape, 0.1, np.float32)
    kept = layers_of(spells_of(Bands(long, nothing, red), days, all_days, LINES), np.full((4, 4), 0.15, np.float32))
    assert kept["soil_ratio"] == pytest.approx(1.5)
    assert kept["bare_before"][0, 0] == pytest.approx(0.4) and kept["bare_spell"][0, 0] == 60.0
