"""Tables of the store. What starts with run_ is bookkeeping of single runs and volatile; all else is the truth."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, Table, Text

#: Version of the tables; a database of a newer one is refused.
VERSION = 3

METADATA = MetaData()

meta = Table("meta", METADATA, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
events = Table(
    "events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("prev_sha256", Text, nullable=False),
    Column("sha256", Text, nullable=False, unique=True),
)
profiles = Table(
    "profiles",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("toml", Text, nullable=False),
    Column("seq", Integer, nullable=False),
)
scenes = Table(
    "scenes",
    METADATA,
    Column("aoi", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("plain", Text, nullable=False),
)
rejections = Table(
    "rejections",
    METADATA,
    Column("aoi", Text, primary_key=True),
    Column("scene_id", Text, primary_key=True),
    Column("source_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("what", Text, nullable=False),
    # Which reading of the scene it was: the same one is not asked for again.
    Column("issue", Text, nullable=False, server_default=""),
)
looks = Table(
    "looks",
    METADATA,
    Column("aoi", Text, primary_key=True),
    Column("scene_id", Text, primary_key=True),
    Column("inputs_sha256", Text, nullable=False),
    Column("plain", Text, nullable=False),
)
sites = Table(
    "sites",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("aoi", Text, nullable=False),
    Column("plain", Text, nullable=False),
    Index("sites_by_aoi", "aoi"),
)
tickets = Table(
    "tickets",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("aoi", Text, nullable=False),
    Column("plain", Text, nullable=False),
    Index("tickets_by_aoi", "aoi"),
)
outbox = Table(
    "outbox",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("ticket_id", Text, nullable=False),
    Column("sink", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("receipt", Text),
    Index("outbox_by_ticket", "ticket_id"),
)
#: Work on tickets; `version` counts the events that a row is the fold of.
cases = Table(
    "cases",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("aoi", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("plain", Text, nullable=False),
    Index("cases_by_aoi", "aoi"),
)
#: Names and free text: events hold only a salted commitment, so a row may be erased and the chain still verifies.
persons = Table(
    "persons",
    METADATA,
    Column("commitment", Text, primary_key=True),
    Column("salt", Text, nullable=False),
    Column("text", Text, nullable=False),
)
run_lease = Table(
    "run_lease",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
)
#: Requests and processing units per account and month (UTC).
run_usage = Table(
    "run_usage",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("units", Float, nullable=False),
)
#: Until when a source was listed for an AOI, and when all of its window was.
run_listings = Table(
    "run_listings",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("aoi", Text, primary_key=True),
    Column("since", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("whole_at", Text, nullable=False),
)
run_log = Table(
    "run_log",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
)

#: The history is append-only for everybody who goes through SQL: trigger name to its definition.
TRIGGERS = {
    f"events_no_{verb.lower()}": f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events "
    "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
    for verb in ("UPDATE", "DELETE")
}
