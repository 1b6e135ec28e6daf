"""The world contract: what is measured on a simulated world and, by the same functions, on real imagery.

Pure arithmetic on arrays; `sample_world` draws the scenes of a world that it needs. Real radar imagery carries no land
cover, so forest, field and town are told apart by their level, on both sides by the same rule (`radar_classes`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from sat_monitor.core.domain import BoolArray, FloatArray
from sat_monitor.core.units import power_to_db
from sat_monitor.simulate.happenings import open_span
from sat_monitor.simulate.scenes import Painter, passes
from sat_monitor.simulate.scl import CIRRUS, CLOUD_HIGH, CLOUD_MEDIUM, SHADOW, THIN
from sat_monitor.simulate.world import World

#: Upper edges of the size classes, m2.
SIZES_M2 = (500.0, 1000.0, 3000.0, 10_000.0, 30_000.0)
#: Classes that are called cloud, and those that are called clear ground.
_CLOUDS, CLEAR = (CLOUD_MEDIUM, CLOUD_HIGH, CIRRUS), (4, 5, 6, 7)
#: Days of year without lying snow, and of summer.
_SNOW_FREE, _SUMMER = (100, 320), (150, 260)
#: Blue reflectance above the pixel's own median, and part of its own summer near infrared, of a look that is not clear.
_BRIGHTER, _DARKER = 0.04, 0.6
#: Summer NDVI of closed forest; fewest pixels of a class that is measured.
_FOREST_NDVI, _LEAST_PIXELS = 0.75, 100
#: Months of the real radar stack: the same season is compared.
_RADAR_MONTHS = (10, 11, 12, 1)
_BLOCK_ROWS = 128


@dataclass(frozen=True, slots=True)
class RadarSample:
    """Looks of one track, (time, y, x) float32 linear gamma0."""

    vv: FloatArray
    vh: FloatArray


@dataclass(frozen=True, slots=True)
class OpticalSample:
    """Looks of one place, (time, y, x) float32: classes of Level-2A, reflectance; day of year of each."""

    day_of_year: NDArray[np.int64]
    scl: FloatArray
    blue: FloatArray
    red: FloatArray
    near_infrared: FloatArray


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure with its unit; `comparable` where season, climate and product allow to hold it against another place."""

    name: str
    value: float
    unit: str
    comparable: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the world beside the same of real imagery (None where there is none)."""

    world: Measure
    real: float | None

    @property
    def ratio(self) -> float | None:
        """World over real."""
        return None if self.real is None or self.real == 0.0 else self.world.value / self.real

    def within(self, share: float) -> bool:
        """Whether the two differ by at most a share (0.25 = a quarter); True where they cannot be compared."""
        ratio = self.ratio
        return not self.world.comparable or ratio is None or abs(ratio - 1.0) <= share


def radar_classes(sample: RadarSample) -> dict[str, BoolArray]:
    """Forest, field and town, (y, x), by the level of the median look.

    Town: VV above -6 dB and VH above -16 dB. Forest: VH above -15.5 dB, VV at most -6.5 dB (volume, no corner echo).
    Field: open ground with VH between -22 and -18 dB and VV below -9 dB.
    """
    whole = np.isfinite(sample.vv).all(axis=0) & np.isfinite(sample.vh).all(axis=0)
    vv, vh = (power_to_db(np.median(np.nan_to_num(band), axis=0).astype(np.float32)) for band in (sample.vv, sample.vh))
    return {
        "forest": whole & (vh > -15.5) & (vv <= -6.5),
        "field": whole & (vh > -22.0) & (vh < -18.0) & (vv < -9.0),
        "town": whole & (vh > -16.0) & (vv > -6.0),
    }


def radar_measures(sample: RadarSample) -> tuple[Measure, ...]:
    """Temporal spread (dB) and equivalent number of looks of each class, in VV and VH, medians over its pixels.

    The spread is the standard deviation over time of dB, as it is and with each look's median over the class taken
    away. The number of looks is 1 / (squared coefficient of variation over time) of the so levelled power: a lower
    bound of the sensor's, for real change counts too.
    """
    found = []
    for name, where in radar_classes(sample).items():
        if where.sum() < _LEAST_PIXELS:
            continue
        for band, power in (("VV", sample.vv), ("VH", sample.vh)):
            values = power[:, where].astype(np.float64)
            db = 10.0 * np.log10(np.maximum(values, 1e-9))
            moves = np.median(db, axis=1, keepdims=True)
            level = values / np.median(values, axis=1, keepdims=True)
            variation = level.var(axis=0, ddof=1) / level.mean(axis=0) ** 2
            found += [
                Measure(f"{name} {band} level", float(np.median(db)), "dB", comparable=False),
                Measure(f"{name} {band} temporal spread", _median(db.std(axis=0, ddof=1)), "dB"),
                Measure(f"{name} {band} levelled spread", _median((db - moves).std(axis=0, ddof=1)), "dB"),
                Measure(f"{name} {band} looks", 1.0 / _median(variation), "ENL"),
            ]
    return tuple(found)


def optical_measures(sample: OpticalSample) -> tuple[Measure, ...]:
    """Cloud share, what the classification misses, and the spread of summer NDVI over closed forest.

    Missed cloud: share of looks called clear, outside the season of snow, that are more than 0.04 brighter in the blue
    than the pixel's median. Missed shadow: share of summer looks called clear with less than 0.6 of its summer near
    infrared. Both need no truth and count haze and thin shadow too.
    """
    clear = np.isin(sample.scl, CLEAR) & np.isfinite(sample.blue)
    blue, red, infrared = (np.where(clear, v, np.nan) for v in (sample.blue, sample.red, sample.near_infrared))
    free, summer = (_within(sample.day_of_year, days) for days in (_SNOW_FREE, _SUMMER))
    ndvi = (infrared - red) / (infrared + red)
    forest = np.nanmedian(ndvi[summer], axis=0) > _FOREST_NDVI
    # Fields and roofs differ from their own median for good reasons.
    bright = (blue[free] - np.nanmedian(blue[free], axis=0) > _BRIGHTER)[:, forest]
    dark = (infrared[summer] < _DARKER * np.nanmedian(infrared[summer], axis=0))[:, forest]
    steady = np.abs(ndvi[summer] - np.nanmedian(ndvi[summer], axis=0))[:, forest]
    cloudy = np.isin(sample.scl, (*_CLOUDS, SHADOW)).mean(axis=(1, 2))
    return (
        Measure("cloud and shadow share", float(cloudy.mean()), "share", comparable=False),
        Measure("cloud called clear", float(bright.sum() / max(1, clear[free][:, forest].sum())), "share"),
        Measure("shadow called clear", float(dark.sum() / max(1, clear[summer][:, forest].sum())), "share"),
        Measure("forest summer NDVI spread", 1.4826 * _median(np.nanmedian(steady, axis=0)), "NDVI"),
    )


def event_measures(world: World) -> tuple[Measure, ...]:
    """Earthworks per km2 and year of the days on which they may begin, confusers per km2 and year, sizes, volume."""
    span, events = world.span, world.spec.config.events
    begin = open_span(span, events) if world.spec.fills is None else span
    km2 = world.grid.height * world.grid.width * world.grid.pixel_m**2 / 1e6
    found = [
        Measure("earthworks", len(world.fills) / (km2 * max(begin.years, 1e-9)), "1/(km2 year)", False),
        Measure("confusers", len(world.confusers) / (km2 * max(span.years, 1e-9)), "1/(km2 year)", False),
    ]
    low = 0.0
    for high in SIZES_M2:
        count = sum(low < fill.area_m2 <= high for fill in world.fills)
        found.append(Measure(f"earthworks of {low:g} to {high:g} m2", float(count), "count", False))
        low = high
    kinds = Counter(event.kind for event in (*world.fills, *world.confusers))
    return (*found, *(Measure(f"events of kind {kind}", float(n), "count", False) for kind, n in sorted(kinds.items())))


def longest_gap_days(days: Sequence[date], clear: BoolArray) -> float:
    """Longest wait between two clear looks of a pixel, days, median over the pixels; `clear` is (time, y, x)."""
    ordinal = np.array([day.toordinal() for day in days])
    last = np.full(clear.shape[1:], ordinal[0])
    longest = np.zeros(clear.shape[1:], np.int64)
    for now, seen in zip(ordinal, clear, strict=True):
        longest = np.maximum(longest, now - last)
        last = np.where(seen, now, last)
    return float(np.median(np.maximum(longest, ordinal[-1] - last)))


@dataclass(frozen=True, slots=True)
class WorldSample:
    """Scenes of a world for the contract: radar averaged to 30 m, a window of optical looks, and the true sky there."""

    radar: RadarSample
    optical: OpticalSample
    days: tuple[date, ...]
    cloudy: BoolArray


def sample_world(world: World, side_px: int = 192) -> WorldSample:
    """Draw what the contract needs: the first track's winter looks as 3 x 3 means, and all optical looks of a window.

    The radar looks are of the months of the real stack, one platform, for that is how it was put together.
    """
    painter, listed = Painter.of(world), passes(world)
    first = world.spec.config.radar.tracks[0]
    winter = [
        p for p in listed
        if p.track == 0 and p.acquired_at.month in _RADAR_MONTHS and p.number % len(first.platforms) == 0
    ]  # fmt: skip
    radar = [painter.draw(p)[1].bands for p in winter]
    side = min(side_px, *world.grid.shape)
    row, col = ((size - side) // 2 for size in world.grid.shape)
    window = slice(row, row + side), slice(col, col + side)
    optical = [p for p in listed if p.track is None]
    bands = [{n: v[window] for n, v in painter.draw(p)[1].bands.items()} for p in optical]
    cloudy = np.stack([painter.sky(p.acquired_at).cloud[window] > THIN for p in optical])
    days = tuple(p.acquired_at.date() for p in optical)
    return WorldSample(
        RadarSample(*(averaged(np.stack([look[name] for look in radar]), 3) for name in ("VV", "VH"))),
        OpticalSample(
            np.array([day.timetuple().tm_yday for day in days]),
            *(np.stack([look[name] for look in bands]) for name in ("SCL", "B02", "B04", "B08")),
        ),
        days,
        cloudy,
    )


def truth_measures(sample: WorldSample) -> tuple[Measure, ...]:
    """What only a world with a known sky can say: true cloud share, share of cloud called clear, longest gap."""
    clear = np.isin(sample.optical.scl, CLEAR)
    free = ~sample.cloudy
    called = np.isin(sample.optical.scl, _CLOUDS)
    seen = clear & free
    years = sorted({day.year for day in sample.days})
    gaps = []
    for year in years:
        inside = [n for n, day in enumerate(sample.days) if day.year == year]
        gaps += [longest_gap_days([sample.days[n] for n in inside], seen[inside])]
    return (
        Measure("true cloud share", float(sample.cloudy.mean()), "share", False),
        Measure("cloudy pixels called clear", float((clear & sample.cloudy).sum() / max(1, sample.cloudy.sum())), "share", False),
        Measure("looks called clear that are cloudy", float((clear & sample.cloudy).sum() / max(1, clear.sum())), "share", False),
        Measure("clear ground called cloud", float((called & free).sum() / max(1, free.sum())), "share", False),
        *(Measure(f"longest gap of {year}", gap, "days", False) for year, gap in zip(years, gaps, strict=True)),
    )  # fmt: skip


def contract(world: World, sample: WorldSample, real: Mapping[str, float]) -> tuple[Row, ...]:
    """All figures of a world; `real` holds those of real imagery by name."""
    measures = (
        *event_measures(world), *truth_measures(sample), *optical_measures(sample.optical), *radar_measures(sample.radar),
    )  # fmt: skip
    return tuple(Row(measure, real.get(measure.name)) for measure in measures)


def table(rows: Sequence[Row], share: float = 0.25) -> list[str]:
    """The contract as lines of text: figure, world, real, ratio, and whether it lies within `share`."""
    lines = [f"{'figure':42} {'world':>9} {'real':>9} {'ratio':>6}  unit"]
    for row in rows:
        real = "" if row.real is None else f"{row.real:9.3f}"
        ratio = "" if row.ratio is None else f"{row.ratio:6.2f}"
        note = "" if row.within(share) else f"  off by more than {share:.0%}"
        note = note or (
            "  (other place: not held against it)" if row.real is not None and not row.world.comparable else ""
        )
        lines.append(f"{row.world.name:42} {row.world.value:9.3f} {real:>9} {ratio:>6}  {row.world.unit}{note}")
    return lines


def averaged(power: FloatArray, factor: int) -> FloatArray:
    """Means of `factor` x `factor` pixels, (time, y, x) float32; NaN where any of them is."""
    count, height, width = power.shape
    rows, cols = height // factor, width // factor
    blocks = power[:, : rows * factor, : cols * factor].reshape(count, rows, factor, cols, factor)
    return np.asarray(blocks.mean(axis=(2, 4)), np.float32)


def _within(day_of_year: NDArray[np.int64], days: tuple[int, int]) -> BoolArray:
    return np.asarray((day_of_year > days[0]) & (day_of_year < days[1]))


def _median(values: NDArray[np.floating]) -> float:
    return float(np.nanmedian(values))
