"""`sat-monitor deformation`: from a stack of interferograms to motion along the line of sight."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sat_monitor.cli_common import (
    DEFAULT_HOME,
    AoiNeeded,
    FromOption,
    HomeOption,
    JsonOption,
    ToOption,
    print_rows,
    registry_of,
)  # fmt: skip
from sat_monitor.core.errors import UsageError
from sat_monitor.core.home import Home

if TYPE_CHECKING:
    from sat_monitor.core.deformation import Motion

deformation_app = typer.Typer(no_args_is_help=True)

LoopsOption = Annotated[bool, typer.Option("--loops/--no-loops", help="repair or mask unwrapping errors")]
WeightsOption = Annotated[bool, typer.Option("--weights/--no-weights", help="weight pairs by their coherence")]
CorrectionsOption = Annotated[
    bool, typer.Option("--corrections/--no-corrections", help="elevation error, ramps, delay that goes with height")
]
CoherenceOption = Annotated[
    float, typer.Option("--min-coherence", min=0.0, max=1.0, help="temporal coherence under which nothing is measured")
]
RobustOption = Annotated[bool, typer.Option("--robust", help="least absolute misfits instead of least squares")]
ReferenceOption = Annotated[str | None, typer.Option("--reference", help="ROW,COL of stable ground; chosen if absent")]


def import_interferograms(path: Path, aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME) -> None:
    """Unwrapped interferograms of HyP3, LiCSAR, GAMMA, PyRate or OPERA DISP-S1: all pairs of a folder become the area's stack."""
    from sat_monitor.deformation.job import import_stack

    if not path.is_dir():
        raise UsageError("E2002", str(path))
    found = import_stack(Home(home), registry_of(home), path, aoi)
    stack = found.stack
    print(f"AOI {aoi}{' (made from the data)' if found.aoi_made else ''}: {len(stack.pairs)} pairs of {len(stack.days)} "
          f"days, {stack.days[0]} to {stack.days[-1]}, {stack.frame.height} x {stack.frame.width} pixels, "
          f"sha256 {found.sha256}")  # fmt: skip
    print(f"coherence {'found' if stack.coherence is not None else 'not found: pairs count alike'}, "
          f"height {'found' if stack.height_m is not None else 'not found'}")  # fmt: skip


@deformation_app.command("invert")
def invert(
    aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME, corrections: CorrectionsOption = True,
    weights: WeightsOption = True, loops: LoopsOption = True, robust: RobustOption = False,
    coherence: CoherenceOption = 0.7, reference: ReferenceOption = None,
) -> None:  # fmt: skip
    """Displacement of every day, velocity, acceleration and season with their uncertainties."""
    from sat_monitor.deformation.invert import InvertOptions
    from sat_monitor.deformation.job import invert_area

    options = InvertOptions(weights, loops, corrections, robust, min_coherence=coherence, reference=_row_col(reference))
    _tell(invert_area(Home(home), aoi, options))


@deformation_app.command("update")
def update(path: Path, aoi: AoiNeeded, home: HomeOption = DEFAULT_HOME) -> None:
    """Add the pairs of a folder to the area's stack and invert it as shipped."""
    from sat_monitor.deformation.invert import InvertOptions
    from sat_monitor.deformation.job import update_area

    if not path.is_dir():
        raise UsageError("E2002", str(path))
    _tell(update_area(Home(home), path, aoi, InvertOptions()))


def _tell(motion: Motion) -> None:
    import numpy as np

    for remark in motion.remarks:
        print(remark)
    seen = np.isfinite(motion.velocity_m_per_yr)
    rms = float(np.sqrt(np.nanmean(motion.residual_m**2))) * 1e3
    print(f"measured {seen.mean():.1%} of the pixels; no measurement is not the same as stable")
    print(f"rms residual {rms:.2f} mm; velocity, 1st, 50th and 99th percentile: "
          + ", ".join(f"{one:+.1f}" for one in np.nanpercentile(motion.velocity_m_per_yr * 1e3, [1, 50, 99]))
          + " mm/yr toward the satellite")  # fmt: skip


@deformation_app.command("export")
def export(
    aoi: AoiNeeded, out: Annotated[Path, typer.Option("--out", help="folder")], home: HomeOption = DEFAULT_HOME
) -> None:
    """Velocity and all the rest as GeoTIFFs on the grid of the input, with an index of hashes."""
    from sat_monitor.deformation.shelf import export as copy

    for path in copy(Home(home).motion(aoi), out):
        print(path)


@deformation_app.command("plot")
def plot(
    aoi: AoiNeeded, out: Annotated[Path, typer.Option("--out", help="PNG; with --at a CSV is written beside it")],
    at: Annotated[str | None, typer.Option("--at", help="LON,LAT of a point whose curve is drawn")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """The map of velocity, or of a point its curve as PNG and CSV."""
    from sat_monitor.deformation.plot import draw_point, draw_velocity
    from sat_monitor.deformation.shelf import get_motion

    motion = get_motion(Home(home).motion(aoi))
    if at is None:
        print(draw_velocity(out, motion))
        return
    for path in draw_point(out, motion, *_two(at, "--at LON,LAT")):
        print(path)


@deformation_app.command("alarms")
def alarms(
    aoi: AoiNeeded, out: Annotated[Path | None, typer.Option("--out", help="GeoJSON of the outlines")] = None,
    home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Areas that move against their surroundings, and since when they move faster; they become sites, and nights rank by them."""
    from sat_monitor.deformation.alarms import row_of, write_geojson
    from sat_monitor.deformation.job import list_moving
    from sat_monitor.motion import take_motion

    motion, areas = list_moving(Home(home), aoi)
    taken = take_motion(Home(home), aoi)
    if taken is not None and taken.tickets:
        print(f"tickets opened: {', '.join(taken.tickets)}", file=sys.stderr)
    print_rows([row_of(motion, area) for area in areas], as_json, "moving areas")
    if out is not None:
        write_geojson(out, motion, areas)


@deformation_app.command("gradients")
def gradients(
    aoi: AoiNeeded, out: Annotated[Path, typer.Option("--out", help="GeoTIFF of the gradient; GeoJSON of the zones beside it")],
    home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Where velocity changes from one place to the next, as at the edge of a fill that settles."""
    from sat_monitor.deformation.alarms import write_outlines, zone_row
    from sat_monitor.deformation.gradients import gradient_zones, velocity_gradient
    from sat_monitor.deformation.shelf import get_motion, write_layer

    motion = get_motion(Home(home).motion(aoi))
    gradient = velocity_gradient(motion)
    zones = gradient_zones(motion.frame, gradient)
    rows = [zone_row(motion.frame, zone) for zone in zones]
    write_layer(out, motion.frame, gradient.size, ["velocity_gradient_per_yr"])
    outlines = [(zone.outline, row) for zone, row in zip(zones, rows, strict=True)]
    write_outlines(out.with_suffix(".geojson"), motion.frame, outlines, {})
    print_rows(rows, as_json, "gradient zones")


@deformation_app.command("coverage")
def coverage_command(
    aoi: AoiNeeded, out: Annotated[Path, typer.Option("--out", help="GeoTIFF of classes")], home: HomeOption = DEFAULT_HOME,
    forest: Annotated[Path | None, typer.Option("--forest", help="raster of forest, 0 and 1")] = None,
) -> None:  # fmt: skip
    """Where ground was measured, and why not elsewhere: layover or shadow, forest, steep slope, decorrelated."""
    from sat_monitor.deformation.coverage import coverage, forest_on, write_coverage
    from sat_monitor.deformation.shelf import get_motion, get_stack

    motion, stack = get_motion(Home(home).motion(aoi)), get_stack(Home(home).interferograms(aoi))
    found = coverage(motion, stack.height_m, None if forest is None else forest_on(motion.frame, forest))
    write_coverage(out, found)
    print(f"{out}: " + ", ".join(f"{name} {share:.1%}" for name, share in found.shares.items()))
    if found.not_asked:
        print(f"not asked: {', '.join(found.not_asked)}; ground without a measurement is not called stable")


@deformation_app.command("coherence")
def coherence_command(
    aoi: AoiNeeded, out: Annotated[Path, typer.Option("--out", help="GeoTIFF: gain of coherence, class")],
    bare: Annotated[Path | None, typer.Option("--bare", help="raster of ground known to be bare, 0 and 1")] = None,
    forest: Annotated[Path | None, typer.Option("--forest", help="raster of forest, 0 and 1")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Where coherence rose (idle bare ground) or keeps being lost on bare ground (at work, which nights rank by), outside of forest."""
    import numpy as np

    from sat_monitor.deformation.alarms import write_outlines
    from sat_monitor.deformation.coherence import coherence_change, work_areas
    from sat_monitor.deformation.coverage import forest_on
    from sat_monitor.deformation.shelf import get_stack, write_layer

    stack = get_stack(Home(home).interferograms(aoi))
    masks = [None if path is None else forest_on(stack.frame, path) for path in (bare, forest)]
    found = coherence_change(stack, *masks)
    layers = np.stack([found.gain, np.where(found.classes > 0, found.classes, np.nan)]).astype(np.float32)
    write_layer(out, stack.frame, layers, ("coherence_gain", "class"))
    print(f"{out}: " + ", ".join(f"{name} {share:.1%}" for name, share in found.shares.items()))
    if bare is None:
        print("not asked: ground at work, for no --bare layer says where ground is bare")
        return
    row = {"last_day": str(max(pair.after for pair in stack.pairs))}
    areas = [(outline, row) for outline in work_areas(found, stack.frame)]
    write_outlines(Home(home).work_areas(aoi), stack.frame, areas, {})
    print(f"{len(areas)} areas at work; nights rank the sites on them by it")


@deformation_app.command("ground")
def ground(
    ascending: Annotated[str, typer.Option("--ascending", help="area whose stack looks from ascending passes")],
    descending: Annotated[str, typer.Option("--descending", help="area whose stack looks from descending passes")],
    out: Annotated[Path, typer.Option("--out", help="folder")], home: HomeOption = DEFAULT_HOME,
) -> None:  # fmt: skip
    """Two directions of view become rates up and east with their uncertainties."""
    from sat_monitor.deformation.ground import write_ground_motion
    from sat_monitor.deformation.shelf import get_motion

    one, other = (get_motion(Home(home).motion(aoi)) for aoi in (ascending, descending))
    for path in write_ground_motion(one, other, out):
        print(path)


@deformation_app.command("slope")
def slope(
    aoi: AoiNeeded, out: Annotated[Path, typer.Option("--out", help="GeoTIFF")], home: HomeOption = DEFAULT_HOME
) -> None:
    """Velocity down the slope, if that is the way the ground goes; NaN where the line of sight hardly sees it."""
    from sat_monitor.deformation.ground import write_down_slope
    from sat_monitor.deformation.shelf import get_motion, get_stack

    motion = get_motion(Home(home).motion(aoi))
    print(write_down_slope(motion, get_stack(Home(home).interferograms(aoi)).height_m, out))


@deformation_app.command("pairs")
def pairs(
    start: FromOption, end: ToOption, every: Annotated[int, typer.Option("--every", help="days between passes")] = 12,
    neighbours: Annotated[int, typer.Option("--neighbours", help="next passes that each is paired with")] = 3,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """The pairs to order for a network: near ones, and long ones of 48 and 96 days against the bias of short pairs."""
    from sat_monitor.deformation.network import pairs_to_order

    if start is None or end is None or end <= start or every < 1:
        raise UsageError("E2001", "give --from DAY --to LATER-DAY and --every of at least 1")
    days = _passes(start, end, every)
    rows = [
        {"before": str(one), "after": str(other), "days": (other - one).days}
        for one, other in pairs_to_order(days, neighbours)
    ]
    print_rows(rows, as_json, "pairs")


def _passes(start: datetime, end: datetime, every: int) -> list[date]:
    count = (end - start).days // every + 1
    return [start.date() + timedelta(days=every * number) for number in range(count)]


def _row_col(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    row, col = _two(text, "--reference ROW,COL")
    return int(row), int(col)


def _two(text: str, what: str) -> tuple[float, float]:
    try:
        one, other = map(float, text.split(","))
    except ValueError as error:
        raise UsageError("E2001", f"{text!r} is not {what}") from error
    return one, other
