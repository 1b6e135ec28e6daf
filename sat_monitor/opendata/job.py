"""From the store to a folder that a catalogue can take as it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sat_monitor.core.casework import Case
from sat_monitor.core.domain import StartInterval
from sat_monitor.core.home import Home
from sat_monitor.core.surroundings import Municipality
from sat_monitor.imagery.files import write_whole
from sat_monitor.opendata.describing import Edition, dcat, geojson, span_of, stac, table
from sat_monitor.opendata.facts import ReleasedFact, released_facts
from sat_monitor.opendata.rows import By, rows_of
from sat_monitor.overlays.layers import Overlays
from sat_monitor.store.store import Store


@dataclass(frozen=True, slots=True)
class Release:
    """What was written: the files below the folder, facts in them, facts left out because their group is too small."""

    files: tuple[Path, ...]
    facts: int
    left_out: int


def release(home: Home, store: Store, edition: Edition, out: Path, grouping: tuple[By, int]) -> Release:
    """Write the facts of all closed cases into `out`: `grouping` is what a row stands for and the fewest facts of one.

    Raises OverlayError E1407 where the layer of municipalities is damaged, SatMonitorError E1302.
    """
    return write_release(facts_of(home, store), edition, out, grouping)


def facts_of(home: Home, store: Store) -> tuple[ReleasedFact, ...]:
    """The released facts of an installation; municipalities are those of the newest layer."""
    layers = Overlays.open(home)

    def municipality_of(case: Case) -> Municipality | None:
        return layers.around(case.outline, case.epsg, StartInterval(None, case.seen_on)).municipality

    cases = store.cases()
    areas = {case.aoi for case in cases}
    simulated = frozenset(aoi for aoi in areas if any(scene.simulated for scene in store.scenes(aoi)))
    return released_facts(cases, municipality_of, simulated)


def write_release(facts: tuple[ReleasedFact, ...], edition: Edition, out: Path, grouping: tuple[By, int]) -> Release:
    """Write facts into `out`; the same facts and edition give the same bytes."""
    by, fewest = grouping
    rows = rows_of(facts, by, fewest)
    data = {"findings.geojson": geojson(rows), "findings.csv": table(rows)}
    span = span_of(facts if rows.rows else (), rows)
    contents = {**data, **stac(data, span, edition, rows.left_out)}
    contents["dcat.jsonld"] = dcat(data, span, edition, rows.left_out)
    files = tuple(write_whole(out / name, contents[name]) for name in sorted(contents))
    return Release(files, len(facts) - rows.left_out, rows.left_out)
