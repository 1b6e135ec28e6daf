"""Small-baseline inversion: a stack of pairs becomes the displacement of every day, its rates and their uncertainties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from sat_monitor.core.deformation import Motion, PairStack
from sat_monitor.core.domain import FloatArray
from sat_monitor.core.errors import DeformationError
from sat_monitor.deformation.corrections import MAX_MOVING, moving, without_atmosphere, without_terrain_error
from sat_monitor.deformation.kernel import information_of, invert_pixels
from sat_monitor.deformation.loops import repair_loops, restore_cycles
from sat_monitor.deformation.network import Index, Network
from sat_monitor.deformation.trend import line_weights, trend_of, velocity_of

#: Weight of the least-velocity solution beside the pairs: it decides only where they do not.
PRIOR = 1e-4
#: Side of a reference area (pixels), and pixels that are inverted at once: few enough that their arrays stay in cache.
REFERENCE_SIDE, CHUNK_PX = 5, 8192
#: Rounds of reweighting of the robust solution, and the misfit (m) under which pairs count alike.
_ROUNDS, _ALIKE_M = 5, 1e-3
#: Share of the pairs that a pixel must have in order to be measured.
MIN_PAIRS_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class InvertOptions:
    """Which steps are taken: weights by coherence, repair of loops, corrections, least absolute misfits (`robust`).

    Pixels whose temporal coherence is under `min_coherence` are not measured (0.7: Yunjun, Fattahi and Amelung 2019,
    doi:10.1016/j.cageo.2019.104331); 0 keeps all.
    `referenced` is False for pairs as they came; `reference` is the (row, col) centre of a stable area, chosen where None.
    """

    weighted: bool = True
    loops: bool = True
    corrections: bool = True
    robust: bool = False
    referenced: bool = True
    min_coherence: float = 0.7
    reference: tuple[int, int] | None = None


@dataclass(slots=True)
class _Solution:
    """What the kernel fills, all (..., y, x) float32; `closure` counts pairs repaired, masked, pixels left open.

    `misfit` has the temporal coherence below the rows of the kernel.
    """

    displacement: FloatArray
    variance: FloatArray
    misfit: FloatArray
    closure: NDArray[np.int64]

    @classmethod
    def blank(cls, days: int, shape: tuple[int, int]) -> _Solution:
        displacement, variance = np.empty((days, *shape), np.float32), np.empty((days, *shape), np.float32)
        return cls(displacement, variance, np.zeros((5, *shape), np.float32), np.zeros(3, np.int64))


def invert(stack: PairStack, options: InvertOptions = InvertOptions()) -> Motion:
    """Displacement of every day since the first (m, toward the satellite), pixel by pixel, and its rates.

    Each pair is referenced by its median over the pixels that all pairs have, or by the given area, before anything
    else (METHOD 19). Raises DeformationError E2208 where the reference area has no measurement.
    """
    network = Network.of(stack.pairs)
    remarks = _told(network)
    offsets = _offsets(stack, options)
    solved = _solve(stack, network, offsets, options)
    if options.loops:
        repaired, masked, left = (int(one) for one in solved.closure)
        remarks.append(f"loop closure: {repaired} unwrapping errors repaired, {masked} pairs of pixels masked, "
                       f"{left} pixels still open")  # fmt: skip
    solved.displacement[:, solved.misfit[4] < options.min_coherence] = np.nan
    plain, reference = solved.displacement, None
    displacement, told = _corrected(plain, stack, network) if options.corrections else (plain, ())
    remarks += told
    if options.referenced:
        reference = options.reference or stable_area(stack, displacement, solved.misfit[4])
        remarks.append(f"reference area of {REFERENCE_SIDE} pixels around row {reference[0]}, column {reference[1]}"
                       + (" as given" if options.reference else ", the most stable coherent ground"))  # fmt: skip
    touched = displacement is not plain
    displacement = displacement - _level(displacement, reference)
    trend = trend_of(displacement, network.years)
    uncorrected = velocity_of(plain - _level(plain, reference), network.years) if touched else trend.velocity
    if touched:
        remarks.append(_difference(trend.velocity - uncorrected))
    share = float(moving(trend.velocity, 0.0)[np.isfinite(trend.velocity)].mean()) if reference else 0.0
    if share > MAX_MOVING:
        remarks.append(f"{share:.0%} of the ground moves against the reference: where it is known to move itself, "
                       "give another")  # fmt: skip
    count = np.maximum(solved.misfit[1], 1.0)
    return Motion(
        frame=stack.frame,
        geometry=stack.geometry,
        days=network.days,
        displacement_m=displacement,
        std_m=np.sqrt(solved.variance * solved.misfit[2]),
        velocity_m_per_yr=trend.velocity,
        velocity_std_m_per_yr=np.hypot(trend.velocity_std, np.sqrt(solved.misfit[2] * solved.misfit[3])),
        acceleration_m_per_yr2=trend.acceleration,
        acceleration_std_m_per_yr2=trend.acceleration_std,
        seasonal_m=trend.seasonal_m,
        seasonal_std_m=trend.seasonal_std_m,
        temporal_coherence=solved.misfit[4],
        residual_m=np.where(solved.misfit[1] > 0, np.sqrt(solved.misfit[0] / count), np.nan).astype(np.float32),
        reference=reference,
        velocity_uncorrected_m_per_yr=uncorrected,
        remarks=tuple(remarks),
    )


def _corrected(displacement: FloatArray, stack: PairStack, network: Network) -> tuple[FloatArray, tuple[str, ...]]:
    """`displacement` itself where no correction applies, else what is left of it; and what was done, in words."""
    baselines = network.date_baselines([pair.perpendicular_m for pair in stack.pairs])
    terrain = without_terrain_error(displacement, network.years, baselines)
    air = without_atmosphere(terrain.displacement, network.years, stack.frame, stack.height_m)
    return air.displacement, (*terrain.remarks, *air.remarks)


def _difference(velocity: FloatArray) -> str:
    """What the corrections did to velocities (m/yr, y, x), in words."""
    size = np.abs(velocity[np.isfinite(velocity)]) * 1e3
    if size.size == 0:
        return "no velocity to compare with the one without corrections"
    rms, far = float(np.sqrt(np.mean(size**2))), float(np.quantile(size, 0.99))
    return f"against a velocity without corrections, which is kept beside it: {rms:.1f} mm/yr rms, 1 in 100 pixels over {far:.1f}"


def _level(displacement: FloatArray, reference: tuple[int, int] | None) -> FloatArray:
    """The displacement of the reference area (day, 1, 1); nothing where there is none."""
    if reference is None:
        return np.zeros((len(displacement), 1, 1), np.float32)
    return _area_mean(displacement, reference)


def stable_area(stack: PairStack, displacement: FloatArray, quality: FloatArray) -> tuple[int, int]:
    """(row, col) of the most stable coherent area: of the quarter with most coherence the one that moves least.

    Moving is judged by the scatter about the curve of the commonest velocity: bedrock moves alike, sinking ground does
    not. Which ground of a frame stands still no interferogram can say; whoever knows gives the reference.
    """
    level = quality if stack.coherence is None else mean_coherence(stack.coherence)
    known = np.isfinite(displacement).all(axis=0) & np.isfinite(level)
    whole = uniform_filter(known.astype(np.float32), REFERENCE_SIDE, mode="constant") > 0.99
    if not whole.any():
        raise DeformationError("E2208", f"no area of {REFERENCE_SIDE} pixels is measured throughout")
    last = np.where(known, displacement[-1], np.nan)
    alike = np.abs(last - commonest(last)) <= _ALIKE_M
    usual = displacement[:, alike].mean(axis=1)[:, None, None]
    unrest = np.sqrt(np.mean((displacement - usual) ** 2, axis=0))
    coherent = uniform_filter(np.where(known, level, 0.0), REFERENCE_SIDE)
    restless = uniform_filter(np.where(known, unrest, 0.0), REFERENCE_SIDE)
    good = whole & (coherent >= np.quantile(coherent[whole], 0.75))
    row, col = np.unravel_index(int(np.argmin(np.where(good, restless, np.inf))), restless.shape)
    return int(row), int(col)


def commonest(values: FloatArray) -> float:
    """Half-sample mode of the finite `values` (Bickel and Fruehwirth 2006, doi:10.1016/j.csda.2005.07.011)."""
    part = np.sort(values[np.isfinite(values)])
    while len(part) > 2:
        half = (len(part) + 1) // 2
        start = int(np.argmin(part[half - 1 :] - part[: len(part) - half + 1]))
        part = part[start : start + half]
    return float(part.mean())


def mean_coherence(coherence: FloatArray) -> FloatArray:
    """Mean of (pair, y, x) over the pairs that have one, NaN where none has."""
    seen = np.isfinite(coherence).sum(axis=0)
    total = np.nansum(coherence, axis=0)
    return np.where(seen > 0, total / np.maximum(seen, 1), np.nan).astype(np.float32)


def _told(network: Network) -> list[str]:
    remarks = [
        f"network of {len(network.first)} pairs, {len(network.days)} days, rank {network.rank} of {len(network.days) - 1}"
    ]
    if len(network.parts) > 1:
        parts = ", ".join(f"{part[0]} to {part[-1]}" for part in network.parts)
        remarks.append(
            f"network falls into {len(network.parts)} parts ({parts}): between them the least velocity is assumed"
        )
    return remarks


def _offsets(stack: PairStack, options: InvertOptions) -> NDArray[np.float32]:
    """What is taken from each pair: its median over the reference area or over the pixels that all pairs have."""
    count = len(stack.pairs)
    if not options.referenced:
        return np.zeros(count, np.float32)
    if options.reference is not None:
        near = stack.displacement_m[:, *_area(options.reference, stack.frame.shape)].reshape(count, -1)
        if not np.isfinite(near).any(axis=1).all():
            raise DeformationError(
                "E2208", f"row {options.reference[0]}, column {options.reference[1]}: not in all pairs"
            )
        return np.nanmedian(near, axis=1).astype(np.float32)
    common = np.isfinite(stack.displacement_m).all(axis=0)
    if common.sum() < REFERENCE_SIDE**2:
        return np.array([np.nanmedian(pair) for pair in stack.displacement_m], np.float32)
    return np.array([np.median(pair[common]) for pair in stack.displacement_m], np.float32)


def _area(centre: tuple[int, int], shape: tuple[int, int]) -> tuple[slice, slice]:
    half = REFERENCE_SIDE // 2
    (row, col), (height, width) = centre, shape
    if not (0 <= row < height and 0 <= col < width):
        raise DeformationError("E2208", f"row {row}, column {col} lies outside of {height} x {width} pixels")
    return slice(max(0, row - half), row + half + 1), slice(max(0, col - half), col + half + 1)


def _area_mean(displacement: FloatArray, centre: tuple[int, int]) -> FloatArray:
    near = displacement[:, *_area(centre, (displacement.shape[1], displacement.shape[2]))]
    if not np.isfinite(near).any():
        raise DeformationError("E2208", f"row {centre[0]}, column {centre[1]}")
    mean: FloatArray = np.nanmean(near, axis=(1, 2)).astype(np.float32)
    return mean[:, None, None]


def _chunks(shape: tuple[int, int]) -> Iterator[slice]:
    height, rows = shape[0], max(1, CHUNK_PX // shape[1])
    return (slice(row, min(height, row + rows)) for row in range(0, height, rows))


def _solve(stack: PairStack, network: Network, offsets: NDArray[np.float32], options: InvertOptions) -> _Solution:
    """Chunks of rows through loops, kernel and quality: memory besides the stack is that of a chunk and the result."""
    solved = _Solution.blank(len(network.days), stack.frame.shape)
    triangles = network.triangles
    cycle = stack.geometry.wavelength_m / 2.0
    for rows in _chunks(stack.frame.shape):
        pairs = np.ascontiguousarray(stack.displacement_m[:, rows]).reshape(len(offsets), -1) - offsets[:, None]
        given = pairs.copy() if options.loops else pairs
        if options.loops and len(triangles):
            solved.closure += repair_loops(pairs, triangles, cycle)
        information = np.empty((len(offsets), 0), np.float32)
        if options.weighted and stack.coherence is not None:
            information = information_of(np.ascontiguousarray(stack.coherence[:, rows]).reshape(len(offsets), -1))
        part = invert_block(pairs, information, network, options.robust)
        restored = restore_cycles(pairs, given, _predicted(part.displacement, network.first, network.second), cycle)
        if restored:
            solved.closure += np.array([restored, -restored, 0])
            part = invert_block(pairs, information, network, options.robust)
        shape = (rows.stop - rows.start, stack.frame.width)
        solved.displacement[:, rows] = part.displacement.reshape(-1, *shape)
        solved.variance[:, rows] = part.variance.reshape(-1, *shape)
        solved.misfit[:4, rows] = part.misfit.reshape(-1, *shape)
        solved.misfit[4, rows] = _temporal_coherence(pairs, part.displacement, network, cycle).reshape(shape)
    return solved


def invert_block(
    pairs: FloatArray, information: FloatArray, network: Network, robust: bool = False, variances: bool = True
) -> _Solution:
    """The solution of (pair, px) displacements; NaN where a pixel has too few pairs. Weights (pair, px) or (pair, 0).

    Without `variances` those of the single days, a third of the work, are left out.
    """
    count, pixels = pairs.shape
    gaps = np.diff(network.years)
    step = gaps / np.median(gaps)
    slope = np.ascontiguousarray(line_weights(network.years)[1:])
    part = _Solution(
        np.empty((len(network.days), pixels), np.float32),
        np.empty((len(network.days) if variances else 0, pixels), np.float32),
        np.empty((4, pixels), np.float32), np.zeros(3, np.int64),
    )  # fmt: skip

    def run(weights: FloatArray) -> None:
        invert_pixels(
            pairs, weights, network.first, network.second, step, network.bandwidth, PRIOR, slope,
            part.displacement, part.variance, part.misfit,
        )  # fmt: skip

    run(information)
    for _ in range(_ROUNDS if robust else 0):
        gap = np.abs(pairs - _predicted(part.displacement, network.first, network.second))
        weights = (1.0 / np.maximum(gap, _ALIKE_M)).astype(np.float32)
        run(weights * information if information.shape[1] else weights)
    part.displacement[:, part.misfit[1] < max(1.0, MIN_PAIRS_SHARE * count)] = np.nan
    return part


def _predicted(displacement: FloatArray, first: Index, second: Index) -> FloatArray:
    return displacement[second] - displacement[first]


def _temporal_coherence(pairs: FloatArray, displacement: FloatArray, network: Network, cycle_m: float) -> FloatArray:
    """|mean exp(i residual phase)| over the pairs (Pepe and Lanari 2006, doi:10.1109/TGRS.2006.873207), (px)."""
    total = np.zeros(pairs.shape[1], np.complex64)
    count = np.zeros(pairs.shape[1], np.float32)
    for pair, i, j in zip(pairs, network.first, network.second, strict=True):
        phase = (pair - (displacement[j] - displacement[i])) * np.float32(2.0 * np.pi / cycle_m)
        seen = np.isfinite(phase)
        total += np.where(seen, np.exp(1j * np.where(seen, phase, 0.0)), 0.0).astype(np.complex64)
        count += seen
    return np.where(count > 0, np.abs(total) / np.maximum(count, 1.0), np.nan).astype(np.float32)
