"""What each surface looks like: one row per cover with its spectra, its leaf season and its backscatter.

Values are round figures within the ranges that these sources publish; docs/world.md lists which for which.

* Reflectance: ECOSTRESS spectral library (Meerdink et al., 2019, Remote Sens. Environ. 230) for conifer, broadleaf,
  grass, soils, asphalt, roofing and basalt; USGS spectral library 7 (Kokaly et al., 2017, USGS DS 1035) for dry grass,
  charred wood, plastic sheet and snow. Sugi and hinoki are darker than deciduous woods in the near infrared.
* gamma0: C-band ranges by cover of Ulaby and Dobson (1989), "Handbook of Radar Scattering Statistics for Terrain"; the
  levels of forest, open land and town of OPERA RTC-S1 (benchmarks/world.py prints both side by side).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sat_monitor.simulate.kinds import Cover

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
POLARISATIONS = ("VV", "VH")

Spectrum = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Leaf:
    """Share of green leaf over the year: `low` in winter, `high` in summer, days of year of half-way rise and fall."""

    low: float
    high: float
    rise: float = 110.0
    fall: float = 318.0


@dataclass(frozen=True, slots=True)
class Echo:
    """Backscatter: gamma0 in `vv` and `vh`, dB, of half-grown and half-wet ground.

    `wet` dB from dry to soaked, `leaf` dB in VV from winter to summer; `flicker` (VV, VH) dB that a stretch of 30 m
    differs from look to look beyond speckle (water on leaves, wind, cars, angles); `lasting` dB from place to place.
    """

    vv: float
    vh: float
    wet: float = 2.8
    leaf: float = 0.0
    flicker: tuple[float, float] = (1.0, 1.7)
    lasting: float = 0.8


@dataclass(frozen=True, slots=True)
class Surface:
    """One row: reflectance under full `green` leaf and without (`brown`), season, echo, lasting colour noise."""

    green: Spectrum
    brown: Spectrum
    leaf: Leaf
    echo: Echo
    texture: float = 0.08


_NEVER = Leaf(0.0, 0.0)
_WOOD = (0.6, 0.9)
_CALM = (0.8, 1.2)


def _bare(spectrum: Spectrum, echo: Echo, texture: float = 0.08) -> Surface:
    """A surface on which nothing grows."""
    return Surface(spectrum, spectrum, _NEVER, echo, texture)


SURFACES: Mapping[Cover, Surface] = {
    Cover.CONIFER: Surface(
        (0.020, 0.036, 0.021, 0.260, 0.105, 0.045), (0.028, 0.042, 0.036, 0.220, 0.120, 0.060),
        Leaf(0.88, 1.0, 110, 320), Echo(-8.2, -14.0, 0.8, 0.2, _WOOD), 0.13),
    Cover.BROADLEAF: Surface(
        (0.024, 0.052, 0.026, 0.400, 0.180, 0.075), (0.045, 0.060, 0.068, 0.190, 0.210, 0.125),
        Leaf(0.12, 1.0, 108, 318), Echo(-8.0, -13.8, 0.8, 0.7, _WOOD), 0.10),
    Cover.BAMBOO: Surface(
        (0.030, 0.062, 0.034, 0.420, 0.200, 0.085), (0.040, 0.068, 0.055, 0.300, 0.200, 0.100),
        Leaf(0.70, 1.0, 150, 350), Echo(-8.6, -14.4, 0.5, 0.3, _WOOD)),
    Cover.ORCHARD: Surface(
        (0.033, 0.066, 0.042, 0.360, 0.200, 0.100), (0.070, 0.092, 0.115, 0.220, 0.270, 0.195),
        Leaf(0.20, 0.95, 112, 305), Echo(-9.4, -15.6, 1.2, 0.8)),
    Cover.PADDY: Surface(
        (0.032, 0.068, 0.040, 0.410, 0.195, 0.095), (0.078, 0.105, 0.140, 0.210, 0.280, 0.230),
        Leaf(0.10, 0.95, 172, 265), Echo(-11.1, -18.8, 3.2, 0.7)),
    Cover.UPLAND: Surface(
        (0.032, 0.068, 0.040, 0.410, 0.195, 0.095), (0.078, 0.105, 0.140, 0.210, 0.280, 0.240),
        Leaf(0.10, 0.95, 130, 265), Echo(-11.0, -18.6, 3.2, 0.7)),
    Cover.GRASS: Surface(
        (0.033, 0.072, 0.042, 0.370, 0.200, 0.100), (0.060, 0.085, 0.105, 0.230, 0.290, 0.190),
        Leaf(0.25, 0.95, 100, 315), Echo(-11.0, -17.8, 2.6, 0.7, _CALM)),
    Cover.TOWN: Surface(
        (0.060, 0.085, 0.075, 0.280, 0.200, 0.140), (0.115, 0.122, 0.130, 0.180, 0.205, 0.185),
        Leaf(0.15, 0.25), Echo(-3.6, -12.8, 1.5, 0.0, (2.6, 2.6), 3.0), 0.06),
    Cover.ROAD: _bare((0.075, 0.083, 0.090, 0.120, 0.150, 0.140), Echo(-13.0, -20.0, 1.0, flicker=_CALM), 0.03),
    Cover.QUARRY: _bare((0.140, 0.170, 0.200, 0.250, 0.300, 0.280), Echo(-9.0, -17.0, 1.5, lasting=1.5)),
    Cover.BARE: _bare((0.095, 0.120, 0.155, 0.220, 0.290, 0.250), Echo(-11.0, -19.5, 3.2)),
    Cover.WATER: _bare(
        (0.040, 0.038, 0.022, 0.012, 0.006, 0.004), Echo(-19.0, -26.0, 0.0, flicker=(1.0, 1.0), lasting=0.3), 0.03),
    Cover.VOLCANIC: _bare((0.045, 0.050, 0.060, 0.085, 0.120, 0.115), Echo(-9.5, -17.0, 1.5, flicker=_CALM)),
    Cover.CLEARED: _bare((0.055, 0.075, 0.090, 0.190, 0.250, 0.180), Echo(-9.8, -16.2)),
    Cover.SOIL: _bare((0.095, 0.135, 0.185, 0.260, 0.345, 0.300), Echo(-10.5, -18.5, 3.2)),
    Cover.WORKED: _bare((0.120, 0.155, 0.200, 0.270, 0.340, 0.300), Echo(-11.5, -19.8, 2.8)),
    Cover.HERBS: Surface(
        (0.035, 0.075, 0.046, 0.350, 0.210, 0.110), (0.075, 0.105, 0.140, 0.230, 0.310, 0.240),
        Leaf(0.25, 0.95, 100, 315), Echo(-10.8, -17.6, 2.0, 0.7)),
    Cover.STUBBLE: _bare((0.075, 0.100, 0.130, 0.220, 0.300, 0.220), Echo(-12.0, -19.4, 3.2)),
    Cover.TILLED: _bare((0.060, 0.080, 0.105, 0.160, 0.230, 0.200), Echo(-9.6, -17.6, 3.2)),
    Cover.BRANCHES: _bare((0.045, 0.060, 0.068, 0.190, 0.210, 0.125), Echo(-8.5, -14.6, 0.7, flicker=_WOOD)),
    Cover.UNDERGROWTH: Surface(
        (0.030, 0.058, 0.042, 0.300, 0.180, 0.090), (0.050, 0.066, 0.075, 0.200, 0.220, 0.140),
        Leaf(0.25, 0.95, 108, 318), Echo(-9.2, -15.4, 1.0, 0.3, _WOOD)),
    Cover.ASH: _bare((0.035, 0.042, 0.050, 0.090, 0.160, 0.170), Echo(-9.6, -16.6, 2.0)),
    Cover.WITHERED: _bare((0.060, 0.085, 0.105, 0.230, 0.290, 0.190), Echo(-11.4, -18.4, 1.0)),
    Cover.FLOODWATER: _bare((0.070, 0.090, 0.100, 0.080, 0.030, 0.020), Echo(-17.0, -24.5, 0.0)),
    Cover.MUD: _bare((0.080, 0.105, 0.135, 0.190, 0.220, 0.180), Echo(-10.2, -19.0, 1.5)),
    Cover.DEBRIS: _bare((0.100, 0.135, 0.180, 0.250, 0.330, 0.290), Echo(-9.2, -17.2, 2.0, lasting=1.5)),
    Cover.PANELS: _bare((0.050, 0.047, 0.046, 0.100, 0.140, 0.120), Echo(-8.5, -17.5, 1.0, flicker=(1.2, 1.2))),
    Cover.ROOF: _bare((0.180, 0.190, 0.200, 0.230, 0.240, 0.220), Echo(-3.5, -12.5, 0.5, flicker=(2.6, 2.6))),
    Cover.PLASTIC: _bare((0.230, 0.240, 0.250, 0.330, 0.280, 0.240), Echo(-7.5, -15.5, 1.0, flicker=(1.2, 1.2))),
    Cover.CUT_ROCK: _bare((0.190, 0.220, 0.250, 0.300, 0.340, 0.310), Echo(-8.5, -16.5, 1.5, lasting=1.5)),
    Cover.SNOW: _bare((0.720, 0.720, 0.720, 0.680, 0.110, 0.080), Echo(-13.5, -20.5, 0.0)),
}  # fmt: skip
