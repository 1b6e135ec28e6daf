"""The mapping file: what a file calls its columns, where it does not follow the names that are known."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sat_monitor.core.errors import OverlayError
from sat_monitor.overlays.kinds import FIELDS

_ERAS = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988, "昭和": 1925, "S": 1925}
_ERA_DAY = re.compile(r"(令和|平成|昭和|R|H|S)\s*(元|\d+)[年./-]\s*(\d+)[月./-]\s*(\d+)日?")
_DAY = re.compile(r"(\d{4})[年/.-]?(\d{1,2})[月/.-]?(\d{1,2})日?(?:[T ].*)?")
#: What columns may be mapped to beside the fields: where an entry lies.
PLACE_FIELDS = ("lon", "lat", "x", "y", "radius_m", "wkt")


class LayerMapping(BaseModel):
    """How to read a file: its EPSG and encoding, columns by field, constants, translations of `code`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epsg: int | None = Field(
        None, ge=1024, le=32767, description="EPSG code, where the file does not say or says wrong"
    )
    encoding: str | None = Field(None, description="text encoding, where it is neither UTF-8 nor CP932")
    columns: Mapping[str, str] = Field(default_factory=dict, description="field = column of the file")
    constants: Mapping[str, str] = Field(default_factory=dict, description="field = value for all entries")
    values: Mapping[str, str] = Field(default_factory=dict, description="what the file says in `code` = what it means")


def read_mapping(path: Path | None) -> LayerMapping:
    """The mapping of a TOML file, an empty one where there is none; raises OverlayError E1408."""
    if path is None:
        return LayerMapping()
    try:
        mapping = LayerMapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise OverlayError("E1408", f"{path.name}: {error}") from error
    strange = ({*mapping.columns} - {*FIELDS, *PLACE_FIELDS}) | ({*mapping.constants} - {*FIELDS})
    if strange:
        known = ", ".join((*FIELDS, *PLACE_FIELDS))
        raise OverlayError("E1408", f"{path.name}: no field {', '.join(sorted(strange))}; there are {known}")
    return mapping


def parse_day(text: str) -> date | None:
    """The day of 2024-07-31, 2024/7/31, 20240731, 令和6年7月31日 or R6.7.31; None for empty text, else ValueError."""
    text = text.strip()
    if not text:
        return None
    era = _ERA_DAY.fullmatch(text)
    if era:
        years = 1 if era[2] == "元" else int(era[2])
        return date(_ERAS[era[1]] + years, int(era[3]), int(era[4]))
    day = _DAY.fullmatch(text)
    if not day:
        raise ValueError(f"{text!r} is not a day such as 2024-07-31")
    return date(int(day[1]), int(day[2]), int(day[3]))
