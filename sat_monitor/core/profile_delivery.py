"""The settings of delivery: how many tickets reach people, and when."""

from __future__ import annotations

from pydantic import Field

from sat_monitor.core.profile_sections import Section


class DeliverySettings(Section):
    """How many field tickets a week people get; the rest wait with their rank."""

    area_per_week: int = Field(5, ge=0, le=1000, description="field tickets a week for an area of the mainland (Tama)")
    islands_per_week: int = Field(1, ge=0, le=1000, description="field tickets a week for all islands together")
    municipality_per_week: int = Field(2, ge=0, le=1000, description="field tickets a week for one municipality")
    week_begins_on: int = Field(
        1, ge=1, le=7, description="weekday (Japan) from which a week's tickets and digests go, 1 = Monday"
    )
    urgent_m2_per_month: float = Field(
        200.0, ge=0.0, le=100_000.0, description="growth above houses from which a ticket goes at once, m2 a month"
    )
    digest_rows: int = Field(30, ge=1, le=1000, description="waiting sites that a digest lists by name")
