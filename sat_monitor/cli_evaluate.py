"""Commands about accuracy: simulated worlds, labelled series, truth files, an office's own list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sat_monitor.cli_common import (
    DEFAULT_HOME,
    AoiNeeded,
    HomeOption,
    JsonOption,
    ProfileOption,
    Progress,
    profile_of,
    store_of,
)
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home

if TYPE_CHECKING:
    from sat_monitor.evaluate.home import History

evaluate_app = typer.Typer(no_args_is_help=True)

FiguresOption = Annotated[Path | None, typer.Option("--figures", help="folder for a page of figures (index.md)")]


@evaluate_app.command("world")
def evaluate_world(
    config: Annotated[Path | None, typer.Option("--config", help="TOML of the worlds; the shipped one where absent")] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="number of worlds")] = 10,
    without: Annotated[list[str] | None, typer.Option("--without", help="sar, optical or evidence: also run without it")] = None,
    reference: Annotated[Path | None, typer.Option("--reference", help="folder with opera_rtc_s1 and s2_romania, for the world contract")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="worlds at once, 3 GB of memory each")] = 1,
    profile: ProfileOption = None, figures: FiguresOption = None, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Simulated worlds with known truth through the night's detection: accuracy with intervals, lags, false sites."""
    from sat_monitor.evaluate.contract import reference_figures
    from sat_monitor.evaluate.figures import write_figures
    from sat_monitor.evaluate.replay import Ablation
    from sat_monitor.evaluate.text import campaign_lines, plain
    from sat_monitor.evaluate.world import WHOLE, CampaignRequest, run_campaign
    from sat_monitor.simulate.config import WorldConfig, parse_world

    unknown = sorted(set(without or ()) - {part.value for part in Ablation})
    if unknown:
        raise UsageError("E2001", f"--without {', '.join(unknown)}; known are {', '.join(Ablation)}")
    worlds = WorldConfig() if config is None else parse_world(_text(config))
    real = {} if reference is None else reference_figures(reference)
    request = CampaignRequest(worlds, seeds, profile_of(profile), tuple(Ablation(w) for w in without or ()), real, jobs)
    with Progress() as progress:
        campaign = run_campaign(request, progress)
    pooled = {name: campaign.pooled(name) for name in campaign.variants}
    lines = campaign_lines(campaign)
    if figures is not None:
        write_figures(figures, campaign.variants[WHOLE], lines)
    _print(
        lines,
        plain({"held": campaign.held, "contract": campaign.contract, "figures": pooled, "worlds": campaign.variants}),
        as_json,
    )


@evaluate_app.command("series")
def evaluate_series(
    alarms: Path,
    labels: Annotated[Path, typer.Option("--labels", help="folder with labels.csv, or points.csv and reference.csv.gz")],
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Alarms on point time series (id, alarm_date, score, confirmed, kind) against what humans saw."""
    from sat_monitor.evaluate.series import read_alarms, read_places, score_alarms
    from sat_monitor.evaluate.text import plain, series_lines

    report = score_alarms(read_alarms(alarms), read_places(labels))
    _print(series_lines(report), plain(report), as_json)


@evaluate_app.command("raster")
def evaluate_raster(
    aoi: AoiNeeded, truth: Annotated[Path, typer.Option("--truth", help="GeoJSON of all that happened, with days")],
    home: HomeOption = DEFAULT_HOME, profile: ProfileOption = None,
    figures: FiguresOption = None, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """The sites of an installation against a complete truth file, such as the demo's truth.geojson."""
    from sat_monitor.evaluate.accuracy import accuracy
    from sat_monitor.evaluate.figures import write_figures
    from sat_monitor.evaluate.home import evaluate_raster as compared
    from sat_monitor.evaluate.text import accuracy_lines, missed_lines, plain

    matched = compared(_history(home, aoi, profile), truth)
    pooled = accuracy([matched])
    lines = [*accuracy_lines(pooled), *missed_lines([matched])]
    if figures is not None:
        write_figures(figures, [matched], lines)
    _print(lines, plain({"figures": pooled, "matched": matched}), as_json)


@evaluate_app.command("inventory")
def evaluate_inventory(
    file: Path, aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME, profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """An office's own list of fills and corrections (CSV or GeoJSON): which were found, when, which nobody could see."""
    from sat_monitor.evaluate.home import evaluate_inventory as compared
    from sat_monitor.evaluate.text import inventory_lines, plain
    from sat_monitor.imagery.archive import Archive

    inventory = compared(_history(home, aoi, profile), file, Archive(Home(home).archive))
    _print(inventory_lines(inventory), plain(inventory), as_json)


@evaluate_app.command("verdicts")
def evaluate_verdicts(
    aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME, profile: ProfileOption = None, as_json: JsonOption = False
) -> None:
    """The verdicts of this installation's own tickets, draws and finds, weighted by inverse inclusion probability."""
    from sat_monitor.evaluate.home import evaluate_rows
    from sat_monitor.evaluate.text import inventory_lines, plain
    from sat_monitor.evaluate.verdicts import read_labels, truths_of
    from sat_monitor.imagery.archive import Archive

    history = _history(home, aoi, profile)
    with store_of(home) as store:
        rows = truths_of(read_labels(store, aoi))
    inventory = evaluate_rows(history, rows, Archive(Home(home).archive))
    _print(inventory_lines(inventory), plain(inventory), as_json)


def _history(home: Path, aoi: str, profile: Path | None) -> History:
    from sat_monitor.evaluate.home import read_history

    return read_history(Home(home), aoi, profile_of(profile))


def _text(path: Path) -> str:
    if not path.is_file():
        raise UsageError("E2002", str(path))
    return path.read_text(encoding="utf-8")


def _print(lines: Sequence[str], data: object, as_json: bool) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=1) if as_json else "\n".join(lines))
