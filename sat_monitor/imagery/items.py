"""STAC items of the archive: what a Scene and a ChangeMap look like as catalogue records, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shapely.geometry import mapping

from sat_monitor.core.clock import iso, parse_iso
from sat_monitor.core.domain import ChangeMap, Direction, Issue, Scene, Sensor, Track
from sat_monitor.core.grid import Grid
from sat_monitor.imagery.cog import MEDIA_TYPE
from sat_monitor.imagery.sensors import SENSORS

STAC_VERSION = "1.1.0"
_PROJ = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
_RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
_FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_SAT = "https://stac-extensions.github.io/sat/v1.1.0/schema.json"
_EO = "https://stac-extensions.github.io/eo/v2.0.0/schema.json"
#: Prefix of the properties that are this archive's own.
OWN = "sat_monitor:"
#: Multihash prefix of sha2-256 with 32 bytes, as the file extension writes checksums.
_SHA256 = "1220"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file as its item promises it."""

    href: str
    sha256: str | None
    size: int | None


def scene_item(scene: Scene, bands: Iterable[str], size: int) -> Json:
    """The STAC item of an archived scene; the file lies beside it."""
    spec = SENSORS[scene.sensor]
    properties: Json = {
        "datetime": iso(scene.acquired_at),
        "platform": scene.platform,
        "constellation": spec.constellation,
        f"{OWN}aoi": scene.aoi,
        f"{OWN}valid_fraction": scene.valid_fraction,
        f"{OWN}source_id": scene.source_id,
        f"{OWN}request_sha256": scene.request_sha256,
        f"{OWN}pixels_sha256": scene.pixels_sha256,
        f"{OWN}simulated": scene.simulated,
        **_projection(scene.grid),
    }
    extensions = [_PROJ, _RASTER, _FILE]
    if scene.track is not None:
        properties |= {
            "sat:relative_orbit": scene.track.relative_orbit,
            "sat:orbit_state": scene.track.direction.value,
        }
        extensions.append(_SAT)
    if scene.cloud_fraction is not None:
        properties["eo:cloud_cover"] = 100.0 * scene.cloud_fraction
        extensions.append(_EO)
    if scene.issue is not None:
        properties[f"{OWN}issue"] = issue_to_plain(scene.issue)
    if scene.processing_baseline is not None:
        properties[f"{OWN}processing_baseline"] = scene.processing_baseline
    described = [(name, spec.band(name).unit, spec.band(name).description) for name in bands]
    asset = _asset(scene.id, scene.file_sha256, size, scene.grid, described)
    return _item(scene.id, f"{scene.aoi}-scenes", scene.grid, properties, extensions, asset)


def scene_of_item(item: Mapping[str, Any]) -> Scene:
    """The Scene of an archived item; KeyError or ValueError where it is not one of this archive."""
    properties = item["properties"]
    facts = file_facts(item["assets"]["data"])
    cover = properties.get("eo:cloud_cover")
    return Scene(
        id=item["id"],
        aoi=properties[f"{OWN}aoi"],
        sensor=sensor_of(properties),
        platform=properties["platform"],
        acquired_at=parse_iso(properties["datetime"]),
        track=track_of(properties),
        grid=grid_of(properties),
        valid_fraction=properties[f"{OWN}valid_fraction"],
        cloud_fraction=None if cover is None else cover / 100.0,
        source_id=properties[f"{OWN}source_id"],
        request_sha256=properties[f"{OWN}request_sha256"],
        file_sha256=facts.sha256 or "",
        pixels_sha256=properties[f"{OWN}pixels_sha256"],
        processing_baseline=properties.get(f"{OWN}processing_baseline"),
        simulated=properties[f"{OWN}simulated"],
        issue=issue_from_plain(properties[f"{OWN}issue"]) if f"{OWN}issue" in properties else None,
    )


def issue_to_plain(issue: Issue) -> Json:
    """An issue as plain data."""
    made_at = None if issue.made_at is None else iso(issue.made_at)
    return {"baseline": list(issue.baseline), "made_at": made_at, "products": list(issue.products)}


def issue_from_plain(plain: Mapping[str, Any]) -> Issue:
    """The inverse of `issue_to_plain`."""
    made_at = None if plain["made_at"] is None else parse_iso(plain["made_at"])
    return Issue(tuple(plain["baseline"]), made_at, tuple(plain["products"]))


def change_item(change: ChangeMap, scene: Scene, file: FileFacts, pixels_sha256: str) -> Json:
    """The STAC item of an archived change map, `derived_from` the tested scene and its references."""
    properties: Json = {
        "datetime": iso(scene.acquired_at),
        f"{OWN}aoi": scene.aoi,
        f"{OWN}detector": change.detector,
        f"{OWN}score_unit": change.score_unit,
        f"{OWN}scene_id": change.scene_id,
        f"{OWN}reference_ids": list(change.reference_ids),
        f"{OWN}depth_days": change.depth_days,
        f"{OWN}registration": dict(change.registration),
        f"{OWN}profile_sha256": change.profile_sha256,
        f"{OWN}pixels_sha256": pixels_sha256,
        f"{OWN}simulated": scene.simulated,
        **_projection(change.grid),
    }
    described = [("score", change.score_unit, "larger = more changed"), ("depth_looks", "looks", "reference looks")]
    described += [(name, layer.unit, "evidence layer") for name, layer in change.layers.items()]
    identity = f"{change.scene_id}_{change.detector.replace('@', '-')}"
    asset = _asset(file.href.removesuffix(".tif"), file.sha256 or "", file.size or 0, change.grid, described)
    item = _item(identity, f"{scene.aoi}-changes", change.grid, properties, [_PROJ, _RASTER, _FILE], asset)
    item["links"] += [
        {"rel": "derived_from", "href": f"../../scenes/{i}/{i}.json", "type": "application/geo+json"}
        for i in (change.scene_id, *change.reference_ids)
    ]
    return item


def terrain_item(aoi: str, grid: Grid, file: FileFacts, at: datetime, origin: str, inputs_sha256: str) -> Json:
    """The STAC item of an AOI's height, slope and aspect, made at `at` of an elevation model."""
    own = {f"{OWN}aoi": aoi, f"{OWN}origin": origin, f"{OWN}inputs_sha256": inputs_sha256}
    described = [
        ("height", "m", "above the sea level of the elevation model"),
        ("slope", "degree", "steepest slope (Horn, 1981)"),
        ("aspect", "degree", "direction down the slope, clockwise from grid north"),
    ]
    identity = file.href.removesuffix(".tif")
    asset = _asset(identity, file.sha256 or "", file.size or 0, grid, described)
    properties = {"datetime": iso(at), **own, **_projection(grid)}
    return _item(identity, f"{aoi}-terrain", grid, properties, [_PROJ, _RASTER, _FILE], asset)


def grid_of(properties: Mapping[str, Any]) -> Grid:
    """The grid that an item's projection fields describe; ValueError where it is not north-up with square pixels."""
    epsg = int(str(properties["proj:code"]).removeprefix("EPSG:"))
    a, b, x0, d, e, y0 = properties["proj:transform"][:6]
    if b or d or a <= 0 or a != -e:
        raise ValueError(f"transform {properties['proj:transform']} is not north-up with square pixels")
    height, width = properties["proj:shape"]
    return Grid(epsg, float(x0), float(y0), float(a), int(height), int(width))


def sensor_of(properties: Mapping[str, Any]) -> Sensor:
    """The sensor by constellation or platform; ValueError naming both where it is neither."""
    names = f"{properties.get('constellation', '')} {properties.get('platform', '')}".lower()
    for sensor, spec in SENSORS.items():
        if spec.constellation in names:
            return sensor
    raise ValueError(f"constellation and platform {names!r} are not in the sensor table")


def track_of(properties: Mapping[str, Any]) -> Track | None:
    """The track of the satellite extension's fields, None where they are absent."""
    orbit, state = properties.get("sat:relative_orbit"), properties.get("sat:orbit_state")
    return None if orbit is None or state is None else Track(int(orbit), Direction(state))


def file_facts(asset: Mapping[str, Any]) -> FileFacts:
    """Href, sha256 and size that an asset promises; a checksum of another kind counts as none."""
    checksum = str(asset.get("file:checksum", ""))
    known = checksum.startswith(_SHA256) and len(checksum) == len(_SHA256) + 64
    return FileFacts(asset["href"], checksum[len(_SHA256) :] if known else None, asset.get("file:size"))


def _item(identity: str, collection: str, grid: Grid, properties: Json, extensions: list[str], asset: Json) -> Json:
    footprint = grid.footprint_lonlat
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": extensions,
        "id": identity,
        "collection": collection,
        "geometry": mapping(footprint),
        "bbox": list(footprint.bounds),
        "properties": properties,
        "links": [
            {"rel": "root", "href": "../../../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
        ],
        "assets": {"data": asset},
    }


def _asset(name: str, sha256: str, size: int, grid: Grid, bands: Iterable[tuple[str, str, str]]) -> Json:
    return {
        "href": f"./{name}.tif",
        "type": MEDIA_TYPE,
        "roles": ["data"],
        "file:checksum": f"{_SHA256}{sha256}",
        "file:size": size,
        "bands": [
            {
                "name": band,
                "unit": unit,
                "description": description,
                "data_type": "float32",
                "nodata": "nan",
                "raster:spatial_resolution": grid.pixel_m,
            }
            for band, unit, description in bands
        ],
    }


def _projection(grid: Grid) -> Json:
    return {
        "proj:code": f"EPSG:{grid.epsg}",
        "proj:shape": [grid.height, grid.width],
        "proj:transform": [grid.pixel_m, 0.0, grid.x0, 0.0, -grid.pixel_m, grid.y0],
    }
