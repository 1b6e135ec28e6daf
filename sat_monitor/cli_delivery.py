"""Commands of delivery: run the outbox, look into it, print the digest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sat_monitor.cli_common import (
    DEFAULT_HOME,
    DEGRADED,
    DONE,
    HomeOption,
    JsonOption,
    Lang,
    LangOption,
    ProfileOption,
    print_rows,
    profile_of,
)
from sat_monitor.core.clock import iso, system_clock
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home

if TYPE_CHECKING:
    from sat_monitor.store.store import Store

outbox_app = typer.Typer(no_args_is_help=True)
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="key as `outbox list` shows it")]


def _home(root: Path) -> Home:
    home = Home(root)
    if not home.database.is_file():
        raise UsageError("E2002", f"{home.database}: no night has run here yet")
    return home


@contextmanager
def _reading(root: Path) -> Iterator[Store]:
    from sat_monitor.store.store import Store

    with Store(_home(root).database, system_clock, read_only=True) as store:
        yield store


def deliver(home: HomeOption = DEFAULT_HOME, profile: ProfileOption = None) -> None:
    """Run the outbox once: choose what goes this week, send what is due; nights do it by themselves."""
    from sat_monitor.delivery.run import deliver as run
    from sat_monitor.delivery.run import opened

    place = _home(home)
    with opened(place, system_clock) as shelf:
        report = run(place, profile_of(profile).delivery, shelf, system_clock)
    print("\n".join(report.lines()))
    raise typer.Exit(DEGRADED if report.degraded else DONE)


def digest(
    home: HomeOption = DEFAULT_HOME, profile: ProfileOption = None, lang: LangOption = Lang.JA,
    authority: Annotated[str | None, typer.Option("--authority", help="only of this authority")] = None,
    municipality: Annotated[str | None, typer.Option("--municipality", help="only of this municipality")] = None,
) -> None:  # fmt: skip
    """Print the digest of this week as it stands now; nothing is sent."""
    from sat_monitor.delivery.digest import digest_text
    from sat_monitor.delivery.run import this_week
    from sat_monitor.delivery.settings import read_delivery
    from sat_monitor.tickets.words import load_delivery_words

    settings = profile_of(profile).delivery
    with _reading(home) as store:
        week = this_week(store, read_delivery(Home(home)), settings, system_clock())
    print(digest_text(week.within(authority, municipality), settings.digest_rows, load_delivery_words(lang.value)))


@outbox_app.command("list")
def outbox_list(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """All that is on its way to a receiver: how often it was tried, when next, what the last failure was."""
    _list(home, as_json, only_dead=False)


@outbox_app.command("dead")
def outbox_dead(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """What was given up; `outbox retry` takes it up again."""
    _list(home, as_json, only_dead=True)


@outbox_app.command("retry")
def outbox_retry(key: KeyArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Take a message up again as if it had never been tried; the next `deliver` or night sends it."""
    from sat_monitor.delivery.run import opened, revive

    with opened(_home(home), system_clock) as shelf:
        revive(shelf, key)
    print(f"{key}: goes with the next run")


def _list(home: Path, as_json: bool, only_dead: bool) -> None:
    from sat_monitor.delivery.parcel import TO
    from sat_monitor.delivery.run import parcels

    with _reading(home) as store:
        found = parcels(store)
    rows = [
        {
            "key": row.key,
            "receiver": row.sink.removeprefix(TO),
            "kind": parcel.message.kind.value,
            "made_at": iso(parcel.message.made_at),
            "tries": parcel.tries,
            "next_at": None if parcel.next_at is None or parcel.dead else iso(parcel.next_at),
            "state": "dead" if parcel.dead else "due",
            "failure": parcel.failure,
        }
        for row, parcel in found
        if parcel.dead or not only_dead
    ]
    print_rows(rows, as_json, "dead letters" if only_dead else "on their way")
