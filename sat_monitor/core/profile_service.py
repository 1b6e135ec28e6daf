"""The settings of what follows detection: sites, their rank, tickets, point series."""

from __future__ import annotations

from pydantic import Field, model_validator

from sat_monitor.core.domain import Kind
from sat_monitor.core.profile_sections import Section


class LifecycleSettings(Section):
    """When a patch becomes a site of which kind of status."""

    confirm_hits: int = Field(2, ge=1, le=20, description="hits on different UTC dates that confirm a site")
    min_seen: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="share of a site that a look must see to count as hit or quiet; below it the look is blind",
    )
    lapse_days: int = Field(
        200,
        ge=10,
        le=2000,
        description="a suspected site without support for so long, and seen, is finished unconfirmed, days",
    )
    finish_days: int = Field(
        365, ge=30, le=3000, description="a confirmed site without support for so long, and seen, is finished, days"
    )
    finish_looks: int = Field(5, ge=1, le=100, description="quiet looks that must have seen it in that time")


class TicketSettings(Section):
    """Which confirmed sites become tickets."""

    kinds: tuple[Kind, ...] = Field(
        (Kind.EARTHWORK, Kind.CONSTRUCTION, Kind.DEFORMATION),
        description="kinds that open a ticket; other confirmed sites stay on the watch list",
    )
    per_night: int = Field(
        20,
        ge=1,
        le=1000,
        description="tickets delivered per AOI and night, highest priority first; the rest wait with their rank",
    )
    hold_above: int = Field(
        200,
        ge=1,
        le=100_000,
        description="new sites of one scene above which its unconfirmed sites are held for the analyst",
    )


class PrioritySettings(Section):
    """How sites are ranked, 0..100: the most points that each ground adds, 100 in all."""

    permit: float = Field(25.0, ge=0.0, le=100.0, description="points of ground that no permit in force covers")
    kind: float = Field(25.0, ge=0.0, le=100.0, description="points of the kind of site: earthwork has all of them")
    worked: float = Field(14.0, ge=0.0, le=100.0, description="points of ground that went on to bare or worked ground")
    size: float = Field(9.0, ge=0.0, le=100.0, description="points of the probability and the extent of its size")
    houses: float = Field(7.0, ge=0.0, le=100.0, description="points of houses down the way of its water")
    debris_zone: float = Field(3.0, ge=0.0, le=100.0, description="points of a debris-flow zone down that way")
    valley: float = Field(1.0, ge=0.0, le=100.0, description="points of lying in a hollow or filling a valley")
    growth: float = Field(1.0, ge=0.0, le=100.0, description="points of growth and of works taken up again")
    certainty: float = Field(11.0, ge=0.0, le=100.0, description="points of strong evidence on many days")
    zone: float = Field(1.0, ge=0.0, le=100.0, description="points of lying in a regulation zone")
    deformation: float = Field(2.0, ge=0.0, le=100.0, description="points of ground that moves, where it is measured")
    road: float = Field(1.0, ge=0.0, le=100.0, description="points of a road that lorries can come by")
    reach_m: float = Field(
        1000.0, ge=100.0, le=10_000.0, description="way of water at which what lies below counts half, m"
    )

    @model_validator(mode="after")
    def _whole(self) -> PrioritySettings:
        total = sum(value for name, value in self if name != "reach_m")
        if abs(total - 100.0) > 1e-6:
            raise ValueError(f"the points of [priority] must sum to 100, not {total:g}")
        return self


class SeriesSettings(Section):
    """Point time series (`sat-monitor series`)."""

    stretch_days: int = Field(60, ge=6, le=365, description="radar looks of so many days are tested together, days")
    before_days: int = Field(90, ge=6, le=365, description="and compared also with those of so many days before, days")
    near_days: int = Field(60, ge=12, le=365, description="youngest reference look before a radar look, days")
    far_days: int = Field(455, ge=120, le=1500, description="oldest reference look, days")
    season_days: int = Field(30, ge=1, le=120, description="width of the same season a year before (one sigma), days")
    season_weight: float = Field(8.0, ge=0.0, le=100.0, description="how much more a look of the same season counts")
    look_sd_db: float = Field(1.5, ge=0.1, le=10.0, description="prior spread of one look of a point, dB")
    natural_sd_db: float = Field(1.0, ge=0.0, le=10.0, description="prior spread that the looks of weeks share, dB")
    season_sd_db: float = Field(1.0, ge=0.0, le=10.0, description="and of a season that was not seen before, dB")
    own_weight: float = Field(0.3, ge=0.0, le=1.0, description="weight of a point's own spread against the priors")
    departure_line: float = Field(1.75, ge=0.5, le=10.0, description="departure at which radar alone alarms, sigma")
    conversion_looks: int = Field(6, ge=1, le=20, description="clear looks of DIST-ALERT that are judged together")
    cover_power: float = Field(6.0, ge=0.0, le=20.0, description="how strictly cover must have stood all year before")
    settled_looks: int = Field(2, ge=0, le=20, description="looks without loss that must come before an alarm")
    settled_loss: float = Field(10.0, ge=0.0, le=100.0, description="loss of cover below which a look shows none, %")
    radar_support: float = Field(0.5, ge=0.0, le=5.0, description="what strong radar support adds to the score, nats")
    conversion_line: float = Field(2.0, ge=-5.0, le=10.0, description="score at which a conversion alarms, nats")
    bare_cover: float = Field(0.15, ge=0.0, le=1.0, description="cover below which cleared ground is bare or worked")
    release_share: float = Field(0.75, ge=0.0, le=1.0, description="an alarm stands above this share of its line")
