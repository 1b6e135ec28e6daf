"""The settings of detection, one described and bounded record each: from admitting scenes to cutting patches."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ImagerySettings(Section):
    """How scenes are admitted and registered."""

    max_shift_px: float = Field(
        0.5,
        ge=0.1,
        le=2.0,
        description="largest shift against the reference that is corrected, pixels; more is rejected (E1210)",
    )
    max_platform_shift_px: float = Field(
        4.0,
        ge=0.0,
        le=8.0,
        description="largest place of a whole platform against the others that is corrected, pixels; 0 = none",
    )
    min_shift_px: float = Field(
        0.1, ge=0.0, le=0.5, description="shifts below this are measurement noise and left alone, pixels"
    )
    min_valid_fraction: float = Field(
        0.001, ge=0.0, le=1.0, description="share of AOI pixels that a scene must cover to be used"
    )
    block_px: int = Field(
        512, ge=64, le=4096, description="side of the square blocks in which scenes are read and tested, pixels"
    )
    margin_m: float = Field(500.0, ge=0.0, le=5000.0, description="detection runs on the outline plus this margin, m")
    late_days: int = Field(
        45, ge=7, le=365, description="how far back every night asks for late and re-issued scenes, days"
    )
    look_back_days: int = Field(
        1600, ge=90, le=4000, description="how far back the archive is filled for references, days"
    )


class ReferenceSettings(Section):
    """The gap-aware reference window of METHOD 5."""

    near_days: int = Field(90, ge=12, le=365, description="youngest reference look before the tested look, days")
    far_days: int = Field(455, ge=120, le=1500, description="oldest look of the main reference window, days")
    season_days: int = Field(
        30, ge=0, le=60, description="half width of the same-season windows of earlier years, days"
    )
    season_years: int = Field(3, ge=0, le=5, description="number of earlier years with a same-season window")
    exclusion_days: int = Field(
        60,
        ge=0,
        le=180,
        description="no reference look closer than this to the tested look or to a frozen pixel's first signs, days",
    )

    @model_validator(mode="after")
    def _ordered(self) -> ReferenceSettings:
        if self.near_days >= self.far_days:
            raise ValueError(f"near_days {self.near_days} must be below far_days {self.far_days}")
        return self


class SarSettings(Section):
    """Sentinel-1 backscatter differencing."""

    despeckle_m: float = Field(
        50.0,
        ge=10.0,
        le=300.0,
        description="side of the moving average that despeckles each look, m; at least 3 pixels",
    )
    min_looks: int = Field(5, ge=3, le=60, description="reference looks below which a pixel is not assessed")
    enl: float = Field(
        4.4, ge=1.0, le=200.0, description="equivalent number of looks of one pixel of an IW GRD scene at 10 m"
    )
    prior_looks: float = Field(
        4.0,
        ge=2.0,
        le=200.0,
        description="weight of the track's typical covariance when a pixel's own is estimated, looks",
    )


class OpticalSettings(Section):
    """Sentinel-2 seasonal baseline."""

    min_looks: int = Field(8, ge=4, le=60, description="clear looks below which a pixel is not assessed")
    harmonic_years: float = Field(
        1.5,
        ge=0.5,
        le=3.0,
        description="history from which one harmonic is fitted, years; below it the anniversary prior is used",
    )
    trend_years: float = Field(3.0, ge=1.0, le=6.0, description="history from which a capped trend is fitted, years")
    noise_floor: float = Field(0.03, ge=0.001, le=0.2, description="smallest standard deviation of an NDVI look")
    max_trend_per_year: float = Field(0.03, ge=0.0, le=0.2, description="cap of the NDVI trend, 1/year")
    bare_ndvi: float = Field(0.18, ge=0.0, le=0.4, description="NDVI of fully bare or worked ground (end member)")
    bare_soil_index: float = Field(
        0.1, ge=-0.2, le=0.5, description="soil index (B11 - NIR) / (B11 + NIR) of fully bare ground (end member)"
    )
    worked_ndvi: float = Field(0.3, ge=0.0, le=0.6, description="NDVI below which a look shows bare or worked ground")
    worked_soil_index: float = Field(
        -0.05, ge=-0.5, le=0.5, description="and soil index above which it does, where B11 exists"
    )
    cloud_buffer_px: int = Field(2, ge=0, le=20, description="growth of the cloud and shadow mask, pixels")
    suspect_looks: int = Field(
        3, ge=1, le=20, description="looks that call a place cloud amid clear ground until it counts as bright ground"
    )
    suspect_weight: float = Field(
        0.7, ge=0.0, le=1.0, description="weight of a look at such suspect bright ground in the evidence"
    )
    veil_rise: float = Field(
        0.03,
        ge=0.005,
        le=0.5,
        description="rise of blue over most of the surroundings that is thin cloud, reflectance",
    )
    shadow_share: float = Field(
        0.5,
        ge=0.0,
        le=1.0,
        description="share of the season's near infrared below which ground without more red is shadow; 0 = never",
    )
    water_ndvi: float = Field(0.1, ge=-0.5, le=0.3, description="NDVI below which dark ground is open water")
    water_infrared: float = Field(
        0.1, ge=0.0, le=0.3, description="near infrared, and B11 where it exists, below which it is dark, reflectance"
    )
    hard_ndvi: float = Field(0.2, ge=0.0, le=0.4, description="NDVI below which grey ground is a hard surface")
    hard_redness: float = Field(
        0.1, ge=0.0, le=0.5, description="(B04 - B02) / (B04 + B02) below which it is grey: soil is redder"
    )
    hard_red: float = Field(0.08, ge=0.0, le=0.5, description="red above which it is no shadow, reflectance")
    hard_soil_index: float = Field(
        0.08,
        ge=-0.2,
        le=0.5,
        description="soil index from which it is dry soil after all; without B02 and B11 nothing is called hard",
    )
    max_ground_red: float = Field(
        0.45, ge=0.2, le=1.5, description="red above which a look shows cloud or snow that was missed, reflectance"
    )
    min_incidence_cosine: float = Field(
        0.2,
        ge=0.0,
        le=0.9,
        description="cosine of the sun's incidence on a slope below which ground is not observed (needs terrain layers)",
    )
    surroundings_m: float = Field(
        300.0, ge=50.0, le=2000.0, description="how far around a place cloud, haze and shadow are judged, m"
    )
    scene_sd: float = Field(
        0.02,
        ge=0.0,
        le=0.2,
        description="standard deviation of the haze and BRDF offset that a whole scene shares, NDVI",
    )

    @model_validator(mode="after")
    def _ordered(self) -> OpticalSettings:
        if self.harmonic_years > self.trend_years:
            raise ValueError(f"harmonic_years {self.harmonic_years} must not exceed trend_years {self.trend_years}")
        return self


class EvidenceSettings(Section):
    """The log-odds field of METHOD 9 to 11."""

    base_rate_per_km2_year: float = Field(
        1.0, ge=0.001, le=100.0, description="stated base rate of lasting conversions, 1/(km2 year)"
    )
    typical_area_m2: float = Field(
        2000.0,
        ge=100.0,
        le=100_000.0,
        description="typical size of one, m2; with the base rate it gives the prior of a pixel",
    )
    outline_score: float = Field(0.0, ge=-5.0, le=15.0, description="log-odds from which a pixel belongs to a patch")
    alarm_score: float = Field(
        2.0, ge=-5.0, le=15.0, description="log-odds that a patch must reach somewhere to raise an alarm"
    )
    max_score: float = Field(9.0, ge=1.0, le=30.0, description="cap of the log-odds")
    max_gain: float = Field(2.5, ge=0.1, le=10.0, description="cap of one look's support, nats")
    max_gain_bare: float = Field(
        5.0,
        ge=0.1,
        le=10.0,
        description="and of an optical look at bare ground, nats: about minus the log of the share of such looks that err",
    )
    max_loss: float = Field(1.5, ge=0.1, le=10.0, description="cap of one look's contradiction, nats")
    alert_share: float = Field(
        0.5, ge=0.0, le=1.0, description="share of a DIST-ALERT status's support that counts: it saw what we saw"
    )
    sar_temper: float = Field(
        0.5, ge=0.0, le=1.0, description="weight of a SAR look: one minus the autocorrelation of no-change residuals"
    )
    sar_visible_share: float = Field(
        0.5,
        ge=0.05,
        le=1.0,
        description="share of conversions that change backscatter at all: grass to soil often does not, so a quiet SAR look is weak contradiction",
    )
    optical_temper: float = Field(0.85, ge=0.0, le=1.0, description="weight of an optical look, likewise")
    natural_share: float = Field(
        0.12,
        ge=0.0,
        le=1.0,
        description="spread of drought, thinning and late seasons as a share of full conversion (optical)",
    )
    release_margin: float = Field(
        3.0, ge=0.0, le=20.0, description="a pixel leaves its patch this far below outline_score, nats"
    )
    recovery_weight: float = Field(
        0.1,
        ge=0.0,
        le=1.0,
        description="weight of contradiction above outline_score: greening over is not recovery (METHOD 10)",
    )

    @model_validator(mode="after")
    def _ordered(self) -> EvidenceSettings:
        if self.outline_score > self.alarm_score:
            raise ValueError(f"outline_score {self.outline_score} must not exceed alarm_score {self.alarm_score}")
        if self.alarm_score > self.max_score:
            raise ValueError(f"alarm_score {self.alarm_score} must not exceed max_score {self.max_score}")
        return self


class NetworkSettings(Section):
    """The change network as a row of the evidence of an optical look (METHOD 9)."""

    share: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="weight of the network's likelihood ratio in that of an optical look; 0: it is not run",
    )
    base_log_odds: float = Field(
        -3.2, ge=-12.0, le=2.0, description="log-odds of conversion among the pixels that it learned from"
    )
    reference_looks: int = Field(
        4, ge=1, le=12, description="newest reference looks whose median is the picture before, for the network"
    )


class PatchSettings(Section):
    """How the field is cut into candidates."""

    min_area_m2: float = Field(300.0, ge=0.0, le=100_000.0, description="patches smaller than this are dropped, m2")
    min_pixels: int = Field(3, ge=1, le=1000, description="and so are patches of fewer pixels")
    fallow_share: float = Field(
        0.1,
        ge=0.0,
        le=1.0,
        description="share of earlier looks on bare ground from which a place is farmland, where bare ground is usual",
    )
    fallow_days: int = Field(
        150,
        ge=0,
        le=2000,
        description="how long bare ground on farmland must last to be earthwork: longer than between two crops, days",
    )
    edge_error_m: float = Field(3.0, ge=0.0, le=30.0, description="one-sigma position of an outline's edge, m")
    end_member_sd: float = Field(
        0.15, ge=0.0, le=1.0, description="spread of what a wholly converted pixel shows, as a share of full conversion"
    )
    fraction_sd: float = Field(
        0.1, ge=0.0, le=1.0, description="noise of the converted part of one pixel, averaged over its looks"
    )
