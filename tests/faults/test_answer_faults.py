"""Scenes that are wrong (faults A1 to A12) as a service hands them out: a number, and no wrong pixel."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.io import MemoryFile

from sat_monitor.core.domain import Sensor
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.source import Offer
from sat_monitor.standin import faults
from sat_monitor.standin.holdings import Holdings
from sat_monitor.standin.hub import tar_bytes, tiff_bytes
from sat_monitor.standin.server import Rule
from tests.imagery_world import GRID
from tests.service_world import BUDGET, PROCESS, World, aoi, outcome

Change = Callable[[bytes], bytes]


def of_sensor(hub: World, sensor: Sensor) -> Offer:
    return next(o for o in hub.offers() if o.sensor is sensor)


def parts(body: bytes) -> tuple[bytes, bytes]:
    """Image and metadata of an answer."""
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        names = ("default.tif", "userdata.json")
        image, metadata = (tar.extractfile(name) for name in names)
        assert image is not None and metadata is not None
        return image.read(), metadata.read()


def inside(change: Change) -> Change:
    """Change the image of an answer and pack it again as if nothing had happened."""

    def changed(body: bytes) -> bytes:
        import json

        image, metadata = parts(body)
        return tar_bytes(change(image), json.loads(metadata))

    return changed


def rewritten(**changes: Any) -> Change:
    """The image with other CRS, transform, type or bands (`pick`), same pixels otherwise."""

    def change(image: bytes) -> bytes:
        with MemoryFile(image) as memory, memory.open() as file:
            values, profile = file.read(), file.profile
        pick = changes.get("pick")
        values = values if pick is None else values[list(pick)]
        wanted = {k: v for k, v in changes.items() if k != "pick"}
        profile.update(count=values.shape[0], height=values.shape[1], width=values.shape[2], **wanted)
        with MemoryFile() as memory:
            with memory.open(**profile) as file:
                file.write(values.astype(profile["dtype"]))
            return bytes(memory.read())

    return change


def grid_moved(east_px: float, south_px: float) -> Change:
    moved = replace(GRID, x0=GRID.x0 + 10.0 * east_px, y0=GRID.y0 - 10.0 * south_px)
    return rewritten(transform=moved.affine)


VRT = b'<VRTDataset rasterXSize="80" rasterYSize="96"><VRTRasterBand dataType="UInt16"/></VRTDataset>' + b" " * 300
IMAGES: dict[str, tuple[Change, set[str]]] = {
    "A1 cut": (lambda b: b[: len(b) // 2], {"E1101", "E1105"}),
    "A1 cut by little": (lambda b: b[:-50], {"E1101", "E1105"}),
    "A2 tail of zeros": (
        lambda b: b[: len(b) // 2] + bytes(len(b) - len(b) // 2),
        {"E1101", "E1105", "E1104", "E1203"},
    ),
    "A3 bits flipped": (lambda b: b[:3000] + bytes(v ^ 255 for v in b[3000:3010]) + b[3010:], {"E1105"}),
    "A4 empty": (lambda b: b"", {"E1103"}),
    "A4 stub": (lambda b: b[:96], {"E1103"}),
    "A5 page inside": (lambda b: b"<!DOCTYPE html><html>busy</html>" * 20, {"E1104"}),
    "A5 VRT named .tif": (lambda b: VRT, {"E1104"}),
    "A6 header only, noise behind": (
        lambda b: b[:400] + np.random.default_rng(1).bytes(4000),
        {"E1101", "E1104", "E1105", "E1203"},
    ),
    "A7 geographic CRS": (rewritten(crs="EPSG:4326"), {"E1201"}),
    "A7 neighbour zone": (rewritten(crs="EPSG:32653"), {"E1201", "E1207"}),
    "A7 plane rectangular": (rewritten(crs="EPSG:6677"), {"E1201", "E1207"}),
    "A8 one pixel east": (grid_moved(1, 0), {"E1202", "E1207"}),
    "A8 one pixel north": (grid_moved(0, -1), {"E1202", "E1207"}),
    "A8 half a pixel": (grid_moved(0.5, 0.5), {"E1202", "E1207"}),
    "A8 upside down": (rewritten(transform=GRID.affine @ GRID.affine.scale(1, -1)), {"E1202", "E1207"}),
    "A11 a band missing": (rewritten(pick=range(8)), {"E1203"}),
    "A11 a band too many": (rewritten(pick=[*range(9), 0]), {"E1203"}),
    "A11 another type": (rewritten(dtype="float32"), {"E1203"}),
    "A11 signed": (rewritten(dtype="int16"), {"E1203"}),
    "A11 classes out of order": (rewritten(pick=[6, 1, 2, 3, 4, 5, 0, 7, 8]), {"E1105", "E1206"}),
    "A9 no data declared": (rewritten(nodata=500), {"E1203"}),
}


@pytest.mark.parametrize("name", IMAGES)
def test_a_wrong_image_is_refused_and_asked_for_again(hub: World, name: str) -> None:
    change, codes = IMAGES[name]
    wanted = of_sensor(hub, Sensor.S2)
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(change)), 99))
    assert outcome(hub.source(), wanted) in codes
    assert 1 <= hub.processed() <= BUDGET.content_tries


@pytest.mark.parametrize("name", ["A1 cut", "A2 tail of zeros", "A4 stub", "A5 page inside"])
def test_a_damaged_answer_that_comes_well_the_next_time_is_used(hub: World, name: str) -> None:
    wanted = of_sensor(hub, Sensor.S2)
    whole = hub.source().fetch(wanted, aoi()).pixels_sha256
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(IMAGES[name][0])), 2))
    assert hub.source().fetch(wanted, aoi()).pixels_sha256 == whole


def extra_member(body: bytes) -> bytes:
    image, metadata = parts(body)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in (("default.tif", image), ("userdata.json", metadata), ("../../escape", b"x")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def linked(body: bytes) -> bytes:
    _, metadata = parts(body)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        link = tarfile.TarInfo("default.tif")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        member = tarfile.TarInfo("userdata.json")
        member.size = len(metadata)
        tar.addfile(member, io.BytesIO(metadata))
    return buffer.getvalue()


ANSWERS: dict[str, tuple[Change, str]] = {
    "no archive": (lambda b: parts(b)[0], "E1104"),
    "nothing": (lambda b: b"", "E1104"),
    "noise": (lambda b: np.random.default_rng(2).bytes(5000), "E1104"),
    "a file that leads out": (extra_member, "E1104"),
    "a link": (linked, "E1104"),
    "no proof": (lambda b: tar_bytes(parts(b)[0], {}), "E1207"),
    "proof of another type": (lambda b: tar_bytes(parts(b)[0], {"request": 7}), "E1207"),
    "metadata that is no object": (lambda b: tar_bytes(parts(b)[0], ["x"]), "E1104"),  # type: ignore[arg-type]
    "cut": (lambda b: b[: len(b) // 3], "E1104"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(hub: World, name: str) -> None:
    change, code = ANSWERS[name]
    wanted = of_sensor(hub, Sensor.S1)
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(change), 99))
    assert outcome(hub.source(), wanted) == code


@pytest.mark.parametrize("kind", ["text/html", "application/json", "image/png", ""])
def test_a_page_with_status_200_is_refused_by_its_type(hub: World, kind: str) -> None:
    wanted = of_sensor(hub, Sensor.S1)
    hub.stand_in.rules.append(Rule(PROCESS, faults.page(b"<html>maintenance</html>" * 90, kind), 99))
    assert outcome(hub.source(), wanted) == "E1104"


def holding_all_missing(holdings: Holdings, columns: slice) -> Change:
    """The image with its mask cleared in `columns`."""

    def change(image: bytes) -> bytes:
        with MemoryFile(image) as memory, memory.open() as file:
            values = file.read()
        values[-1][:, columns] = 0
        return tiff_bytes(values, GRID)

    return change


@pytest.mark.parametrize("sensor", [Sensor.S1, Sensor.S2])
def test_a_scene_without_a_valid_pixel_is_not_archived(
    hub: World, holdings: Holdings, tmp_path: Path, sensor: Sensor
) -> None:
    wanted = of_sensor(hub, sensor)
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(holding_all_missing(holdings, slice(None)))), 99))
    raster = hub.source().fetch(wanted, aoi())
    with pytest.raises(Exception, match="E1208"):
        Archive(tmp_path / "archive").put_scene(wanted, raster)


@pytest.mark.parametrize("sensor", [Sensor.S1, Sensor.S2])
def test_what_a_swath_does_not_cover_is_missing_and_the_rest_is_there(
    hub: World, holdings: Holdings, tmp_path: Path, sensor: Sensor
) -> None:
    wanted = of_sensor(hub, sensor)
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(holding_all_missing(holdings, slice(0, 20)))), 99))
    raster = hub.source().fetch(wanted, aoi())
    for values in raster.bands.values():
        assert np.isnan(values[:, :20]).all() and np.isfinite(values[:, 20:]).all()
    scene = Archive(tmp_path / "archive").put_scene(wanted, raster)
    assert scene.valid_fraction == pytest.approx(60 / 80)


def test_radar_shadow_and_zero_power_are_missing(hub: World) -> None:
    def change(image: bytes) -> bytes:
        with MemoryFile(image) as memory, memory.open() as file:
            values = file.read()
        values[3][0, 0] = 1.0
        values[0][1, 1] = 0.0
        return tiff_bytes(values, GRID)

    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(change))))
    bands = hub.source().fetch(of_sensor(hub, Sensor.S1), aoi()).bands
    assert np.isnan(bands["VV"][0, 0]) and np.isnan(bands["VH"][0, 0]) and np.isnan(bands["VV"][1, 1])
    assert np.isfinite(bands["VV"][2:]).all()


@pytest.mark.parametrize("shift", [1000.0, -1000.0])
def test_an_offset_that_was_left_out_or_taken_twice_is_found_on_dark_ground(hub: World, shift: float) -> None:
    def change(image: bytes) -> bytes:
        with MemoryFile(image) as memory, memory.open() as file:
            values = file.read().astype(np.float64)
        values[:6] = np.clip(values[:6] + shift, 0, 65535)
        return tiff_bytes(values.astype(np.uint16), GRID)

    wanted = of_sensor(hub, Sensor.S2)
    assert outcome(hub.source(), wanted) == "pixels"
    hub.stand_in.rules.append(Rule(PROCESS, faults.spoilt(inside(change)), 99))
    # The service clips at zero, so an offset taken twice shows as ground without any red.
    assert outcome(hub.source(), wanted) == "E1204"
