"""Bad files end as numbered rejects: cut, empty, disguised, altered, of another place or without data."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sat_monitor.core.errors import SceneReject
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.folder import FolderSource
from sat_monitor.imagery.geotiff import crop, read_geotiff
from tests.imagery_world import GRID, aoi, offer, raster, write_tiff

BANDS = np.stack([raster().bands[name] for name in ("B04", "B08", "SCL")])
ALWAYS = (datetime(2014, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    return write_tiff(tmp_path / "x.tif", BANDS, compress="deflate", tiled=True, blockxsize=16, blockysize=16)


def reject(path: Path) -> str:
    with pytest.raises(SceneReject) as caught:
        crop(read_geotiff(path, names=("B04", "B08", "SCL")), GRID)
    return caught.value.code


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_file_cut_anywhere_is_truncated(tiff: Path, share: float) -> None:
    content = tiff.read_bytes()
    tiff.write_bytes(content[: max(300, int(len(content) * share))])
    assert reject(tiff) == "E1101"


@pytest.mark.parametrize(("content", "code"), [(b"", "E1103"), (b"II*\x00" * 24, "E1103"), (b"<html>" * 90, "E1104")])
def test_stubs_and_pages_are_told_apart(tiff: Path, content: bytes, code: str) -> None:
    tiff.write_bytes(content)
    assert reject(tiff) == code


def test_a_vrt_that_calls_itself_tif_opens_nothing(tiff: Path, tmp_path: Path) -> None:
    disguised = tmp_path / "v.tif"
    source = f'<VRTDataset rasterXSize="96" rasterYSize="80"><VRTRasterBand dataType="Float32" band="1">{" " * 300}'
    disguised.write_text(f"{source}<SimpleSource><SourceFilename>{tiff}</SourceFilename></SimpleSource>")
    assert reject(disguised) == "E1104"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"crs": "EPSG:32653"}, "E1201"),
        ({"crs": "EPSG:4326"}, "E1201"),
        ({"transform": replace(GRID, x0=GRID.x0 + 5.0).affine}, "E1202"),
        ({"transform": replace(GRID, pixel_m=20.0).affine}, "E1202"),
        ({"transform": GRID.affine @ GRID.affine.rotation(3.0)}, "E1202"),
        ({"transform": replace(GRID, x0=GRID.x0 + 90_000.0).affine}, "E1208"),
    ],
)
def test_another_place_or_grid_is_refused(tmp_path: Path, change: dict[str, object], code: str) -> None:
    assert reject(write_tiff(tmp_path / "x.tif", BANDS, **change)) == code


def test_missing_bands_are_refused(tmp_path: Path) -> None:
    assert reject(write_tiff(tmp_path / "x.tif", BANDS[:2])) == "E1203"


@pytest.mark.parametrize("nodata", [0.0, -9999.0, float("nan")])
def test_whatever_is_declared_as_no_data_becomes_nan(tmp_path: Path, nodata: float) -> None:
    values = BANDS.copy()
    values[:, :10] = nodata
    found = read_geotiff(write_tiff(tmp_path / "x.tif", values, nodata=nodata), names=("B04", "B08", "SCL"))
    assert all(np.isnan(band[:10]).all() and np.isfinite(band[10:]).all() for band in found.bands.values())


def catalogue(folder: Path) -> Path:
    archive = Archive(folder)
    archive.put_scene(offer(), raster())
    return folder / "w" / "scenes" / offer().id / f"{offer().id}.json"


def edit(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    item = json.loads(path.read_text())
    change(item)
    path.write_text(json.dumps(item))


def test_a_folder_hands_out_what_was_archived(tmp_path: Path) -> None:
    catalogue(tmp_path)
    source = FolderSource(tmp_path)
    [found] = source.listing(aoi(), *ALWAYS).offers
    assert (found.id, found.acquired_at, found.sensor) == (offer().id, offer().acquired_at, offer().sensor)
    assert source.fetch(found, aoi()).pixels_sha256 == raster().pixels_sha256


@pytest.mark.parametrize("href", ["../../../../../etc/passwd", "/etc/passwd", "https://example.org/x.tif", "file:///x"])
def test_an_asset_that_leaves_the_catalogue_is_refused(tmp_path: Path, href: str) -> None:
    edit(catalogue(tmp_path), lambda item: item["assets"]["data"].update(href=href))  # type: ignore[index]
    source = FolderSource(tmp_path)
    [found] = source.listing(aoi(), *ALWAYS).offers
    with pytest.raises(SceneReject, match="E1104"):
        source.fetch(found, aoi())


def test_a_promised_hash_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    image = catalogue(tmp_path).with_suffix(".tif")
    content = bytearray(image.read_bytes())
    content[-40] ^= 4
    image.write_bytes(content)
    source = FolderSource(tmp_path)
    with pytest.raises(SceneReject, match="E1102"):
        source.fetch(source.listing(aoi(), *ALWAYS).offers[0], aoi())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda item: item["properties"].pop("datetime"), "E1209"),
        (lambda item: item["properties"].update(datetime="1970-01-01T00:00:00Z"), "E1209"),
        (lambda item: item["properties"].update(datetime="2025-06-01T01:30:00"), "E1209"),
        (lambda item: item["properties"].update(constellation="spot", platform="spot-7"), "E1203"),
        (lambda item: item["properties"].update(constellation="sentinel-1", platform="sentinel-1a"), "E1206"),
    ],
)
def test_an_item_that_says_nonsense_is_named_and_the_others_are_listed(
    tmp_path: Path, change: Callable[[dict[str, object]], None], code: str
) -> None:
    Archive(tmp_path).put_scene(offer(1), raster(seed=1))
    edit(catalogue(tmp_path), change)
    listing = FolderSource(tmp_path).listing(aoi(), *ALWAYS)
    assert [row.code for row in listing.unreadable] == [code]
    assert [found.id for found in listing.offers] == [offer(1).id]


def test_broken_json_is_named(tmp_path: Path) -> None:
    catalogue(tmp_path).write_text("{")
    assert [row.code for row in FolderSource(tmp_path).listing(aoi(), *ALWAYS).unreadable] == ["E1104"]
