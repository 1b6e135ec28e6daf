"""Where the project's data folders lie: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = {"aoi": ("aoi", "data/aoi"), "templates": ("reports/templates", "data/templates")}


def resource_folder(name: str) -> Path:
    """Path of the folder `aoi` or `templates`; an unknown name is a KeyError."""
    in_checkout, in_wheel = _FOLDERS[name]
    packaged = _PACKAGE / in_wheel
    return packaged if packaged.is_dir() else _PACKAGE.parent / in_checkout
