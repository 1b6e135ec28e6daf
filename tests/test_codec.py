"""Plain forms: JSON-ready, readable, one spelling."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from shapely.geometry import Polygon

from sat_monitor.core.domain import Candidate, Look, Scene, Site, Ticket
from sat_monitor.store import codec
from sat_monitor.store.ledger import canonical_json
from tests.store_world import START, look, scene, site, ticket

NOUNS: list[tuple[Any, Any, Any]] = [
    (scene(), codec.scene_to_plain, codec.scene_from_plain),
    (look(), codec.look_to_plain, codec.look_from_plain),
    (site(), codec.site_to_plain, codec.site_from_plain),
    (ticket(), codec.ticket_to_plain, codec.ticket_from_plain),
]


@pytest.mark.parametrize(("noun", "to_plain", "from_plain"), NOUNS, ids=lambda v: type(v).__name__)
def test_a_noun_comes_back_from_json_text_as_it_was(noun: Any, to_plain: Any, from_plain: Any) -> None:
    assert from_plain(json.loads(canonical_json(to_plain(noun)))) == noun


@pytest.mark.parametrize(
    ("noun", "plain"),
    [
        (Scene, codec.scene_to_plain(scene())),
        (Look, codec.look_to_plain(look())),
        (Candidate, codec.look_to_plain(look())["candidates"][0]),
        (Site, codec.site_to_plain(site())),
        (Ticket, codec.ticket_to_plain(ticket())),
    ],
)
def test_no_field_of_a_noun_is_forgotten(noun: Any, plain: dict[str, Any]) -> None:
    assert plain.keys() == {field.name for field in fields(noun)}


def test_times_are_written_in_utc_whatever_their_zone() -> None:
    tokyo = timezone(timedelta(hours=9))
    at = datetime(2025, 7, 2, 2, 30, 0, 120, tzinfo=tokyo)
    plain = codec.ticket_to_plain(replace(ticket(), opened_at=at))
    assert plain["opened_at"] == "2025-07-01T17:30:00.000120Z"


def test_coordinates_come_back_bit_for_bit() -> None:
    corner = 0.1 + 0.2
    outline = Polygon([(corner, 0.0), (1e7 / 3, -0.0), (5e-324, 1e308)])
    back = codec.site_from_plain(codec.site_to_plain(replace(site(), outline=outline))).outline
    assert back.wkb == outline.wkb


def test_an_outline_is_little_endian_on_every_machine() -> None:
    assert str(codec.site_to_plain(site())["outline"]).startswith("01" + "03000000")


def test_equal_nouns_have_one_text_in_whatever_order_their_mappings_came() -> None:
    one = replace(site(), evidence={"a_db": 1.0, "b_db": 2.0})
    other = replace(site(), evidence={"b_db": 2.0, "a_db": 1.0})
    assert one == other
    assert canonical_json(codec.site_to_plain(one)) == canonical_json(codec.site_to_plain(other))


def test_a_site_of_an_older_version_has_no_stages_and_no_sizes_yet() -> None:
    plain = codec.site_to_plain(site())
    older = {k: v for k, v in plain.items() if k not in ("stages", "over_300_m2", "over_500_m2")}
    assert codec.site_from_plain(older) == site()


def test_a_start_without_an_earliest_day_stays_unknown() -> None:
    unknown = replace(START, earliest=None)
    assert codec.site_from_plain(codec.site_to_plain(replace(site(), start=unknown))).start == unknown
