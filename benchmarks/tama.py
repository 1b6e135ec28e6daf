"""Tama from loopback tiles into the archive, beside GDAL writing the same COG from memory: seconds, ratio, memory.

5,900 x 4,400 pixels of eight Sentinel-2 bands come as tiles from a stand-in in a process of its own, are checked,
assembled and archived. The limit is GDAL writing the same pixels from memory with the archive's own creation options
and threads. Each runs in a process of its own, so that its largest memory is its own.

    python benchmarks/tama.py [--rows 4400] [--cols 5900] [--repeat 1]
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import rasterio
from pydantic import SecretStr
from scipy.ndimage import gaussian_filter

from sat_monitor.core.domain import AOI, Sensor
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.archive import Archive
from sat_monitor.imagery.cog import Plane, read_cog, write_cog
from sat_monitor.imagery.evalscripts import RECIPES
from sat_monitor.imagery.fetch import Door, Machine
from sat_monitor.imagery.login import Credentials, Login
from sat_monitor.imagery.sensors import SENSORS
from sat_monitor.imagery.sentinel_hub import HubSite, SentinelHubSource
from sat_monitor.imagery.service import NoMeter, Service
from sat_monitor.imagery.source import Offer
from sat_monitor.standin.hub import tar_bytes, tiff_bytes
from sat_monitor.standin.server import Asked, Reply, StandIn, json_reply

RATIO, GIB = 2.5, 2.0
_PROOF = re.compile(r'request: "([0-9a-f]{64})"')


class Tiles:
    """Serves one picture of ground again and again: made before the clock runs, packed with the proof that is asked."""

    def __init__(self) -> None:
        self._images: dict[tuple[int, int], np.ndarray] = {}
        self._files: dict[str, bytes] = {}

    def answer(self, asked: Asked) -> Reply | None:
        """A token, or the tile of a request; the second time a tile is asked for it comes from memory."""
        if asked.path == "/token":
            return json_reply({"access_token": "bench", "expires_in": 3600})
        body = json.loads(asked.body)
        proof = _PROOF.search(body["evalscript"])
        west, _, east, north = body["input"]["bounds"]["bbox"]
        width, height = body["output"]["width"], body["output"]["height"]
        key = f"{west} {north}"
        if key not in self._files:
            grid = Grid(32654, west, north, (east - west) / width, height, width)
            self._files[key] = tiff_bytes(self._ground(height, width, int(west + north)), grid)
        echo = {"request": proof[1] if proof else ""}
        return Reply(200, {"Content-Type": "application/x-tar"}, tar_bytes(self._files[key], echo))

    @staticmethod
    def _ground(height: int, width: int, seed: int) -> np.ndarray:
        """Digital numbers of wooded hills: detail and noise of a real scene's compressibility."""
        rng = np.random.default_rng(seed)
        rough = gaussian_filter(rng.standard_normal((height, width), dtype=np.float32), 3) * 9
        levels = (420, 610, 560, 2900, 1700, 900)
        bands = [
            level * (1 + 0.15 * rough + 0.03 * rng.standard_normal((height, width), dtype=np.float32))
            for level in levels
        ]
        flat = [np.full((height, width), value, np.float32) for value in (4, 12, 1)]
        return np.asarray(np.clip(np.stack([*bands, *flat]), 1, 20_000), np.uint16)


def serve() -> None:
    """Serve until the parent goes away."""
    with StandIn([Tiles()]) as stand_in:
        print(stand_in.host, flush=True)
        sys.stdin.read()


def assemble(host: str, folder: Path, rows: int, cols: int) -> None:
    """Fetch and archive one scene; print seconds and GiB."""
    grid = Grid(32654, 300_000.0, 3_980_000.0, 10.0, rows, cols)
    aoi = AOI("tama", "多摩", "Tama", grid.footprint_lonlat, grid)
    site = HubSite("bench", f"http://{host}", f"http://{host}/token", frozenset({host}))
    login = Login(site.token_url, Credentials(SecretStr("bench"), SecretStr("bench")))
    door = Door(Service("bench", site.hosts, 1e6, 1e9), NoMeter(), Machine(folder / "fetch"), login)
    at = datetime(2026, 5, 1, 1, 31, tzinfo=UTC)
    outline = grid.footprint_lonlat.convex_hull.wkt
    href = json.dumps(["2026-05-01T01:31:00Z", "2026-05-01T01:31:00Z", outline])
    offer = Offer("S2A_bench", "tama", Sensor.S2, "sentinel-2a", at, None, "bench", href, processing_baseline="05.11")
    start = time.perf_counter()
    raster = SentinelHubSource(site, (Sensor.S2,), door).fetch(offer, aoi)
    fetched = time.perf_counter()
    Archive(folder / "archive").put_scene(offer, raster)
    _tell(time.perf_counter() - start, fetched=fetched - start)


def limit(folder: Path) -> None:
    """GDAL writes the archived scene's pixels again, from memory; print seconds and GiB."""
    image = folder / "archive" / "tama" / "scenes" / "S2A_bench" / "S2A_bench.tif"
    with rasterio.open(image) as file:
        names = tuple(file.descriptions)
        x0, y0 = file.transform.c, file.transform.f
        grid = Grid(32654, x0, y0, 10.0, file.height, file.width)
    from sat_monitor.core.grid import Window

    planes = read_cog(image, names, Window(0, 0, *grid.shape))
    spec = SENSORS[Sensor.S2]
    start = time.perf_counter()
    write_cog(folder / "again.tif", grid, {n: Plane(v, spec.band(n).unit) for n, v in planes.items()})
    _tell(time.perf_counter() - start, bytes_alike=float((folder / "again.tif").read_bytes() == image.read_bytes()))


def _tell(seconds: float, **more: float) -> None:
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": seconds, "gib": peak_gib, **more}))


def _child(*arguments: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    """Run both and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4400)
    parser.add_argument("--cols", type=int, default=5900)
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    size = (str(options.rows), str(options.cols))
    server = subprocess.Popen(
        [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None and server.stdin is not None
    host = server.stdout.readline().strip()
    with tempfile.TemporaryDirectory() as root:
        # The first fetch makes the server's tiles; it does not count.
        _child("assemble", host, f"{root}/warm", *size)
        runs = []
        for number in range(options.repeat):
            ours = _child("assemble", host, f"{root}/{number}", *size)
            gdal = _child("limit", f"{root}/{number}")
            runs.append((ours["seconds"] / gdal["seconds"], ours, gdal))
    server.stdin.close()
    server.wait()
    ratio, ours, gdal = min(runs, key=lambda run: run[0])
    print(f"{options.cols} x {options.rows} px, {len(RECIPES[Sensor.S2].bands) - 1} bands")
    print(
        f"tiles to archive   {ours['seconds']:6.1f} s  {ours['gib']:.2f} GiB  (of it fetching {ours['fetched']:.1f} s)"
    )
    print(
        f"GDAL, from memory  {gdal['seconds']:6.1f} s  {gdal['gib']:.2f} GiB  same bytes: {bool(gdal['bytes_alike'])}"
    )
    print(f"ratio {ratio:.2f} (at most {RATIO}), memory {ours['gib']:.2f} GiB (at most {GIB})")
    sys.exit(ratio > RATIO or ours["gib"] > GIB)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve()
    elif sys.argv[1:2] == ["assemble"]:
        assemble(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    elif sys.argv[1:2] == ["limit"]:
        limit(Path(sys.argv[2]))
    else:
        main()
