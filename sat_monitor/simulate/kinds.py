"""The words of the simulated world: land covers, surfaces that events bring, kinds of events, stages of a work."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Cover(IntEnum):
    """Surfaces: the land covers first, then what only events bring."""

    CONIFER = 0
    BROADLEAF = 1
    BAMBOO = 2
    ORCHARD = 3
    PADDY = 4
    UPLAND = 5
    GRASS = 6
    TOWN = 7
    ROAD = 8
    QUARRY = 9
    BARE = 10
    WATER = 11
    VOLCANIC = 12
    CLEARED = 13
    SOIL = 14
    WORKED = 15
    HERBS = 16
    STUBBLE = 17
    TILLED = 18
    BRANCHES = 19
    UNDERGROWTH = 20
    ASH = 21
    WITHERED = 22
    FLOODWATER = 23
    MUD = 24
    DEBRIS = 25
    PANELS = 26
    ROOF = 27
    PLASTIC = 28
    CUT_ROCK = 29
    SNOW = 30


FOREST = (Cover.CONIFER, Cover.BROADLEAF, Cover.BAMBOO)
FIELDS = (Cover.PADDY, Cover.UPLAND)


class EventKind(StrEnum):
    """What happens to a plot: seven kinds of earthwork, and the real changes that are none."""

    FILL = "fill"
    FILL_OVER_MONTHS = "fill_over_months"
    DUMPS = "dumps"
    REDUMP = "redump"
    CUT = "cut"
    STOCKPILE = "stockpile"
    PERMITTED_WORKS = "permitted_works"
    HARVEST = "harvest"
    PLOUGHING = "ploughing"
    LEAF_OFF = "leaf_off"
    THINNING = "thinning"
    CLEAR_CUT = "clear_cut"
    FIRE = "fire"
    DROUGHT = "drought"
    FLOOD = "flood"
    LANDSLIDE = "landslide"
    SOLAR_FARM = "solar_farm"
    NEW_ROOF = "new_roof"
    GREENHOUSE = "greenhouse"
    QUARRY_WORK = "quarry_work"
    SNOW = "snow"

    @property
    def is_earthwork(self) -> bool:
        """Whether ground is filled, cut or piled up; all other kinds are confusers."""
        return self in EARTHWORKS


EARTHWORKS = (
    EventKind.FILL, EventKind.FILL_OVER_MONTHS, EventKind.DUMPS, EventKind.REDUMP, EventKind.CUT, EventKind.STOCKPILE,
    EventKind.PERMITTED_WORKS,
)  # fmt: skip
CONFUSERS = tuple(kind for kind in EventKind if kind not in EARTHWORKS)


class Stage(StrEnum):
    """How far a work has come (METHOD 10)."""

    CLEARED = "cleared"
    FILLING = "filling"
    WORKED = "worked"
    GREENING = "greening"
