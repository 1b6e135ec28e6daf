"""The settings of the work on tickets."""

from __future__ import annotations

from pydantic import Field

from sat_monitor.core.profile_sections import Section


class CaseSettings(Section):
    """Which places are drawn for the desk besides those that rank high (METHOD 23)."""

    random_share: float = Field(
        0.1, ge=0.0, le=0.5, description="share of all desk checks that are drawn from low ranks and quiet ground"
    )
    quiet_share: float = Field(0.5, ge=0.0, le=1.0, description="and of those the share drawn from quiet ground")
    quiet_cell_m: float = Field(
        100.0, ge=20.0, le=1000.0, description="side of a piece of quiet ground, m; whole pixels"
    )
    seed: int = Field(
        20_240_731,
        ge=0,
        le=2**31 - 1,
        description="seed of the draw: with it anybody can repeat which places were drawn",
    )
