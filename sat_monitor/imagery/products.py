"""Products of a catalogue become acquisitions: tiles and slices of one pass are one scene, re-issues supersede.

One acquisition is one pass of one satellite over one AOI. Of each tile or slice the newest product counts; the older
ones are superseded, and stay named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shapely.geometry.base import BaseGeometry

from sat_monitor.core.domain import Issue, Sensor, Track
from sat_monitor.core.errors import SceneReject

#: Products of one pass begin within this of the one before.
_PASS = timedelta(minutes=10)
#: Share of the shorter slice that two slices must have in common to be the same piece of ground, in time and in area.
_SAME = 0.5


@dataclass(frozen=True, slots=True)
class Product:
    """One item of a catalogue.

    `orbit` is the relative orbit, `tile` the MGRS tile (empty for SAR slices); `baseline` and `made_at` (UTC, None
    where unknown) order the issues of one piece.
    """

    name: str
    sensor: Sensor
    platform: str
    orbit: int | None
    track: Track | None
    start: datetime
    end: datetime
    footprint: BaseGeometry
    tile: str = ""
    baseline: tuple[int, ...] = ()
    made_at: datetime | None = None

    @property
    def newness(self) -> tuple[tuple[int, ...], datetime]:
        """Later issues of the same piece compare greater."""
        return self.baseline, self.made_at or datetime.min.replace(tzinfo=self.start.tzinfo)


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One pass over an AOI: the products that count, earliest first, and the names of those that they supersede."""

    id: str
    products: tuple[Product, ...]
    superseded: tuple[str, ...]

    @property
    def start(self) -> datetime:
        """When the pass began to see the AOI."""
        return min(product.start for product in self.products)

    @property
    def end(self) -> datetime:
        """When it ended."""
        return max(product.end for product in self.products)

    @property
    def issue(self) -> Issue:
        """What orders this reading of the pass among later and earlier ones."""
        baseline, made_at = max(product.newness for product in self.products)
        known = any(product.made_at for product in self.products)
        names = tuple(sorted(product.name for product in self.products))
        return Issue(baseline, made_at if known else None, names)


def acquisitions(products: Iterable[Product], aoi_id: str) -> tuple[list[Acquisition], list[SceneReject]]:
    """The passes in `products`, by time, and those whose products cannot be told apart (E1205)."""
    passes: dict[tuple[str, int | None, Track | None], list[list[Product]]] = defaultdict(list)
    for product in sorted(products, key=lambda p: (p.start, p.name)):
        runs = passes[product.platform, product.orbit, product.track]
        if runs and product.start - runs[-1][-1].start <= _PASS:
            runs[-1].append(product)
        else:
            runs.append([product])
    found, rejected = [], []
    for run in sorted((run for runs in passes.values() for run in runs), key=lambda r: (r[0].start, r[0].name)):
        identity = _identity(run[0], aoi_id)
        try:
            found.append(_acquisition(identity, run))
        except SceneReject as reject:
            rejected.append(reject)
    return found, rejected


def _identity(first: Product, aoi_id: str) -> str:
    """The same whichever products of the pass are listed: satellite, day, orbit and AOI."""
    satellite = "S" + first.platform.removeprefix("sentinel-").upper()
    orbit = first.track.id if first.track else f"R{first.orbit:03d}" if first.orbit is not None else "R"
    return f"{satellite}_{first.start:%Y%m%d}_{orbit}_{aoi_id}"


def _acquisition(identity: str, run: Sequence[Product]) -> Acquisition:
    pieces: list[list[Product]] = []
    for product in run:
        piece = next((p for p in pieces if _same_piece(p[0], product)), None)
        if piece is None:
            pieces.append([product])
        else:
            piece.append(product)
    chosen = [_newest(identity, piece) for piece in pieces]
    names = {product.name for product in chosen}
    superseded = tuple(sorted(p.name for p in run if p.name not in names))
    return Acquisition(identity, tuple(sorted(chosen, key=lambda p: (p.start, p.name))), superseded)


def _same_piece(one: Product, other: Product) -> bool:
    """Whether two products show the same ground of the pass: one tile, or slices that overlap in time and in area."""
    if one.tile or other.tile:
        return one.tile == other.tile
    common_s = (min(one.end, other.end) - max(one.start, other.start)).total_seconds()
    shorter_s = min((p.end - p.start).total_seconds() for p in (one, other))
    if shorter_s > 0 and common_s < _SAME * shorter_s:
        return False
    smaller = min(one.footprint.area, other.footprint.area)
    return bool(one.footprint.intersection(other.footprint).area >= _SAME * smaller)


def _newest(identity: str, piece: Sequence[Product]) -> Product:
    newest = max(piece, key=lambda p: p.newness)
    rivals = [p.name for p in piece if p.newness == newest.newness]
    if len(rivals) > 1:
        what = f"{identity}: {' and '.join(sorted(rivals))} show the same ground and neither is newer"
        raise SceneReject("E1205", what, "nothing of this scene", identity)
    return newest
