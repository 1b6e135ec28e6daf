"""Figures as lines for people and as plain data for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

from shapely.geometry.base import BaseGeometry

from sat_monitor.evaluate.accuracy import Accuracy, Listed, Row, accuracy
from sat_monitor.evaluate.home import EntryResult, Inventory, Outcome
from sat_monitor.evaluate.records import Matched
from sat_monitor.evaluate.series import SeriesReport
from sat_monitor.evaluate.statistics import Estimate, Quartiles, Share
from sat_monitor.evaluate.world import WHOLE, Campaign

SIMULATED = "模擬データ / simulated worlds: no real place was observed"


def plain(value: object) -> Any:
    """JSON data of a record: shares and estimates with their intervals, outlines left out, NaN as null."""
    if isinstance(value, Share):
        return {**_figure(value), "hits": value.hits, "total": value.total}
    if isinstance(value, Estimate):
        return _figure(value)
    if is_dataclass(value) and not isinstance(value, type):
        named = {f.name: getattr(value, f.name) for f in fields(value)}
        return {name: plain(each) for name, each in named.items() if not isinstance(each, BaseGeometry)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else _scalar(value)


def _figure(value: Share | Estimate) -> dict[str, Any]:
    interval = value.interval
    return {"value": value.value, "ci95": None if interval is None else [interval.low, interval.high]}


def _scalar(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def share_text(share: Share) -> str:
    """A share with its interval and counts: `0.75 [0.47, 0.91] 9 of 12`."""
    if share.value is None:
        return "-    none to judge"
    low, high = share.interval.low, share.interval.high
    return f"{share.value:.2f} [{low:.2f}, {high:.2f}]  {share.hits:g} of {share.total:g}"


def estimate_text(estimate: Estimate) -> str:
    """A figure with its interval."""
    if estimate.interval is None:
        return "-"
    digits = 3 if estimate.interval.high < 0.1 else 2
    value = "-" if estimate.value is None else f"{estimate.value:.{digits}f}"
    return f"{value} [{estimate.interval.low:.{digits}f}, {estimate.interval.high:.{digits}f}]"


def quartiles_text(values: Quartiles) -> str:
    """Median and quartiles in days."""
    if values.median is None:
        return "-"
    return f"{values.median:.0f} days (quartiles {values.lower:.0f} to {values.upper:.0f}, {values.count} cases)"


def accuracy_lines(figures: Accuracy) -> list[str]:
    """All figures of pooled places; 95 % intervals in brackets."""
    judged = figures.lists[0].producers.total
    lines = [
        f"places: {', '.join(figures.scopes)}; {figures.km2:.1f} km2 watched for {figures.years:.2f} years",
        f"earthworks judged: {judged:g}; left out (began too early or too late): {figures.left_out}",
        "",
        *(line for listed in figures.lists for line in _listed_lines(listed)),
        "",
        "producer's accuracy (watch list)",
        *_row_lines(figures.producers),
        "user's accuracy (watch list)",
        *_row_lines(figures.users),
        "",
        f"lag from beginning to first sign      {quartiles_text(figures.lag_first)}",
        f"lag from beginning to confirmed       {quartiles_text(figures.lag_confirmed)}",
        f"lag from first moved ground to confirmed  {quartiles_text(figures.lag_confirmed_moved)}",
        f"average precision                     {estimate_text(figures.average_precision)}",
        "90 % area intervals that hold the true area",
        *_row_lines(figures.area_coverage),
    ]
    lines += _counts("missed, why", figures.missed)
    return lines + _counts("sites without an earthwork: what is there -> what it was called", figures.false_causes)


def _listed_lines(listed: Listed) -> list[str]:
    return [
        f"{listed.name}",
        f"  producer's accuracy                 {share_text(listed.producers)}",
        f"  user's accuracy                     {share_text(listed.users)}",
        *(
            f"  user's accuracy at {p:g} per km2 and year  {estimate_text(figure)}"
            for p, figure in listed.at_prevalence.items()
        ),
        f"  false sites per 100 km2 and month   {estimate_text(listed.false_rate)}  {listed.false} without an earthwork",
        f"  of them wrong in kind too           {estimate_text(listed.wrong_rate)}  {listed.wrong} no lasting change says so",
    ]


def _row_lines(rows: Sequence[Row]) -> list[str]:
    return [f"  {row.split:6} {row.name:22} {share_text(row.share)}" for row in rows] or ["  none"]


def _counts(title: str, counts: Mapping[str, int]) -> list[str]:
    return [title, *(f"  {number:4d}  {name}" for name, number in counts.items())] if counts else [f"{title}: none"]


def missed_lines(places: Sequence[Matched]) -> list[str]:
    """Every missed earthwork by name, so that an analyst can go and look."""
    lines = []
    for truth in (t for place in places for t in place.truths if not t.found):
        t = truth.truth
        slope = "" if t.slope_deg is None else f", {t.slope_deg:.0f} deg"
        seen = ", ".join(f"{sensor} {days}" for sensor, days in truth.seen_days.items())
        lines.append(
            f"  {t.id} {t.kind} {t.area_m2:.0f} m2{slope}, began {t.began_on}: {truth.missed}"
            + (f"; days seen: {seen}" if seen else "")
        )
    return ["missed earthworks", *lines] if lines else []


def campaign_lines(campaign: Campaign) -> list[str]:
    """World contract, pooled figures, one line per seed, and the comparison of the variants."""
    held, profile = campaign.held, campaign.request.profile
    whole = campaign.variants[WHOLE]
    lines = [
        SIMULATED,
        f"profile {profile.name} {profile.sha256[:12]}",
        f"worlds: {held.worlds} of {held.km2 / max(1, held.worlds):.1f} km2; earthworks {held.earthworks_per_km2_year:.2f}, "
        f"confusers {held.confusers_per_km2_year:.2f} per km2 and year of imagery",
        f"events: {', '.join(f'{kind} {count}' for kind, count in held.kinds.items())}",
        "",
        *accuracy_lines(campaign.pooled()),
        *missed_lines(whole),
    ]
    if len(whole) > 1:
        lines += ["", "by seed", *(_short(place.scope.name, accuracy([place])) for place in whole)]
    if len(campaign.variants) > 1:
        lines += ["", "ablations", *(_short(name, campaign.pooled(name)) for name in campaign.variants)]
    return [*lines, "", f"world contract of {whole[0].scope.name}", *campaign.contract]


def _short(name: str, figures: Accuracy) -> str:
    watch, tickets = figures.lists
    lag = "-" if figures.lag_confirmed.median is None else f"{figures.lag_confirmed.median:.0f} d"
    return (
        f"  {name:18} producer's {share_text(watch.producers)}; tickets {share_text(tickets.producers)}; "
        f"false {watch.false} and {tickets.false}; AP {estimate_text(figures.average_precision)}; lag {lag}"
    )


def series_lines(report: SeriesReport) -> list[str]:
    """Figures of an alarm file; 95 % intervals in brackets."""
    lines = [
        f"{report.name}: {report.places} places, {report.positives} of them changed",
        f"producer's accuracy             {share_text(report.producers)}",
        f"user's accuracy                 {share_text(report.users)}",
        f"F1                              {report.f1:.3f}",
        f"false alarms per place and year {estimate_text(report.false_rate)}  {report.false_alarms}",
        f"average precision               {estimate_text(report.average_precision)}  chance {report.chance:.2f}",
        f"lag                             {quartiles_text(report.lag)}",
        f"earthwork alarms on crops or greening (errors of kind): {len(report.wrong_kinds)}",
    ]
    return lines + [f"  {wrong.id} {wrong.day} {wrong.changetype}" for wrong in report.wrong_kinds]


def inventory_lines(inventory: Inventory) -> list[str]:
    """What became of each entry, and figures over those that say anything."""
    counts = {outcome: sum(e.outcome is outcome for e in inventory.entries) for outcome in Outcome}
    return [
        f"{inventory.scope.name}: {len(inventory.entries)} entries, looks from {inventory.scope.first} to {inventory.scope.last}",
        "  " + ", ".join(f"{outcome.value} {count}" for outcome, count in counts.items()),
        f"producer's accuracy   {share_text(inventory.producers)}",
        f"user's accuracy       {share_text(inventory.users)}",
        f"lag after the office's first day  {quartiles_text(inventory.lag)}",
        *(_entry_line(entry) for entry in inventory.entries),
    ]


def _entry_line(entry: EntryResult) -> str:
    truth, site = entry.truth, entry.site
    what = f"  {truth.id}: {entry.outcome.value}"
    if site is not None:
        return f"{what}, {site.kind.value} {site.id} on {site.confirmed_on}, lag {entry.lag_days} days; verdict {entry.verdict.value}"
    return what if entry.seen_days is None else f"{what}, seen on {entry.seen_days} days; verdict {entry.verdict.value}"
