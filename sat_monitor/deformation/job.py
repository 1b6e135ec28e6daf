"""The two jobs of an area: take in a stack of interferograms, and invert it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sat_monitor.core.deformation import Motion, PairStack
from sat_monitor.core.errors import DeformationError
from sat_monitor.core.home import Home
from sat_monitor.deformation.alarms import write_geojson
from sat_monitor.deformation.anomalies import MovingArea, moving_areas
from sat_monitor.deformation.interferograms import read_stack
from sat_monitor.deformation.invert import InvertOptions, invert
from sat_monitor.deformation.place import footprint
from sat_monitor.deformation.shelf import (
    INDEX,
    get_motion,
    get_stack,
    index_sha256,
    put_motion,
    put_stack,
    stack_of_motion,
)
from sat_monitor.imagery.aois import AoiRegistry, aoi_from_outline


@dataclass(frozen=True, slots=True)
class StackImported:
    """What was taken in; `aoi_made` says that the area was made from the footprint of the data."""

    stack: PairStack
    sha256: str
    aoi_made: bool


def import_stack(home: Home, registry: AoiRegistry, path: Path, aoi: str) -> StackImported:
    """Keep all pairs below `path` for `aoi`, in place of those it had. Raises DeformationError E2201 to E2206, AoiError."""
    stack = read_stack(path)
    made = not registry.has(aoi)
    if made:
        registry.add(aoi_from_outline(aoi, footprint(stack.frame), aoi, aoi, margin_m=0.0))
    return StackImported(stack, put_stack(home.interferograms(aoi), stack), made)


def update_area(home: Home, path: Path, aoi: str, options: InvertOptions) -> Motion:
    """Add the pairs below `path` to the kept stack of `aoi` and invert all of it.

    The whole stack is solved again, which takes about a second per million pixels and 60 days: the result is that of the
    full solution, bit for bit. Raises DeformationError E2201 to E2208, E2210; the kept stack then stays as it was.
    """
    folder = home.interferograms(aoi)
    put_stack(folder, extended(get_stack(folder), read_stack(path)))
    return invert_area(home, aoi, options)


def extended(stack: PairStack, more: PairStack) -> PairStack:
    """Both stacks as one, in the order of their days; DeformationError E2204, E2205, E2206 where they do not fit."""
    if more.frame != stack.frame:
        raise DeformationError("E2205", f"the new pairs lie on {more.frame}, the kept ones on {stack.frame}")
    if not np.isclose(more.geometry.wavelength_m, stack.geometry.wavelength_m, rtol=1e-3):
        raise DeformationError("E2205", "the new pairs were taken at another wavelength")
    if (more.coherence is None) != (stack.coherence is None):
        raise DeformationError("E2206", "only one of the new and the kept pairs have a coherence")
    pairs = (*stack.pairs, *more.pairs)
    if len({(pair.before, pair.after) for pair in pairs}) < len(pairs):
        raise DeformationError("E2204", "a new pair is kept already")
    order = sorted(range(len(pairs)), key=lambda k: (pairs[k].before, pairs[k].after))
    coherence = None
    if stack.coherence is not None and more.coherence is not None:
        coherence = np.concatenate([stack.coherence, more.coherence])[order]
    displacement = np.concatenate([stack.displacement_m, more.displacement_m])[order]
    height = stack.height_m if stack.height_m is not None else more.height_m
    return PairStack(stack.frame, stack.geometry, tuple(pairs[k] for k in order), displacement, coherence, height)


def invert_area(home: Home, aoi: str, options: InvertOptions) -> Motion:
    """Invert the kept stack of `aoi` and keep the motion. Raises DeformationError E2207, E2208."""
    folder = home.interferograms(aoi)
    stack = get_stack(folder)
    motion = invert(stack, options)
    put_motion(home.motion(aoi), motion, index_sha256(folder))
    return motion


@dataclass(frozen=True, slots=True)
class WeekReport:
    """What a week's inversion of an area gave: counts of moving areas and of those that move faster, and their file."""

    aoi: str
    measured_share: float
    moving: int
    faster: int
    path: Path


def owed_areas(home: Home) -> tuple[str, ...]:
    """Areas whose motion does not follow from the stack that they have."""
    stacks = sorted(path.parent.parent.name for path in home.deformation.glob(f"*/interferograms/{INDEX}"))
    return tuple(
        aoi for aoi in stacks if stack_of_motion(home.motion(aoi)) != index_sha256(home.interferograms(aoi))
    )  # fmt: skip


def list_moving(home: Home, aoi: str) -> tuple[Motion, list[MovingArea]]:
    """The moving areas of the kept motion of `aoi`, written where nights look for them. DeformationError E2207."""
    motion = get_motion(home.motion(aoi))
    areas = moving_areas(motion)
    write_geojson(home.moving_areas(aoi), motion, areas)
    return motion, areas


def week_of_area(home: Home, aoi: str) -> WeekReport:
    """Invert the stack of `aoi` as shipped and list its moving areas. DeformationError E2207, E2208."""
    invert_area(home, aoi, InvertOptions())
    motion, areas = list_moving(home, aoi)
    share = float(np.isfinite(motion.velocity_m_per_yr).mean())
    return WeekReport(aoi, share, len(areas), sum(area.curve.accelerates for area in areas), home.moving_areas(aoi))
