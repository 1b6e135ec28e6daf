"""Photos from the field: what kind of file it is and what the camera wrote into it. The bytes themselves are never changed.

Read are, of EXIF 2.32: DateTimeOriginal and OffsetTimeOriginal, GPS longitude, latitude and image direction, Make and
Model, and width and height of the picture. Nothing else: names of owners and serial numbers stay in the original.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from sat_monitor.core.errors import CaseError
from sat_monitor.tickets.text import clean

#: Largest photo, bytes: several times what a telephone makes.
MAX_BYTES = 100_000_000
#: First bytes of each kind of file, and where they stand.
_MAGIC: tuple[tuple[str, int, tuple[bytes, ...]], ...] = (
    ("JPEG", 0, (b"\xff\xd8\xff",)),
    ("PNG", 0, (b"\x89PNG\r\n\x1a\n",)),
    ("TIFF", 0, (b"II*\0", b"MM\0*")),
    ("HEIC", 4, (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc", b"ftypmsf1")),
)
_STAMP = re.compile(r"(\d{4}):(\d{2}):(\d{2}) (\d{2}:\d{2}:\d{2})")
_ZONE = re.compile(r"[+-]\d{2}:\d{2}")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo: hash of its bytes, kind of file, and what its camera said, None where it did not.

    `taken_at` is ISO text, with its zone only where the camera gave one; `lon` and `lat` in degrees (WGS 84);
    `direction_deg` from north is where the camera looked.
    """

    sha256: str
    size_bytes: int
    name: str
    format: str
    width: int | None = None
    height: int | None = None
    taken_at: str | None = None
    lon: float | None = None
    lat: float | None = None
    direction_deg: float | None = None
    camera: str | None = None


def read_photo(content: bytes, name: str) -> Photo:
    """The photo in `content`; `name` is how the file was called.

    Facts that cannot be read are None: HEIC is kept without any. Raises CaseError E1813 where it is no photo or too large.
    """
    if len(content) > MAX_BYTES:
        raise CaseError("E1813", f"{clean(name)} has {len(content):,} bytes; at most {MAX_BYTES:,}")
    kind = next((k for k, at, starts in _MAGIC if any(content[at:].startswith(s) for s in starts)), None)
    if kind is None:
        raise CaseError("E1813", f"{clean(name)} begins like none of {', '.join(k for k, _, _ in _MAGIC)}")
    sha256 = hashlib.sha256(content).hexdigest()
    return Photo(sha256, len(content), clean(name, 120), kind, **({} if kind == "HEIC" else _facts(content, kind)))


def photo_to_plain(photo: Photo) -> dict[str, Any]:
    """A photo as plain JSON data."""
    return asdict(photo)


def photo_from_plain(plain: Mapping[str, Any]) -> Photo:
    """The inverse of `photo_to_plain`."""
    return Photo(**plain)


def _facts(content: bytes, kind: str) -> dict[str, Any]:
    """What the header says; a damaged one says nothing, for the original is kept whatever it says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=[kind]) as picture:
                exif = picture.getexif()
                shot, gps = exif.get_ifd(IFD.Exif), exif.get_ifd(IFD.GPSInfo)
                size = {"width": picture.width, "height": picture.height}
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, Image.DecompressionBombError):
        return {}
    return {
        **size,
        "taken_at": _moment(shot.get(Base.DateTimeOriginal), shot.get(Base.OffsetTimeOriginal)),
        **_position(gps),
        "direction_deg": _within(gps.get(GPS.GPSImgDirection), 0.0, 360.0),
        "camera": clean(f"{exif.get(Base.Make, '')} {exif.get(Base.Model, '')}", 80) or None,
    }


def _moment(stamp: object, zone: object) -> str | None:
    match = _STAMP.fullmatch(str(stamp).strip("\0 "))
    if match is None:
        return None
    offset = str(zone).strip("\0 ")
    text = f"{match[1]}-{match[2]}-{match[3]}T{match[4]}{offset if _ZONE.fullmatch(offset) else ''}"
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _position(gps: Mapping[int, Any]) -> dict[str, float | None]:
    lon = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "W", 180.0)
    lat = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "S", 90.0)
    return {"lon": lon, "lat": lat} if lon is not None and lat is not None else {}


def _degrees(value: Any, side: object, negative: str, most: float) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sign = -1.0 if str(side).strip("\0 ").upper() == negative else 1.0
    return _within(sign * (degrees + minutes / 60.0 + seconds / 3600.0), -most, most, 7)


def _within(value: Any, low: float, high: float, digits: int = 1) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return round(number, digits) if math.isfinite(number) and low <= number <= high else None
