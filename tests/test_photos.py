"""Photos: kept byte for byte, what the camera wrote is read, and what is no photo is refused."""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from sat_monitor.audit import verify
from sat_monitor.core.casework import CaseStep
from sat_monitor.core.errors import CaseError, UsageError
from sat_monitor.core.grid import Grid
from sat_monitor.core.home import Home
from sat_monitor.store.blobs import blob_path, put_blob, read_blob, remove_blob
from sat_monitor.tickets.case_files import photo_row
from sat_monitor.tickets.photos import MAX_BYTES, read_photo
from tests.case_world import HAND, desk, walked
from tests.ticket_world import HOSTILE

LON, LAT = (139, 14, 8.4), (35, 40, 30.0)


def jpeg(zone: str | None = "+09:00", lon_ref: str = "E", camera: str = "Phone 9") -> bytes:
    """A small photo with what a telephone writes, and an owner's name that must not be read."""
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model], exif[Base.Artist] = "Maker", camera, "Owner Name"
    shot = exif.get_ifd(IFD.Exif)
    shot[Base.DateTimeOriginal] = "2025:07:10 10:11:12"
    if zone is not None:
        shot[Base.OffsetTimeOriginal] = zone
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSLongitudeRef], gps[GPS.GPSLongitude] = lon_ref, tuple(IFDRational(v) for v in LON)
    gps[GPS.GPSLatitudeRef], gps[GPS.GPSLatitude] = "N", tuple(IFDRational(v) for v in LAT)
    gps[GPS.GPSImgDirection] = IFDRational(271.5)
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_what_the_camera_wrote_is_read_and_nothing_about_its_owner() -> None:
    content = jpeg()
    photo = read_photo(content, "IMG_1.JPG")
    assert (photo.format, photo.width, photo.height, photo.size_bytes) == ("JPEG", 40, 30, len(content))
    assert photo.taken_at == "2025-07-10T10:11:12+09:00"
    assert photo.lon == pytest.approx(139.2356667, abs=1e-6) and photo.lat == pytest.approx(35.675, abs=1e-6)
    assert (photo.direction_deg, photo.camera) == (271.5, "Maker Phone 9")
    assert "Owner" not in repr(photo)


def test_a_time_without_zone_stays_without_and_the_west_is_negative() -> None:
    photo = read_photo(jpeg(zone=None, lon_ref="W"), "x.jpg")
    assert photo.taken_at == "2025-07-10T10:11:12"
    assert photo.lon is not None and photo.lon < 0


@pytest.mark.parametrize("cut", [3, 20, 60, 200])
def test_a_damaged_header_says_nothing_but_the_photo_is_kept(cut: int) -> None:
    photo = read_photo(jpeg()[:cut], "x.jpg")
    assert photo.sha256 == hashlib.sha256(jpeg()[:cut]).hexdigest() and photo.lon is None


def test_heic_is_kept_without_facts() -> None:
    photo = read_photo(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "IMG.HEIC")
    assert (photo.format, photo.taken_at, photo.width) == ("HEIC", None, None)


@pytest.mark.parametrize("content", [b"", b"<html>", b"%PDF-1.7", b"MZ\x90\x00", b"GIF89a", b"\x00" * 64])
def test_what_is_no_photo_is_refused(content: bytes) -> None:
    with pytest.raises(CaseError, match="E1813"):
        read_photo(content, HOSTILE)


def test_a_photo_too_large_is_refused() -> None:
    with pytest.raises(CaseError, match="E1813"):
        read_photo(b"\xff\xd8\xff" + bytes(MAX_BYTES), "x.jpg")


def test_a_photo_belongs_to_its_case_and_comes_back_byte_for_byte(tmp_path: Path) -> None:
    home = Home(tmp_path)
    original = tmp_path / "IMG_1.JPG"
    original.write_bytes(jpeg(camera=HOSTILE.encode(errors="replace").decode("ascii", "replace")))
    with desk(home.database) as at:
        walked(at, "ticket-1", CaseStep.ASSIGN)
        case, photo = at.add_photo("ticket-1", original, home.blobs, HAND)
        assert at.photos(case) == [photo] and len(case.photos) == 1
        again, same = at.add_photo("ticket-1", original, home.blobs, HAND)
        assert same.sha256 == photo.sha256 and len(again.photos) == 2
    assert read_blob(home.blobs, photo.sha256) == original.read_bytes()
    assert [p for p in home.blobs.rglob("*") if p.is_file()] == [blob_path(home.blobs, photo.sha256)]
    assert photo.sha256 not in case.photos and verify(home).ok
    assert "\x00" not in str(photo.camera) and "\r" not in str(photo.camera)


def test_the_distance_of_a_photo_from_its_place_is_told(tmp_path: Path) -> None:
    with desk(tmp_path / "db") as at:
        case = walked(at, "ticket-1", CaseStep.ISSUE)
    x, y = Grid(32654, 0.0, 0.0, 10.0, 1, 1).from_lonlat(139.2356667, 35.675)
    expected = math.hypot(x - 340_100.1, y - 3_949_500.7) - 33.3
    away = photo_row(case, read_photo(jpeg(), "x.jpg"))["distance from the outline, m"]
    assert expected > 100 and away == pytest.approx(expected, abs=1.5)
    assert photo_row(case, read_photo(jpeg()[:20], "x.jpg"))["distance from the outline, m"] is None


def test_a_case_that_takes_no_photo_keeps_none_and_a_missing_file_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "x.jpg").write_bytes(jpeg())
    with desk(home.database) as at:
        with pytest.raises(CaseError, match="E1810"):
            at.add_photo("ticket-1", tmp_path / "x.jpg", home.blobs, HAND)
        assert at.find("ticket-1") is None
        with pytest.raises(UsageError, match="E2002"):
            at.add_photo("ticket-1", tmp_path / "y.jpg", home.blobs, HAND)


def test_a_kept_file_that_is_gone_or_changed_is_told_and_mended_by_keeping_it_again(tmp_path: Path) -> None:
    sha256 = put_blob(tmp_path, b"abc")
    blob_path(tmp_path, sha256).write_bytes(b"abd")
    with pytest.raises(CaseError, match="E1814"):
        read_blob(tmp_path, sha256)
    assert put_blob(tmp_path, b"abc") == sha256 and read_blob(tmp_path, sha256) == b"abc"
    assert remove_blob(tmp_path, sha256) and not remove_blob(tmp_path, sha256)
    with pytest.raises(CaseError, match="E1814"):
        read_blob(tmp_path, sha256)
