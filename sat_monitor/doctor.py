"""doctor: what this installation has, in plain words; nothing is changed and no secret is printed."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sat_monitor import __version__
from sat_monitor.core.home import Home

_PACKAGES = (
    "numpy", "xarray", "rasterio", "scikit-image", "torch", "geopandas", "sentinelhub", "prefect", "typst",
)  # fmt: skip
_CREDENTIALS = ("SH_CLIENT_ID", "SH_CLIENT_SECRET")
_MIN_FREE_GB = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, what was found, and whether it is as it should be."""

    what: str
    found: str
    ok: bool


def examine(home: Home) -> list[Finding]:
    """All findings, in reading order."""
    checks: tuple[tuple[str, Callable[[Home], tuple[str, bool]]], ...] = (
        ("disk", _disk),
        ("database", _database),
        ("font", _font),
        ("GDAL", _gdal),
        ("credentials", _credentials),
        ("delivery", _delivery),
    )
    findings = [Finding("sat_monitor", f"{__version__} on Python {platform.python_version()}", True)]
    findings += [_package(name) for name in _PACKAGES]
    for what, check in checks:
        try:
            findings.append(Finding(what, *check(home)))
        except Exception as error:  # a doctor that dies of the illness helps nobody
            findings.append(Finding(what, f"{type(error).__name__}: {error}", False))
    return findings


def _package(name: str) -> Finding:
    try:
        return Finding(name, version(name), True)
    except PackageNotFoundError:
        return Finding(name, "not installed", False)


def _disk(home: Home) -> tuple[str, bool]:
    place = next(path for path in (home.root.absolute(), *home.root.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free / 1e9
    return f"{free:.1f} GB free at {place}", free >= _MIN_FREE_GB and os.access(place, os.W_OK)


def _database(home: Home) -> tuple[str, bool]:
    if not home.database.is_file():
        return "none yet: the first night makes it", True
    with sqlite3.connect(f"file:{home.database}?mode=ro", uri=True) as connection:
        answer = str(connection.execute("PRAGMA quick_check").fetchone()[0])
        events = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    return f"{home.database.name}: {answer}, {events} events", answer == "ok"


def _font(home: Home) -> tuple[str, bool]:
    from fontTools.ttLib import TTFont

    from sat_monitor.tickets.text import font_file

    path: Path = font_file()
    with TTFont(path, lazy=True) as font:
        glyphs = font.getBestCmap()
    return path.name, all(ord(letter) in glyphs for letter in "盛土候補違法性未確認")


def _gdal(home: Home) -> tuple[str, bool]:
    import rasterio
    from rasterio.drivers import raster_driver_extensions

    return f"{rasterio.__gdal_version__}, GeoTIFF", "tif" in raster_driver_extensions()


def _credentials(home: Home) -> tuple[str, bool]:
    present = [name for name in _CREDENTIALS if os.environ.get(name)]
    return f"{len(present)} of {len(_CREDENTIALS)} set ({', '.join(_CREDENTIALS)}); only fetching needs them", True


def _delivery(home: Home) -> tuple[str, bool]:
    """Receivers with their settings as they are, and what was given up."""
    from sat_monitor.core.clock import system_clock
    from sat_monitor.delivery.run import dead_letters
    from sat_monitor.delivery.settings import read_delivery
    from sat_monitor.store.store import Store

    sinks = len(read_delivery(home).sink)
    if not home.database.is_file():
        return f"{sinks} receivers", True
    with Store(home.database, system_clock, read_only=True) as store:
        dead = dead_letters(store)
    return f"{sinks} receivers, {len(dead)} dead letters", not dead
