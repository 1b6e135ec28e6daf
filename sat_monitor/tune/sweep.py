"""One setting over several values on the same stored scores: the curve of effort against what is found."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sat_monitor.core.errors import ProfileError, UsageError
from sat_monitor.core.profile import Profile, Section, parse_profile, render_profile
from sat_monitor.tune.compare import Span
from sat_monitor.tune.ground_truth import Knowledge
from sat_monitor.tune.replay import StoredNights, replay
from sat_monitor.tune.what_if import Progress, Row, figures


def profiles_over(base: Profile, setting: str, values: str) -> list[tuple[str, Profile]]:
    """`base` with `setting` (section.key) at each of the comma-separated `values`, each with its text.

    Raises UsageError E2001 for an unknown setting or no value, ProfileError E1601 for a value that is refused.
    """
    section_name, _, key = setting.partition(".")
    section = getattr(base, section_name, None)
    if not isinstance(section, Section) or key not in type(section).model_fields:
        raise UsageError("E2001", f"{setting!r} is not a setting; they are listed in docs/settings.md")
    texts = [text.strip() for text in values.split(",") if text.strip()]
    if not texts:
        raise UsageError("E2001", "--values names no value")
    return [(text, _changed(base, section_name, key, text)) for text in texts]


def sweep(
    nights: StoredNights,
    varied: Sequence[tuple[str, Profile]],
    span: Span,
    known: Sequence[Knowledge],
    progress: Progress,
) -> list[Row]:
    """One row per value: `value`, and the figures of `what_if.figures`; raises as `replay`."""
    tables = replay(nights, [profile for _, profile in varied], span.last, progress)
    return [
        {"value": text, "profile": profile.sha256[:12], **figures(table, span, known)}
        for (text, profile), table in zip(varied, tables, strict=True)
    ]


def _changed(base: Profile, section: str, key: str, text: str) -> Profile:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ProfileError("E1601", f"{section}.{key}: {text!r} is not a number") from error
    changed = getattr(base, section).model_copy(update={key: value})
    # Through text and back, for a copy is not validated.
    return parse_profile(
        render_profile(base.model_copy(update={section: changed, "name": f"{base.name[:40]}-{key}-{text}"[:64]}))
    )
