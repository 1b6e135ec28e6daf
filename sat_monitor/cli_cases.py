"""Commands for people at work: the steps of a ticket, from the desk check to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sat_monitor.cli_common import (
    DEFAULT_HOME,
    DEGRADED,
    AoiOption,
    HomeOption,
    JsonOption,
    Lang,
    LangOption,
    ProfileOption,
    print_rows,
    profile_of,
    registry_of,
    store_of,
)
from sat_monitor.core.casework import IS_EARTHWORK, CaseState, CaseStep, Verdict
from sat_monitor.core.clock import iso, japan_day, system_clock
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home

if TYPE_CHECKING:
    from sat_monitor.casework import CaseDesk
    from sat_monitor.core.casework import Case

tickets_app, finds_app, labels_app = (typer.Typer(no_args_is_help=True) for _ in range(3))

_DAY = ["%Y-%m-%d"]
Ident = Annotated[str, typer.Argument(metavar="ID", help="ticket, site or case")]
ActorOption = Annotated[str, typer.Option("--actor", help="who does it; kept apart from the history, can be erased")]
ReasonOption = Annotated[str, typer.Option("--reason", help="why, or what was found, in free text; likewise")]
SeenOption = Annotated[
    int | None,
    typer.Option("--seen", min=0, help="version that you looked at: refused (E1811) where somebody was faster"),
]


@contextmanager
def desk_of(home: Path) -> Iterator[CaseDesk]:
    """The desk of an installation; UsageError E2002 where no night has run."""
    from sat_monitor.casework import CaseDesk

    with store_of(home) as store:
        yield CaseDesk(store, registry_of(home))


@tickets_app.command("cases")
def cases(
    home: HomeOption = DEFAULT_HOME, aoi: AoiOption = None, as_json: JsonOption = False, lang: LangOption = Lang.JA,
    state: Annotated[CaseState | None, typer.Option("--state", help="only those in this state")] = None,
) -> None:  # fmt: skip
    """All places that people work on, the newest change first; tickets that nobody took up yet are not among them."""
    with desk_of(home) as desk:
        rows = [case for case in desk.cases(aoi) if state in (None, case.state)]
    rows.sort(key=lambda case: case.changed_at, reverse=True)
    print_rows([_row(case, lang) for case in rows], as_json, "cases")


@tickets_app.command("verdicts")
def verdicts(as_json: JsonOption = False, lang: LangOption = Lang.JA) -> None:
    """The verdicts that there are, and what each says of the ground: earthwork, none, or neither."""
    from sat_monitor.tickets.words import load_case_words

    words, says = load_case_words(lang.value), {True: "earthwork", False: "none", None: "neither"}
    print_rows(
        [{"verdict": v.value, "meaning": words.of(f"verdict.{v}"), "says": says[IS_EARTHWORK[v]]} for v in Verdict],
        as_json, "verdicts",
    )  # fmt: skip


@tickets_app.command("desk-check")
def desk_check(
    ident: Ident, actor: ActorOption, reason: ReasonOption, seen: SeenOption = None,
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Begin the desk check of a candidate: aerial pictures, permits."""
    _step((home, lang), ident, CaseStep.DESK_CHECK, {}, (actor, reason, seen))


@tickets_app.command("assign")
def assign(
    ident: Ident, to: Annotated[str, typer.Option("--to", help="who goes there")],
    actor: ActorOption, reason: ReasonOption, seen: SeenOption = None,
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Give a field ticket to somebody, or to somebody else, or for another visit."""
    _step((home, lang), ident, CaseStep.ASSIGN, {"assignee": to}, (actor, reason, seen))


@tickets_app.command("inspect")
def inspect(
    ident: Ident, on: Annotated[datetime, typer.Option("--on", formats=_DAY, help="day of the visit in Japan")],
    actor: ActorOption, reason: ReasonOption, seen: SeenOption = None,
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Record a visit; what it found is a verdict of its own."""
    if on.date() > japan_day(system_clock()):
        raise UsageError("E2001", f"--on {on.date()} is yet to come")
    _step((home, lang), ident, CaseStep.INSPECT, {"inspected_on": on.date().isoformat()}, (actor, reason, seen))


@tickets_app.command("verdict")
def verdict(
    ident: Ident, found: Annotated[Verdict, typer.Argument(metavar="VERDICT", help="one of `tickets verdicts`")],
    actor: ActorOption, reason: ReasonOption, seen: SeenOption = None,
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Record what the desk or the inspection found."""
    _step((home, lang), ident, CaseStep.VERDICT, {"verdict": found.value}, (actor, reason, seen))


@tickets_app.command("advance")
def advance(
    ident: Ident, to: Annotated[CaseState, typer.Option("--to", help="field_ticket, recommended, ordered, corrected, closed")],
    actor: ActorOption, reason: ReasonOption, seen: SeenOption = None,
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Bring a case to its next state, where that needs nothing but a reason."""
    from sat_monitor.tickets.case import STEP_TO

    if to not in STEP_TO:
        raise UsageError("E2001", f"no step leads to {to}; known are {', '.join(STEP_TO)}")
    _step((home, lang), ident, STEP_TO[to], {}, (actor, reason, seen))


@tickets_app.command("hand-over")
def hand_over(
    ident: Ident, authority: Annotated[str, typer.Option("--authority", help="the office that takes it")],
    actor: ActorOption, reason: ReasonOption, seen: SeenOption = None,
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Hand a case over to another authority; here it ends."""
    _step((home, lang), ident, CaseStep.HAND_OVER, {"authority": authority}, (actor, reason, seen))


@tickets_app.command("reopen")
def reopen(
    ident: Ident, actor: ActorOption, reason: ReasonOption, seen: SeenOption = None,
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Take an ended case up again: as a new one, which names the old one."""
    from sat_monitor.casework import Hand

    with desk_of(home) as desk:
        _say(desk.reopen(ident, Hand(actor, reason), seen), lang)


@tickets_app.command("request-image")
def request_image(
    ident: Ident, first: Annotated[datetime, typer.Option("--from", formats=_DAY, help="first day in Japan")],
    last: Annotated[datetime, typer.Option("--to", formats=_DAY, help="last day in Japan")],
    actor: ActorOption, reason: ReasonOption, seen: SeenOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="write the request as GeoJSON, for the one who orders")] = None,
    home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Ask for a high-resolution picture of the outline, taken in a span of days."""
    from sat_monitor.imagery.files import write_whole
    from sat_monitor.tickets.case_files import image_request_geojson

    days = [first.date().isoformat(), last.date().isoformat()]
    case = _step((home, lang), ident, CaseStep.REQUEST_IMAGE, {"image": days}, (actor, reason, seen))
    if out is not None:
        print(write_whole(out, image_request_geojson(case, reason).encode()))


@tickets_app.command("photo")
def photo(
    ident: Ident, file: Annotated[Path, typer.Argument(help="the original of the camera")],
    actor: ActorOption, reason: ReasonOption, home: HomeOption = DEFAULT_HOME, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Keep a photo byte for byte, and say what its camera wrote: time, place, direction, camera."""
    from sat_monitor.casework import Hand
    from sat_monitor.tickets.case_files import photo_row

    with desk_of(home) as desk:
        case, kept = desk.add_photo(ident, file, Home(home).blobs, Hand(actor, reason))
    _say(case, lang)
    print("\n".join(f"{name}: {'' if value is None else value}" for name, value in photo_row(case, kept).items()))


@tickets_app.command("draw")
def draw(
    aoi: Annotated[str, typer.Option("--aoi", help="AOI id")], actor: ActorOption, reason: ReasonOption,
    home: HomeOption = DEFAULT_HOME, profile: ProfileOption = None, lang: LangOption = Lang.JA,
) -> None:  # fmt: skip
    """Draw places from low ranks and quiet ground for the desk, until they are the profile's share of all desk checks."""
    from sat_monitor.casework import Hand
    from sat_monitor.desk_draw import draw_desk_checks

    area = registry_of(home).get(aoi)
    with store_of(home) as store:
        found = draw_desk_checks(store, system_clock, area, profile_of(profile), Hand(actor, reason))
    print("\n".join(found.lines))
    for case in found.opened:
        _say(case, lang)


@tickets_app.command("import-findings")
def import_findings(
    file: Annotated[Path, typer.Argument(help="GeoPackage of `tickets export --format qfield`, filled in")],
    actor: ActorOption, reason: ReasonOption, home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Take the findings of a form: visit, verdict and photo of each new row; a row that is refused keeps no other back."""
    from sat_monitor.casework import Hand
    from sat_monitor.form_findings import import_form_findings

    with desk_of(home) as desk:
        found = import_form_findings(desk, file, Home(home).blobs, Hand(actor, reason))
    print("\n".join(found.lines))
    print(f"taken {found.taken}, taken before {found.known}, refused {found.refused}")
    if found.refused:
        raise typer.Exit(DEGRADED)


@finds_app.command("import")
def finds_import(
    file: Path, aoi: Annotated[str, typer.Option("--aoi", help="AOI id")], actor: ActorOption, reason: ReasonOption,
    home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Finds of patrols and citizens (CSV or GeoJSON: id, by, found_on, place, verdict): what satellites missed among them."""
    from sat_monitor.casework import Hand
    from sat_monitor.finds import import_finds

    with desk_of(home) as desk:
        found = import_finds(desk, file, registry_of(home).get(aoi), Hand(actor, reason))
    print("\n".join(found.lines))


@labels_app.command("chips")
def labels_chips(
    out: Annotated[Path, typer.Option("--out", help="folder of chips for `train --work` (its `chips`)")],
    aoi: Annotated[str, typer.Option("--aoi", help="AOI id")], home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Verdicts that can tell, as training chips: their ground before and after, and what was found there."""
    from sat_monitor.evaluate.verdicts import read_labels
    from sat_monitor.imagery.archive import Archive
    from sat_monitor.models.chip_store import save_chips
    from sat_monitor.verdict_chips import verdict_chips

    area = registry_of(home).get(aoi)
    with store_of(home) as store:
        labels, scenes = read_labels(store, aoi), store.scenes(aoi)
    written = save_chips(verdict_chips(labels, area, Archive(Home(home).archive), scenes), out, f"verdict-{aoi}")
    print(f"{len(written)} chips of {len(labels)} labels in {out}")


@labels_app.command("export")
def labels_export(
    out: Annotated[Path, typer.Option("--out", help=".csv (points) or .geojson (outlines)")],
    aoi: AoiOption = None, home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """All verdicts as labels with their inclusion probability, as `evaluate inventory` and `tune --verdicts` read them."""
    from sat_monitor.evaluate.verdicts import read_labels, write_labels

    with store_of(home) as store:
        print(write_labels(read_labels(store, aoi), out))


def case_text(desk: CaseDesk, case: Case, lang: Lang) -> dict[str, Any]:
    """A case with its history, photos and what may be done next, as plain data."""
    from sat_monitor.tickets.case import allowed
    from sat_monitor.tickets.case_files import photo_row

    return {
        **_row(case, lang),
        "assignee": desk.words(case.assignee),
        "authority": desk.words(case.authority),
        "photos": [photo_row(case, one) for one in desk.photos(case)],
        "images": [f"{image.first} to {image.last}" for image in case.images],
        "history": [
            {"at": iso(one.at), "step": one.step, "by": one.by, "reason": one.reason} for one in desk.history(case)
        ],
        "next": [step.value for step in allowed(case.state)],
    }


def _step(
    where: tuple[Path, Lang], ident: str, step: CaseStep, details: dict[str, Any], hand: tuple[str, str, int | None]
) -> Case:
    from sat_monitor.casework import Hand
    from sat_monitor.tickets.case import Move

    (home, lang), (actor, reason, seen) = where, hand
    with desk_of(home) as desk:
        case = desk.step(ident, Move(step, details), Hand(actor, reason), seen)
    _say(case, lang)
    return case


def _say(case: Case, lang: Lang) -> None:
    from sat_monitor.tickets.words import load_case_words

    words = load_case_words(lang.value)
    found = "" if case.verdict is None else f", {case.verdict.value} ({words.of(f'verdict.{case.verdict}')})"
    print(f"{case.id} version {case.version}: {case.state.value} ({words.of(f'state.{case.state}')}){found}")


def _row(case: Case, lang: Lang) -> dict[str, Any]:
    from sat_monitor.tickets.words import load_case_words

    words = load_case_words(lang.value)
    return {
        "id": case.id, "aoi": case.aoi, "site": case.site_id, "state": case.state.value,
        "in words": words.of(f"state.{case.state}"), "origin": case.origin.value,
        "verdict": None if case.verdict is None else case.verdict.value, "version": case.version,
        "inspected on": None if case.inspected_on is None else case.inspected_on.isoformat(),
        "reopens": case.reopens, "reopened as": case.reopened_as, "changed": iso(case.changed_at),
    }  # fmt: skip
