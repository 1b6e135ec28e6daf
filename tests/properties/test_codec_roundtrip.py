"""What is kept comes back exactly: every float, time and coordinate."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import (
    Candidate,
    Crossing,
    Direction,
    Kind,
    Look,
    Scene,
    Sensor,
    Site,
    SiteStatus,
    Stage,
    StageDay,
    StageHistory,
    StartInterval,
    Ticket,
    Track,
)
from sat_monitor.core.grid import Grid
from sat_monitor.store import codec
from sat_monitor.store.ledger import canonical_json

numbers = st.floats(allow_nan=False, allow_infinity=False)
coordinates = st.tuples(numbers, numbers)
names = st.text(max_size=12)
counts = st.integers(0, 10_000)
days = st.dates(date(2014, 4, 3), date(2100, 1, 1))
_moments = st.datetimes(datetime(2014, 4, 3), datetime(2100, 1, 1), timezones=st.just(UTC))
# In UTC no hour comes twice, so there is no fold to keep.
times = _moments.map(lambda at: at.replace(fold=0))
kinds = st.sampled_from(Kind)
sensors = st.sampled_from(Sensor)
anchors = st.tuples(counts, counts)
evidence = st.dictionaries(names, numbers, max_size=4)
polygons = st.builds(Polygon, st.lists(coordinates, min_size=3, max_size=7))
outlines: st.SearchStrategy[BaseGeometry] = polygons | st.builds(MultiPolygon, st.lists(polygons, max_size=3))
starts = st.builds(StartInterval, st.none() | days, days)
grids = st.builds(Grid, st.sampled_from([32654, 32655, 6677]), numbers, numbers, numbers, counts, counts)
tracks = st.builds(Track, st.integers(1, 175), st.sampled_from(Direction))
scenes = st.builds(
    Scene,
    id=names, aoi=names, sensor=sensors, platform=names, acquired_at=times, track=st.none() | tracks, grid=grids,
    valid_fraction=numbers, cloud_fraction=st.none() | numbers, source_id=names, request_sha256=names,
    file_sha256=names, pixels_sha256=names, processing_baseline=st.none() | names, simulated=st.booleans(),
)  # fmt: skip
candidates = st.builds(
    Candidate, outlines, anchors, kinds, numbers, numbers, numbers, numbers, st.booleans(), starts, evidence
)
looks = st.builds(
    Look, names, names, sensors, times, st.lists(candidates, max_size=3).map(tuple), st.dictionaries(names, numbers)
)
crossings = st.builds(Crossing, st.none() | days, st.none() | days)
stage_days = st.builds(StageDay, st.sampled_from(Stage), days)
histories = st.builds(
    StageHistory,
    st.lists(stage_days, max_size=4).map(tuple),
    st.none() | stage_days,
    st.none() | days,
    st.none() | days,
)
sites = st.builds(
    Site,
    id=names, aoi=names, kind=kinds, outline=outlines, anchor=anchors, status=st.sampled_from(SiteStatus),
    first_seen_at=times, first_confirmed_at=st.none() | times, last_support_at=times,
    hit_days=st.lists(days, max_size=4).map(tuple), hits=counts, looks=counts, openings=counts, quiet_looks=counts,
    area_m2=numbers, area_error_m2=numbers, score_max=numbers, start=starts, evidence=evidence,
    scene_ids=st.lists(names, max_size=4).map(tuple), merged_into=st.none() | names,
    recent_kinds=st.lists(kinds, max_size=4).map(tuple), stages=histories, over_300_m2=crossings, over_500_m2=crossings,
)  # fmt: skip
tickets = st.builds(
    Ticket, names, names, names, counts, times, names, numbers, st.lists(names, max_size=4).map(tuple),
    st.none() | names,
)  # fmt: skip


@given(scenes)
def test_a_scene_comes_back_exactly(scene: Scene) -> None:
    text = canonical_json(codec.scene_to_plain(scene))
    back = codec.scene_from_plain(json.loads(text))
    assert back == scene
    assert repr(back) == repr(scene)


@given(looks)
def test_a_look_comes_back_exactly(look: Look) -> None:
    text = canonical_json(codec.look_to_plain(look))
    back = codec.look_from_plain(json.loads(text))
    assert back == look
    assert [c.outline.wkb for c in back.candidates] == [c.outline.wkb for c in look.candidates]
    assert canonical_json(codec.look_to_plain(back)) == text


@given(sites)
def test_a_site_comes_back_exactly(site: Site) -> None:
    text = canonical_json(codec.site_to_plain(site))
    back = codec.site_from_plain(json.loads(text))
    assert back == site
    assert back.outline.wkb == site.outline.wkb
    assert canonical_json(codec.site_to_plain(back)) == text


@given(tickets)
def test_a_ticket_comes_back_exactly(ticket: Ticket) -> None:
    text = canonical_json(codec.ticket_to_plain(ticket))
    back = codec.ticket_from_plain(json.loads(text))
    assert back == ticket
    assert repr(back) == repr(ticket)
