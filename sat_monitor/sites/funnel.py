"""How the sites of a night narrow down, as counts that add up: what the ranking puts first, and what waits.

The counts exclude nothing: every site stays ranked, those that wait with their reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sat_monitor.core.surroundings import Surroundings
from sat_monitor.sites.judging import Judged
from sat_monitor.sites.ranking import COVERED, covering


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts of confirmed sites. all = covered + outside_permits; outside_permits = outside_zones + in_zone +
    zones_not_asked; of the last two, above_exposed + nothing_below + flow_not_asked.

    `covered` by a permit in force; `above_exposed` have houses or a debris-flow zone down the way of their water; `..._not_asked`
    had no layer or no heights to be asked of; `registers_not_asked` of `outside_permits` had no register at all.
    """

    all: int = 0
    covered: int = 0
    outside_permits: int = 0
    registers_not_asked: int = 0
    outside_zones: int = 0
    in_zone: int = 0
    zones_not_asked: int = 0
    above_exposed: int = 0
    nothing_below: int = 0
    flow_not_asked: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether every site is in one place of each step."""
        kept = self.in_zone + self.zones_not_asked
        return (
            self.all == self.covered + self.outside_permits
            and self.outside_permits == self.outside_zones + kept
            and kept == self.above_exposed + self.nothing_below + self.flow_not_asked
        )

    def __add__(self, other: Funnel) -> Funnel:
        """The funnel of two places together."""
        mine, theirs = asdict(self), asdict(other)
        return Funnel(**{name: mine[name] + theirs[name] for name in mine})

    def lines(self) -> tuple[str, ...]:
        """One line for each step, as the night report prints them."""
        return (
            f"all confirmed sites: {self.all}",
            f"outside permits in force: {self.outside_permits} (covered: {self.covered}"
            f"{_unasked(self.registers_not_asked, 'register')})",
            f"of these in a regulation zone: {self.in_zone} (outside: {self.outside_zones}"
            f"{_unasked(self.zones_not_asked, 'zone layer')})",
            f"of these above houses or a debris-flow zone: {self.above_exposed} (nothing below: {self.nothing_below}"
            f"{_unasked(self.flow_not_asked, 'elevation model or hazard layer')})",
        )


def funnel(judged: Sequence[Judged], reach_m: float) -> Funnel:
    """The counts of judged sites; what lies farther down the water's way than `reach_m` counts as nothing below."""
    return sum((_one(each.surroundings, reach_m) for each in judged), Funnel())


def _one(around: Surroundings, reach_m: float) -> Funnel:
    """The funnel of one site."""
    if covering(around.permits) >= COVERED:
        return Funnel(all=1, covered=1)
    kinds = {layer.kind for layer in around.layers}
    places = {"all": 1, "outside_permits": 1, "registers_not_asked": int(not around.registers)}
    if "zones" in kinds and not around.zones:
        return Funnel(**places, outside_zones=1)
    places |= {"in_zone": int(bool(around.zones)), "zones_not_asked": int(not around.zones)}
    return Funnel(**places, **{_below(around, kinds, reach_m): 1})


def _below(around: Surroundings, kinds: set[str], reach_m: float) -> str:
    flow = around.flow
    if flow is None or not kinds & {"hazards", "buildings"}:
        return "flow_not_asked"
    distances = (flow.zone_distance_m, flow.house_distance_m)
    met = any(distance is not None and distance <= reach_m for distance in distances)
    return "above_exposed" if met else "nothing_below"


def _unasked(count: int, what: str) -> str:
    return f"; no {what} imported: {count}" if count else ""
