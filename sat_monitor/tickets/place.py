"""Where a site lies, as an office in Japan names it: lon/lat, plane rectangular coordinates, mesh code, municipality."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sat_monitor.core.grid import transformer
from sat_monitor.core.resources import resource_folder

#: Boxes (west, south, east, north; degrees) that together hold the land of Japan; display only, so coarse is enough.
_JAPAN_BOXES = (
    (122.9, 24.0, 131.5, 31.0),  # Nansei and Daito
    (128.5, 31.0, 132.0, 34.75),  # Kyushu, Tsushima
    (130.8, 32.5, 136.0, 36.6),  # western Honshu, Shikoku, Oki
    (135.0, 33.0, 142.5, 41.6),  # Honshu
    (139.2, 41.3, 149.0, 45.7),  # Hokkaido
    (136.0, 20.3, 143.0, 34.9),  # Izu, Ogasawara, Okinotorishima
    (153.9, 24.2, 154.1, 24.4),  # Minamitorishima
)
#: The prefectures of zone IX, as a box: Tokyo north of 28 N and its neighbours.
_ZONE_IX_BOX = (138.4, 28.0, 141.2, 38.0)
#: Half meshes (15 seconds of latitude by 22.5 of longitude) per degree: every mesh code is integer work on these.
_HALF_PER_DEGREE_LAT = 240
_HALF_PER_DEGREE_LON = 160
_KM_PER_DEGREE = 111.2


@dataclass(frozen=True, slots=True)
class PlaneCoordinates:
    """Plane rectangular coordinates (平面直角座標系, JGD2011): X is NORTHING, Y is EASTING, metres; display only."""

    zone: str
    epsg: int
    northing_m: float
    easting_m: float


@dataclass(frozen=True, slots=True)
class Municipality:
    """One row of the municipality table; the box is (west, south, east, north) in degrees."""

    code: str
    name_ja: str
    name_en: str
    region: str
    lon: float
    lat: float
    box: tuple[float, float, float, float]

    def holds(self, lon: float, lat: float) -> bool:
        """Whether a position lies in the bounding box: necessary, not sufficient, for lying in the municipality."""
        west, south, east, north = self.box
        return west <= lon <= east and south <= lat <= north

    def distance_km(self, lon: float, lat: float) -> float:
        """Distance (km) from the municipality's centre, good to a per cent over its size."""
        dx = (lon - self.lon) * math.cos(math.radians(lat))
        return _KM_PER_DEGREE * math.hypot(dx, lat - self.lat)


@dataclass(frozen=True, slots=True)
class Place:
    """A position and its Japanese addresses; `plane`, `mesh` and `half_mesh` are None outside Japan.

    `municipalities` are all whose bounding box holds the position, nearest centre first: empty = not covered,
    several = the border must be checked.
    """

    lon: float
    lat: float
    plane: PlaneCoordinates | None
    mesh: str | None
    half_mesh: str | None
    municipalities: tuple[Municipality, ...]


def in_japan(lon: float, lat: float) -> bool:
    """Whether a position lies in the coarse boxes around Japan (not a statement about borders)."""
    return any(_inside(box, lon, lat) for box in _JAPAN_BOXES)


def _inside(box: tuple[float, float, float, float], lon: float, lat: float) -> bool:
    west, south, east, north = box
    return west <= lon <= east and south <= lat <= north


def plane_zone(lon: float, lat: float) -> tuple[str, int] | None:
    """(zone, EPSG) of the plane rectangular system, or None where this service does not know it.

    Tokyo south of 28 N is cut by longitude (140.5 and 143 E) into zones XVIII, XIV and XIX; Tokyo north of it and its
    neighbours are zone IX (Ministry of Land notice 平成14年国土交通省告示第9号).
    """
    if not in_japan(lon, lat):
        return None
    if _inside(_ZONE_IX_BOX, lon, lat):
        return "IX", 6677
    if lat < 28.0 and lon > 135.0:
        return ("XVIII", 6686) if lon <= 140.5 else ("XIV", 6682) if lon < 143.0 else ("XIX", 6687)
    return None


def plane_coordinates(lon: float, lat: float) -> PlaneCoordinates | None:
    """Northing and easting (m) of a lon/lat position, or None outside the known zones."""
    zone = plane_zone(lon, lat)
    if zone is None:
        return None
    name, epsg = zone
    easting, northing = transformer(4326, epsg).transform(lon, lat)
    return PlaneCoordinates(name, epsg, float(northing), float(easting))


def _mesh_digits(lon: float, lat: float) -> tuple[str, str]:
    # 1e-9 of a half mesh (micrometres) keeps a corner written in decimals on its own side.
    north = math.floor(lat * _HALF_PER_DEGREE_LAT + 1e-9)
    east = math.floor((lon - 100.0) * _HALF_PER_DEGREE_LON + 1e-9)
    (row3, half_row), (col3, half_col) = divmod(north, 2), divmod(east, 2)
    (row2, digit_r), (col2, digit_w) = divmod(row3, 10), divmod(col3, 10)
    (row1, digit_q), (col1, digit_v) = divmod(row2, 8), divmod(col2, 8)
    third = f"{row1:02d}{col1:02d}{digit_q}{digit_v}{digit_r}{digit_w}"
    return third, f"{third}{half_row * 2 + half_col + 1}"


def mesh_code(lon: float, lat: float) -> str | None:
    """JIS X 0410 third-level mesh code (about 1 km, 8 digits) of a lon/lat position; None outside Japan."""
    return _mesh_digits(lon, lat)[0] if in_japan(lon, lat) else None


def mesh_bounds(code: str) -> tuple[float, float, float, float]:
    """West, south, east, north (degrees) of a third-level mesh of 8 digits; ValueError for another code."""
    if len(code) != 8 or not code.isdecimal():
        raise ValueError(f"{code!r} is not a third-level mesh code of 8 digits")
    row1, col1, (row2, col2, row3, col3) = int(code[:2]), int(code[2:4]), map(int, code[4:])
    north, east = (row1 * 8 + row2) * 10 + row3, (col1 * 8 + col2) * 10 + col3
    rows, columns = _HALF_PER_DEGREE_LAT / 2, _HALF_PER_DEGREE_LON / 2
    return 100.0 + east / columns, north / rows, 100.0 + (east + 1) / columns, (north + 1) / rows


def half_mesh_code(lon: float, lat: float) -> str | None:
    """JIS X 0410 half mesh (2分の1地域メッシュ, about 500 m, 9 digits) of a lon/lat position; None outside Japan."""
    return _mesh_digits(lon, lat)[1] if in_japan(lon, lat) else None


def read_municipalities(path: Path) -> tuple[Municipality, ...]:
    """The municipality table (CSV with the columns of aoi/municipalities.csv), in file order."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return tuple(_row(row) for row in csv.DictReader(file))


def _row(row: dict[str, str]) -> Municipality:
    west, south, east, north = (float(row[key]) for key in ("west", "south", "east", "north"))
    return Municipality(
        row["code"],
        row["name_ja"],
        row["name_en"],
        row["region"],
        float(row["lon"]),
        float(row["lat"]),
        (west, south, east, north),
    )


@lru_cache(maxsize=1)
def municipalities() -> tuple[Municipality, ...]:
    """The table that ships with the project (folder `aoi`)."""
    return read_municipalities(resource_folder("aoi") / "municipalities.csv")


def locate(lon: float, lat: float, table: tuple[Municipality, ...] | None = None) -> Place:
    """The Place of a lon/lat position (degrees, WGS 84 / JGD2011); `table` defaults to the shipped one.

    Raises ValueError where lon or lat is not a position on Earth.
    """
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        raise ValueError(f"lon {lon}, lat {lat} is not within -180..180, -90..90")
    rows = municipalities() if table is None else table
    holding = sorted((m for m in rows if m.holds(lon, lat)), key=lambda m: (m.distance_km(lon, lat), m.code))
    return Place(lon, lat, plane_coordinates(lon, lat), mesh_code(lon, lat), half_mesh_code(lon, lat), tuple(holding))


def geo_uri(lon: float, lat: float) -> str:
    """The place as a URI that map apps open (RFC 5870); six decimals are a tenth of a metre."""
    return f"geo:{lat:.6f},{lon:.6f}"


def geo_code(lon: float, lat: float) -> bytes:
    """The place as a QR code, SVG: a phone without signal reads it from paper."""
    import segno

    drawing = io.BytesIO()
    segno.make(geo_uri(lon, lat), error="m", micro=False).save(drawing, kind="svg", border=2, xmldecl=False)
    return drawing.getvalue()
