"""Chips of simulated worlds: composites of their scenes, and the truth of what happened in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sat_monitor.core.domain import FloatArray
from sat_monitor.models.bands import OPTICAL, RADAR, TRACKS, Pair, Side, empty_optical, empty_radar
from sat_monitor.models.chips import Chip
from sat_monitor.models.composites import optical_composite, radar_composite
from sat_monitor.simulate.config import EventWorld, PlaceSettings, WorldConfig
from sat_monitor.simulate.contract import CLEAR
from sat_monitor.simulate.ground import ground_on
from sat_monitor.simulate.kinds import FIELDS, FOREST, Cover, EventKind
from sat_monitor.simulate.scenes import Painter, Pass, passes
from sat_monitor.simulate.world import World, build_world, spec_of

#: Surfaces that count as bare or built for good; felled ground waits for what comes, stubble and furrows pass.
CONVERTED = (
    Cover.SOIL, Cover.WORKED, Cover.DEBRIS, Cover.PANELS, Cover.ROOF, Cover.PLASTIC, Cover.CUT_ROCK,
)  # fmt: skip
_PLANTS = (*FOREST, Cover.ORCHARD, Cover.GRASS)
#: Events that take plants away for good, or for years.
_PASSING = (
    EventKind.HARVEST, EventKind.PLOUGHING, EventKind.LEAF_OFF, EventKind.THINNING, EventKind.DROUGHT, EventKind.FLOOD,
    EventKind.SNOW,
)  # fmt: skip
#: Felled ground within an earthwork is on its way: neither converted nor untouched.
_UNSURE = 0.3
#: Longest window of a composite, days, and most looks of one sensor in it.
_WINDOW_DAYS, _MOST_LOOKS = 45, 5
#: From the first day of imagery to the earliest first date, and from one date to the other, days.
_EARLIEST, _APART = 60, (40, 600)

TRAINING_WORLD = WorldConfig(
    name="chips",
    place=PlaceSettings(side_px=256),
    events=EventWorld(earthworks_per_km2_year=9.0, confusers_per_earthwork=2.5, quiet_days=120, last_days=30),
)


@dataclass(frozen=True, slots=True)
class Dates:
    """Between which days a chip looks."""

    before: date
    after: date


def world_chips(config: WorldConfig, seed: int, pairs: int) -> Iterator[Chip]:
    """`pairs` chips of the world of a seed, each between two days of its own; the same ones every time."""
    world = build_world(spec_of(config, seed))
    painter, listed = Painter.of(world), passes(world)
    rng = np.random.default_rng([seed, 77])
    for _ in range(pairs):
        yield chip_between(painter, listed, _dates(world, rng), rng)


def chip_between(painter: Painter, listed: Sequence[Pass], dates: Dates, rng: np.random.Generator) -> Chip:
    """The chip of a world between two days: composites of the looks that end on each."""
    world = painter.world
    few = bool(rng.random() < 0.4)
    before, after = (_side(painter, listed, day, few, rng) for day in (dates.before, dates.after))
    slope = np.asarray(world.terrain.slope_deg, np.float32)
    truth, weight = truth_between(world, dates)
    return Chip(Pair(before, after, slope), truth, weight, f"world {world.spec.aoi.id}")


def truth_between(world: World, dates: Dates) -> tuple[FloatArray, FloatArray]:
    """Truth and weight of each answer, (answer, y, x) float32."""
    built = [np.zeros(world.grid.shape, np.float32) for _ in range(2)]
    unsure, loss, other = (np.zeros(world.grid.shape, np.float32) for _ in range(3))
    green = world.cover.where(*_PLANTS)
    for number, day in enumerate((dates.before, dates.after)):
        sign = np.float32(1.0 if number else -1.0)
        for patch in ground_on(world, day).patches:
            window = patch.event.plot.window.slices
            for cover, part in patch.brought:
                if cover in CONVERTED:
                    built[number][window] += part
                if cover is Cover.CLEARED and patch.event.is_earthwork and number == 1:
                    unsure[window] += part
                if patch.event.kind not in _PASSING and cover is not Cover.HERBS:
                    loss[window] += sign * part * green[window]
                other[window] += sign * part
    conversion = np.clip(built[1] - built[0], 0.0, 1.0)
    lost = np.clip(loss, 0.0, 1.0)
    change = np.clip(np.maximum(np.abs(other), np.maximum(conversion, lost)), 0.0, 1.0)
    sure = np.where((unsure > _UNSURE) & (conversion < 0.5), np.float32(0.0), np.float32(1.0))
    # Crops change their cover by themselves, herbs over soil are another cover but no new event: nobody labelled them.
    whole = np.where(world.cover.where(*FIELDS) & (change < 0.5), np.float32(0.0), np.float32(1.0))
    whole[(change < 0.5) & (np.maximum(*built) > _UNSURE)] = 0.0
    return np.stack([conversion, lost, change]), np.stack([sure, sure, whole])


def _side(painter: Painter, listed: Sequence[Pass], day: date, few: bool, rng: np.random.Generator) -> Side:
    """Composites of the last looks up to a day; `few` takes one optical look, as a pair of pictures would be."""
    window = [p for p in listed if day - timedelta(days=_WINDOW_DAYS) < p.acquired_at.date() <= day]
    shape = painter.world.grid.shape
    optical = [p for p in window if p.track is None]
    wanted = 1 if few else int(rng.integers(2, _MOST_LOOKS + 1))
    looks: list[FloatArray] = []
    for which in reversed(optical):
        bands = painter.draw(which)[1].bands
        clear = np.isin(bands["SCL"], CLEAR)
        if clear.mean() > (0.6 if few else 0.15):
            looks.append(np.where(clear, np.stack([bands[name] for name in OPTICAL]), np.float32(np.nan)))
        if len(looks) == wanted:
            break
    tracks: list[list[FloatArray]] = []
    for number in range(TRACKS):
        most = int(rng.integers(1, _MOST_LOOKS))
        echoes = [p for p in window if p.track == number][-most:]
        drawn = [painter.draw(p)[1].bands for p in echoes]
        tracks.append([np.stack([bands[name] for name in RADAR]) for bands in drawn])
    return Side(
        optical_composite(looks) if looks else empty_optical(shape),
        radar_composite(tracks) if any(tracks) else empty_radar(shape),
    )


def _dates(world: World, rng: np.random.Generator) -> Dates:
    """Two days of a world; half the time of the same season, as far apart as that allows."""
    first, last = world.spec.first + timedelta(days=_EARLIEST), world.spec.last
    apart = int(rng.integers(*_APART))
    if rng.random() < 0.4:
        apart = int(np.clip(rng.normal(365, 20), *_APART))
    span = (last - first).days - apart
    before = first + timedelta(days=int(rng.integers(0, max(1, span))))
    return Dates(before, before + timedelta(days=apart))
