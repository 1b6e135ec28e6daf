"""Where the sun stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np


@dataclass(frozen=True, slots=True)
class Sun:
    """Azimuth (clockwise from north) and elevation, degrees."""

    azimuth_deg: float
    elevation_deg: float


def sun_at(at: datetime, lon: float, lat: float) -> Sun:
    """The sun over a place (degrees) at a time (UTC), to about half a degree.

    Declination and equation of time by the series of Spencer (1971), as in Iqbal (1983), ch. 1.
    """
    year = 2.0 * np.pi * (at.timetuple().tm_yday - 1) / 365.0
    declination = (
        0.006918 - 0.399912 * np.cos(year) + 0.070257 * np.sin(year)
        - 0.006758 * np.cos(2 * year) + 0.000907 * np.sin(2 * year)
    )  # fmt: skip
    minutes = 229.18 * (
        0.000075 + 0.001868 * np.cos(year) - 0.032077 * np.sin(year)
        - 0.014615 * np.cos(2 * year) - 0.040849 * np.sin(2 * year)
    )  # fmt: skip
    hours = at.hour + at.minute / 60.0 + at.second / 3600.0 + lon / 15.0 + minutes / 60.0
    angle, place = np.radians(15.0 * (hours - 12.0)), np.radians(lat)
    height = np.sin(place) * np.sin(declination) + np.cos(place) * np.cos(declination) * np.cos(angle)
    elevation = np.arcsin(np.clip(height, -1.0, 1.0))
    south = np.cos(angle) * np.sin(place) - np.tan(declination) * np.cos(place)
    azimuth = np.arctan2(np.sin(angle), south) + np.pi
    return Sun(float(np.degrees(azimuth) % 360.0), float(np.degrees(elevation)))
