"""What the law, the registers and the ranking say of a site, in the words of the page: questions, never findings."""

from __future__ import annotations

from sat_monitor.core.surroundings import LegalCheck, Permit, Ranking, Reason, StatutoryQuestion, Surroundings
from sat_monitor.tickets.records import TicketRequest
from sat_monitor.tickets.text import lead_wording, printable
from sat_monitor.tickets.words import Line, Words, figure, municipality_text, probability_text

#: Entries of registers on a page, nearest first.
_MAX_PERMITS = 4


def ranking_lines(words: Words, ranking: Ranking, most: int) -> tuple[str, ...]:
    """The weightiest reasons with their points, then why a site waits."""
    said = [f"{_reason(words, reason)}{_points(words, reason)}" for reason in ranking.reasons[:most]]
    waits = [words.of("text.waits", why=words.of(f"waits.{code}")) for code in ranking.waits]
    return (*said, *waits)


def _points(words: Words, reason: Reason) -> str:
    return words.of("text.points", points=figure(reason.points, 0)) if reason.points >= 0.5 else ""


def _reason(words: Words, reason: Reason) -> str:
    numbers = dict(reason.numbers)
    if "register" in numbers:
        numbers["register"] = register_name(words, str(numbers["register"]))
    shown = {name: _shown(value) for name, value in numbers.items()}
    return words.of(f"reason.{reason.code}", **shown)


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return clean(value)
    return figure(value, 0 if float(value).is_integer() else 1)


def clean(text: str, limit: int = 40) -> str:
    """Text of a layer as it may be printed: no control characters, no verdicts, not endless."""
    return lead_wording(printable(text, limit))


def register_name(words: Words, code: str) -> str:
    """A register in words, its code where the table has none."""
    return words.maybe(f"register.{code}") or clean(code)


def question_lines(words: Words, legal: LegalCheck) -> tuple[Line, ...]:
    """The lines of the law that the area may have crossed, each with probability, article and standing of the row."""
    return tuple(_question(words, each) for each in legal.questions)


def _question(words: Words, each: StatutoryQuestion) -> Line:
    zone, what = words.of(f"zone.{each.zone.value}"), words.of(f"line.{each.line}")
    label = words.of(
        "text.question",
        zone=zone,
        what=what,
        limit=figure(each.limit, 0),
        duty=words.of(f"duty.{each.duty}"),
        article=each.article,
    )
    sure = words.of(f"certainty.{each.certainty.value}")
    standing = words.of(f"row_status.{each.status}")
    return Line(f"{label}({standing})", f"{probability_text(words, each.probability)}  {sure}")


def timing_text(words: Words, legal: LegalCheck) -> str:
    """Whether works began before the designation, with the questions that this raises; empty where no zone has a date."""
    if legal.timing is None or legal.designated_on is None:
        return ""
    told = words.of("text.timing", day=legal.designated_on.isoformat(), timing=words.of(f"timing.{legal.timing.value}"))
    asks = [words.of(f"timing_question.{code}") for code in legal.timing_questions]
    return "  ".join([told, *asks])


def on_site_items(words: Words, legal: LegalCheck) -> tuple[str, ...]:
    """What only a visit shows: heights, thicknesses."""
    return tuple(words.of(f"on_site.{code}") for code in legal.on_site)


def register_lines(words: Words, around: Surroundings) -> tuple[str, ...]:
    """The check of permits: every register that was asked, its version and date, and the entries that it holds."""
    asked = [
        words.of(
            "text.register_found" if each.found else "text.register_empty",
            register=register_name(words, each.register),
            n=each.found,
            version=clean(each.layer.version, 24),
            day=each.layer.as_of.isoformat() if each.layer.as_of else "–",
        )
        for each in around.registers
    ]
    return (*asked, *(_permit(words, each) for each in around.permits[:_MAX_PERMITS]))


def _permit(words: Words, each: Permit) -> str:
    begins, ends = ("–" if day is None else day.isoformat() for day in (each.begins_on, each.ends_on))
    where = (
        words.of("text.permit_share", percent=figure(100.0 * each.share, 0))
        if each.share > 0.0
        else words.of("text.permit_near", distance=figure(each.distance_m, 0))
    )
    state = words.of(f"permit_state.{each.state.value}")
    register = register_name(words, each.register)
    return words.of(
        "text.permit", register=register, number=clean(each.number), begins=begins, ends=ends, state=state, where=where
    )


def whereabouts(words: Words, request: TicketRequest) -> dict[str, str]:
    """Municipality, nearest named place and public road by label key; the first as the layer has it, else by its box."""
    around = request.surroundings
    rows = {"municipality": municipality_text(words, request.place)}
    found = around.municipality
    if found is not None:
        key = "municipality_border" if found.near_border else "municipality_layer"
        others = words.of("text.municipality_joint").join(clean(name, 24) for name in found.neighbours)
        rows["municipality"] = words.of(f"text.{key}", name=clean(found.name, 24), others=others)
    if around.place_name:
        rows["nearest"] = clean(around.place_name, 30)
    if around.road is not None:
        road = around.road
        rows["road"] = words.of(
            "text.road",
            name=clean(road.name, 24),
            distance=figure(road.distance_m, 0),
            bearing=figure(road.bearing_deg, 0),
        ).strip()
    return rows
