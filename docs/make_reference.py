"""Write docs/settings.md, docs/errors.md and docs/commands.md from the code; a test holds them equal.

python docs/make_reference.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from sat_monitor.cli import app
from sat_monitor.core.errors import ERRORS
from sat_monitor.core.profile import Profile, Section

FOLDER = Path(__file__).resolve().parent


def settings() -> str:
    """Every setting with default, bounds and meaning."""
    lines = [
        "# Settings",
        "",
        "A profile is a TOML file; what it leaves out keeps its default. Unknown keys, values out of bounds and values that",
        "contradict each other are refused (E1601) with both sides named. The sha256 of the whole profile is in every output.",
        "The shipped one is `sat_monitor/profiles/default.toml`; give another with `sat-monitor night --profile FILE`.",
    ]
    for name, section in Profile():
        if not isinstance(section, Section):
            continue
        lines += [
            "",
            f"## {name}",
            "",
            str(type(section).__doc__).splitlines()[0],
            "",
            "| setting | default | bounds | meaning |",
            "|---|---|---|---|",
        ]
        for key, info in type(section).model_fields.items():
            value = getattr(section, key)
            shown = ", ".join(value) if isinstance(value, tuple) else value
            lines.append(f"| `{key}` | {shown} | {_bounds(info.metadata)} | {info.description} |")
    return "\n".join(lines) + "\n"


def errors() -> str:
    """Every error number with what to do."""
    lines = [
        "# Errors",
        "",
        "Every message says what happened, what was kept and what to do. *Temporary* ones are tried again by the next night.",
        "",
        "| number | what happened | what to do | temporary |",
        "|---|---|---|---|",
    ]
    lines += [f"| {n} | {row.title} | {row.remedy} | {'yes' if row.temporary else ''} |" for n, row in ERRORS.items()]
    return "\n".join(lines) + "\n"


def commands() -> str:
    """Every command with its options."""
    lines = [
        "# Commands",
        "",
        "State lives below `--home` (default `var/`, or `SAT_MONITOR_HOME`). Exit codes: 0 done, 1 done but degraded (something",
        "was deferred or rejected), 2 wrong use, 3 could not run. Progress goes to stderr, data to stdout.",
    ]
    for path, command in _walk(typer.main.get_command(app), ()):
        lines += ["", f"## sat-monitor {' '.join(path)}", "", str(command.help or "").strip(), ""]
        for parameter in command.params:
            names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
            if names != "`--help`":
                lines.append(f"- {names} {getattr(parameter, 'help', None) or ''}".rstrip())
    return "\n".join(lines) + "\n"


def _walk(command: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [(path, command)]
    return [leaf for name, child in sorted(children.items()) for leaf in _walk(child, (*path, name))]


def _bounds(metadata: list[Any]) -> str:
    low = next((m.ge for m in metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in metadata if hasattr(m, "le")), None)
    return "" if low is None else f"{low} to {high}"


REFERENCES = {"settings.md": settings, "errors.md": errors, "commands.md": commands}


def main() -> None:
    """Write the three files."""
    for name, make in REFERENCES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
