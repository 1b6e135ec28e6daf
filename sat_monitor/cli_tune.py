"""Commands for the analyst who tries a profile, and for the person who approves it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sat_monitor.cli_common import (
    DEFAULT_HOME,
    DEGRADED,
    DONE,
    AoiOption,
    FromOption,
    HomeOption,
    JsonOption,
    ProfileOption,
    Progress,
    ToOption,
    print_rows,
    profile_of,
    registry_of,
    store_of,
)
from sat_monitor.core.clock import iso, system_clock
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home

if TYPE_CHECKING:
    from sat_monitor.core.profile import Profile
    from sat_monitor.tune.ground_truth import Knowledge
    from sat_monitor.tune.replay import StoredNights

tune_app = typer.Typer(invoke_without_command=True)
profile_app = typer.Typer(no_args_is_help=True)

AgainstOption = Annotated[
    str,
    typer.Option("--against", help="profile to compare with: `night` (what the nights used), `default` or a TOML file"),
]
TruthOption = Annotated[Path | None, typer.Option("--truth", help="GeoJSON of all true works, lon/lat")]
VerdictsOption = Annotated[
    Path | None,
    typer.Option("--verdicts", help="CSV: site or lon and lat, verdict, inclusion_probability; see docs/analyst.md"),
]
OwnOption = Annotated[
    bool, typer.Option("--own-verdicts", help="judge by the verdicts of this installation's tickets, draws and finds")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="write the table: .csv or .json")]


@tune_app.callback()
def tune(
    context: typer.Context, home: HomeOption = DEFAULT_HOME, aoi: AoiOption = None, profile: ProfileOption = None,
    against: AgainstOption = "night", start: FromOption = None, end: ToOption = None,
    truth: TruthOption = None, verdicts: VerdictsOption = None, own: OwnOption = False, out: OutOption = None,
    picture: Annotated[Path | None, typer.Option("--map", help="draw the places gained, lost and kept: .png")] = None,
) -> None:  # fmt: skip
    """Replay stored scores under another profile: sites gained and lost, tickets per week, accuracy. Opens no ticket."""
    if context.invoked_subcommand is not None:
        return
    from sat_monitor.imagery.files import write_whole
    from sat_monitor.tune.compare import Level
    from sat_monitor.tune.what_if import brief, compare_profiles, span_of, write_rows

    if profile is None:
        raise UsageError("E2001", "--profile is needed: the profile to try")
    nights = _nights(home, aoi)
    span = span_of(nights, *_days(start, end))
    known = _known(nights, truth, verdicts, own)
    with Progress() as progress:
        found = compare_profiles(nights, (_against(nights, against), profile_of(profile)), span, known, progress)
    print_rows([brief(row) for row in found.rows], False, "places")
    print("\n".join(found.lines))
    if out is not None:
        print(write_rows(found.rows, out))
    if picture is not None:
        from sat_monitor.tune.picture import draw_map

        print(write_whole(picture, draw_map(found, Level.CONFIRMED)))
    raise typer.Exit(DEGRADED if found.agrees is False else DONE)


@tune_app.command("sweep")
def tune_sweep(
    setting: Annotated[str, typer.Option("--setting", help="section.key, e.g. evidence.alarm_score")],
    values: Annotated[str, typer.Option("--values", help="comma-separated, e.g. 2,3,4,5")],
    home: HomeOption = DEFAULT_HOME, aoi: AoiOption = None, against: AgainstOption = "night",
    start: FromOption = None, end: ToOption = None, truth: TruthOption = None, verdicts: VerdictsOption = None,
    own: OwnOption = False, out: OutOption = None,
    picture: Annotated[Path | None, typer.Option("--figure", help="draw the curve: .png")] = None,
) -> None:  # fmt: skip
    """Replay stored scores with one setting at several values: tickets per week, confirmed sites, accuracy."""
    from sat_monitor.imagery.files import write_whole
    from sat_monitor.tune.sweep import profiles_over, sweep
    from sat_monitor.tune.what_if import brief_figures, span_of, write_rows

    nights = _nights(home, aoi)
    span = span_of(nights, *_days(start, end))
    varied = profiles_over(_against(nights, against), setting, values)
    with Progress() as progress:
        rows = sweep(nights, varied, span, _known(nights, truth, verdicts, own), progress)
    print_rows([brief_figures(row) for row in rows], False, setting)
    if out is not None:
        print(write_rows(rows, out))
    if picture is not None:
        from sat_monitor.tune.picture import draw_curve

        what = f"{nights.aoi.id}, {span.first} to {span.last}{', SIMULATED DATA' if nights.simulated else ''}"
        print(write_whole(picture, draw_curve(rows, setting, what)))


def _nights(home: Path, aoi: str | None) -> StoredNights:
    from sat_monitor.tune.replay import read_nights

    if aoi is None:
        raise UsageError("E2001", "--aoi is needed")
    return read_nights(Home(home), registry_of(home).get(aoi).id)


def _days(start: datetime | None, end: datetime | None) -> tuple[Any, Any]:
    return None if start is None else start.date(), None if end is None else end.date()


def _against(nights: StoredNights, name: str) -> Profile:
    if name == "night":
        return nights.profile
    return profile_of(None if name == "default" else Path(name))


def _known(nights: StoredNights, truth: Path | None, verdicts: Path | None, own: bool) -> Sequence[Knowledge]:
    from sat_monitor.evaluate.verdicts import read_labels
    from sat_monitor.tune.ground_truth import labelled, read_truth, read_verdicts

    known = []
    if truth is not None:
        known.append(read_truth(truth, nights.aoi))
    if verdicts is not None:
        known.append(read_verdicts(verdicts, nights.aoi, nights.sites))
    if own:
        with store_of(nights.home.root) as store:
            known.append(labelled(read_labels(store, nights.aoi.id)))
    return known


@profile_app.command("approve")
def profile_approve(
    path: Path, by: Annotated[str, typer.Option("--by", help="name of the person who approves")],
    reason: Annotated[str, typer.Option("--reason", help="why")], home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Let nights use a profile: an event of the history; name and reason are kept apart and can be erased."""
    from sat_monitor.approval import LEASE_SECONDS, approve
    from sat_monitor.store.store import Store

    profile = profile_of(path)
    home.mkdir(parents=True, exist_ok=True)
    with Store(Home(home).database, system_clock) as store, store.lease("profile approve", LEASE_SECONDS) as lease:
        event = approve((store, lease), profile, by, reason)
    print(f"approved: {profile.name} {profile.sha256} as event {event.seq}")


@profile_app.command("list")
def profile_list(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """What happened to every profile: shipped, approved by whom and why, loaded by a first night."""
    from sat_monitor.approval import approvals
    from sat_monitor.store.store import Store

    with Store(Home(home).database, system_clock, read_only=True) as store:
        rows = approvals(store)
    print_rows(
        [
            {"at": iso(r.at), "what": r.what, "name": r.name, "sha256": r.sha256, "by": r.by, "reason": r.reason}
            for r in rows
        ],
        as_json,
        "profiles",
    )
