"""The kinds of overlays: one row each says which fields it keeps, under which names files carry them, and what is needed.

Only the fields named here are ever kept: owners, parcels and telephone numbers of a register stay in its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class LayerKind(StrEnum):
    """What an overlay shows."""

    MUNICIPALITIES = "municipalities"
    ZONES = "zones"
    HAZARDS = "hazards"
    LARGE_FILLS = "large_fills"
    KNOWN_FILLS = "known_fills"
    ROADS = "roads"
    BUILDINGS = "buildings"
    STREAMS = "streams"
    PLACES = "places"
    FILL_PERMITS = "fill_permits"
    FILL_NOTICES = "fill_notices"
    DEVELOPMENT_PERMITS = "development_permits"
    FOREST_DEVELOPMENT = "forest_development"
    FELLING_NOTICES = "felling_notices"
    FARMLAND_CONVERSION = "farmland_conversion"
    QUARRIES = "quarries"
    PUBLIC_WORKS = "public_works"
    OLD_WORKS = "old_works"


#: The registers: lists of permits and notices with number, period and place.
REGISTERS = (
    LayerKind.FILL_PERMITS, LayerKind.FILL_NOTICES, LayerKind.DEVELOPMENT_PERMITS, LayerKind.FOREST_DEVELOPMENT,
    LayerKind.FELLING_NOTICES, LayerKind.FARMLAND_CONVERSION, LayerKind.QUARRIES, LayerKind.PUBLIC_WORKS,
    LayerKind.OLD_WORKS,
)  # fmt: skip

DEBRIS_FLOW = "debris_flow"
#: The fields that a layer may keep; dates are kept as ISO text, "" where unknown.
TEXT_FIELDS = ("code", "name", "number", "authority", "notice")
DATE_FIELDS = ("begins_on", "ends_on")
FIELDS = TEXT_FIELDS + DATE_FIELDS

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One kind: names of each field's column in files, in order of preference; fields it cannot do without; shape.

    `values` translates what a file says in `code`; with `closed` anything else is refused. `areal` asks for polygons.
    """

    names: Names
    needed: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    areal: bool = True


_NAME: Names = {"name": ("name", "名称")}
_ZONE_VALUES = {
    "1": "residential", "宅地造成等工事規制区域": "residential", "residential": "residential",
    "2": "specified", "特定盛土等規制区域": "specified", "specified": "specified",
}  # fmt: skip
_HAZARD_VALUES = {
    "1": "steep_slope", "急傾斜地の崩壊": "steep_slope", "steep_slope": "steep_slope",
    "2": DEBRIS_FLOW, "土石流": DEBRIS_FLOW, DEBRIS_FLOW: DEBRIS_FLOW,
    "3": "landslide", "地滑り": "landslide", "地すべり": "landslide", "landslide": "landslide",
}  # fmt: skip
_REGISTER = LayerRow(
    {
        "number": ("number", "番号", "許可番号", "受付番号", "届出番号"),
        "name": ("name", "名称", "事業名", "工事名"),
        "begins_on": ("begins_on", "開始日", "許可日", "着手日", "届出日"),
        "ends_on": ("ends_on", "終了日", "完了日", "期限", "完了予定日"),
    },
    needed=("number",),
)
#: One row per kind. Names such as A56_003 are the national land numerical information's; docs/overlays.md says which
#: of them were checked against a real file.
LAYERS: Mapping[LayerKind, LayerRow] = {
    LayerKind.MUNICIPALITIES: LayerRow(
        {"code": ("code", "N03_007"), "name": ("name", "N03_004")}, needed=("code", "name")),
    LayerKind.ZONES: LayerRow(
        {"code": ("zone", "A56_001", "区域区分"), "authority": ("authority", "A56_002", "指定権者"),
         "notice": ("notice", "A56_003", "告示番号"), "begins_on": ("designated_on", "A56_004", "指定日")},
        needed=("code", "authority"), values=_ZONE_VALUES, closed=True),
    LayerKind.HAZARDS: LayerRow(
        {"code": ("hazard", "A33_001"), "number": ("number", "A33_004"), "name": ("name", "A33_005"),
         "begins_on": ("designated_on", "A33_007")},
        needed=("code",), values=_HAZARD_VALUES, closed=True),
    LayerKind.LARGE_FILLS: LayerRow(
        {"code": ("code", "A54_001"), "number": ("number", "A54_006"), "name": ("name", "名称")}),
    LayerKind.KNOWN_FILLS: LayerRow({**_NAME, "number": ("number", "番号")}),
    LayerKind.ROADS: LayerRow({**_NAME, "code": ("highway", "code", "種別")}, areal=False),
    LayerKind.BUILDINGS: LayerRow({**_NAME, "code": ("building", "code", "種別")}, areal=False),
    LayerKind.STREAMS: LayerRow({"name": ("name", "名称", "W05_004")}, areal=False),
    LayerKind.PLACES: LayerRow(_NAME, needed=("name",), areal=False),
    **dict.fromkeys(REGISTERS, _REGISTER),
}  # fmt: skip
