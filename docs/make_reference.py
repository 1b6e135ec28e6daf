"""Write docs/settings.md, errors.md, commands.md and costs.md from the code; a test holds them equal.

python docs/make_reference.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from sat_monitor.cli import app
from sat_monitor.core.domain import AOI, Sensor
from sat_monitor.core.errors import ERRORS
from sat_monitor.core.profile import Profile, Section
from sat_monitor.delivery.settings import (
    FolderSettings,
    MailSettings,
    RetrySettings,
    SinkSettings,
    WebhookSettings,
)
from sat_monitor.imagery.aois import AoiRegistry
from sat_monitor.imagery.evalscripts import RECIPES
from sat_monitor.imagery.processing_units import scene_units, watched_tiles
from sat_monitor.imagery.sentinel_hub import TILE_PX
from sat_monitor.imagery.sources import SourceSettings

SINKS = (FolderSettings, MailSettings, WebhookSettings)
FOLDER = Path(__file__).resolve().parent
#: The rhythm that costs are computed for: Sentinel-1 tracks and days between passes, days between Sentinel-2 passes.
S1_PASSES, S1_EVERY, S2_EVERY = 2, 6, 2.5


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
    lines += [*_source_settings(), *_delivery_settings()]
    return "\n".join(lines) + "\n"


def _source_settings() -> list[str]:
    """The keys of sources.toml."""
    lines = [
        "",
        "## sources.toml",
        "",
        "`aois` names the areas that are watched (all that ship where it is left out). One table `[[source]]` per service:",
        "",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    for key, info in SourceSettings.model_fields.items():
        default = "needed" if info.is_required() else "none" if info.default in (None, "", (), {}) else info.default
        lines.append(f"| `{key}` | {default} | {info.description} |")
    return lines


def _delivery_settings() -> list[str]:
    """The keys of delivery.toml."""
    lines = [
        "",
        "## delivery.toml",
        "",
        "Who receives what; see [delivery](delivery.md). One table `[[sink]]` per receiver:",
        "",
    ]
    lines += ["| kind | key | default | meaning |", "|---|---|---|---|"]
    shared = set(SinkSettings.model_fields)
    for kind, model in (("all", SinkSettings), *((m.__name__, m) for m in SINKS)):
        name = kind if kind == "all" else str(model.model_fields["kind"].annotation).split("'")[1]
        lines += [
            _key(name, key, info) for key, info in model.model_fields.items() if kind == "all" or key not in shared
        ]
    lines += ["", "One table `[retry]` for all:", "", "| key | default | meaning |", "|---|---|---|"]
    lines += [f"| `{key}` | {info.default} | {info.description} |" for key, info in RetrySettings.model_fields.items()]
    return lines


def _key(kind: str, key: str, info: Any) -> str:
    default = "needed" if info.is_required() else "all" if info.default == () else info.default
    shown = ", ".join(default) if isinstance(default, tuple) else getattr(default, "value", default)
    return f"| {kind} | `{key}` | {shown if shown != '' else 'none'} | {info.description} |"


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
    # A group that works by itself is a command, too.
    own = [(path, command)] if path and command.invoke_without_command else []
    return own + [leaf for name, child in sorted(children.items()) for leaf in _walk(child, (*path, name))]


def _bounds(metadata: list[Any]) -> str:
    low = next((m.ge for m in metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in metadata if hasattr(m, "le")), None)
    return "" if low is None else f"{low} to {high}"


def costs() -> str:
    """What one scene and one month cost in processing units, per area."""
    lines = [
        "# What a night costs",
        "",
        "Computed from the outlines of the areas, the tiles that meet them, the bands and the provider's rule: 512 x 512 pixels",
        'of three input bands are one unit; 32-bit output doubles it, orthorectification doubles it (Sentinel Hub, "Processing',
        'unit definition", read 2026-11). Terrain flattening is not listed there with a factor of its own. The data mask is free.',
        "",
        f"- Sentinel-1: {', '.join(RECIPES[Sensor.S1].bands)}; 32-bit, orthorectified.",
        f"- Sentinel-2: {', '.join(RECIPES[Sensor.S2].bands)}; 16-bit.",
        "",
        f"A month is 30.4 days; Sentinel-1 is taken as {S1_PASSES} tracks with a pass every {S1_EVERY} days each, Sentinel-2 as a pass every",
        f"{S2_EVERY} days. What really comes is measured: the night report lists the cadence of each track, and",
        "`sat-monitor sources list` what the account has used.",
        "",
        "| area | pixels | tiles | S1 scene | S2 scene | units a month | requests a month |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [_cost(aoi) for aoi in AoiRegistry(FOLDER / "none").list()]
    lines += [_cost_row(*row) for row in rows]
    lines.append(_cost_row("**all**", 0, *(sum(row[k] for row in rows) for k in range(2, 7))))
    lines += [
        "",
        "A free account of the Copernicus Data Space has 10,000 units and 10,000 requests a month (its quota page, read 2026-11).",
        "Listing costs requests as well: a night asks each catalogue once per area and sensor, and a page for every 100 items.",
        "A first fill of years does not fit into it: import the past from an open catalogue or from files, and fetch what is new.",
        "The service counts only answers that succeed; the night stops by itself at 98 % of the quota (E1902).",
    ]
    return "\n".join(lines) + "\n"


def _cost(aoi: AOI) -> tuple[str, int, int, float, float, float, float]:
    grid = aoi.grid
    parts = len(watched_tiles(aoi, TILE_PX))
    sar, optical = (scene_units(aoi, RECIPES[sensor], TILE_PX) for sensor in (Sensor.S1, Sensor.S2))
    sar_passes, optical_passes = S1_PASSES * 30.4 / S1_EVERY, 30.4 / S2_EVERY
    units = sar_passes * sar + optical_passes * optical
    return aoi.id, grid.width * grid.height, parts, sar, optical, units, parts * (sar_passes + optical_passes)


def _cost_row(name: str, pixels: int, parts: float, sar: float, optical: float, units: float, requests: float) -> str:
    shown = f"{pixels:,}" if pixels else ""
    return f"| {name} | {shown} | {parts:.0f} | {sar:.1f} | {optical:.1f} | {units:,.0f} | {requests:,.0f} |"


REFERENCES = {"settings.md": settings, "errors.md": errors, "commands.md": commands, "costs.md": costs}


def main() -> None:
    """Write the files."""
    for name, make in REFERENCES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
