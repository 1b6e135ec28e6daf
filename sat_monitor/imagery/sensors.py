"""The sensor table: bands with their unit and pixel, and which pairs of scenes may be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sat_monitor.core.domain import Scene, Sensor
from sat_monitor.core.errors import SceneReject


@dataclass(frozen=True, slots=True)
class Band:
    """One band as the archive stores it: the unit is part of the band; `pixel_m` is the instrument's own."""

    name: str
    unit: str
    pixel_m: float
    description: str


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """One sensor: its bands, the choices of which one band each must be there, and how STAC names its platforms.

    `revisit_days` is the nominal time between two passes of one satellite on one track.
    """

    sensor: Sensor
    constellation: str
    bands: tuple[Band, ...]
    required: tuple[tuple[str, ...], ...]
    has_tracks: bool
    revisit_days: float

    def band(self, name: str) -> Band:
        """The band of a name; KeyError where there is none."""
        return next(band for band in self.bands if band.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all bands, in order."""
        return tuple(band.name for band in self.bands)


#: Units of bands.
GAMMA0 = "gamma0, linear power"
REFLECTANCE = "surface reflectance, 0..1"
CLASS = "class"

SENSORS: Mapping[Sensor, SensorSpec] = {
    Sensor.S1: SensorSpec(
        Sensor.S1,
        "sentinel-1",
        (
            Band("VV", GAMMA0, 10.0, "co-polarised backscatter, terrain-flattened"),
            Band("VH", GAMMA0, 10.0, "cross-polarised backscatter, terrain-flattened"),
            Band("angle", "degree", 10.0, "local incidence angle"),
        ),
        (("VV",), ("VH",)),
        has_tracks=True,
        revisit_days=12.0,
    ),
    Sensor.S2: SensorSpec(
        Sensor.S2,
        "sentinel-2",
        (
            Band("B02", REFLECTANCE, 10.0, "blue"),
            Band("B03", REFLECTANCE, 10.0, "green"),
            Band("B04", REFLECTANCE, 10.0, "red"),
            Band("B08", REFLECTANCE, 10.0, "near infrared"),
            Band("B8A", REFLECTANCE, 20.0, "near infrared, narrow"),
            Band("B11", REFLECTANCE, 20.0, "short-wave infrared 1.6 um"),
            Band("B12", REFLECTANCE, 20.0, "short-wave infrared 2.2 um"),
            Band("SCL", CLASS, 20.0, "scene classification of Level-2A"),
            Band("CLP", "probability, 0..1", 160.0, "cloud probability of s2cloudless"),
        ),
        (("B04",), ("B08", "B8A"), ("SCL",)),
        has_tracks=False,
        revisit_days=5.0,
    ),
    Sensor.DIST_S1: SensorSpec(
        Sensor.DIST_S1,
        "opera-dist-s1",
        (Band("GEN", CLASS, 30.0, "status of disturbance in backscatter, codes 0 to 8"),),
        (("GEN",),),
        has_tracks=False,
        revisit_days=12.0,
    ),
    Sensor.DIST_HLS: SensorSpec(
        Sensor.DIST_HLS,
        "opera-dist-hls",
        (
            Band("GEN", CLASS, 30.0, "status of disturbance in the spectrum, codes 0 to 8"),
            Band("VEG", CLASS, 30.0, "status of loss of vegetation cover, codes 0 to 8"),
        ),
        (("GEN", "VEG"),),
        has_tracks=False,
        revisit_days=3.0,
    ),
}


def check_bands(sensor: Sensor, names: Collection[str], scene_id: str) -> None:
    """Raise SceneReject E1203 where bands are missing or not those of the sensor."""
    spec = SENSORS[sensor]
    unknown = sorted(set(names) - set(spec.names))
    missing = [" or ".join(choices) for choices in spec.required if not set(choices) & set(names)]
    if unknown or missing:
        what = f"{scene_id} has {sorted(names)}; missing {missing}, not of {spec.constellation} {unknown}"
        raise SceneReject("E1203", what, "nothing of this scene", scene_id)


def comparable(scene: Scene, other: Scene) -> bool:
    """Whether two scenes may be compared: same sensor, same track, same pixels in size and CRS, common ground."""
    one, two = scene.grid, other.grid
    same = scene.sensor is other.sensor and scene.track == other.track
    return same and one.epsg == two.epsg and one.pixel_m == two.pixel_m and one.overlaps(two)


def check_comparable(scene: Scene, other: Scene) -> None:
    """Raise SceneReject E1206, naming both sides, where two scenes may not be compared."""
    if not comparable(scene, other):
        raise SceneReject("E1206", f"{_side(scene)} with {_side(other)}", "both scenes", scene.id)


def _side(scene: Scene) -> str:
    track = scene.track.id if scene.track else "no track"
    return f"{scene.id} ({scene.sensor.value}, {track}, EPSG:{scene.grid.epsg}, {scene.grid.pixel_m:g} m)"
